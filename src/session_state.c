/*-------------------------------------------------------------------------
 *
 * session_state.c
 *	  What a session keeps, and for whom: cursors WITH HOLD, temporary
 *	  objects, lastval(), settings of the application, LISTEN.
 *
 * All of these outlive the transaction that made them, and may hold rows that
 * only one principal may see - or, made by somebody with bad intentions under
 * the name of a table, catch the rows of the next.  A pooled session serves
 * one principal after the other.
 *
 * A transaction belongs to one client, whatever it does inside; so what counts
 * is who comes after it, and the room works when transactions end:
 *
 * - With pindah.session_identity off, nothing outlives a transaction.
 * - With it on, what there is belongs to the session's own identity, the one
 *	 that is left when the transaction has committed: "owner".  A transaction
 *	 that ran under another one takes along what it has touched; when the
 *	 session's own becomes another one, all of it goes.  What was made by
 *	 nobody passes to whoever signs in first, but to none after him: it could
 *	 be his, made when he had signed out.  A session that was connected
 *	 as a superuser keeps everything: it may see all rows, and is nobody's
 *	 but the superuser's.  (pgTAP has its plan in temporary tables.)
 *
 * Who somebody is, is told by the fingerprint of the identity: issuer, user,
 * organisation, roles and permissions, as for a cursor (identity_guard.c).  A
 * fresh token of the same person with the same rights changes nothing.
 *
 * It is done before the commit, in the transaction itself, and by what there
 * is, not by the statements that made it: no way to make it is overlooked.
 * The commit can still fail, and then the identity and what it has made are
 * back; so what the room knows of them changes only when it has succeeded.
 * Prepared statements hold no rows and stay, as do advisory locks, since
 * whoever holds one relies on it.
 *
 * Only the callbacks of this room write its state.
 *
 *-------------------------------------------------------------------------
 */
#include "session_state.h"

#include "access/genam.h"
#include "access/parallel.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_namespace.h"
#include "commands/async.h"
#include "commands/sequence.h"
#include "commands/tablecmds.h"
#include "executor/executor.h"
#include "funcapi.h"
#include "identity.h"
#include "miscadmin.h"
#include "settings.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc_tables.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* Columns of pg_cursor(). */
#define CURSOR_NAME				1
#define CURSOR_IS_HOLDABLE		3
#define CURSOR_CREATION_TIME	6

/* How much of what the session keeps has to go. */
typedef enum Leaving
{
	LEAVES_NOTHING,
	LEAVES_TOUCHED,				/* what this transaction has made or used */
	LEAVES_ALL
} Leaving;

/* What becomes of what a session keeps when it changes hands. */
typedef enum SessionState
{
	SESSION_STATE_KEEP,
	SESSION_STATE_DISCARD,
	SESSION_STATE_REFUSE
} SessionState;

static const struct config_enum_entry session_states[] = {
	{"keep", SESSION_STATE_KEEP, false},
	{"discard", SESSION_STATE_DISCARD, false},
	{"refuse", SESSION_STATE_REFUSE, false},
	{NULL, 0, false}
};

static int	session_state = SESSION_STATE_DISCARD;
static uint64 owner = 0;		/* fingerprint; 0: nobody */
static bool was_owned = false;	/* has there been an owner? */
static uint64 next_owner = 0;	/* if the transaction commits */
static bool temporary_dropped = false;	/* if the transaction commits */
static bool settings_reset = false; /* if the transaction commits */
static bool may_hold_cursors = true;	/* also from before we were loaded */
static bool may_have_temporary = true;
static bool may_have_settings = true;
static ExecutorStart_hook_type previous_executor_start = NULL;

/* How much goes with the transaction that is about to commit? */
static Leaving
judge_transaction(uint64 next)
{
	bool		changes = owner != next && (owner != 0 || was_owned);

	if (!settings_session_identity())
		return LEAVES_ALL;
	if (!changes && !identity_was_other_than(next))
		return LEAVES_NOTHING;
	if (superuser_arg(GetAuthenticatedUserId()))
		return LEAVES_NOTHING;
	return changes ? LEAVES_ALL : LEAVES_TOUCHED;
}

/*
 * The cursors WITH HOLD that were opened since a time, as a list of portals.
 */
static List *
find_held_cursors(TimestampTz since)
{
	LOCAL_FCINFO(fcinfo, 0);
	FmgrInfo	function;
	ReturnSetInfo result = {.type = T_ReturnSetInfo};
	TupleTableSlot *slot;
	List	   *portals = NIL;

	result.econtext = CreateStandaloneExprContext();
	result.allowedModes = SFRM_Materialize;
	result.returnMode = SFRM_Materialize;
	fmgr_info(F_PG_CURSOR, &function);
	InitFunctionCallInfoData(*fcinfo, &function, 0, InvalidOid, NULL,
							 (Node *) &result);
	(void) FunctionCallInvoke(fcinfo);

	slot = MakeSingleTupleTableSlot(result.setDesc, &TTSOpsMinimalTuple);
	while (tuplestore_gettupleslot(result.setResult, true, false, slot))
	{
		bool		isnull;
		Portal		portal;

		if (!DatumGetBool(slot_getattr(slot, CURSOR_IS_HOLDABLE, &isnull)) ||
			DatumGetTimestampTz(slot_getattr(slot, CURSOR_CREATION_TIME, &isnull)) < since)
			continue;
		portal = GetPortalByName(TextDatumGetCString(slot_getattr(slot, CURSOR_NAME,
																  &isnull)));
		/* One that is running or pinned is not left to anybody yet. */
		if (PortalIsValid(portal) && portal->status != PORTAL_ACTIVE &&
			!portal->portalPinned)
			portals = lappend(portals, portal);
	}
	ExecDropSingleTupleTableSlot(slot);
	tuplestore_end(result.setResult);
	FreeExprContext(result.econtext, true);
	return portals;
}

/* Is there anything in this session's temporary schema? */
static bool
has_temporary_objects(void)
{
	Relation	depend;
	ScanKeyData key[2];
	SysScanDesc scan;
	bool		found;

	if (!OidIsValid(MyProc->tempNamespaceId))
		return false;
	ScanKeyInit(&key[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(NamespaceRelationId));
	ScanKeyInit(&key[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(MyProc->tempNamespaceId));
	depend = table_open(DependRelationId, AccessShareLock);
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, 2, key);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return found;
}

/*
 * The source that the value of a setting has after the commit, and whether it
 * was set for the session in this transaction.
 */
static GucSource
source_after_commit(const struct config_generic *setting, bool *set_now)
{
	const GucStack *stack = setting->stack;

	*set_now = false;
	if (stack == NULL)
		return setting->source;
	while (stack->prev != NULL)
		stack = stack->prev;
	*set_now = stack->state == GUC_SET || stack->state == GUC_SET_LOCAL;
	if (stack->state == GUC_SET)
		return setting->source;
	return stack->state == GUC_SET_LOCAL ? PGC_S_SESSION : stack->source;
}

/*
 * Reset the settings of no library, in which applications keep what they like,
 * where they were set for the session.  Those of before this transaction are
 * looked for only where there may be some.
 */
static void
reset_application_settings(bool all)
{
	int			count;
	struct config_generic **settings = all && may_have_settings ?
		all_settings(&count) : settings_changed(&count);

	for (int i = 0; i < count; i++)
	{
		bool		set_now;

		if ((settings[i]->flags & GUC_CUSTOM_PLACEHOLDER) != 0 &&
			source_after_commit(settings[i], &set_now) == PGC_S_SESSION &&
			(all || set_now))
			(void) set_config_option(settings[i]->name, NULL, PGC_USERSET,
									 PGC_S_SESSION, GUC_ACTION_SET, true, 0, false);
	}
}

/* Refuse to commit what would pass to somebody else. */
static void
refuse_to_leave(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the session would keep %s for another identity", what),
			 settings_session_identity() ?
			 errhint("Close or drop them under the identity that made them, or run DISCARD ALL before the session changes hands.") :
			 errhint("pindah.session_identity is off: create temporary tables ON COMMIT DROP, and open cursors without HOLD.")));
}

/* Drop cursors WITH HOLD. */
static void
leave_cursors(Leaving leaving, bool refuse)
{
	ListCell   *cell;
	List	   *portals;

	if (!may_hold_cursors)
		return;
	/* The later transactions of a procedure start after the statement whose
	 * time their cursors bear. */
	portals = find_held_cursors(leaving == LEAVES_ALL ? DT_NOBEGIN :
								Min(GetCurrentTransactionStartTimestamp(),
									GetCurrentStatementStartTimestamp()));
	if (portals != NIL && refuse)
		refuse_to_leave("cursors WITH HOLD");
	foreach(cell, portals)
		PortalDrop(lfirst(cell), false);
	if (leaving == LEAVES_ALL)
		may_hold_cursors = false;
}

/* Drop temporary objects, after those that go by themselves. */
static void
leave_temporary_objects(Leaving leaving, bool refuse)
{
	bool		touched = (MyXactFlags & XACT_FLAGS_ACCESSEDTEMPNAMESPACE) != 0;

	if (!touched && (leaving != LEAVES_ALL || !may_have_temporary))
		return;
	PushActiveSnapshot(GetTransactionSnapshot());
	if (touched)
		PreCommit_on_commit_actions();
	if (has_temporary_objects())
	{
		if (refuse)
			refuse_to_leave("temporary objects");
		ResetTempTableNamespace();
	}
	PopActiveSnapshot();
	temporary_dropped = true;
}

/*
 * Before a transaction commits, take away what the one who comes next must not
 * have.
 */
static void
leave_session(void)
{
	uint64		next = settings_session_identity() ? identity_after_commit() : 0;
	Leaving		leaving = judge_transaction(next);
	bool		refuse = session_state == SESSION_STATE_REFUSE;

	if (leaving != LEAVES_NOTHING && session_state != SESSION_STATE_KEEP)
	{
		leave_cursors(leaving, refuse);
		leave_temporary_objects(leaving, refuse);
		reset_application_settings(leaving == LEAVES_ALL);
		ResetSequenceCaches();
		if (leaving == LEAVES_ALL)
			Async_UnlistenAll();
	}
	else if ((MyXactFlags & XACT_FLAGS_ACCESSEDTEMPNAMESPACE) != 0)
		may_have_temporary = true;
	next_owner = next;
	settings_reset = leaving == LEAVES_ALL && session_state != SESSION_STATE_KEEP;
}

/* The transaction has committed: what was taken away stays away. */
static void
note_commit(void)
{
	owner = next_owner;
	if (owner != 0)
		was_owned = true;
	if (temporary_dropped)
		may_have_temporary = false;
	may_have_settings = !settings_reset;
}

/* What lastval() tells is not undone by a rollback. */
static void
leave_after_rollback(void)
{
	if (session_state != SESSION_STATE_KEEP &&
		(!settings_session_identity() || identity_was_other_than(owner)))
		ResetSequenceCaches();
}

static void
on_transaction_end(XactEvent event, void *arg)
{
	if (IsParallelWorker())
		return;
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			temporary_dropped = false;
			leave_session();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
			note_commit();
			break;
		case XACT_EVENT_ABORT:
			leave_after_rollback();
			break;
		default:
			break;
	}
}

/* Note that there may be cursors WITH HOLD. */
static void
note_held_cursor(QueryDesc *query, int flags)
{
	if (ActivePortal != NULL && (ActivePortal->cursorOptions & CURSOR_OPT_HOLD) != 0)
		may_hold_cursors = true;
	if (previous_executor_start)
		previous_executor_start(query, flags);
	else
		standard_ExecutorStart(query, flags);
}

/* Define the setting of this room and chain its hooks, after identity.c. */
void
SessionStateInit(void)
{
	/* Refuse, to be told of what would be dropped; keep, where each session
	 * serves one client only. */
	DefineCustomEnumVariable("pindah.session_state",
							 "What becomes of temporary objects and held cursors when a session changes hands.",
							 NULL, &session_state, SESSION_STATE_DISCARD, session_states,
							 PGC_SUSET, 0, NULL, NULL, NULL);

	previous_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = note_held_cursor;
	RegisterXactCallback(on_transaction_end, NULL);
}
