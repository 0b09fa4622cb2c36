-- Protected again, otherwise, or no more: what was not said stays, and nothing is
-- opened by a slip.
\set SHOW_CONTEXT never
SELECT max(token) FILTER (WHERE name = 'ann') AS ann FROM tokens \gset
CREATE SCHEMA shop;
GRANT USAGE ON SCHEMA shop TO regress_pindah_app;
SET search_path = shop, public;
\set harare '''a0000000-0000-4000-8000-000000000001'''
\set bulawayo '''b0000000-0000-4000-8000-000000000002'''
CREATE TABLE orders (id integer PRIMARY KEY, organisation_id uuid NOT NULL);
CREATE TABLE lines (id integer PRIMARY KEY, order_id integer NOT NULL REFERENCES orders, other_id integer REFERENCES orders, line_id integer REFERENCES lines);
CREATE TABLE notes (line_id integer NOT NULL REFERENCES lines);
CREATE TABLE prices (code text PRIMARY KEY);
CREATE TABLE price_notes (code text REFERENCES prices);
INSERT INTO orders VALUES (1, :harare), (2, :bulawayo);
GRANT ALL ON ALL TABLES IN SCHEMA shop TO regress_pindah_app;
CREATE VIEW conditions AS SELECT c.relname, p.polname, pg_get_expr(coalesce(p.polqual, p.polwithcheck), p.polrelid) AS condition
	FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE c.relnamespace = 'shop'::regnamespace AND p.polpermissive;

-- A permission is there until it is taken off by name.
SELECT pindah_protect_table('orders', permission => 'sales:orders', verbs => '{"update": "approve"}');
SET ROLE regress_pindah_app;
SET pindah.token = :'ann';
UPDATE orders SET id = 3 RETURNING id;
RESET ROLE;
ALTER TABLE orders RENAME organisation_id TO school;
SELECT pindah_protect_table('orders');
SET ROLE regress_pindah_app;
UPDATE orders SET id = 3 RETURNING id;
RESET ROLE;
SELECT * FROM conditions ORDER BY 1, 2;
SELECT pindah_protect_table('orders', permission => 'sales:carts');
SELECT * FROM conditions ORDER BY 1, 2;
SELECT pindah_protect_table('orders', verbs => '{}');
SELECT * FROM conditions ORDER BY 1, 2;
SELECT pindah_protect_table('orders', permission => '');
SELECT * FROM conditions ORDER BY 1, 2;
SET ROLE regress_pindah_app;
UPDATE orders SET id = 3 RETURNING id;
RESET ROLE;
RESET pindah.token;
SELECT pindah_protect_table('orders', verbs => '{"select": "read"}');
SELECT pindah_protect_table('orders', permission => '', verbs => '{"select": "read"}');
ALTER TABLE orders RENAME school TO organisation_id;

-- A child stays one, and a shared table too.
SELECT pindah_protect_table('lines', parent => 'orders', foreign_key => 'order_id', permission => 'sales:lines');
ALTER TABLE lines RENAME order_id TO cart_id;
ALTER TABLE orders RENAME TO carts;
SELECT pindah_protect_table('lines');
SELECT pindah_protect_table('lines', shared => false);
SELECT pindah_protect_table('lines', parent => 'carts', foreign_key => 'other_id');
SELECT pindah_protect_table('prices', shared => true, permission => 'sales:prices');
SELECT pindah_protect_table('prices');
SELECT pindah_protect_table('prices', shared => false);
SELECT relname, polname, condition FROM conditions WHERE polname IN ('pindah_select', 'pindah_update') ORDER BY 1, 2;
SELECT pg_get_expr(polwithcheck, polrelid) FROM pg_policy WHERE polrelid = 'lines'::regclass AND polname = 'pindah_tenant';
-- A partition is what its table is, whatever it was before.
CREATE TABLE parts (organisation_id uuid NOT NULL) PARTITION BY HASH (organisation_id);
CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 1, REMAINDER 0);
SELECT pindah_protect_table('parts_0', permission => 'sales:parts');
SELECT pindah_protect_table('parts');
SELECT * FROM conditions WHERE relname = 'parts_0' AND polname = 'pindah_select';

-- Nor is it another than its table later, nor unprotected alone.
SELECT pindah_protect_table('parts', permission => 'sales:parts', verbs => '{"select": "read"}');
SELECT pindah_protect_table('parts_0', permission => 'sales:others');
SELECT pindah_protect_table('parts_0', permission => '');
SELECT pindah_protect_table('parts_0', verbs => '{}');
SELECT pindah_protect_table('parts_0', shared => true);
SELECT pindah_protect_table('parts_0', organisation_column => 'other');
SELECT pindah_protect_table('parts_0', parent => 'carts', foreign_key => 'organisation_id');
SELECT pindah_unprotect_table('parts_0');
SELECT * FROM conditions WHERE relname = 'parts_0' AND polname = 'pindah_select';
-- What is the same mends it.
ALTER TABLE parts_0 NO FORCE ROW LEVEL SECURITY;
ALTER POLICY pindah_select ON parts_0 USING (true);
SELECT pindah_protect_table('parts_0', organisation_column => 'organisation_id', permission => 'sales:parts', verbs => '{"select": "read"}', shared => false);
SELECT * FROM conditions WHERE relname = 'parts_0' AND polname = 'pindah_select';
ALTER TABLE parts_0 NO FORCE ROW LEVEL SECURITY;
SELECT pindah_protect_table('parts_0');
SELECT relforcerowsecurity FROM pg_class WHERE oid = 'parts_0'::regclass;
-- Detached it is a table like others.
ALTER TABLE parts DETACH PARTITION parts_0;
SELECT pindah_unprotect_table('parts_0');
SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = 'parts_0'::regclass;
ALTER TABLE parts ATTACH PARTITION parts_0 FOR VALUES WITH (MODULUS 1, REMAINDER 0);
SELECT pindah_protect_table('parts', permission => '');
-- A child of two stays protected with the other.
CREATE TABLE mother (organisation_id uuid);
CREATE TABLE father (organisation_id uuid);
CREATE TABLE daughter () INHERITS (mother, father);
SELECT pindah_protect_table('mother'), pindah_protect_table('father');
SELECT pindah_unprotect_table('daughter');
SELECT pindah_unprotect_table('mother');
SELECT pindah_unprotect_table('daughter');
SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname IN ('mother', 'father', 'daughter') ORDER BY 1;
SELECT pindah_unprotect_table('father');
SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class WHERE relname IN ('mother', 'father', 'daughter') ORDER BY 1;

-- Which column was altered into the policy is not asked: the record is.
CREATE TABLE lists (id integer, a_list uuid, organisation_id uuid NOT NULL);
SELECT pindah_protect_table('lists');
ALTER POLICY pindah_tenant ON lists USING (organisation_id = pindah_organisation_uuid() OR a_list IS NOT NULL);
SELECT pindah_protect_table('lists');
SELECT condition FROM conditions WHERE relname = 'lists' AND polname = 'pindah_select';
ALTER POLICY pindah_tenant ON lists USING (organisation_id = pindah_organisation_uuid() OR a_list IS NOT NULL);
ALTER TABLE lists RENAME organisation_id TO school;
SELECT pindah_protect_table('lists');
ALTER TABLE lists RENAME school TO organisation_id;
SELECT pindah_protect_table('lists');

-- What cannot be meant.
SELECT pindah_protect_table('carts', 'sales:orders');
SELECT pindah_protect_table('carts', 'tenant_id');
SELECT pindah_protect_table('carts', permission => 'Sales: orders');
SELECT pindah_protect_table('carts', permission => 'sales :or,ders');
SELECT pindah_protect_table('carts', permission => E'sales:orders\n');
SELECT pindah_protect_table('carts', permission => 'sales:orders', verbs => '{"select": " view"}');
SELECT pindah_protect_table('carts', organisation_column => 'organisation_id', shared => true);
SELECT pindah_protect_table('lines', organisation_column => 'id', parent => 'carts', foreign_key => 'cart_id');
SELECT pindah_protect_table('lines', parent => 'lines', foreign_key => 'line_id');
SELECT pindah_protect_table('lines', foreign_key => 'line_id');
SELECT pindah_protect_table('price_notes');
-- A comma is a part of a name like any other: permissions are never split.
SELECT pindah_protect_table('carts', permission => 'sales & co:or,ders');
SELECT pindah_protect_table('carts', permission => '');

-- A table that is protected by its tenant does not become everybody's by a slip,
-- nor does a child of what is.
SELECT pindah_protect_table('carts', shared => true, permission => 'sales:carts');
SELECT pindah_protect_table('lines', shared => true);
SELECT pindah_protect_table('price_notes', parent => 'prices', foreign_key => 'code');
SELECT pindah_unprotect_table('carts');
SELECT pindah_protect_table('notes', parent => 'lines', foreign_key => 'line_id');
SELECT pindah_unprotect_table('carts');
SELECT pindah_unprotect_table('lines');
SELECT relname FROM pg_class WHERE relname IN ('carts', 'lines', 'notes') AND relrowsecurity AND relforcerowsecurity ORDER BY 1;
SELECT pindah_unprotect_table('notes'), pindah_unprotect_table('lines'), pindah_unprotect_table('carts');
-- Where it is said, it is done, with a warning.
SELECT pindah_protect_table('carts', shared => true);
SELECT pindah_protect_table('carts', organisation_column => 'organisation_id');

-- Moved to another column, or to a parent, the default goes with the protection:
-- none is left where it was, and what was there before comes back.
CREATE TABLE moved (customer_id bigint, organisation_id bigint NOT NULL, cart_id integer REFERENCES carts, own uuid DEFAULT pindah_organisation_uuid())
	PARTITION BY LIST (customer_id);
CREATE TABLE moved_1 PARTITION OF moved DEFAULT;
CREATE VIEW defaults AS SELECT c.relname, a.attname, pg_get_expr(d.adbin, d.adrelid) AS "default"
	FROM pg_attrdef d JOIN pg_class c ON c.oid = d.adrelid JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
	WHERE c.relname ~ '^moved' ORDER BY 1, 2;
SELECT pindah_protect_table('moved', organisation_column => 'customer_id');
CREATE TABLE moved_2 PARTITION OF moved FOR VALUES IN (2);
TABLE defaults;
ALTER TABLE moved RENAME customer_id TO client_id;
SELECT pindah_protect_table('moved', organisation_column => 'organisation_id');
TABLE defaults;
SELECT pindah_protect_table('moved', parent => 'carts', foreign_key => 'cart_id');
TABLE defaults;
SELECT pindah_protect_table('moved', organisation_column => 'own');
SELECT pindah_unprotect_table('moved');
TABLE defaults;
SELECT relname FROM pg_class WHERE relname ~ '^moved' AND relkind IN ('r', 'p') AND (relrowsecurity OR relforcerowsecurity);
SELECT indexrelid::regclass FROM pg_index WHERE indrelid IN ('moved'::regclass, 'moved_1'::regclass, 'moved_2'::regclass);

-- Children that are many, and partitioned.
CREATE TABLE logs (day date NOT NULL, cart_id integer NOT NULL REFERENCES carts) PARTITION BY RANGE (day);
CREATE TABLE logs_1 PARTITION OF logs DEFAULT;
SELECT pindah_protect_table('logs', parent => 'carts', foreign_key => 'cart_id');
SELECT format('CREATE TABLE kid_%s (cart_id integer NOT NULL REFERENCES carts)', n) FROM generate_series(1, 6) n \gexec
SELECT pindah_protect_table(format('kid_%s', n)::regclass, parent => 'carts', foreign_key => 'cart_id') FROM generate_series(1, 6) n;
SELECT pindah_unprotect_table('carts');
BEGIN;
SET LOCAL client_min_messages = warning;
DROP TABLE carts CASCADE;
ROLLBACK;

-- Rows of nobody are told of; not to whom they are hidden, and without running
-- what the owner has put into an index.
CREATE FUNCTION trap(id integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
	IF current_setting('trap.set', true) = 'on' THEN
		RAISE EXCEPTION 'the trap ran';
	END IF;
	RETURN id;
END $$;
CREATE TABLE strays (id integer, organisation_id uuid, cart_id integer REFERENCES carts);
CREATE INDEX ON strays (organisation_id);
CREATE INDEX ON strays (id) WHERE trap(1) = 1;
CREATE INDEX ON strays (trap(2));
INSERT INTO strays VALUES (1, :harare, 2);
SET trap.set = on;
SELECT pindah_protect_table('strays');
RESET trap.set;
INSERT INTO strays VALUES (2, NULL, NULL);
SET trap.set = on;
SELECT pindah_protect_table('strays');
SELECT count(*) FROM strays WHERE organisation_id IS NULL;
RESET trap.set;
SELECT pindah_unprotect_table('strays');
ALTER TABLE strays DROP organisation_id;
SELECT pindah_protect_table('strays', parent => 'carts', foreign_key => 'cart_id');
SELECT pindah.has_null('strays', 'cart_id'), pindah.has_null('strays', 'id'), pindah.has_null('strays', 'no_such'), pindah.has_null('carts', 'organisation_id'),
	pindah.has_null('conditions', 'polname'), pindah.has_null('logs', 'cart_id'), pindah.has_null(0, 'id'), pindah.has_null('pg_class', 'oid'), pindah.has_null('strays', 'ctid');
SET ROLE regress_pindah_app;
SELECT pindah.has_null('strays', 'cart_id');
RESET ROLE;
GRANT SELECT ON strays TO regress_pindah_app;
SET ROLE regress_pindah_app;
SELECT pindah.has_null('strays', 'cart_id');
RESET ROLE;

-- A new partition of a table whose record is spoilt is refused: it would be open.
COMMENT ON POLICY pindah_select ON parts IS 'pindah_auth: {"settings}';
CREATE TABLE parts_of (organisation_id uuid NOT NULL);
ALTER TABLE parts DETACH PARTITION parts_0;
ALTER TABLE parts ATTACH PARTITION parts_of FOR VALUES WITH (MODULUS 1, REMAINDER 0);
SELECT pindah_protect_table('parts');
SELECT pindah_protect_table('parts', permission => '');
ALTER TABLE parts ATTACH PARTITION parts_of FOR VALUES WITH (MODULUS 1, REMAINDER 0);
SELECT relrowsecurity FROM pg_class WHERE oid = 'parts_of'::regclass;
-- Nor is a permission forgotten with the policy that has the record.
DROP POLICY pindah_select ON lists;
SELECT pindah_protect_table('lists');
SELECT outcome, detail FROM pindah_protect_schema('shop') WHERE relation = 'lists'::regclass;
SELECT pindah_protect_table('lists', permission => 'sales:lists');

-- One line says where, not the way through the helpers.
\set SHOW_CONTEXT always
SELECT pindah_protect_table('carts', permission => 'sales');
SELECT pindah_protect_table('carts', 'sales:orders');
SELECT pindah_protect_table('price_notes', parent => 'prices', foreign_key => 'code');
\set SHOW_CONTEXT never

RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA shop CASCADE;
