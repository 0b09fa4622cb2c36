-- PostgREST: the identity of a request, and the cookie that carries it.
--
-- Open to everybody, since PostgREST calls them as the role of the request:
-- a token proves itself.

CREATE FUNCTION pindah_pre_request() RETURNS void
	LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000
	AS 'MODULE_PATHNAME', 'pindah_pre_request';
COMMENT ON FUNCTION pindah_pre_request() IS
	'PostgREST db-pre-request: take on, for the transaction, the identity of the request''s token; raises PGRST';

CREATE FUNCTION pindah_set_cookie(token text) RETURNS void
	LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000
	AS 'MODULE_PATHNAME', 'pindah_set_cookie';
COMMENT ON FUNCTION pindah_set_cookie(text) IS
	'verify a token and let PostgREST answer with a cookie that holds it until it expires (RFC 6265)';

CREATE FUNCTION pindah_clear_cookie() RETURNS void
	LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10
	AS 'MODULE_PATHNAME', 'pindah_clear_cookie';
COMMENT ON FUNCTION pindah_clear_cookie() IS 'let PostgREST answer with the end of the cookie';

CREATE FUNCTION pindah_raise_http_error(reason text, retry_after integer DEFAULT NULL) RETURNS void
	LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL SAFE COST 1
	AS 'MODULE_PATHNAME', 'pindah_raise_http_error';
COMMENT ON FUNCTION pindah_raise_http_error(text, integer) IS
	'raise the error of a reason as PostgREST turns it into 400, 401, 403 or 429; retry_after in seconds';
