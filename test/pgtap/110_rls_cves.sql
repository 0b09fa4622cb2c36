-- Every hole in row-level security that PostgreSQL has had since 2016, tried on
-- tables that pindah_protect_table() protects.
--
-- PostgreSQL's row security asks who the role is; the wall asks who the identity
-- is.  So where a CVE tells of a plan made for one role and run for another, it
-- is made under one token here and run under another, and under none; and for
-- another role as well.  The fixed releases are named where an older one that we
-- support (15 and later) still has the hole.
--
-- What an attacker gets hold of by side effects (an operator of his own that the
-- planner runs on statistics, say) moves a sequence: that outlives an error.

\set QUIET on
SET client_min_messages = error;
DO $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY['cves_eve', 'cves_owner', 'cves_auditor'] LOOP
		IF to_regrole(name) IS NOT NULL THEN
			EXECUTE format('DROP OWNED BY %I', name);
			EXECUTE format('DROP ROLE %I', name);
		END IF;
		EXECUTE format('CREATE ROLE %I', name);
	END LOOP;
END $$;

\ir ../kit/people.psql

-- Harare's rows say own, Bulawayo's say secret; with common values and rare
-- ones, so that the statistics hold both.
CREATE SCHEMA cves;
GRANT USAGE, CREATE ON SCHEMA cves TO cves_eve, cves_owner;
CREATE TABLE cves.bills (id integer PRIMARY KEY, organisation_id uuid NOT NULL, customer text, amount numeric, day date NOT NULL);
INSERT INTO cves.bills
	SELECT g, CASE WHEN g % 2 = 1 THEN :harare ELSE :bulawayo END::uuid,
		CASE WHEN g % 2 = 1 THEN 'own ' ELSE 'secret ' END || CASE WHEN g <= 100 THEN g % 10 ELSE g END,
		CASE WHEN g % 2 = 1 THEN g ELSE 1000000 + g END, '2026-01-01'::date + g % 300
	FROM generate_series(1, 400) g;
CREATE TABLE cves.dues (LIKE cves.bills INCLUDING ALL);
INSERT INTO cves.dues TABLE cves.bills;
CREATE TABLE cves.lines (id integer PRIMARY KEY, bill_id integer NOT NULL REFERENCES cves.bills, customer text);
INSERT INTO cves.lines SELECT id, id, customer FROM cves.bills;
CREATE TABLE cves.parts (LIKE cves.bills) PARTITION BY RANGE (day);
CREATE TABLE cves.parts_1 PARTITION OF cves.parts FOR VALUES FROM ('2026-01-01') TO ('2026-06-01');
CREATE TABLE cves.parts_2 PARTITION OF cves.parts FOR VALUES FROM ('2026-06-01') TO ('2027-01-01');
INSERT INTO cves.parts TABLE cves.bills;
CREATE TABLE cves.base (LIKE cves.bills);
CREATE TABLE cves.derived () INHERITS (cves.base);
INSERT INTO cves.derived TABLE cves.bills;
CREATE TABLE cves.open AS TABLE cves.bills;
CREATE STATISTICS cves.dues_statistics (mcv) ON customer, amount FROM cves.dues;
CREATE STATISTICS cves.dues_expression ON (lower(customer)) FROM cves.dues;
CREATE INDEX ON cves.dues (upper(customer));
CREATE INDEX ON cves.open (upper(customer));
SELECT pindah_protect_table('cves.bills'), pindah_protect_table('cves.dues', permission => 'accounting:invoices'),
	pindah_protect_table('cves.lines', parent => 'cves.bills', foreign_key => 'bill_id'),
	pindah_protect_table('cves.parts'), pindah_protect_table('cves.base') \g /dev/null
CREATE VIEW cves.invoker WITH (security_invoker) AS SELECT * FROM cves.bills;
CREATE VIEW cves.outer_invoker WITH (security_invoker) AS SELECT DISTINCT * FROM cves.invoker;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA cves TO cves_eve, cves_auditor, cves_owner;
GRANT USAGE ON SCHEMA cves TO cves_auditor;
ANALYZE;
CREATE SEQUENCE cves.own_seen;
CREATE SEQUENCE cves.secret_seen;
SELECT nextval('cves.own_seen'), nextval('cves.secret_seen') \g /dev/null
GRANT USAGE, SELECT ON SEQUENCE cves.own_seen, cves.secret_seen TO PUBLIC;
CREATE TABLE cves.loot (customer text);
GRANT SELECT, INSERT, DELETE ON cves.loot TO cves_eve;

-- The first words of what a query returns in its first column.
CREATE FUNCTION cves.words(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	value text;
	words text[] := '{}';
BEGIN
	FOR value IN EXECUTE query LOOP
		words := words || split_part(value, ' ', 1);
	END LOOP;
	RETURN coalesce((SELECT string_agg(DISTINCT w, '+') FROM unnest(words) w), 'nothing');
END $$;

CREATE FUNCTION cves.become(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('pindah.token', current_setting('my.' || name), false);
END $$;

-- Prepare a query under each identity, run it under every other, several times,
-- with each kind of plan: everything that anybody ever saw.
CREATE FUNCTION cves.replay(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	mode text;
	planner text;
	runner text;
	seen text[] := '{}';
BEGIN
	FOREACH mode IN ARRAY ARRAY['auto', 'force_generic_plan', 'force_custom_plan'] LOOP
		PERFORM set_config('plan_cache_mode', mode, false);
		FOREACH planner IN ARRAY ARRAY['ann', 'bob', 'nobody'] LOOP
			PERFORM cves.become(planner);
			EXECUTE 'PREPARE replayed AS ' || query;
			FOR i IN 1..3 LOOP
				FOREACH runner IN ARRAY ARRAY['bob', 'nobody', 'ann'] LOOP
					PERFORM cves.become(runner);
					seen := seen || (runner || ' ' || cves.words('EXECUTE replayed'));
				END LOOP;
			END LOOP;
			DEALLOCATE replayed;
		END LOOP;
	END LOOP;
	RESET plan_cache_mode;
	PERFORM cves.become('nobody');
	RETURN (SELECT string_agg(DISTINCT s, ', ') FROM unnest(seen) s);
END $$;

-- What moves the sequences while a statement runs, whether it fails or not.
CREATE FUNCTION cves.spied(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	own bigint := (SELECT last_value FROM cves.own_seen);
	secret bigint := (SELECT last_value FROM cves.secret_seen);
BEGIN
	BEGIN
		EXECUTE query;
	EXCEPTION WHEN OTHERS THEN
		NULL;
	END;
	RETURN concat_ws('+', CASE WHEN (SELECT last_value FROM cves.own_seen) > own THEN 'own' END,
		CASE WHEN (SELECT last_value FROM cves.secret_seen) > secret THEN 'secret' END);
END $$;

-- The SQLSTATE of a statement, 00000 when it succeeds.
CREATE FUNCTION cves.state(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE query;
	RETURN '00000';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;

-- All that an error says.
CREATE FUNCTION cves.complaint(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text;
	detail text;
	context text;
BEGIN
	EXECUTE query;
	RETURN 'none';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, context = PG_EXCEPTION_HINT;
	RETURN message || ' ' || detail || context;
END $$;

SELECT * FROM no_plan();

-- CVE-2016-2193: a plan of the cache was used under a role for which it had not
-- been made.  CVE-2023-2455: so was one with a function that had been inlined.
-- CVE-2024-10976: so was one in which row security stands below a subquery, a
-- WITH, a security invoker view or an SQL function.  Nobody may ever see rows
-- but those of the identity at the time of the run, and nobody's none.
SET SESSION AUTHORIZATION cves_eve;
CREATE FUNCTION cves.inlined() RETURNS SETOF cves.bills LANGUAGE sql STABLE AS 'SELECT * FROM cves.bills';
CREATE FUNCTION cves.inlined_with() RETURNS SETOF cves.bills LANGUAGE sql STABLE AS 'WITH b AS MATERIALIZED (SELECT * FROM cves.bills) SELECT * FROM b';
CREATE FUNCTION cves.inlined_view() RETURNS SETOF text LANGUAGE sql STABLE AS 'SELECT customer FROM (SELECT customer FROM cves.outer_invoker) s';
CREATE FUNCTION cves.inlined_below() RETURNS SETOF text LANGUAGE sql STABLE AS 'SELECT CASE WHEN EXISTS (SELECT FROM cves.bills b WHERE b.id = l.id) THEN l.customer END FROM cves.inlined() l';
CREATE FUNCTION cves.scalar() RETURNS text LANGUAGE sql STABLE AS 'SELECT max(customer) FROM cves.bills';
CREATE FUNCTION cves.not_inlined() RETURNS SETOF text LANGUAGE sql VOLATILE AS 'SELECT customer FROM cves.bills';
CREATE FUNCTION cves.kept() RETURNS SETOF text LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT customer FROM cves.bills; END';
CREATE FUNCTION cves.kept_scalar() RETURNS text LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT max(customer) FROM cves.bills); END';
CREATE FUNCTION cves.kept_immutable() RETURNS text LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT customer FROM cves.parts ORDER BY id DESC LIMIT 1); END';
CREATE FUNCTION cves.atomic() RETURNS SETOF text LANGUAGE sql STABLE BEGIN ATOMIC SELECT customer FROM cves.bills; END;
SET SESSION AUTHORIZATION cves_owner;
CREATE FUNCTION cves.definer() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT customer FROM cves.bills';
CREATE FUNCTION cves.definer_kept() RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN QUERY SELECT customer FROM cves.inlined(); END';
CREATE VIEW cves.owners AS SELECT * FROM cves.bills;
GRANT SELECT ON cves.owners TO cves_eve;
RESET SESSION AUTHORIZATION;
CREATE TABLE cves.queries (id integer GENERATED ALWAYS AS IDENTITY, query text);
GRANT SELECT ON cves.queries TO PUBLIC;
INSERT INTO cves.queries (query) VALUES
	('SELECT customer FROM cves.bills'),
	('SELECT customer FROM cves.bills WHERE id > 3 ORDER BY id'),
	('SELECT max(customer) OVER (PARTITION BY organisation_id) FROM cves.bills'),
	('SELECT customer FROM (SELECT customer FROM cves.bills OFFSET 0) s'),
	('SELECT (SELECT max(customer) FROM cves.bills)'),
	('SELECT CASE WHEN EXISTS (SELECT FROM cves.bills WHERE customer LIKE ''secret%'') THEN ''secret'' WHEN EXISTS (SELECT FROM cves.bills) THEN ''own'' END'),
	('SELECT x FROM unnest(ARRAY(SELECT customer FROM cves.bills)) x'),
	('SELECT l.customer FROM (VALUES (1)) v(x), LATERAL (SELECT customer FROM cves.bills WHERE id >= v.x) l'),
	('WITH b AS MATERIALIZED (SELECT customer FROM cves.bills) SELECT customer FROM b'),
	('WITH b AS NOT MATERIALIZED (SELECT customer FROM cves.bills) SELECT customer FROM b'),
	('WITH RECURSIVE r AS (SELECT id, customer FROM cves.bills WHERE id < 3 UNION SELECT b.id, b.customer FROM r JOIN cves.bills b ON b.id = r.id + 2 AND b.id < 20) SELECT customer FROM r'),
	('SELECT customer FROM cves.bills UNION SELECT customer FROM cves.dues'),
	('SELECT customer FROM cves.bills INTERSECT SELECT customer FROM cves.dues'),
	('SELECT b.customer FROM cves.bills b JOIN cves.lines l ON l.bill_id = b.id'),
	('SELECT d.customer FROM cves.lines l LEFT JOIN cves.dues d ON l.bill_id = d.id'),
	('SELECT customer FROM cves.dues WHERE id IN (SELECT bill_id FROM cves.lines)'),
	('SELECT customer FROM cves.lines'),
	('SELECT customer FROM cves.parts'),
	('SELECT customer FROM cves.parts_2'),
	('SELECT customer FROM cves.base'),
	('SELECT customer FROM cves.derived'),
	('SELECT customer FROM cves.bills TABLESAMPLE SYSTEM (100)'),
	('SELECT customer FROM cves.bills FOR UPDATE'),
	('UPDATE cves.bills SET amount = amount RETURNING customer'),
	('WITH u AS (UPDATE cves.parts SET amount = amount RETURNING customer) SELECT customer FROM u'),
	('SELECT customer FROM cves.invoker'),
	('SELECT customer FROM cves.outer_invoker'),
	('SELECT customer FROM cves.owners'),
	('SELECT customer FROM cves.inlined()'),
	('SELECT customer FROM cves.inlined_with()'),
	('SELECT x FROM cves.inlined_view() x'),
	('SELECT x FROM cves.inlined_below() x'),
	('SELECT x FROM cves.not_inlined() x'),
	('SELECT cves.not_inlined()'),
	('SELECT cves.scalar()'),
	('SELECT x FROM cves.kept() x'),
	('SELECT cves.kept_scalar()'),
	('SELECT cves.kept_immutable()'),
	('SELECT x FROM cves.atomic() x'),
	('SELECT x FROM cves.definer() x'),
	('SELECT x FROM cves.definer_kept() x');
SET SESSION AUTHORIZATION cves_eve;
SELECT is(cves.replay(query), 'ann own, bob secret, nobody nothing', 'CVE-2016-2193, 2023-2455, 2024-10976: ' || query)
	FROM cves.queries ORDER BY id;

-- A plan that a superuser has made, and run, in the same session.
RESET SESSION AUTHORIZATION;
SET plan_cache_mode = force_generic_plan;
DO $$
DECLARE
	q cves.queries;
BEGIN
	FOR q IN SELECT * FROM cves.queries ORDER BY id LOOP
		EXECUTE format('PREPARE q%s AS %s', q.id, q.query);
		ASSERT cves.words('EXECUTE q' || q.id) ~ 'secret' OR q.query ~ 'owners|definer', q.query;
	END LOOP;
END $$;
SET SESSION AUTHORIZATION cves_eve;
SELECT is(cves.words('EXECUTE q' || id), 'nothing', 'CVE-2016-2193: a superuser''s plan, run by nobody: ' || query)
	FROM cves.queries ORDER BY id;
SET pindah.token = :'ann';
SELECT is(cves.words('EXECUTE q' || id), 'own', 'CVE-2016-2193: a superuser''s plan, run by Ann: ' || query)
	FROM cves.queries ORDER BY id;
RESET pindah.token;
RESET SESSION AUTHORIZATION;
DEALLOCATE ALL;

-- With permissions: a plan made for one who may view, run for one who may not.
SET SESSION AUTHORIZATION cves_eve;
SET pindah.token = :'ann';
PREPARE due AS SELECT customer FROM cves.dues;
SELECT is(cves.words('EXECUTE due'), 'own', 'Ann may view dues');
SET pindah.token = :'vera';
SELECT is(cves.words('EXECUTE due'), 'nothing', 'CVE-2016-2193: her plan shows nothing to a colleague without the permission');
DEALLOCATE due;
PREPARE due AS SELECT customer FROM cves.dues;
SELECT is(cves.words('EXECUTE due'), 'nothing', 'Vera may not');
SET pindah.token = :'bob';
SELECT is(cves.words('EXECUTE due'), 'secret', 'nor does her plan hide from Bob what is his');
DEALLOCATE due;
RESET pindah.token;
RESET SESSION AUTHORIZATION;

-- CVE-2026-14666 (fixed in 15.19, 16.15, 17.11, 18.5): a plan made before a role
-- lost an attribute or a membership was used on.
ALTER ROLE cves_auditor BYPASSRLS;
SET SESSION AUTHORIZATION cves_auditor;
PREPARE audit AS SELECT customer FROM cves.bills;
PREPARE audit_below AS WITH b AS MATERIALIZED (SELECT customer FROM cves.bills) SELECT customer FROM b;
SELECT is(cves.words('EXECUTE audit') || cves.words('EXECUTE audit_below'), 'own+secretown+secret', 'a role with BYPASSRLS sees everything');
RESET SESSION AUTHORIZATION;
ALTER ROLE cves_auditor NOBYPASSRLS;
SET SESSION AUTHORIZATION cves_auditor;
SELECT CASE WHEN current_setting('server_version_num')::integer >=
		CASE current_setting('server_version_num')::integer / 10000 WHEN 15 THEN 150019 WHEN 16 THEN 160015 WHEN 17 THEN 170011 ELSE 180005 END
	THEN is(cves.words('EXECUTE audit') || cves.words('EXECUTE audit_below'), 'nothingnothing', 'CVE-2026-14666: no more once BYPASSRLS is taken away')
	ELSE skip('CVE-2026-14666: this server has it', 1) END;
SET pindah.token = :'ann';
SELECT is(cves.words('SELECT customer FROM cves.bills'), 'own', 'and then its identity counts');
RESET pindah.token;
RESET SESSION AUTHORIZATION;
DEALLOCATE ALL;
RESET plan_cache_mode;

-- CVE-2017-15099: ON CONFLICT DO UPDATE did not ask for the right to SELECT, nor
-- the policies of SELECT.  A hidden row is neither changed nor returned.
SET SESSION AUTHORIZATION cves_eve;
SET pindah.token = :'ann';
SELECT is(cves.state(q), '42501', 'CVE-2017-15099: ' || q) FROM unnest(ARRAY[
	$$INSERT INTO cves.bills VALUES (2, 'a0000000-0000-4000-8000-000000000001', 'own', 1, '2026-01-01') ON CONFLICT (id) DO UPDATE SET customer = excluded.customer$$,
	$$INSERT INTO cves.bills VALUES (2, 'a0000000-0000-4000-8000-000000000001', 'own', 1, '2026-01-01') ON CONFLICT (id) DO UPDATE SET amount = bills.amount + 1 RETURNING customer$$,
	$$INSERT INTO cves.bills VALUES (2, 'a0000000-0000-4000-8000-000000000001', 'own', 1, '2026-01-01') ON CONFLICT (id) DO UPDATE SET organisation_id = excluded.organisation_id$$,
	$$INSERT INTO cves.bills VALUES (2, 'a0000000-0000-4000-8000-000000000001', 'own', 1, '2026-01-01') ON CONFLICT ON CONSTRAINT bills_pkey DO UPDATE SET customer = '' WHERE bills.customer LIKE 'secret%'$$,
	$$INSERT INTO cves.dues VALUES (1, 'a0000000-0000-4000-8000-000000000001', 'own', 1, '2026-01-01') ON CONFLICT (id) DO UPDATE SET customer = ''$$,
	$$INSERT INTO cves.lines VALUES (2, 1, 'own') ON CONFLICT (id) DO UPDATE SET bill_id = 1$$,
	-- CVE-2018-10925: the same through a view.
	$$INSERT INTO cves.invoker VALUES (2, 'a0000000-0000-4000-8000-000000000001', 'own', 1, '2026-01-01') ON CONFLICT (id) DO UPDATE SET customer = '' RETURNING amount$$,
	$$INSERT INTO cves.owners VALUES (2, 'a0000000-0000-4000-8000-000000000001', 'own', 1, '2026-01-01') ON CONFLICT (id) DO UPDATE SET customer = ''$$]) q;
RESET pindah.token;
RESET SESSION AUTHORIZATION;
REVOKE SELECT ON cves.bills FROM cves_eve;
SET SESSION AUTHORIZATION cves_eve;
SET pindah.token = :'ann';
SELECT is(cves.state(q), '42501', 'CVE-2017-15099, without SELECT: ' || q) FROM unnest(ARRAY[
	$$INSERT INTO cves.bills VALUES (1, 'a0000000-0000-4000-8000-000000000001', 'own', 1, '2026-01-01') ON CONFLICT (id) DO UPDATE SET customer = ''$$,
	$$INSERT INTO cves.bills VALUES (1, 'a0000000-0000-4000-8000-000000000001', 'own', 1, '2026-01-01') ON CONFLICT ON CONSTRAINT bills_pkey DO UPDATE SET customer = ''$$,
	$$INSERT INTO cves.bills VALUES (1, 'a0000000-0000-4000-8000-000000000001', 'own', 1, '2026-01-01') ON CONFLICT ON CONSTRAINT bills_pkey DO NOTHING$$]) q;
RESET pindah.token;
RESET SESSION AUTHORIZATION;
GRANT SELECT ON cves.bills TO cves_eve;
SELECT is((SELECT customer || amount FROM cves.bills WHERE id = 2), 'secret 21000002', 'the hidden row is what it was');

-- CVE-2023-39418: MERGE did not enforce the policies of UPDATE and SELECT.
SET SESSION AUTHORIZATION cves_eve;
SET pindah.token = :'ann';
SELECT is(cves.state($$MERGE INTO cves.bills b USING generate_series(1, 400) g ON b.id = g WHEN MATCHED AND b.customer LIKE 'secret%' THEN UPDATE SET customer = 'own' WHEN MATCHED THEN DO NOTHING WHEN NOT MATCHED THEN DO NOTHING$$),
	'00000', 'CVE-2023-39418: a hidden row is not matched for an UPDATE');
SELECT is(cves.state($$MERGE INTO cves.bills b USING generate_series(1, 400) g ON b.id = g AND g % 2 = 0 WHEN MATCHED THEN DELETE$$),
	'00000', 'CVE-2023-39418: nor for a DELETE');
SELECT is(cves.state(q), '42501', 'CVE-2023-39418: ' || q) FROM unnest(ARRAY[
	$$MERGE INTO cves.bills b USING (VALUES (1)) v(id) ON b.id = v.id WHEN MATCHED THEN UPDATE SET organisation_id = 'b0000000-0000-4000-8000-000000000002'$$,
	$$MERGE INTO cves.bills b USING (VALUES (1001)) v(id) ON b.id = v.id WHEN NOT MATCHED THEN INSERT VALUES (v.id, 'b0000000-0000-4000-8000-000000000002', '', 1, '2026-01-01')$$,
	$$MERGE INTO cves.parts b USING (VALUES (1)) v(id) ON b.id = v.id WHEN MATCHED THEN UPDATE SET organisation_id = 'b0000000-0000-4000-8000-000000000002', day = '2026-12-31'$$,
	$$MERGE INTO cves.lines b USING (VALUES (1)) v(id) ON b.id = v.id WHEN MATCHED THEN UPDATE SET bill_id = 2$$,
	-- With the permission to view and to create, but not to edit or delete.
	$$MERGE INTO cves.dues b USING (VALUES (1)) v(id) ON b.id = v.id WHEN MATCHED THEN UPDATE SET customer = 'own changed'$$,
	$$MERGE INTO cves.dues b USING (VALUES (1)) v(id) ON b.id = v.id WHEN MATCHED THEN DELETE$$]) q;
RESET pindah.token;
RESET SESSION AUTHORIZATION;
SELECT is((SELECT count(*) FILTER (WHERE customer LIKE 'secret%') || ' ' || count(*) FROM cves.bills), '200 400', 'MERGE changed and removed nothing that was hidden');

-- CVE-2017-7484, CVE-2019-10130, CVE-2025-8713 (fixed in 15.14, 16.10, 17.6):
-- an estimator ran a leaky operator of the user's own on the common values and
-- histograms of rows that he cannot see: of a table, of a partition or child, of
-- an expression, and below a view that he has no right to.
SET SESSION AUTHORIZATION cves_eve;
CREATE FUNCTION cves.saw(value text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$
BEGIN
	IF lower(value) LIKE '%secret%' OR value ~ '^100\d{4}' THEN
		PERFORM nextval('cves.secret_seen');
	ELSIF lower(value) LIKE '%own%' THEN
		PERFORM nextval('cves.own_seen');
	END IF;
	RETURN true;
END $$;
DO $$
DECLARE
	made record;
BEGIN
	FOR made IN SELECT t.type, e.name, e.word, e.word_join
		FROM unnest(ARRAY['text', 'numeric']) t(type), (VALUES ('===', 'eqsel', 'eqjoinsel'), ('<<<', 'scalarltsel', 'scalarltjoinsel'),
			('>>>', 'scalargesel', 'scalargejoinsel'), ('~~~', 'matchingsel', 'matchingjoinsel')) e(name, word, word_join)
	LOOP
		EXECUTE format('CREATE OR REPLACE FUNCTION cves.spy(%s, %1$s) RETURNS boolean LANGUAGE plpgsql STABLE COST 0.0000001 AS
			''BEGIN RETURN NOT cves.saw($1::text) OR NOT cves.saw($2::text); END''', made.type);
		EXECUTE format('CREATE OPERATOR cves.%s (LEFTARG = %s, RIGHTARG = %2$s, FUNCTION = cves.spy, RESTRICT = %s, JOIN = %s)', made.name, made.type, made.word, made.word_join);
	END LOOP;
END $$;
SET pindah.token = :'ann';
SELECT is(cves.spied(format('EXPLAIN SELECT FROM cves.open WHERE customer OPERATOR(cves.%s) ''x''', op)), 'own+secret',
	'the planner runs ' || op || ' on the statistics of a table without policies') FROM unnest(ARRAY['===', '<<<', '>>>', '~~~']) op;
SELECT is(cves.spied(format('EXPLAIN SELECT FROM %s t WHERE %s', relation, replace(condition, '@', 'OPERATOR(cves.' || op || ')'))), '',
		format('CVE-2019-10130, 2025-8713: not on those of %s: %s', relation, replace(condition, '@', op)))
	FROM unnest(ARRAY['bills', 'dues', 'lines', 'parts', 'parts_1', 'base', 'derived', 'invoker', 'outer_invoker', 'owners', 'inlined()']) r,
		LATERAL (SELECT 'cves.' || r) x(relation),
		unnest(ARRAY['t.customer @ ''x''', '''x'' @ t.customer', 'upper(t.customer) @ ''x''', 'lower(t.customer) @ ''x''', 't.id IN (SELECT 1 FROM cves.bills b WHERE b.customer @ t.customer)',
			't.customer @ (SELECT ''x'')']) condition,
		unnest(ARRAY['===', '<<<', '~~~']) op;
SELECT is(cves.spied(format('EXPLAIN SELECT FROM cves.%s a JOIN cves.%s b ON a.customer OPERATOR(cves.===) b.customer', a, b)), '',
		format('CVE-2019-10130: nor for a join of %s and %s', a, b))
	FROM (VALUES ('bills', 'dues'), ('lines', 'bills'), ('parts', 'base'), ('invoker', 'derived')) v(a, b);
SELECT is(cves.spied('EXPLAIN SELECT FROM cves.bills WHERE amount OPERATOR(cves.<<<) 5'), '', 'CVE-2019-10130: nor on numbers');
RESET SESSION AUTHORIZATION;
CREATE VIEW cves.closed AS SELECT * FROM cves.open;
CREATE VIEW cves.closed_barrier WITH (security_barrier) AS SELECT * FROM cves.bills;
CREATE VIEW cves.through WITH (security_invoker) AS SELECT * FROM cves.closed;
GRANT SELECT ON cves.through TO cves_eve;
REVOKE SELECT ON cves.open FROM cves_eve;
SET SESSION AUTHORIZATION cves_eve;
SELECT is(cves.spied(format('EXPLAIN SELECT FROM cves.%s WHERE customer OPERATOR(cves.%s) ''x''', relation, op)), '',
		format('CVE-2025-8713: nor below %s without a right to it: %s', relation, op))
	FROM unnest(ARRAY['open', 'closed', 'closed_barrier', 'through']) relation, unnest(ARRAY['===', '<<<', '~~~']) op;
RESET pindah.token;
RESET SESSION AUTHORIZATION;

-- CVE-2024-4317 (fixed in 15.7, 16.3): pg_stats_ext and pg_stats_ext_exprs showed
-- common values to who may not read the table.  pg_stats is the older road.
SELECT isnt((SELECT count(*)::integer FROM pg_stats WHERE schemaname = 'cves' AND most_common_vals::text LIKE '%secret%'), 0, 'there are statistics with secrets');
SELECT isnt((SELECT count(*)::integer FROM pg_stats_ext_exprs WHERE schemaname = 'cves'), 0, 'and extended ones');
SET SESSION AUTHORIZATION cves_eve;
SET pindah.token = :'ann';
SELECT is((SELECT count(*)::integer FROM pg_stats WHERE schemaname = 'cves' AND tablename <> 'open'), 0, 'pg_stats shows none of a protected table');
SELECT is((SELECT count(*)::integer FROM pg_stats_ext WHERE schemaname = 'cves'), 0, 'CVE-2024-4317: nor does pg_stats_ext');
SELECT is((SELECT count(*)::integer FROM pg_stats_ext_exprs WHERE schemaname = 'cves'), 0, 'CVE-2024-4317: nor pg_stats_ext_exprs');
SELECT is(cves.state('TABLE pg_statistic') || cves.state('TABLE pg_statistic_ext_data'), '4250142501', 'the catalogs below are closed');
-- CVE-2025-12817: CREATE STATISTICS did not check the schema's privilege.
SELECT is(cves.state('CREATE STATISTICS cves.mine (mcv) ON customer, amount FROM cves.bills'), '42501', 'nobody but the owner makes statistics of a table');
RESET pindah.token;
RESET SESSION AUTHORIZATION;

-- CVE-2021-3393 and, before, CVE-2014-8161: errors of constraints told values of
-- columns or rows that the user cannot see.
ALTER TABLE cves.bills ADD CHECK (amount <> 999), ADD UNIQUE (customer, amount);
ALTER TABLE cves.bills ADD EXCLUDE (((id + 1) / 2) WITH =) WHERE (id > 1000);
INSERT INTO cves.bills VALUES (1002, :bulawayo, 'secret 1002', 1001002, '2026-01-01');
SET SESSION AUTHORIZATION cves_eve;
SET pindah.token = :'ann';
SELECT ok(cves.complaint(q) !~ 'secret|\(.*,', 'CVE-2021-3393: neither a row nor a key is told: ' || q) FROM unnest(ARRAY[
	$$INSERT INTO cves.bills (id, customer, day) VALUES (2, 'own', '2026-01-01')$$,
	$$INSERT INTO cves.bills (id, customer, amount, day) VALUES (1001, 'own', 7, '2026-01-01')$$,
	$$INSERT INTO cves.bills (id, customer, amount, day) VALUES (1003, 'own', 999, '2026-01-01')$$,
	$$UPDATE cves.bills SET amount = 999$$,
	$$UPDATE cves.bills SET id = id + 1$$,
	$$UPDATE cves.parts_1 SET day = '2026-12-31'$$,
	$$UPDATE cves.parts SET day = '2030-01-01'$$,
	$$INSERT INTO cves.parts_1 (id, customer, day) VALUES (1, 'own', '2026-12-31')$$,
	$$INSERT INTO cves.lines VALUES (2, 1, 'own')$$,
	$$INSERT INTO cves.lines VALUES (1001, 2, 'own')$$]) q;
SELECT is(cves.complaint($$INSERT INTO cves.lines VALUES (1001, 2, 'own')$$), cves.complaint($$INSERT INTO cves.lines VALUES (1001, 5002, 'own')$$),
	'a parent that is hidden and one that is not there are told alike');
RESET pindah.token;
RESET SESSION AUTHORIZATION;
DELETE FROM cves.bills WHERE id = 1002;

-- CVE-2020-25695, CVE-2022-1552, CVE-2024-0985: who owns a table or a
-- materialised view has code of his own run by whoever maintains it.  It runs
-- as its owner, in a security-restricted operation: it must not get hold of
-- what the owner cannot see, and leave nothing to run later.
SET SESSION AUTHORIZATION cves_eve;
CREATE TABLE cves.trap (id integer);
INSERT INTO cves.trap SELECT generate_series(1, 10);
CREATE FUNCTION cves.steal(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1; END';
CREATE INDEX trap_index ON cves.trap (cves.steal(id));
CREATE MATERIALIZED VIEW cves.harvest AS SELECT cves.steal(id) AS id FROM cves.trap;
CREATE UNIQUE INDEX ON cves.harvest (id);
CREATE OR REPLACE FUNCTION cves.steal(integer) RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	PERFORM cves.saw(customer) FROM cves.bills;
	BEGIN
		INSERT INTO cves.loot SELECT customer FROM cves.bills;
	EXCEPTION WHEN OTHERS THEN
		NULL;
	END;
	BEGIN
		PERFORM set_config('role', 'none', false), set_config('session_authorization', 'default', false), set_config('row_security', 'off', false);
		PERFORM cves.saw(customer) FROM cves.bills;
	EXCEPTION WHEN OTHERS THEN
		NULL;
	END;
	RETURN $1;
END $$;
RESET SESSION AUTHORIZATION;
SELECT is(cves.spied(q), '', 'CVE-2020-25695, 2022-1552, 2024-0985: ' || q) FROM unnest(ARRAY['REINDEX INDEX cves.trap_index', 'REINDEX TABLE cves.trap',
	'ANALYZE cves.trap', 'CLUSTER cves.trap USING trap_index', 'CREATE INDEX ON cves.trap (cves.steal(id), id)', 'REFRESH MATERIALIZED VIEW cves.harvest',
	'REFRESH MATERIALIZED VIEW CONCURRENTLY cves.harvest', 'ALTER TABLE cves.trap ALTER id TYPE bigint', 'TRUNCATE cves.trap']) q;
VACUUM FULL cves.trap;
VACUUM ANALYZE cves.trap;
SELECT is((SELECT count(*)::integer FROM cves.loot), 0, 'nothing was carried away');
-- The operation changes the role to the owner's, lest his code act for whoever
-- maintains; so nobody is signed in meanwhile.
INSERT INTO cves.trap SELECT generate_series(1, 10);
SET pindah.token = :'bob';
SELECT is(cves.spied('REINDEX TABLE cves.trap'), '', 'CVE-2020-25695: nor when the session that maintains has an identity');
CREATE MATERIALIZED VIEW cves.frozen AS SELECT customer FROM cves.bills WITH NO DATA;
ALTER MATERIALIZED VIEW cves.frozen OWNER TO cves_owner;
REFRESH MATERIALIZED VIEW cves.frozen;
RESET pindah.token;
SELECT is((SELECT count(*)::integer FROM cves.frozen), 0, 'nor does REFRESH keep its rows for all to see');
-- What a call site in PL/pgSQL remembers of the statement so far is no answer there.
CREATE FUNCTION cves.whose() RETURNS text LANGUAGE plpgsql STABLE AS 'BEGIN RETURN public.pindah_user_id(); END';
CREATE FUNCTION cves.whose(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN length(public.pindah_user_id()); END';
CREATE TABLE cves.measured AS SELECT generate_series(1, 10) AS id;
CREATE INDEX measured_index ON cves.measured (cves.whose(id));
CREATE MATERIALIZED VIEW cves.asked AS SELECT cves.whose() WITH NO DATA;
SET pindah.token = :'bob';
DO $$
BEGIN
	PERFORM cves.whose(), cves.whose(1);
	REFRESH MATERIALIZED VIEW cves.asked;
	ANALYZE cves.measured;
	IF cves.whose() IS NULL THEN
		RAISE 'the identity did not come back';
	END IF;
END $$;
RESET pindah.token;
SELECT is((SELECT whose FROM cves.asked), NULL, 'nor what was asked in the same statement before');
SELECT is((SELECT null_frac FROM pg_stats WHERE tablename = 'measured_index'), 1::real, '... by ANALYZE neither');
DELETE FROM cves.loot;
-- Code in a restricted operation cannot take on, or leave behind, an identity.
SET SESSION AUTHORIZATION cves_eve;
CREATE OR REPLACE FUNCTION cves.steal(integer) RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	PERFORM set_config('pindah.token', current_setting('my.ann'), false);
	RETURN $1;
END $$;
RESET SESSION AUTHORIZATION;
SET pindah.token = :'bob';
SELECT cves.state('REINDEX TABLE cves.trap') || cves.state('ANALYZE cves.trap') || cves.state('REFRESH MATERIALIZED VIEW cves.harvest') \g /dev/null
SELECT is(pindah_user_id(), 'bob', 'the identity of the session is what it was before the maintenance');
RESET pindah.token;
-- The exploit of CVE-2020-25695 itself: a deferred trigger that runs at COMMIT,
-- when the restriction is over.
SET SESSION AUTHORIZATION cves_eve;
CREATE TABLE cves.fuse (id integer);
CREATE FUNCTION cves.explode() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO cves.loot SELECT customer FROM cves.bills; PERFORM cves.saw(customer) FROM cves.bills; RETURN NULL; END';
CREATE CONSTRAINT TRIGGER explode AFTER INSERT ON cves.fuse DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION cves.explode();
CREATE OR REPLACE FUNCTION cves.steal(integer) RETURNS integer LANGUAGE plpgsql VOLATILE AS 'BEGIN INSERT INTO cves.fuse VALUES ($1); RETURN $1; END';
RESET SESSION AUTHORIZATION;
SELECT isnt(cves.state(q), '00000', 'CVE-2020-25695: no trigger is left for later by ' || q) FROM unnest(ARRAY['REINDEX TABLE cves.trap', 'REFRESH MATERIALIZED VIEW cves.harvest']) q;
SELECT is((SELECT count(*)::integer FROM cves.loot), 0, 'and nothing was carried away at COMMIT');
DROP TABLE cves.trap CASCADE;

-- CVE-2024-10978: SET SESSION AUTHORIZATION undone by a rollback left another
-- role in force than before.  The identity comes back with the role.
SET ROLE cves_eve;
SET pindah.token = :'ann';
BEGIN;
SAVEPOINT s;
RESET ROLE;
SET LOCAL SESSION AUTHORIZATION cves_owner;
SET LOCAL pindah.token = :'bob';
SELECT cves.words('SELECT customer FROM cves.bills') AS inside \gset
ROLLBACK TO s;
SELECT current_user AS role, cves.words('SELECT customer FROM cves.bills') AS after \gset
COMMIT;
SELECT current_user AS role_later, cves.words('SELECT customer FROM cves.bills') AS later \gset
RESET ROLE;
RESET pindah.token;
SELECT is(array_to_string(ARRAY[:'inside', :'role', :'after', :'role_later', :'later'], ' '), 'secret cves_eve own cves_eve own',
	'CVE-2024-10978: role and identity after a rollback are those of before');

-- CVE-2018-1058, CVE-2019-10208, CVE-2020-14350, CVE-2022-2625, CVE-2023-2454:
-- objects of the attacker's in a schema that others look names up in.
GRANT CREATE ON SCHEMA public TO cves_eve;
SET SESSION AUTHORIZATION cves_eve;
CREATE FUNCTION public.pindah_organisation_uuid(integer DEFAULT 1) RETURNS uuid LANGUAGE sql AS $$SELECT 'b0000000-0000-4000-8000-000000000002'::uuid$$;
CREATE FUNCTION public.pindah_organisation_uuid(varchar) RETURNS uuid LANGUAGE sql AS $$SELECT 'b0000000-0000-4000-8000-000000000002'::uuid$$;
CREATE FUNCTION public.pindah_organisation_uuid(name) RETURNS uuid LANGUAGE sql AS $$SELECT 'b0000000-0000-4000-8000-000000000002'::uuid$$;
CREATE FUNCTION public.pindah_organisation_uuid(VARIADIC text[]) RETURNS uuid LANGUAGE sql AS $$SELECT 'b0000000-0000-4000-8000-000000000002'::uuid$$;
CREATE FUNCTION public.pindah_has_permission(varchar) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION public.always(uuid, uuid) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR public.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = public.always);
CREATE TABLE public.pg_policy (polrelid regclass, polname text);
RESET SESSION AUTHORIZATION;
SELECT is(cves.state($$SELECT pindah_protect_table('cves.dues', permission => 'accounting:invoices')$$), '42725',
	'CVE-2018-1058: a function that could be meant as well stops the protection, and is not taken');
DROP FUNCTION public.pindah_organisation_uuid(integer);
SET search_path = public, pg_catalog;
SELECT pindah_protect_table('cves.dues', permission => 'accounting:invoices'), pindah_protect_table('cves.bills'),
	pindah_protect_table('cves.lines', parent => 'cves.bills', foreign_key => 'bill_id', permission => 'accounting:invoices') \g /dev/null
RESET search_path;
SELECT is((SELECT count(*)::integer FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_policy p ON d.classid = 'pg_catalog.pg_policy'::regclass AND d.objid = p.oid
	WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid IN (SELECT f.oid FROM pg_proc f WHERE f.proowner = 'cves_eve'::regrole)), 0,
	'CVE-2018-1058: no policy calls a function of the same name that somebody else has made');
SET SESSION AUTHORIZATION cves_eve;
SET pindah.token = :'vera';
SELECT is(cves.words('SELECT customer FROM cves.dues') || cves.words('SELECT customer FROM cves.bills') || cves.words('SELECT customer FROM cves.lines'), 'nothingownnothing',
	'and the wall stands');
RESET pindah.token;
RESET SESSION AUTHORIZATION;
SELECT is((SELECT count(*)::integer FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'pindah_auth' JOIN pg_language l ON l.oid = p.prolang
	WHERE l.lanname <> 'c' AND coalesce(array_to_string(p.proconfig, ' '), '') !~ 'search_path=pg_catalog, pg_temp'), 0,
	'CVE-2018-1058, 2019-10208: every function of the extension that is not C has a search_path of its own');

-- CVE-2023-2454: what CREATE SCHEMA creates was looked up as its author liked; it
-- is no command of its own for event triggers either.
SET SESSION AUTHORIZATION cves_owner;
CREATE TABLE cves.years (id integer, organisation_id uuid NOT NULL, customer text, year integer) PARTITION BY LIST (year);
GRANT SELECT ON cves.years TO cves_eve;
RESET SESSION AUTHORIZATION;
SELECT pindah_protect_table('cves.years') \g /dev/null
GRANT CREATE ON DATABASE :"DBNAME" TO cves_owner;
SET SESSION AUTHORIZATION cves_owner;
CREATE SCHEMA cves_archive
	CREATE TABLE years_2025 PARTITION OF cves.years FOR VALUES IN (2025)
	GRANT SELECT ON years_2025 TO cves_eve;
GRANT USAGE ON SCHEMA cves_archive TO cves_eve;
RESET SESSION AUTHORIZATION;
INSERT INTO cves.years VALUES (1, :harare, 'own 1', 2025), (2, :bulawayo, 'secret 2', 2025);
SET SESSION AUTHORIZATION cves_eve;
SET pindah.token = :'ann';
SELECT is(cves.words('SELECT customer FROM cves.years'), 'own', 'a partition made by CREATE SCHEMA, through its parent');
SELECT is(cves.words('SELECT customer FROM cves_archive.years_2025'), 'own', 'CVE-2023-2454: and by its own name');
RESET pindah.token;
RESET SESSION AUTHORIZATION;

-- CVE-2022-2625: an extension's script took over objects that were there before.
DROP SCHEMA cves, cves_archive CASCADE;
DROP TABLE public.pg_policy;
DROP EXTENSION pindah_auth CASCADE;
SET SESSION AUTHORIZATION cves_eve;
CREATE FUNCTION public.pindah_user_id() RETURNS text LANGUAGE sql AS $$SELECT 'bob'$$;
RESET SESSION AUTHORIZATION;
SELECT throws_ok('CREATE EXTENSION pindah_auth', '42723', NULL, 'CVE-2022-2625: a function that was there before is not taken into the extension');
DROP FUNCTION public.pindah_user_id();
GRANT CREATE ON DATABASE :"DBNAME" TO cves_eve;
SET SESSION AUTHORIZATION cves_eve;
CREATE SCHEMA pindah;
RESET SESSION AUTHORIZATION;
SELECT throws_ok('CREATE EXTENSION pindah_auth', NULL, NULL, 'CVE-2022-2625: nor a schema');

SELECT * FROM finish();

DROP OWNED BY cves_eve, cves_owner, cves_auditor;
DROP ROLE cves_eve, cves_owner, cves_auditor;
