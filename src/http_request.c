/*-------------------------------------------------------------------------
 *
 * http_request.c
 *	  The HTTP request that is being answered, as PostgREST tells it.
 *
 * PostgREST sets request.method, request.headers and request.cookies for the
 * transaction; the last two are JSON objects, names of headers in lower case.
 * Whoever has SQL can set them too, so nothing here makes anybody trusted: a
 * token must verify, wherever it came from.  What does hang on them is the
 * protection of a browser's user from other sites, and there the attacker is
 * the page, not the SQL.
 *
 * Reads settings, and so depends on no search_path, operator or table.  Only
 * guc.c writes the state: settings of a superuser.
 *
 *-------------------------------------------------------------------------
 */
#include "http_request.h"

#include "access/xact.h"
#include "encoding.h"
#include "utils/builtins.h"
#include "utils/guc.h"

/* Of RFC 9110 section 5.6.2, what is neither letter nor digit. */
#define TOKEN_PUNCTUATION	"!#$%&'*+-.^_`|~"
/* The same of RFC 6750 section 2.1 and RFC 3986's host and port. */
#define BEARER_PUNCTUATION	"-._~+/="
#define HOST_PUNCTUATION	"-._~:[]"

static char *cookie_name = NULL;
static char *allowed_origins = NULL;
static bool anonymous_requests = true;
static char *client_address_header = NULL;

/* The name of the cookie that carries a token. */
const char *
http_request_cookie_name(void)
{
	return cookie_name;
}

/* May a request come without a token? */
bool
http_request_may_be_anonymous(void)
{
	return anonymous_requests;
}

/* Is a string one or more letters, digits and some others, all ASCII? */
static bool
consists_of(const char *text, const char *punctuation)
{
	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++)
	{
		if (!(*text >= 'a' && *text <= 'z') && !(*text >= 'A' && *text <= 'Z') &&
			!(*text >= '0' && *text <= '9') && strchr(punctuation, *text) == NULL)
			return false;
	}
	return true;
}

/*
 * Read a setting that holds a JSON object; none at all, or nothing, which is
 * what is left after a transaction, is an empty one.
 */
static HttpRefusal
read_object(const char *setting, JsonObject *object)
{
	const char *json = GetConfigOption(setting, true, false);

	memset(object, 0, sizeof(*object));
	if (json == NULL || *json == '\0')
		return HTTP_OK;
	return encoding_read_json(json, object) == JSON_READ_OK ? HTTP_OK : HTTP_UNREADABLE;
}

/* Read the request. */
HttpRefusal
http_request_read(HttpRequest *request)
{
	HttpRefusal refusal;

	request->method = GetConfigOption("request.method", true, false);
	if (request->method == NULL)
		request->method = "";
	refusal = read_object("request.headers", &request->headers);
	if (refusal == HTTP_OK)
		refusal = read_object("request.cookies", &request->cookies);
	return refusal;
}

/* The string of that name, or NULL; anything but a string is not in order. */
static HttpRefusal
find_string(const JsonObject *object, const char *name, const char **value)
{
	const JsonMember *member = json_member(object, name);

	*value = NULL;
	if (member == NULL)
		return HTTP_OK;
	if (member->kind != JSON_KIND_STRING)
		return HTTP_UNREADABLE;
	*value = member->text;
	return HTTP_OK;
}

/* Take the token out of an Authorization header: RFC 6750 section 2.1. */
static HttpRefusal
read_authorization(const char *header, const char **token)
{
	static const char scheme[] = "Bearer ";

	if (pg_strncasecmp(header, scheme, strlen(scheme)) != 0)
		return HTTP_BAD_AUTHORIZATION;
	header += strlen(scheme);
	header += strspn(header, " ");
	if (!consists_of(header, BEARER_PUNCTUATION))
		return HTTP_BAD_AUTHORIZATION;
	*token = header;
	return HTTP_OK;
}

/* Take one more token of the request: there may be no other beside it. */
static HttpRefusal
take_token(const char *text, bool from_cookie, HttpToken *token)
{
	if (text == NULL)
		return HTTP_OK;
	if (token->text == NULL)
	{
		token->text = text;
		token->from_cookie = from_cookie;
		return HTTP_OK;
	}
	return strcmp(token->text, text) == 0 ? HTTP_OK : HTTP_TOKENS_DISAGREE;
}

/*
 * Find the token of a request, in the header x-pindah-token, in Authorization
 * or in the cookie.  The same one may stand in several, and counts as the
 * first of them; two that are not the same are refused.
 */
HttpRefusal
http_request_token(const HttpRequest *request, HttpToken *token)
{
	const char *text;
	HttpRefusal refusal;

	token->text = NULL;
	token->from_cookie = false;

	refusal = find_string(&request->headers, "x-pindah-token", &text);
	if (refusal == HTTP_OK)
		refusal = take_token(text, false, token);

	if (refusal == HTTP_OK)
		refusal = find_string(&request->headers, "authorization", &text);
	if (refusal == HTTP_OK && text != NULL)
		refusal = read_authorization(text, &text);
	if (refusal == HTTP_OK)
		refusal = take_token(text, false, token);

	if (refusal == HTTP_OK)
		refusal = find_string(&request->cookies, cookie_name, &text);
	if (refusal == HTTP_OK)
		refusal = take_token(text, true, token);
	return refusal;
}

/*
 * Is the request one that changes nothing?  The method says so, and the
 * transaction must hold it to its word: a function that GET calls may be
 * volatile.
 */
bool
http_request_is_safe(const HttpRequest *request)
{
	return XactReadOnly &&
		(strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0);
}

/* Is an origin on the list of those whose pages may act for their user? */
static bool
origin_is_allowed(const char *origin)
{
	char	   *rest = pstrdup(allowed_origins);
	char	   *word;

	while ((word = strsep(&rest, ", \t\n")) != NULL)
	{
		if (*word != '\0' && strcmp(word, origin) == 0)
			return true;
	}
	return false;
}

/*
 * Was the request made by a page of this site, or one that is allowed?
 *
 * A browser says where a request comes from, and no page can make it say
 * otherwise: Sec-Fetch-Site, which is there on every secure connection, and
 * Origin.  What says neither is no browser, or so old a one that a header
 * must do which no page can send without asking first (CORS).
 */
HttpRefusal
http_request_check_site(const HttpRequest *request)
{
	const char *site;
	const char *origin;
	const char *header;
	HttpRefusal refusal;

	refusal = find_string(&request->headers, "sec-fetch-site", &site);
	if (refusal == HTTP_OK)
		refusal = find_string(&request->headers, "origin", &origin);
	if (refusal == HTTP_OK)
		refusal = find_string(&request->headers, "x-pindah-csrf", &header);
	if (refusal != HTTP_OK)
		return refusal;

	if (site != NULL && strcmp(site, "same-origin") == 0)
		return HTTP_OK;
	if (origin != NULL && origin_is_allowed(origin))
		return HTTP_OK;
	if (site == NULL && origin == NULL && header != NULL)
		return HTTP_OK;
	return HTTP_CROSS_SITE;
}

/*
 * The address that a proxy says the request comes from, or NULL.  Of a list,
 * what counts is the last: that is the proxy's own, and all before it may be
 * the client's.
 */
const char *
http_request_client_address(void)
{
	JsonObject	headers;
	char	   *name;
	const char *value;
	const char *last;

	if (*client_address_header == '\0')
		return NULL;
	name = pstrdup(client_address_header);
	for (char *c = name; *c != '\0'; c++)
		*c = pg_ascii_tolower((unsigned char) *c);
	if (read_object("request.headers", &headers) != HTTP_OK ||
		find_string(&headers, name, &value) != HTTP_OK || value == NULL)
		return NULL;
	last = strrchr(value, ',');
	last = last == NULL ? value : last + 1;
	last += strspn(last, " \t");
	return pnstrdup(last, strcspn(last, " \t"));
}

/* The name of a cookie is a token of RFC 9110. */
static bool
check_cookie_name(char **newval, void **extra, GucSource source)
{
	if (consists_of(*newval, TOKEN_PUNCTUATION))
		return true;
	GUC_check_errdetail("A cookie's name is letters, digits and punctuation of RFC 9110 section 5.6.2.");
	return false;
}

/* So is the name of a header, where there is one. */
static bool
check_header_name(char **newval, void **extra, GucSource source)
{
	if (**newval == '\0' || consists_of(*newval, TOKEN_PUNCTUATION))
		return true;
	GUC_check_errdetail("A header's name is letters, digits and punctuation of RFC 9110 section 5.6.2.");
	return false;
}

/* Each origin is scheme://host or scheme://host:port, as browsers write it. */
static bool
check_allowed_origins(char **newval, void **extra, GucSource source)
{
	char	   *list = pstrdup(*newval);
	char	   *rest = list;
	char	   *word;
	bool		good = true;

	while (good && (word = strsep(&rest, ", \t\n")) != NULL)
	{
		const char *host = NULL;

		if (*word == '\0')
			continue;
		if (strncmp(word, "https://", 8) == 0)
			host = word + 8;
		else if (strncmp(word, "http://", 7) == 0)
			host = word + 7;
		good = host != NULL && consists_of(host, HOST_PUNCTUATION);
		for (const char *c = word; *c != '\0'; c++)
			good = good && !(*c >= 'A' && *c <= 'Z');
	}
	pfree(list);
	if (!good)
		GUC_check_errdetail("An origin is written as browsers send it: https://app.example.com, with a port only if it is not the usual one, in lower case, and with nothing after it.");
	return good;
}

/* Define the settings of this room. */
void
HttpRequestInit(void)
{
	/* Change it if several services share a host. */
	DefineCustomStringVariable("pindah.cookie_name",
							   "The cookie that carries a token.",
							   "A name that begins with __Host- cannot be set by other hosts.",
							   &cookie_name, "__Host-pindah", PGC_SUSET, 0,
							   check_cookie_name, NULL, NULL);

	/* Name the origin of a front end that is not served beside the API. */
	DefineCustomStringVariable("pindah.allowed_origins",
							   "Origins whose pages may act for a user who is signed in by cookie.",
							   NULL, &allowed_origins, "", PGC_SUSET, GUC_LIST_INPUT,
							   check_allowed_origins, NULL, NULL);

	/* Set it for the role of PostgREST, whose requests share an address. */
	DefineCustomStringVariable("pindah.client_address_header",
							   "Header in which a proxy tells the address of a request's client.",
							   NULL, &client_address_header, "", PGC_SUSET, 0,
							   check_header_name, NULL, NULL);

	/* Turn it off for an API that is of no use without signing in. */
	DefineCustomBoolVariable("pindah.anonymous_requests",
							 "Lets HTTP requests come without a token.",
							 NULL, &anonymous_requests, true, PGC_SUSET, 0,
							 NULL, NULL, NULL);
}
