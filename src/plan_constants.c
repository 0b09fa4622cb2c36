/*-------------------------------------------------------------------------
 *
 * plan_constants.c
 *	  The tenant as a constant in the filters of a long query.
 *
 * The filter of a protected table asks for the tenant once a row.  However
 * little that costs, it is a call more than a comparison with a constant: a
 * tenth of a sequential scan over narrow rows.  The planner may not put the
 * constant there, since a plan is kept and used under other identities.  But
 * the identity cannot change under a query that has begun (identity_guard.c),
 * so when a query that will take long has been set up, the filters of its
 * scans are set up once more, with the tenant of now.
 *
 * Only what one execution runs is changed, never the plan: it is shared with
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

/* What a query must cost before a few us more at its start are worth while. */
#define WORTHWHILE_COST	1000.0

/* The accessors of the tenant, in authorization.c. */
extern Datum pindah_organisation_id(PG_FUNCTION_ARGS);
extern Datum pindah_organisation_uuid(PG_FUNCTION_ARGS);
extern Datum pindah_organisation_bigint(PG_FUNCTION_ARGS);
extern Datum pindah_organisation_id_if(PG_FUNCTION_ARGS);
extern Datum pindah_organisation_uuid_if(PG_FUNCTION_ARGS);
extern Datum pindah_organisation_bigint_if(PG_FUNCTION_ARGS);

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

/* Does the node read a table, and filter with the qualification of its plan? */
static bool
is_scan_of_table(const Plan *plan)
{
	switch (nodeTag(plan))
	{
		case T_SeqScan:
		case T_SampleScan:
		case T_IndexScan:
		case T_IndexOnlyScan:
		case T_BitmapHeapScan:
		case T_TidScan:
		case T_TidRangeScan:
			return true;
		default:
			return false;
	}
}

/*
 * Put the tenant of now into the filters of a node and of all below it.  One
 * with a subquery in it is left alone, since the subquery would be set up
 * twice; beside it, a call counts for nothing.
 */
static bool
fix_filters(PlanState *state, void *context)
{
	List	   *filter = state->plan->qual;

	if (is_scan_of_table(state->plan) && holds_accessor((Node *) filter, NULL) &&
		!contain_subplans((Node *) filter))
		state->qual = ExecInitQual((List *) replace_accessors((Node *) filter, NULL),
								   state);
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
	MemoryContext caller;

	if (query->plannedstmt->planTree->total_cost < WORTHWHILE_COST)
		return;
	caller = MemoryContextSwitchTo(query->estate->es_query_cxt);
	fix_filters(query->planstate, NULL);
	MemoryContextSwitchTo(caller);
}
