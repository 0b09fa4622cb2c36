/*-------------------------------------------------------------------------
 *
 * crypto_algorithms.h
 *	  The algorithms of JWA (RFC 7518, RFC 8037, RFC 8812): names and facts.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_CRYPTO_ALGORITHMS_H
#define PINDAH_CRYPTO_ALGORITHMS_H

#include <stddef.h>

typedef enum CryptoAlgorithm
{
	ALGORITHM_NONE,				/* not the "none" of JWA: no algorithm at all */
	ALGORITHM_HS256,
	ALGORITHM_HS384,
	ALGORITHM_HS512,
	ALGORITHM_RS256,
	ALGORITHM_RS384,
	ALGORITHM_RS512,
	ALGORITHM_PS256,
	ALGORITHM_PS384,
	ALGORITHM_PS512,
	ALGORITHM_ES256,
	ALGORITHM_ES384,
	ALGORITHM_ES512,
	ALGORITHM_ES256K,
	ALGORITHM_ED25519,
	ALGORITHM_ED448,
	ALGORITHM_EDDSA				/* a token's name for either of the last two */
} CryptoAlgorithm;

typedef enum CryptoFamily
{
	FAMILY_NONE,
	FAMILY_HMAC,
	FAMILY_RSA,
	FAMILY_RSA_PSS,
	FAMILY_EC,
	FAMILY_OKP
} CryptoFamily;

typedef struct AlgorithmFacts
{
	const char *name;			/* RFC 7518 section 3.1, RFC 8037, RFC 8812 */
	CryptoFamily family;
	const char *digest;			/* OpenSSL's name */
	const char *curve;			/* JWK's name */
	const char *group;			/* OpenSSL's name of the curve */
	size_t		size;			/* least secret, EC field or OKP key, in bytes */
} AlgorithmFacts;

/* By CryptoAlgorithm. */
extern const AlgorithmFacts crypto_facts[];

extern CryptoAlgorithm crypto_algorithm_by_name(const char *name);
extern const char *crypto_algorithm_name(CryptoAlgorithm algorithm);
extern CryptoFamily crypto_family(CryptoAlgorithm algorithm);
extern const char *crypto_curve(CryptoAlgorithm algorithm);
extern size_t crypto_secret_size(CryptoAlgorithm algorithm);
extern CryptoAlgorithm crypto_algorithm_of_curve(const char *curve);

#endif							/* PINDAH_CRYPTO_ALGORITHMS_H */
