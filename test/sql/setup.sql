-- What all other tests build on: two organisations, a role, an issuer and
-- tokens.  The tokens are minted by test/kit/static_tokens.py.
CREATE EXTENSION pindah_auth;
CREATE ROLE regress_pindah_app;
CREATE TABLE tokens (name text PRIMARY KEY, token text NOT NULL);
GRANT SELECT ON tokens TO PUBLIC;
INSERT INTO tokens VALUES ('ann', 'eyJhbGciOiJIUzI1NiIsImtpZCI6Im1haW4iLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiJodHRwczovL2FwaS5waW5kYWguZXhhbXBsZSIsImF1ZCI6InBpbmRhaCIsIm5iZiI6MTcwMDAwMDAwMCwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjQxMDI0NDQ4MDAsIm5hbWVpZCI6ImFubiIsInVuaXF1ZV9uYW1lIjoiQW5uIE1veW8iLCJlbWFpbCI6ImFubkBoYXJhcmUuZXhhbXBsZSIsInJvbGUiOiJBY2NvdW50YW50IiwiT3JnYW5pc2F0aW9uSWQiOiJhMDAwMDAwMC0wMDAwLTQwMDAtODAwMC0wMDAwMDAwMDAwMDEiLCJQZXJtaXNzaW9uIjpbImFjY291bnRpbmc6aW52b2ljZXM6dmlldyIsImFjY291bnRpbmc6aW52b2ljZXM6Y3JlYXRlIiwic3RvY2s6Kjp2aWV3Il19.dExgyKBL8xmOIZ-uU2GOCflssRKl-RkPLq5tOWrlVIY');
INSERT INTO tokens VALUES ('bob', 'eyJhbGciOiJIUzI1NiIsImtpZCI6Im1haW4iLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiJodHRwczovL2FwaS5waW5kYWguZXhhbXBsZSIsImF1ZCI6InBpbmRhaCIsIm5iZiI6MTcwMDAwMDAwMCwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjQxMDI0NDQ4MDAsIm5hbWVpZCI6ImJvYiIsInVuaXF1ZV9uYW1lIjoiQm9iIE5jdWJlIiwicm9sZSI6WyJNYW5hZ2VyIiwiQWNjb3VudGFudCJdLCJPcmdhbmlzYXRpb25JZCI6ImIwMDAwMDAwLTAwMDAtNDAwMC04MDAwLTAwMDAwMDAwMDAwMiIsIlBlcm1pc3Npb24iOiJhY2NvdW50aW5nOio6KiJ9.BVETGFPP4gBNEluk31XWxcWaxV8mCc0aAbhSWONLKF0');
INSERT INTO tokens VALUES ('vera', 'eyJhbGciOiJIUzI1NiIsImtpZCI6Im1haW4iLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiJodHRwczovL2FwaS5waW5kYWguZXhhbXBsZSIsImF1ZCI6InBpbmRhaCIsIm5iZiI6MTcwMDAwMDAwMCwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjQxMDI0NDQ4MDAsIm5hbWVpZCI6InZlcmEiLCJ1bmlxdWVfbmFtZSI6IlZlcmEgRHViZSIsIk9yZ2FuaXNhdGlvbklkIjoiYTAwMDAwMDAtMDAwMC00MDAwLTgwMDAtMDAwMDAwMDAwMDAxIn0.YycHAiYxUO7sCpEfdZG3JCOvEezEZzvRWKJa5BeEcwc');
INSERT INTO tokens VALUES ('uri', 'eyJhbGciOiJIUzI1NiIsImtpZCI6Im1haW4iLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiJodHRwczovL2FwaS5waW5kYWguZXhhbXBsZSIsImF1ZCI6InBpbmRhaCIsIm5iZiI6MTcwMDAwMDAwMCwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjQxMDI0NDQ4MDAsImh0dHA6Ly9zY2hlbWFzLnhtbHNvYXAub3JnL3dzLzIwMDUvMDUvaWRlbnRpdHkvY2xhaW1zL25hbWVpZGVudGlmaWVyIjoidW5hIiwiaHR0cDovL3NjaGVtYXMueG1sc29hcC5vcmcvd3MvMjAwNS8wNS9pZGVudGl0eS9jbGFpbXMvbmFtZSI6IlVuYSIsImh0dHA6Ly9zY2hlbWFzLnhtbHNvYXAub3JnL3dzLzIwMDUvMDUvaWRlbnRpdHkvY2xhaW1zL2VtYWlsYWRkcmVzcyI6InVuYUBoYXJhcmUuZXhhbXBsZSIsImh0dHA6Ly9zY2hlbWFzLm1pY3Jvc29mdC5jb20vd3MvMjAwOC8wNi9pZGVudGl0eS9jbGFpbXMvcm9sZSI6IkNsZXJrIiwiT3JnYW5pc2F0aW9uSWQiOiJhMDAwMDAwMC0wMDAwLTQwMDAtODAwMC0wMDAwMDAwMDAwMDEifQ.YJTp8kxLULErzZHW87UuZXz2M5GZujK7bxJt4883pFc');
INSERT INTO tokens VALUES ('number', 'eyJhbGciOiJIUzI1NiIsImtpZCI6Im1haW4iLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiJodHRwczovL2FwaS5waW5kYWguZXhhbXBsZSIsImF1ZCI6InBpbmRhaCIsIm5iZiI6MTcwMDAwMDAwMCwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjQxMDI0NDQ4MDAsInN1YiI6Im5vcmEiLCJPcmdhbmlzYXRpb25JZCI6NDIsIlBlcm1pc3Npb24iOlsic3RvY2s6aW52ZW50b3J5OnZpZXciXX0.X4KR3sJrxpKiaHtgO_8pwabSfFneEAQBSOdzekdrPZs');
INSERT INTO tokens VALUES ('nowhere', 'eyJhbGciOiJIUzI1NiIsImtpZCI6Im1haW4iLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiJodHRwczovL2FwaS5waW5kYWguZXhhbXBsZSIsImF1ZCI6InBpbmRhaCIsIm5iZiI6MTcwMDAwMDAwMCwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjQxMDI0NDQ4MDAsInN1YiI6Im5laWwiLCJQZXJtaXNzaW9uIjpbIio6KjoqIl19.qfhlcDO7MPVNWjJMxh-1zQbAZAS-xwPN3nsqRLj4pbE');
INSERT INTO tokens VALUES ('expired', 'eyJhbGciOiJIUzI1NiIsImtpZCI6Im1haW4iLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiJodHRwczovL2FwaS5waW5kYWguZXhhbXBsZSIsImF1ZCI6InBpbmRhaCIsIm5iZiI6MTcwMDAwMDAwMCwiaWF0IjoxNzAwMDAwMDAwLCJleHAiOjE3MDAwMDM2MDAsInN1YiI6Im9sZCIsIk9yZ2FuaXNhdGlvbklkIjoiYTAwMDAwMDAtMDAwMC00MDAwLTgwMDAtMDAwMDAwMDAwMDAxIn0.gzjse2ma8A7TcuHByDtH_FPXeNZL9TpdnDEDFLpi8k4');
INSERT INTO tokens VALUES ('forged', 'eyJhbGciOiJIUzI1NiIsImtpZCI6Im1haW4iLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiAiaHR0cHM6Ly9hcGkucGluZGFoLmV4YW1wbGUiLCAiYXVkIjogInBpbmRhaCIsICJuYmYiOiAxNzAwMDAwMDAwLCAiaWF0IjogMTcwMDAwMDAwMCwgImV4cCI6IDQxMDI0NDQ4MDAsICJuYW1laWQiOiAiYW5uIiwgInVuaXF1ZV9uYW1lIjogIkFubiBNb3lvIiwgImVtYWlsIjogImFubkBoYXJhcmUuZXhhbXBsZSIsICJyb2xlIjogIkFjY291bnRhbnQiLCAiT3JnYW5pc2F0aW9uSWQiOiAiYjAwMDAwMDAtMDAwMC00MDAwLTgwMDAtMDAwMDAwMDAwMDAyIiwgIlBlcm1pc3Npb24iOiBbImFjY291bnRpbmc6aW52b2ljZXM6dmlldyIsICJhY2NvdW50aW5nOmludm9pY2VzOmNyZWF0ZSIsICJzdG9jazoqOnZpZXciXX0.dExgyKBL8xmOIZ-uU2GOCflssRKl-RkPLq5tOWrlVIY');
INSERT INTO tokens VALUES ('unsigned', 'eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJub2JvZHkiLCJleHAiOjQxMDI0NDQ4MDB9.');
-- An HMAC secret, as an ASP.NET API has it: base64url of "regression-tests-only-secret-32b".
SELECT pindah_trust_issuer('https://api.pindah.example',
	'{"keys": [{"kty": "oct", "kid": "main", "alg": "HS256", "k": "cmVncmVzc2lvbi10ZXN0cy1vbmx5LXNlY3JldC0zMmI"}]}',
	audience => '{pindah}');
SELECT issuer, kid, state, algorithm FROM pindah.keys;
CREATE TABLE invoices (
	id integer PRIMARY KEY,
	"OrganisationId" uuid NOT NULL,
	customer text NOT NULL,
	amount numeric(12, 2) NOT NULL,
	currency text NOT NULL
);
INSERT INTO invoices
	SELECT g, CASE WHEN g % 2 = 1 THEN 'a0000000-0000-4000-8000-000000000001'::uuid
			ELSE 'b0000000-0000-4000-8000-000000000002'::uuid END,
		'customer ' || g, g * 10, CASE WHEN g % 3 = 0 THEN 'ZWG' ELSE 'USD' END
	FROM generate_series(1, 1000) g;
GRANT SELECT, INSERT, UPDATE, DELETE ON invoices TO regress_pindah_app;
SELECT pindah_protect_table('invoices', permission => 'accounting:invoices');
ANALYZE invoices;

-- The plan of a query that was run, written alike by all versions.
CREATE FUNCTION plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql
	-- A worker that is forced upon a plan does not make it a long one.
	SET parallel_setup_cost = 500 AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) ' || query LOOP
		RETURN NEXT regexp_replace(line, '(rows=\d+)\.00', '\1');
	END LOOP;
END $$;
