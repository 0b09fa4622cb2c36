/*-------------------------------------------------------------------------
 *
 * trust_tables.h
 *	  The tables of trust: which they are, and whether they have changed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_TRUST_TABLES_H
#define PINDAH_TRUST_TABLES_H

#include "compat.h"

#include "access/htup.h"
#include "access/tupdesc.h"

typedef enum TrustTable
{
	TRUST_ISSUERS,
	TRUST_KEYS,
	TRUST_REVOCATIONS
} TrustTable;

#define TRUST_TABLES_COUNT (TRUST_REVOCATIONS + 1)

/* Takes one row of a table. */
typedef void (*TrustRowReader) (void *state, HeapTuple tuple, TupleDesc desc);

extern void TrustTablesInit(void);
extern uint64 trust_table_generation(TrustTable table);
extern Oid	trust_member_table(const char *name);
extern Oid	trust_table_find(TrustTable table);
extern void trust_tables_read(Oid relid, TrustRowReader read_row,
							  Oid other_relid, TrustRowReader read_other_row,
							  void *state);

#endif							/* PINDAH_TRUST_TABLES_H */
