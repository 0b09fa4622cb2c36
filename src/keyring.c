/*-------------------------------------------------------------------------
 *
 * keyring.c
 *	  Issuers and their keys, from whatever source.
 *
 * A keyring is filled by its source (the trust tables in trust.c, the trust
 * file in trust_document.c), sealed, and from then on only looked up in; but
 * for keys of the tables, which are parsed when they are first needed.
 * Everything that it points at lives in its memory context, OpenSSL's keys
 * too: deleting the context frees all.
 *
 * An issuer has the keys of its own keyring that bear its name, and no other:
 * this is what keeps a token of one issuer from the keys of another.
 *
 *-------------------------------------------------------------------------
 */
#include "keyring.h"

#include "jwk.h"
#include "utils/memutils.h"

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
	const TrustedKey *one = a;
	const TrustedKey *other = b;
	int			order = strcmp(one->issuer, other->issuer);

	return order != 0 ? order : strcmp(one->key_id, other->key_id);
}

/* Grow an array of rows; "row" is the number of the next. */
static void *
make_room(Keyring *ring, void *array, int row, Size size)
{
	if (array == NULL)
		return MemoryContextAlloc(ring->context, 8 * size);
	if (row >= 8 && (row & (row - 1)) == 0)
		return repalloc_huge(array, (Size) row * 2 * size);
	return array;
}

/* An empty keyring, in a memory context of its own. */
Keyring *
keyring_create(MemoryContext parent, int encoding, KeySource source)
{
	MemoryContext context = AllocSetContextCreate(parent, "pindah keyring",
												  ALLOCSET_DEFAULT_SIZES);
	Keyring    *ring = MemoryContextAllocZero(context, sizeof(Keyring));

	ring->context = context;
	ring->encoding = encoding;
	ring->source = source;
	return ring;
}

/*
 * Add an issuer that may use the usual claim names and speak for all; its
 * strings must be in the ring's context.  Good until the next is added.
 */
TrustedIssuer *
keyring_add_issuer(Keyring *ring, const char *issuer)
{
	TrustedIssuer *added;

	ring->issuers = make_room(ring, ring->issuers, ring->nissuers,
							  sizeof(TrustedIssuer));
	added = &ring->issuers[ring->nissuers++];
	memset(added, 0, sizeof(*added));
	added->ring = ring;
	added->issuer = issuer;
	added->claim_names = claims_default_names();
	return added;
}

/* Add a key.  Good until the next is added. */
TrustedKey *
keyring_add_key(Keyring *ring, const char *issuer, const char *key_id)
{
	TrustedKey *added;

	ring->keys = make_room(ring, ring->keys, ring->nkeys, sizeof(TrustedKey));
	added = &ring->keys[ring->nkeys++];
	memset(added, 0, sizeof(*added));
	added->issuer = issuer;
	added->key_id = key_id;
	added->ends_at = DT_NOEND;
	return added;
}

/* Give each issuer the run of keys that is its own. */
static void
assign_keys(Keyring *ring)
{
	int			next = 0;

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

/* Put a filled keyring in order: from now on it can be looked up in. */
void
keyring_seal(Keyring *ring)
{
	if (ring->nissuers > 1)
		qsort(ring->issuers, ring->nissuers, sizeof(TrustedIssuer), compare_issuers);
	if (ring->nkeys > 1)
		qsort(ring->keys, ring->nkeys, sizeof(TrustedKey), compare_keys);
	for (int i = 0; i < ring->nissuers; i++)
	{
		ClaimList  *organisations = &ring->issuers[i].organisations;

		if (organisations->count > 1)
			qsort(organisations->items, organisations->count, sizeof(char *),
				  compare_strings);
	}
	assign_keys(ring);
}

/* The issuer of that name, byte for byte ('' for tokens without iss), or NULL. */
const TrustedIssuer *
keyring_find_issuer(const Keyring *ring, const char *issuer)
{
	TrustedIssuer wanted = {.issuer = issuer};

	if (ring->nissuers == 0)
		return NULL;
	return bsearch(&wanted, ring->issuers, ring->nissuers,
				   sizeof(TrustedIssuer), compare_issuers);
}

/* Parse a key when it is first needed; NULL when it is not usable. */
CryptoKey *
keyring_load_key(const Keyring *ring, TrustedKey *key)
{
	CryptoKey  *crypto;
	Jwk			jwk;

	if (key->loaded)
		return key->key;
	crypto = keyring_alloc_key(ring->context);
	if (jwk_read_trusted(key->json, strlen(key->json), ring->encoding,
						 crypto, &jwk) == KEY_OK)
		key->key = crypto;
	key->loaded = true;
	return key->key;
}

/* The one key of the issuer that a token without kid can mean at "now". */
static TokenVerdict
find_only_fitting_key(const TrustedIssuer *issuer, CryptoAlgorithm algorithm,
					  TimestampTz now, TrustedKey **found)
{
	*found = NULL;
	for (int i = 0; i < issuer->nkeys; i++)
	{
		CryptoKey  *key;

		if (issuer->keys[i].revoked || issuer->keys[i].ends_at <= now)
			continue;
		key = keyring_load_key(issuer->ring, &issuer->keys[i]);
		if (key == NULL || !jws_algorithm_fits(algorithm, crypto_key_algorithm(key)))
			continue;
		if (*found != NULL)
			return TOKEN_UNKNOWN_KEY;
		*found = &issuer->keys[i];
	}
	return *found == NULL ? TOKEN_UNKNOWN_KEY : TOKEN_OK;
}

/*
 * The key among the issuer's own that the header means (RFC 7515 4.1.4), if
 * it verifies at "now".
 */
TokenVerdict
keyring_find_key(const TrustedIssuer *issuer, const JwsHeader *header,
				 TimestampTz now, TrustedKey **key)
{
	TrustedKey *found = NULL;

	if (header->key_id == NULL)
	{
		TokenVerdict verdict = find_only_fitting_key(issuer, header->algorithm,
													 now, &found);

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
	if (found->ends_at <= now)
		return TOKEN_KEY_RETIRED;
	*key = found;
	if (keyring_load_key(issuer->ring, found) == NULL)
		return TOKEN_UNKNOWN_KEY;
	if (!jws_algorithm_fits(header->algorithm, crypto_key_algorithm(found->key)))
		return TOKEN_ALGORITHM_NOT_OF_KEY;
	return TOKEN_OK;
}

/* Count that a key has verified a token. */
void
keyring_count_use(const TrustedIssuer *issuer, TrustedKey *key, TimestampTz now)
{
	if (key->stats == 0)
		key->stats = trust_stats_key(issuer->ring->source, key->issuer, key->key_id);
	trust_stats_count(key->stats, now);
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
