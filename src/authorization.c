/*-------------------------------------------------------------------------
 *
 * authorization.c
 *	  What the identity may do: the accessors and the functions of policies.
 *
 * A policy calls these once a row, so an answer is remembered in the call
 * site (fn_extra) and given again while nothing has changed that it hangs on:
 * the identity, trust and settings (session_changes), the statement, at whose
 * start expiry is judged, and whether it is maintenance that asks, for which
 * there is nobody (identity_look()).  A remembered value is a copy of the call
 * site's own: the identity that it came from may be gone while somebody still
 * holds it.
 *
 * An argument counts as remembered only when it is a constant of the query or
 * equal in content; never by address, and never because it is a parameter,
 * which PL/pgSQL changes under one call site.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "identity_guard.h"
#include "json_values.h"
#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "nodes/nodeFuncs.h"
#include "settings.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* After so many changes of the answer a call site stops remembering. */
#define MEMO_MAX_CHANGES	64

typedef struct Memo
{
	bool		known;			/* is anything remembered? */
	bool		isnull;
	bool		arg_is_const;
	bool		restricted;		/* InSecurityRestrictedOperation() */
	int			changes;		/* how often the value was another one */
	uint64		session_changes;	/* what the answer hangs on */
	TimestampTz statement;
	text	   *arg;			/* NULL: none, or a constant */
	Datum		value;
} Memo;

/*
 * Answers one question about an identity in force; false means NULL.  The
 * value may point into the identity.
 */
typedef bool (*AnswerFunction) (const Identity *identity, const text *arg,
								Datum *value);

typedef struct AnswerKind
{
	AnswerFunction answer;
	bool		by_value;
	int16		length;			/* as pg_type.typlen */
} AnswerKind;

/* Is the first argument written as a constant in the query? */
static bool
first_arg_is_const(FunctionCallInfo fcinfo)
{
	Node	   *expr = fcinfo->flinfo->fn_expr;

	return expr != NULL && IsA(expr, FuncExpr) &&
		((FuncExpr *) expr)->args != NIL &&
		IsA(linitial(((FuncExpr *) expr)->args), Const);
}

/* The memo of a call site. */
static Memo *
memo_of(FunctionCallInfo fcinfo)
{
	Memo	   *memo = fcinfo->flinfo->fn_extra;

	if (memo == NULL)
	{
		memo = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(Memo));
		memo->arg_is_const = first_arg_is_const(fcinfo);
		fcinfo->flinfo->fn_extra = memo;
	}
	return memo;
}

/* Does what is remembered still hold, the argument aside? */
static inline bool
memo_is_fresh(const Memo *memo)
{
	return memo->known && memo->session_changes == session_changes &&
		memo->statement == GetCurrentStatementStartTimestamp() &&
		memo->restricted == InSecurityRestrictedOperation();
}

/* Is the argument the one that the answer was for? */
static inline bool
memo_has_arg(const Memo *memo, const text *arg)
{
	return memo->arg_is_const ||
		(memo->arg != NULL &&
		 VARSIZE_ANY_EXHDR(arg) == VARSIZE_ANY_EXHDR(memo->arg) &&
		 memcmp(VARDATA_ANY(arg), VARDATA_ANY(memo->arg),
				VARSIZE_ANY_EXHDR(arg)) == 0);
}

/* Copy a text argument to where the memo lives. */
static void
memo_set_arg(Memo *memo, MemoryContext context, const text *arg)
{
	Size		len = VARSIZE_ANY_EXHDR(arg);

	if (memo->arg != NULL)
		pfree(memo->arg);
	memo->arg = NULL;
	if (memo->arg_is_const)
		return;
	memo->arg = MemoryContextAlloc(context, VARHDRSZ + len);
	SET_VARSIZE(memo->arg, VARHDRSZ + len);
	memcpy(VARDATA(memo->arg), VARDATA_ANY(arg), len);
}

/*
 * Remember an answer, copied.  What was remembered before stays where it is,
 * since somebody may hold it; after many changes, hand out a copy of the
 * caller's own and remember nothing.
 */
static Datum
remember(FunctionCallInfo fcinfo, const AnswerKind *kind, uint64 changes,
		 const text *arg, bool isnull, Datum value)
{
	Memo	   *memo = memo_of(fcinfo);
	MemoryContext context = fcinfo->flinfo->fn_mcxt;
	bool		was_known = memo->known;

	if (memo->changes >= MEMO_MAX_CHANGES)
	{
		memo->known = false;
		return isnull ? (Datum) 0 : datumCopy(value, kind->by_value, kind->length);
	}
	memo->known = false;
	if (arg != NULL)
		memo_set_arg(memo, context, arg);
	if (isnull)
		value = (Datum) 0;
	else if (was_known && !memo->isnull &&
			 datumIsEqual(value, memo->value, kind->by_value, kind->length))
		value = memo->value;
	else if (!kind->by_value)
	{
		MemoryContext caller = MemoryContextSwitchTo(context);

		value = datumCopy(value, false, kind->length);
		MemoryContextSwitchTo(caller);
		memo->changes++;
	}
	memo->isnull = isnull;
	memo->value = value;
	memo->session_changes = changes;
	memo->statement = GetCurrentStatementStartTimestamp();
	memo->restricted = InSecurityRestrictedOperation();
	memo->known = true;
	return value;
}

/* Answer afresh, and remember the answer. */
static pg_noinline Datum
answer_afresh(FunctionCallInfo fcinfo, const AnswerKind *kind, const text *arg)
{
	uint64		changes = session_changes;
	const Identity *identity = identity_for_query();
	Datum		value = (Datum) 0;

	fcinfo->isnull = identity == NULL || !kind->answer(identity, arg, &value);
	return remember(fcinfo, kind, changes, arg, fcinfo->isnull, value);
}

/* Answer a question that has no argument. */
static inline Datum
answer(FunctionCallInfo fcinfo, const AnswerKind *kind)
{
	Memo	   *memo = fcinfo->flinfo->fn_extra;

	if (likely(memo != NULL && memo_is_fresh(memo)))
	{
		fcinfo->isnull = memo->isnull;
		return memo->value;
	}
	return answer_afresh(fcinfo, kind, NULL);
}

/* Answer a question about a name: a permission, a role, a claim. */
static inline Datum
answer_about(FunctionCallInfo fcinfo, const AnswerKind *kind, const text *arg)
{
	Memo	   *memo = fcinfo->flinfo->fn_extra;

	if (likely(memo != NULL && memo_is_fresh(memo) && memo_has_arg(memo, arg)))
	{
		fcinfo->isnull = memo->isnull;
		return memo->value;
	}
	return answer_afresh(fcinfo, kind, arg);
}

/* Refuse a permission that is not module:resource:action. */
static void
check_permission_form(const text *permission)
{
	if (!permission_is_well_formed(VARDATA_ANY(permission),
								   (int) VARSIZE_ANY_EXHDR(permission)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("permission is not of the form module:resource:action"),
				 errhint("Ask for exactly one permission, such as stock:inventory:view; only granted permissions may hold \"*\".")));
}

static bool
holds_permission(const Identity *identity, const text *permission)
{
	return identity_holds_permission(identity, VARDATA_ANY(permission),
									 (int) VARSIZE_ANY_EXHDR(permission));
}

static bool
answer_text(const text *value, Datum *answer)
{
	*answer = PointerGetDatum(value);
	return value != NULL;
}

/* Accessors without an argument. */

#define TEXT_ACCESSOR(name, field) \
static bool \
answer_##name(const Identity *identity, const text *arg, Datum *value) \
{ \
	return answer_text(IDENTITY_TEXT(identity, field), value); \
} \
PG_FUNCTION_INFO_V1(pindah_##name); \
Datum \
pindah_##name(PG_FUNCTION_ARGS) \
{ \
	static const AnswerKind kind = {answer_##name, false, -1}; \
\
	return answer(fcinfo, &kind); \
}

TEXT_ACCESSOR(user_id, user_id)
TEXT_ACCESSOR(user_name, user_name)
TEXT_ACCESSOR(email, email)
TEXT_ACCESSOR(organisation_id, organisation)
TEXT_ACCESSOR(roles, roles)
TEXT_ACCESSOR(permissions, permissions)

static bool
answer_organisation_uuid(const Identity *identity, const text *arg, Datum *value)
{
	*value = UUIDPGetDatum(&identity->organisation_uuid);
	return identity->has_uuid;
}

PG_FUNCTION_INFO_V1(pindah_organisation_uuid);
Datum
pindah_organisation_uuid(PG_FUNCTION_ARGS)
{
	static const AnswerKind kind = {answer_organisation_uuid, false, UUID_LEN};

	return answer(fcinfo, &kind);
}

static bool
answer_organisation_bigint(const Identity *identity, const text *arg, Datum *value)
{
	*value = Int64GetDatum(identity->organisation_bigint);
	return identity->has_bigint;
}

PG_FUNCTION_INFO_V1(pindah_organisation_bigint);
Datum
pindah_organisation_bigint(PG_FUNCTION_ARGS)
{
	static const AnswerKind kind = {answer_organisation_bigint, FLOAT8PASSBYVAL, 8};

	return answer(fcinfo, &kind);
}

/*
 * The same with a permission.  These are declared LEAKPROOF, so that the
 * planner may see that two policies mean the same tenant: they must not tell
 * anything about an argument that comes from a row, and so only a constant is
 * refused with an error; any other malformed one is held by nobody.
 */
static Datum
answer_if_permitted(FunctionCallInfo fcinfo, const AnswerKind *kind)
{
	Memo	   *memo = fcinfo->flinfo->fn_extra;
	text	   *permission;

	/* What a policy asks once a row: nothing may come before this. */
	if (likely(memo != NULL && memo->arg_is_const && memo_is_fresh(memo)))
	{
		fcinfo->isnull = memo->isnull;
		return memo->value;
	}
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	permission = PG_GETARG_TEXT_PP(0);
	if (memo == NULL && memo_of(fcinfo)->arg_is_const)
		check_permission_form(permission);
	return answer_about(fcinfo, kind, permission);
}

static bool
is_permitted(const Identity *identity, const text *permission)
{
	return permission_is_well_formed(VARDATA_ANY(permission),
									 (int) VARSIZE_ANY_EXHDR(permission)) &&
		holds_permission(identity, permission);
}

#define PERMITTED_ACCESSOR(name, by_value, length) \
static bool \
answer_##name##_if(const Identity *identity, const text *arg, Datum *value) \
{ \
	return is_permitted(identity, arg) && answer_##name(identity, NULL, value); \
} \
PG_FUNCTION_INFO_V1(pindah_##name##_if); \
Datum \
pindah_##name##_if(PG_FUNCTION_ARGS) \
{ \
	static const AnswerKind kind = {answer_##name##_if, by_value, length}; \
\
	return answer_if_permitted(fcinfo, &kind); \
}

PERMITTED_ACCESSOR(organisation_id, false, -1)
PERMITTED_ACCESSOR(organisation_uuid, false, UUID_LEN)
PERMITTED_ACCESSOR(organisation_bigint, FLOAT8PASSBYVAL, 8)

/* Claims. */

static bool
answer_claims(const Identity *identity, const text *arg, Datum *value)
{
	*value = claims_as_jsonb(IDENTITY_TEXT(identity, claims));
	return true;
}

PG_FUNCTION_INFO_V1(pindah_claims);
Datum
pindah_claims(PG_FUNCTION_ARGS)
{
	static const AnswerKind kind = {answer_claims, false, -1};

	return answer(fcinfo, &kind);
}

static bool
answer_claim(const Identity *identity, const text *name, Datum *value)
{
	Jsonb	   *claims = DatumGetJsonbP(claims_as_jsonb(IDENTITY_TEXT(identity, claims)));
	JsonbValue	key;

	key.type = jbvString;
	key.val.string.val = VARDATA_ANY(name);
	key.val.string.len = (int) VARSIZE_ANY_EXHDR(name);
	return jsonb_value_as_text(findJsonbValueFromContainer(&claims->root, JB_FOBJECT, &key),
							   value);
}

PG_FUNCTION_INFO_V1(pindah_claim);
Datum
pindah_claim(PG_FUNCTION_ARGS)
{
	static const AnswerKind kind = {answer_claim, false, -1};

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return answer_about(fcinfo, &kind, PG_GETARG_TEXT_PP(0));
}

/*
 * Questions with yes or no.  None of them is STRICT: NULL in, or nobody
 * there, is a no, since "IF NOT NULL" in PL/pgSQL would let somebody pass.
 */

static bool
answer_has_permission(const Identity *identity, const text *arg, Datum *value)
{
	*value = BoolGetDatum(holds_permission(identity, arg));
	return true;
}

PG_FUNCTION_INFO_V1(pindah_has_permission);
Datum
pindah_has_permission(PG_FUNCTION_ARGS)
{
	static const AnswerKind kind = {answer_has_permission, true, 1};
	Memo	   *memo = fcinfo->flinfo->fn_extra;
	text	   *permission;
	Datum		held;

	if (PG_ARGISNULL(0))
		PG_RETURN_BOOL(false);
	permission = PG_GETARG_TEXT_PP(0);
	if (memo == NULL || !memo->arg_is_const)
		check_permission_form(permission);
	held = answer_about(fcinfo, &kind, permission);
	fcinfo->isnull = false;
	return held;
}

static bool
answer_has_role(const Identity *identity, const text *arg, Datum *value)
{
	*value = BoolGetDatum(identity_has_role(identity, VARDATA_ANY(arg),
											(int) VARSIZE_ANY_EXHDR(arg)));
	return true;
}

PG_FUNCTION_INFO_V1(pindah_has_role);
Datum
pindah_has_role(PG_FUNCTION_ARGS)
{
	static const AnswerKind kind = {answer_has_role, true, 1};
	Datum		held;

	if (PG_ARGISNULL(0))
		PG_RETURN_BOOL(false);
	held = answer_about(fcinfo, &kind, PG_GETARG_TEXT_PP(0));
	fcinfo->isnull = false;
	return held;
}

/*
 * How many of several permissions the identity holds; also how many there
 * are.  NULL elements are held by nobody.
 */
static int
count_held(const Identity *identity, ArrayType *permissions, int *count)
{
	Datum	   *elements;
	bool	   *nulls;
	int			held = 0;

	deconstruct_array(permissions, TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, &nulls, count);
	if (*count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no permission is asked for"),
				 errhint("Give at least one permission, such as stock:inventory:view.")));
	for (int i = 0; i < *count; i++)
	{
		if (nulls[i])
			continue;
		check_permission_form(DatumGetTextPP(elements[i]));
		if (identity != NULL && holds_permission(identity, DatumGetTextPP(elements[i])))
			held++;
	}
	return held;
}

static bool
answer_has_any(const Identity *identity, const text *arg, Datum *value)
{
	int			count;

	*value = BoolGetDatum(count_held(identity, (ArrayType *) arg, &count) > 0);
	return true;
}

static bool
answer_has_all(const Identity *identity, const text *arg, Datum *value)
{
	int			count;
	int			held = count_held(identity, (ArrayType *) arg, &count);

	*value = BoolGetDatum(held == count);
	return true;
}

/* Remember the answer about an array only when it is a constant. */
static Datum
answer_about_array(FunctionCallInfo fcinfo, const AnswerKind *kind)
{
	Memo	   *memo = memo_of(fcinfo);
	ArrayType  *permissions;
	Datum		held = BoolGetDatum(false);
	const Identity *identity;
	int			count;

	if (PG_ARGISNULL(0))
		PG_RETURN_BOOL(false);
	permissions = PG_GETARG_ARRAYTYPE_P(0);
	if (memo->arg_is_const && memo->known && memo_is_fresh(memo) && !memo->isnull)
		return memo->value;
	if (memo->arg_is_const)
		held = answer_afresh(fcinfo, kind, (text *) permissions);
	else if ((identity = identity_for_query()) != NULL)
		kind->answer(identity, (text *) permissions, &held);

	/* With nobody there the form of the question is judged all the same. */
	if (fcinfo->isnull || !DatumGetBool(held))
		(void) count_held(NULL, permissions, &count);
	fcinfo->isnull = false;
	return held;
}

PG_FUNCTION_INFO_V1(pindah_has_any_permission);
Datum
pindah_has_any_permission(PG_FUNCTION_ARGS)
{
	static const AnswerKind kind = {answer_has_any, true, 1};

	return answer_about_array(fcinfo, &kind);
}

PG_FUNCTION_INFO_V1(pindah_has_all_permissions);
Datum
pindah_has_all_permissions(PG_FUNCTION_ARGS)
{
	static const AnswerKind kind = {answer_has_all, true, 1};

	return answer_about_array(fcinfo, &kind);
}

/* Raise 42501 unless the identity holds the permission. */
PG_FUNCTION_INFO_V1(pindah_require_permission);
Datum
pindah_require_permission(PG_FUNCTION_ARGS)
{
	const Identity *identity;
	text	   *permission;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the permission to require is null")));
	permission = PG_GETARG_TEXT_PP(0);
	check_permission_form(permission);
	identity = identity_for_query();
	if (identity == NULL || !holds_permission(identity, permission))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied: \"%s\" is required",
						text_to_cstring(permission)),
				 identity == NULL ?
				 errhint("Nobody is signed in: set pindah.token first.") :
				 errhint("Ask an administrator of the organisation for this permission; it counts from the next token on.")));
	PG_RETURN_VOID();
}
