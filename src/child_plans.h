/*-------------------------------------------------------------------------
 *
 * child_plans.h
 *	  Tables that are reached through their parent, in the planner.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_CHILD_PLANS_H
#define PINDAH_CHILD_PLANS_H

#include "compat.h"

#include "nodes/plannodes.h"

extern void plan_strip_reaches(PlannedStmt *plan);

#endif							/* PINDAH_CHILD_PLANS_H */
