/*-------------------------------------------------------------------------
 *
 * fuzz_jwk.c
 *	  Any JWK: refused, or a key whose stored form is the same key.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include "base64url.h"
#include "jwk.h"

void
fuzz_begin(void)
{
}

/* Bytes that a member decodes to. */
static size_t
size_of(const JsonObject *object, const char *name)
{
	const JsonMember *member = json_member(object, name);

	MUST(member != NULL && member->kind == JSON_KIND_STRING);
	return strlen(member->text) * 3 / 4;
}

/* A modulus has a fair size and no factor that everybody finds. */
static void
check_modulus(const char *text)
{
	size_t		size = strlen(text) * 3 / 4;
	uint8_t    *bytes = palloc(size);

	MUST(size >= 2048 / 8 && size <= 16384 / 8 + 1);
	MUST(base64url_decode(text, strlen(text), bytes));
	for (uint32_t divisor = 2; divisor < 752; divisor++)
	{
		uint32_t	rest = 0;

		for (size_t i = 0; i < size; i++)
			rest = (rest * 256 + bytes[i]) % divisor;
		MUST(rest != 0);
	}
}

/* Type, curve and sizes, as the algorithm's own name has them (RFC 7518). */
static void
check_shape(const JsonObject *object, const char *algorithm)
{
	static const struct
	{
		const char *algorithm;
		const char *curve;
		size_t		size;
	}			curves[] = {
		{"ES256", "P-256", 32}, {"ES384", "P-384", 48}, {"ES512", "P-521", 66},
		{"ES256K", "secp256k1", 32}, {"Ed25519", "Ed25519", 32}, {"Ed448", "Ed448", 57}
	};
	const char *kty = json_member(object, "kty")->text;
	size_t		i = 0;

	if (strncmp(algorithm, "HS", 2) == 0)
	{
		MUST(strcmp(kty, "oct") == 0);
		MUST(size_of(object, "k") * 8 >= strtoul(algorithm + 2, NULL, 10));
		return;
	}
	if (strncmp(algorithm, "RS", 2) == 0 || strncmp(algorithm, "PS", 2) == 0)
	{
		MUST(strcmp(kty, "RSA") == 0);
		check_modulus(json_member(object, "n")->text);
		MUST(size_of(object, "e") >= 3);
		return;
	}
	while (i < lengthof(curves) && strcmp(curves[i].algorithm, algorithm) != 0)
		i++;
	MUST(i < lengthof(curves));
	MUST(strcmp(kty, algorithm[1] == 'S' ? "EC" : "OKP") == 0);
	MUST(strcmp(json_member(object, "crv")->text, curves[i].curve) == 0);
	MUST(size_of(object, "x") == curves[i].size);
	if (algorithm[1] == 'S')
		MUST(size_of(object, "y") == curves[i].size);
}

/* What is stored holds these members only: nothing private, nothing unread. */
static void
check_public_json(const char *json, const char *algorithm)
{
	static const char *const allowed[] = {
		"kty", "crv", "x", "y", "n", "e", "k", "alg", "use"
	};
	JsonObject	object;

	MUST(json_read_object(json, strlen(json), PG_UTF8, &object) == JSON_READ_OK);
	for (int i = 0; i < object.nmembers; i++)
	{
		size_t		j = 0;

		MUST(object.members[i].kind == JSON_KIND_STRING);
		while (j < lengthof(allowed) && strcmp(object.members[i].name, allowed[j]) != 0)
			j++;
		MUST(j < lengthof(allowed));
	}
	MUST((json_member(&object, "k") != NULL) ==
		 (strcmp(json_member(&object, "kty")->text, "oct") == 0));
	MUST(strcmp(json_member(&object, "alg")->text, algorithm) == 0);
	check_shape(&object, algorithm);
}

/* The stored form is read again as the same key. */
static void
check_stored(const Jwk *jwk)
{
	CryptoKey  *key = crypto_key_alloc();
	Jwk			again;

	MUST(jwk_read(jwk->public_json, strlen(jwk->public_json), PG_UTF8,
				  key, &again) == KEY_OK);
	MUST(again.algorithm == jwk->algorithm);
	MUST(strcmp(again.kty, jwk->kty) == 0);
	MUST(strcmp(again.thumbprint, jwk->thumbprint) == 0);
	MUST(strcmp(again.public_json, jwk->public_json) == 0);
	MUST(again.key_id == NULL);
	crypto_key_free(key);
}

/* No key takes nonsense for a signature, or serves another algorithm. */
static void
check_refusals(CryptoKey *key, const Jwk *jwk)
{
	static const uint8_t message[] = "eyJhbGciOiJub25lIn0.e30";
	uint8_t		signature[2049];

	/* Every length up to P-521's, then those of RSA keys. */
	memset(signature, 0xFF, sizeof(signature));
	for (size_t len = 0; len <= sizeof(signature);
		 len = len < 160 ? len + 1 : len == 160 ? 256 : len * 2)
		MUST(!crypto_verify(key, jwk->algorithm, message, sizeof(message) - 1,
							signature, len));
	for (int other = ALGORITHM_NONE; other <= ALGORITHM_EDDSA; other++)
	{
		if (other != (int) jwk->algorithm)
			MUST(!crypto_verify(key, (CryptoAlgorithm) other, message,
								sizeof(message) - 1, signature, 64));
	}
}

static void
check_key(CryptoKey *key, const Jwk *jwk)
{
	MUST(jwk->algorithm != ALGORITHM_NONE && jwk->algorithm != ALGORITHM_EDDSA);
	MUST(crypto_key_algorithm(key) == jwk->algorithm);
	MUST(strlen(jwk->thumbprint) == JWK_THUMBPRINT_SIZE - 1);
	if (jwk->key_id != NULL)
		MUST(jwk->key_id[0] != '\0' && strlen(jwk->key_id) <= 256);
	check_public_json(jwk->public_json, crypto_algorithm_name(jwk->algorithm));
	check_stored(jwk);
	check_refusals(key, jwk);
}

void
fuzz_one(const char *data, size_t len)
{
	CryptoKey  *key = crypto_key_alloc();
	Jwk			jwk;
	KeyVerdict	verdict = jwk_read(data, len, PG_UTF8, key, &jwk);

	MUST(key_verdict_sentence(verdict) != NULL);
	fuzz_forget_input();
	if (verdict == KEY_OK)
		check_key(key, &jwk);
	else
		MUST(crypto_key_algorithm(key) == ALGORITHM_NONE);
	crypto_key_free(key);
}
