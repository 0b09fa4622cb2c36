/*-------------------------------------------------------------------------
 *
 * plan_constants.h
 *	  The tenant as a constant in the filters of a long query.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_PLAN_CONSTANTS_H
#define PINDAH_PLAN_CONSTANTS_H

#include "compat.h"

#include "executor/execdesc.h"

extern void query_fix_tenant(QueryDesc *query);

#endif							/* PINDAH_PLAN_CONSTANTS_H */
