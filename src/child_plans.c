/*-------------------------------------------------------------------------
 *
 * child_plans.c
 *	  Tables that are reached through their parent, in the planner.
 *
 * A table without a tenant column shows the rows whose parent can be seen:
 * EXISTS (SELECT FROM parent WHERE parent.id = child.parent_id).  The planner
 * makes no join of a subquery in a policy: it would ask for each row of all
 * tenants.  So the policy says
 *
 *		pindah.reaches(EXISTS (...), parent_id, ARRAY (SELECT id FROM parent))
 *
 * where all but the first argument is for the planner: an index on parent_id
 * can look for parent_id = ANY (the parents that can be seen), and how many of
 * all parents these are tells how many of all children.  Both come from
 * support function requests.  The index only finds rows sooner: whichever way
 * they are found, EXISTS is asked for each.
 *
 * The planner's hook then takes the call out of the finished plan and leaves
 * EXISTS, so that nobody gathers all parents of a tenant to look at one row.
 * With the call left in, as in a plan that was made before the library was
 * loaded, the same rows are shown.
 *
 *-------------------------------------------------------------------------
 */
#include "child_plans.h"

#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/transam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "parser/parse_coerce.h"
#include "parser/parsetree.h"
#include "plan_walk.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* What is guessed where nothing is known, as PostgreSQL does for EXISTS. */
#define UNKNOWN_SELECTIVITY 0.5

/* The first argument; the others are for the planner. */
PG_FUNCTION_INFO_V1(pindah_reaches);
Datum
pindah_reaches(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!PG_ARGISNULL(0) && PG_GETARG_BOOL(0));
}

/* The init plan that gives a parameter its value, or NULL. */
static const SubPlan *
find_init_plan(PlannerInfo *root, const Node *node)
{
	const Param *param = (const Param *) node;
	ListCell   *cell;

	if (!IsA(node, Param) || param->paramkind != PARAM_EXEC)
		return NULL;
	for (; root != NULL; root = root->parent_root)
	{
		foreach(cell, root->init_plans)
		{
			const SubPlan *init_plan = lfirst_node(SubPlan, cell);

			if (list_member_int(init_plan->setParam, param->paramid))
				return init_plan;
		}
	}
	return NULL;
}

/* How many rows a table has that stands alone in a query's FROM; -1: unknown. */
static double
rows_of_table(PlannerInfo *root)
{
	int			i;

	for (i = 1; i < root->simple_rel_array_size; i++)
	{
		const RelOptInfo *rel = root->simple_rel_array[i];
		const RangeTblEntry *rte = root->simple_rte_array[i];

		if (rel == NULL || rel->reloptkind != RELOPT_BASEREL ||
			rte->rtekind != RTE_RELATION)
			continue;
		/* Of all partitions, and not of those that are left of them. */
		if (rte->inh)
		{
			HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(rte->relid));
			double		rows = -1;

			if (HeapTupleIsValid(tuple))
			{
				rows = ((Form_pg_class) GETSTRUCT(tuple))->reltuples;
				ReleaseSysCache(tuple);
			}
			return rows;
		}
		return rel->tuples;
	}
	return -1;
}

/* Which part of the children belongs to the parents that can be seen. */
static Selectivity
estimate_children(PlannerInfo *root, const Node *keys)
{
	const SubPlan *init_plan = find_init_plan(root, keys);
	const Plan *plan;
	double		rows;

	if (init_plan == NULL)
		return UNKNOWN_SELECTIVITY;
	plan = list_nth(root->glob->subplans, init_plan->plan_id - 1);
	rows = rows_of_table(list_nth(root->glob->subroots, init_plan->plan_id - 1));
	if (rows <= 0)
		return UNKNOWN_SELECTIVITY;
	return Min(plan->plan_rows / rows, 1.0);
}

/* Give an expression the type that an operator of an index wants, or NULL. */
static Node *
as_indexed(Node *node, Oid wanted)
{
	if (exprType(node) == wanted)
		return node;
	if (!IsBinaryCoercible(exprType(node), wanted))
		return NULL;
	return (Node *) makeRelabelType((Expr *) node, wanted, -1,
									exprCollation(node), COERCE_IMPLICIT_CAST);
}

/* key = ANY (keys), for a btree index on the key; NULL when it cannot be. */
static List *
index_condition(const SupportRequestIndexCondition *request, List *args)
{
	IndexOptInfo *index = request->index;
	Oid			key_type = index->opcintype[request->indexcol];
	Node	   *key;
	Node	   *keys = copyObject(lthird(args));
	Oid			element_type = get_element_type(exprType(keys));
	Oid			operator;
	ScalarArrayOpExpr *condition;

	if (request->indexarg != 1 || index->relam != BTREE_AM_OID || !IsA(keys, Param))
		return NIL;
	operator = get_opfamily_member(request->opfamily, key_type, element_type,
								   BTEqualStrategyNumber);
	/* varchar has the operators of text, and its arrays look the same */
	if (!OidIsValid(operator) && element_type == VARCHAROID)
	{
		keys = (Node *) makeRelabelType((Expr *) keys, TEXTARRAYOID, -1,
										exprCollation(keys), COERCE_IMPLICIT_CAST);
		operator = get_opfamily_member(request->opfamily, key_type, TEXTOID,
									   BTEqualStrategyNumber);
	}
	key = as_indexed(copyObject(lsecond(args)), key_type);
	if (!OidIsValid(operator) || key == NULL ||
		exprCollation(key) != request->indexcollation ||
		exprCollation(keys) != request->indexcollation)
		return NIL;

	condition = makeNode(ScalarArrayOpExpr);
	condition->opno = operator;
	condition->opfuncid = get_opcode(operator);
	condition->useOr = true;
	condition->inputcollid = request->indexcollation;
	condition->args = list_make2(key, keys);
	condition->location = -1;
	return list_make1(condition);
}

/* Tell the planner what pindah.reaches() can be used for, and how many pass. */
PG_FUNCTION_INFO_V1(pindah_reaches_support);
Datum
pindah_reaches_support(PG_FUNCTION_ARGS)
{
	Node	   *node = (Node *) PG_GETARG_POINTER(0);

	if (IsA(node, SupportRequestSelectivity))
	{
		SupportRequestSelectivity *request = (SupportRequestSelectivity *) node;

		request->selectivity = estimate_children(request->root, lthird(request->args));
		PG_RETURN_POINTER(request);
	}
	if (IsA(node, SupportRequestIndexCondition))
	{
		SupportRequestIndexCondition *request = (SupportRequestIndexCondition *) node;

		if (IsA(request->node, FuncExpr))
		{
			request->lossy = true;	/* EXISTS stays as the filter */
			PG_RETURN_POINTER(index_condition(request, ((FuncExpr *) request->node)->args));
		}
	}
	PG_RETURN_POINTER(NULL);
}

static bool
is_reaches(const Node *node)
{
	const FuncExpr *call = (const FuncExpr *) node;
	FmgrInfo	function;

	if (!IsA(node, FuncExpr) || call->funcid < FirstNormalObjectId ||
		list_length(call->args) != 3)
		return false;
	fmgr_info(call->funcid, &function);
	return function.fn_addr == pindah_reaches;
}

static bool
holds_reaches(Node *node, void *context)
{
	return node != NULL &&
		(is_reaches(node) || expression_tree_walker(node, holds_reaches, context));
}

static Node *
strip_reaches(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	if (is_reaches(node))
		return strip_reaches(linitial(((FuncExpr *) node)->args), context);
	return expression_tree_mutator(node, strip_reaches, context);
}

/* The parameters of all calls of pindah.reaches() in an expression. */
static bool
collect_keys(Node *node, void *context)
{
	Bitmapset **keys = context;

	if (node == NULL)
		return false;
	if (is_reaches(node) && IsA(lthird(((FuncExpr *) node)->args), Param))
		*keys = bms_add_member(*keys, ((Param *) lthird(((FuncExpr *) node)->args))->paramid);
	return expression_tree_walker(node, collect_keys, context);
}

/* The same list of conditions without calls of pindah.reaches(). */
static List *
strip_list(List *conditions, Bitmapset **keys)
{
	if (!holds_reaches((Node *) conditions, NULL))
		return conditions;
	collect_keys((Node *) conditions, keys);
	return (List *) strip_reaches((Node *) conditions, NULL);
}

static const Node *
without_relabel(const Node *node)
{
	while (node != NULL && IsA(node, RelabelType))
		node = (const Node *) ((const RelabelType *) node)->arg;
	return node;
}

/* The column of an index that a condition is about, 0 when it is not one. */
static AttrNumber
condition_column(const List *args)
{
	const Var  *var = (const Var *) without_relabel(linitial(args));

	return IsA(var, Var) ? var->varattno : 0;
}

/* The column for which this is a condition of ours, or 0. */
static AttrNumber
reaching_column(const Node *condition, const Bitmapset *keys)
{
	const ScalarArrayOpExpr *any = (const ScalarArrayOpExpr *) condition;
	const Param *param;

	if (!IsA(any, ScalarArrayOpExpr))
		return 0;
	param = (const Param *) without_relabel(lsecond(any->args));
	if (!IsA(param, Param) || param->paramkind != PARAM_EXEC ||
		!bms_is_member(param->paramid, keys))
		return 0;
	return condition_column(any->args);
}

/* Is a column of an index compared for equality with one value? */
static bool
is_pinned(const List *conditions, AttrNumber column)
{
	ListCell   *cell;

	foreach(cell, conditions)
	{
		const OpExpr *comparison = lfirst(cell);

		if (IsA(comparison, OpExpr) && list_length(comparison->args) == 2 &&
			condition_column(comparison->args) == column &&
			get_oprrest(comparison->opno) == F_EQSEL)
			return true;
	}
	return false;
}

/*
 * Where an index is asked for the children of one parent anyway, take out of
 * its conditions those for all parents: a nested loop would sort them each
 * time.  That the parent can be seen is asked in the filter.
 */
static void
drop_pinned(List **conditions, List **originals, const Bitmapset *keys)
{
	List	   *kept = NIL;
	List	   *kept_originals = NIL;
	ListCell   *condition;
	ListCell   *original;

	if (keys == NULL || list_length(*conditions) != list_length(*originals))
		return;
	forboth(condition, *conditions, original, *originals)
	{
		AttrNumber	column = reaching_column(lfirst(condition), keys);

		if (column != 0 && is_pinned(*conditions, column))
			continue;
		kept = lappend(kept, lfirst(condition));
		kept_originals = lappend(kept_originals, lfirst(original));
	}
	*conditions = kept;
	*originals = kept_originals;
}

/* What a statement asks of the rows that it writes or returns. */
static void
strip_checks(ModifyTable *plan, Bitmapset **keys)
{
	ListCell   *relation;
	ListCell   *cell;

	foreach(relation, plan->withCheckOptionLists)
	{
		foreach(cell, lfirst(relation))
		{
			WithCheckOption *check = lfirst_node(WithCheckOption, cell);

			check->qual = (Node *) strip_list((List *) check->qual, keys);
		}
	}
}

/* A filter stands in the node of an index, or above it: it comes first. */
static void
strip_plan(Plan *plan, void *context)
{
	Bitmapset **keys = context;

	plan->qual = strip_list(plan->qual, keys);
	switch (nodeTag(plan))
	{
		case T_ModifyTable:
			strip_checks((ModifyTable *) plan, keys);
			break;
		case T_BitmapHeapScan:
			{
				BitmapHeapScan *scan = (BitmapHeapScan *) plan;

				scan->bitmapqualorig = strip_list(scan->bitmapqualorig, keys);
				break;
			}
		case T_IndexScan:
			{
				IndexScan  *scan = (IndexScan *) plan;

				drop_pinned(&scan->indexqual, &scan->indexqualorig, *keys);
				break;
			}
		case T_IndexOnlyScan:
			{
				IndexOnlyScan *scan = (IndexOnlyScan *) plan;

				drop_pinned(&scan->indexqual, &scan->recheckqual, *keys);
				break;
			}
		case T_BitmapIndexScan:
			{
				BitmapIndexScan *scan = (BitmapIndexScan *) plan;

				drop_pinned(&scan->indexqual, &scan->indexqualorig, *keys);
				break;
			}
		default:
			break;
	}
}

/*
 * Put EXISTS in the place of pindah.reaches() in a plan that has just been
 * made.  There is a subquery in the call, so without one there is no call.
 */
void
plan_strip_reaches(PlannedStmt *plan)
{
	Bitmapset  *keys = NULL;

	if (plan->subplans == NIL)
		return;
	plan_walk(plan, strip_plan, &keys);
}
