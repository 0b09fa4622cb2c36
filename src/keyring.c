/*-------------------------------------------------------------------------
 *
 * keyring.c
 *	  Whom this database trusts: issuers and their keys.
 *
 * Reads pindah.issuers and pindah.keys into this backend's memory, keeps the
 * keys as OpenSSL keys once they were needed, and forgets everything when one
 * of the tables has changed.
 *
 * Each build goes to a memory context of its own, which replaces the one of
 * before only when it is complete.  What the functions hand out is good until
 * the next call of keyring_find_issuer().
 *
 *-------------------------------------------------------------------------
 */
#include "keyring.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "jwk.h"
#include "mb/pg_wchar.h"
#include "trust_tables.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

/* Columns of the tables: the order of sql/trust.sql. */
enum
{
	ISSUERS_ISSUER = 1,
	ISSUERS_AUDIENCE,
	ISSUERS_ORGANISATIONS,
	ISSUERS_CLAIM_MAP
};

enum
{
	KEYS_ISSUER = 1,
	KEYS_KEY_ID,
	KEYS_STATE,
	KEYS_JWK
};

struct TrustedKey
{
	const char *issuer;
	const char *key_id;
	bool		revoked;
	const char *json;
	bool		loaded;			/* was parsing tried? */
	CryptoKey  *key;			/* NULL after that: unusable */
};

typedef struct Keyring
{
	MemoryContext context;
	uint64		generation;		/* of the trust that it shows */
	int			nissuers;
	TrustedIssuer *issuers;		/* in order of strcmp */
	int			nkeys;
	TrustedKey *keys;			/* in order of issuer */
} Keyring;

static Keyring *keyring = NULL;

/* Changes whenever the trust in this database may have changed. */
uint64
keyring_generation(void)
{
	return trust_table_generation(TRUST_ISSUERS) +
		trust_table_generation(TRUST_KEYS);
}

/* Free a CryptoKey together with the memory context that it belongs to. */
static void
free_crypto_key(void *arg)
{
	CryptoKey **key = arg;

	crypto_key_free(*key);
	*key = NULL;
}

/* An empty CryptoKey that lives as long as a memory context. */
CryptoKey *
keyring_alloc_key(MemoryContext context)
{
	MemoryContextCallback *callback =
		MemoryContextAllocZero(context, sizeof(MemoryContextCallback));
	CryptoKey **owner = MemoryContextAllocZero(context, sizeof(CryptoKey *));

	callback->func = free_crypto_key;
	callback->arg = owner;
	MemoryContextRegisterResetCallback(context, callback);
	*owner = crypto_key_alloc();
	if (*owner == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	return *owner;
}

/* A text column as a C string. */
static const char *
text_column(HeapTuple tuple, TupleDesc desc, int column)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, column, desc, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

/* A jsonb column as JSON text. */
static char *
jsonb_column(HeapTuple tuple, TupleDesc desc, int column)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, column, desc, &isnull);
	Jsonb	   *jsonb;

	if (isnull)
		return NULL;
	jsonb = DatumGetJsonbP(value);
	return JsonbToCString(NULL, &jsonb->root, VARSIZE(jsonb));
}

/* A text[] column as strings; null elements are left out. */
static bool
list_column(HeapTuple tuple, TupleDesc desc, int column, ClaimList *list)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, column, desc, &isnull);
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	list->count = 0;
	list->items = NULL;
	if (isnull)
		return false;
	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, &nulls, &count);
	list->items = palloc((count + 1) * sizeof(char *));
	for (int i = 0; i < count; i++)
	{
		if (!nulls[i])
			list->items[list->count++] = TextDatumGetCString(elements[i]);
	}
	return true;
}

static int
compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static int
compare_issuers(const void *a, const void *b)
{
	return strcmp(((const TrustedIssuer *) a)->issuer,
				  ((const TrustedIssuer *) b)->issuer);
}

static int
compare_keys(const void *a, const void *b)
{
	return strcmp(((const TrustedKey *) a)->issuer,
				  ((const TrustedKey *) b)->issuer);
}

/* Grow an array of rows; "row" is the number of the next. */
static void *
make_room(void *array, int row, Size size)
{
	if (array == NULL)
		return palloc0(8 * size);
	if (row >= 8 && (row & (row - 1)) == 0)
		return repalloc_huge(array, (Size) row * 2 * size);
	return array;
}

/* Read one row of pindah.issuers. */
static void
read_issuer(void *state, HeapTuple tuple, TupleDesc desc)
{
	Keyring    *ring = state;
	char	   *map = jsonb_column(tuple, desc, ISSUERS_CLAIM_MAP);
	TrustedIssuer *issuer;

	ring->issuers = make_room(ring->issuers, ring->nissuers, sizeof(TrustedIssuer));
	issuer = &ring->issuers[ring->nissuers++];
	memset(issuer, 0, sizeof(*issuer));
	issuer->issuer = text_column(tuple, desc, ISSUERS_ISSUER);
	issuer->has_audience = list_column(tuple, desc, ISSUERS_AUDIENCE,
									   &issuer->audience);
	issuer->has_organisations = list_column(tuple, desc, ISSUERS_ORGANISATIONS,
											&issuer->organisations);
	if (issuer->organisations.count > 1)
		qsort(issuer->organisations.items, issuer->organisations.count,
			  sizeof(char *), compare_strings);

	issuer->claim_names = claims_default_names();
	if (map != NULL)
	{
		ClaimNames *names = palloc(sizeof(ClaimNames));

		issuer->claim_names =
			claims_read_map(map, strlen(map), GetDatabaseEncoding(), names) ?
			names : NULL;
	}
}

/* Read one row of pindah.keys. */
static void
read_key(void *into, HeapTuple tuple, TupleDesc desc)
{
	Keyring    *ring = into;
	const char *state = text_column(tuple, desc, KEYS_STATE);
	TrustedKey *key;

	ring->keys = make_room(ring->keys, ring->nkeys, sizeof(TrustedKey));
	key = &ring->keys[ring->nkeys++];
	memset(key, 0, sizeof(*key));
	key->issuer = text_column(tuple, desc, KEYS_ISSUER);
	key->key_id = text_column(tuple, desc, KEYS_KEY_ID);
	key->json = jsonb_column(tuple, desc, KEYS_JWK);
	key->revoked = strcmp(state, "active") != 0 &&
		strcmp(state, "next") != 0 && strcmp(state, "retiring") != 0;
}

/* Give each issuer the run of keys that is its own. */
static void
assign_keys(Keyring *ring)
{
	int			next = 0;

	if (ring->nissuers > 1)
		qsort(ring->issuers, ring->nissuers, sizeof(TrustedIssuer), compare_issuers);
	if (ring->nkeys > 1)
		qsort(ring->keys, ring->nkeys, sizeof(TrustedKey), compare_keys);
	for (int i = 0; i < ring->nissuers; i++)
	{
		TrustedIssuer *issuer = &ring->issuers[i];

		while (next < ring->nkeys &&
			   strcmp(ring->keys[next].issuer, issuer->issuer) < 0)
			next++;
		issuer->keys = ring->keys == NULL ? NULL : &ring->keys[next];
		while (next < ring->nkeys &&
			   strcmp(ring->keys[next].issuer, issuer->issuer) == 0)
		{
			issuer->nkeys++;
			next++;
		}
	}
}

/* Bring the keyring up to date; false when there is nothing to read. */
static bool
refresh_keyring(void)
{
	MemoryContext context;
	MemoryContext caller;
	Keyring    *ring;
	Keyring    *old;
	uint64		generation = keyring_generation();
	Oid			issuers_oid;
	Oid			keys_oid;

	if (keyring != NULL && keyring->generation == generation)
		return true;
	issuers_oid = trust_table_find(TRUST_ISSUERS);
	keys_oid = trust_table_find(TRUST_KEYS);
	if (!OidIsValid(issuers_oid) || !OidIsValid(keys_oid))
		return false;

	context = AllocSetContextCreate(CurrentMemoryContext, "pindah keyring",
									ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);
	ring = palloc0(sizeof(Keyring));
	ring->context = context;
	ring->generation = generation;
	trust_table_read(issuers_oid, read_issuer, ring);
	trust_table_read(keys_oid, read_key, ring);
	assign_keys(ring);
	MemoryContextSwitchTo(caller);

	MemoryContextSetParent(context, TopMemoryContext);
	old = keyring;
	keyring = ring;
	if (old != NULL)
		MemoryContextDelete(old->context);
	return true;
}

/*
 * The issuer of that name, byte for byte ('' for tokens without iss), or
 * NULL when it is not trusted.  Must run inside a transaction.
 */
const TrustedIssuer *
keyring_find_issuer(const char *issuer)
{
	TrustedIssuer wanted = {.issuer = issuer};

	if (!refresh_keyring() || keyring->nissuers == 0)
		return NULL;
	return bsearch(&wanted, keyring->issuers, keyring->nissuers,
				   sizeof(TrustedIssuer), compare_issuers);
}

/* Parse a key when it is first needed; NULL when it is not usable. */
static CryptoKey *
load_key(TrustedKey *key)
{
	CryptoKey  *crypto;
	Jwk			jwk;

	if (key->loaded)
		return key->key;
	crypto = keyring_alloc_key(keyring->context);
	if (jwk_read(key->json, strlen(key->json), GetDatabaseEncoding(),
				 crypto, &jwk) == KEY_OK)
		key->key = crypto;
	key->loaded = true;
	return key->key;
}

/* The one key of the issuer that a token without kid can mean. */
static TokenVerdict
find_only_fitting_key(const TrustedIssuer *issuer, CryptoAlgorithm algorithm,
					  TrustedKey **found)
{
	*found = NULL;
	for (int i = 0; i < issuer->nkeys; i++)
	{
		CryptoKey  *key;

		if (issuer->keys[i].revoked)
			continue;
		key = load_key(&issuer->keys[i]);
		if (key == NULL || !jws_algorithm_fits(algorithm, crypto_key_algorithm(key)))
			continue;
		if (*found != NULL)
			return TOKEN_UNKNOWN_KEY;
		*found = &issuer->keys[i];
	}
	return *found == NULL ? TOKEN_UNKNOWN_KEY : TOKEN_OK;
}

/* The key among the issuer's own that the header means (RFC 7515 4.1.4). */
TokenVerdict
keyring_find_key(const TrustedIssuer *issuer, const JwsHeader *header,
				 CryptoKey **key, const char **key_id)
{
	TrustedKey *found = NULL;

	if (header->key_id == NULL)
	{
		TokenVerdict verdict = find_only_fitting_key(issuer, header->algorithm,
													 &found);

		if (verdict != TOKEN_OK)
			return verdict;
	}
	for (int i = 0; found == NULL && i < issuer->nkeys; i++)
	{
		if (strcmp(issuer->keys[i].key_id, header->key_id) == 0)
			found = &issuer->keys[i];
	}
	if (found == NULL)
		return TOKEN_UNKNOWN_KEY;
	if (found->revoked)
		return TOKEN_KEY_REVOKED;
	*key = load_key(found);
	*key_id = found->key_id;
	if (*key == NULL)
		return TOKEN_UNKNOWN_KEY;
	if (!jws_algorithm_fits(header->algorithm, crypto_key_algorithm(*key)))
		return TOKEN_ALGORITHM_NOT_OF_KEY;
	return TOKEN_OK;
}

/* May the issuer speak for the organisation (NULL: none)? */
bool
keyring_issuer_speaks_for(const TrustedIssuer *issuer, const char *organisation)
{
	if (!issuer->has_organisations)
		return true;
	if (organisation == NULL || issuer->organisations.count == 0)
		return false;
	return bsearch(&organisation, issuer->organisations.items,
				   issuer->organisations.count, sizeof(char *),
				   compare_strings) != NULL;
}
