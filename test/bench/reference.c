/*-------------------------------------------------------------------------
 *
 * reference.c
 *	  OpenSSL's own verification, as functions in the same backend.
 *
 * The yardstick for a verification by the extension: the signature over the
 * signing input and nothing else, as cheap as OpenSSL makes it, with the key
 * parsed and every algorithm fetched beforehand.  In the same process, so
 * that both run on the same CPU, with the same library, minutes apart at most.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <time.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "fmgr.h"
#include "utils/builtins.h"

PG_MODULE_MAGIC;

static EVP_MAC_CTX *mac = NULL;
static EVP_PKEY *pkey = NULL;
static EVP_PKEY_CTX *verifier = NULL;
static EVP_MD *digest = NULL;
static EVP_MD_CTX *digest_state = NULL;

/* Stop unless an OpenSSL function succeeded. */
static void
must(bool good)
{
	if (!good)
		elog(ERROR, "OpenSSL refused");
}

/* Prepare an HMAC key. */
static void
set_secret(const char *hash, const unsigned char *key, size_t len)
{
	EVP_MAC    *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	OSSL_PARAM	params[] = {
		OSSL_PARAM_construct_utf8_string("digest", (char *) hash, 0),
		OSSL_PARAM_construct_end()
	};

	mac = EVP_MAC_CTX_new(hmac);
	EVP_MAC_free(hmac);
	must(EVP_MAC_init(mac, key, len, params) == 1);
}

/* Prepare a public key. */
static void
set_public_key(const char *algorithm, const char *hash,
			   const unsigned char *key, size_t len)
{
	must((pkey = d2i_PUBKEY(NULL, &key, (long) len)) != NULL);
	digest_state = EVP_MD_CTX_new();
	if (hash == NULL)
		return;
	digest = EVP_MD_fetch(NULL, hash, NULL);
	verifier = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	must(EVP_PKEY_verify_init(verifier) == 1);
	if (algorithm[0] == 'P')
		must(EVP_PKEY_CTX_set_rsa_padding(verifier, RSA_PKCS1_PSS_PADDING) == 1);
	must(EVP_PKEY_CTX_set_signature_md(verifier, digest) == 1);
}

PG_FUNCTION_INFO_V1(bench_set_key);

/* Take the key that everything is verified with from now on. */
Datum
bench_set_key(PG_FUNCTION_ARGS)
{
	char	   *algorithm = text_to_cstring(PG_GETARG_TEXT_PP(0));
	bytea	   *key = PG_GETARG_BYTEA_PP(1);
	const char *hash = algorithm[1] == 'd' ? NULL :
		strncmp(algorithm + 2, "256", 3) == 0 ? "SHA256" :
		strcmp(algorithm + 2, "384") == 0 ? "SHA384" : "SHA512";

	EVP_MAC_CTX_free(mac);
	EVP_PKEY_CTX_free(verifier);
	EVP_PKEY_free(pkey);
	EVP_MD_free(digest);
	EVP_MD_CTX_free(digest_state);
	mac = NULL;
	verifier = NULL;
	pkey = NULL;
	digest = NULL;
	digest_state = NULL;

	if (algorithm[0] == 'H')
		set_secret(hash, (unsigned char *) VARDATA_ANY(key), VARSIZE_ANY_EXHDR(key));
	else
		set_public_key(algorithm, hash, (unsigned char *) VARDATA_ANY(key),
					   VARSIZE_ANY_EXHDR(key));
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(bench_verify);

/* Does the signature verify? */
Datum
bench_verify(PG_FUNCTION_ARGS)
{
	bytea	   *message = PG_GETARG_BYTEA_PP(0);
	bytea	   *signature = PG_GETARG_BYTEA_PP(1);
	unsigned char *text = (unsigned char *) VARDATA_ANY(message);
	unsigned char *sig = (unsigned char *) VARDATA_ANY(signature);
	size_t		text_len = VARSIZE_ANY_EXHDR(message);
	size_t		sig_len = VARSIZE_ANY_EXHDR(signature);
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned int hash_len;
	size_t		mac_len;

	if (mac != NULL)
		PG_RETURN_BOOL(EVP_MAC_init(mac, NULL, 0, NULL) == 1 &&
					   EVP_MAC_update(mac, text, text_len) == 1 &&
					   EVP_MAC_final(mac, hash, &mac_len, sizeof(hash)) == 1 &&
					   mac_len == sig_len && CRYPTO_memcmp(hash, sig, sig_len) == 0);
	if (digest == NULL)
		PG_RETURN_BOOL(EVP_MD_CTX_reset(digest_state) == 1 &&
					   EVP_DigestVerifyInit(digest_state, NULL, NULL, NULL, pkey) == 1 &&
					   EVP_DigestVerify(digest_state, sig, sig_len, text, text_len) == 1);
	PG_RETURN_BOOL(EVP_DigestInit_ex2(digest_state, digest, NULL) == 1 &&
				   EVP_DigestUpdate(digest_state, text, text_len) == 1 &&
				   EVP_DigestFinal_ex(digest_state, hash, &hash_len) == 1 &&
				   EVP_PKEY_verify(verifier, sig, sig_len, hash, hash_len) == 1);
}

PG_FUNCTION_INFO_V1(bench_nothing);

/* What calling a function like the one before costs by itself. */
Datum
bench_nothing(PG_FUNCTION_ARGS)
{
	bytea	   *message = PG_GETARG_BYTEA_PP(0);
	bytea	   *signature = PG_GETARG_BYTEA_PP(1);

	PG_RETURN_BOOL(message != signature);
}

PG_FUNCTION_INFO_V1(bench_cpu_time);

/*
 * Microseconds of CPU that this backend has used: unlike the clock on the
 * wall, it does not count what others on the machine take.
 */
Datum
bench_cpu_time(PG_FUNCTION_ARGS)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	PG_RETURN_FLOAT8((double) now.tv_sec * 1e6 + (double) now.tv_nsec / 1e3);
}
