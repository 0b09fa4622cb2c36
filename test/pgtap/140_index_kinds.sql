-- Every kind of index, and every kind of scan of one: nobody sees or changes
-- other tenants' rows, whatever the index holds, and whoever was before.
--
-- In the filter of a scan whose index compares the tenant, the policy asks for
-- it no more (src/plan_constants.c): all then hangs on the index.  Each plan is
-- made once, and used under one identity after the other.

\set QUIET on
SET client_min_messages = error;
DO $$
BEGIN
	IF to_regrole('index_eve') IS NOT NULL THEN
		DROP OWNED BY index_eve;
		DROP ROLE index_eve;
	END IF;
	CREATE ROLE index_eve;
END $$;

\ir ../kit/people.psql
CREATE EXTENSION btree_gist;
CREATE EXTENSION btree_gin;

CREATE TABLE bills (id integer NOT NULL, organisation_id uuid NOT NULL, n integer NOT NULL, note text NOT NULL) WITH (autovacuum_enabled = off);
INSERT INTO bills SELECT g, CASE WHEN g % 2 = 1 THEN :harare ELSE :bulawayo END::uuid, g / 2 % 10, repeat('x', 200) FROM generate_series(1, 2000) g;
SELECT pindah_protect_table('bills', permission => 'accounting:invoices') \g /dev/null
DROP INDEX bills_organisation_id_idx;
GRANT SELECT, UPDATE, DELETE ON bills TO index_eve;

-- What a role sees by way of an index, query by query: how many rows, and whose.
CREATE FUNCTION pg_temp.sees(who text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	one text;
	seen text[];
BEGIN
	PERFORM set_config('pindah.token', coalesce(current_setting('my.' || who, true), ''), false), set_config('role', 'index_eve', true);
	FOR i IN 1..7 LOOP
		EXECUTE format('CREATE TEMP TABLE rows_seen AS EXECUTE q%s', i);
		SELECT concat(count(*), string_agg(DISTINCT left(r.organisation_id::text, 1), '')) INTO one FROM rows_seen r;
		DROP TABLE rows_seen;
		seen := seen || one;
	END LOOP;
	PERFORM set_config('role', 'none', true);
	RETURN array_to_string(seen, ' ');
END $$;

-- What a role locks and changes likewise; all of it is taken back.
CREATE FUNCTION pg_temp.changes(who text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	statement text;
	n integer;
	changed text[];
BEGIN
	PERFORM set_config('pindah.token', coalesce(current_setting('my.' || who, true), ''), false), set_config('role', 'index_eve', true);
	FOREACH statement IN ARRAY ARRAY['SELECT * FROM bills WHERE n = 5 FOR UPDATE', 'UPDATE bills SET note = note WHERE n = 5 RETURNING *',
			'UPDATE bills b SET note = b.note FROM generate_series(10, 13) g WHERE b.n = 5 AND b.id = g RETURNING b.*', 'DELETE FROM bills WHERE n = 5 RETURNING *'] LOOP
		BEGIN
			n := 0;
			EXECUTE statement;
			GET DIAGNOSTICS n = ROW_COUNT;
			RAISE EXCEPTION 'taken back';
		EXCEPTION WHEN raise_exception THEN
			changed := changed || n::text;
		END;
	END LOOP;
	PERFORM set_config('role', 'none', true);
	RETURN array_to_string(changed, ' ');
END $$;

-- The plan of a query, as that role has it.
CREATE FUNCTION pg_temp.plan_of(name text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	plan text := '';
BEGIN
	PERFORM set_config('role', 'index_eve', true);
	FOR line IN EXECUTE 'EXPLAIN (COSTS off) EXECUTE ' || name LOOP
		plan := plan || line || E'\n';
	END LOOP;
	PERFORM set_config('role', 'none', true);
	RETURN plan;
END $$;

-- The same with one kind of index, in each kind of scan.
CREATE FUNCTION pg_temp.by_index(kind text, columns text, scans text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	scan text;
BEGIN
	EXECUTE 'CREATE INDEX bills_by ON bills ' || columns;
	ANALYZE bills;
	FOREACH scan IN ARRAY scans LOOP
		PERFORM set_config('enable_bitmapscan', (scan = 'Bitmap')::text, true), set_config('enable_indexscan', (scan = 'Index')::text, true),
			set_config('enable_indexonlyscan', (scan = 'Index')::text, true);
		DEALLOCATE ALL;
		PREPARE q1 AS SELECT organisation_id FROM bills;
		PREPARE q2 AS SELECT organisation_id FROM bills WHERE n = 5;
		PREPARE q3 AS SELECT organisation_id FROM bills WHERE n = 5 AND organisation_id = 'b0000000-0000-4000-8000-000000000002';
		PREPARE q4 AS SELECT organisation_id FROM bills WHERE organisation_id IN ('a0000000-0000-4000-8000-000000000001', 'b0000000-0000-4000-8000-000000000002') AND n IN (5, 6);
		PREPARE q5 AS SELECT organisation_id FROM bills WHERE organisation_id = 'b0000000-0000-4000-8000-000000000002' OR n = 5;
		PREPARE q6 AS SELECT b.organisation_id FROM generate_series(1, 3) g, LATERAL (SELECT * FROM bills WHERE n = g LIMIT 10) b;
		PREPARE q7 AS SELECT organisation_id FROM bills WHERE n > 4 AND organisation_id IS DISTINCT FROM pindah_organisation_uuid('accounting:invoices:view');
		RETURN NEXT is(pg_temp.sees('nobody'), '0 0 0 0 0 0 0', format('%s, %s: nobody', kind, scan));
		RETURN NEXT is(pg_temp.sees('ann'), '1000a 100a 0 200a 100a 30a 0', '... Ann');
		RETURN NEXT matches(pg_temp.plan_of(CASE kind WHEN 'of the other tenant alone' THEN 'q3' ELSE 'q2' END), 'Scan (using|on) bills_by', '... by the index');
		RETURN NEXT is(pg_temp.sees('vera'), '0 0 0 0 0 0 0', '... after her one without the permission');
		RETURN NEXT is(pg_temp.sees('bob'), '1000b 100b 100b 200b 1000b 30b 0', '... Bob');
		RETURN NEXT is(pg_temp.sees('ann'), '1000a 100a 0 200a 100a 30a 0', '... and Ann again');
		RETURN NEXT is(pg_temp.changes('bob'), '100 100 1 100', '... Bob changes his own');
		RETURN NEXT is(pg_temp.changes('ann'), '0 0 0 0', '... who may only read locks and changes nothing');
	END LOOP;
	DROP INDEX bills_by;
END $$;

SELECT no_plan();
BEGIN;
SET LOCAL jit = off;
SET LOCAL enable_seqscan = off;
SET LOCAL work_mem = '64kB';
SET LOCAL plan_cache_mode = force_generic_plan;
SELECT pg_temp.by_index('btree', '(organisation_id, n)', '{Index,Bitmap}');
SELECT pg_temp.by_index('btree without the tenant', '(n, id) INCLUDE (organisation_id)', '{Index,Bitmap}');
SELECT pg_temp.by_index('of the other tenant alone', $$(n) WHERE organisation_id = 'b0000000-0000-4000-8000-000000000002'$$, '{Index,Bitmap}');
SELECT pg_temp.by_index('hash', 'USING hash (organisation_id)', '{Index,Bitmap}');
SELECT pg_temp.by_index('gist', 'USING gist (n, organisation_id)', '{Index,Bitmap}');
SELECT pg_temp.by_index('gin', 'USING gin (n, organisation_id)', '{Bitmap}');
SELECT pg_temp.by_index('brin', 'USING brin (n, organisation_id) WITH (pages_per_range = 2)', '{Bitmap}');
COMMIT;

-- The same with workers.
BEGIN;
SET LOCAL jit = off;
SET LOCAL enable_seqscan = off;
SET LOCAL plan_cache_mode = force_generic_plan;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL min_parallel_index_scan_size = 0;
SELECT pg_temp.by_index('btree, in parallel', '(organisation_id, n)', '{Index,Bitmap}');
COMMIT;
SELECT * FROM finish();

RESET pindah.token;
DROP TABLE bills;
DROP ROLE index_eve;
