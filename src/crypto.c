/*-------------------------------------------------------------------------
 *
 * crypto.c
 *	  Keys, signatures and hashes on top of OpenSSL.
 *
 * The only file that includes OpenSSL.  A CryptoKey is malloc'd and owns its
 * OpenSSL objects; whoever makes one must see to crypto_key_free(), in the
 * server by a memory context callback registered before the key is filled.
 * A key knows its one algorithm, and crypto_verify() - the only place where
 * a signature is checked - asserts it again.  crypto_sign() is the only place
 * where one is made.
 *
 * Nothing here raises or logs, and OpenSSL's error queue is left empty.
 *
 *-------------------------------------------------------------------------
 */
#include "crypto.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define RSA_MIN_BITS	2048
#define RSA_MAX_BITS	16384
#define RSA_MIN_EXPONENT	UINT64_C(65537)
#define RSA_MAX_EXPONENT	UINT64_C(4294967295)
/* No modulus has a factor below it; OpenSSL's own check stops at 751. */
#define RSA_MIN_FACTOR	1024

/* P-521 has the longest field of the curves. */
#define MAX_FIELD_SIZE	66
/* Of RSA keys that are made here: as strong as P-256 (NIST SP 800-57). */
#define RSA_NEW_BITS	3072
/* PBKDF2 with HMAC-SHA256; passphrases are long, see signing_keys.c. */
#define SEAL_ITERATIONS	100000
#define SEAL_SALT_SIZE	16

struct CryptoKey
{
	CryptoAlgorithm algorithm;
	EVP_MAC_CTX *mac;			/* HMAC, with the secret in it */
	EVP_PKEY   *pkey;			/* all others */
	EVP_PKEY_CTX *verifier;		/* RSA and EC: ready to verify a digest */
	EVP_MD	   *digest;			/* RSA and EC */
	EVP_MD_CTX *digest_state;	/* all but HMAC */
};

/* An empty key; NULL when out of memory. */
CryptoKey *
crypto_key_alloc(void)
{
	return calloc(1, sizeof(CryptoKey));
}

/* Release a key and wipe what it holds.  NULL is allowed. */
void
crypto_key_free(CryptoKey *key)
{
	if (key == NULL)
		return;
	EVP_MAC_CTX_free(key->mac);
	EVP_PKEY_CTX_free(key->verifier);
	EVP_PKEY_free(key->pkey);
	EVP_MD_CTX_free(key->digest_state);
	EVP_MD_free(key->digest);
	free(key);
}

CryptoAlgorithm
crypto_key_algorithm(const CryptoKey *key)
{
	return key->algorithm;
}

/*
 * Make a key an HMAC key.  The secret must be as long as the hash or longer
 * (RFC 7518 section 3.2).
 */
KeyVerdict
crypto_key_set_secret(CryptoKey *key, CryptoAlgorithm algorithm,
					  const uint8_t *secret, size_t len)
{
	EVP_MAC    *hmac;
	OSSL_PARAM	params[2];

	if (crypto_facts[algorithm].family != FAMILY_HMAC)
		return KEY_ALGORITHM_MISMATCH;
	if (len < crypto_facts[algorithm].size)
		return KEY_SECRET_SIZE;

	hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	key->mac = hmac == NULL ? NULL : EVP_MAC_CTX_new(hmac);
	EVP_MAC_free(hmac);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
												 (char *) crypto_facts[algorithm].digest, 0);
	params[1] = OSSL_PARAM_construct_end();
	if (key->mac == NULL || EVP_MAC_init(key->mac, secret, len, params) != 1)
	{
		ERR_clear_error();
		return KEY_UNUSABLE;
	}
	key->algorithm = algorithm;
	return KEY_OK;
}

/* The padding of an RSA key: PKCS#1 v1.5, or PSS as RFC 7518 3.5 wants it. */
static bool
set_rsa_padding(EVP_PKEY_CTX *ctx, CryptoFamily family, const EVP_MD *digest)
{
	if (family == FAMILY_RSA)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1;
	if (family != FAMILY_RSA_PSS)
		return true;

	/* Salt as long as the hash, MGF1 with the same hash. */
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
		EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, digest) == 1 &&
		EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1;
}

/*
 * Prepare verification, so that a signature costs one digest and one public
 * key operation and nothing else.
 */
static bool
prepare_verifier(CryptoKey *key, CryptoAlgorithm algorithm)
{
	CryptoFamily family = crypto_facts[algorithm].family;

	key->digest_state = EVP_MD_CTX_new();
	if (key->digest_state == NULL)
		return false;
	if (family == FAMILY_OKP)
		return true;

	key->digest = EVP_MD_fetch(NULL, crypto_facts[algorithm].digest, NULL);
	key->verifier = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
	return key->digest != NULL && key->verifier != NULL &&
		EVP_PKEY_verify_init(key->verifier) == 1 &&
		set_rsa_padding(key->verifier, family, key->digest) &&
		EVP_PKEY_CTX_set_signature_md(key->verifier, key->digest) == 1;
}

/* Build a public key of "type" from parameters, and prepare it. */
static KeyVerdict
set_public_key(CryptoKey *key, CryptoAlgorithm algorithm, const char *type,
			   OSSL_PARAM *params, KeyVerdict refused)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY_CTX *checker = NULL;
	KeyVerdict	verdict = refused;

	/*
	 * OpenSSL's check of an RSA key is a primality test, which takes seconds
	 * for a large modulus that somebody made up; what makes an RSA key unsafe
	 * for verification is in check_rsa_numbers().
	 */
	bool		is_rsa = strcmp(type, "RSA") == 0;

	if (ctx != NULL && params != NULL &&
		EVP_PKEY_fromdata_init(ctx) == 1 &&
		EVP_PKEY_fromdata(ctx, &key->pkey, EVP_PKEY_PUBLIC_KEY, params) == 1 &&
		(is_rsa ||
		 ((checker = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL)) != NULL &&
		  EVP_PKEY_public_check_quick(checker) == 1)))
	{
		if (prepare_verifier(key, algorithm))
		{
			key->algorithm = algorithm;
			verdict = KEY_OK;
		}
		else
			verdict = KEY_UNUSABLE;
	}
	EVP_PKEY_CTX_free(checker);
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return verdict;
}

/*
 * Does an RSA modulus have the fingerprint of CVE-2017-15361 (ROCA)?
 *
 * Infineon's primes were k * M + (65537^a mod M) with M the product of the
 * first primes; so N modulo each of these primes lies in the multiplicative
 * group that 65537 generates there.  A random modulus passes for all of them
 * once in about 2^27 times.  Source: Nemec et al., "The Return of
 * Coppersmith's Attack", ACM CCS 2017, section 2.2.
 */
static bool
has_roca_fingerprint(const BIGNUM *n)
{
	static const int primes[] = {
		3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71,
		73, 79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151,
		157, 163, 167
	};

	for (size_t i = 0; i < sizeof(primes) / sizeof(primes[0]); i++)
	{
		int			p = primes[i];
		int			residue = (int) BN_mod_word(n, (BN_ULONG) p);
		int			power = 1;
		bool		generated = false;

		do
		{
			generated = generated || power == residue;
			power = (int) ((int64_t) power * 65537 % p);
		} while (power != 1);
		if (!generated)
			return false;
	}
	return true;
}

/* Does an odd modulus have a factor that nobody has to look for? */
static bool
has_small_factor(const BIGNUM *n)
{
	for (BN_ULONG divisor = 3; divisor < RSA_MIN_FACTOR; divisor += 2)
	{
		if (BN_mod_word(n, divisor) == 0)
			return true;
	}
	return false;
}

/* Judge modulus and exponent before OpenSSL gets them. */
static KeyVerdict
check_rsa_numbers(const BIGNUM *n, const BIGNUM *e)
{
	int			bits = BN_num_bits(n);

	if (bits < RSA_MIN_BITS || bits > RSA_MAX_BITS)
		return KEY_RSA_SIZE;
	if (!BN_is_odd(n))
		return KEY_RSA_EVEN;
	if (BN_num_bits(e) > 32 || !BN_is_odd(e) ||
		(uint64_t) BN_get_word(e) < RSA_MIN_EXPONENT ||
		(uint64_t) BN_get_word(e) > RSA_MAX_EXPONENT)
		return KEY_RSA_EXPONENT;
	if (has_roca_fingerprint(n))
		return KEY_RSA_ROCA;
	if (has_small_factor(n))
		return KEY_UNUSABLE;
	return KEY_OK;
}

/* Make a key an RSA public key, for PKCS#1 v1.5 or PSS as "algorithm" says. */
KeyVerdict
crypto_key_set_rsa(CryptoKey *key, CryptoAlgorithm algorithm,
				   const uint8_t *n, size_t n_len,
				   const uint8_t *e, size_t e_len)
{
	BIGNUM	   *modulus;
	BIGNUM	   *exponent;
	KeyVerdict	verdict;

	if (crypto_facts[algorithm].family != FAMILY_RSA &&
		crypto_facts[algorithm].family != FAMILY_RSA_PSS)
		return KEY_ALGORITHM_MISMATCH;
	if (n_len > RSA_MAX_BITS / 8 + 1 || e_len > RSA_MAX_BITS / 8)
		return n_len > RSA_MAX_BITS / 8 + 1 ? KEY_RSA_SIZE : KEY_RSA_EXPONENT;

	modulus = BN_bin2bn(n, (int) n_len, NULL);
	exponent = BN_bin2bn(e, (int) e_len, NULL);
	verdict = modulus == NULL || exponent == NULL ?
		KEY_UNUSABLE : check_rsa_numbers(modulus, exponent);
	if (verdict == KEY_OK)
	{
		OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
		OSSL_PARAM *params = NULL;

		if (builder != NULL &&
			OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
			OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
			params = OSSL_PARAM_BLD_to_param(builder);
		verdict = set_public_key(key, algorithm, "RSA", params, KEY_UNUSABLE);
		OSSL_PARAM_free(params);
		OSSL_PARAM_BLD_free(builder);
	}
	BN_free(modulus);
	BN_free(exponent);
	ERR_clear_error();
	return verdict;
}

/* Make a key an EC public key; x and y have the length of the field. */
KeyVerdict
crypto_key_set_ec(CryptoKey *key, CryptoAlgorithm algorithm,
				  const uint8_t *x, size_t x_len,
				  const uint8_t *y, size_t y_len)
{
	size_t		field = crypto_facts[algorithm].size;
	uint8_t		point[1 + 2 * MAX_FIELD_SIZE];
	OSSL_PARAM	params[3];

	if (crypto_facts[algorithm].family != FAMILY_EC)
		return KEY_ALGORITHM_MISMATCH;
	if (x_len != field || y_len != field)
		return KEY_OFF_CURVE;

	point[0] = POINT_CONVERSION_UNCOMPRESSED;
	memcpy(point + 1, x, field);
	memcpy(point + 1 + field, y, field);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
												 (char *) crypto_facts[algorithm].group, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
												  point, 1 + 2 * field);
	params[2] = OSSL_PARAM_construct_end();
	return set_public_key(key, algorithm, "EC", params, KEY_OFF_CURVE);
}

/*
 * Is an Ed25519 or Ed448 public key a point whose order divides the cofactor?
 *
 * Under such a key, which all zeros are one of, anybody can make a signature
 * (S = 0, and R a point of small order), and OpenSSL takes it.  The points are
 * known by y alone; some have a second spelling, y + p.
 */
static bool
has_small_order(CryptoAlgorithm algorithm, const uint8_t *x, size_t len)
{
	static const char *const of_ed25519[] = {
		"0", "1",
		"5FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826",
		"7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7",
		"7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEC",
		"7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFED",
		"7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEE",
		NULL
	};
	static const char *const of_ed448[] = {
		"0", "1",
		"FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFE"
		"FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFE",
		"FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFE"
		"FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
		"FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
		"00000000000000000000000000000000000000000000000000000000",
		NULL
	};
	const char *const *known = algorithm == ALGORITHM_ED448 ? of_ed448 : of_ed25519;
	BIGNUM	   *y = BN_lebin2bn(x, (int) len, NULL);
	BIGNUM	   *each = NULL;
	bool		found = y == NULL;

	/* The highest bit is the sign of the other coordinate. */
	if (y != NULL && BN_is_bit_set(y, (int) len * 8 - 1))
		found = BN_clear_bit(y, (int) len * 8 - 1) != 1;
	for (; *known != NULL && !found; known++)
		found = BN_hex2bn(&each, *known) == 0 || BN_cmp(y, each) == 0;
	BN_free(each);
	BN_free(y);
	return found;
}

/* Make a key an Ed25519 or Ed448 public key. */
KeyVerdict
crypto_key_set_okp(CryptoKey *key, CryptoAlgorithm algorithm,
				   const uint8_t *x, size_t x_len)
{
	if (crypto_facts[algorithm].family != FAMILY_OKP || crypto_facts[algorithm].group == NULL)
		return KEY_ALGORITHM_MISMATCH;
	if (x_len != crypto_facts[algorithm].size)
		return KEY_OKP_SIZE;
	if (has_small_order(algorithm, x, x_len))
		return KEY_OKP_ORDER;

	key->pkey = EVP_PKEY_new_raw_public_key_ex(NULL, crypto_facts[algorithm].group,
											   NULL, x, x_len);
	if (key->pkey == NULL || !prepare_verifier(key, algorithm))
	{
		ERR_clear_error();
		return KEY_UNUSABLE;
	}
	key->algorithm = algorithm;
	return KEY_OK;
}

/* The HMAC of a message, in a buffer of EVP_MAX_MD_SIZE. */
static bool
compute_hmac(CryptoKey *key, const uint8_t *message, size_t message_len,
			 uint8_t *mac, size_t *mac_len)
{
	/* Without a key, EVP_MAC_init starts over with the key of before. */
	return EVP_MAC_init(key->mac, NULL, 0, NULL) == 1 &&
		EVP_MAC_update(key->mac, message, message_len) == 1 &&
		EVP_MAC_final(key->mac, mac, mac_len, EVP_MAX_MD_SIZE) == 1;
}

/* HMAC: same length, then a comparison in constant time. */
static bool
verify_hmac(CryptoKey *key, const uint8_t *message, size_t message_len,
			const uint8_t *signature, size_t signature_len)
{
	uint8_t		mac[EVP_MAX_MD_SIZE];
	size_t		mac_len = 0;
	bool		good;

	if (!compute_hmac(key, message, message_len, mac, &mac_len))
		return false;
	good = mac_len == crypto_facts[key->algorithm].size &&
		signature_len == mac_len &&
		CRYPTO_memcmp(mac, signature, mac_len) == 0;
	OPENSSL_cleanse(mac, sizeof(mac));
	return good;
}

/* Digest the message and check an RSA or DER-encoded EC signature over it. */
static bool
verify_digest(CryptoKey *key, const uint8_t *message, size_t message_len,
			  const uint8_t *signature, size_t signature_len)
{
	uint8_t		digest[EVP_MAX_MD_SIZE];
	unsigned int digest_len = 0;

	return EVP_DigestInit_ex2(key->digest_state, key->digest, NULL) == 1 &&
		EVP_DigestUpdate(key->digest_state, message, message_len) == 1 &&
		EVP_DigestFinal_ex(key->digest_state, digest, &digest_len) == 1 &&
		EVP_PKEY_verify(key->verifier, signature, signature_len,
						digest, digest_len) == 1;
}

/*
 * ECDSA: r and s of the field's length each (RFC 7518 section 3.4), neither
 * zero nor beyond the order (CVE-2022-21449; OpenSSL refuses these too).
 */
static bool
verify_ecdsa(CryptoKey *key, const uint8_t *message, size_t message_len,
			 const uint8_t *signature, size_t signature_len)
{
	int			field = (int) crypto_facts[key->algorithm].size;
	ECDSA_SIG  *sig;
	BIGNUM	   *r;
	BIGNUM	   *s;
	BIGNUM	   *order = NULL;
	uint8_t    *der = NULL;
	int			der_len = 0;
	bool		good = false;

	if (signature_len != 2 * (size_t) field)
		return false;

	sig = ECDSA_SIG_new();
	r = BN_bin2bn(signature, field, NULL);
	s = BN_bin2bn(signature + field, field, NULL);
	if (sig == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(sig, r, s) != 1)
	{
		BN_free(r);
		BN_free(s);
	}
	else if (EVP_PKEY_get_bn_param(key->pkey, OSSL_PKEY_PARAM_EC_ORDER, &order) == 1 &&
			 !BN_is_zero(r) && !BN_is_zero(s) &&
			 BN_cmp(r, order) < 0 && BN_cmp(s, order) < 0 &&
			 (der_len = i2d_ECDSA_SIG(sig, &der)) > 0)
		good = verify_digest(key, message, message_len, der, (size_t) der_len);
	OPENSSL_free(der);
	BN_free(order);
	ECDSA_SIG_free(sig);
	return good;
}

/* EdDSA signs the message itself (RFC 8032). */
static bool
verify_eddsa(CryptoKey *key, const uint8_t *message, size_t message_len,
			 const uint8_t *signature, size_t signature_len)
{
	return EVP_MD_CTX_reset(key->digest_state) == 1 &&
		EVP_DigestVerifyInit_ex(key->digest_state, NULL, NULL, NULL, NULL,
								key->pkey, NULL) == 1 &&
		EVP_DigestVerify(key->digest_state, signature, signature_len,
						 message, message_len) == 1;
}

/*
 * Is this the signature of the message under the key?
 *
 * "algorithm" is the one that the caller believes the key to have, and must
 * be: the binding of a key to one algorithm is asserted here once more.
 */
bool
crypto_verify(CryptoKey *key, CryptoAlgorithm algorithm,
			  const uint8_t *message, size_t message_len,
			  const uint8_t *signature, size_t signature_len)
{
	bool		good = false;

	if (key == NULL || key->algorithm == ALGORITHM_NONE ||
		key->algorithm != algorithm)
		return false;

	switch (crypto_facts[algorithm].family)
	{
		case FAMILY_HMAC:
			good = verify_hmac(key, message, message_len, signature, signature_len);
			break;
		case FAMILY_RSA:
		case FAMILY_RSA_PSS:
			/* As long as the modulus (RFC 8017); OpenSSL takes shorter PSS. */
			good = signature_len == (size_t) EVP_PKEY_get_size(key->pkey) &&
				verify_digest(key, message, message_len, signature, signature_len);
			break;
		case FAMILY_EC:
			good = verify_ecdsa(key, message, message_len, signature, signature_len);
			break;
		case FAMILY_OKP:
			good = verify_eddsa(key, message, message_len, signature, signature_len);
			break;
		case FAMILY_NONE:
			break;
	}
	if (!good)
		ERR_clear_error();
	return good;
}

/*
 * Keys of our own
 */

/* Make an empty key a new asymmetric key, private part included. */
bool
crypto_key_generate(CryptoKey *key, CryptoAlgorithm algorithm)
{
	switch (crypto_facts[algorithm].family)
	{
		case FAMILY_RSA:
		case FAMILY_RSA_PSS:
			key->pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t) RSA_NEW_BITS);
			break;
		case FAMILY_EC:
			key->pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", crypto_facts[algorithm].group);
			break;
		case FAMILY_OKP:
			if (crypto_facts[algorithm].group != NULL)
				key->pkey = EVP_PKEY_Q_keygen(NULL, NULL, crypto_facts[algorithm].group);
			break;
		case FAMILY_HMAC:
		case FAMILY_NONE:
			break;
	}
	if (key->pkey == NULL || !prepare_verifier(key, algorithm))
	{
		ERR_clear_error();
		return false;
	}
	key->algorithm = algorithm;
	return true;
}

/*
 * A public number of an asymmetric key, by the name of its JWK member: n, e, x
 * or y (RFC 7518 section 6, RFC 8037 section 2).  Gives its length, or 0.
 */
size_t
crypto_key_public_number(const CryptoKey *key, char member, uint8_t *bytes,
						 size_t size)
{
	const AlgorithmFacts *fact = &crypto_facts[key->algorithm];
	const char *name = member == 'n' ? OSSL_PKEY_PARAM_RSA_N :
		member == 'e' ? OSSL_PKEY_PARAM_RSA_E :
		member == 'x' ? OSSL_PKEY_PARAM_EC_PUB_X : OSSL_PKEY_PARAM_EC_PUB_Y;
	BIGNUM	   *number = NULL;
	size_t		len = size;

	if (fact->family == FAMILY_OKP)
	{
		if (EVP_PKEY_get_raw_public_key(key->pkey, bytes, &len) != 1)
			len = 0;
	}
	else if (EVP_PKEY_get_bn_param(key->pkey, name, &number) != 1)
		len = 0;
	else
	{
		len = fact->family == FAMILY_EC ? fact->size : (size_t) BN_num_bytes(number);
		if (len > size || BN_bn2binpad(number, bytes, (int) len) < 0)
			len = 0;
	}
	BN_free(number);
	if (len == 0)
		ERR_clear_error();
	return len;
}

/* Do two asymmetric keys have the same public part? */
bool
crypto_key_same_public(const CryptoKey *a, const CryptoKey *b)
{
	bool		same = a->pkey != NULL && b->pkey != NULL &&
		EVP_PKEY_eq(a->pkey, b->pkey) == 1;

	if (!same)
		ERR_clear_error();
	return same;
}

/*
 * The private key as PEM: PKCS#8 (RFC 5958), encrypted with PBES2 (RFC 8018)
 * and AES-256 when there is a passphrase.  To be given back with
 * crypto_pem_free(); NULL when it cannot be made.
 */
char *
crypto_key_seal(const CryptoKey *key, const char *passphrase, size_t len)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key->pkey);
	X509_SIG   *sealed = NULL;
	BIO		   *bio = BIO_new(BIO_s_secmem());
	bool		good = info != NULL && bio != NULL;
	char	   *pem = NULL;

	if (good && passphrase != NULL)
	{
		sealed = PKCS8_encrypt(-1, EVP_aes_256_cbc(), passphrase, (int) len,
							   NULL, SEAL_SALT_SIZE, SEAL_ITERATIONS, info);
		good = sealed != NULL && PEM_write_bio_PKCS8(bio, sealed) == 1;
	}
	else if (good)
		good = PEM_write_bio_PKCS8_PRIV_KEY_INFO(bio, info) == 1;
	if (good)
	{
		char	   *data;
		size_t		size = (size_t) BIO_get_mem_data(bio, &data);

		pem = OPENSSL_strndup(data, size);
	}
	BIO_free(bio);
	X509_SIG_free(sealed);
	PKCS8_PRIV_KEY_INFO_free(info);
	ERR_clear_error();
	return pem;
}

/* Wipe and release what crypto_key_seal() gave. */
void
crypto_pem_free(char *pem)
{
	if (pem != NULL)
		OPENSSL_clear_free(pem, strlen(pem));
}

/* No PEM is encrypted as a whole; OpenSSL would ask at the terminal. */
static int
refuse_password(char *password, int size, int writing, void *arg)
{
	return -1;
}

/* OpenSSL's number of a curve, by its name at NIST or any other. */
static int
curve_number(const char *name)
{
	int			number = EC_curve_nist2nid(name);

	return number != NID_undef ? number : OBJ_sn2nid(name);
}

/* The algorithm of a public key: RS256 of RSA, the others that of their curve. */
static CryptoAlgorithm
natural_algorithm(const EVP_PKEY *pkey)
{
	char		group[64];
	bool		has_group = EVP_PKEY_is_a(pkey, "EC") &&
		EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) == 1;

	if (EVP_PKEY_is_a(pkey, "RSA"))
		return ALGORITHM_RS256;
	for (int i = ALGORITHM_ES256; i <= ALGORITHM_ED448; i++)
	{
		if (crypto_facts[i].family == FAMILY_OKP ? EVP_PKEY_is_a(pkey, crypto_facts[i].group) :
			has_group && curve_number(group) == curve_number(crypto_facts[i].group))
			return (CryptoAlgorithm) i;
	}
	return ALGORITHM_NONE;
}

/*
 * Make an empty key the public key that stands in a PEM, or in a certificate,
 * of which nothing else counts.  What makes keys unsafe is not looked at.
 */
KeyVerdict
crypto_key_read_pem(CryptoKey *key, const char *pem)
{
	static const char begin[] = "-----BEGIN ";
	const char *first = strstr(pem, begin);
	BIO		   *bio = NULL;
	CryptoAlgorithm algorithm = ALGORITHM_NONE;

	if (strstr(pem, "PRIVATE KEY-----") != NULL)
		return KEY_IS_PRIVATE;
	if (first == NULL || strstr(first + 1, begin) != NULL ||
		(bio = BIO_new_mem_buf(pem, -1)) == NULL)
		return KEY_BAD_PEM;
	if (strncmp(first + strlen(begin), "CERTIFICATE-", 12) == 0)
	{
		X509	   *certificate = PEM_read_bio_X509(bio, NULL, refuse_password, NULL);

		if (certificate != NULL)
			key->pkey = X509_get_pubkey(certificate);
		X509_free(certificate);
	}
	else
		key->pkey = PEM_read_bio_PUBKEY(bio, NULL, refuse_password, NULL);
	BIO_free(bio);
	if (key->pkey != NULL)
		algorithm = natural_algorithm(key->pkey);
	if (algorithm != ALGORITHM_NONE && prepare_verifier(key, algorithm))
		key->algorithm = algorithm;
	ERR_clear_error();
	if (key->pkey == NULL)
		return KEY_BAD_PEM;
	return key->algorithm == ALGORITHM_NONE ? KEY_UNKNOWN_TYPE : KEY_OK;
}

/* Read PKCS#8; with a passphrase, what was encrypted with it. */
static PKCS8_PRIV_KEY_INFO *
read_pkcs8(const char *pem, size_t pem_len, const char *passphrase, size_t len)
{
	BIO		   *bio = BIO_new_mem_buf(pem, (int) pem_len);
	PKCS8_PRIV_KEY_INFO *info = NULL;

	if (bio != NULL && passphrase != NULL)
	{
		X509_SIG   *sealed = PEM_read_bio_PKCS8(bio, NULL, refuse_password, NULL);

		if (sealed != NULL)
			info = PKCS8_decrypt(sealed, passphrase, (int) len);
		X509_SIG_free(sealed);
	}
	else if (bio != NULL)
		info = PEM_read_bio_PKCS8_PRIV_KEY_INFO(bio, NULL, refuse_password, NULL);
	BIO_free(bio);
	return info;
}

/*
 * Make an empty key the private key that crypto_key_seal() wrote, for an
 * algorithm; false when it is another kind of key, or the passphrase is wrong.
 */
bool
crypto_key_open(CryptoKey *key, CryptoAlgorithm algorithm, const char *pem,
				size_t pem_len, const char *passphrase, size_t len)
{
	PKCS8_PRIV_KEY_INFO *info = read_pkcs8(pem, pem_len, passphrase, len);
	CryptoFamily family = crypto_facts[algorithm].family;
	const char *type = family == FAMILY_EC ? "EC" :
		family == FAMILY_OKP ? crypto_facts[algorithm].group : "RSA";
	bool		good = false;

	if (info != NULL)
		key->pkey = EVP_PKCS82PKEY(info);
	PKCS8_PRIV_KEY_INFO_free(info);
	if (key->pkey != NULL && type != NULL && EVP_PKEY_is_a(key->pkey, type))
		good = prepare_verifier(key, algorithm);
	if (good)
		key->algorithm = algorithm;
	ERR_clear_error();
	return good;
}

/* Write a DER-encoded ECDSA signature as r and s (RFC 7518 section 3.4). */
static bool
write_ecdsa(const uint8_t *der, size_t der_len, size_t field, uint8_t *signature)
{
	ECDSA_SIG  *sig = d2i_ECDSA_SIG(NULL, &der, (long) der_len);
	bool		good = sig != NULL &&
		BN_bn2binpad(ECDSA_SIG_get0_r(sig), signature, (int) field) >= 0 &&
		BN_bn2binpad(ECDSA_SIG_get0_s(sig), signature + field, (int) field) >= 0;

	ECDSA_SIG_free(sig);
	return good;
}

/* Sign with an asymmetric key, as OpenSSL writes signatures. */
static bool
sign_asymmetric(CryptoKey *key, const uint8_t *message, size_t message_len,
				uint8_t *signature, size_t *signature_len)
{
	EVP_MD_CTX *state = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = NULL;
	bool		good = state != NULL &&
		EVP_DigestSignInit_ex(state, &ctx, crypto_facts[key->algorithm].digest, NULL,
							  NULL, key->pkey, NULL) == 1 &&
		set_rsa_padding(ctx, crypto_facts[key->algorithm].family, key->digest) &&
		EVP_DigestSign(state, signature, signature_len, message, message_len) == 1;

	EVP_MD_CTX_free(state);
	return good;
}

/*
 * Sign a message, in the form of JWS.  "signature" has CRYPTO_MAX_SIGNATURE
 * bytes.  Gives the length of the signature, 0 when it could not be made.
 */
size_t
crypto_sign(CryptoKey *key, const uint8_t *message, size_t message_len,
			uint8_t *signature)
{
	const AlgorithmFacts *fact = &crypto_facts[key->algorithm];
	uint8_t		der[CRYPTO_MAX_SIGNATURE];
	size_t		len = CRYPTO_MAX_SIGNATURE;
	bool		good = false;

	switch (fact->family)
	{
		case FAMILY_HMAC:
			good = compute_hmac(key, message, message_len, signature, &len);
			break;
		case FAMILY_RSA:
		case FAMILY_RSA_PSS:
		case FAMILY_OKP:
			good = sign_asymmetric(key, message, message_len, signature, &len);
			break;
		case FAMILY_EC:
			good = sign_asymmetric(key, message, message_len, der, &len) &&
				write_ecdsa(der, len, fact->size, signature);
			len = 2 * fact->size;
			break;
		case FAMILY_NONE:
			break;
	}
	if (!good)
		ERR_clear_error();
	return good ? len : 0;
}

/* Random bytes for a secret. */
bool
crypto_random(uint8_t *bytes, size_t len)
{
	if (RAND_priv_bytes(bytes, (int) len) == 1)
		return true;
	ERR_clear_error();
	return false;
}

/* SHA-256, for thumbprints (RFC 7638). */
bool
crypto_sha256(const uint8_t *data, size_t len, uint8_t digest[SHA256_SIZE])
{
	size_t		size = 0;

	if (EVP_Q_digest(NULL, "SHA256", NULL, data, len, digest, &size) == 1 &&
		size == SHA256_SIZE)
		return true;
	ERR_clear_error();
	return false;
}

/* Are two byte strings of one length equal?  Takes the same time either way. */
bool
crypto_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

/* Overwrite a secret, in a way that the compiler cannot leave out. */
void
crypto_wipe(void *secret, size_t len)
{
	OPENSSL_cleanse(secret, len);
}
