-- Attacks: a database role with any SQL and tokens of its own, against the wall.
--
-- Each test passes when the attack is repelled; those that end in "[open]" got
-- through when they were written, and fail until that is closed.
--
-- Attempts run as a role that is no superuser, through attempt(), which turns
-- an error into the word "refused": to be refused is as good as to see nothing.
-- What needs a connection of its own runs in a psql of its own, since some
-- attacks begin before the library is loaded.

\set QUIET on
SET client_min_messages = error;
DO $$
BEGIN
	IF to_regrole('attacks_eve') IS NOT NULL THEN
		EXECUTE 'DROP OWNED BY attacks_eve, attacks_pool';
		EXECUTE 'DROP ROLE attacks_eve, attacks_pool';
	END IF;
END $$;
\set password ''
\getenv password PGPASSWORD
CREATE ROLE attacks_eve LOGIN PASSWORD :'password';
CREATE ROLE attacks_pool LOGIN PASSWORD :'password';
\setenv PGHOST :HOST
\setenv PGPORT :PORT
\setenv PGDATABASE :DBNAME

-- Ann holds everything in organisation A, Bob in B; Bea is of B and holds nothing.
\set ann 'eyJhbGciOiJIUzI1NiIsImtpZCI6Im1haW4iLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiZXhwIjo0MTAyNDQ0ODAwLCJzdWIiOiJhbm4iLCJPcmdhbmlzYXRpb25JZCI6ImEwMDAwMDAwLTAwMDAtNDAwMC04MDAwLTAwMDAwMDAwMDAwYSIsIlBlcm1pc3Npb24iOlsic2FsZXM6b3JkZXJzOnZpZXciLCJzYWxlczpvcmRlcnM6Y3JlYXRlIiwic2FsZXM6b3JkZXJzOmVkaXQiLCJzYWxlczpvcmRlcnM6ZGVsZXRlIl19.UIs_Lwxt3xr20uS7_B6HgTM5zaQ26LC7yj6ixSWU4cY'
\set bob 'eyJhbGciOiJIUzI1NiIsImtpZCI6Im1haW4iLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiZXhwIjo0MTAyNDQ0ODAwLCJzdWIiOiJib2IiLCJPcmdhbmlzYXRpb25JZCI6ImIwMDAwMDAwLTAwMDAtNDAwMC04MDAwLTAwMDAwMDAwMDAwYiIsIlBlcm1pc3Npb24iOlsic2FsZXM6b3JkZXJzOnZpZXciLCJzYWxlczpvcmRlcnM6Y3JlYXRlIiwic2FsZXM6b3JkZXJzOmVkaXQiLCJzYWxlczpvcmRlcnM6ZGVsZXRlIl19.AcI_7ak1XN4ap_wGkoO4g2dxbe0oVYztYep89_v06u8'
\set bea 'eyJhbGciOiJIUzI1NiIsImtpZCI6Im1haW4iLCJ0eXAiOiJKV1QifQ.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leGFtcGxlIiwiZXhwIjo0MTAyNDQ0ODAwLCJzdWIiOiJiZWEiLCJPcmdhbmlzYXRpb25JZCI6ImIwMDAwMDAwLTAwMDAtNDAwMC04MDAwLTAwMDAwMDAwMDAwYiJ9.w3Bp9zv3xP1Ab3ddQ2Xe1aiYOEDCGKuhY-n78cdfCIQ'
\set a 'a0000000-0000-4000-8000-00000000000a'
\set b 'b0000000-0000-4000-8000-00000000000b'
\set jwks '{"keys": [{"kty": "oct", "kid": "main", "alg": "HS256", "k": "cGd0YXAtYXR0YWNrcy1vbmx5LWhzMjU2LXNlY3JldCE"}]}'
SELECT pindah_trust_issuer('https://issuer.example', :'jwks') \g /dev/null

CREATE SCHEMA attacks;
GRANT USAGE, CREATE ON SCHEMA attacks TO attacks_eve, attacks_pool;
CREATE TABLE attacks.orders (id integer PRIMARY KEY, organisation_id uuid NOT NULL, secret text);
INSERT INTO attacks.orders
	SELECT g, CASE WHEN g % 2 = 1 THEN :'a' ELSE :'b' END::uuid, 'secret ' || g FROM generate_series(1, 100) g;
CREATE TABLE attacks.notes (id integer PRIMARY KEY, organisation_id text NOT NULL, secret text);
INSERT INTO attacks.notes SELECT id, organisation_id, secret FROM attacks.orders;
CREATE TABLE attacks.parts (id integer, organisation_id uuid NOT NULL) PARTITION BY HASH (id);
CREATE TABLE attacks.parts_0 PARTITION OF attacks.parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE attacks.parts_1 PARTITION OF attacks.parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO attacks.parts SELECT id, organisation_id FROM attacks.orders;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA attacks TO attacks_eve, attacks_pool;
SELECT pindah_protect_table('attacks.orders', permission => 'sales:orders') \g /dev/null
SELECT pindah_protect_table('attacks.notes') \g /dev/null
SELECT pindah_protect_table('attacks.parts', permission => 'sales:orders') \g /dev/null
ANALYZE;

-- One value, or "refused".
CREATE FUNCTION attacks.attempt(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	EXECUTE query INTO answer;
	RETURN answer;
EXCEPTION WHEN OTHERS THEN
	RETURN 'refused';
END $$;

-- The same for what has no result.
CREATE FUNCTION attacks.attempt_command(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE query;
	RETURN 'done';
EXCEPTION WHEN OTHERS THEN
	RETURN 'refused';
END $$;

-- attempt() as Eve under a token, undone afterwards; of several statements the
-- last one's answer counts.
CREATE FUNCTION attacks.attempt_as(token text, VARIADIC queries text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	query text;
	answer text;
BEGIN
	BEGIN
		SET LOCAL ROLE attacks_eve;
		PERFORM set_config('pindah.token', token, true);
		FOREACH query IN ARRAY queries LOOP
			answer := attacks.attempt(query);
		END LOOP;
		RAISE EXCEPTION 'undo' USING ERRCODE = 'P0002';
	EXCEPTION WHEN no_data_found THEN
		RETURN answer;
	END;
END $$;

SELECT set_config('my.bea', :'bea', false), set_config('my.bob', :'bob', false), set_config('my.ann', :'ann', false) \g /dev/null

SELECT plan(83);

-- A STABLE expression of the user's own that does not tell the same twice.
-- The planner may put it in the tenant's place in the scan, and compare the
-- tenant with it once only, before the first row.

SET my.tenant = :'a';
SELECT is(attacks.attempt_as(:'ann', $$
	SELECT count(*) FILTER (WHERE organisation_id = 'b0000000-0000-4000-8000-00000000000b') FROM (
		SELECT organisation_id, set_config('my.tenant', 'b0000000-0000-4000-8000-00000000000b', true)
			FROM attacks.orders WHERE organisation_id = current_setting('my.tenant')::uuid OFFSET 0) s
	$$), '0', 'a setting that changes while the query runs shows no other tenant, sequential scan');
SELECT is(attacks.attempt_as(:'ann', $$
	SELECT count(*) FILTER (WHERE organisation_id = 'b0000000-0000-4000-8000-00000000000b') FROM (
		SELECT organisation_id, set_config('my.tenant', 'b0000000-0000-4000-8000-00000000000b', true)
			FROM attacks.notes WHERE organisation_id = current_setting('my.tenant') OFFSET 0) s
	$$), '0', 'nor with a tenant column of type text');
SELECT is(attacks.attempt_as(:'ann', $$
	SELECT count(*) FILTER (WHERE organisation_id = 'b0000000-0000-4000-8000-00000000000b') FROM (
		SELECT organisation_id, set_config('my.tenant', 'b0000000-0000-4000-8000-00000000000b', true)
			FROM attacks.parts WHERE organisation_id = current_setting('my.tenant')::uuid OFFSET 0) s
	$$), '0', 'nor in partitions');
SELECT is(attacks.attempt_as(:'ann', $$
	SELECT count(*) FILTER (WHERE organisation_id = 'b0000000-0000-4000-8000-00000000000b') FROM (
		SELECT o.organisation_id, set_config('my.tenant', 'b0000000-0000-4000-8000-00000000000b', true)
			FROM attacks.orders o JOIN (VALUES (current_setting('my.tenant')::uuid)) v(tenant)
				ON o.organisation_id = v.tenant OFFSET 0) s
	$$), '0', 'nor through a join');
SELECT is(attacks.attempt_as(:'ann', $$
	SELECT count(*) FILTER (WHERE organisation_id = 'b0000000-0000-4000-8000-00000000000b') FROM (
		SELECT o.organisation_id, set_config('my.tenant', 'b0000000-0000-4000-8000-00000000000b', true)
			FROM (VALUES (1)) v(x) LEFT JOIN attacks.orders o ON o.organisation_id = current_setting('my.tenant')::uuid OFFSET 0) s
	$$), '0', 'nor on the far side of an outer join');
SELECT is(attacks.attempt_as(:'ann', $$
	WITH d AS (DELETE FROM attacks.orders WHERE organisation_id = current_setting('my.tenant')::uuid
		RETURNING organisation_id, set_config('my.tenant', 'b0000000-0000-4000-8000-00000000000b', true))
	SELECT count(*) FILTER (WHERE organisation_id = 'b0000000-0000-4000-8000-00000000000b') FROM d
	$$), '0', 'it deletes no row of another tenant');
SELECT is(attacks.attempt_as(:'ann', $$
	WITH u AS (UPDATE attacks.orders SET organisation_id = 'a0000000-0000-4000-8000-00000000000a',
			secret = secret || set_config('my.tenant', 'b0000000-0000-4000-8000-00000000000b', true)
		WHERE organisation_id = current_setting('my.tenant')::uuid RETURNING id)
	SELECT count(*) FILTER (WHERE id % 2 = 0) FROM u
	$$), '0', 'it moves no row of another tenant to its own');

-- The same with an index scan, whose key is computed after the comparison.
SET SESSION AUTHORIZATION attacks_eve;
CREATE FUNCTION attacks.liar() RETURNS uuid LANGUAGE plpgsql STABLE AS $$
DECLARE
	calls integer := coalesce(nullif(current_setting('my.calls', true), ''), '0');
BEGIN
	PERFORM set_config('my.calls', (calls + 1)::text, true);
	RETURN CASE WHEN calls < current_setting('my.honest')::integer THEN 'a0000000-0000-4000-8000-00000000000a'
		ELSE 'b0000000-0000-4000-8000-00000000000b' END;
END $$;
CREATE FUNCTION attacks.try_liar(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	seen text;
	most bigint := 0;
BEGIN
	-- How often the planner calls it is not known: try.
	FOR honest IN 0..12 LOOP
		PERFORM set_config('my.calls', '0', true), set_config('my.honest', honest::text, true);
		seen := attacks.attempt(query);
		most := greatest(most, CASE WHEN seen = 'refused' THEN 0 ELSE seen::bigint END);
	END LOOP;
	RETURN most;
END $$;
RESET SESSION AUTHORIZATION;
SET enable_seqscan = off;
SELECT is(attacks.attempt_as(:'ann', $$
	SELECT attacks.try_liar('SELECT count(*) FILTER (WHERE organisation_id = ''b0000000-0000-4000-8000-00000000000b'')
		FROM attacks.orders WHERE organisation_id = attacks.liar()')
	$$), '0', 'a function that lies shows no other tenant, index scan');
SELECT is(attacks.attempt_as(:'ann', $$
	SELECT attacks.try_liar('SELECT count(*) FILTER (WHERE organisation_id = ''b0000000-0000-4000-8000-00000000000b'')
		FROM attacks.parts WHERE organisation_id = attacks.liar()')
	$$), '0', 'nor in partitions that are pruned when the query starts');
SET enable_seqscan = on;

-- All of that again in queries that are made to look long: their scans are set up
-- once more, with the tenant as a constant, and without pindah.holds() where they
-- compare the column with the tenant themselves.
SET seq_page_cost = 1000;
SET random_page_cost = 1000;
SET cpu_tuple_cost = 100;
SELECT is(attacks.attempt_as(:'ann', format('SELECT set_config(%L, ''off'', true)', method), format($$
	SELECT count(*) FILTER (WHERE organisation_id::text = 'b0000000-0000-4000-8000-00000000000b') FROM (
		SELECT t.organisation_id, set_config('my.tenant', 'b0000000-0000-4000-8000-00000000000b', true) FROM %s OFFSET 0) s
	$$, source)), '0', format('long: no other tenant, %s, without %s', source, method))
	FROM unnest(ARRAY['attacks.orders t WHERE organisation_id = current_setting(''my.tenant'')::uuid',
		'attacks.notes t WHERE organisation_id = current_setting(''my.tenant'')',
		'attacks.parts t WHERE organisation_id = current_setting(''my.tenant'')::uuid',
		'attacks.orders t JOIN (VALUES (current_setting(''my.tenant'')::uuid)) v(tenant) ON t.organisation_id = v.tenant',
		'attacks.orders t WHERE organisation_id = current_setting(''my.tenant'')::uuid AND organisation_id = pindah_organisation_uuid()',
		'attacks.orders o JOIN attacks.orders t ON t.organisation_id = o.organisation_id AND t.id % 2 <> o.id % 2',
		'attacks.orders o JOIN attacks.orders t ON t.organisation_id = current_setting(''my.tenant'')::uuid']) source,
		unnest(ARRAY['enable_seqscan', 'enable_indexscan']) method;
SET enable_seqscan = off;
SELECT is(attacks.attempt_as(:'ann', format($$
	SELECT attacks.try_liar('SELECT count(*) FILTER (WHERE organisation_id = ''b0000000-0000-4000-8000-00000000000b'')
		FROM %s WHERE organisation_id = attacks.liar()')$$, t)), '0', 'long: a function that lies shows no other tenant of ' || t)
	FROM unnest(ARRAY['attacks.orders', 'attacks.parts']) t;
RESET enable_seqscan;
-- Who takes on another identity on the way gets rows of the first one or none.
SELECT is(attacks.attempt_as(:'ann', $$
	SELECT string_agg(DISTINCT s.organisation_id::text, ' ') FROM (
		SELECT organisation_id, set_config('pindah.token', current_setting('my.bob'), true) FROM attacks.orders OFFSET 0) s
	$$), :'a', 'long: a query that changes the identity goes on with the tenant that it began with');
SELECT is(attacks.attempt_as('', $$
	SELECT count(*) FROM (SELECT organisation_id FROM attacks.orders
		WHERE set_config('pindah.token', current_setting('my.ann'), true) <> '' OFFSET 0) s
	$$), '0', 'long: one that began with nobody, with nobody');
SELECT is(attacks.attempt_as(:'bea', $$
	SELECT count(*) FROM (SELECT organisation_id FROM attacks.orders
		WHERE set_config('pindah.token', current_setting('my.bob'), true) <> '' OFFSET 0) s
	$$), '0', 'long: and one without the permission, without it');
RESET seq_page_cost;
RESET random_page_cost;
RESET cpu_tuple_cost;

-- One identity for one query: what is left of a data-modifying WITH runs after
-- the main query has ended, out of reach of whoever only watches that one.
SET SESSION AUTHORIZATION attacks_eve;
CREATE TABLE attacks.loot (organisation_id uuid, secret text);
RESET SESSION AUTHORIZATION;
SELECT is(attacks.attempt_as(:'bea', 'SELECT count(*) FROM attacks.orders'), '0', 'Bea may not view orders');
SELECT is(attacks.attempt_as(:'ann', $$
	WITH w AS (INSERT INTO attacks.loot SELECT organisation_id, secret FROM attacks.orders
			WHERE organisation_id = pindah_claim('OrganisationId')::uuid RETURNING 1)
		SELECT set_config('pindah.token', current_setting('my.bea'), true) FROM w LIMIT 1
	$$, $$SELECT count(*) FROM attacks.loot WHERE organisation_id = 'b0000000-0000-4000-8000-00000000000b'$$),
	'0', 'the rest of a WITH does not read for an identity without permission');
SELECT unalike(coalesce(attacks.attempt_as(:'ann', $$
	WITH w AS (INSERT INTO attacks.loot SELECT organisation_id, secret FROM attacks.orders RETURNING 1)
		SELECT set_config('pindah.token', current_setting('my.bob'), true) FROM w LIMIT 1
	$$, $$SELECT string_agg(DISTINCT left(organisation_id::text, 1), '') FROM attacks.loot$$), 'none'),
	'ab', 'one query does not mix the rows of two identities');
SELECT is(attacks.attempt_as(:'ann', $$
	WITH w AS (DELETE FROM attacks.orders WHERE organisation_id = pindah_claim('OrganisationId')::uuid RETURNING 1)
		SELECT set_config('pindah.token', current_setting('my.bea'), true) FROM w LIMIT 1
	$$, $$SELECT set_config('pindah.token', current_setting('my.bob'), true)$$, $$SELECT count(*) FROM attacks.orders$$),
	'50', 'the rest of a WITH does not delete for an identity without permission');
SELECT is(attacks.attempt_as(:'ann', $$
	SELECT string_agg(s.organisation_id::text, '') FROM (
		SELECT organisation_id, set_config('pindah.token', current_setting('my.bob'), true) FROM attacks.orders) s
	$$), 'refused', 'a query does not go on under another identity');
-- A function that asks for the tenant has a place of its own for the answer, and may
-- have been asked meanwhile, by a query of no protected table.
CREATE FUNCTION attacks.tenant() RETURNS uuid LANGUAGE plpgsql STABLE AS 'BEGIN RETURN pindah_organisation_uuid(); END';
CREATE TABLE attacks.wrapped AS SELECT * FROM attacks.orders;
ALTER TABLE attacks.wrapped ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON attacks.wrapped USING (organisation_id = attacks.tenant());
GRANT SELECT ON attacks.wrapped TO attacks_eve;
SET SESSION AUTHORIZATION attacks_eve;
CREATE FUNCTION attacks.become(token text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	PERFORM set_config('pindah.token', token, true);
	EXECUTE 'SELECT attacks.tenant()' INTO answer;
	RETURN answer;
END $$;
RESET SESSION AUTHORIZATION;
SELECT is(attacks.attempt_as(:'ann', $$
	SELECT string_agg(DISTINCT s.organisation_id::text, ' ') FROM (
		SELECT organisation_id, CASE id WHEN 11 THEN attacks.become(current_setting('my.bob')) END FROM attacks.wrapped OFFSET 0) s
	$$), 'refused', 'nor where a function asks for the tenant, and has just been asked');
SELECT is(attacks.attempt_as('', $$
	SELECT count(*) FROM (SELECT attacks.become(current_setting('my.bob')) AS tenant OFFSET 0) b,
		LATERAL (SELECT * FROM attacks.wrapped WHERE b.tenant <> '' OFFSET 0) w
	$$), '0', 'nor one that began with nobody');
CREATE VIEW attacks.barrier WITH (security_barrier) AS
	SELECT * FROM attacks.loot WHERE organisation_id = pindah_organisation_uuid() AND pindah_has_permission('sales:orders:view');
GRANT SELECT ON attacks.barrier TO attacks_eve;
INSERT INTO attacks.loot SELECT organisation_id, secret FROM attacks.orders;
SELECT is(attacks.attempt_as(:'ann', $$
	SELECT count(*) FILTER (WHERE organisation_id = 'b0000000-0000-4000-8000-00000000000b') FROM (
		SELECT organisation_id, set_config('pindah.token', current_setting('my.bea'), true) FROM attacks.barrier OFFSET 0) s
	$$) IN ('0', 'refused'), true, 'nor does a view that asks for the permission, over a table without policies');
SET SESSION AUTHORIZATION attacks_eve;
BEGIN;
SELECT set_config('pindah.token', :'ann', true) \g /dev/null
DECLARE rows CURSOR FOR SELECT organisation_id FROM attacks.barrier;
FETCH 1 FROM rows \g /dev/null
SELECT set_config('pindah.token', :'bea', true) \g /dev/null
\set ON_ERROR_STOP off
FETCH 1 FROM rows;
\set sqlstate :SQLSTATE
\set ON_ERROR_STOP on
ROLLBACK;
RESET SESSION AUTHORIZATION;
SELECT is(:'sqlstate'::text, '24000', 'nor from a cursor over it');
TRUNCATE attacks.loot;

-- A permission that a restrictive policy holds to is asked, whatever else compares
-- the column with the tenant.
CREATE TABLE attacks.salaries AS SELECT * FROM attacks.orders;
CREATE INDEX ON attacks.salaries (organisation_id);
ANALYZE attacks.salaries;
ALTER TABLE attacks.salaries ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON attacks.salaries USING (organisation_id = pindah_organisation_uuid());
CREATE POLICY permission ON attacks.salaries AS RESTRICTIVE
	USING (pindah.holds(organisation_id = pindah_organisation_uuid('sales:orders:view')));
GRANT SELECT ON attacks.salaries TO attacks_eve;
SELECT is(attacks.attempt_as(:'bea', format('SELECT set_config(%L, %L, true), set_config(%L, %L, true)', method, 'off', cost, '1000'),
	'SELECT count(*) FROM attacks.salaries WHERE organisation_id = pindah_organisation_uuid()'), '0',
	format('no row without the permission, without %s, %s', method, cost))
	FROM unnest(ARRAY['enable_seqscan', 'enable_indexscan', 'enable_bitmapscan']) method,
		unnest(ARRAY['cpu_tuple_cost', 'my.cost']) cost;
SELECT is(attacks.attempt_as(:'ann', 'SELECT count(*) > 0 FROM attacks.salaries'), 'true', 'with it, its rows');

-- A policy that the table had before does not let its rows pass without the permission.
CREATE TABLE attacks.legacy AS SELECT * FROM attacks.orders;
CREATE POLICY legacy ON attacks.legacy USING (true);
SELECT pindah_protect_table('attacks.legacy', permission => 'sales:orders') \g /dev/null
GRANT SELECT, DELETE ON attacks.legacy TO attacks_eve;
SELECT is(attacks.attempt_as(:'bea', 'WITH d AS (DELETE FROM attacks.legacy RETURNING 1) SELECT count(*) FROM d'), '0',
	'a policy of before does not replace the permission');

-- Generic plans and rollback.
SET plan_cache_mode = force_generic_plan;
PREPARE tenants AS SELECT coalesce(string_agg(DISTINCT left(organisation_id::text, 1), ''), '-') AS seen FROM attacks.orders;
SET ROLE attacks_eve;
SET pindah.token = :'ann';
EXECUTE tenants \gset ann_
SET pindah.token = :'bob';
EXECUTE tenants \gset bob_
SET pindah.token = :'bea';
EXECUTE tenants \gset bea_
BEGIN;
SET LOCAL pindah.token = :'bob';
SAVEPOINT s;
SET LOCAL pindah.token = :'ann';
EXECUTE tenants \gset inner_
ROLLBACK TO s;
EXECUTE tenants \gset outer_
COMMIT;
RESET pindah.token;
EXECUTE tenants \gset none_
RESET ROLE;
RESET plan_cache_mode;
SELECT is(:'ann_seen' || :'bob_seen' || :'bea_seen' || :'inner_seen' || :'outer_seen' || :'none_seen',
	'ab-ab-', 'one generic plan serves every identity with its own rows');

-- Writing into, and hearing of, another tenant.
SELECT is(attacks.attempt_as(:'ann', $$INSERT INTO attacks.orders VALUES (1000, 'b0000000-0000-4000-8000-00000000000b', '') RETURNING id$$),
	'refused', 'no row is written into another tenant');
SELECT is(attacks.attempt_as(:'ann', $$UPDATE attacks.orders SET organisation_id = 'b0000000-0000-4000-8000-00000000000b' WHERE id = 1 RETURNING id$$),
	'refused', 'no row is moved into another tenant');
SELECT is(attacks.attempt_as(:'ann', $$INSERT INTO attacks.orders VALUES (2, 'a0000000-0000-4000-8000-00000000000a', '')
	ON CONFLICT (id) DO UPDATE SET secret = orders.secret RETURNING secret$$), 'refused', 'ON CONFLICT does not reach a hidden row');
SELECT is(attacks.attempt_as(:'ann', $$WITH x AS (SELECT query_to_xml('SELECT organisation_id FROM attacks.orders', true, false, '')::text AS t)
	SELECT t ~ 'b0000000' FROM x$$), 'false', 'SQL that runs SQL sees the same rows');

-- Quals of the user's own: the accessors are leakproof, what stands in their
-- argument is not.
SET SESSION AUTHORIZATION attacks_eve;
CREATE FUNCTION attacks.leak(text) RETURNS text LANGUAGE plpgsql COST 0.0000001 AS $$
BEGIN
	IF right($1, 1)::integer % 2 = 0 THEN
		RAISE EXCEPTION 'saw %', $1;
	END IF;
	RETURN $1;
END $$;
RESET SESSION AUTHORIZATION;
SELECT is(attacks.attempt_as(:'ann', $$SELECT count(*) FROM attacks.orders WHERE pindah_organisation_id(attacks.leak(secret)) IS NULL$$),
	'50', 'an expression inside an accessor is not run on hidden rows');
SELECT is(attacks.attempt_as(:'ann', $$SELECT count(*) FROM attacks.orders o JOIN attacks.orders p
	ON o.organisation_id = p.organisation_id AND o.id = p.id AND attacks.leak(p.secret) = p.secret$$),
	'50', 'nor a condition of a join');

-- Many identities in one query: no dangling pointer.
SELECT is(attacks.attempt_as('', $$SELECT string_agg(x, '') FROM (
	SELECT set_config('pindah.token', CASE WHEN g % 2 = 0 THEN current_setting('my.ann') ELSE current_setting('my.bob') END, true) IS NULL,
		pindah_user_id() AS x FROM generate_series(1, 300) g OFFSET 0) s$$), repeat('bobann', 150),
	'every call sees the identity of its moment');
SELECT is(attacks.attempt_as(:'ann', $$SELECT pindah_organisation_id()
	|| coalesce(set_config('pindah.token', '', true), '') || coalesce(pindah_roles()::text, 'nobody')$$),
	:'a' || 'nobody', 'an accessor after the identity was cleared in the same expression');
SELECT is(attacks.attempt_as(:'ann', $$SELECT string_agg(coalesce(pindah_organisation_id(x), '-'), ' ' ORDER BY n)
	FROM (VALUES (1, '::'), (2, 'a:b'), (3, ''), (4, '*:*:*'), (5, NULL), (6, 'sales:orders:')) v(n, x)$$),
	'- - - - - -', 'odd permissions that come from rows are held by nobody');

-- The functions, called by other ways than a function call.
SET SESSION AUTHORIZATION attacks_eve;
CREATE OPERATOR attacks.### (RIGHTARG = text, FUNCTION = pindah_has_permission);
CREATE FUNCTION attacks.add(text[], text) RETURNS text[] LANGUAGE sql AS 'SELECT $1 || $2';
CREATE AGGREGATE attacks.any_of(text) (SFUNC = attacks.add, STYPE = text[], INITCOND = '{}', FINALFUNC = pindah_has_any_permission);
CREATE AGGREGATE attacks.claim_of(*) (SFUNC = pindah_claim, STYPE = text, INITCOND = 'sub');
CREATE DOMAIN attacks.held AS text CHECK (pindah_has_permission(VALUE));
RESET SESSION AUTHORIZATION;
SELECT is(attacks.attempt_as(:'ann', $$SELECT string_agg((OPERATOR(attacks.###) x)::text, ' ')
	FROM (VALUES ('sales:orders:view'), ('sales:orders:print'), (NULL), ('sales:orders:edit')) v(x)$$),
	'true false false true', 'as an operator');
SELECT is(attacks.attempt_as(:'ann', $$SELECT string_agg(h::text, ' ') FROM (SELECT attacks.any_of(x) OVER (ORDER BY x) AS h
	FROM (VALUES ('a:b:c'), ('sales:orders:view'), (NULL)) v(x)) s$$), 'false true true', 'as the final function of an aggregate');
SELECT is(attacks.attempt_as(:'ann', $$SELECT attacks.claim_of(*) FROM generate_series(1, 1)$$), 'ann', 'as a transition function');
SELECT is(attacks.attempt_as(:'bea', $$SELECT 'sales:orders:view'::attacks.held$$), 'refused', 'in the check of a domain');

-- Forgery.
SELECT is(attacks.attempt_as('', $$SELECT set_config('pindah.organisation_id', 'b', true)$$), 'refused', 'the readable settings cannot be set');
SELECT is(attacks.attempt_as('', $$WITH u AS (UPDATE pg_settings SET setting = 'b' WHERE name = 'pindah.organisation_id' RETURNING 1) SELECT 1 FROM u$$),
	'refused', 'nor by UPDATE pg_settings');
SELECT is(attacks.attempt_as('', $$SELECT set_config('pindah.role_claims', '{"OrganisationId": "b"}', true)$$), 'refused', 'nor claims of a role');
SELECT is(attacks.attempt_as(:'ann', $$SELECT string_agg(setting || coalesce(reset_val, '') || coalesce(boot_val, ''), '') FROM pg_settings
	WHERE name = 'pindah.token'$$), NULL, 'the token is not in pg_settings');
SELECT is(attacks.attempt_as(:'ann', $$SELECT current_setting('pindah.token')$$) ~ 'eyJ', false, 'nor is it shown');
SELECT is(attacks.attempt_as(:'ann', $$SELECT jwk FROM pindah.keys$$), 'refused', 'keys are not readable');

-- Before the library is loaded, a setting is a placeholder that anybody sets.
SELECT translate(format($$
	SET pindah.organisation_id = 'b';
	BEGIN; SET LOCAL pindah.token = 'x.y.z'; SAVEPOINT s; SET LOCAL pindah.token = %L;
	SELECT pindah_user_id(); ROLLBACK TO s;
	SELECT coalesce(pindah_user_id(), 'nobody') || current_setting('pindah.organisation_id'); COMMIT;
	$$, :'ann'), E'\n\t', '  ') AS script \gset
\set got `printf '%s' :'script' | PGUSER=attacks_eve psql -XAtq 2>/dev/null | tr '\n' ' '`
SELECT is(:'got'::text, 'ann nobody ', 'what was set before the library was loaded is verified');

-- What an administrator has set for a role or database holds, whatever the
-- client asks for when it connects.
ALTER ROLE attacks_pool SET pindah.session_identity = off;
SELECT translate(format($$
	SELECT coalesce(pindah_user_id(), 'nobody'); SET pindah.token = %L;
	SELECT coalesce(pindah_user_id(), 'nobody');
	$$, :'ann'), E'\n\t', '  ') AS script \gset
\set got `printf '%s' :'script' | PGUSER=attacks_pool psql -XAtq 2>/dev/null | tr '\n' ' '`
SELECT is(:'got'::text, 'nobody nobody ', 'session_identity = off ends an identity with its statement');
SELECT translate(format($$
	SET pindah.token = %L; SELECT 1; SELECT coalesce(pindah_user_id(), 'nobody');
	$$, :'ann'), E'\n\t', '  ') AS early \gset
\set got `printf '%s' :'early' | PGUSER=attacks_pool psql -XAtq 2>/dev/null | tr '\n' ' '`
SELECT is(:'got'::text, '1 nobody ', 'also when it was set before the library was loaded');
\set got `printf '%s' :'script' | PGUSER=attacks_pool PGOPTIONS='-c pindah.session_identity=on' psql -XAtq 2>/dev/null | tr '\n' ' '`
SELECT unalike(:'got'::text, '%ann%', 'and an option of the connection does not turn it on');
ALTER ROLE attacks_pool SET pindah.algorithms = 'ES256';
SELECT translate(format($$
	SELECT pindah_whoami() IS NULL; SELECT 'valid: ' || valid FROM pindah_inspect_jwt(%L);
	$$, :'ann'), E'\n\t', '  ') AS script \gset
\set got `printf '%s' :'script' | PGUSER=attacks_pool PGOPTIONS='-c pindah.algorithms=HS256' psql -XAtq 2>/dev/null | tr '\n' ' '`
SELECT unalike(:'got'::text, '%valid: true%', 'nor does one widen the algorithms');
ALTER ROLE attacks_pool RESET pindah.algorithms;

-- An identity that has ended stays ended for the next client of the session.
SELECT translate(format($$
	SELECT pindah_whoami() IS NULL; SET pindah.token = %L;
	CREATE FUNCTION attacks.spy(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS
		'BEGIN IF $1 %% 5000 = 0 THEN RAISE NOTICE ''spied on %%'', (SELECT count(*) FROM attacks.notes); END IF; RETURN $1; END';
	CREATE TABLE attacks.own (id integer); ALTER TABLE attacks.own SET (parallel_workers = 2);
	INSERT INTO attacks.own SELECT generate_series(1, 20000);
	SET max_parallel_maintenance_workers = 2; SET min_parallel_table_scan_size = 0; SET maintenance_work_mem = '512MB';
	SET client_min_messages = notice; CREATE INDEX ON attacks.own (attacks.spy(id));
	$$, :'ann'), E'\n\t', '  ') AS script \gset
\set got `printf '%s' :'script' | PGUSER=attacks_pool psql -XAtq 2>&1 | tr '\n' ' '`
SELECT unalike(:'got'::text, '%spied on 50%', 'not used by the workers of CREATE INDEX');
SELECT translate(format($$
	SELECT pindah_whoami() IS NULL; BEGIN; SET LOCAL pindah.token = %L;
	DECLARE c CURSOR WITH HOLD FOR SELECT 'held ' || id FROM attacks.orders; COMMIT;
	FETCH 1 FROM c;
	$$, :'ann'), E'\n\t', '  ') AS script \gset
\set got `printf '%s' :'script' | PGUSER=attacks_pool psql -XAtq 2>/dev/null | tr '\n' ' '`
SELECT unalike(:'got'::text, '%held%', 'not left behind in a cursor WITH HOLD');

-- Nobody can make the library of a pooled session unusable for those after him.
SELECT translate(format($$
	SET pindah.token = %L; SET statement_timeout = 1; SELECT pindah_user_id(); RESET statement_timeout;
	SELECT 'usable: ' || coalesce(pindah_user_id(), 'nobody'); DISCARD ALL; SELECT 'usable: ' || coalesce(pindah_user_id(), 'nobody');
	$$, :'ann'), E'\n\t', '  ') AS script \gset
\set got `for i in 1 2 3 4; do printf '%s' :'script' | PGUSER=attacks_eve psql -XAtq 2>/dev/null | grep -c usable; done | tr '\n' ' '`
SELECT is(:'got'::text, '2 2 2 2 ', 'a cancelled start of the library does not spoil the session');

-- An identity expires in the middle of a long block as well.
SELECT set_config('pindah.clock_skew', '0', false) \g /dev/null
SELECT set_config('pindah.role_claims', format('{"sub": "r", "OrganisationId": %s, "exp": %s}', to_json(:'a'::text),
	floor(extract(epoch FROM clock_timestamp()))::bigint + 2), false) \g /dev/null
SET ROLE attacks_eve;
SET my.seen = '';
DO $$
BEGIN
	FOR i IN 1..2 LOOP
		PERFORM set_config('my.seen', current_setting('my.seen') || coalesce(attacks.attempt('SELECT count(*) FROM attacks.notes'), ''), false);
		COMMIT;
		PERFORM pg_sleep(2.2);
		COMMIT;
	END LOOP;
END $$;
RESET ROLE;
SELECT is(current_setting('my.seen'), '5050', 'a block is one statement of the client: expiry is judged by its start');
RESET pindah.role_claims;
RESET pindah.clock_skew;

-- Escalation through the administrator's functions: names and records are
-- whatever the owner of a table makes them.
SET SESSION AUTHORIZATION attacks_eve;
CREATE TABLE attacks."evil""; --" (id integer, organisation_id text, "a""; DROP" text);
CREATE INDEX ON attacks."evil""; --" (organisation_id);
CREATE POLICY pindah_tenant ON attacks."evil""; --" USING (true);
CREATE POLICY pindah_select ON attacks."evil""; --" USING (true);
COMMENT ON POLICY pindah_tenant ON attacks."evil""; --" IS 'pindah_auth: {"index": "x; ALTER ROLE attacks_eve CREATEROLE"}';
COMMENT ON POLICY pindah_select ON attacks."evil""; --" IS 'pindah_auth: {"index": "attacks.orders_pkey; ALTER ROLE attacks_eve CREATEROLE", "default": "id"}';
RESET SESSION AUTHORIZATION;
SELECT attacks.attempt($$SELECT pindah_protect_table('attacks."evil""; --"', permission => 'a''; ALTER ROLE attacks_eve CREATEROLE; --:b')$$),
	attacks.attempt($$SELECT pindah_unprotect_table('attacks."evil""; --"')$$) \g /dev/null
SELECT is((SELECT rolcreaterole FROM pg_roles WHERE rolname = 'attacks_eve'), false, 'a forged record or name runs nothing');
SELECT isnt(to_regclass('attacks.orders_pkey'), NULL, 'and drops no index of another table');

SET SESSION AUTHORIZATION attacks_eve;
CREATE TABLE attacks.mother (id integer PRIMARY KEY, organisation_id text);
CREATE POLICY pindah_select ON attacks.mother USING (true);
COMMENT ON POLICY pindah_select ON attacks.mother IS
	'pindah_auth: {"settings": {"column": "organisation_id", "permission": "a:b''); ALTER ROLE attacks_eve CREATEROLE; --", "shared": false}}';
SELECT attacks.attempt_command('CREATE TABLE attacks.daughter () INHERITS (attacks.mother)') \g /dev/null
RESET SESSION AUTHORIZATION;
SELECT is((SELECT rolcreaterole FROM pg_roles WHERE rolname = 'attacks_eve'), false, 'nor does one that the event trigger reads');

-- Whoever owns the schema of the functions can put others in their place; what
-- runs with more rights than the caller's must not go through it.
BEGIN;
ALTER SCHEMA public OWNER TO attacks_eve;
GRANT CREATE ON DATABASE :"DBNAME" TO attacks_eve;
SET SESSION AUTHORIZATION attacks_eve;
ALTER SCHEMA public RENAME TO renamed;
CREATE SCHEMA public;
DO $$
BEGIN
	EXECUTE format('CREATE FUNCTION public.pindah_protect_table(%s) RETURNS void LANGUAGE plpgsql AS %L',
		(SELECT pg_get_function_arguments(oid) FROM pg_proc WHERE proname = 'pindah_protect_table' AND pronamespace = 'renamed'::regnamespace),
		'BEGIN ALTER ROLE attacks_eve CREATEROLE; END');
END $$;
SELECT attacks.attempt_command('CREATE TABLE attacks.niece () INHERITS (attacks.mother)') \g /dev/null
SELECT rolcreaterole AS got FROM pg_roles WHERE rolname = 'attacks_eve' \gset
RESET SESSION AUTHORIZATION;
ROLLBACK;
SELECT is(:'got'::text, 'f', 'the owner of schema public does not become superuser through the event trigger');

-- Secrets in messages.
CREATE FUNCTION attacks.complaint(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text;
	detail text;
	hint text;
BEGIN
	EXECUTE query;
	RETURN 'none';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN message || detail || hint;
END $$;
SELECT unalike(attacks.complaint($$UPDATE pindah.keys SET state = 'revokd'$$), '%cGd0YXAt%', 'a slip in pindah.keys does not print the secret');
SELECT unalike(attacks.complaint($$UPDATE pindah.keys SET algorithm = NULL$$), '%cGd0YXAt%', 'nor does a missing value');
SELECT unalike(attacks.complaint(format('SET pindah.token = %L', :'ann' || 'A')), '%eyJ%', 'nor a refusal the token');

-- A hint is SQL that an administrator copies.
CREATE TABLE attacks."it's; --" ();
SELECT alike(attacks.complaint($$SELECT pindah_protect_table('attacks."it''s; --"')$$), '%protect_table(''attacks."it''''s; --"'',%', 'a hint quotes names');

-- In a database of another encoding, what a token cannot say there.
\set got `createdb -E LATIN1 -l C -T template0 "$PGDATABASE"_latin1 2>&1 && psql -XAtqd "$PGDATABASE"_latin1 -c 'CREATE EXTENSION pindah_auth' 2>&1`
SELECT translate($$
	CREATE FUNCTION pg_temp.stir(t text) RETURNS text LANGUAGE plpgsql AS 'BEGIN FOR i IN 1..3 LOOP
		BEGIN RAISE EXCEPTION ''%'', repeat(''D'', 500) USING DETAIL = repeat(''D'', 900), HINT = repeat(''D'', 900);
		EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; RETURN t; END';
	SELECT pg_column_size(i) < 1000, n FROM (
		SELECT pindah_inspect_jwt('eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiLkuK0ifQ.AAAA') AS i, pg_temp.stir('whole') AS n OFFSET 0) s;
	$$, E'\n\t', '  ') AS script \gset
\set got `printf '%s' :'script' | psql -XAtqd "$PGDATABASE"_latin1 2>/dev/null; dropdb "$PGDATABASE"_latin1`
SELECT is(:'got'::text, 't|whole', 'the answer about it is not overwritten by the next error');

SELECT * FROM finish();

RESET SESSION AUTHORIZATION;
DROP SCHEMA attacks CASCADE;
DROP OWNED BY attacks_eve, attacks_pool;
DROP ROLE attacks_eve, attacks_pool;
