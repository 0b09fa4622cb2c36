-- A firm of 40 protected tables for sqlsmith, with rows of four kinds in each:
-- of tenant A (marked owna), of tenant B (ownb), of a third one and of no
-- tenant at all (both: canary, see proxy.py for the spellings).  Nothing but
-- rows may spell a canary: the catalogs are open to everybody.
\set ON_ERROR_STOP on
SET client_min_messages = error;
CREATE EXTENSION pindah_auth;
SELECT pindah_trust_issuer('https://api.pindah.example',
	jsonb_build_object('keys', jsonb_build_array(jsonb_build_object('kty', 'oct', 'kid', 'main', 'alg', 'HS256', 'k', :'secret'))),
	audience => '{pindah}') \g /dev/null

-- No password, no rights but those below.  A comes with claims that are
-- attached to the role, B with a token in the options of the connection.  The
-- tenant is spelt so that the setting, which everybody can read, does not show it.
CREATE ROLE smith_a LOGIN;
CREATE ROLE smith_b LOGIN;
ALTER ROLE smith_a SET pindah.role_claims =
	'{"sub": "ann", "OrganisationId": "\u00610000000-0000-4000-8000-000000000001", "Permission": "*:*:*"}';
ALTER ROLE smith_a SET search_path = firm, public;
ALTER ROLE smith_b SET search_path = firm, public;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO PUBLIC;
CREATE SCHEMA firm;
GRANT USAGE ON SCHEMA firm TO smith_a, smith_b;
SET search_path = firm, public;

-- What is in a row besides its tenant.
CREATE TABLE facts (kind text, number integer, name text, amount numeric(20, 2), day date, at timestamptz,
	big bigint, ref uuid, tags text[], doc jsonb, raw bytea, words tsvector, flag boolean);
INSERT INTO facts
	SELECT kind, number, name, amount, day, day + time '12:00', big, ref, ARRAY[name, name || '-tag'],
		jsonb_build_object('name', name, 'amount', amount), convert_to(name, 'UTF8'), to_tsvector('simple', name), g % 2 = 0
	FROM (
		SELECT 'a' AS kind, g, g AS number, 'OWNA-' || g AS name, g * 1.5 AS amount, date '2026-01-01' + g AS day,
			g::bigint AS big, ('a0000000-aaaa-4000-8000-' || lpad(g::text, 12, '0'))::uuid AS ref FROM generate_series(1, 6) g
		UNION ALL
		SELECT 'b', g, 100 + g, 'OWNB-' || g, g * 2.5, date '2026-02-01' + g,
			1000::bigint + g, ('b0000000-bbbb-4000-8000-' || lpad(g::text, 12, '0'))::uuid FROM generate_series(1, 6) g
		UNION ALL
		SELECT kind, g, 1977077000 + g, 'CANARY-' || kind || g, 19770770 + g / 100.0, date '3977-07-01' + g,
			1977077077000 + g, ('c0ffee00-cafe-4000-8000-' || lpad(g::text, 12, '0'))::uuid
			FROM generate_series(1, 14) g, LATERAL (SELECT CASE WHEN g <= 12 THEN 'c' ELSE 'n' END AS kind) k
	) f;
-- Who is who, by type of tenant column: NULL is visible to none.
CREATE TABLE tenants (type text, kind text, id text);
INSERT INTO tenants VALUES
	('uuid', 'a', 'a0000000-0000-4000-8000-000000000001'), ('uuid', 'c', 'c0ffee00-cafe-4000-8000-000000000000'),
	('bigint', 'b', '42'), ('bigint', 'c', '1977077077000'),
	('integer', 'b', '42'), ('integer', 'c', '1977077000'),
	('smallint', 'b', '42'), ('smallint', 'c', '1977'),
	('text', 'a', 'a0000000-0000-4000-8000-000000000001'), ('text', 'b', '42'), ('text', 'c', 'CANARY'),
	('varchar(50)', 'a', 'a0000000-0000-4000-8000-000000000001'), ('varchar(50)', 'b', '42'), ('varchar(50)', 'c', 'CANARY');

CREATE PROCEDURE make_table(name text, tenant_column name, type text, more text DEFAULT '', partitioned text DEFAULT NULL)
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TABLE %I (id integer NOT NULL, %I %s, name text, amount numeric, day date NOT NULL, at timestamptz, big bigint, ref uuid, tags text[], doc jsonb, raw bytea, words tsvector, flag boolean %s) %s',
		name, tenant_column, type, more, coalesce('PARTITION BY ' || partitioned, ''));
	IF partitioned LIKE 'RANGE%' THEN
		EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (''2026-01-01'') TO (''2026-02-01'')', name || '_jan', name);
		EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', name || '_rest', name);
	ELSIF partitioned LIKE 'HASH%' THEN
		FOR part IN 0..2 LOOP
			EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES WITH (MODULUS 3, REMAINDER %s)', name || '_' || part, name, part);
		END LOOP;
	END IF;
END $$;
CREATE PROCEDURE fill_table(name text, type text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('INSERT INTO %I SELECT number, CASE f.kind WHEN ''n'' THEN NULL ELSE t.id::%s END, name, amount, day, at, big, ref, tags, doc, raw, words, flag
		FROM facts f LEFT JOIN tenants t ON t.kind = f.kind AND t.type = %L WHERE t.kind IS NOT NULL OR f.kind = ''n''', name, type, type);
END $$;

-- 24 tables with a tenant column of each type.  (sqlsmith quotes no names, and
-- so "OrganisationId" is not among them.)
DO $$
DECLARE
	made record;
BEGIN
	FOR made IN SELECT t.prefix || g AS name, t.type, CASE WHEN g % 2 = 0 THEN 'organisation_id' ELSE 'tenant' END AS tenant_column
		FROM (VALUES ('guid', 'uuid', 8), ('big', 'bigint', 6), ('int', 'integer', 2), ('small', 'smallint', 2), ('text', 'text', 4), ('var', 'varchar(50)', 2)) t(prefix, type, n),
			generate_series(1, t.n) g
	LOOP
		CALL make_table(made.name, made.tenant_column, made.type);
		CALL fill_table(made.name, made.type);
		EXECUTE format('ALTER TABLE %I ADD PRIMARY KEY (id)', made.name);
		EXECUTE format('CREATE INDEX ON %I (name)', made.name);
		EXECUTE format('CREATE INDEX ON %I (lower(name), amount)', made.name);
		EXECUTE format('CREATE UNIQUE INDEX ON %I (%I, big)', made.name, made.tenant_column);
		EXECUTE format('CREATE STATISTICS %I (mcv, dependencies) ON name, day, amount FROM %I', made.name || '_stats', made.name);
		PERFORM pindah_protect_table(made.name::regclass, made.tenant_column,
			permission => CASE WHEN made.name ~ '[24]$' THEN 'stock:inventory' END);
	END LOOP;
END $$;

-- 4 partitioned tables, 2 with inheritance.
CALL make_table('part1', 'organisation_id', 'uuid', '', 'RANGE (day)');
CALL make_table('part2', 'organisation_id', 'bigint', '', 'RANGE (day)');
CALL make_table('part3', 'organisation_id', 'uuid', '', 'HASH (id)');
CALL make_table('part4', 'organisation_id', 'bigint', '', 'HASH (big)');
CALL make_table('heir1', 'organisation_id', 'uuid');
CALL make_table('heir2', 'organisation_id', 'bigint');
CREATE TABLE heir1_child (more text) INHERITS (heir1);
SELECT pindah_protect_table(t) FROM unnest(ARRAY['part1', 'part2', 'part3', 'part4', 'heir1', 'heir2']::regclass[]) t \g /dev/null
CREATE TABLE heir2_child (more text) INHERITS (heir2);
CREATE TABLE part2_feb PARTITION OF part2 FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
DO $$
DECLARE
	made record;
BEGIN
	FOR made IN SELECT * FROM (VALUES ('part1', 'uuid'), ('part2', 'bigint'), ('part3', 'uuid'), ('part4', 'bigint'),
		('heir1', 'uuid'), ('heir1_child', 'uuid'), ('heir2', 'bigint'), ('heir2_child', 'bigint')) t(name, type)
	LOOP
		CALL fill_table(made.name, made.type);
	END LOOP;
END $$;

-- 6 children without a tenant column and 2 children of children.
DO $$
DECLARE
	made record;
BEGIN
	FOR made IN SELECT * FROM (VALUES ('child1', 'guid1'), ('child2', 'guid2'), ('child3', 'guid3'), ('child4', 'big1'), ('child5', 'big2'),
		('child6', 'text1'), ('grandchild1', 'child1'), ('grandchild2', 'child4')) t(name, parent)
	LOOP
		EXECUTE format('CREATE TABLE %I (id integer PRIMARY KEY, parent_id integer NOT NULL REFERENCES %I, name text, amount numeric, day date, at timestamptz, big bigint, ref uuid, tags text[], doc jsonb)', made.name, made.parent);
		EXECUTE format('INSERT INTO %I SELECT number, number, name, amount, day, at, big, ref, tags, doc FROM facts f WHERE EXISTS (SELECT FROM %I p WHERE p.id = f.number)', made.name, made.parent);
		PERFORM pindah_protect_table(made.name::regclass, parent => made.parent::regclass, foreign_key => 'parent_id',
			permission => CASE WHEN made.name ~ '[24]$' THEN 'stock:inventory' END);
	END LOOP;
END $$;

-- 2 shared tables: read by all, written by none.
CREATE TABLE shared1 (code text PRIMARY KEY, name text, rate numeric);
CREATE TABLE shared2 (id integer PRIMARY KEY, code text REFERENCES shared1, day date);
INSERT INTO shared1 VALUES ('USD', 'dollar', 1), ('ZWG', 'gold', 27), ('ZAR', 'rand', 17);
INSERT INTO shared2 VALUES (1, 'USD', '2026-01-02'), (2, 'ZWG', '2026-01-03');
SELECT pindah_protect_table(t, shared => true) FROM unnest(ARRAY['shared1', 'shared2']::regclass[]) t \g /dev/null

-- Views with the caller's rights.
CREATE VIEW view1 WITH (security_invoker) AS SELECT * FROM guid1 WHERE amount > 0;
CREATE VIEW view2 WITH (security_invoker, security_barrier) AS SELECT * FROM big1 WHERE flag;
CREATE VIEW view3 WITH (security_invoker) AS SELECT g.name, c.name AS child, c.doc FROM guid1 g LEFT JOIN child1 c ON c.parent_id = g.id;
CREATE VIEW view4 WITH (security_invoker) AS SELECT day, count(*), sum(amount), max(name) AS name, array_agg(ref) AS refs FROM text1 GROUP BY day;
CREATE VIEW view5 WITH (security_invoker) AS SELECT id, name, day FROM part1 UNION ALL SELECT id, name, day FROM part2 UNION ALL SELECT id, name, day FROM heir1;
CREATE VIEW view6 WITH (security_invoker) AS SELECT name, rank() OVER (ORDER BY amount), lag(name) OVER (ORDER BY amount DESC) AS before FROM big3;
CREATE VIEW view7 WITH (security_invoker) AS WITH RECURSIVE w AS (SELECT id, name FROM guid5 UNION SELECT g.id, g.name FROM guid6 g JOIN w ON w.id = g.id) SELECT * FROM w;
CREATE VIEW view8 WITH (security_invoker) AS SELECT v.name, s.rate FROM view1 v CROSS JOIN LATERAL (SELECT rate FROM shared1 WHERE code <> v.name) s;

-- Functions with the caller's rights: inlined, planned once and kept, nested.
CREATE FUNCTION name_inlined(integer) RETURNS text LANGUAGE sql STABLE AS 'SELECT name FROM firm.guid1 WHERE id = $1';
CREATE FUNCTION name_kept(integer) RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (SELECT max(name) FROM firm.guid1 WHERE id >= $1); END $$;
CREATE FUNCTION big_name(bigint) RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (SELECT max(name) FROM firm.big1 WHERE big >= $1); END $$;
CREATE FUNCTION names(date) RETURNS text[] LANGUAGE sql STABLE AS 'SELECT array_agg(name) FROM firm.part1 WHERE day >= $1';
CREATE FUNCTION total(numeric) RETURNS numeric LANGUAGE sql STABLE AS 'SELECT sum(amount) FROM firm.text1 WHERE amount > $1';
CREATE FUNCTION child_name(integer) RETURNS text LANGUAGE sql STABLE AS 'SELECT name FROM firm.child1 WHERE id = $1 OR parent_id = $1';
CREATE FUNCTION guid_name(uuid) RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (SELECT name FROM firm.text2 WHERE ref = $1); EXCEPTION WHEN OTHERS THEN RETURN SQLERRM; END $$;

-- What an attacker would write: cheap, and an error tells the value it was
-- asked about.  (A notice would do as well, but sqlsmith turns them off.)
DO $$
DECLARE
	made record;
	spied text;
BEGIN
	FOR made IN SELECT t.type, g FROM unnest(ARRAY['text', 'integer', 'bigint', 'numeric', 'uuid', 'date', 'timestamptz', 'jsonb']) WITH ORDINALITY t(type, g) LOOP
		spied := $f$ BEGIN IF $1::text ~ '^.C.N|^"?C.N|^1977.|^3977|^c0ff' OR $1::text ~ '"C.N' THEN RAISE EXCEPTION 'spied: %', $1; END IF; RETURN true; END $f$;
		EXECUTE format('CREATE FUNCTION spy(%s) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS %L', made.type, spied);
		EXECUTE format('CREATE FUNCTION spy(%s, %1$s) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS %L', made.type, spied);
		EXECUTE format('CREATE OPERATOR <~~> (LEFTARG = %s, RIGHTARG = %1$s, FUNCTION = spy, RESTRICT = eqsel, JOIN = eqjoinsel)', made.type);
		EXECUTE format('CREATE OPERATOR <!!> (LEFTARG = %s, RIGHTARG = %1$s, FUNCTION = spy, RESTRICT = scalarltsel, JOIN = scalarltjoinsel, COMMUTATOR = OPERATOR(firm.<!!>))', made.type);
	END LOOP;
END $$;

-- Tells of every row written or removed that is not the writer's own: with the
-- word that the proxy looks for.  AFTER, since the policies have decided then.
CREATE FUNCTION is_own() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	own text := CASE session_user WHEN 'smith_a' THEN 'a0000000-0000-4000-8000-000000000001' ELSE '42' END;
	changed jsonb;
BEGIN
	FOREACH changed IN ARRAY array_remove(ARRAY[to_jsonb(OLD), to_jsonb(NEW)], NULL) LOOP
		IF TG_ARGV[0] = 'parent' AND (changed->>'parent_id')::integer <= 106 AND ((changed->>'parent_id')::integer < 100) = (session_user = 'smith_a') THEN
			CONTINUE;
		ELSIF TG_ARGV[0] = 'tenant' AND coalesce(changed->>'tenant', changed->>'organisation_id') = own THEN
			CONTINUE;
		END IF;
		RAISE EXCEPTION '% written', 'CAN' || 'ARY';
	END LOOP;
	RETURN NULL;
END $$;
DO $$
DECLARE
	made record;
BEGIN
	FOR made IN SELECT c.oid::regclass AS name, CASE WHEN c.relname LIKE '%child_' THEN 'parent' WHEN c.relname LIKE 'shared%' THEN 'shared' ELSE 'tenant' END AS rule
		FROM pg_class c WHERE c.relnamespace = 'firm'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname NOT IN ('facts', 'tenants')
	LOOP
		EXECUTE format('CREATE TRIGGER is_own AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION is_own(%L)', made.name, made.rule);
	END LOOP;
END $$;

DROP PROCEDURE make_table;
DROP PROCEDURE fill_table;
DROP TABLE facts, tenants;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA firm TO smith_a, smith_b;
ANALYZE;
