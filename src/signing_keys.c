/*-------------------------------------------------------------------------
 *
 * signing_keys.c
 *	  The keys that were made here: their private parts.
 *
 * A private key stands in pindah.signing_keys as PKCS#8 in PEM, encrypted
 * when there is a passphrase.  It is made, sealed and opened in this room
 * only.  From here to the table it passes through one INSERT ... SELECT, and
 * is never a parameter or a variable, which other extensions log.  The secret
 * of an HMAC key is in pindah.keys, since it verifies too.
 *
 * The passphrase is read from its file each time that it is needed, and wiped.
 * The first line of the file seals; all lines are tried when a key is opened,
 * so that a passphrase can be changed.
 *
 * The last private key that was opened is kept, for as long as its row in the
 * table is the same, byte for byte.  Only signing_key_open() writes that.
 *
 *-------------------------------------------------------------------------
 */
#include "signing_keys.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/htup_details.h"
#include "base64url.h"
#include "fmgr.h"
#include "funcapi.h"
#include "json_values.h"
#include "jwk.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "settings.h"
#include "storage/fd.h"
#include "trust.h"
#include "trust_tables.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#define SEALED_BEGIN		"-----BEGIN ENCRYPTED PRIVATE KEY-----"
#define MAX_SECRET_SIZE		64

/* Columns of pindah.signing_keys: the order of sql/signing_keys.sql. */
enum
{
	SIGNING_KEYS_ISSUER = 1,
	SIGNING_KEYS_KEY_ID,
	SIGNING_KEYS_PRIVATE_KEY
};

#define PASSPHRASE_MIN		16
#define PASSPHRASES_MAX		8
#define PASSPHRASE_FILE_MAX	4096

/* The lines of the passphrase file. */
typedef struct Passphrases
{
	int			count;			/* 0: keys are stored in clear */
	char	   *lines[PASSPHRASES_MAX];
	char		text[PASSPHRASE_FILE_MAX + 1];
} Passphrases;

/* A row of the table that is looked for, and its private key. */
typedef struct RowSearch
{
	const char *issuer;
	const char *key_id;
	char	   *private_key;	/* palloc'd; NULL: there is none */
} RowSearch;

static char *passphrase_file = NULL;

static MemoryContext opened_context = NULL;
static char *opened_private_key = NULL; /* both in opened_context */
static CryptoKey *opened_key = NULL;

/*
 * The passphrase
 */

/* May nobody but the server (and root) read the file? */
static bool
is_private_file(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return false;
	if (st->st_uid == geteuid())
		return (st->st_mode & (S_IRWXG | S_IRWXO)) == 0;
	/* Root's file, read through the group: as PostgreSQL takes TLS keys. */
	return st->st_uid == 0 &&
		(st->st_mode & (S_IWGRP | S_IXGRP | S_IRWXO)) == 0;
}

/* Read the file's text; raises when it cannot be used. */
static void
read_passphrase_file(Passphrases *passphrases)
{
	int			fd = OpenTransientFile(passphrase_file, O_RDONLY | O_NONBLOCK | PG_BINARY);
	struct stat st;
	ssize_t		len;

	if (fd < 0 || fstat(fd, &st) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("the file of pindah.key_passphrase_file cannot be read"),
				 errdetail("%m."),
				 errhint("Name a file that the server may read.")));
	if (!is_private_file(&st))
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("the file of pindah.key_passphrase_file is not private"),
				 errhint("It must be a plain file of the server's user with mode 0600 or less, or one of root's with 0640 or less.")));
	len = read(fd, passphrases->text, PASSPHRASE_FILE_MAX + 1);
	CloseTransientFile(fd);
	if (len < 0 || len > PASSPHRASE_FILE_MAX ||
		memchr(passphrases->text, '\0', (size_t) len) != NULL)
	{
		crypto_wipe(passphrases, sizeof(*passphrases));
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("the file of pindah.key_passphrase_file is not a passphrase"),
				 errhint("It holds one passphrase on each line, the one in use first, and at most 4096 bytes.")));
	}
	passphrases->text[len] = '\0';
}

/* Read the passphrases; whoever calls this calls crypto_wipe() on them. */
static void
read_passphrases(Passphrases *passphrases)
{
	char	   *rest = passphrases->text;
	char	   *line;
	bool		good = true;

	passphrases->count = 0;
	if (passphrase_file == NULL || *passphrase_file == '\0')
		return;
	read_passphrase_file(passphrases);
	while (good && (line = strsep(&rest, "\n")) != NULL)
	{
		size_t		len = strlen(line);

		if (len > 0 && line[len - 1] == '\r')
			line[--len] = '\0';
		if (len == 0 && rest == NULL && passphrases->count > 0)
			break;
		good = len >= PASSPHRASE_MIN && passphrases->count < PASSPHRASES_MAX;
		if (good)
			passphrases->lines[passphrases->count++] = line;
	}
	if (good)
		return;
	crypto_wipe(passphrases, sizeof(*passphrases));
	ereport(ERROR,
			(errcode(ERRCODE_CONFIG_FILE_ERROR),
			 errmsg("a line of the file of pindah.key_passphrase_file is shorter than 16 bytes, or there are more than 8"),
			 errhint("Make the file with \"openssl rand -base64 32\".")));
}

/*
 * Sealing and opening
 */

/* The private key as it is stored: a text. */
static Datum
seal_key(const CryptoKey *key)
{
	Passphrases passphrases;
	char	   *pem;
	text	   *sealed;

	read_passphrases(&passphrases);
	if (passphrases.count > 0)
		pem = crypto_key_seal(key, passphrases.lines[0], strlen(passphrases.lines[0]));
	else
		pem = crypto_key_seal(key, NULL, 0);
	crypto_wipe(&passphrases, sizeof(passphrases));
	if (pem == NULL)
		elog(ERROR, "OpenSSL cannot write a private key");
	sealed = palloc(VARHDRSZ + strlen(pem));
	SET_VARSIZE(sealed, VARHDRSZ + strlen(pem));
	memcpy(VARDATA(sealed), pem, strlen(pem));
	crypto_pem_free(pem);
	return PointerGetDatum(sealed);
}

/* Open a private key into "key", an empty one; false when that cannot be. */
static bool
open_key(CryptoKey *key, CryptoAlgorithm algorithm, const char *pem)
{
	Passphrases passphrases;
	bool		good = false;

	if (strncmp(pem, SEALED_BEGIN, strlen(SEALED_BEGIN)) != 0)
		return crypto_key_open(key, algorithm, pem, strlen(pem), NULL, 0);
	read_passphrases(&passphrases);
	for (int i = 0; i < passphrases.count && !good; i++)
		good = crypto_key_open(key, algorithm, pem, strlen(pem),
							   passphrases.lines[i], strlen(passphrases.lines[i]));
	crypto_wipe(&passphrases, sizeof(passphrases));
	return good;
}

/* Does a row of the table belong to the key that is looked for? */
static bool
is_row_of(HeapTuple tuple, TupleDesc desc, int column, const char *wanted)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, column, desc, &isnull);

	return !isnull && strcmp(TextDatumGetCString(value), wanted) == 0;
}

static void
look_at_row(void *state, HeapTuple tuple, TupleDesc desc)
{
	RowSearch  *search = state;
	bool		isnull;
	Datum		value = heap_getattr(tuple, SIGNING_KEYS_PRIVATE_KEY, desc, &isnull);

	if (!isnull &&
		is_row_of(tuple, desc, SIGNING_KEYS_ISSUER, search->issuer) &&
		is_row_of(tuple, desc, SIGNING_KEYS_KEY_ID, search->key_id))
		search->private_key = TextDatumGetCString(value);
}

/* Forget the private key that was opened last. */
static void
forget_opened_key(void)
{
	if (opened_private_key != NULL)
		crypto_wipe(opened_private_key, strlen(opened_private_key));
	opened_private_key = NULL;
	opened_key = NULL;
	if (opened_context != NULL)
		MemoryContextReset(opened_context);
	else
		opened_context = AllocSetContextCreate(TopMemoryContext,
											   "pindah signing key",
											   ALLOCSET_SMALL_SIZES);
}

/* Open a stored private key and keep it; NULL when it is not that of "public". */
static CryptoKey *
open_and_keep(const char *private_key, CryptoKey *public)
{
	CryptoKey  *key;

	if (opened_key != NULL && strcmp(private_key, opened_private_key) == 0 &&
		crypto_key_same_public(opened_key, public))
		return opened_key;
	forget_opened_key();
	key = keyring_alloc_key(opened_context);
	if (!open_key(key, crypto_key_algorithm(public), private_key) ||
		!crypto_key_same_public(key, public))
	{
		forget_opened_key();
		return NULL;
	}
	opened_private_key = MemoryContextStrdup(opened_context, private_key);
	opened_key = key;
	return key;
}

/*
 * What a key of the tables signs with, or NULL: there is no private part, or
 * it cannot be opened, or is that of another key.  Good until the next call,
 * or the next of trust_find_issuer().  "missing", if not NULL, says whether it
 * is the first of these.
 */
CryptoKey *
signing_key_open(const TrustedIssuer *issuer, TrustedKey *key, bool *missing)
{
	RowSearch	search = {.issuer = issuer->issuer, .key_id = key->key_id};
	CryptoKey  *public = keyring_load_key(issuer->ring, key);
	Oid			table;
	CryptoKey  *opened;

	if (missing != NULL)
		*missing = false;
	if (public == NULL)
		return NULL;
	if (crypto_family(crypto_key_algorithm(public)) == FAMILY_HMAC)
		return public;

	table = trust_member_table("signing_keys");
	if (OidIsValid(table))
		trust_tables_read(table, look_at_row, InvalidOid, NULL, &search);
	if (missing != NULL)
		*missing = search.private_key == NULL;
	if (search.private_key == NULL)
		return NULL;
	opened = open_and_keep(search.private_key, public);
	crypto_wipe(search.private_key, strlen(search.private_key));
	pfree(search.private_key);
	return opened;
}

/*
 * New keys
 */

/* Write a new secret as a JWK. */
static void
write_secret(StringInfo jwk, CryptoAlgorithm algorithm)
{
	uint8_t		secret[MAX_SECRET_SIZE];
	char		text[BASE64URL_ENCODED_SIZE(MAX_SECRET_SIZE) + 1];
	size_t		len = crypto_secret_size(algorithm);

	if (!crypto_random(secret, len))
		elog(ERROR, "OpenSSL has no random bytes");
	base64url_encode(secret, len, text);
	text[BASE64URL_ENCODED_SIZE(len)] = '\0';
	appendStringInfo(jwk, "{\"kty\":\"oct\",\"k\":\"%s\",\"alg\":\"%s\",\"use\":\"sig\"}",
					 text, crypto_algorithm_name(algorithm));
	crypto_wipe(secret, sizeof(secret));
	crypto_wipe(text, sizeof(text));
}

/* The algorithm of a new key; "EdDSA" makes one of Ed25519. */
static CryptoAlgorithm
choose_new_algorithm(const char *name)
{
	CryptoAlgorithm algorithm = crypto_algorithm_by_name(name);

	if (algorithm == ALGORITHM_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no such algorithm for a new key"),
				 errhint("%s", key_verdict_hint(KEY_UNKNOWN_ALGORITHM))));
	if (!settings_algorithm_allowed(algorithm))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the algorithm is not in pindah.algorithms: nothing that the key signs would be accepted"),
				 errhint("Let a superuser extend that setting, for all sessions, before the key is made.")));
	return algorithm == ALGORITHM_EDDSA ? ALGORITHM_ED25519 : algorithm;
}

/* Raise unless a key can be made for an algorithm: before anything is done. */
PG_FUNCTION_INFO_V1(pindah_check_new_algorithm);
Datum
pindah_check_new_algorithm(PG_FUNCTION_ARGS)
{
	(void) choose_new_algorithm(PG_ARGISNULL(0) ? "" :
								text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_VOID();
}

/*
 * Make a key: (kid, jwk, private_key), the last NULL for HMAC.  The kid is its
 * thumbprint (RFC 7638).
 */
PG_FUNCTION_INFO_V1(pindah_generate_key);
Datum
pindah_generate_key(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	CryptoAlgorithm algorithm = choose_new_algorithm(name);
	bool		is_secret = crypto_family(algorithm) == FAMILY_HMAC;
	CryptoKey  *key = keyring_alloc_key(CurrentMemoryContext);
	CryptoKey  *checked = keyring_alloc_key(CurrentMemoryContext);
	StringInfoData json;
	Jwk			jwk;
	TupleDesc	desc;
	Datum		values[3];
	bool		nulls[3] = {false, false, is_secret};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "pindah_generate_key must return a row");
	if (!is_secret && !crypto_key_generate(key, algorithm))
		elog(ERROR, "OpenSSL cannot make a key");
	initStringInfo(&json);
	if (is_secret)
		write_secret(&json, algorithm);
	else if (!jwk_write_public(&json, key, name))
		elog(ERROR, "OpenSSL cannot tell a public key");

	/* What is refused from others is not made here either. */
	if (jwk_read_trusted(json.data, json.len, GetDatabaseEncoding(), checked, &jwk) != KEY_OK)
		elog(ERROR, "a key that was made here is not usable");
	values[0] = CStringGetTextDatum(jwk.thumbprint);
	values[1] = json_text_as_jsonb(json.data);
	values[2] = is_secret ? (Datum) 0 : seal_key(key);
	crypto_wipe(json.data, json.len);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc),
													  values, nulls)));
}

/* Find a key of the tables; NULL when there is none. */
static TrustedKey *
find_key(const TrustedIssuer *issuer, const char *key_id)
{
	for (int i = 0; issuer != NULL && i < issuer->nkeys; i++)
	{
		if (strcmp(issuer->keys[i].key_id, key_id) == 0)
			return &issuer->keys[i];
	}
	return NULL;
}

/* Is there a private part to a key, and can it be opened here and now? */
PG_FUNCTION_INFO_V1(pindah_can_sign);
Datum
pindah_can_sign(PG_FUNCTION_ARGS)
{
	const TrustedIssuer *issuer =
		trust_find_issuer(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	TrustedKey *key = find_key(issuer, text_to_cstring(PG_GETARG_TEXT_PP(1)));

	PG_RETURN_BOOL(key != NULL && signing_key_open(issuer, key, NULL) != NULL);
}

/* Seal a stored private key again, with the passphrase of now. */
PG_FUNCTION_INFO_V1(pindah_reseal_key);
Datum
pindah_reseal_key(PG_FUNCTION_ARGS)
{
	char	   *pem = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	CryptoAlgorithm algorithm = crypto_algorithm_by_name(name);
	CryptoKey  *key = keyring_alloc_key(CurrentMemoryContext);
	bool		good;

	if (algorithm == ALGORITHM_EDDSA)
		algorithm = ALGORITHM_ED25519;
	good = open_key(key, algorithm, pem);
	crypto_wipe(pem, strlen(pem));
	if (!good)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("a private key cannot be decrypted"),
				 errhint("Put the passphrase that it was encrypted with on a line of its own into the file of pindah.key_passphrase_file, or replace the key with pindah_rotate_key().")));
	PG_RETURN_DATUM(seal_key(key));
}

/* Define the setting of this room. */
void
SigningKeysInit(void)
{
	/* Keeps private keys out of backups, base backups and replicas in clear. */
	DefineCustomStringVariable("pindah.key_passphrase_file",
							   "File with the passphrase that encrypts the private keys made here.",
							   "Its first line encrypts, all its lines are tried to decrypt.",
							   &passphrase_file, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY,
							   NULL, NULL, NULL);
}
