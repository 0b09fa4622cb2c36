/*-------------------------------------------------------------------------
 *
 * plan_constants.c
 *	  The tenant as a constant in the plan of a long scan.
 *
 * The filter of a protected table asks for the tenant once a row.  However
 * little that costs, it is a call more than a comparison with a constant: a
 * tenth of a sequential scan over narrow rows.  The planner may not put the
 * constant there, since a plan is kept and used under other identities.  But
 * the identity cannot change under a query that has begun (identity_guard.c),
 * so when a query begins that will take long, it is given a copy of its plan
 * in which the filters have the tenant of now.  EXPLAIN alone shows the calls.
 *
 * The copy serves one execution; the plan itself is never written.
 *
 *-------------------------------------------------------------------------
 */
#include "plan_constants.h"

#include "access/transam.h"
#include "fmgr.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"

/* What a plan must cost before a copy of it, some 10 us, is worth having. */
#define WORTHWHILE_COST	1000.0

/* The accessors of the tenant, in authorization.c. */
extern Datum pindah_organisation_id(PG_FUNCTION_ARGS);
extern Datum pindah_organisation_uuid(PG_FUNCTION_ARGS);
extern Datum pindah_organisation_bigint(PG_FUNCTION_ARGS);
extern Datum pindah_organisation_id_if(PG_FUNCTION_ARGS);
extern Datum pindah_organisation_uuid_if(PG_FUNCTION_ARGS);
extern Datum pindah_organisation_bigint_if(PG_FUNCTION_ARGS);

typedef bool (*PlanVisitor) (Plan *plan);

/* Is this a call of an accessor of the tenant, without or with constants? */
static bool
is_accessor(const Node *node)
{
	const FuncExpr *call = (const FuncExpr *) node;
	FmgrInfo	function;

	if (!IsA(node, FuncExpr) || call->funcid < FirstNormalObjectId ||
		list_length(call->args) > 1 ||
		(call->args != NIL && !IsA(linitial(call->args), Const)))
		return false;
	fmgr_info(call->funcid, &function);
	return function.fn_addr == pindah_organisation_id ||
		function.fn_addr == pindah_organisation_uuid ||
		function.fn_addr == pindah_organisation_bigint ||
		function.fn_addr == pindah_organisation_id_if ||
		function.fn_addr == pindah_organisation_uuid_if ||
		function.fn_addr == pindah_organisation_bigint_if;
}

static bool
holds_accessor(Node *node, void *context)
{
	return node != NULL &&
		(is_accessor(node) || expression_tree_walker(node, holds_accessor, context));
}

static Node *
replace_accessors(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	if (is_accessor(node))
		return (Node *) evaluate_expr((Expr *) node, exprType(node),
									  exprTypmod(node), exprCollation(node));
	return expression_tree_mutator(node, replace_accessors, context);
}

static bool visit_plan(Plan *plan, PlanVisitor visitor);

/* Visit plans until a visitor says true. */
static bool
visit_plans(List *plans, PlanVisitor visitor)
{
	ListCell   *cell;

	foreach(cell, plans)
	{
		if (visit_plan(lfirst(cell), visitor))
			return true;
	}
	return false;
}

static bool
visit_plan(Plan *plan, PlanVisitor visitor)
{
	List	   *children = NIL;

	if (plan == NULL)
		return false;
	if (IsA(plan, Append))
		children = ((Append *) plan)->appendplans;
	else if (IsA(plan, MergeAppend))
		children = ((MergeAppend *) plan)->mergeplans;
	else if (IsA(plan, CustomScan))
		children = ((CustomScan *) plan)->custom_plans;
	else if (IsA(plan, SubqueryScan))
		children = list_make1(((SubqueryScan *) plan)->subplan);
	return visitor(plan) || visit_plans(children, visitor) ||
		visit_plan(plan->lefttree, visitor) ||
		visit_plan(plan->righttree, visitor);
}

/* Does a node filter by the tenant, row by row? */
static bool
filters_by_tenant(Plan *plan)
{
	return holds_accessor((Node *) plan->qual, NULL);
}

/* Put the tenant of now into the filter of a node. */
static bool
fix_tenant(Plan *plan)
{
	plan->qual = (List *) replace_accessors((Node *) plan->qual, NULL);
	return false;
}

/* Is it worth while to execute a copy of the plan in its place? */
bool
plan_wants_constants(const PlannedStmt *plan)
{
	return plan->planTree != NULL &&
		plan->planTree->total_cost >= WORTHWHILE_COST &&
		(visit_plan(plan->planTree, filters_by_tenant) ||
		 visit_plans(plan->subplans, filters_by_tenant));
}

/*
 * A copy of the plan, in the current memory context, in which the filters
 * have the tenant of now.  Raises what the accessors raise: 28000 when the
 * identity is no longer in force.
 */
PlannedStmt *
plan_with_constants(const PlannedStmt *plan)
{
	PlannedStmt *copy = copyObject(unconstify(PlannedStmt *, plan));

	visit_plan(copy->planTree, fix_tenant);
	visit_plans(copy->subplans, fix_tenant);
	return copy;
}
