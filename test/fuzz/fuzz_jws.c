/*-------------------------------------------------------------------------
 *
 * fuzz_jws.c
 *	  The whole road of a token, up to where the server's tables begin.
 *
 * Each segment is looked at even when one before it was refused.  Nothing
 * but the fixed tokens may ever verify with the fixed keys.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include "base64url.h"
#include "claims.h"
#include "fixed_tokens.h"
#include "jwk.h"
#include "jws.h"

#define USEC	INT64CONST(1000000)
#define NOW		INT64CONST(1700000000)	/* what the seeds take for today */

/* A decoded segment. */
typedef struct Decoded
{
	TokenVerdict verdict;
	char	   *bytes;
	size_t		len;
} Decoded;

static CryptoKey *keys[lengthof(fixed_tokens)];
static ClaimNames other_names;

static Decoded
decode(JwsSegment segment)
{
	Decoded		decoded;
	char	   *again = palloc(segment.len);

	decoded.verdict = jws_decode_segment(segment, &decoded.bytes, &decoded.len);
	if (decoded.verdict == TOKEN_OK)
	{
		MUST(BASE64URL_ENCODED_SIZE(decoded.len) == segment.len);
		MUST(decoded.bytes[decoded.len] == '\0');
		base64url_encode((const uint8_t *) decoded.bytes, decoded.len, again);
		MUST(memcmp(again, segment.text, segment.len) == 0);
	}
	return decoded;
}

/* The parts, put together, are the token. */
static void
check_parts(const char *token, size_t len, const JwsParts *parts)
{
	MUST(parts->header.text == token);
	MUST(parts->header.len + parts->payload.len + parts->signature.len + 2 == len);
	MUST(parts->signing_input.text == token);
	MUST(parts->signing_input.len == parts->header.len + 1 + parts->payload.len);
	MUST(token[parts->header.len] == '.' && token[parts->signing_input.len] == '.');
	MUST(parts->payload.text == token + parts->header.len + 1);
	MUST(parts->signature.text == token + parts->signing_input.len + 1);
	MUST(memchr(parts->signature.text, '.', parts->signature.len) == NULL);
}

static void
read_header(const Decoded *decoded)
{
	JsonObject	object;
	JwsHeader	header;
	JwsHeader	of_jwt;

	if (decoded->verdict != TOKEN_OK ||
		jws_read_json(decoded->bytes, decoded->len, PG_UTF8, &object) != TOKEN_OK ||
		jws_check_header(&object, JWS_ANY_PAYLOAD, &header) != TOKEN_OK)
		return;
	MUST(header.algorithm != ALGORITHM_NONE);
	MUST(strcmp(json_member(&object, "alg")->text,
				crypto_algorithm_name(header.algorithm)) == 0);
	MUST(json_member(&object, "crit") == NULL && json_member(&object, "b64") == NULL);
	MUST((header.key_id == NULL) == (json_member(&object, "kid") == NULL));
	if (jws_check_header(&object, JWS_ACCESS_TOKEN, &of_jwt) == TOKEN_OK)
		MUST(of_jwt.algorithm == header.algorithm);
}

/* The claims, as one issuer and as another one names them. */
static void
read_payload(const Decoded *decoded)
{
	const ClaimNames *names[] = {claims_default_names(), &other_names};
	JsonObject	object;
	Claims		claims;

	if (decoded->verdict != TOKEN_OK ||
		jws_read_json(decoded->bytes, decoded->len, PG_UTF8, &object) != TOKEN_OK)
		return;
	for (size_t i = 0; i < lengthof(names); i++)
	{
		if (claims_read_issuer(&object, &claims) == TOKEN_OK &&
			claims_read(&object, names[i], &claims) == TOKEN_OK &&
			claims_check_required(&claims) == TOKEN_OK &&
			claims_check_times(&claims, NOW * USEC, 30 * USEC) == TOKEN_OK)
			MUST(claims.user_id[0] != '\0' && claims.expires.usec > (NOW - 30) * USEC);
	}
}

/* Is it the fixed token, or, as ECDSA allows, that one with another signature? */
static bool
is_fixed_token(const char *token, size_t len, const JwsParts *parts,
			   CryptoAlgorithm algorithm, const char *fixed)
{
	size_t		signed_len = parts->signing_input.len;

	if (crypto_family(algorithm) == FAMILY_EC)
		return strlen(fixed) > signed_len && fixed[signed_len] == '.' &&
			strchr(fixed + signed_len + 1, '.') == NULL &&
			memcmp(fixed, token, signed_len) == 0;
	return strlen(fixed) == len && memcmp(fixed, token, len) == 0;
}

/*
 * Offer the token to every key, whatever algorithm it names: that must not be
 * what keeps a forgery out.  One that verifies does so for its name alone.
 */
static void
verify(const char *token, size_t len, const JwsParts *parts, const Decoded *signature)
{
	for (size_t i = 0; i < lengthof(fixed_tokens); i++)
	{
		CryptoAlgorithm of_key = crypto_key_algorithm(keys[i]);

		if (!jws_verify(parts, of_key, keys[i], signature->bytes, signature->len))
			continue;
		MUST(is_fixed_token(token, len, parts, of_key, fixed_tokens[i].token));
		for (int other = ALGORITHM_NONE; other <= ALGORITHM_EDDSA; other++)
			MUST(jws_verify(parts, (CryptoAlgorithm) other, keys[i],
							signature->bytes, signature->len) ==
				 (other == (int) of_key ||
				  (other == ALGORITHM_EDDSA && crypto_family(of_key) == FAMILY_OKP)));
	}
}

void
fuzz_one(const char *data, size_t len)
{
	JwsParts	parts;
	Decoded		decoded;
	TokenVerdict verdict = jws_split(data, len, &parts);

	MUST(token_verdict_reason(verdict) != NULL);
	if (verdict == TOKEN_HEADER_TOO_LARGE)
		MUST(parts.header.len > JWS_MAX_HEADER_SIZE);
	if (verdict != TOKEN_OK)
		return;
	check_parts(data, len, &parts);

	decoded = decode(parts.header);
	read_header(&decoded);
	decoded = decode(parts.payload);
	read_payload(&decoded);
	decoded = decode(parts.signature);
	if (decoded.verdict == TOKEN_OK)
		verify(data, len, &parts, &decoded);
}

/*
 * Mutate what is in a segment rather than its base64url, three times of four:
 * bytes changed at random would only ever be refused by the decoder.
 */
size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
						unsigned int seed)
{
	char	   *token = (char *) data;
	JwsParts	parts;
	JwsSegment	segment;
	uint8_t    *bytes;
	size_t		len;
	size_t		behind;
	size_t		result = 0;

	if (size == 0 || seed % 4 == 0 || jws_split(token, size, &parts) != TOKEN_OK)
		return LLVMFuzzerMutate(data, size, max_size);
	segment = seed / 4 % 4 == 0 ? parts.header :
		seed / 4 % 4 == 1 ? parts.signature : parts.payload;
	behind = (size_t) (token + size - (segment.text + segment.len));

	bytes = malloc(max_size);
	if (bytes != NULL && base64url_decode(segment.text, segment.len, bytes))
	{
		len = LLVMFuzzerMutate(bytes, BASE64URL_DECODED_SIZE(segment.len),
							   BASE64URL_DECODED_SIZE(max_size - (size - segment.len)));
		memmove(token + (segment.text - token) + BASE64URL_ENCODED_SIZE(len),
				segment.text + segment.len, behind);
		base64url_encode(bytes, len, token + (segment.text - token));
		result = size - segment.len + BASE64URL_ENCODED_SIZE(len);
	}
	free(bytes);
	return result > 0 ? result : LLVMFuzzerMutate(data, size, max_size);
}

/* Load the keys, and see that each one verifies its own token. */
void
fuzz_begin(void)
{
	static const char map[] =
	"{\"user_id\":[\"oid\",\"sub\"],\"roles\":\"groups\",\"permissions\":[\"scp\"],"
	"\"organisation_id\":[\"tid\",\"org\"],\"name\":\"preferred_username\"}";

	for (size_t i = 0; i < lengthof(fixed_tokens); i++)
	{
		const char *jwk_text = fixed_tokens[i].jwk;
		const char *token = fixed_tokens[i].token;
		JwsParts	parts;
		Decoded		signature;
		Jwk			jwk;

		keys[i] = crypto_key_alloc();
		MUST(jwk_read(jwk_text, strlen(jwk_text), PG_UTF8, keys[i], &jwk) == KEY_OK);
		MUST(jws_split(token, strlen(token), &parts) == TOKEN_OK);
		signature = decode(parts.signature);
		MUST(jws_verify(&parts, jwk.algorithm, keys[i],
						signature.bytes, signature.len));
	}
	MUST(claims_read_map(map, sizeof(map) - 1, PG_UTF8, &other_names));
}
