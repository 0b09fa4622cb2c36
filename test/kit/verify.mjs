// Verifies tokens with npm's jose.  Each line of input is a JSON object, which
// is answered by a line: {"jwks": {…}} is the key set from then on, which
// prints "ok"; {"token": "…", "issuer": "…"} prints "ok" or what is wrong.
import { createInterface } from 'node:readline'
import * as jose from 'jose'

let keys

async function answer (line) {
	const it = JSON.parse(line)
	if (it.jwks) {
		keys = it.jwks
		return 'ok'
	}
	// A secret is imported by itself: jose takes no key set with one.
	const secret = keys.keys.find(key => key.kty === 'oct' && key.kid === jose.decodeProtectedHeader(it.token).kid)
	const key = secret ? await jose.importJWK(secret) : jose.createLocalJWKSet(keys)
	await jose.jwtVerify(it.token, key, { issuer: it.issuer })
	return 'ok'
}

for await (const line of createInterface({ input: process.stdin })) {
	console.log(await answer(line).catch(error => error.code + ' ' + error.message))
}
