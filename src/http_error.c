/*-------------------------------------------------------------------------
 *
 * http_error.c
 *	  Refusals as answers to an HTTP request.
 *
 * PostgREST makes the answer of an error with SQLSTATE PGRST: its message is
 * the body as JSON, its detail the status and headers.  Outside of a request
 * the same refusal is an error as every other client knows it.
 *
 * 401, 403 and 400 with their WWW-Authenticate are RFC 6750's, section 3; 429
 * with Retry-After is RFC 6585's, section 4.  A leaf: has no state.
 *
 *-------------------------------------------------------------------------
 */
#include "http_error.h"

#include "fmgr.h"
#include "identity.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/json.h"

#define ERRCODE_PGRST		MAKE_SQLSTATE('P', 'G', 'R', 'S', 'T')
#define STATUS_TOO_MANY		429

typedef struct HttpAnswer
{
	const char *reason;
	int			status;
	const char *bearer_error;	/* NULL: no challenge; "": one without error */
	const char *what;			/* goes before the sentence, or NULL */
	const char *sentence;
	const char *hint;
} HttpAnswer;

#define HTTP_REFUSAL_AS_ANSWER(name, reason, status, bearer_error, sentence, hint) \
	{reason, status, bearer_error, NULL, sentence, hint},

static const HttpAnswer answers[] = {HTTP_REFUSALS(HTTP_REFUSAL_AS_ANSWER)};

#define TOKEN_VERDICT_REASON(name, reason, sentence, hint) {reason, name},

/* A verdict for each reason word of a token, the first that has it. */
static const struct
{
	const char *reason;
	TokenVerdict verdict;
}			token_reasons[] = {TOKEN_VERDICTS(TOKEN_VERDICT_REASON)};

/* Does PostgREST, or something that speaks like it, wait for an answer? */
bool
http_in_request(void)
{
	const char *method = GetConfigOption("request.method", true, false);

	return method != NULL && *method != '\0';
}

/* Append a member to a JSON object. */
static void
append_member(StringInfo json, const char *name, const char *value)
{
	if (json->data[json->len - 1] != '{')
		appendStringInfoString(json, ", ");
	escape_json(json, name);
	appendStringInfoString(json, ": ");
	escape_json(json, value);
}

/*
 * The value of WWW-Authenticate.  Its error_description may hold neither quote
 * nor backslash, which the sentences do not.
 */
static char *
challenge(const HttpAnswer *answer)
{
	if (*answer->bearer_error == '\0')
		return pstrdup("Bearer");
	return psprintf("Bearer error=\"%s\", error_description=\"%s\"",
					answer->bearer_error, answer->sentence);
}

/* Raise what PostgREST turns into an answer. */
static void PINDAH_NORETURN
raise_for_postgrest(const HttpAnswer *answer, const char *message, HttpExtras extras)
{
	StringInfoData body;
	StringInfoData head;

	initStringInfo(&body);
	appendStringInfoChar(&body, '{');
	append_member(&body, "code", answer->reason);
	append_member(&body, "message", message);
	append_member(&body, "details", psprintf("reason: %s", answer->reason));
	append_member(&body, "hint", answer->hint);
	appendStringInfoChar(&body, '}');

	initStringInfo(&head);
	appendStringInfo(&head, "{\"status\": %d, \"headers\": {", answer->status);
	if (answer->bearer_error != NULL)
		append_member(&head, "WWW-Authenticate", challenge(answer));
	if (extras.retry_after > 0)
		append_member(&head, "Retry-After", psprintf("%d", extras.retry_after));
	if (extras.set_cookie != NULL)
		append_member(&head, "Set-Cookie", extras.set_cookie);
	appendStringInfoString(&head, "}}");

	/* The statement may hold a token. */
	ereport(ERROR,
			(errcode(ERRCODE_PGRST),
			 errhidestmt(true),
			 errhidecontext(true),
			 errmsg_internal("%s", body.data),
			 errdetail_internal("%s", head.data)));
}

/* The SQLSTATE that stands for a status where there is no HTTP. */
static int
sqlstate_of(int status)
{
	switch (status)
	{
		case 400:
			return ERRCODE_INVALID_PARAMETER_VALUE;
		case 403:
			return ERRCODE_INSUFFICIENT_PRIVILEGE;
		default:
			return ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION;
	}
}

/* Refuse, in the words of whoever asks. */
static void PINDAH_NORETURN
raise_answer(const HttpAnswer *answer, HttpExtras extras)
{
	const char *message = answer->sentence;

	if (answer->what != NULL)
		message = psprintf("%s: %s", answer->what, answer->sentence);
	if (http_in_request())
		raise_for_postgrest(answer, message, extras);
	ereport(ERROR,
			(errcode(sqlstate_of(answer->status)),
			 errhidestmt(true),
			 errhidecontext(true),
			 errmsg_internal("%s", message),
			 errdetail("reason: %s", answer->reason),
			 errhint("%s", answer->hint)));
}

/* Refuse a request. */
void
http_refuse(HttpRefusal refusal, HttpExtras extras)
{
	raise_answer(&answers[refusal], extras);
}

/* Refuse a token. */
void
http_refuse_token(TokenVerdict verdict, HttpExtras extras)
{
	HttpAnswer	answer = {
		.reason = token_verdict_reason(verdict),
		.status = 401,
		.bearer_error = "invalid_token",
		.what = TOKEN_REFUSED,
		.sentence = token_verdict_sentence(verdict),
		.hint = token_verdict_hint(verdict)
	};

	if (verdict == TOKEN_THROTTLED)
	{
		answer.status = STATUS_TOO_MANY;
		answer.bearer_error = NULL;
	}
	raise_answer(&answer, extras);
}

/* Raise the error of a reason word: for functions that answer requests. */
PG_FUNCTION_INFO_V1(pindah_raise_http_error);
Datum
pindah_raise_http_error(PG_FUNCTION_ARGS)
{
	char	   *reason = PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0));
	HttpExtras	extras = {0};

	if (!PG_ARGISNULL(1))
		extras.retry_after = PG_GETARG_INT32(1);
	/* The first of both is what is in order. */
	for (int i = 1; reason != NULL && i < (int) lengthof(answers); i++)
	{
		if (strcmp(answers[i].reason, reason) == 0)
			http_refuse((HttpRefusal) i, extras);
	}
	for (int i = 1; reason != NULL && i < (int) lengthof(token_reasons); i++)
	{
		if (strcmp(token_reasons[i].reason, reason) == 0)
			http_refuse_token(token_reasons[i].verdict, extras);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown reason of a refusal"),
			 errhint("See doc/postgrest.md for the reasons.")));
}
