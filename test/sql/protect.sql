-- One statement protects a table.
\set SHOW_CONTEXT never
SELECT max(token) FILTER (WHERE name = 'ann') AS ann,
	max(token) FILTER (WHERE name = 'bob') AS bob,
	max(token) FILTER (WHERE name = 'number') AS number FROM tokens \gset
CREATE SCHEMA "Shop 1";
CREATE TABLE "Shop 1"."Stock Items" (id integer, organisation_id bigint, name text);
INSERT INTO "Shop 1"."Stock Items" SELECT g, g % 43, 'item ' || g FROM generate_series(1, 430) g;
GRANT USAGE ON SCHEMA "Shop 1" TO regress_pindah_app;
GRANT ALL ON "Shop 1"."Stock Items" TO regress_pindah_app;

-- What cannot be protected.
CREATE TABLE no_tenant (id integer);
CREATE TABLE two_tenants ("OrganisationId" uuid, organisation_id uuid);
CREATE TABLE odd_tenant (organisation_id numeric);
CREATE VIEW a_view AS SELECT * FROM no_tenant;
SELECT pindah_protect_table('no_tenant');
SELECT pindah_protect_table('two_tenants');
SELECT pindah_protect_table('odd_tenant');
SELECT pindah_protect_table('a_view');
SELECT pindah_protect_table(NULL);
SELECT pindah_protect_table('two_tenants', 'no_such_column');
SELECT pindah_protect_table('two_tenants', 'organisation_id', permission => 'accounting');
SELECT pindah_protect_table('two_tenants', 'organisation_id', permission => 'a:b:c');
SELECT pindah_protect_table('two_tenants', 'organisation_id', permission => 'a:*');
SELECT pindah_unprotect_table('no_tenant');

-- With no permission asked for: the tenant's rows, all commands.
SELECT pindah_protect_table('"Shop 1"."Stock Items"');
\d "Shop 1"."Stock Items"
SET ROLE regress_pindah_app;
SELECT count(*) FROM "Shop 1"."Stock Items";
SET pindah.token = :'ann';
SELECT count(*) FROM "Shop 1"."Stock Items";
SET pindah.token = :'number';
SELECT count(*), min(organisation_id), max(organisation_id) FROM "Shop 1"."Stock Items";
INSERT INTO "Shop 1"."Stock Items" (id, name) VALUES (1000, 'new') RETURNING organisation_id;
UPDATE "Shop 1"."Stock Items" SET name = 'x' WHERE id = 1000 RETURNING id;
UPDATE "Shop 1"."Stock Items" SET organisation_id = 1;
DELETE FROM "Shop 1"."Stock Items" WHERE id = 1000 RETURNING id;
RESET ROLE;
RESET pindah.token;

-- A policy that somebody adds later cannot widen it.
CREATE POLICY everybody ON "Shop 1"."Stock Items" USING (true);
SET ROLE regress_pindah_app;
SELECT count(*) FROM "Shop 1"."Stock Items";
SET pindah.token = :'number';
SELECT count(*) FROM "Shop 1"."Stock Items";
RESET ROLE;
RESET pindah.token;
DROP POLICY everybody ON "Shop 1"."Stock Items";

-- Again, with a permission; after a rename of the column.
ALTER TABLE "Shop 1"."Stock Items" RENAME organisation_id TO "OrganisationId";
SELECT pindah_protect_table('"Shop 1"."Stock Items"', permission => 'stock:inventory');
SELECT pindah_protect_table('"Shop 1"."Stock Items"', permission => 'stock:inventory');
\d "Shop 1"."Stock Items"
SET ROLE regress_pindah_app;
SET pindah.token = :'number';
SELECT count(*) FROM "Shop 1"."Stock Items";
DELETE FROM "Shop 1"."Stock Items";
INSERT INTO "Shop 1"."Stock Items" (id, name) VALUES (1000, 'new');
RESET ROLE;
RESET pindah.token;

-- Unprotected: as it was; what an owner writes into the record harms nobody.
CREATE TABLE victim (id integer PRIMARY KEY);
COMMENT ON POLICY pindah_select ON "Shop 1"."Stock Items" IS 'pindah_auth: {"force": false, "row_security": false, "default": true, "index": "public.victim_pkey; DROP TABLE victim"}';
BEGIN;
SELECT pindah_unprotect_table('"Shop 1"."Stock Items"');
ROLLBACK;
SELECT count(*) FROM victim;
COMMENT ON POLICY pindah_select ON "Shop 1"."Stock Items" IS 'pindah_auth: {"force": false, "row_security": false, "default": true, "index": "Stock Items_organisation_id_idx"}';
SELECT pindah_unprotect_table('"Shop 1"."Stock Items"');
\d "Shop 1"."Stock Items"
SELECT pindah_unprotect_table('"Shop 1"."Stock Items"');

-- What was there before is left: row security, force, index, default.
CREATE TABLE before (organisation_id text DEFAULT 'mine', id integer, PRIMARY KEY (organisation_id, id));
ALTER TABLE before ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
SELECT pindah_protect_table('before');
SELECT pindah_unprotect_table('before');
\d before

-- Partitions and children are protected by their own names too.
CREATE TABLE sales (organisation_id uuid NOT NULL, day date NOT NULL, amount numeric) PARTITION BY LIST (organisation_id);
CREATE TABLE sales_harare PARTITION OF sales FOR VALUES IN ('a0000000-0000-4000-8000-000000000001');
CREATE TABLE sales_bulawayo PARTITION OF sales FOR VALUES IN ('b0000000-0000-4000-8000-000000000002');
INSERT INTO sales SELECT CASE WHEN g % 2 = 0 THEN 'a0000000-0000-4000-8000-000000000001' ELSE 'b0000000-0000-4000-8000-000000000002' END::uuid,
	'2026-01-01'::date + g, g FROM generate_series(1, 100) g;
GRANT SELECT ON sales, sales_harare, sales_bulawayo TO regress_pindah_app;
SELECT pindah_protect_table('sales', permission => 'accounting:invoices');
ANALYZE sales;
SET ROLE regress_pindah_app;
SELECT count(*) FROM sales_bulawayo;
SET pindah.token = :'ann';
SELECT (SELECT count(*) FROM sales), (SELECT count(*) FROM sales_harare), (SELECT count(*) FROM sales_bulawayo);
-- Of the partitions only the tenant's own is read; without the permission none.
SELECT plan_of('SELECT * FROM sales');
SET pindah.token = :'number';
SELECT plan_of('SELECT * FROM sales');
RESET ROLE;
RESET pindah.token;
SELECT pindah_unprotect_table('sales');
SELECT relname FROM pg_class WHERE relrowsecurity AND relname LIKE 'sales%';

-- The plan: the tenant stands once in it, and the permission is asked once.
SET ROLE regress_pindah_app;
SET pindah.token = :'ann';
SET enable_bitmapscan = off;
SET enable_indexscan = off;
EXPLAIN (COSTS OFF) SELECT * FROM invoices;
SET seq_page_cost = 1000;
SELECT plan_of('DELETE FROM invoices');
RESET seq_page_cost;
RESET enable_bitmapscan;
RESET enable_indexscan;
RESET pindah.token;
RESET ROLE;

DROP TABLE victim, no_tenant, two_tenants, odd_tenant, before, sales CASCADE;
DROP SCHEMA "Shop 1" CASCADE;
