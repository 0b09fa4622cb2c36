#!/usr/bin/env node
// Mint tokens with npm's jose, a library that is not ours.  README.md has the
// protocol, which mint.py and mint_jose.pl share.
import { readFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import * as jose from 'jose'

const curves = { Ed25519: 'Ed25519', Ed448: 'Ed448', EdDSA: 'Ed25519' }
const { version } = JSON.parse(readFileSync(new URL('node_modules/jose/package.json', import.meta.url)))
const keys = {}

// Make a key for an algorithm: what to sign with, and both halves as JWKs.
async function makeKey (alg, crv, kid) {
	const common = { alg, kid, use: 'sig' }
	if (alg.startsWith('HS')) {
		const k = randomBytes(Number(alg.slice(2)) / 8)
		const jwk = { kty: 'oct', k: jose.base64url.encode(k), ...common }
		return { sign: k, public: jwk, private: jwk }
	}
	const pair = await jose.generateKeyPair(alg, { crv: crv ?? curves[alg], modulusLength: 2048, extractable: true })
	return {
		sign: pair.privateKey,
		public: { ...await jose.exportJWK(pair.publicKey), ...common },
		private: { ...await jose.exportJWK(pair.privateKey), ...common }
	}
}

// Take the key of a job: by its name, made at first use, or given as a JWK.
async function keyOf (job) {
	if (typeof job.key === 'object') {
		const kid = job.key.kid
		return keys[kid] ??= {
			sign: await jose.importJWK({ ...job.key, alg: job.alg }),
			public: job.key.kty === 'oct' ? job.key : publicHalf(job.key),
			private: job.key
		}
	}
	return keys[job.key] ??= await makeKey(job.alg, job.crv, job.key)
}

function publicHalf ({ d, p, q, dp, dq, qi, ...rest }) {
	return rest
}

// Sign one job; null in its header takes a member away.
async function mint (job) {
	const key = await keyOf(job)
	if (!('claims' in job) && !('payload' in job)) return null
	const kid = typeof job.key === 'object' ? job.key.kid : job.key
	const header = Object.entries({ alg: job.alg, typ: 'JWT', kid, ...job.header })
		.filter(([, value]) => value !== null && value !== undefined)
	const payload = job.payload ?? JSON.stringify(job.claims)
	return new jose.CompactSign(new TextEncoder().encode(payload))
		.setProtectedHeader(Object.fromEntries(header))
		.sign(key.sign)
}

const jobs = JSON.parse(readFileSync(0, 'utf8'))
const tokens = []
const skipped = []

for (const [job, it] of jobs.entries()) {
	try {
		tokens.push(await mint(it))
	} catch (error) {
		tokens.push(null)
		skipped.push({ job, alg: it.alg, why: error.message })
	}
}

for (const key of Object.values(keys)) delete key.sign
console.log(JSON.stringify({ library: `jose ${version} on node ${process.version}`, tokens, keys, skipped }))
