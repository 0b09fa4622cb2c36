/*-------------------------------------------------------------------------
 *
 * jwk.c
 *	  JSON Web Keys (RFC 7517) and every reason to refuse one at load.
 *
 * A JWK becomes a CryptoKey with exactly one algorithm.  Private members are
 * neither read nor handed on.  Returns a verdict and raises nothing; memory
 * is palloc'd in the current context.  Also compiled outside the server.
 *
 *-------------------------------------------------------------------------
 */
#include "jwk.h"

#include "base64url.h"
#include "jws.h"

/* The modulus of the largest RSA key. */
#define MAX_NUMBER_SIZE		2048

/* A decoded base64url member. */
typedef struct Bytes
{
	uint8_t    *data;
	size_t		len;
} Bytes;

/* The text of a string member, or NULL when it is absent or something else. */
static const char *
string_member(const JsonObject *object, const char *name)
{
	const JsonMember *member = json_member(object, name);

	return member != NULL && member->kind == JSON_KIND_STRING ? member->text : NULL;
}

/* Decode a base64url member; false when absent, empty or not canonical. */
static bool
bytes_member(const JsonObject *object, const char *name, Bytes *bytes)
{
	const char *text = string_member(object, name);
	size_t		len;

	if (text == NULL || text[0] == '\0')
		return false;
	len = strlen(text);
	bytes->len = BASE64URL_DECODED_SIZE(len);
	bytes->data = palloc(bytes->len + 1);
	return base64url_decode(text, len, bytes->data);
}

/* use and key_ops, if there, allow verification (RFC 7517 4.2 and 4.3). */
static bool
is_for_signatures(const JsonObject *object)
{
	const JsonMember *use = json_member(object, "use");
	const JsonMember *ops = json_member(object, "key_ops");

	if (use != NULL &&
		(use->kind != JSON_KIND_STRING || strcmp(use->text, "sig") != 0))
		return false;
	if (ops == NULL)
		return true;
	if (ops->kind != JSON_KIND_ARRAY || !ops->only_strings)
		return false;
	for (int i = 0; i < ops->nitems; i++)
	{
		if (strcmp(ops->items[i], "verify") == 0)
			return true;
	}
	return false;
}

/* Is it a JWK set (RFC 7517 section 5), given where one key is wanted? */
static bool
is_set(const JsonObject *object)
{
	const JsonMember *keys = json_member(object, "keys");

	return keys != NULL && keys->kind == JSON_KIND_ARRAY;
}

/* What the key type (and curve) makes of a key whose JWK has no alg. */
static CryptoAlgorithm
default_algorithm(const JsonObject *object, const char *kty)
{
	const char *crv = string_member(object, "crv");
	CryptoAlgorithm of_curve;

	if (strcmp(kty, "RSA") == 0)
		return ALGORITHM_RS256;
	if (strcmp(kty, "oct") == 0)
		return ALGORITHM_HS256;
	if (crv == NULL || (strcmp(kty, "EC") != 0 && strcmp(kty, "OKP") != 0))
		return ALGORITHM_NONE;
	of_curve = crypto_algorithm_of_curve(crv);
	if (of_curve == ALGORITHM_NONE ||
		(crypto_family(of_curve) == FAMILY_EC) != (strcmp(kty, "EC") == 0))
		return ALGORITHM_NONE;
	return of_curve;
}

/* Bind the key to its one algorithm. */
static KeyVerdict
choose_algorithm(const JsonObject *object, const char *kty,
				 CryptoAlgorithm *algorithm)
{
	const JsonMember *alg = json_member(object, "alg");
	CryptoAlgorithm natural = default_algorithm(object, kty);
	CryptoAlgorithm named;

	*algorithm = natural;
	if (natural == ALGORITHM_NONE)
		return KEY_UNKNOWN_TYPE;
	if (alg == NULL)
		return KEY_OK;
	named = alg->kind != JSON_KIND_STRING ? ALGORITHM_NONE :
		crypto_algorithm_by_name(alg->text);
	if (named == ALGORITHM_NONE)
		return KEY_UNKNOWN_ALGORITHM;

	/* An EC or OKP key has the algorithm of its curve, the others any of
	 * their family. */
	switch (crypto_family(natural))
	{
		case FAMILY_EC:
		case FAMILY_OKP:
			if (!jws_algorithm_fits(named, natural))
				return KEY_ALGORITHM_MISMATCH;
			return KEY_OK;
		case FAMILY_RSA:
			if (crypto_family(named) != FAMILY_RSA &&
				crypto_family(named) != FAMILY_RSA_PSS)
				return KEY_ALGORITHM_MISMATCH;
			break;
		default:
			if (crypto_family(named) != crypto_family(natural))
				return KEY_ALGORITHM_MISMATCH;
			break;
	}
	*algorithm = named;
	return KEY_OK;
}

/* Hand the key's numbers to OpenSSL; of a secret, say how good it is. */
static KeyVerdict
fill_key(const JsonObject *object, CryptoAlgorithm algorithm, CryptoKey *key,
		 SecretStrength *strength)
{
	Bytes		a;
	Bytes		b;
	KeyVerdict	verdict = KEY_MISSING_MEMBER;

	switch (crypto_family(algorithm))
	{
		case FAMILY_HMAC:
			if (bytes_member(object, "k", &a))
			{
				verdict = crypto_key_set_secret(key, algorithm, a.data, a.len);
				*strength = weak_secret_judge(a.data, a.len);
				crypto_wipe(a.data, a.len);
			}
			else
				verdict = KEY_BAD_SECRET;
			break;
		case FAMILY_RSA:
		case FAMILY_RSA_PSS:
			if (bytes_member(object, "n", &a) && bytes_member(object, "e", &b))
				verdict = crypto_key_set_rsa(key, algorithm, a.data, a.len,
											 b.data, b.len);
			break;
		case FAMILY_EC:
			if (bytes_member(object, "x", &a) && bytes_member(object, "y", &b))
				verdict = crypto_key_set_ec(key, algorithm, a.data, a.len,
											b.data, b.len);
			break;
		case FAMILY_OKP:
			if (bytes_member(object, "x", &a))
				verdict = crypto_key_set_okp(key, algorithm, a.data, a.len);
			break;
		case FAMILY_NONE:
			break;
	}
	return verdict;
}

/*
 * The members that make up the key, in the order of RFC 7638 section 3.2.
 * All values are base64url or curve names by now: nothing needs escaping.
 */
static void
append_required_members(StringInfo json, const JsonObject *object, const char *kty)
{
	if (strcmp(kty, "RSA") == 0)
		appendStringInfo(json, "\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"",
						 string_member(object, "e"), string_member(object, "n"));
	else if (strcmp(kty, "EC") == 0)
		appendStringInfo(json, "\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"",
						 string_member(object, "crv"), string_member(object, "x"),
						 string_member(object, "y"));
	else if (strcmp(kty, "OKP") == 0)
		appendStringInfo(json, "\"crv\":\"%s\",\"kty\":\"OKP\",\"x\":\"%s\"",
						 string_member(object, "crv"), string_member(object, "x"));
	else
		appendStringInfo(json, "\"k\":\"%s\",\"kty\":\"oct\"",
						 string_member(object, "k"));
}

/* Fill in thumbprint and storable JSON. */
static KeyVerdict
describe(const JsonObject *object, Jwk *jwk)
{
	StringInfoData json;
	uint8_t		digest[SHA256_SIZE];

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	append_required_members(&json, object, jwk->kty);
	appendStringInfoChar(&json, '}');
	if (!crypto_sha256((uint8_t *) json.data, (size_t) json.len, digest))
		return KEY_UNUSABLE;
	base64url_encode(digest, sizeof(digest), jwk->thumbprint);
	jwk->thumbprint[JWK_THUMBPRINT_SIZE - 1] = '\0';

	json.data[--json.len] = '\0';
	appendStringInfo(&json, ",\"alg\":\"%s\",\"use\":\"sig\"}",
					 crypto_algorithm_name(jwk->algorithm));
	jwk->public_json = json.data;
	return KEY_OK;
}

/*
 * Read a JWK into "key", an empty CryptoKey, and describe it in "jwk".
 *
 * On anything but KEY_OK neither is of use, but for the key id, if there is one.
 */
KeyVerdict
jwk_read(const char *json, size_t len, int encoding, CryptoKey *key, Jwk *jwk)
{
	JsonObject	object;
	const JsonMember *kid;
	KeyVerdict	verdict;

	memset(jwk, 0, sizeof(*jwk));
	if (json_read_object(json, len, encoding, &object) != JSON_READ_OK)
		return KEY_BAD_JSON;

	kid = json_member(&object, "kid");
	if (kid != NULL && kid->kind == JSON_KIND_STRING && kid->text[0] != '\0' &&
		strlen(kid->text) <= JWS_MAX_KEY_ID_SIZE)
		jwk->key_id = kid->text;

	jwk->kty = string_member(&object, "kty");
	if (jwk->kty == NULL)
		return is_set(&object) ? KEY_IS_SET : KEY_UNKNOWN_TYPE;
	if (!is_for_signatures(&object))
		return KEY_NOT_FOR_SIGNATURES;
	verdict = choose_algorithm(&object, jwk->kty, &jwk->algorithm);
	if (verdict != KEY_OK)
		return verdict;
	if (kid != NULL && jwk->key_id == NULL)
		return KEY_BAD_KEY_ID;

	verdict = fill_key(&object, jwk->algorithm, key, &jwk->strength);
	if (verdict != KEY_OK)
		return verdict;
	return describe(&object, jwk);
}

/* Append a member with a public number of a key. */
static bool
append_number(StringInfo json, const CryptoKey *key, char member)
{
	uint8_t		bytes[MAX_NUMBER_SIZE];
	char		text[BASE64URL_ENCODED_SIZE(MAX_NUMBER_SIZE) + 1];
	size_t		len = crypto_key_public_number(key, member, bytes, sizeof(bytes));

	base64url_encode(bytes, len, text);
	text[BASE64URL_ENCODED_SIZE(len)] = '\0';
	appendStringInfo(json, ",\"%c\":\"%s\"", member, text);
	return len > 0;
}

/*
 * Write a public key as a JWK whose alg is "alg", a name that needs no escapes;
 * false when OpenSSL cannot tell it.
 */
bool
jwk_write_public(StringInfo json, const CryptoKey *key, const char *alg)
{
	CryptoAlgorithm algorithm = crypto_key_algorithm(key);
	bool		good;

	switch (crypto_family(algorithm))
	{
		case FAMILY_RSA:
		case FAMILY_RSA_PSS:
			appendStringInfoString(json, "{\"kty\":\"RSA\"");
			good = append_number(json, key, 'n') && append_number(json, key, 'e');
			break;
		case FAMILY_EC:
			appendStringInfo(json, "{\"kty\":\"EC\",\"crv\":\"%s\"", crypto_curve(algorithm));
			good = append_number(json, key, 'x') && append_number(json, key, 'y');
			break;
		case FAMILY_OKP:
			appendStringInfo(json, "{\"kty\":\"OKP\",\"crv\":\"%s\"", crypto_curve(algorithm));
			good = append_number(json, key, 'x');
			break;
		default:
			return false;
	}
	appendStringInfo(json, ",\"alg\":\"%s\",\"use\":\"sig\"}", alg);
	return good;
}

/* Is the key merely not for us?  A key set may hold such, and they are skipped. */
bool
jwk_is_skipped(KeyVerdict verdict)
{
	return verdict == KEY_UNKNOWN_TYPE || verdict == KEY_UNKNOWN_ALGORITHM ||
		verdict == KEY_NOT_FOR_SIGNATURES;
}

/*
 * Read a JWK that shall be trusted: as jwk_read(), but a secret that everybody
 * knows is refused.  (A pure check of a signature takes it: the examples of
 * the standards must verify.)
 */
KeyVerdict
jwk_read_trusted(const char *json, size_t len, int encoding, CryptoKey *key,
				 Jwk *jwk)
{
	KeyVerdict	verdict = jwk_read(json, len, encoding, key, jwk);

	if (verdict == KEY_OK && jwk->strength == SECRET_IS_KNOWN)
		return KEY_SECRET_KNOWN;
	return verdict;
}
