/*-------------------------------------------------------------------------
 *
 * plan_constants.c
 *	  What a query need not ask of the tenant: twice, or once a row.
 *
 * The restrictive policy of a protected table asks pindah.holds(column =
 * accessor()) of each row.  To a finished plan that is no more than what it asks,
 * and nothing new where an index or the filter of the scan compares the very
 * column with the tenant.  So when a plan has been made, the calls are taken out of
 * it: to set them up costs a short query as much as all else that the policies do.
 *
 * The filter of a protected table asks for the tenant once a row.  However
 * little that costs, it is a call more than a comparison with a constant: a
 * tenth of a sequential scan over narrow rows.  The planner may not put the
 * constant there, since a plan is kept and used under other identities.  But
 * the identity cannot change under a query that has begun (identity_guard.c),
 * so when a query that will take long has been set up, the filters of its
 * scans are set up once more, with the tenant of now:
 *
 * - A call of an accessor becomes its answer.
 * - A scan for a tenant that is NULL, for want of a permission, is not begun.
 *
 * That changes only what one execution runs, and not the plan: it is shared with
 * other executions, shown by EXPLAIN and sent to parallel workers, which do
 * the same for themselves.
 *
 *-------------------------------------------------------------------------
 */
#include "plan_constants.h"

#include "access/transam.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "plan_walk.h"
#include "utils/lsyscache.h"

/*
 * What a query must cost for each table or partition before a us more for it
 * at the start is worth while.
 */
#define WORTHWHILE_COST	100.0

/* The accessors of the tenant, in authorization.c. */
extern Datum pindah_organisation_id(PG_FUNCTION_ARGS);
extern Datum pindah_organisation_uuid(PG_FUNCTION_ARGS);
extern Datum pindah_organisation_bigint(PG_FUNCTION_ARGS);
extern Datum pindah_organisation_id_if(PG_FUNCTION_ARGS);
extern Datum pindah_organisation_uuid_if(PG_FUNCTION_ARGS);
extern Datum pindah_organisation_bigint_if(PG_FUNCTION_ARGS);

/* In policy_support.c. */
extern Datum pindah_holds(PG_FUNCTION_ARGS);

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

/* "column = accessor()", or NULL when the clause is anything else. */
static const OpExpr *
tenant_comparison(const Node *clause)
{
	const OpExpr *comparison = (const OpExpr *) clause;

	if (!IsA(clause, OpExpr) || list_length(comparison->args) != 2 ||
		!is_accessor(lsecond(comparison->args)) || !op_strict(comparison->opno))
		return NULL;
	return comparison;
}

/* What pindah.holds() asks about the tenant, or NULL. */
static const OpExpr *
comparison_that_holds(const Node *clause)
{
	const FuncExpr *call = (const FuncExpr *) clause;
	FmgrInfo	function;

	if (!IsA(clause, FuncExpr) || call->funcid < FirstNormalObjectId ||
		list_length(call->args) != 1)
		return NULL;
	fmgr_info(call->funcid, &function);
	return function.fn_addr == pindah_holds ? tenant_comparison(linitial(call->args)) : NULL;
}

/*
 * Does one of the clauses compare the same column with the tenant?  That may ask
 * for a permission besides: an accessor answers with the one tenant or NULL.
 * But a permission that is wanted has to be the same.
 */
static bool
is_compared(const OpExpr *wanted, List *clauses)
{
	ListCell   *cell;

	foreach(cell, clauses)
	{
		const OpExpr *comparison = tenant_comparison(lfirst(cell));

		if (comparison != NULL && comparison->opno == wanted->opno &&
			comparison->inputcollid == wanted->inputcollid &&
			equal(linitial(comparison->args), linitial(wanted->args)) &&
			(((FuncExpr *) lsecond(wanted->args))->args == NIL ||
			 equal(lsecond(comparison->args), lsecond(wanted->args))))
			return true;
	}
	return false;
}

/* Is this a comparison with NULL, which no row passes? */
static bool
is_never_true(const Node *clause)
{
	const OpExpr *comparison = (const OpExpr *) clause;

	return IsA(clause, OpExpr) && list_length(comparison->args) == 2 &&
		IsA(lsecond(comparison->args), Const) &&
		lsecond_node(Const, comparison->args)->constisnull &&
		op_strict(comparison->opno);
}

/* In the place of a scan that would find nothing. */
static TupleTableSlot *
no_row(PlanState *state)
{
	return NULL;
}

/* Set a scan's filter up for the tenant of now. */
static void
fix_filter(PlanState *state)
{
	List	   *fixed = NIL;
	ListCell   *cell;

	foreach(cell, state->plan->qual)
	{
		Node	   *clause = replace_accessors(lfirst(cell), NULL);

		if (is_never_true(clause))
			ExecSetExecProcNode(state, no_row);
		fixed = lappend(fixed, clause);
	}
	state->qual = ExecInitQual(fixed, state);
}

/* Is this a scan of a table, and which conditions does an index see to? */
static bool
is_scan_of_table(const Plan *plan, List **index_conditions)
{
	*index_conditions = NIL;
	switch (nodeTag(plan))
	{
		case T_IndexScan:
			*index_conditions = ((const IndexScan *) plan)->indexqualorig;
			return true;
		case T_IndexOnlyScan:
			*index_conditions = ((const IndexOnlyScan *) plan)->recheckqual;
			return true;
		case T_BitmapHeapScan:
			*index_conditions = ((const BitmapHeapScan *) plan)->bitmapqualorig;
			return true;
		case T_SeqScan:
		case T_SampleScan:
		case T_TidScan:
		case T_TidRangeScan:
			return true;
		default:
			return false;
	}
}

/*
 * Set the filters of a node and of all below it up for the tenant of now.  One
 * with a subquery in it is left alone, since the subquery would be set up
 * twice; beside it, a call counts for nothing.
 */
static bool
fix_filters(PlanState *state, void *context)
{
	Plan	   *plan = state->plan;
	List	   *index_conditions;

	if (is_scan_of_table(plan, &index_conditions) &&
		holds_accessor((Node *) plan->qual, NULL) &&
		!contain_subplans((Node *) plan->qual))
		fix_filter(state);
	return planstate_tree_walker(state, fix_filters, context);
}

/*
 * Give a query that has been set up, and will take long, its tenant as a
 * constant.  Raises what the accessors raise: 28000 when the identity is no
 * longer in force.
 */
void
query_fix_tenant(QueryDesc *query)
{
	const PlannedStmt *plan = query->plannedstmt;
	MemoryContext caller;

	if (plan->planTree->total_cost < WORTHWHILE_COST * list_length(plan->rtable))
		return;
	caller = MemoryContextSwitchTo(query->estate->es_query_cxt);
	fix_filters(query->planstate, NULL);
	MemoryContextSwitchTo(caller);
}

/*
 * Leave of pindah.holds() in a scan's filter what it asks, and not even that
 * where an index or an earlier clause compares the column with the tenant.  What
 * stands after the call is asked of no other rows than before.
 */
static void
strip_filter(Plan *plan, void *context)
{
	List	   *index_conditions;
	List	   *kept = NIL;
	ListCell   *cell;

	if (!is_scan_of_table(plan, &index_conditions))
		return;
	foreach(cell, plan->qual)
	{
		const OpExpr *held = comparison_that_holds(lfirst(cell));

		if (held == NULL)
			kept = lappend(kept, lfirst(cell));
		else if (!is_compared(held, kept) && !is_compared(held, index_conditions))
			kept = lappend(kept, (OpExpr *) held);
	}
	plan->qual = kept;
}

/* Take pindah.holds() out of the scans of a plan that has just been made. */
void
plan_strip_holds(PlannedStmt *plan)
{
	plan_walk(plan, strip_filter, NULL);
}
