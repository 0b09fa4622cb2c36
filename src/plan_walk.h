/*-------------------------------------------------------------------------
 *
 * plan_walk.h
 *	  All nodes of a finished plan.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_PLAN_WALK_H
#define PINDAH_PLAN_WALK_H

#include "compat.h"

#include "nodes/plannodes.h"

typedef void (*PlanVisitor) (Plan *plan, void *context);

extern void plan_walk(PlannedStmt *plan, PlanVisitor visit, void *context);

#endif							/* PINDAH_PLAN_WALK_H */
