/*-------------------------------------------------------------------------
 *
 * identity.c
 *	  Who this session acts for: the settings pindah.token and
 *	  pindah.role_claims.
 *
 * The session's identity is a setting whose only legal value is a validly
 * signed JWT.  The check hook verifies the token and builds the identity as
 * the setting's "extra"; the assign hook points at it.  Scope, rollback,
 * RESET, DISCARD, function SET clauses and parallel workers are guc.c's.
 *
 * A verdict belongs to the trust and settings it was reached under.  When
 * those have changed since, the token - which guc.c keeps for us - is
 * verified once more at the next use, and the outcome is kept beside the
 * extra, which guc.c owns and other levels of its stack may share.  The same
 * way serves where a hook cannot verify at all: outside a transaction, and in
 * a parallel worker, whose start-up adds the value to whatever is raised or
 * logged meanwhile.  Such a token is taken unseen and believed in nothing
 * until it is used, and verified then.
 *
 * When tokens were revoked since, there is nothing to verify: whether this one
 * was among them is looked up at the next use, and the outcome kept likewise.
 *
 * Only the assign hooks write token_state and claims_identity, and note what
 * they assign in "assigned"; only reverify() writes "review", only
 * review_revocation() "revocation_review".  A pointer to an Identity is good
 * until the next assignment or review: nobody keeps one.
 *
 *-------------------------------------------------------------------------
 */
#include "identity.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "citus.h"
#include "encoding.h"
#include "miscadmin.h"
#include "revocation.h"
#include "settings.h"
#include "tcop/cmdtag.h"
#include "tcop/pquery.h"
#include "token_cache.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"
#include "utils/memutils.h"
#include "verify.h"

/* The "extra" of pindah.token; an Identity follows where there is one. */
typedef struct TokenState
{
	uint64		serial;			/* no two are equal in one backend */
	uint64		generation;		/* verify_generation() it holds for; 0: none */
	uint64		revocations;	/* revocation_generation() it was clear in */
	LocalTransactionId lxid;	/* transaction in which it was taken */
	GucSource	source;
} TokenState;

#define STATE_HEADER_SIZE		MAXALIGN(sizeof(TokenState))
#define STATE_IDENTITY(state)	((Identity *) ((char *) (state) + STATE_HEADER_SIZE))

/* The outcome of verifying the current token again. */
typedef struct Review
{
	uint64		serial;			/* of the TokenState it is about; 0: nothing */
	uint64		generation;
	uint64		revocations;
	TokenVerdict verdict;
	Identity   *identity;		/* in review_context */
} Review;

/* Whether the current token, verified at one generation, was revoked since. */
typedef struct RevocationReview
{
	uint64		serial;			/* of the TokenState it is about; 0: nothing */
	uint64		generation;
	uint64		revocations;
	TokenVerdict verdict;
} RevocationReview;

/* Whose identities were assigned in this transaction. */
typedef struct Assigned
{
	uint64		fingerprint;	/* 0: nobody's */
	bool		several;
} Assigned;

static char *token_value = NULL;
static char *claims_value = NULL;
static const TokenState *token_state = NULL;
static const Identity *claims_identity = NULL;
static bool token_was_dropped = false;	/* at the end of its transaction */
static bool token_is_outdated = false;	/* at load: set in an earlier one */
static TokenVerdict refused_at_start = TOKEN_OK;	/* with the connection */
static Assigned assigned;
static const struct config_generic *token_setting = NULL;
static const struct config_generic *claims_setting = NULL;
static Review review;
static RevocationReview revocation_review;
static MemoryContext review_context = NULL;
static MemoryContext scratch_context = NULL;

/*
 * Verify a token and build its identity, in scratch_context; NULL with a
 * verdict when it is refused.  A token of before comes from the cache.
 * Presented is one that this session has not had judged yet.
 */
static const Identity *
verify_and_build(const char *token, bool presented, TokenVerdict *verdict)
{
	size_t		len = strlen(token);
	TimestampTz now = verify_now();
	uint64		generation = verify_generation();
	uint64		revocations = revocation_generation();
	const Identity *identity = NULL;
	MemoryContext caller;
	TokenReading reading;

	*verdict = TOKEN_OK;
	if (len <= settings_max_token_size())
		identity = token_cache_find(token, len, now);
	if (identity != NULL)
		return identity;

	if (scratch_context == NULL)
		scratch_context = AllocSetContextCreate(TopMemoryContext,
												"pindah verification",
												0, 32 * 1024, ALLOCSET_DEFAULT_MAXSIZE);
	MemoryContextReset(scratch_context);
	caller = MemoryContextSwitchTo(scratch_context);
	if (presented)
		verify_presented_token(token, len, now, &reading);
	else
		verify_token(token, len, now, &reading);
	*verdict = reading.verdict;
	if (reading.verdict == TOKEN_OK)
	{
		identity = identity_build(&reading.claims, reading.key_id,
								  reading.key_ends_at, reading.payload);
		token_cache_add(token, len, identity, generation, revocations);
	}
	MemoryContextSwitchTo(caller);
	return identity;
}

/* Allocate the extra of pindah.token, with a copy of an identity or without. */
static TokenState *
make_state(const Identity *identity, uint64 generation, uint64 revocations,
		   GucSource source)
{
	static uint64 last_serial = 0;
	TokenState *state = guc_extra_alloc(STATE_HEADER_SIZE +
										(identity == NULL ? 0 : identity->size));

	if (state == NULL)
		return NULL;
	state->serial = ++last_serial;
	state->generation = identity == NULL ? 0 : generation;
	state->revocations = revocations;
	state->lxid = MyProc == NULL ? InvalidLocalTransactionId : MY_LOCAL_XID();
	state->source = source;
	if (identity != NULL)
		memcpy(STATE_IDENTITY(state), identity, identity->size);
	return state;
}

/*
 * Why the token that came with the connection was refused, unless another has
 * been set since; TOKEN_OK: it was not.
 */
TokenVerdict
identity_refused_at_start(void)
{
	return refused_at_start;
}

/* What to do about a refused token, and what becomes of its connection. */
static const char *
refusal_hint(TokenVerdict verdict, GucSource source)
{
	if (source > PGC_S_CLIENT)
		return token_verdict_hint(verdict);
	return psprintf("%s Unless a token is required, the session goes on without one: as nobody, or with the claims of its role.",
					token_verdict_hint(verdict));
}

/*
 * Refuse a token.  In the options of a connection it is as if there were none:
 * a warning, and whether one is required is decided when all is known
 * (connection_start.c).  Otherwise hand the words of the verdict to guc.c.
 */
static bool
refuse_setting(TokenVerdict verdict, char **newval, GucSource source)
{
	/* Where the library is loaded late, guc.c asks then. */
	if (IsInitProcessingMode() || source <= PGC_S_CLIENT)
		refused_at_start = verdict;
	if (IsInitProcessingMode() && source == PGC_S_CLIENT)
	{
		char	   *nobody = guc_value_alloc("");

		if (nobody == NULL)
			return false;
		ereport(WARNING,
				(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("%s: %s", TOKEN_REFUSED, token_verdict_sentence(verdict)),
				 errdetail("reason: %s", token_verdict_reason(verdict)),
				 errhint("%s", refusal_hint(verdict, source))));
		guc_value_free(*newval);
		*newval = nobody;
		return true;
	}
	GUC_check_errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION);
	GUC_check_errmsg("%s: %s", TOKEN_REFUSED, token_verdict_sentence(verdict));
	GUC_check_errdetail("reason: %s", token_verdict_reason(verdict));
	GUC_check_errhint("%s", refusal_hint(verdict, source));
	return false;
}

/*
 * Warn of an identity that is local to a transaction when the transaction is
 * this very statement.
 */
void
identity_warn_of_early_end(void)
{
	ErrorContextCallback *outer_context = error_context_stack;

	/* Inside DO and CALL there is more to come in this statement. */
	if (!IsTransactionState() || IsTransactionBlock() || IsSubTransaction() ||
		IsParallelWorker() || ActivePortal == NULL ||
		(ActivePortal->strategy == PORTAL_MULTI_QUERY &&
		 ActivePortal->commandTag != CMDTAG_SET))
		return;

	/* The statement, and a function's context, may hold the token. */
	error_context_stack = NULL;
	ereport(WARNING,
			(errcode(ERRCODE_NO_ACTIVE_SQL_TRANSACTION),
			 errhidestmt(true),
			 errmsg("the identity ends with this statement"),
			 settings_session_identity() ?
			 errhint("Begin a transaction first, or keep the identity for the session with is_local => false.") :
			 errhint("Begin a transaction first: pindah.session_identity is off here.")));
	error_context_stack = outer_context;
}

/*
 * A token or claims in the configuration file would be everybody's, and the
 * server logs what a reload has changed: refused.  All else in the file
 * still applies.
 */
static bool
is_from_file(GucSource source, const char *name)
{
	if (source != PGC_S_FILE)
		return false;
	GUC_check_errmsg("%s cannot be set in a configuration file", name);
	GUC_check_errhint("Attach pindah.role_claims to a role with ALTER ROLE ... SET; a token is set by its own session.");
	return true;
}

/*
 * Verify a value of pindah.token.
 *
 * ALTER ROLE and CREATE FUNCTION ask with PGC_S_TEST: the value will be
 * verified when it is used, in another session and perhaps another database;
 * what can be said now is that it is a bad place for a token.
 */
static bool
check_token(char **newval, void **extra, GucSource source)
{
	ErrorContextCallback *outer_context = error_context_stack;
	uint64		generation = 0;
	uint64		revocations = 0;
	const Identity *identity = NULL;
	TokenVerdict verdict;

	*extra = NULL;
	if (*newval == NULL || **newval == '\0')
		return true;
	if (is_from_file(source, "pindah.token"))
		return false;
	if (source == PGC_S_TEST)
	{
		ereport(WARNING,
				(errmsg("a token stored in a role, database or function can be read by every user"),
				 errhint("For roles of reporting tools use pindah.role_claims.")));
		return true;
	}

	if (token_is_outdated && !settings_session_identity())
	{
		GUC_check_errmsg("token dropped: the transaction in which it was set is over");
		return false;
	}

	if (IsTransactionState() && !InitializingParallelWorker &&
		OidIsValid(MyDatabaseId))
	{
		/* No context of an outer level may quote the value. */
		error_context_stack = NULL;
		verify_catch_up();
		generation = verify_generation();
		revocations = revocation_generation();
		identity = verify_and_build(*newval, true, &verdict);
		if (identity == NULL)
		{
			bool		accepted = refuse_setting(verdict, newval, source);

			error_context_stack = outer_context;
			return accepted;
		}
		error_context_stack = outer_context;
	}
	if (!settings_session_identity() && source == PGC_S_SESSION)
		identity_warn_of_early_end();
	*extra = make_state(identity, generation, revocations, source);
	if (*extra == NULL)
	{
		/* Without words of ours guc.c would quote the token. */
		GUC_check_errcode(ERRCODE_OUT_OF_MEMORY);
		GUC_check_errmsg("out of memory");
	}
	return *extra != NULL;
}

/* Whom a token speaks for; 0 when it was never verified, or there is none. */
static uint64
token_fingerprint(const TokenState *state)
{
	if (state == NULL)
		return 0;
	if (state->generation != 0)
		return STATE_IDENTITY(state)->fingerprint;
	if (review.serial == state->serial && review.identity != NULL)
		return review.identity->fingerprint;
	return 0;
}

/* Note whose identity is assigned. */
static void
note_assigned(uint64 fingerprint)
{
	if (fingerprint == 0)
		return;
	if (assigned.fingerprint != 0 && assigned.fingerprint != fingerprint)
		assigned.several = true;
	assigned.fingerprint = fingerprint;
}

/* Was an identity assigned in this transaction that is another one? */
bool
identity_was_other_than(uint64 fingerprint)
{
	return assigned.several ||
		(assigned.fingerprint != 0 && assigned.fingerprint != fingerprint);
}

/* The extra that a setting has once the transaction has committed. */
static const void *
extra_after_commit(const struct config_generic *setting, const void *now)
{
	const GucStack *stack = setting == NULL ? NULL : setting->stack;

	if (stack == NULL)
		return now;
	while (stack->prev != NULL)
		stack = stack->prev;
	if (stack->state == GUC_SET)
		return now;
	return stack->state == GUC_SET_LOCAL ? stack->masked.extra : stack->prior.extra;
}

/*
 * The fingerprint of the identity that the session has once the transaction
 * has committed, in force or not; 0 for nobody.  pindah.session_identity is on.
 */
uint64
identity_after_commit(void)
{
	const TokenState *token = extra_after_commit(token_setting, token_state);
	const Identity *claims = extra_after_commit(claims_setting, claims_identity);

	if (token != NULL)
		return token_fingerprint(token);
	return claims == NULL ? 0 : claims->fingerprint;
}

static void
assign_token(const char *newval, void *extra)
{
	token_state = extra;
	if (token_state != NULL)
		refused_at_start = TOKEN_OK;
	note_assigned(token_fingerprint(token_state));
	token_was_dropped = false;
	session_changes++;
}

/* Never the token. */
static const char *
show_token(void)
{
	return token_state == NULL ? "" : "(set, not shown)";
}

/* Read claims that a superuser vouches for: no signature, expiry optional. */
static bool
check_role_claims(char **newval, void **extra, GucSource source)
{
	MemoryContext context;
	MemoryContext caller;
	JsonObject	object;
	Claims		claims;
	Identity   *identity;
	bool		good = false;

	*extra = NULL;
	if (*newval == NULL || **newval == '\0')
		return true;

	if (is_from_file(source, "pindah.role_claims"))
		return false;

	context = AllocSetContextCreate(CurrentMemoryContext, "pindah role claims",
									ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(context);
	memset(&claims, 0, sizeof(claims));
	if (encoding_read_json(*newval, &object) == JSON_READ_OK &&
		claims_read(&object, claims_default_names(), &claims) == TOKEN_OK)
	{
		identity = identity_build(&claims, NULL, DT_NOEND, *newval);
		*extra = guc_extra_alloc(identity->size);
		if (*extra != NULL)
			memcpy(*extra, identity, identity->size);
		good = *extra != NULL;
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);

	/* A worker gets what its leader has: it must not raise, see above. */
	if (!good && InitializingParallelWorker)
		return true;
	if (!good)
	{
		GUC_check_errmsg("pindah.role_claims is not a usable set of claims");
		GUC_check_errhint("Give one JSON object with claims as a token holds them, such as OrganisationId and Permission.");
	}
	return good;
}

static void
assign_role_claims(const char *newval, void *extra)
{
	claims_identity = extra;
	if (claims_identity != NULL)
		note_assigned(claims_identity->fingerprint);
	session_changes++;
}

/* Verify the current token under the trust of now, and keep the outcome. */
static void
reverify(uint64 generation)
{
	ErrorContextCallback *outer_context = error_context_stack;
	uint64		revocations = revocation_generation();
	const Identity *identity;
	TokenVerdict verdict;

	review.serial = 0;
	if (review_context == NULL)
		review_context = AllocSetContextCreate(TopMemoryContext,
											   "pindah identity review",
											   ALLOCSET_SMALL_SIZES);
	MemoryContextReset(review_context);

	/* What a worker got from its leader has been presented there. */
	error_context_stack = NULL;
	identity = verify_and_build(token_value,
								token_state->generation == 0 && !IsParallelWorker(),
								&verdict);
	error_context_stack = outer_context;

	review.identity = NULL;
	if (identity != NULL)
	{
		review.identity = MemoryContextAlloc(review_context, identity->size);
		memcpy(review.identity, identity, identity->size);
	}
	review.verdict = verdict;
	review.generation = generation;
	review.revocations = revocations;
	/* Having to wait is nothing to keep. */
	if (verdict != TOKEN_THROTTLED)
		review.serial = token_state->serial;
}

/*
 * Does the review hold for the current token?  What was refused then may have
 * been revoked, and not be any more.
 */
static bool
review_holds(uint64 generation)
{
	return review.serial == token_state->serial &&
		review.generation == generation &&
		(review.identity != NULL || review.revocations == revocation_generation());
}

/*
 * Was the current token, which verifies, revoked?  After each change of the
 * revocations it is looked up once, and the outcome kept.
 */
static TokenVerdict
review_revocation(const Identity *identity, uint64 generation)
{
	uint64		revocations = revocation_generation();
	RevocationReview *kept = &revocation_review;

	if (token_state->generation == generation &&
		token_state->revocations == revocations)
		return TOKEN_OK;
	if (kept->serial != token_state->serial || kept->generation != generation ||
		kept->revocations != revocations)
	{
		kept->serial = 0;
		kept->verdict = revocation_check_identity(identity);
		kept->generation = generation;
		kept->revocations = revocations;
		kept->serial = token_state->serial;
	}
	return kept->verdict;
}

/*
 * Has the transaction ended for which the token was taken?
 *
 * With pindah.session_identity off every identity is local to a transaction:
 * one that came with the connection, or from a role's or database's settings,
 * never counts.  A worker lives inside the leader's transaction, and the
 * leader drops an ended token before it starts workers.
 */
static bool
token_has_ended(void)
{
	if (settings_session_identity())
		return false;
	if (token_state->source < PGC_S_SESSION)
		return true;
	return !IsParallelWorker() && token_state->lxid != MY_LOCAL_XID();
}

/* The identity of the current token. */
static IdentityView
look_at_token(void)
{
	IdentityView view = {.source = IDENTITY_FROM_TOKEN};
	uint64		generation;

	if (token_has_ended())
	{
		view.source = IDENTITY_FROM_NOWHERE;
		view.ended = true;
		return view;
	}

	generation = verify_generation();
	if (token_state->generation == generation)
		view.identity = STATE_IDENTITY(token_state);
	else
	{
		if (!review_holds(generation))
			reverify(generation);
		view.verdict = review.verdict;
		view.identity = review.identity;
	}
	if (view.identity != NULL)
		view.verdict = review_revocation(view.identity, generation);
	return view;
}

/* Is the identity in force at the start of the client's statement? */
static TokenVerdict
check_times(const Identity *identity)
{
	TimestampTz now = verify_now();
	int64		skew = settings_clock_skew_usec();

	if (identity->has_expiry && identity->expires_at <= now - skew)
		return TOKEN_EXPIRED;
	if (identity->key_ends_at <= now)
		return TOKEN_KEY_RETIRED;
	if (identity->has_not_before && identity->not_before > now + skew)
		return TOKEN_NOT_YET_VALID;
	return TOKEN_OK;
}

/*
 * Look at the identity of this moment: never raises for what a user did.
 * Must run inside a transaction.
 *
 * Code that REFRESH MATERIALIZED VIEW, REINDEX, ANALYZE and the like run is the
 * owner's of what they work on, not that of the one who maintains it: there is
 * nobody, as there is no other role but the owner's.
 */
IdentityView
identity_look(void)
{
	IdentityView view = {.source = IDENTITY_FROM_NOWHERE};

	if (InSecurityRestrictedOperation())
		return view;
	verify_catch_up();
	view.ended = token_was_dropped;
	if (token_state != NULL)
		view = look_at_token();
	else if (claims_identity != NULL)
	{
		view.source = IDENTITY_FROM_ROLE_CLAIMS;
		view.identity = claims_identity;
	}
	if (view.identity != NULL && view.verdict == TOKEN_OK)
		view.verdict = check_times(view.identity);
	if (view.verdict != TOKEN_OK)
		view.identity = NULL;
	return view;
}

/* Raise the error of a verdict; "what" says what was refused. */
void
raise_token_verdict(TokenVerdict verdict, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
			 errmsg("%s: %s", what, token_verdict_sentence(verdict)),
			 errdetail("reason: %s", token_verdict_reason(verdict)),
			 errhint("%s", token_verdict_hint(verdict))));
}

/*
 * The identity in force, or NULL when there is none.  Raises 28000 when there
 * is one that is not in force any more: silent emptiness would mislead.
 */
const Identity *
identity_current(void)
{
	IdentityView view = identity_look();

	if (view.verdict != TOKEN_OK)
		raise_token_verdict(view.verdict, "identity is no longer in force");
	if (view.identity == NULL && settings_require_token() &&
		!superuser_arg(GetAuthenticatedUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("an identity is required"),
				 errdetail("reason: %s", refused_at_start == TOKEN_OK ? "absent" :
						   token_verdict_reason(refused_at_start)),
				 errhint("pindah.require_token is on here: set pindah.token to a valid token first.")));
	return view.identity;
}

/*
 * What comes of taking a token on now, without doing it; tells when a good one
 * expires, if that is asked for.
 */
TokenVerdict
identity_judge_token(const char *token, TimestampTz *expires_at)
{
	ErrorContextCallback *outer_context = error_context_stack;
	const Identity *identity;
	TokenVerdict verdict;

	error_context_stack = NULL;
	verify_catch_up();
	identity = verify_and_build(token, true, &verdict);
	error_context_stack = outer_context;
	if (identity != NULL && expires_at != NULL)
		*expires_at = identity->expires_at;
	return verdict;
}

/* Take a token on, as SET or SET LOCAL does; '' clears. */
void
identity_set_token(const char *token, bool is_local)
{
	set_config_option("pindah.token", token, PGC_USERSET, PGC_S_SESSION,
					  is_local ? GUC_ACTION_LOCAL : GUC_ACTION_SET,
					  true, 0, false);
	if (is_local && citus_is_loaded())
		citus_propagate_token(token);
}

/*
 * Warn whoever has reset the token that this is the one of the connection, as
 * PostgreSQL resets a setting, and nobody's session.
 */
void
identity_warn_of_return(void)
{
	if (token_state != NULL && settings_session_identity())
		ereport(WARNING,
				(errmsg("the token that came with the connection is in force again"),
				 errhint("To be nobody, SET pindah.token = ''.")));
}

/*
 * Before a transaction commits, clear a token that is local to it: a parallel
 * worker of a later one, to which guc.c would hand it, could not tell.  When
 * the transaction is rolled back, guc.c clears it.
 */
static void
drop_token_at_commit(void)
{
	if (token_state == NULL || settings_session_identity() ||
		token_state->source < PGC_S_SESSION || IsParallelWorker())
		return;
	identity_set_token("", false);
	token_was_dropped = true;
}

/* Answers of one transaction are not those of the next. */
static void
on_transaction_end(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE)
		drop_token_at_commit();
	else
		memset(&assigned, 0, sizeof(assigned));
	session_changes++;
}

/* Define the settings of this room. */
void
IdentityInit(void)
{
	token_is_outdated = settings_placeholder_outlived_transaction("pindah.token");

	/* Redacted when shown, and hidden where its raw value would be. */
	DefineCustomStringVariable("pindah.token",
							   "The JWT that says who this session acts for.",
							   "Only a validly signed token of a trusted issuer can be set.",
							   &token_value, "", PGC_USERSET,
							   GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE,
							   check_token, assign_token, show_token);
	token_is_outdated = false;

	/* For the roles of reporting tools that cannot present a token. */
	DefineCustomStringVariable("pindah.role_claims",
							   "Claims, as JSON, of a role that cannot present a token.",
							   "Attach them with ALTER ROLE ... SET; a token, when set, wins.",
							   &claims_value, "", PGC_SUSET,
							   GUC_NO_SHOW_ALL | GUC_SUPERUSER_ONLY |
							   GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE,
							   check_role_claims, assign_role_claims, NULL);

	token_setting = settings_find("pindah.token");
	claims_setting = settings_find("pindah.role_claims");
	RegisterXactCallback(on_transaction_end, NULL);
}
