-- Children without a tenant column: whichever plan finds their rows, they are
-- those of the tenant; and the plan is one for the children of the tenant's
-- parents, not for the children of all (src/child_plans.c).
\set QUIET on
SET client_min_messages = error;
SELECT * FROM no_plan();
\ir ../kit/people.psql
CREATE ROLE children_eve;
CREATE SCHEMA child;
GRANT USAGE ON SCHEMA child TO children_eve;

-- A parent with a key of every type, the first half of it Harare's; children
-- that have each of these keys, and others that have two of them.
CREATE TABLE child.parents (id bigint PRIMARY KEY, organisation_id uuid, small smallint UNIQUE, "U" uuid UNIQUE, t text UNIQUE,
	v varchar(40) UNIQUE, d date UNIQUE, n numeric UNIQUE, UNIQUE (id, small));
INSERT INTO child.parents SELECT g, CASE WHEN g <= 500 THEN :harare ELSE :bulawayo END::uuid, g, md5(g::text)::uuid, 't' || g, 'v' || g, '2026-01-01'::date + g, g
	FROM generate_series(1, 1000) g;
INSERT INTO child.parents (id, organisation_id) VALUES (1001, NULL);
CREATE TABLE child.kids (id bigint PRIMARY KEY, parent_id integer REFERENCES child.parents (id), small bigint REFERENCES child.parents (small),
	"U" uuid REFERENCES child.parents ("U"), t text REFERENCES child.parents (t), v varchar REFERENCES child.parents (v),
	d date REFERENCES child.parents (d), n numeric REFERENCES child.parents (n), secret text);
INSERT INTO child.kids SELECT g, p.id, p.id, "U", t, v, d, n, CASE WHEN p.id <= 500 THEN 'own' ELSE 'secret' END
	FROM generate_series(1, 10000) g JOIN child.parents p ON p.id = 1 + g % 1000;
INSERT INTO child.kids (id, secret) VALUES (0, 'secret');
CREATE TABLE child.pairs (id bigint PRIMARY KEY, parent_id bigint NOT NULL, small smallint NOT NULL, FOREIGN KEY (parent_id, small) REFERENCES child.parents (id, small), secret text);
INSERT INTO child.pairs SELECT id, parent_id, small, secret FROM child.kids WHERE id > 0;
CREATE TABLE child.grandkids (id bigint PRIMARY KEY, kid_id bigint NOT NULL REFERENCES child.kids, secret text);
INSERT INTO child.grandkids SELECT id, id, secret FROM child.kids WHERE id > 0;
SELECT pindah_protect_table('child.parents') \g /dev/null
SELECT pindah_protect_table('child.pairs', parent => 'child.parents', foreign_key => 'small') \g /dev/null
CREATE INDEX ON child.kids (parent_id);
CREATE INDEX ON child.grandkids (kid_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA child TO children_eve;

CREATE FUNCTION child.plan(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	lines text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		lines := lines || line || E'\n';
	END LOOP;
	RETURN lines;
END $$;
-- What a query counts with all plans that can be had, each once; and whether one
-- of them asks an index for all parents.
CREATE FUNCTION child.counts(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	way text;
	counted bigint;
	counts bigint[] := '{}';
	by_index boolean := false;
BEGIN
	FOREACH way IN ARRAY ARRAY['seqscan', 'indexscan', 'bitmapscan', 'seqscan,enable_bitmapscan', 'seqscan,enable_indexscan,enable_indexonlyscan',
		'hashjoin,enable_mergejoin', 'indexscan,enable_bitmapscan,enable_indexonlyscan', 'nestloop', 'hashjoin,enable_mergejoin,enable_seqscan'] LOOP
		PERFORM set_config('enable_' || s, 'off', true) FROM unnest(string_to_array(way, ',')) u(x), LATERAL (SELECT replace(x, 'enable_', '')) r(s);
		EXECUTE query INTO counted;
		counts := counts || counted;
		by_index := by_index OR child.plan(query) ~ '= ANY \(\(?(\$\d+|\(InitPlan \d+\)\.col1)';
		PERFORM set_config('enable_' || s, 'on', true) FROM unnest(string_to_array(way, ',')) u(x), LATERAL (SELECT replace(x, 'enable_', '')) r(s);
	END LOOP;
	RETURN (SELECT string_agg(DISTINCT c::text, ' ') FROM unnest(counts) c) || CASE WHEN by_index THEN ' by index' ELSE '' END;
END $$;

-- The rows that a statement has written, or its SQLSTATE.
CREATE FUNCTION child.state(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE query;
	GET DIAGNOSTICS n = ROW_COUNT;
	RETURN n || ' rows';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;

-- Nobody sees anything, whatever the plan.
SELECT pindah_protect_table('child.kids', parent => 'child.parents', foreign_key => 'parent_id') \g /dev/null
SELECT pindah_protect_table('child.grandkids', parent => 'child.kids', foreign_key => 'kid_id') \g /dev/null
ANALYZE;
SET ROLE children_eve;
SELECT is(child.counts('SELECT count(*) FROM child.kids'), '0 by index', 'nobody signed in sees no child, whatever the plan');
SELECT is(child.counts('SELECT count(*) FROM child.grandkids'), '0 by index', 'nor a child''s child');
SET pindah.token = :'ann';
SELECT is(child.counts('SELECT count(*) FROM child.kids WHERE secret = ''secret'''), '0 by index', 'nobody sees a child of another tenant, whatever the plan');
SELECT is(child.counts('SELECT count(*) FROM child.kids'), '5000 by index', 'but all of his own');
SELECT is(child.counts('SELECT count(*) FROM child.grandkids WHERE secret = ''secret'''), '0 by index', 'nor a child''s child of another');
SELECT is(child.counts('SELECT count(*) FROM child.grandkids'), '5000 by index', 'but all of his own');
SELECT is(child.counts('SELECT count(*) FROM child.pairs WHERE secret = ''secret'''), '0', 'nor by a key of two columns');
SELECT is(child.counts('SELECT count(*) FROM child.pairs'), '5000', 'but all of his own');
-- From 18 on the two are one condition, and no other index is asked.
SELECT matches(child.counts('SELECT count(*) FROM child.kids WHERE id = 1000 OR id = 1500'), '^1( by index)?$', 'two rows, one of another tenant');
SELECT is(child.counts('SELECT count(*) FROM child.kids WHERE parent_id IN (3, 700)'), '10 by index', 'two parents, one of another tenant');
SELECT is(child.counts('SELECT count(*) FROM child.kids WHERE parent_id = ANY (ARRAY(SELECT g FROM generate_series(490, 510) g))'), '110 by index', 'a list of one''s own is not taken for ours');
SELECT is(child.counts('SELECT count(*) FROM child.parents p JOIN child.kids k ON k.parent_id = p.id WHERE p.t LIKE ''t7%'''), '110 by index', 'joined with the parent');
SELECT is(child.counts('SELECT count(*) FROM generate_series(400, 600) g JOIN child.kids k ON k.parent_id = g'), '1010 by index', 'joined with numbers');
SELECT is(child.counts('SELECT count(*) FROM generate_series(1, 1100) g LEFT JOIN child.kids k ON k.parent_id = g AND k.secret = ''secret'' WHERE k.id IS NOT NULL'), '0 by index', 'in an outer join');
SELECT is(child.counts('SELECT count(*) FROM child.kids k JOIN child.grandkids g ON g.kid_id = k.id JOIN child.pairs p ON p.parent_id = k.parent_id'), '50000 by index', 'three of them');

-- One parent is found by the parent's key alone, and nobody gathers the others.
SELECT unalike(child.plan('SELECT * FROM child.kids WHERE parent_id = 3'), '%= ANY%', 'the children of one parent: not by all parents');
SELECT unalike(child.plan('SELECT * FROM child.kids WHERE id = 3'), '%= ANY%', 'nor one child');
SELECT unalike(child.plan('SELECT * FROM child.kids'), '%reaches%', 'what was for the planner is not in the plan');
SET enable_hashjoin = off; SET enable_mergejoin = off;
SELECT unalike(child.plan('SELECT * FROM child.parents p JOIN child.kids k ON k.parent_id = p.id WHERE p.t < ''t2'''), '%= ANY%', 'a nested loop neither');
RESET enable_hashjoin; RESET enable_mergejoin;
SELECT unalike(child.plan(q), '%reaches%', 'not in the plan: ' || q) FROM unnest(ARRAY['UPDATE child.kids SET secret = ''own'' RETURNING id', 'DELETE FROM child.kids', 'INSERT INTO child.kids VALUES (1) RETURNING id',
	'INSERT INTO child.kids VALUES (1) ON CONFLICT (id) DO UPDATE SET secret = ''own''', 'SELECT FROM child.kids FOR UPDATE', 'SELECT (SELECT count(*) FROM child.kids k WHERE k.id = p.id) FROM child.parents p',
	'WITH k AS MATERIALIZED (SELECT * FROM child.kids) SELECT * FROM k', 'SELECT * FROM child.kids UNION ALL SELECT * FROM child.kids', 'SELECT DISTINCT ON (parent_id) * FROM child.kids ORDER BY parent_id']) q;

-- Written rows too.
BEGIN;
SELECT is(child.state('INSERT INTO child.kids (id, parent_id) VALUES (20000, 700)'), '42501', 'no child for another tenant''s parent');
SELECT is(child.state('INSERT INTO child.kids (id) VALUES (20001)'), '42501', 'nor without a parent');
SELECT is(child.state('INSERT INTO child.kids (id, parent_id) VALUES (20002, 3) RETURNING id'), '1 rows', 'but for one''s own');
SELECT is(child.state('INSERT INTO child.kids (id, parent_id) VALUES (1500, 3) ON CONFLICT (id) DO UPDATE SET secret = ''x'''), '42501', 'a conflict with a hidden child changes nothing');
SELECT is(child.state('UPDATE child.kids SET parent_id = 700 WHERE id = 3'), '42501', 'no child moves to another tenant');
SELECT is(child.state('UPDATE child.kids SET secret = ''x'' WHERE secret = ''secret'''), '0 rows', 'no child of another tenant is changed');
SELECT is(child.state('DELETE FROM child.grandkids WHERE secret = ''secret'''), '0 rows', 'nor removed');
SELECT is(child.state('DELETE FROM child.grandkids'), '5000 rows', 'all of one''s own are');
ROLLBACK;

-- A plan that is kept, and a query during which somebody else signs in.
SET plan_cache_mode = force_generic_plan;
PREPARE children AS SELECT count(*) FROM child.kids WHERE secret = 'secret';
EXECUTE children \gset ann_
SET pindah.token = :'bob';
EXECUTE children \gset bob_
RESET pindah.token;
EXECUTE children \gset nobody_
SELECT is(ARRAY[:ann_count, :bob_count, :nobody_count], ARRAY[0, 5000, 0], 'a kept plan shows each what is his');
RESET plan_cache_mode;
SET pindah.token = :'ann';
SELECT is(child.state($$SELECT count(*) FROM child.kids WHERE set_config('pindah.token', current_setting('my.bob'), true) <> '' AND id > 10$$), '24000', 'nobody takes on another identity within a query');
SET pindah.token = :'ann';
SELECT is(child.state($$SELECT count(*) FROM child.kids WHERE parent_id = (SELECT 700 WHERE set_config('pindah.token', current_setting('my.bob'), true) <> '')$$), '24000', 'not even before the children are looked for');
RESET ROLE;
RESET pindah.token;

-- Views with their owner's rights: whose the identity is, counts, and whose the view is.
CREATE ROLE children_owner;
GRANT USAGE, CREATE ON SCHEMA child TO children_owner;
GRANT SELECT ON child.kids, child.parents TO children_owner;
SET ROLE children_owner;
CREATE VIEW child.shown AS SELECT * FROM child.kids;
GRANT SELECT ON child.shown TO children_eve;
RESET ROLE;
REVOKE SELECT ON child.parents, child.kids FROM children_eve;
SET ROLE children_eve;
SET pindah.token = :'ann';
SELECT is(child.counts('SELECT count(*) FROM child.shown'), '5000 by index', 'a view over children whose parents its reader cannot read');
RESET ROLE;
RESET pindah.token;
GRANT SELECT ON child.parents, child.kids TO children_eve;

-- Keys of other types.
CREATE FUNCTION child.by_key(key name) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	counted text;
BEGIN
	PERFORM pindah_protect_table('child.kids', parent => 'child.parents', foreign_key => key);
	ANALYZE child.kids;
	SET LOCAL ROLE children_eve;
	counted := child.counts('SELECT count(*) FROM child.kids');
	SET LOCAL ROLE NONE;
	RETURN counted;
END $$;
SET pindah.token = :'ann';
SELECT is(child.by_key(k), '5000 by index', 'by a key of type ' || k) FROM unnest(ARRAY['small', 'U', 't', 'v', 'd', 'n']) k;
RESET pindah.token;

-- The estimate is what the parents tell, for a tenant with many and one with few.
UPDATE child.parents SET organisation_id = :harare WHERE id BETWEEN 501 AND 990;
ANALYZE child.parents;
SELECT pindah_protect_table('child.kids', parent => 'child.parents', foreign_key => 'parent_id') \g /dev/null
CREATE FUNCTION child.estimate(query text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
	RETURN plan->0->'Plan'->>'Plan Rows';
END $$;
SET ROLE children_eve;
SET pindah.token = :'ann';
SELECT cmp_ok(child.estimate('SELECT * FROM child.kids'), '>', 9500, 'the many children of one tenant are expected');
SET pindah.token = :'bob';
SELECT cmp_ok(child.estimate('SELECT * FROM child.kids'), '<', 200, 'and the few of another');
RESET ROLE;
RESET pindah.token;

-- Who drops the parent and all that hangs on it does not open the children.
CREATE TABLE child.orders (id bigint PRIMARY KEY, organisation_id uuid NOT NULL);
CREATE TABLE child.open_lines (id bigint PRIMARY KEY, order_id bigint NOT NULL REFERENCES child.orders);
CREATE TABLE child.asked_lines (LIKE child.open_lines, FOREIGN KEY (order_id) REFERENCES child.orders);
INSERT INTO child.orders VALUES (1, :harare), (2, :bulawayo);
INSERT INTO child.open_lines VALUES (1, 1), (2, 2);
INSERT INTO child.asked_lines VALUES (1, 1), (2, 2);
SELECT pindah_protect_table('child.orders') \g /dev/null
SELECT pindah_protect_table('child.open_lines', parent => 'child.orders', foreign_key => 'order_id') \g /dev/null
SELECT pindah_protect_table('child.asked_lines', parent => 'child.orders', foreign_key => 'order_id', permission => 'accounting:invoices') \g /dev/null
GRANT SELECT, INSERT, UPDATE, DELETE ON child.orders, child.open_lines, child.asked_lines TO children_eve;
SET ROLE children_eve;
SET pindah.token = :'ann';
SELECT is((SELECT count(*) FROM child.open_lines), 1::bigint, 'a child shows what its parent shows');
SELECT is((SELECT count(*) FROM child.asked_lines), 1::bigint, 'and one that asks for a permission');
SELECT unalike(child.plan('SELECT * FROM child.asked_lines'), '%NULL%', 'the key that a policy names costs nothing');
RESET ROLE;
CREATE FUNCTION child.after(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	EXECUTE command;
	SET LOCAL ROLE children_eve;
	SELECT (SELECT count(*) FROM child.open_lines) || ' ' || (SELECT count(*) FROM child.asked_lines) INTO answer;
	BEGIN
		INSERT INTO child.open_lines (id) VALUES (3);
	EXCEPTION WHEN insufficient_privilege THEN
		answer := answer || ' refused';
	END;
	RAISE EXCEPTION 'undo' USING ERRCODE = 'P0002', DETAIL = answer;
EXCEPTION WHEN no_data_found THEN
	GET STACKED DIAGNOSTICS answer = PG_EXCEPTION_DETAIL;
	RETURN answer;
END $$;
SELECT is(child.after(c), '0 0 refused', 'nobody sees a row after ' || c) FROM unnest(ARRAY[
	'DROP TABLE child.orders CASCADE', 'ALTER TABLE child.orders DROP COLUMN id CASCADE',
	'ALTER TABLE child.open_lines DROP COLUMN order_id CASCADE; ALTER TABLE child.asked_lines DROP COLUMN order_id CASCADE']) c;
RESET pindah.token;

SELECT * FROM finish();
DROP SCHEMA child CASCADE;
DROP ROLE children_eve, children_owner;
