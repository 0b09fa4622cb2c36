/*-------------------------------------------------------------------------
 *
 * token_cache.c
 *	  Tokens that this backend has verified before.
 *
 * A pool presents the same tokens over and over.  An entry is found by the
 * end of its token, which is signature and so well mixed, and counts only
 * when the whole token is equal, byte for byte, when the trust and settings
 * are those that it was verified under, when its times are in order now, and
 * when it was not revoked: that is looked up again after each revocation.
 * Refusals are never kept.  Bounded in entries and bytes; the entry that was
 * not used for longest makes room.
 *
 *-------------------------------------------------------------------------
 */
#include "token_cache.h"

#include "lib/ilist.h"
#include "revocation.h"
#include "settings.h"
#include "utils/memutils.h"
#include "verify.h"

#define CACHE_ENTRIES	64
#define CACHE_BYTES		(1024 * 1024)
#define TAIL_SIZE		8

typedef struct CacheEntry
{
	dlist_node	node;			/* in by_use */
	size_t		len;
	char	   *token;			/* NULL: free */
	Identity   *identity;
	uint64		revocations;	/* revocation_generation() it was clear in */
} CacheEntry;

static CacheEntry entries[CACHE_ENTRIES];
static uint64 tails[CACHE_ENTRIES]; /* the last bytes of each one's token */
static dlist_head by_use = DLIST_STATIC_INIT(by_use);	/* the latest first, free
														 * ones last */
static MemoryContext cache_context = NULL;
static uint64 cache_generation = 0; /* 0: by_use is not set up yet */
static Size cached_bytes = 0;

/* The last bytes of a token, as a number. */
static uint64
tail_of(const char *token, size_t len)
{
	uint64		tail = 0;

	memcpy(&tail, token + (len > TAIL_SIZE ? len - TAIL_SIZE : 0),
		   Min(len, TAIL_SIZE));
	return tail;
}

/* Forget an entry, and leave no copy of its token behind. */
static void
drop_entry(CacheEntry *entry)
{
	if (entry->token == NULL)
		return;
	cached_bytes -= entry->len + entry->identity->size;
	explicit_bzero(entry->token, entry->len);
	pfree(entry->token);
	pfree(entry->identity);
	entry->token = NULL;
	dlist_delete(&entry->node);
	dlist_push_tail(&by_use, &entry->node);
}

/* Forget everything that was verified under another trust. */
static void
drop_outdated(uint64 generation)
{
	if (cache_generation == generation)
		return;
	for (int i = 0; i < CACHE_ENTRIES; i++)
	{
		if (cache_generation == 0)
			dlist_push_tail(&by_use, &entries[i].node);
		drop_entry(&entries[i]);
	}
	cache_generation = generation;
}

/* Is the identity in force at "now"? */
static bool
is_in_force(const Identity *identity, TimestampTz now)
{
	int64		skew = settings_clock_skew_usec();

	return identity->has_expiry && identity->expires_at > now - skew &&
		identity->key_ends_at > now &&
		(!identity->has_not_before || identity->not_before <= now + skew);
}

/* Was the token of an entry not revoked? */
static bool
is_clear(CacheEntry *entry)
{
	uint64		revocations = revocation_generation();

	if (entry->revocations != revocations)
	{
		if (revocation_check_identity(entry->identity) != TOKEN_OK)
			return false;
		entry->revocations = revocations;
	}
	return true;
}

/*
 * The identity of a token that is verified and in force, or NULL.  Good until
 * the next call of a function of this room.
 */
const Identity *
token_cache_find(const char *token, size_t len, TimestampTz now)
{
	uint64		tail = tail_of(token, len);

	drop_outdated(verify_generation());
	for (int i = 0; i < CACHE_ENTRIES; i++)
	{
		CacheEntry *entry = &entries[i];

		if (tails[i] == tail && entry->token != NULL && entry->len == len &&
			memcmp(entry->token, token, len) == 0)
		{
			if (!is_in_force(entry->identity, now) || !is_clear(entry))
			{
				drop_entry(entry);
				return NULL;
			}
			dlist_move_head(&by_use, &entry->node);
			return entry->identity;
		}
	}
	return NULL;
}

/* Drop what was not used for longest, until so many bytes more may be kept. */
static void
make_room(Size size)
{
	while (cached_bytes + size > CACHE_BYTES)
	{
		dlist_iter	iter;

		dlist_reverse_foreach(iter, &by_use)
		{
			CacheEntry *entry = dlist_container(CacheEntry, node, iter.cur);

			if (entry->token != NULL)
			{
				drop_entry(entry);
				break;
			}
		}
	}
}

/*
 * Keep the identity of a token that was just found valid.  "generation" and
 * "revocations" are what verify_generation() and revocation_generation() said
 * before it was verified.
 */
void
token_cache_add(const char *token, size_t len, const Identity *identity,
				uint64 generation, uint64 revocations)
{
	Size		size = len + identity->size;
	MemoryContext caller;
	CacheEntry *entry;
	char	   *token_copy;
	Identity   *identity_copy;

	drop_outdated(verify_generation());
	if (generation != cache_generation || size > CACHE_BYTES / 4)
		return;
	make_room(size);
	entry = dlist_tail_element(CacheEntry, node, &by_use);
	drop_entry(entry);

	if (cache_context == NULL)
		cache_context = AllocSetContextCreate(TopMemoryContext,
											  "pindah token cache",
											  ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(cache_context);
	token_copy = palloc(len);
	identity_copy = palloc(identity->size);
	MemoryContextSwitchTo(caller);
	memcpy(token_copy, token, len);
	memcpy(identity_copy, identity, identity->size);

	tails[entry - entries] = tail_of(token, len);
	dlist_move_head(&by_use, &entry->node);
	entry->len = len;
	entry->token = token_copy;
	entry->identity = identity_copy;
	entry->revocations = revocations;
	cached_bytes += size;
}
