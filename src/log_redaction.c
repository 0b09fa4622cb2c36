/*-------------------------------------------------------------------------
 *
 * log_redaction.c
 *	  Keeps tokens out of what the server writes down about statements.
 *
 * A client should send its token as a parameter; many will write it into the
 * text of a statement.  What looks like a JWT - "eyJ", as every base64url of
 * '{"' begins, and two dots - is replaced by "eyJ..." where the text would be
 * kept: in the server log, whatever makes it log a statement or its parameters,
 * in pg_stat_activity, and in pg_stat_statements, which keeps utility
 * statements such as SET as they are (and is told not to).
 *
 * This is hygiene and no wall: a text is shown in pg_stat_activity until it
 * has been parsed, and a token in pieces is not found.  Only the hooks of this
 * room write its state.
 *
 *-------------------------------------------------------------------------
 */
#include "log_redaction.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "identity.h"
#include "miscadmin.h"
#include "parser/analyze.h"
#include "tcop/tcopprot.h"
#include "utils/backend_status.h"
#include "utils/memutils.h"

#define JWT_BEGINS	"eyJ"
#define JWT_SHORTEST	16		/* of what follows, dots included */
#define BASE64URL \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

static char *redacted_statement = NULL; /* what debug_query_string points to */
static const char *client_statement = NULL; /* what it pointed to before */
static ExecutorStart_hook_type previous_executor_start = NULL;
static emit_log_hook_type previous_emit_log = NULL;
static post_parse_analyze_hook_type previous_post_parse_analyze = NULL;

/*
 * The length of what looks like a JWT at the start of a text; 0: it does not.
 * "segment" is that of the first segment, if it is one.
 */
static size_t
jwt_length(const char *text, size_t *segment)
{
	size_t		len = strspn(text, BASE64URL);

	*segment = len;
	if (text[len] != '.')
		return 0;
	len += 1 + strspn(text + len + 1, BASE64URL);
	if (text[len] != '.' || len < JWT_SHORTEST)
		return 0;
	while (text[len] == '.')	/* a JWE has more of them */
		len += 1 + strspn(text + len + 1, BASE64URL);
	return len;
}

/*
 * Where the first thing that looks like a JWT stands between "text" and "end",
 * or NULL; tells its length.
 *
 * Where none begins, none begins in the rest of that segment: it would end the
 * same way.  So the time is linear, however often "eyJ" is there; nothing can
 * interrupt this.
 */
static const char *
find_jwt(const char *text, const char *end, size_t *len)
{
	size_t		segment;

	while (text < end &&
		   (text = memmem(text, end - text, JWT_BEGINS, strlen(JWT_BEGINS))) != NULL)
	{
		*len = jwt_length(text, &segment);
		if (*len != 0)
			return text;
		text += segment;
	}
	return NULL;
}

/* Is there something that looks like a JWT in a text of that length? */
static bool
part_has_jwt(const char *text, size_t text_len)
{
	size_t		len;

	return find_jwt(text, text + text_len, &len) != NULL;
}

static bool
has_jwt(const char *text)
{
	return text != NULL && part_has_jwt(text, strlen(text));
}

/* A copy of a text, in a memory context, without the tokens in it. */
static char *
redact(const char *text, MemoryContext context)
{
	const char *end = text + strlen(text);
	char	   *copy = MemoryContextAllocHuge(context, end - text + 1);
	char	   *to = copy;
	const char *found;
	size_t		len;

	while ((found = find_jwt(text, end, &len)) != NULL)
	{
		/* What is left out is longer than what stands for it. */
		memcpy(to, text, found - text);
		to = stpcpy(to + (found - text), JWT_BEGINS "...");
		text = found + len;
	}
	strcpy(to, text);
	return copy;
}

/* Take the tokens out of one of the texts of a message. */
static void
redact_message(char **text)
{
	if (has_jwt(*text))
		*text = redact(*text, ErrorContext);
}

/* Let the server log the statement of the client without its tokens. */
static void
redact_statement(ErrorData *edata)
{
	char	   *redacted;

	if (!has_jwt(debug_query_string))
		return;
	if (CritSectionCount > 0)
	{
		edata->hide_stmt = true;	/* no memory to be had */
		return;
	}
	redacted = redact(debug_query_string, TopMemoryContext);
	if (redacted_statement != NULL)
		pfree(redacted_statement);
	redacted_statement = redacted;
	client_statement = debug_query_string;
	debug_query_string = redacted_statement;
}

/*
 * Take the tokens out of what goes to the log.  Of a refused token nothing at
 * all is shown: it may not look like one.
 */
static void
redact_log(ErrorData *edata)
{
	if (edata->sqlerrcode == ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION &&
		edata->message != NULL &&
		strncmp(edata->message, TOKEN_REFUSED, strlen(TOKEN_REFUSED)) == 0)
	{
		edata->hide_stmt = true;
		edata->hide_ctx = true;
	}
	redact_message(&edata->message);
	redact_message(&edata->detail);
	redact_message(&edata->detail_log);
	redact_message(&edata->hint);
	redact_message(&edata->context);
	redact_message(&edata->internalquery);
	redact_statement(edata);
	if (previous_emit_log)
		previous_emit_log(edata);
}

/* Is a text what the client has sent, though it may have been logged since? */
static bool
is_from_client(const char *source)
{
	return source == debug_query_string ||
		(source == client_statement && debug_query_string == redacted_statement);
}

/* Let pg_stat_activity show a text without the tokens in it. */
static void
report_redacted(const char *source)
{
	char	   *redacted = redact(source, CurrentMemoryContext);

	pgstat_report_activity(STATE_RUNNING, redacted);
	pfree(redacted);
}

/*
 * Let pg_stat_activity show what the client has sent without the tokens in it,
 * once: a message of many statements is looked at when the first is analysed.
 */
static void
redact_activity(const char *source)
{
	static const char *looked_at = NULL;
	static TimestampTz looked_at_time = 0;

	if (!is_from_client(source) || IsParallelWorker() ||
		(looked_at == source &&
		 looked_at_time == GetCurrentStatementStartTimestamp()))
		return;
	looked_at = source;
	looked_at_time = GetCurrentStatementStartTimestamp();
	if (has_jwt(source))
		report_redacted(source);
}

/* A parallel worker shows its leader's text as it was, and analyses nothing. */
static void
redact_worker_activity(QueryDesc *query, int flags)
{
	if (IsParallelWorker() && query->sourceText == debug_query_string &&
		has_jwt(debug_query_string))
	{
		report_redacted(debug_query_string);
		pgstat_report_query_id(query->plannedstmt->queryId, false);
	}
	if (previous_executor_start)
		previous_executor_start(query, flags);
	else
		standard_ExecutorStart(query, flags);
}

/*
 * When a statement has been analysed, let the statistics views forget the
 * tokens in it: of a utility statement there are none, since it would be kept
 * with its text.
 */
static void
redact_statistics(ParseState *state, Query *query, JumbleState *jumble)
{
	const char *source = state->p_sourcetext;

	if (previous_post_parse_analyze)
		previous_post_parse_analyze(state, query, jumble);
	if (source == NULL)
		return;
	if (query->commandType == CMD_UTILITY && query->queryId != 0)
	{
		int			start = Max(query->stmt_location, 0);
		size_t		len = query->stmt_len > 0 ? (size_t) query->stmt_len :
			strlen(source + start);

		if (part_has_jwt(source + start, len))
			query->queryId = 0;
	}
	redact_activity(source);
}

/* Chain the hooks of this room. */
void
LogRedactionInit(void)
{
	previous_emit_log = emit_log_hook;
	emit_log_hook = redact_log;
	previous_post_parse_analyze = post_parse_analyze_hook;
	post_parse_analyze_hook = redact_statistics;
	previous_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = redact_worker_activity;
}
