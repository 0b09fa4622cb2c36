// A real OpenID provider on a free port of the loopback; prints "port N" and
// ends with its standard input.  Access tokens are JWTs for the audience "erp".
//
//	node server.mjs FILE     writes its JWKS to FILE
//
// Two addresses stand for what people do and what an administrator asks for:
//
//	/approve?user_code=C&login=L   L types the code C into /device and agrees
//	/mint?login=L&audience=A       a token as the device flow would give it
import { createServer } from "node:http";
import { writeFileSync } from "node:fs";
import { generateKeyPairSync } from "node:crypto";
import Provider from "oidc-provider";

const scope = "erp:connect";
const people = {
	tariro: {
		email: "tariro@example.com", email_verified: true,
		OrganisationId: "7c9e6679-7425-40de-944b-e07fc1f90ae7",
		Permission: ["accounting:invoices:view"],
	},
	rudo: {
		email: "rudo@example.com", email_verified: true,
		OrganisationId: "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed",
		Permission: ["stock:*:view"],
	},
};

const key = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });
const signing = { ...key, kid: "provider-1", alg: "ES256", use: "sig" };
const { d, ...published } = signing;
writeFileSync(process.argv[2], JSON.stringify({ keys: [published] }));

const server = createServer();
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const { port } = server.address();
const issuer = `http://127.0.0.1:${port}`;

const resourceServer = (audience) => ({
	scope, audience, accessTokenTTL: 600, accessTokenFormat: "jwt",
	jwt: { sign: { alg: "ES256" } },
});
const provider = new Provider(issuer, {
	clients: [{
		client_id: "erp-psql", token_endpoint_auth_method: "none", application_type: "native",
		grant_types: ["urn:ietf:params:oauth:grant-type:device_code"],
		response_types: [], redirect_uris: [], id_token_signed_response_alg: "ES256",
	}],
	jwks: { keys: [signing] },
	scopes: [scope],
	cookies: { keys: ["only for tests"] },
	features: {
		deviceFlow: { enabled: true },
		resourceIndicators: {
			enabled: true,
			defaultResource: () => "urn:erp",
			useGrantedResource: () => true,
			getResourceServerInfo: () => resourceServer("erp"),
		},
	},
	findAccount: (ctx, id) => people[id] && { accountId: id, claims: () => ({ sub: id }) },
	extraTokenClaims: (ctx, token) => people[token.accountId],
});

// What agreeing in the browser leaves behind.
async function grantTo(login) {
	const grant = new provider.Grant({ accountId: login, clientId: "erp-psql" });
	grant.addResourceScope("urn:erp", scope);
	return grant.save();
}

async function approve(userCode, login) {
	const code = await provider.DeviceCode.findByUserCode(userCode.replace(/-/g, ""));
	Object.assign(code, { accountId: login, grantId: await grantTo(login), scope, resource: "urn:erp" });
	await code.save();
	return "approved";
}

async function token(login, audience) {
	const client = await provider.Client.find("erp-psql");
	const access = new provider.AccessToken({
		accountId: login, client, grantId: await grantTo(login), scope, gty: "device_code",
		extra: people[login],
	});
	access.resourceServer = new provider.ResourceServer("urn:erp", resourceServer(audience));
	return access.save();
}

const handle = provider.callback();
server.on("request", async (request, response) => {
	const { pathname, searchParams: query } = new URL(request.url, issuer);
	try {
		if (pathname === "/approve") response.end(await approve(query.get("user_code"), query.get("login")));
		else if (pathname === "/mint") response.end(await token(query.get("login"), query.get("audience") ?? "erp"));
		else handle(request, response);
	} catch (error) {
		response.writeHead(500).end(String(error.stack));
	}
});
console.log(`port ${port}`);
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
