/*-------------------------------------------------------------------------
 *
 * http_request.h
 *	  The HTTP request that is being answered, as PostgREST tells it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef PINDAH_HTTP_REQUEST_H
#define PINDAH_HTTP_REQUEST_H

#include "compat.h"

#include "http_error.h"
#include "json_reader.h"

typedef struct HttpRequest
{
	const char *method;			/* empty: there is no request */
	JsonObject	headers;
	JsonObject	cookies;
} HttpRequest;

/* The token of a request. */
typedef struct HttpToken
{
	const char *text;			/* NULL: none */
	bool		from_cookie;	/* the browser sent it by itself */
} HttpToken;

extern void HttpRequestInit(void);
extern HttpRefusal http_request_read(HttpRequest *request);
extern HttpRefusal http_request_token(const HttpRequest *request, HttpToken *token);
extern bool http_request_is_safe(const HttpRequest *request);
extern HttpRefusal http_request_check_site(const HttpRequest *request);
extern bool http_request_may_be_anonymous(void);
extern const char *http_request_cookie_name(void);
extern const char *http_request_client_address(void);

#endif							/* PINDAH_HTTP_REQUEST_H */
