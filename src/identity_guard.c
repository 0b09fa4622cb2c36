/*-------------------------------------------------------------------------
 *
 * identity_guard.c
 *	  Keeps a running query to the identity that it began under.
 *
 * A cursor that reads protected rows, opened under one identity and fetched
 * from under another, would hand out a mixture of both; and a permission that
 * the planner had checked once, before the first row, would go on to count
 * for somebody who does not hold it.  So each query that row security has a
 * part in, or a security_barrier view that calls functions, is noted when it
 * starts, with the fingerprint of the identity.  Neither may it go on under
 * another, nor may an accessor answer it for another.  A query that began with
 * nobody signed in goes on with nobody.
 *
 * The note lives in the query's own memory and goes with it.  "running" is
 * the note of the innermost query that is being executed, NULL when that one
 * reads nothing protected; the executor's and planner's hooks keep it.
 *
 * A query that will take long gets its tenant as a constant (plan_constants.c)
 * and so keeps to it by itself: an identity that changes in the middle of it
 * is refused only when it is asked for the next part.
 *
 * With pindah.session_identity off, no cursor over protected rows may outlive
 * its transaction: the next client of a pool could fetch from it.
 *
 *-------------------------------------------------------------------------
 */
#include "identity_guard.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "child_plans.h"
#include "executor/executor.h"
#include "identity.h"
#include "lib/ilist.h"
#include "optimizer/planner.h"
#include "plan_constants.h"
#include "settings.h"
#include "tcop/pquery.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/syscache.h"

typedef struct GuardedQuery
{
	dlist_node	node;
	QueryDesc  *query;
	uint64		fingerprint;	/* 0: there was no identity */
	uint64		session_changes;	/* when it began */
	MemoryContextCallback forget;
} GuardedQuery;

static dlist_head guarded_queries = DLIST_STATIC_INIT(guarded_queries);
static const GuardedQuery *running = NULL;
static planner_hook_type previous_planner = NULL;
static ExecutorStart_hook_type previous_executor_start = NULL;
static ExecutorRun_hook_type previous_executor_run = NULL;
static ExecutorFinish_hook_type previous_executor_finish = NULL;

/* The fingerprint of the identity of this moment, 0 for none in force. */
static uint64
current_fingerprint(void)
{
	const Identity *identity = identity_look().identity;

	return identity == NULL ? 0 : identity->fingerprint;
}

static void
forget_query(void *arg)
{
	dlist_delete(&((GuardedQuery *) arg)->node);
}

/* Does a plan call functions that are not PostgreSQL's own, as the accessors are? */
static bool
calls_functions(const PlannedStmt *plan)
{
	ListCell   *cell;

	foreach(cell, plan->invalItems)
	{
		if (lfirst_node(PlanInvalItem, cell)->cacheId == PROCOID)
			return true;
	}
	return false;
}

/* Does row security have a part in the query, or a view that does the same? */
static bool
reads_protected_rows(const PlannedStmt *plan)
{
	ListCell   *cell;

	foreach(cell, plan->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, cell);
		HeapTuple	tuple;
		bool		row_security;

		if (rte->security_barrier && calls_functions(plan))
			return true;
		if (rte->rtekind != RTE_RELATION)
			continue;
		tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(rte->relid));
		if (!HeapTupleIsValid(tuple))
			continue;
		row_security = ((Form_pg_class) GETSTRUCT(tuple))->relrowsecurity;
		ReleaseSysCache(tuple);
		if (row_security &&
			check_enable_rls(rte->relid, InvalidOid, true) == RLS_ENABLED)
			return true;
	}
	return false;
}

/* Note a query and the identity that it began under. */
static const GuardedQuery *
guard_query(QueryDesc *query, uint64 fingerprint)
{
	GuardedQuery *guarded = MemoryContextAllocZero(query->estate->es_query_cxt,
												   sizeof(GuardedQuery));

	guarded->query = query;
	guarded->fingerprint = fingerprint;
	guarded->session_changes = session_changes;
	guarded->forget.func = forget_query;
	guarded->forget.arg = guarded;
	dlist_push_head(&guarded_queries, &guarded->node);
	MemoryContextRegisterResetCallback(query->estate->es_query_cxt, &guarded->forget);
	return guarded;
}

/* The note of a query, or NULL. */
static const GuardedQuery *
find_guarded_query(const QueryDesc *query)
{
	dlist_iter	iter;

	dlist_foreach(iter, &guarded_queries)
	{
		GuardedQuery *guarded = dlist_container(GuardedQuery, node, iter.cur);

		if (guarded->query == query)
			return guarded;
	}
	return NULL;
}

/* Say that a query cannot go on. */
static void
raise_identity_changed(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_CURSOR_STATE),
			 errmsg("the identity has changed since this query began"),
			 errdetail("A query over protected tables is bound to the identity under which it was opened."),
			 errhint("Close the cursor and open it again under the identity of now.")));
}

/*
 * Refuse to go on with a query that began under another identity.  One that
 * began with nobody may: the accessors answer it for nobody.
 */
static void
check_query(const GuardedQuery *guarded)
{
	uint64		now;

	if (guarded->fingerprint == 0)
		return;
	now = current_fingerprint();
	if (now == guarded->fingerprint)
		return;
	if (now == 0)
		(void) identity_current();	/* says so when it has expired */
	raise_identity_changed();
}

/*
 * The identity that may answer the query that is running: the current one,
 * or NULL.  Raises 28000 as identity_current() does, and 24000 when the query
 * began under another identity.
 */
const Identity *
identity_for_query(void)
{
	const Identity *identity = identity_current();

	if (running == NULL || identity == NULL ||
		identity->fingerprint == running->fingerprint)
		return identity;
	if (running->fingerprint != 0)
		raise_identity_changed();
	return NULL;
}

/*
 * Begin with another query, or go back to one.  Where the identity may have
 * changed since that one began, what a call site remembers that outlives its
 * query, as in PL/pgSQL, is not an answer for it.
 */
static void
switch_query(const GuardedQuery *to)
{
	if (running != to && to != NULL && to->session_changes != session_changes)
		session_changes++;
	running = to;
}

/* Planning asks accessors for estimates: that is not the running query. */
static PlannedStmt *
guard_planner(Query *query, const char *source, int options, ParamListInfo params)
{
	const GuardedQuery *outer = running;
	PlannedStmt *plan;

	running = NULL;
	PG_TRY();
	{
		if (previous_planner)
			plan = previous_planner(query, source, options, params);
		else
			plan = standard_planner(query, source, options, params);
	}
	/* Not PG_FINALLY(), with which gcc takes "plan" for clobbered. */
	PG_CATCH();
	{
		switch_query(outer);
		PG_RE_THROW();
	}
	PG_END_TRY();
	switch_query(outer);
	plan_strip_reaches(plan);
	plan_strip_holds(plan);
	return plan;
}

/* Refuse a cursor WITH HOLD where no identity outlives its transaction. */
static void
refuse_held_cursor(void)
{
	if (!settings_session_identity() && ActivePortal != NULL &&
		(ActivePortal->cursorOptions & CURSOR_OPT_HOLD) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a cursor WITH HOLD cannot read protected rows here"),
				 errhint("pindah.session_identity is off: use a cursor without HOLD, inside its transaction.")));
}

/*
 * Fix a query that has been set up to its tenant.  It is this query that asks
 * for it: not when somebody's code has meanwhile changed the identity.
 */
static void
fix_query(QueryDesc *query, const GuardedQuery *guarded)
{
	const GuardedQuery *outer = running;

	switch_query(guarded);
	PG_TRY();
	{
		query_fix_tenant(query);
	}
	PG_FINALLY();
	{
		switch_query(outer);
	}
	PG_END_TRY();
}

/* Set a query up, and note the identity if it reads protected rows. */
static void
guard_executor_start(QueryDesc *query, int flags)
{
	bool		guarded = (flags & EXEC_FLAG_EXPLAIN_ONLY) == 0 &&
		reads_protected_rows(query->plannedstmt);
	uint64		fingerprint = 0;

	/* What runs while the query is set up cannot change who it is for. */
	if (guarded)
	{
		refuse_held_cursor();
		fingerprint = current_fingerprint();
	}
	if (previous_executor_start)
		previous_executor_start(query, flags);
	else
		standard_ExecutorStart(query, flags);
	if (guarded)
		fix_query(query, guard_query(query, fingerprint));
}

/*
 * Begin to execute a part of a query, or what is left of it; gives what was
 * running before.
 */
static const GuardedQuery *
enter_query(QueryDesc *query, bool reads_more)
{
	const GuardedQuery *outer = running;
	const GuardedQuery *guarded = find_guarded_query(query);

	if (guarded != NULL && reads_more)
		check_query(guarded);
	switch_query(guarded);
	return outer;
}

static void
guard_executor_run(EXECUTOR_RUN_ARGS)
{
	const GuardedQuery *outer = enter_query(query, true);

	PG_TRY();
	{
		if (previous_executor_run)
			previous_executor_run(EXECUTOR_RUN_PASS);
		else
			standard_ExecutorRun(EXECUTOR_RUN_PASS);
	}
	PG_FINALLY();
	{
		switch_query(outer);
	}
	PG_END_TRY();
}

/* What is left of data-modifying CTEs runs here, and triggers. */
static void
guard_executor_finish(QueryDesc *query)
{
	const GuardedQuery *outer =
		enter_query(query, query->estate->es_auxmodifytables != NIL);

	PG_TRY();
	{
		if (previous_executor_finish)
			previous_executor_finish(query);
		else
			standard_ExecutorFinish(query);
	}
	PG_FINALLY();
	{
		switch_query(outer);
	}
	PG_END_TRY();
}

/* Chain the hooks of this room. */
void
IdentityGuardInit(void)
{
	previous_planner = planner_hook;
	planner_hook = guard_planner;
	previous_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = guard_executor_start;
	previous_executor_run = ExecutorRun_hook;
	ExecutorRun_hook = guard_executor_run;
	previous_executor_finish = ExecutorFinish_hook;
	ExecutorFinish_hook = guard_executor_finish;
}
