-- The identity survives what PostgreSQL does to settings, and ends when they
-- end.
SELECT max(token) FILTER (WHERE name = 'ann') AS ann,
	max(token) FILTER (WHERE name = 'bob') AS bob,
	max(token) FILTER (WHERE name = 'forged') AS forged FROM tokens \gset
\set who 'SELECT coalesce(pindah_user_id(), \'nobody\') AS who, current_setting(\'pindah.user_id\') AS setting, (SELECT count(*) FROM invoices WHERE "OrganisationId" = \'a0000000-0000-4000-8000-000000000001\') AS harare, (SELECT count(*) FROM invoices WHERE "OrganisationId" = \'b0000000-0000-4000-8000-000000000002\') AS bulawayo;'
SET ROLE regress_pindah_app;
:who

-- A session's identity outlives transactions, and is undone by rollback.
BEGIN; SET pindah.token = :'ann'; ROLLBACK;
:who
BEGIN; SET pindah.token = :'ann'; COMMIT;
:who

-- SET LOCAL: to the end of the transaction.
BEGIN; SET LOCAL pindah.token = :'bob';
:who
COMMIT;
:who

-- Savepoints.
BEGIN;
SAVEPOINT one;
SET LOCAL pindah.token = :'bob';
SAVEPOINT two;
SET pindah.token = '';
:who
ROLLBACK TO two;
:who
ROLLBACK TO one;
:who
SET LOCAL pindah.token = :'bob';
RELEASE one;
:who
COMMIT;
:who

-- A refused token in an exception block.
DO $$
BEGIN
	SET LOCAL pindah.token = 'a.b.c';
EXCEPTION WHEN invalid_authorization_specification THEN
	RAISE NOTICE 'refused, still %', pindah_user_id();
END $$;

-- Function SET clauses; the function's caller is himself again afterwards.
RESET ROLE;
CREATE FUNCTION as_nobody() RETURNS text LANGUAGE plpgsql SET pindah.token = '' AS
	$$ BEGIN RETURN coalesce(pindah_user_id(), 'nobody'); END $$;
CREATE FUNCTION as_bob(token text) RETURNS text LANGUAGE plpgsql SET pindah.token = '' AS
	$$ BEGIN PERFORM set_config('pindah.token', token, true); RETURN pindah_user_id(); END $$;
-- Neither of these can be made: a bad token, and what SHOW gives.
CREATE FUNCTION with_forged() RETURNS text LANGUAGE sql SET pindah.token = 'a.b.c' AS 'SELECT 1::text';
CREATE FUNCTION from_current() RETURNS text LANGUAGE sql SET pindah.token FROM CURRENT AS 'SELECT 1::text';
SET ROLE regress_pindah_app;
SELECT as_nobody(), pindah_user_id();
SELECT as_bob(:'bob'), pindah_user_id();
:who

-- SET ROLE and SECURITY DEFINER change the role, not the identity; the owner
-- of a protected table is bound like everybody.
RESET ROLE;
CREATE ROLE regress_pindah_owner;
GRANT regress_pindah_app TO regress_pindah_owner;
ALTER TABLE invoices OWNER TO regress_pindah_owner;
CREATE FUNCTION count_as_owner() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM invoices';
ALTER FUNCTION count_as_owner() OWNER TO regress_pindah_owner;
SET ROLE regress_pindah_app;
SELECT count_as_owner();
SET ROLE regress_pindah_owner;
:who
SET pindah.token = '';
SELECT count_as_owner();
SET ROLE regress_pindah_app;

-- Prepared statements with a generic plan follow the identity.
PREPARE mine AS SELECT count(*), min("OrganisationId"::text) FROM invoices;
SET plan_cache_mode = force_generic_plan;
EXECUTE mine;
SET pindah.token = :'ann';
EXECUTE mine;
SET pindah.token = :'bob';
EXECUTE mine;
RESET pindah.token;
EXECUTE mine;
RESET plan_cache_mode;
DEALLOCATE mine;

-- RESET ALL and DISCARD ALL forget.
SET pindah.token = :'ann';
RESET ALL;
:who
SET pindah.token = :'ann';
DISCARD ALL;
SET ROLE regress_pindah_app;
:who

-- A query is bound to the identity that it began under.
BEGIN;
SET LOCAL pindah.token = :'ann';
DECLARE c CURSOR FOR SELECT id FROM invoices ORDER BY id;
DECLARE d CURSOR FOR SELECT id FROM tokens, generate_series(1, 2) id ORDER BY id;
FETCH 1 FROM c;
FETCH 1 FROM d;
SAVEPOINT s;
SET LOCAL pindah.token = :'bob';
FETCH 1 FROM d;
ROLLBACK TO s;
FETCH 1 FROM c;
SAVEPOINT s;
SET LOCAL pindah.token = :'bob';
FETCH 1 FROM c;
ROLLBACK;
BEGIN;
SET LOCAL pindah.token = :'ann';
DECLARE c CURSOR FOR SELECT id FROM invoices ORDER BY id;
SET LOCAL pindah.token = '';
FETCH 1 FROM c;
ROLLBACK;
BEGIN;
SET LOCAL pindah.token = :'ann';
-- Another identity in the middle of it is refused, or the query goes on as it began.
SET LOCAL enable_indexscan = off;
SET LOCAL enable_bitmapscan = off;
SELECT "OrganisationId", count(*), bool_or(taken) FROM (
	SELECT "OrganisationId", set_config('pindah.token', :'bob', true) IS NULL AS taken FROM invoices OFFSET 0) s
	GROUP BY 1;
ROLLBACK;
BEGIN;
SET LOCAL pindah.token = :'ann';
SET LOCAL enable_seqscan = off;
SELECT "OrganisationId", count(*), bool_or(taken) FROM (
	SELECT "OrganisationId", set_config('pindah.token', :'bob', true) IS NULL AS taken FROM invoices OFFSET 0) s
	GROUP BY 1;
ROLLBACK;
BEGIN;
-- Taken in the very statement that reads: it began with nobody.
WITH taken AS MATERIALIZED (SELECT pindah_verify_jwt(:'ann')) SELECT count(*) FROM taken, invoices;
ROLLBACK;
BEGIN;
SELECT pindah_verify_jwt(:'ann') ->> 'nameid', (SELECT count(*) FROM invoices), pindah_user_id();
SELECT count(*) FROM invoices;
-- The same identity again: goes on.
DECLARE c CURSOR FOR SELECT id FROM invoices ORDER BY id;
FETCH 1 FROM c;
SET LOCAL pindah.token = :'ann';
FETCH 1 FROM c;
COMMIT;

-- WITH HOLD: the rows are those of the transaction that opened it, as with
-- every cursor.  Only a superuser's session keeps them (210_session_state.pl).
BEGIN;
SET LOCAL pindah.token = :'ann';
DECLARE held CURSOR WITH HOLD FOR SELECT id FROM invoices ORDER BY id;
COMMIT;
FETCH 1 FROM held;
CLOSE ALL;

-- pindah.session_identity = off: local to the transaction, whatever is asked.
RESET ROLE;
SET pindah.session_identity = off;
SET ROLE regress_pindah_app;
BEGIN; SET pindah.token = :'ann';
:who
COMMIT;
:who
SELECT pindah_verify_jwt(:'ann', is_local => false) ->> 'nameid';
:who
BEGIN; SET LOCAL pindah.token = :'bob';
:who
COMMIT;
SET pindah.session_identity = on;
:who
RESET ROLE;
RESET pindah.session_identity;
DISCARD ALL;

-- Taken before the isolation level is said, and in READ ONLY transactions.
BEGIN; SET LOCAL pindah.token = :'ann'; SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;
SET LOCAL ROLE regress_pindah_app;
SELECT count(*) FROM invoices;
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY; SELECT pindah_verify_jwt(:'ann') ->> 'nameid';
SET LOCAL ROLE regress_pindah_app;
SELECT count(*) FROM invoices;
COMMIT;

-- ALTER ROLE can hold a token, and says what a bad place that is.
ALTER ROLE regress_pindah_app SET pindah.token = :'ann';
ALTER ROLE regress_pindah_app RESET pindah.token;
ALTER SYSTEM SET pindah.token = 'x';

-- Memory that an answer points to is not the identity's own: the identity
-- may go while the answer is still to be used.
SELECT pindah_user_id(), set_config('pindah.token', :'ann', false) IS NULL, pindah_user_id(),
	set_config('pindah.token', '', false) IS NULL, pindah_roles(), pindah_organisation_uuid();
BEGIN;
SELECT count(DISTINCT u), count(*) FROM (
	SELECT set_config('pindah.token', CASE WHEN g % 2 = 0 THEN :'ann' ELSE :'bob' END, true), pindah_user_id() AS u
	FROM generate_series(1, 1000) g OFFSET 0) s;
COMMIT;

ALTER TABLE invoices OWNER TO CURRENT_USER;
DROP FUNCTION as_nobody, as_bob, count_as_owner;
DROP ROLE regress_pindah_owner;
