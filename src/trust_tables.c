/*-------------------------------------------------------------------------
 *
 * trust_tables.c
 *	  The tables of trust: which they are, and whether they have changed.
 *
 * The tables are read directly, with a catalog snapshot: no grant is needed,
 * no transaction snapshot is taken, and a transaction sees what it has
 * changed itself.  They must be members of the extension, so that nobody can
 * put tables of his own in their place.
 *
 * A trigger on each sends a relcache invalidation with every change, which
 * arrives on a standby too.  Each table has a generation that counts them:
 * whoever keeps what he has read notes the generation before he reads.
 *
 * Only trust_table_find() writes the oids, only the callback the generations.
 *
 *-------------------------------------------------------------------------
 */
#include "trust_tables.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/extension.h"
#include "settings.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

static const char *const names[TRUST_TABLES_COUNT] = {
	[TRUST_ISSUERS] = "issuers",
	[TRUST_KEYS] = "keys",
	[TRUST_REVOCATIONS] = "revocations"
};

static Oid	oids[TRUST_TABLES_COUNT];
static uint64 generations[TRUST_TABLES_COUNT];

/*
 * Count a change of a table.  While it was not found, any new relation may
 * be it.
 */
static void
on_relcache_invalidation(Datum arg, Oid relid)
{
	for (int i = 0; i < TRUST_TABLES_COUNT; i++)
	{
		if (relid == InvalidOid || relid == oids[i] || !OidIsValid(oids[i]))
		{
			generations[i]++;
			session_changes++;
		}
	}
}

/* Changes whenever the table may have; never 0. */
uint64
trust_table_generation(TrustTable table)
{
	return generations[table] + 1;
}

/*
 * The table pindah.<name>, or InvalidOid where the extension has none.  Must
 * run inside a transaction.
 */
Oid
trust_member_table(const char *name)
{
	Oid			extension = get_extension_oid("pindah_auth", true);
	Oid			schema = get_namespace_oid("pindah", true);
	Oid			relid = InvalidOid;

	if (OidIsValid(extension) && OidIsValid(schema))
		relid = get_relname_relid(name, schema);
	if (OidIsValid(relid) &&
		getExtensionOfObject(RelationRelationId, relid) != extension)
		relid = InvalidOid;
	return relid;
}

/* The same for a table whose changes are counted from here on. */
Oid
trust_table_find(TrustTable table)
{
	oids[table] = trust_member_table(names[table]);
	return oids[table];
}

/* Hand every row of an open table to a reader, and close it. */
static void
read_table(Relation table, Snapshot snapshot, TrustRowReader read_row, void *state)
{
	SysScanDesc scan = systable_beginscan(table, InvalidOid, false, snapshot, 0, NULL);
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		read_row(state, tuple, RelationGetDescr(table));
	systable_endscan(scan);
	table_close(table, AccessShareLock);
}

/*
 * Hand every row of a table to a reader, and then those of another table (or
 * InvalidOid) to another one: both as they were at one time.  No lock is held
 * while another is waited for, so that nobody's locks of both are a deadlock.
 */
void
trust_tables_read(Oid relid, TrustRowReader read_row,
				  Oid other_relid, TrustRowReader read_other_row, void *state)
{
	Relation	table = table_open(relid, AccessShareLock);
	Snapshot	snapshot = RegisterSnapshot(GetCatalogSnapshot(relid));

	read_table(table, snapshot, read_row, state);
	if (OidIsValid(other_relid))
		read_table(table_open(other_relid, AccessShareLock), snapshot,
				   read_other_row, state);
	UnregisterSnapshot(snapshot);
}

/* Begin to listen for changes of the tables. */
void
TrustTablesInit(void)
{
	CacheRegisterRelcacheCallback(on_relcache_invalidation, (Datum) 0);
}
