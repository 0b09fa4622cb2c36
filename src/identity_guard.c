/*-------------------------------------------------------------------------
 *
 * identity_guard.c
 *	  Keeps a running query to the identity that it began under.
 *
 * A cursor that reads protected rows, opened under one identity and fetched
 * from under another, would hand out a mixture of both.  Each query that row
 * security has a part in is noted when it starts, with the fingerprint of the
 * identity, and refused to go on under another.  The note lives in the
 * query's own memory and goes with it.
 *
 * Also the place where a token whose transaction has ended is dropped, before
 * a query can hand it to parallel workers.
 *
 *-------------------------------------------------------------------------
 */
#include "identity_guard.h"

#include "executor/executor.h"
#include "identity.h"
#include "lib/ilist.h"
#include "utils/memutils.h"

typedef struct GuardedQuery
{
	dlist_node	node;
	QueryDesc  *query;
	uint64		fingerprint;	/* 0: there was no identity */
	MemoryContextCallback forget;
} GuardedQuery;

static dlist_head guarded_queries = DLIST_STATIC_INIT(guarded_queries);
static ExecutorStart_hook_type previous_executor_start = NULL;
static ExecutorRun_hook_type previous_executor_run = NULL;

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

/* Note a query and the identity that it begins under. */
static void
guard_query(QueryDesc *query)
{
	GuardedQuery *guarded = MemoryContextAllocZero(query->estate->es_query_cxt,
												   sizeof(GuardedQuery));

	guarded->query = query;
	guarded->fingerprint = current_fingerprint();
	guarded->forget.func = forget_query;
	guarded->forget.arg = guarded;
	dlist_push_head(&guarded_queries, &guarded->node);
	MemoryContextRegisterResetCallback(query->estate->es_query_cxt, &guarded->forget);
}

/* Refuse to go on with a query under another identity. */
static void
check_query(QueryDesc *query)
{
	dlist_iter	iter;

	dlist_foreach(iter, &guarded_queries)
	{
		GuardedQuery *guarded = dlist_container(GuardedQuery, node, iter.cur);

		if (guarded->query != query)
			continue;
		if (guarded->fingerprint != current_fingerprint())
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_CURSOR_STATE),
					 errmsg("the identity has changed since this query began"),
					 errdetail("A query over protected tables is bound to the identity under which it was opened."),
					 errhint("Close the cursor and open it again under the identity of now.")));
		return;
	}
}

static void
guard_executor_start(QueryDesc *query, int flags)
{
	identity_drop_ended_token();
	if (previous_executor_start)
		previous_executor_start(query, flags);
	else
		standard_ExecutorStart(query, flags);
	if (query->plannedstmt->dependsOnRole && (flags & EXEC_FLAG_EXPLAIN_ONLY) == 0)
		guard_query(query);
}

static void
guard_executor_run(EXECUTOR_RUN_ARGS)
{
	if (query->plannedstmt->dependsOnRole)
		check_query(query);
	if (previous_executor_run)
		previous_executor_run(EXECUTOR_RUN_PASS);
	else
		standard_ExecutorRun(EXECUTOR_RUN_PASS);
}

/* Chain the hooks of this room. */
void
IdentityGuardInit(void)
{
	previous_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = guard_executor_start;
	previous_executor_run = ExecutorRun_hook;
	ExecutorRun_hook = guard_executor_run;
}
