/*-------------------------------------------------------------------------
 *
 * connection_start.c
 *	  What a connection must bring along: pindah.require_token.
 *
 * The settings of a connection come from its options, its role and its
 * database, in an order of the server's own; whether there is an identity is
 * known when all have been applied.  That is when the transaction commits in
 * which the server sets a session up, before the first statement.  The library
 * is loaded by then if it is preloaded.  If it is not, identity.c raises when
 * the identity is asked for.
 *
 * Superusers are let in, since somebody must be able to mend the settings;
 * row security does not bind them anyway.  Where no identity can come with the
 * connection (pindah.session_identity off), none is asked for here.
 *
 *-------------------------------------------------------------------------
 */
#include "connection_start.h"

#include "access/xact.h"
#include "identity.h"
#include "miscadmin.h"
#include "settings.h"

/* Is this the set-up of a session that needs an identity? */
static bool
identity_is_due(void)
{
	return IsInitProcessingMode() && MyProcPort != NULL &&
		OidIsValid(MyDatabaseId) && settings_require_token() &&
		settings_session_identity() && !superuser_arg(GetSessionUserId());
}

static void
on_transaction_end(XactEvent event, void *arg)
{
	IdentityView view;
	TokenVerdict verdict;

	if (event != XACT_EVENT_PRE_COMMIT || !identity_is_due())
		return;
	view = identity_look();
	if (view.identity != NULL)
		return;
	verdict = view.verdict != TOKEN_OK ? view.verdict : identity_refused_at_start();
	ereport(FATAL,
			(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
			 errmsg("this role must connect with a valid token"),
			 errdetail("reason: %s", verdict == TOKEN_OK ? "absent" :
					   token_verdict_reason(verdict)),
			 verdict == TOKEN_OK ?
			 errhint("Give the token in the options of the connection: PGOPTIONS=\"-c pindah.token=...\".") :
			 errhint("%s", token_verdict_hint(verdict))));
}

/* Watch for the end of the set-up. */
void
ConnectionStartInit(void)
{
	RegisterXactCallback(on_transaction_end, NULL);
}
