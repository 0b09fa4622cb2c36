-- The protected tables: two million rows of fifty tenants, one plain and one in
-- fifty partitions; and two roles, one that the policies hold and one that they
-- do not.
CREATE ROLE bench_api;
CREATE ROLE bench_admin BYPASSRLS;

CREATE TABLE bench.invoices ("Id" bigint, "OrganisationId" uuid, "Number" int, "Amount" int);
CREATE TABLE bench.stock (LIKE bench.invoices) PARTITION BY LIST ("OrganisationId");
SELECT format('CREATE TABLE bench.stock_%s PARTITION OF bench.stock FOR VALUES IN (%L)', n, bench.tenant(n))
	FROM generate_series(0, 49) n \gexec
INSERT INTO bench.invoices
	SELECT n, bench.tenant((hashint8(n) & 65535) % 50), n / 50, hashint8(n) & 1023
	FROM generate_series(1, 2000000) n;
INSERT INTO bench.stock SELECT * FROM bench.invoices;
CREATE INDEX ON bench.invoices ("OrganisationId", "Number");
CREATE INDEX ON bench.stock ("OrganisationId", "Number");
SELECT pindah_protect_table('bench.invoices', permission => 'accounting:invoices');
SELECT pindah_protect_table('bench.stock', permission => 'stock:inventory');
GRANT SELECT ON ALL TABLES IN SCHEMA bench TO bench_api, bench_admin;
VACUUM (FREEZE, ANALYZE) bench.invoices;
VACUUM (FREEZE, ANALYZE) bench.stock;
