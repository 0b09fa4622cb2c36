/*-------------------------------------------------------------------------
 *
 * null_rows.c
 *	  Are there rows that belong to nobody?
 *
 * A row whose tenant or parent is NULL is shown by no policy.  Whoever
 * protects a table is told of such rows; often it is a superuser, and the
 * table is another role's.  So they are not looked for by a query: to plan one
 * would run functions that the owner has put into his indexes, with the rights
 * of the superuser.  A btree index is descended for its NULLs instead, which
 * compares nothing and calls nobody, and costs the same for any size of table.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/skey.h"
#include "access/xlog.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

/* Can the rows of a relation be read here at all? */
static bool
is_readable(Relation relation)
{
	return relation->rd_rel->relkind == RELKIND_RELATION &&
		!RELATION_IS_OTHER_TEMP(relation) &&
		(RelationIsPermanent(relation) || !RecoveryInProgress());
}

/* May the caller be told what is in the rows of a table? */
static bool
may_see_all_rows(Relation relation)
{
	Oid			relid = RelationGetRelid(relation);

	return pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK &&
		check_enable_rls(relid, InvalidOid, true) != RLS_ENABLED;
}

/* Does a btree index over all rows lead with the column? */
static bool
index_leads_with(Oid indexid, AttrNumber attnum)
{
	Relation	index = index_open(indexid, AccessShareLock);
	bool		leads = index->rd_rel->relam == BTREE_AM_OID &&
		index->rd_index->indisvalid &&
		index->rd_index->indkey.values[0] == attnum &&
		heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL);

	index_close(index, NoLock);
	return leads;
}

/* An index by which the NULLs of a column are found, or InvalidOid. */
static Oid
find_index(Relation relation, AttrNumber attnum)
{
	List	   *indexes = RelationGetIndexList(relation);
	Oid			found = InvalidOid;
	ListCell   *cell;

	foreach(cell, indexes)
	{
		if (index_leads_with(lfirst_oid(cell), attnum))
		{
			found = lfirst_oid(cell);
			break;
		}
	}
	list_free(indexes);
	return found;
}

/* Is there a row whose column is NULL? */
static bool
index_has_null(Relation relation, Oid indexid, AttrNumber attnum)
{
	ScanKeyData key;
	SysScanDesc scan;
	bool		found;

	ScanKeyEntryInitialize(&key, SK_ISNULL | SK_SEARCHNULL, attnum, InvalidStrategy,
						   InvalidOid, InvalidOid, InvalidOid, (Datum) 0);
	scan = systable_beginscan(relation, indexid, true, GetActiveSnapshot(), 1, &key);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	return found;
}

/*
 * Has a column of a table a NULL?  NULL when that is not known: no index leads
 * with it, or the rows are not the caller's to see.
 */
PG_FUNCTION_INFO_V1(pindah_has_null);
Datum
pindah_has_null(PG_FUNCTION_ARGS)
{
	Relation	relation = try_relation_open(PG_GETARG_OID(0), AccessShareLock);
	bool		known = false;
	bool		found = false;

	if (relation == NULL)
		PG_RETURN_NULL();
	if (is_readable(relation) && may_see_all_rows(relation))
	{
		AttrNumber	attnum = get_attnum(RelationGetRelid(relation),
										NameStr(*PG_GETARG_NAME(1)));
		Oid			indexid = attnum > 0 ? find_index(relation, attnum) : InvalidOid;

		if (OidIsValid(indexid))
		{
			known = true;
			found = !TupleDescAttr(RelationGetDescr(relation), attnum - 1)->attnotnull &&
				index_has_null(relation, indexid, attnum);
		}
	}
	relation_close(relation, AccessShareLock);
	if (!known)
		PG_RETURN_NULL();
	PG_RETURN_BOOL(found);
}
