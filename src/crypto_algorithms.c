/*-------------------------------------------------------------------------
 *
 * crypto_algorithms.c
 *	  The algorithms of JWA (RFC 7518, RFC 8037, RFC 8812): names and facts.
 *	  A leaf without state.
 *
 *-------------------------------------------------------------------------
 */
#include "crypto_algorithms.h"

#include <string.h>

const AlgorithmFacts crypto_facts[] = {
	[ALGORITHM_NONE] = {"", FAMILY_NONE, NULL, NULL, NULL, 0},
	[ALGORITHM_HS256] = {"HS256", FAMILY_HMAC, "SHA256", NULL, NULL, 32},
	[ALGORITHM_HS384] = {"HS384", FAMILY_HMAC, "SHA384", NULL, NULL, 48},
	[ALGORITHM_HS512] = {"HS512", FAMILY_HMAC, "SHA512", NULL, NULL, 64},
	[ALGORITHM_RS256] = {"RS256", FAMILY_RSA, "SHA256", NULL, NULL, 0},
	[ALGORITHM_RS384] = {"RS384", FAMILY_RSA, "SHA384", NULL, NULL, 0},
	[ALGORITHM_RS512] = {"RS512", FAMILY_RSA, "SHA512", NULL, NULL, 0},
	[ALGORITHM_PS256] = {"PS256", FAMILY_RSA_PSS, "SHA256", NULL, NULL, 0},
	[ALGORITHM_PS384] = {"PS384", FAMILY_RSA_PSS, "SHA384", NULL, NULL, 0},
	[ALGORITHM_PS512] = {"PS512", FAMILY_RSA_PSS, "SHA512", NULL, NULL, 0},
	[ALGORITHM_ES256] = {"ES256", FAMILY_EC, "SHA256", "P-256", "P-256", 32},
	[ALGORITHM_ES384] = {"ES384", FAMILY_EC, "SHA384", "P-384", "P-384", 48},
	[ALGORITHM_ES512] = {"ES512", FAMILY_EC, "SHA512", "P-521", "P-521", 66},
	[ALGORITHM_ES256K] = {"ES256K", FAMILY_EC, "SHA256", "secp256k1", "secp256k1", 32},
	[ALGORITHM_ED25519] = {"Ed25519", FAMILY_OKP, NULL, "Ed25519", "ED25519", 32},
	[ALGORITHM_ED448] = {"Ed448", FAMILY_OKP, NULL, "Ed448", "ED448", 57},
	[ALGORITHM_EDDSA] = {"EdDSA", FAMILY_OKP, NULL, NULL, NULL, 0}
};

/* The algorithm that JWA calls "name", byte for byte, or ALGORITHM_NONE. */
CryptoAlgorithm
crypto_algorithm_by_name(const char *name)
{
	for (int i = ALGORITHM_NONE + 1; i <= ALGORITHM_EDDSA; i++)
	{
		if (strcmp(crypto_facts[i].name, name) == 0)
			return (CryptoAlgorithm) i;
	}
	return ALGORITHM_NONE;
}

const char *
crypto_algorithm_name(CryptoAlgorithm algorithm)
{
	return crypto_facts[algorithm].name;
}

CryptoFamily
crypto_family(CryptoAlgorithm algorithm)
{
	return crypto_facts[algorithm].family;
}

/* JWK's name of the curve of an EC or OKP algorithm, or NULL. */
const char *
crypto_curve(CryptoAlgorithm algorithm)
{
	return crypto_facts[algorithm].curve;
}

/* Bytes of the shortest secret of an HMAC algorithm: those of its hash. */
size_t
crypto_secret_size(CryptoAlgorithm algorithm)
{
	return crypto_facts[algorithm].family == FAMILY_HMAC ? crypto_facts[algorithm].size : 0;
}

/* The one algorithm of a curve, or ALGORITHM_NONE. */
CryptoAlgorithm
crypto_algorithm_of_curve(const char *curve)
{
	for (int i = ALGORITHM_NONE + 1; i <= ALGORITHM_EDDSA; i++)
	{
		if (crypto_facts[i].curve != NULL && strcmp(crypto_facts[i].curve, curve) == 0)
			return (CryptoAlgorithm) i;
	}
	return ALGORITHM_NONE;
}
