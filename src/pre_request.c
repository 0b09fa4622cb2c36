/*-------------------------------------------------------------------------
 *
 * pre_request.c
 *	  The SQL functions for PostgREST: take the identity of a request on, set
 *	  and clear the cookie.
 *
 * See sql/pre_request.sql for their meaning.  Nothing here writes but settings
 * of the transaction, so all of it works in a READ ONLY transaction and on a
 * standby.  The statement of an error may hold a token, and is not logged.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "caught_error.h"
#include "fmgr.h"
#include "http_error.h"
#include "http_request.h"
#include "identity.h"
#include "throttle.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "verify.h"

/* Bytes of name and value that a browser keeps (RFC 6265bis section 5.6). */
#define MAX_COOKIE_SIZE		4096

/*
 * The value of Set-Cookie.  A verified token is letters, digits and "-_.", the
 * name is checked when it is set: neither can end the header.
 */
static char *
cookie_header(const char *token, int64 max_age)
{
	return psprintf("%s=%s; Max-Age=" INT64_FORMAT "; Path=/; Secure; HttpOnly; SameSite=Strict",
					http_request_cookie_name(), token, max_age);
}

/* Refuse a token.  A cookie that does not serve would bar signing in again. */
static void PINDAH_NORETURN
refuse_token(TokenVerdict verdict, bool from_cookie)
{
	HttpExtras	extras = {0};

	if (verdict == TOKEN_THROTTLED)
		extras.retry_after = Max(throttle_wait(), 1);
	else if (from_cookie)
		extras.set_cookie = cookie_header("", 0);
	http_refuse_token(verdict, extras);
}

static void
refuse_unless_ok(HttpRefusal refusal)
{
	if (refusal != HTTP_OK)
		http_refuse(refusal, (HttpExtras) {0});
}

/*
 * Take on, for the transaction, the identity of the request that PostgREST
 * announces; nobody's when it carries no token.
 */
PG_FUNCTION_INFO_V1(pindah_pre_request);
Datum
pindah_pre_request(PG_FUNCTION_ARGS)
{
	HttpRequest request;
	HttpToken	token;
	TokenVerdict verdict;
	IdentityView view;

	/* Whoever used the connection before is not who asks now. */
	identity_set_token("", true);

	refuse_unless_ok(http_request_read(&request));
	refuse_unless_ok(http_request_token(&request, &token));
	if (token.text == NULL)
	{
		if (!http_request_may_be_anonymous())
			http_refuse(HTTP_NO_TOKEN, (HttpExtras) {0});
		PG_RETURN_VOID();
	}

	/* The browser sends a cookie whoever made the request. */
	if (token.from_cookie && !http_request_is_safe(&request))
		refuse_unless_ok(http_request_check_site(&request));

	verdict = identity_judge_token(token.text, NULL);
	if (verdict != TOKEN_OK)
		refuse_token(verdict, token.from_cookie);
	identity_set_token(token.text, true);
	view = identity_look();
	if (view.verdict != TOKEN_OK)
		refuse_token(view.verdict, token.from_cookie);
	if (view.identity == NULL)
		elog(ERROR, "the identity of the request did not come into force");
	PG_RETURN_VOID();
}

/* Turn the text of response.headers into jsonb, without quoting it. */
static Jsonb *
read_response_headers(const char *json)
{
	CaughtError before = before_error();
	Jsonb	   *volatile headers = NULL;

	PG_TRY();
	{
		headers = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json)));
	}
	PG_CATCH();
	{
		forget_error(&before);
	}
	PG_END_TRY();
	if (headers == NULL || !JB_ROOT_IS_ARRAY(headers) || JB_ROOT_IS_SCALAR(headers))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errhidestmt(true),
				 errhidecontext(true),
				 errmsg("response.headers is not a JSON array"),
				 errhint("PostgREST wants an array of objects with one header each.")));
	return headers;
}

/* Add a header to those that PostgREST will answer with. */
static void
add_response_header(const char *name, const char *value)
{
	const char *before = GetConfigOption("response.headers", true, false);
	StringInfoData json;

	initStringInfo(&json);
	if (before == NULL || *before == '\0')
		appendStringInfoChar(&json, '[');
	else
	{
		Jsonb	   *headers = read_response_headers(before);

		JsonbToCString(&json, &headers->root, VARSIZE(headers));
		json.data[--json.len] = '\0';	/* its bracket */
		if (JB_ROOT_COUNT(headers) > 0)
			appendStringInfoString(&json, ", ");
	}
	appendStringInfoChar(&json, '{');
	escape_json(&json, name);
	appendStringInfoString(&json, ": ");
	escape_json(&json, value);
	appendStringInfoString(&json, "}]");
	set_config_option("response.headers", json.data, PGC_USERSET, PGC_S_SESSION,
					  GUC_ACTION_LOCAL, true, 0, false);
}

/*
 * A cookie is set for whoever made the request, so another site must not be
 * able to: it could sign a user in as somebody else.
 */
static void
require_request_of_this_site(void)
{
	HttpRequest request;

	if (!http_in_request())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errhidestmt(true),
				 errhidecontext(true),
				 errmsg("there is no HTTP request to answer with a cookie"),
				 errhint("Call the function through PostgREST, which sets request.method.")));
	refuse_unless_ok(http_request_read(&request));
	refuse_unless_ok(http_request_check_site(&request));
}

/* Answer the request with a cookie that holds a token, until it expires. */
PG_FUNCTION_INFO_V1(pindah_set_cookie);
Datum
pindah_set_cookie(PG_FUNCTION_ARGS)
{
	const char *token = PG_ARGISNULL(0) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(0));
	TimestampTz expires_at;
	TokenVerdict verdict;

	require_request_of_this_site();
	verdict = identity_judge_token(token, &expires_at);
	if (verdict != TOKEN_OK)
		refuse_token(verdict, false);
	if (strlen(http_request_cookie_name()) + strlen(token) > MAX_COOKIE_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errhidestmt(true),
				 errhidecontext(true),
				 errmsg("the token is too large for a cookie"),
				 errdetail("Browsers keep no cookie of more than 4096 bytes."),
				 errhint("Put fewer permissions into the token, or return it in the body.")));
	add_response_header("Set-Cookie",
						cookie_header(token, Max((expires_at - verify_now()) / USECS_PER_SEC, 0)));
	PG_RETURN_VOID();
}

/* Answer the request with the cookie's end. */
PG_FUNCTION_INFO_V1(pindah_clear_cookie);
Datum
pindah_clear_cookie(PG_FUNCTION_ARGS)
{
	require_request_of_this_site();
	add_response_header("Set-Cookie", cookie_header("", 0));
	PG_RETURN_VOID();
}
