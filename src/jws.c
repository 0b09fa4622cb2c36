/*-------------------------------------------------------------------------
 *
 * jws.c
 *	  The compact form of a JWS (RFC 7515 section 3.1) and its header.
 *
 * Splits by looking for dots, decodes each segment strictly, and judges the
 * header.  jwk, x5c, jku and x5u have no code path at all: keys come from the
 * keyring only.  Every function returns a verdict and raises nothing; memory
 * is palloc'd in the current context.  Also compiled outside the server.
 *
 *-------------------------------------------------------------------------
 */
#include "jws.h"

#include "base64url.h"

/*
 * Divide a token at its dots: exactly three segments.  The last may be empty,
 * as in a token that is not signed: such a one is refused for its alg.
 */
TokenVerdict
jws_split(const char *token, size_t len, JwsParts *parts)
{
	const char *end = token + len;
	const char *first = memchr(token, '.', len);
	const char *second = first == NULL ? NULL :
		memchr(first + 1, '.', (size_t) (end - first - 1));

	if (second == NULL ||
		memchr(second + 1, '.', (size_t) (end - second - 1)) != NULL)
		return TOKEN_NOT_COMPACT;

	parts->header = (JwsSegment) {token, (size_t) (first - token)};
	parts->payload = (JwsSegment) {first + 1, (size_t) (second - first - 1)};
	parts->signature = (JwsSegment) {second + 1, (size_t) (end - second - 1)};
	parts->signing_input = (JwsSegment) {token, (size_t) (second - token)};
	if (parts->header.len == 0)
		return TOKEN_NOT_COMPACT;
	if (parts->header.len > JWS_MAX_HEADER_SIZE)
		return TOKEN_HEADER_TOO_LARGE;
	return TOKEN_OK;
}

/* Decode a segment; a NUL is put behind the bytes. */
TokenVerdict
jws_decode_segment(JwsSegment segment, char **bytes, size_t *len)
{
	*len = BASE64URL_DECODED_SIZE(segment.len);
	*bytes = palloc(*len + 1);
	(*bytes)[*len] = '\0';
	if (!base64url_decode(segment.text, segment.len, (uint8_t *) *bytes))
		return TOKEN_BAD_BASE64URL;
	return TOKEN_OK;
}

/* Read decoded bytes, which are in that encoding, as a JSON object. */
TokenVerdict
jws_read_json(const char *bytes, size_t len, int encoding, JsonObject *object)
{
	switch (json_read_object(bytes, len, encoding, object))
	{
		case JSON_READ_OK:
			return TOKEN_OK;
		case JSON_READ_BAD_UTF8:
			return TOKEN_BAD_UTF8;
		case JSON_READ_NOT_OBJECT:
			return TOKEN_NOT_OBJECT;
		case JSON_READ_DUPLICATE:
			return TOKEN_DUPLICATE_MEMBER;
		case JSON_READ_TOO_DEEP:
			return TOKEN_TOO_DEEP;
		case JSON_READ_NUMBER_RANGE:
			return TOKEN_NUMBER_RANGE;
		case JSON_READ_SYNTAX:
			break;
	}
	return TOKEN_BAD_JSON;
}

/* Is a member there, a string, and (ASCII case aside) one of two words? */
static bool
is_word(const JsonMember *member, const char *one, const char *other)
{
	return member->kind == JSON_KIND_STRING &&
		(pg_strcasecmp(member->text, one) == 0 ||
		 pg_strcasecmp(member->text, other) == 0);
}

/* typ and cty of an access token (RFC 9068 section 2.1, RFC 7519 section 5). */
static TokenVerdict
check_type(const JsonObject *object)
{
	const JsonMember *typ = json_member(object, "typ");
	const JsonMember *cty = json_member(object, "cty");

	if (typ != NULL && !is_word(typ, "JWT", "at+jwt") &&
		!is_word(typ, "application/at+jwt", "application/at+jwt"))
		return TOKEN_WRONG_TYPE;
	if (cty != NULL && (cty->kind != JSON_KIND_STRING ||
						is_word(cty, "JWT", "application/jwt")))
		return TOKEN_WRONG_TYPE;
	return TOKEN_OK;
}

/* alg, as a name that is known here. */
static TokenVerdict
check_algorithm(const JsonObject *object, CryptoAlgorithm *algorithm)
{
	const JsonMember *alg = json_member(object, "alg");

	if (alg == NULL || alg->kind != JSON_KIND_STRING)
		return TOKEN_BAD_ALGORITHM_NAME;
	*algorithm = crypto_algorithm_by_name(alg->text);
	if (*algorithm != ALGORITHM_NONE)
		return TOKEN_OK;
	if (strncmp(alg->text, "http://", 7) == 0)
		return TOKEN_ALGORITHM_URI;
	return TOKEN_UNSUPPORTED_ALGORITHM;
}

/* Judge a header by itself: RFC 7515 section 4, RFC 8725 section 3. */
TokenVerdict
jws_check_header(const JsonObject *object, JwsUse use, JwsHeader *header)
{
	const JsonMember *kid = json_member(object, "kid");
	TokenVerdict verdict;

	header->key_id = NULL;
	verdict = check_algorithm(object, &header->algorithm);
	if (verdict != TOKEN_OK)
		return verdict;
	if (json_member(object, "crit") != NULL ||
		json_member(object, "b64") != NULL ||
		json_member(object, "zip") != NULL)
		return TOKEN_CRITICAL_HEADER;
	if (use == JWS_ACCESS_TOKEN)
	{
		verdict = check_type(object);
		if (verdict != TOKEN_OK)
			return verdict;
	}
	if (kid != NULL)
	{
		if (kid->kind != JSON_KIND_STRING || kid->text[0] == '\0' ||
			strlen(kid->text) > JWS_MAX_KEY_ID_SIZE)
			return TOKEN_BAD_KEY_ID;
		header->key_id = kid->text;
	}
	return TOKEN_OK;
}

/* May a token that names "token" be verified by a key of algorithm "key"? */
bool
jws_algorithm_fits(CryptoAlgorithm token, CryptoAlgorithm key)
{
	if (token == ALGORITHM_EDDSA)
		return key == ALGORITHM_ED25519 || key == ALGORITHM_ED448;
	return token == key && key != ALGORITHM_NONE;
}

/* Does the signature verify under the key, and is the key one for "algorithm"? */
bool
jws_verify(const JwsParts *parts, CryptoAlgorithm algorithm, CryptoKey *key,
		   const char *signature, size_t signature_len)
{
	if (!jws_algorithm_fits(algorithm, crypto_key_algorithm(key)))
		return false;
	return crypto_verify(key, crypto_key_algorithm(key),
						 (const uint8_t *) parts->signing_input.text,
						 parts->signing_input.len,
						 (const uint8_t *) signature, signature_len);
}
