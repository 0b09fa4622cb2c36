-- The shapes that tables of real schemas have.
\set SHOW_CONTEXT never
SELECT max(token) FILTER (WHERE name = 'ann') AS ann,
	max(token) FILTER (WHERE name = 'bob') AS bob,
	max(token) FILTER (WHERE name = 'number') AS number,
	max(token) FILTER (WHERE name = 'nowhere') AS nowhere FROM tokens \gset
CREATE SCHEMA firm;
GRANT USAGE ON SCHEMA firm TO regress_pindah_app;
SET search_path = firm, public;
\set harare '''a0000000-0000-4000-8000-000000000001'''
\set bulawayo '''b0000000-0000-4000-8000-000000000002'''

-- Every type of tenant column, also as a default.
CREATE TABLE of_uuid (id integer, "OrganisationId" uuid);
CREATE TABLE of_bigint (id integer, organisation_id bigint);
CREATE TABLE of_int (id integer, organisation_id integer);
CREATE TABLE of_smallint (id integer, organisation_id smallint);
CREATE TABLE of_text (id integer, organisation_id text);
CREATE TABLE of_varchar (id integer, organisation_id varchar(50));
INSERT INTO of_uuid VALUES (1, :harare), (2, :bulawayo), (3, NULL);
INSERT INTO of_bigint VALUES (1, 42), (2, 43), (3, NULL);
INSERT INTO of_int TABLE of_bigint;
INSERT INTO of_smallint TABLE of_bigint;
INSERT INTO of_text TABLE of_bigint;
INSERT INTO of_varchar TABLE of_bigint;
SELECT pindah_protect_table(t) FROM unnest(ARRAY['of_uuid', 'of_bigint', 'of_int', 'of_smallint', 'of_text', 'of_varchar']::regclass[]) t;
GRANT ALL ON ALL TABLES IN SCHEMA firm TO regress_pindah_app;
SET ROLE regress_pindah_app;
\set counts 'SELECT (SELECT count(*) FROM of_uuid) AS uuid, (SELECT count(*) FROM of_bigint) AS bigint, (SELECT count(*) FROM of_int) AS int, (SELECT count(*) FROM of_smallint) AS smallint, (SELECT count(*) FROM of_text) AS text, (SELECT count(*) FROM of_varchar) AS varchar;'
:counts
SET pindah.token = :'nowhere';
:counts
SET pindah.token = :'number';
:counts
INSERT INTO of_bigint VALUES (9); INSERT INTO of_int VALUES (9); INSERT INTO of_smallint VALUES (9);
INSERT INTO of_text VALUES (9); INSERT INTO of_varchar VALUES (9);
:counts
UPDATE of_int SET organisation_id = 43;
UPDATE of_int SET organisation_id = NULL;
-- Nothing can be written where the tenant is not of the column's type.
INSERT INTO of_uuid VALUES (9);
SET pindah.token = :'ann';
:counts
RESET ROLE;
RESET pindah.token;
DROP TABLE of_uuid, of_bigint, of_int, of_smallint, of_text, of_varchar;

-- Nor where two tenants may compare equal.
SET client_min_messages = error;
CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
RESET client_min_messages;
CREATE TABLE of_any_case ("OrganisationId" varchar(40) COLLATE any_case);
SELECT pindah_protect_table('of_any_case');
DROP TABLE of_any_case;

-- A child that has no tenant column, and a child of the child.
CREATE TABLE orders (id integer PRIMARY KEY, "OrganisationId" uuid NOT NULL);
CREATE TABLE lines (id integer PRIMARY KEY, order_id integer NOT NULL REFERENCES orders, amount numeric);
CREATE TABLE notes (id integer PRIMARY KEY, line_id integer REFERENCES lines, note text);
INSERT INTO orders SELECT g, CASE g % 2 WHEN 0 THEN :harare ELSE :bulawayo END::uuid FROM generate_series(1, 10) g;
INSERT INTO lines SELECT g, 1 + g % 10, g FROM generate_series(1, 100) g;
INSERT INTO notes SELECT g, 1 + g % 100, 'note' FROM generate_series(1, 100) g;
SELECT pindah_protect_table('lines', parent => 'orders', foreign_key => 'order_id');
SELECT pindah_protect_table('orders', permission => 'accounting:invoices');
SELECT pindah_protect_table('lines', parent => 'orders');
SELECT pindah_protect_table('lines', parent => 'orders', foreign_key => 'amount');
SELECT pindah_protect_table('lines', parent => 'orders', foreign_key => 'order_id', shared => true);
SELECT pindah_protect_table('lines', parent => 'orders', foreign_key => 'order_id', permission => 'accounting:invoices');
SELECT pindah_protect_table('notes', parent => 'lines', foreign_key => 'line_id');
-- A row without a parent would be whoever's who makes one.
CREATE TABLE stray (order_id integer);
ALTER TABLE stray ADD CONSTRAINT late FOREIGN KEY (order_id) REFERENCES orders NOT VALID;
SELECT pindah_protect_table('stray', parent => 'orders', foreign_key => 'order_id');
DROP TABLE stray;
\d lines
GRANT ALL ON orders, lines, notes TO regress_pindah_app;
SET ROLE regress_pindah_app;
SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM lines), (SELECT count(*) FROM notes);
SET pindah.token = :'number';
SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM lines), (SELECT count(*) FROM notes);
SET pindah.token = :'ann';
SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM lines), (SELECT count(*) FROM notes);
INSERT INTO lines VALUES (1000, 2, 1);
INSERT INTO lines VALUES (1001, 1, 1);
UPDATE lines SET order_id = 1 RETURNING id;
DELETE FROM lines RETURNING id;
DELETE FROM notes WHERE line_id = 1000 RETURNING id;
SET pindah.token = :'bob';
UPDATE lines SET order_id = 2;
UPDATE lines SET order_id = 3 WHERE order_id = 1 AND id = 10 RETURNING id;
DELETE FROM notes WHERE id = 9 RETURNING id;
SELECT count(*) FROM lines WHERE id = 1000;
RESET ROLE;
RESET pindah.token;

-- A reference table: read by all, written with a permission, whatever policy
-- comes later; without a permission by nobody.
CREATE TABLE currencies (code text PRIMARY KEY);
INSERT INTO currencies VALUES ('USD'), ('ZWG'), ('ZAR');
GRANT ALL ON currencies TO regress_pindah_app;
SELECT pindah_protect_table('currencies', shared => true);
SET ROLE regress_pindah_app;
SELECT count(*) FROM currencies;
SET pindah.token = :'nowhere';
INSERT INTO currencies VALUES ('BWP');
RESET ROLE;
SELECT pindah_protect_table('currencies', shared => true, permission => 'system:currencies', verbs => '{"insert": "write", "update": "write", "delete": "write"}');
CREATE POLICY everybody ON currencies USING (true);
\d currencies
SET ROLE regress_pindah_app;
INSERT INTO currencies VALUES ('BWP');
SET pindah.token = :'ann';
SELECT count(*) FROM currencies;
INSERT INTO currencies VALUES ('GBP');
UPDATE currencies SET code = lower(code) RETURNING code;
DELETE FROM currencies RETURNING code;
RESET ROLE;
RESET pindah.token;

-- Other verbs.
SELECT pindah_protect_table('orders', verbs => '{"read": "x"}');
SELECT pindah_protect_table('orders', verbs => '{"select": "*"}');
SELECT pindah_protect_table('orders', verbs => '[]');
SELECT pindah_protect_table('orders', permission => 'accounting:orders', verbs => '{"select": "read", "update": "approve"}');
SELECT polname, pg_get_expr(coalesce(polqual, polwithcheck), polrelid) FROM pg_policy WHERE polrelid = 'orders'::regclass ORDER BY polname;

-- Partitions and children that come after, by whoever makes them.
CREATE TABLE ledger (organisation_id uuid NOT NULL, year integer NOT NULL) PARTITION BY LIST (year);
CREATE TABLE ledger_2025 PARTITION OF ledger FOR VALUES IN (2025);
SELECT pindah_protect_table('ledger', permission => 'accounting:invoices');
CREATE ROLE regress_pindah_owner;
GRANT ALL ON SCHEMA firm TO regress_pindah_owner;
ALTER TABLE ledger OWNER TO regress_pindah_owner;
SET ROLE regress_pindah_owner;
CREATE TABLE ledger_2026 PARTITION OF ledger FOR VALUES IN (2026);
CREATE TABLE ledger_2027 (organisation_id uuid NOT NULL, year integer NOT NULL);
INSERT INTO ledger_2027 VALUES (:bulawayo, 2027), (:harare, 2027);
ALTER TABLE ledger ATTACH PARTITION ledger_2027 FOR VALUES IN (2027);
RESET ROLE;
CREATE SCHEMA later CREATE TABLE ledger_2029 PARTITION OF firm.ledger FOR VALUES IN (2029);
SET ROLE regress_pindah_owner;
CREATE TABLE ledger_2028 PARTITION OF ledger FOR VALUES IN (2028) PARTITION BY LIST (organisation_id);
CREATE TABLE ledger_2028_harare PARTITION OF ledger_2028 FOR VALUES IN (:harare);
SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity, count(p.oid) AS policies
	FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid
	WHERE c.relname LIKE 'ledger%' AND c.relkind IN ('r', 'p') GROUP BY 1, 2, 3 ORDER BY 1;
GRANT SELECT ON ledger, ledger_2027 TO regress_pindah_app;
SET ROLE regress_pindah_app;
SET pindah.token = :'ann';
SELECT (SELECT count(*) FROM ledger), (SELECT count(*) FROM ledger_2027);
RESET ROLE;
RESET pindah.token;
-- A reference table that becomes a partition is one no more.
CREATE TABLE ledger_2030 (organisation_id uuid NOT NULL, year integer NOT NULL);
INSERT INTO ledger_2030 VALUES (:bulawayo, 2030), (:harare, 2030);
SELECT pindah_protect_table('ledger_2030', shared => true);
ALTER TABLE ledger ATTACH PARTITION ledger_2030 FOR VALUES IN (2030);
GRANT SELECT ON ledger_2030 TO regress_pindah_app;
SET ROLE regress_pindah_app;
SELECT count(*) FROM ledger_2030;
RESET ROLE;
DROP TABLE ledger_2030;
CREATE TABLE base (organisation_id bigint, id integer);
SELECT pindah_protect_table('base');
CREATE TABLE derived (more text) INHERITS (base);
CREATE TABLE joined (organisation_id bigint, id integer);
ALTER TABLE joined INHERIT base;
SELECT relname FROM pg_class WHERE relname IN ('base', 'derived', 'joined') AND relrowsecurity AND relforcerowsecurity ORDER BY 1;

-- Whoever is granted the function protects his own tables, and no others.
GRANT EXECUTE ON FUNCTION pindah_protect_table, pindah_unprotect_table, pindah_protect_schema TO regress_pindah_owner;
SET ROLE regress_pindah_owner;
CREATE TABLE own (organisation_id bigint);
SELECT pindah_protect_table('own');
SELECT pindah_unprotect_table('own');
SELECT pindah_protect_table('base');
DROP TABLE own;
RESET ROLE;
REVOKE EXECUTE ON FUNCTION pindah_protect_table, pindah_unprotect_table, pindah_protect_schema FROM regress_pindah_owner;

-- Unprotected: all of it is gone.
SELECT pindah_unprotect_table(t) FROM unnest(ARRAY['notes', 'lines', 'orders', 'currencies', 'ledger', 'base']::regclass[]) t;
SELECT relname FROM pg_class WHERE relnamespace = 'firm'::regnamespace AND relrowsecurity;
SELECT polname FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE relnamespace = 'firm'::regnamespace;
SELECT indexrelid::regclass FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE relnamespace = 'firm'::regnamespace AND NOT indisprimary;
SELECT count(*) FROM pg_attrdef d JOIN pg_class c ON c.oid = d.adrelid WHERE relnamespace = 'firm'::regnamespace;

-- A whole schema at once, with a report; twice.
DROP POLICY everybody ON currencies;
-- What is protected in another way already stays as it is.
CREATE TABLE schools (id integer PRIMARY KEY, school_id uuid, order_id integer REFERENCES orders);
SELECT pindah_protect_table('schools', organisation_column => 'school_id', permission => 'schools:all');
CREATE TABLE countries (code text PRIMARY KEY);
SELECT pindah_protect_table('countries', shared => true);
CREATE TABLE loose (id integer);
CREATE TABLE odd (id integer, organisation_id numeric);
CREATE TABLE two_parents (line_id integer REFERENCES lines, note_id integer REFERENCES notes);
SELECT * FROM pindah_protect_schema('no such schema');
SELECT * FROM pindah_protect_schema('firm', shared => '{currencies}', permissions => '{"orders": "accounting:orders", "firm.lines": "accounting:lines"}');
SELECT outcome, count(*) FROM pindah_protect_schema('firm', shared => '{currencies}') GROUP BY 1 ORDER BY 1;
SELECT pg_get_expr(polqual, polrelid) FROM pg_policy WHERE polrelid = 'orders'::regclass AND polname = 'pindah_select';
SELECT polrelid::regclass, count(*) FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE relnamespace = 'firm'::regnamespace GROUP BY 1 ORDER BY 1;

RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA firm, later CASCADE;
DROP ROLE regress_pindah_owner;
