/*-------------------------------------------------------------------------
 *
 * plan_walk.c
 *	  All nodes of a finished plan.
 *
 * PostgreSQL has walkers for expressions and for plans that have been set up,
 * but none for plans.  Here each node comes before those below it, and the main
 * plan before its subqueries.  A node that is not known here is visited, as are
 * its left and right; nodes that only it knows of are not.
 *
 *-------------------------------------------------------------------------
 */
#include "plan_walk.h"

#include "miscadmin.h"

static void walk_node(Plan *plan, PlanVisitor visit, void *context);

static void
walk_nodes(List *plans, PlanVisitor visit, void *context)
{
	ListCell   *cell;

	foreach(cell, plans)
		walk_node(lfirst(cell), visit, context);
}

static void
walk_node(Plan *plan, PlanVisitor visit, void *context)
{
	if (plan == NULL)
		return;
	check_stack_depth();
	visit(plan, context);
	switch (nodeTag(plan))
	{
		case T_Append:
			walk_nodes(((Append *) plan)->appendplans, visit, context);
			break;
		case T_MergeAppend:
			walk_nodes(((MergeAppend *) plan)->mergeplans, visit, context);
			break;
		case T_BitmapAnd:
			walk_nodes(((BitmapAnd *) plan)->bitmapplans, visit, context);
			break;
		case T_BitmapOr:
			walk_nodes(((BitmapOr *) plan)->bitmapplans, visit, context);
			break;
		case T_CustomScan:
			walk_nodes(((CustomScan *) plan)->custom_plans, visit, context);
			break;
		case T_SubqueryScan:
			walk_node(((SubqueryScan *) plan)->subplan, visit, context);
			break;
		default:
			break;
	}
	walk_node(plan->lefttree, visit, context);
	walk_node(plan->righttree, visit, context);
}

/* Visit all nodes of a plan. */
void
plan_walk(PlannedStmt *plan, PlanVisitor visit, void *context)
{
	walk_node(plan->planTree, visit, context);
	walk_nodes(plan->subplans, visit, context);
}
