/*-------------------------------------------------------------------------
 *
 * jwk.h
 *	  JSON Web Keys (RFC 7517) and every reason to refuse one at load.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_JWK_H
#define PINDAH_JWK_H

#include "compat.h"

#include "crypto.h"
#include "json_reader.h"
#include "lib/stringinfo.h"
#include "weak_secret.h"

/* An RFC 7638 thumbprint: SHA-256 in base64url, with a final NUL. */
#define JWK_THUMBPRINT_SIZE	44

typedef struct Jwk
{
	CryptoAlgorithm algorithm;	/* the one algorithm of the key */
	const char *kty;
	const char *key_id;			/* NULL: the JWK has none */
	char		thumbprint[JWK_THUMBPRINT_SIZE];
	SecretStrength strength;	/* of a secret */
	const char *public_json;	/* what may be stored: no private member */
} Jwk;

extern KeyVerdict jwk_read(const char *json, size_t len, int encoding,
						   CryptoKey *key, Jwk *jwk);
extern KeyVerdict jwk_read_trusted(const char *json, size_t len, int encoding,
								   CryptoKey *key, Jwk *jwk);
extern bool jwk_write_public(StringInfo json, const CryptoKey *key, const char *alg);
extern bool jwk_is_skipped(KeyVerdict verdict);

#endif							/* PINDAH_JWK_H */
