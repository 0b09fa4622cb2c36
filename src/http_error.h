/*-------------------------------------------------------------------------
 *
 * http_error.h
 *	  Refusals as answers to an HTTP request.
 *
 * What can be wrong with a request, besides its token (verdict.h).  As there,
 * every sentence is a constant: nothing of a request gets into a message.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_HTTP_ERROR_H
#define PINDAH_HTTP_ERROR_H

#include "compat.h"

#include "verdict.h"

/* name, reason word, status, error of RFC 6750 section 3.1, sentence, hint */
#define HTTP_REFUSALS(V) \
	V(HTTP_OK, "", 200, NULL, "the request is in order", "") \
	V(HTTP_UNREADABLE, "malformed_request", 400, "invalid_request", \
	  "the headers or cookies of the request are not a JSON object with strings", \
	  "Let PostgREST 9 or later, with db-use-legacy-gucs off, call pindah_pre_request().") \
	V(HTTP_BAD_AUTHORIZATION, "malformed_request", 400, "invalid_request", \
	  "the Authorization header is not Bearer and one token", \
	  "Send \"Authorization: Bearer \" and the token; a header that is meant for a proxy should end there.") \
	V(HTTP_TOKENS_DISAGREE, "ambiguous_token", 400, "invalid_request", \
	  "the request carries two tokens, and they are not the same", \
	  "Send one token: in a header or in the cookie.") \
	V(HTTP_NO_TOKEN, "missing_token", 401, "", \
	  "the request carries no token, and pindah.anonymous_requests is off", \
	  "Sign in, and send the token in the Authorization header.") \
	V(HTTP_BAD_CREDENTIALS, "invalid_credentials", 401, "", \
	  "the user name or the password is wrong", \
	  "Try again, or set a new password.") \
	V(HTTP_NO_PERMISSION, "missing_permission", 403, "insufficient_scope", \
	  "the identity lacks a permission", \
	  "Ask an administrator of your organisation for the permission, and sign in again.") \
	V(HTTP_CROSS_SITE, "cross_site", 403, NULL, \
	  "the request may come from another site", \
	  "Let a superuser add the page's origin to pindah.allowed_origins; a program that is no browser sends the header x-pindah-csrf.")

#define HTTP_REFUSAL_AS_ENUM(name, ...) name,

typedef enum HttpRefusal
{
	HTTP_REFUSALS(HTTP_REFUSAL_AS_ENUM)
} HttpRefusal;

/* What an answer may have besides. */
typedef struct HttpExtras
{
	const char *set_cookie;		/* value of a Set-Cookie header, or NULL */
	int			retry_after;	/* seconds; 0: no such header */
} HttpExtras;

extern bool http_in_request(void);
extern void http_refuse(HttpRefusal refusal, HttpExtras extras) PINDAH_NORETURN;
extern void http_refuse_token(TokenVerdict verdict, HttpExtras extras) PINDAH_NORETURN;

#endif							/* PINDAH_HTTP_ERROR_H */
