/*-------------------------------------------------------------------------
 *
 * trust.c
 *	  Whom this session trusts at this moment: issuers and their keys.
 *
 * There are two sources.  The tables of this database, pindah.issuers and
 * pindah.keys, are read into this backend's memory, and read again when one of
 * them has changed; each build replaces the one of before only when it is
 * complete.  The trust file is that of the whole cluster (trust_file.c).
 *
 * An issuer that the tables name is what they say, with their keys alone; the
 * file is asked for others.  Where the extension has no tables, nothing says
 * what has been revoked, and nobody is trusted.
 *
 * What the functions hand out is good until the next call of
 * trust_find_issuer() or trust_catch_up().
 *
 *-------------------------------------------------------------------------
 */
#include "trust.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "trust_file.h"
#include "trust_tables.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

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
	KEYS_JWK,
	KEYS_VERIFY_UNTIL = 9,
	KEYS_MADE_HERE
};

static Keyring *tables = NULL;		/* what they said last */
static uint64 tables_shown = 0; /* the generation of that */

/* Changes whenever the tables may have changed. */
static uint64
tables_generation(void)
{
	return trust_table_generation(TRUST_ISSUERS) +
		trust_table_generation(TRUST_KEYS);
}

/* Changes whenever the trust in this database may have changed. */
uint64
trust_generation(void)
{
	return tables_generation() + trust_file_generation();
}

/*
 * Learn what has changed.  What other sessions have committed counts from the
 * next statement on, in the middle of a transaction too.
 */
void
trust_catch_up(void)
{
	AcceptInvalidationMessages();
	trust_file_catch_up();
}

/* A text column as a C string. */
static const char *
text_column(HeapTuple tuple, TupleDesc desc, int column)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, column, desc, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

/* A column of timestamptz; infinity for NULL. */
static TimestampTz
time_column(HeapTuple tuple, TupleDesc desc, int column)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, column, desc, &isnull);

	return isnull ? DT_NOEND : DatumGetTimestampTz(value);
}

/* A boolean column; false for NULL. */
static bool
bool_column(HeapTuple tuple, TupleDesc desc, int column)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, column, desc, &isnull);

	return !isnull && DatumGetBool(value);
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

/* Read one row of pindah.issuers. */
static void
read_issuer(void *state, HeapTuple tuple, TupleDesc desc)
{
	Keyring    *ring = state;
	char	   *map = jsonb_column(tuple, desc, ISSUERS_CLAIM_MAP);
	TrustedIssuer *issuer = keyring_add_issuer(ring, text_column(tuple, desc,
																ISSUERS_ISSUER));

	issuer->has_audience = list_column(tuple, desc, ISSUERS_AUDIENCE,
									   &issuer->audience);
	issuer->has_organisations = list_column(tuple, desc, ISSUERS_ORGANISATIONS,
											&issuer->organisations);
	if (map != NULL)
	{
		ClaimNames *names = palloc(sizeof(ClaimNames));

		issuer->claim_names =
			claims_read_map(map, strlen(map), ring->encoding, names) ?
			names : NULL;
	}
}

/* Read one row of pindah.keys. */
static void
read_key(void *into, HeapTuple tuple, TupleDesc desc)
{
	Keyring    *ring = into;
	const char *state = text_column(tuple, desc, KEYS_STATE);
	TrustedKey *key = keyring_add_key(ring, text_column(tuple, desc, KEYS_ISSUER),
									  text_column(tuple, desc, KEYS_KEY_ID));

	key->json = jsonb_column(tuple, desc, KEYS_JWK);
	key->revoked = strcmp(state, "active") != 0 &&
		strcmp(state, "next") != 0 && strcmp(state, "retiring") != 0;
	key->ends_at = time_column(tuple, desc, KEYS_VERIFY_UNTIL);
	key->signs = strcmp(state, "active") == 0 &&
		bool_column(tuple, desc, KEYS_MADE_HERE);
}

/* Bring the copy of the tables up to date; false when there are none. */
static bool
refresh_tables(void)
{
	uint64		generation = tables_generation();
	MemoryContext caller;
	Oid			issuers;
	Oid			keys;
	Keyring    *ring;
	Keyring    *old;

	if (tables != NULL && tables_shown == generation)
		return true;
	issuers = trust_table_find(TRUST_ISSUERS);
	keys = trust_table_find(TRUST_KEYS);
	if (!OidIsValid(issuers) || !OidIsValid(keys))
		return false;

	ring = keyring_create(CurrentMemoryContext, GetDatabaseEncoding(), KEY_OF_TABLES);
	caller = MemoryContextSwitchTo(ring->context);
	trust_tables_read(issuers, read_issuer, keys, read_key, ring);
	keyring_seal(ring);
	MemoryContextSwitchTo(caller);

	MemoryContextSetParent(ring->context, TopMemoryContext);
	old = tables;
	tables = ring;
	tables_shown = generation;
	if (old != NULL)
		MemoryContextDelete(old->context);
	return true;
}

/*
 * The issuer of that name, byte for byte ('' for tokens without iss), or
 * NULL when it is not trusted.  Must run inside a transaction.
 */
const TrustedIssuer *
trust_find_issuer(const char *issuer)
{
	const TrustedIssuer *found;

	if (!refresh_tables())
		return NULL;
	found = keyring_find_issuer(tables, issuer);
	return found != NULL ? found : trust_file_find_issuer(issuer);
}

/* The key that the issuer signs with here, or NULL. */
static TrustedKey *
signer_of(const TrustedIssuer *issuer)
{
	for (int i = 0; i < issuer->nkeys; i++)
	{
		if (issuer->keys[i].signs)
			return &issuer->keys[i];
	}
	return NULL;
}

/*
 * The key that an issuer signs with here, and the issuer; NULL for "issuer"
 * means the only one that does.  Gives how many there are.
 */
int
trust_find_signer(const char *issuer, const TrustedIssuer **found, TrustedKey **key)
{
	int			count = 0;

	for (int i = 0; refresh_tables() && i < tables->nissuers; i++)
	{
		const TrustedIssuer *candidate = &tables->issuers[i];
		TrustedKey *signer = signer_of(candidate);

		if (signer == NULL ||
			(issuer != NULL && strcmp(candidate->issuer, issuer) != 0))
			continue;
		*found = candidate;
		*key = signer;
		count++;
	}
	return count;
}
