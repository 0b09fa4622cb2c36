/*-------------------------------------------------------------------------
 *
 * crypto.h
 *	  Keys, signatures and hashes on top of OpenSSL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_CRYPTO_H
#define PINDAH_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto_algorithms.h"
#include "verdict.h"

#define SHA256_SIZE		32
/* RSA with 16384 bits has the longest signature. */
#define CRYPTO_MAX_SIGNATURE	2048

typedef struct CryptoKey CryptoKey;

extern CryptoKey *crypto_key_alloc(void);
extern void crypto_key_free(CryptoKey *key);
extern KeyVerdict crypto_key_set_secret(CryptoKey *key, CryptoAlgorithm algorithm,
										const uint8_t *secret, size_t len);
extern KeyVerdict crypto_key_set_rsa(CryptoKey *key, CryptoAlgorithm algorithm,
									 const uint8_t *n, size_t n_len,
									 const uint8_t *e, size_t e_len);
extern KeyVerdict crypto_key_set_ec(CryptoKey *key, CryptoAlgorithm algorithm,
									const uint8_t *x, size_t x_len,
									const uint8_t *y, size_t y_len);
extern KeyVerdict crypto_key_set_okp(CryptoKey *key, CryptoAlgorithm algorithm,
									 const uint8_t *x, size_t x_len);
extern KeyVerdict crypto_key_read_pem(CryptoKey *key, const char *pem);
extern CryptoAlgorithm crypto_key_algorithm(const CryptoKey *key);

extern bool crypto_verify(CryptoKey *key, CryptoAlgorithm algorithm,
						  const uint8_t *message, size_t message_len,
						  const uint8_t *signature, size_t signature_len);

extern bool crypto_key_generate(CryptoKey *key, CryptoAlgorithm algorithm);
extern size_t crypto_key_public_number(const CryptoKey *key, char member,
									   uint8_t *bytes, size_t size);
extern bool crypto_key_same_public(const CryptoKey *a, const CryptoKey *b);
extern char *crypto_key_seal(const CryptoKey *key, const char *passphrase,
							 size_t len);
extern void crypto_pem_free(char *pem);
extern bool crypto_key_open(CryptoKey *key, CryptoAlgorithm algorithm,
							const char *pem, size_t pem_len,
							const char *passphrase, size_t len);
extern size_t crypto_sign(CryptoKey *key, const uint8_t *message,
						  size_t message_len, uint8_t *signature);
extern bool crypto_random(uint8_t *bytes, size_t len);

extern bool crypto_sha256(const uint8_t *data, size_t len,
						  uint8_t digest[SHA256_SIZE]);
extern bool crypto_equal(const void *a, const void *b, size_t len);
extern void crypto_wipe(void *secret, size_t len);

#endif							/* PINDAH_CRYPTO_H */
