/*-------------------------------------------------------------------------
 *
 * throttle.c
 *	  How many bad tokens an address may present: pindah.throttle_limit.
 *
 * A table of fixed size in shared memory has, for each address, when its
 * window began and how many of its tokens were refused since.  Over the limit
 * nothing of a token is looked at until the window ends.  The table is lost
 * with the server's memory, and nothing is written: it works in READ ONLY
 * transactions, after a rollback, and on a standby.
 *
 * An address is that of the connection, or what a header says that a superuser
 * has named: then the proxy vouches for it.  It is kept as a hash under a key
 * that changes with each start, so nobody can choose addresses that meet in
 * one bucket.  Where a bucket is full, the one with the fewest refusals goes:
 * whoever is over the limit stays.
 *
 * A parallel worker does not know whom it works for, and there is no reason to
 * present a token to it but to go around the limit: it looks at none.  What its
 * leader has set was presented to the leader (see identity.c).
 *
 * Everything in the table is read and written under its one lock, by the
 * functions below and nothing else; nothing can fail while it is held.
 *
 *-------------------------------------------------------------------------
 */
#include "throttle.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "access/parallel.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "http_request.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "stored_settings.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/inet.h"
#include "utils/timestamp.h"

#define TRANCHE			"pindah_throttle"
#define BUCKETS			1024
#define BUCKET_SIZE		8

typedef struct ThrottleSlot
{
	uint64		address;		/* its hash; 0: free */
	uint32		begun;			/* second in which its window began */
	uint32		refused;
} ThrottleSlot;

typedef struct ThrottleTable
{
	LWLock	   *lock;
	uint64		key;			/* of the hash */
	ThrottleSlot slots[BUCKETS * BUCKET_SIZE];
} ThrottleTable;

static int	limit = 0;
static int	window = 60;
static ThrottleTable *table = NULL; /* NULL unless preloaded */
static shmem_startup_hook_type previous_shmem_startup = NULL;
#ifdef SHMEM_IS_REQUESTED_BY_HOOK
static shmem_request_hook_type previous_shmem_request = NULL;
#endif

/*
 * The part of an address that one client has: all of an IPv4 address, and the
 * network of an IPv6 address, since everybody has a /64 to choose from.
 */
static uint64
hash_ipv4(const struct in_addr *address)
{
	return hash_bytes_extended((const unsigned char *) address, sizeof(*address),
							   table->key);
}

static uint64
hash_ipv6(const struct in6_addr *address)
{
	struct in_addr mapped;

	if (!IN6_IS_ADDR_V4MAPPED(address))
		return hash_bytes_extended((const unsigned char *) address, 8, table->key);
	memcpy(&mapped, (const char *) address + 12, sizeof(mapped));
	return hash_ipv4(&mapped);
}

/* Hash an address as a proxy writes it, with or without a port. */
static uint64
hash_text(const char *text)
{
	char	   *host = pstrdup(text);
	char	   *colon = strchr(host, ':');
	struct in_addr ipv4;
	struct in6_addr ipv6;

	if (*host == '[' && strchr(host, ']') != NULL)
	{
		*strchr(host, ']') = '\0';
		host++;
	}
	else if (colon != NULL && strchr(colon + 1, ':') == NULL)
		*colon = '\0';
	if (inet_pton(AF_INET, host, &ipv4) == 1)
		return hash_ipv4(&ipv4);
	if (inet_pton(AF_INET6, host, &ipv6) == 1)
		return hash_ipv6(&ipv6);
	return hash_bytes_extended((const unsigned char *) host, strlen(host), table->key);
}

/* Hash the other end of the connection: by its socket it is just "local". */
static uint64
hash_connection(void)
{
	LOCAL_FCINFO(fcinfo, 0);
	Datum		result;
	const inet *address;

	InitFunctionCallInfoData(*fcinfo, NULL, 0, InvalidOid, NULL, NULL);
	result = inet_client_addr(fcinfo);
	if (fcinfo->isnull)
		return hash_text("local");
	address = DatumGetInetPP(result);
	if (ip_family(address) == PGSQL_AF_INET)
		return hash_ipv4((const struct in_addr *) ip_addr(address));
	return hash_ipv6((const struct in6_addr *) ip_addr(address));
}

/* The hash of the address that this backend works for; 0: nobody's. */
static uint64
client_address(void)
{
	static uint64 connection = 0;
	const char *named;

	if (MyBackendType != B_BACKEND && MyBackendType != B_WAL_SENDER)
		return 0;
	named = http_request_client_address();
	if (named != NULL)
		return Max(hash_text(named), 1);
	if (connection == 0)
		connection = Max(hash_connection(), 1);
	return connection;
}

static uint32
this_second(void)
{
	return (uint32) (GetCurrentTimestamp() / USECS_PER_SEC);
}

/* Seconds until the window of a slot ends; 0 when it is over. */
static int
seconds_left(const ThrottleSlot *slot, uint32 now)
{
	/* A clock that was set back ends it too. */
	if (now < slot->begun || now - slot->begun >= (uint32) window)
		return 0;
	return window - (int) (now - slot->begun);
}

/* The slot of an address, or NULL. */
static ThrottleSlot *
find_slot(uint64 address)
{
	ThrottleSlot *bucket = &table->slots[address % BUCKETS * BUCKET_SIZE];

	for (int i = 0; i < BUCKET_SIZE; i++)
	{
		if (bucket[i].address == address)
			return &bucket[i];
	}
	return NULL;
}

/* A slot for an address that has none: one that is over, or the least one. */
static ThrottleSlot *
make_room(uint64 address, uint32 now)
{
	ThrottleSlot *bucket = &table->slots[address % BUCKETS * BUCKET_SIZE];
	ThrottleSlot *least = bucket;

	for (int i = 0; i < BUCKET_SIZE; i++)
	{
		if (bucket[i].address == 0 || seconds_left(&bucket[i], now) == 0)
			return &bucket[i];
		if (bucket[i].refused < least->refused)
			least = &bucket[i];
	}
	return least;
}

/*
 * How many seconds this client must wait before another token of it is looked
 * at; 0: none.
 */
int
throttle_wait(void)
{
	uint64		address;
	uint32		now;
	const ThrottleSlot *slot;
	int			wait = 0;

	if (limit == 0 || table == NULL)
		return 0;
	if (IsParallelWorker())
		return window;
	address = client_address();
	if (address == 0)
		return 0;
	now = this_second();
	LWLockAcquire(table->lock, LW_SHARED);
	slot = find_slot(address);
	if (slot != NULL && slot->refused >= (uint32) limit)
		wait = seconds_left(slot, now);
	LWLockRelease(table->lock);
	return wait;
}

/* Count a token that was refused to this client. */
void
throttle_note_refusal(void)
{
	uint64		address;
	uint32		now;
	ThrottleSlot *slot;

	if (limit == 0 || table == NULL)
		return;
	address = client_address();
	if (address == 0)
		return;
	now = this_second();
	LWLockAcquire(table->lock, LW_EXCLUSIVE);
	slot = find_slot(address);
	if (slot == NULL)
		slot = make_room(address, now);
	if (slot->address != address || seconds_left(slot, now) == 0)
	{
		slot->address = address;
		slot->begun = now;
		slot->refused = 0;
	}
	if (slot->refused < PG_UINT32_MAX)
		slot->refused++;
	LWLockRelease(table->lock);
}

/* Ask for the table's memory. */
static void
request_shmem(void)
{
#ifdef SHMEM_IS_REQUESTED_BY_HOOK
	if (previous_shmem_request)
		previous_shmem_request();
#endif
	RequestAddinShmemSpace(sizeof(ThrottleTable));
	RequestNamedLWLockTranche(TRANCHE, 1);
}

/* Find the table in shared memory, or make it. */
static void
start_shmem(void)
{
	bool		found;

	if (previous_shmem_startup)
		previous_shmem_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	table = ShmemInitStruct("pindah throttle", sizeof(ThrottleTable), &found);
	if (!found)
	{
		memset(table, 0, sizeof(*table));
		table->lock = &GetNamedLWLockTranche(TRANCHE)->lock;
		if (!pg_strong_random(&table->key, sizeof(table->key)))
			elog(FATAL, "could not generate random numbers");
	}
	LWLockRelease(AddinShmemInitLock);
}

/* A limit that counts nothing would be believed in: the advisor tells of it. */
static bool
check_limit(int *newval, void **extra, GucSource source)
{
	if (*newval == 0 || table != NULL || process_shared_preload_libraries_in_progress)
		return true;
	if (!setting_is_only_judged() && !InitializingParallelWorker)
		ereport(WARNING,
				(errmsg("pindah.throttle_limit has no effect here"),
				 errhint("Add pindah_auth to shared_preload_libraries, and restart the server.")));
	return !setting_is_only_judged();
}

/* Define the settings of this room, and ask for its memory. */
void
ThrottleInit(void)
{
	/* Set it for the roles that clients of the outside reach. */
	DefineCustomIntVariable("pindah.throttle_limit",
							"Bad tokens that an address may present in pindah.throttle_window.",
							"0 is no limit.", &limit, 0, 0, 1000000, PGC_SUSET, 0,
							check_limit, NULL, NULL);

	/* Lengthen it to make an attacker slower; honest clients wait as long. */
	DefineCustomIntVariable("pindah.throttle_window",
							"Time in which bad tokens are counted, and to wait after too many.",
							NULL, &window, 60, 1, 86400, PGC_SUSET, GUC_UNIT_S,
							NULL, NULL, NULL);

	if (!process_shared_preload_libraries_in_progress)
		return;
#ifdef SHMEM_IS_REQUESTED_BY_HOOK
	previous_shmem_request = shmem_request_hook;
	shmem_request_hook = request_shmem;
#else
	request_shmem();
#endif
	previous_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = start_shmem;
}
