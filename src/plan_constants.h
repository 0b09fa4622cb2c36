/*-------------------------------------------------------------------------
 *
 * plan_constants.h
 *	  The tenant as a constant in the plan of a long scan.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_PLAN_CONSTANTS_H
#define PINDAH_PLAN_CONSTANTS_H

#include "compat.h"

#include "nodes/plannodes.h"

extern bool plan_wants_constants(const PlannedStmt *plan);
extern PlannedStmt *plan_with_constants(const PlannedStmt *plan);

#endif							/* PINDAH_PLAN_CONSTANTS_H */
