/*-------------------------------------------------------------------------
 *
 * plan_constants.h
 *	  What a query need not ask of the tenant: twice, or once a row.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_PLAN_CONSTANTS_H
#define PINDAH_PLAN_CONSTANTS_H

#include "compat.h"

#include "executor/execdesc.h"
#include "nodes/plannodes.h"

extern void plan_strip_holds(PlannedStmt *plan);
extern void query_fix_tenant(QueryDesc *query);

#endif							/* PINDAH_PLAN_CONSTANTS_H */
