/*-------------------------------------------------------------------------
 *
 * trust_stats.c
 *	  How often keys were used, over all sessions.
 *
 * In shared memory where the library is in shared_preload_libraries; elsewhere
 * each session counts for itself.  There is no lock: a slot belongs to the key
 * whose number stands in it, and everything is an atomic of its own.  When
 * all slots that a key may have are taken, it takes the one that was not used
 * for longest; what is counted at that instant may go astray.  These are
 * figures for people: nothing is decided by them.
 *
 * A leaf.  Everybody may count; nothing is ever freed but with the server.
 *
 *-------------------------------------------------------------------------
 */
#include "trust_stats.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/memutils.h"

#define SLOTS	1024			/* a power of two */
#define PROBES	8				/* slots that a key may have */

typedef struct Slot
{
	pg_atomic_uint64 key;		/* 0: free */
	pg_atomic_uint64 uses;
	pg_atomic_uint64 last_used; /* TimestampTz */
} Slot;

typedef struct TrustStats
{
	pg_atomic_uint64 told;		/* what the log was told last */
	Slot		slots[SLOTS];
} TrustStats;

static TrustStats *stats = NULL;
static bool is_shared = false;
static shmem_request_hook_type previous_request = NULL;
static shmem_startup_hook_type previous_startup = NULL;

/* Begin with nothing counted. */
static void
clear(TrustStats *fresh)
{
	pg_atomic_init_u64(&fresh->told, 0);
	for (int i = 0; i < SLOTS; i++)
	{
		pg_atomic_init_u64(&fresh->slots[i].key, 0);
		pg_atomic_init_u64(&fresh->slots[i].uses, 0);
		pg_atomic_init_u64(&fresh->slots[i].last_used, 0);
	}
}

static void
request_memory(void)
{
	if (previous_request)
		previous_request();
	RequestAddinShmemSpace(sizeof(TrustStats));
}

static void
attach_memory(void)
{
	bool		found;

	if (previous_startup)
		previous_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	stats = ShmemInitStruct("pindah trust statistics", sizeof(TrustStats), &found);
	if (!found)
		clear(stats);
	LWLockRelease(AddinShmemInitLock);
}

/* What is counted, here or together; NULL while there is no memory yet. */
static TrustStats *
get_stats(void)
{
	if (stats == NULL && !is_shared)
	{
		TrustStats *own = MemoryContextAlloc(TopMemoryContext, sizeof(TrustStats));

		clear(own);
		stats = own;
	}
	return stats;
}

/* The number of a key, never 0.  Two keys share one by an unlikely chance. */
uint64
trust_stats_key(KeySource source, const char *issuer, const char *key_id)
{
	uint64		hash = source == KEY_OF_FILE ? 1 : (uint64) MyDatabaseId << 1;

	hash = hash_bytes_extended((const unsigned char *) issuer,
							   (int) strlen(issuer), hash);
	hash = hash_bytes_extended((const unsigned char *) key_id,
							   (int) strlen(key_id), hash);
	return hash == 0 ? 1 : hash;
}

/* The slot of a key, or NULL when it has none. */
static Slot *
find_slot(TrustStats *of, uint64 key)
{
	for (int i = 0; i < PROBES; i++)
	{
		Slot	   *slot = &of->slots[(key + i) & (SLOTS - 1)];

		if (pg_atomic_read_u64(&slot->key) == key)
			return slot;
	}
	return NULL;
}

/* Take a slot for a key that has none. */
static Slot *
take_slot(TrustStats *of, uint64 key)
{
	Slot	   *oldest = &of->slots[key & (SLOTS - 1)];
	uint64		owner;

	for (int i = 0; i < PROBES; i++)
	{
		Slot	   *slot = &of->slots[(key + i) & (SLOTS - 1)];

		owner = 0;
		if (pg_atomic_compare_exchange_u64(&slot->key, &owner, key) || owner == key)
			return slot;
		if (pg_atomic_read_u64(&slot->last_used) <
			pg_atomic_read_u64(&oldest->last_used))
			oldest = slot;
	}
	owner = pg_atomic_read_u64(&oldest->key);
	if (pg_atomic_compare_exchange_u64(&oldest->key, &owner, key))
		pg_atomic_write_u64(&oldest->uses, 0);
	return oldest;
}

/* Count a use of a key. */
void
trust_stats_count(uint64 key, TimestampTz now)
{
	TrustStats *of = get_stats();
	Slot	   *slot;

	if (of == NULL)
		return;
	slot = find_slot(of, key);
	if (slot == NULL)
		slot = take_slot(of, key);
	pg_atomic_fetch_add_u64(&slot->uses, 1);
	pg_atomic_write_u64(&slot->last_used, (uint64) now);
}

/* How often and when was a key used?  False: never, or it is forgotten. */
bool
trust_stats_find(uint64 key, uint64 *uses, TimestampTz *last_used)
{
	TrustStats *of = get_stats();
	Slot	   *slot = of == NULL ? NULL : find_slot(of, key);

	if (slot == NULL)
		return false;
	*uses = pg_atomic_read_u64(&slot->uses);
	*last_used = (TimestampTz) pg_atomic_read_u64(&slot->last_used);
	return *uses > 0;
}

/*
 * Is this news?  All sessions find out the same about the trust file; the
 * first one tells the log.  Where nothing is shared, each does.  "before" is
 * what the log was told last, 0 when that is not known.
 */
bool
trust_stats_tell_once(uint64 what, uint64 *before)
{
	*before = 0;
	if (!is_shared || stats == NULL)
		return true;
	*before = pg_atomic_exchange_u64(&stats->told, what);
	return *before != what;
}

/* Ask for shared memory where there is some to be had. */
void
TrustStatsInit(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	is_shared = true;
	previous_request = shmem_request_hook;
	shmem_request_hook = request_memory;
	previous_startup = shmem_startup_hook;
	shmem_startup_hook = attach_memory;
}
