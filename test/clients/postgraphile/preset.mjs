// PostGraphile 5 with identities by pindah_auth: the part that is yours.
import { defaultMaskError } from "postgraphile/grafserv";
import { GraphQLError } from "postgraphile/graphql";
import { makePgService } from "postgraphile/adaptors/pg";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";

// The token of a request; what is not "Bearer" and a token is a bad token.
const tokenOf = (request) => (request?.headers.authorization ?? "").replace(/^Bearer +/i, "");

// Refusals of the database that clients may read, by SQLSTATE.
const codes = { 28000: "UNAUTHENTICATED", 42501: "FORBIDDEN" };

export default {
	extends: [PostGraphileAmberPreset],
	pgServices: [
		makePgService({
			connectionString: process.env.DATABASE_URL,
			poolConfig: { max: 4 },
			schemas: ["erp"],
			pgSettingsForIntrospection: { role: "graphql" },
		}),
	],
	grafast: {
		// Set for the transaction of the request, as bind parameters.
		context: (context) => ({
			pgSettings: { role: "graphql", "pindah.token": tokenOf(context.node?.req) },
		}),
	},
	grafserv: {
		graphqlPath: "/graphql",
		graphiql: false,
		maskError(error) {
			const cause = error.originalError;
			const code = codes[cause?.code];
			if (!code) return defaultMaskError(error);
			return new GraphQLError(cause.message, {
				nodes: error.nodes,
				source: error.source,
				positions: error.positions,
				path: error.path,
				extensions: { code, reason: /^reason: (\w+)$/.exec(cause.detail ?? "")?.[1], hint: cause.hint },
			});
		},
	},
};
