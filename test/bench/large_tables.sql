-- The tables of large.sql: a firm's books for 10,000 tenants, whose sizes are
-- those of firms: the tenant of rank k has 1/k of the rows of the first.  Rows
-- lie in the order of time, so that each tenant's are all over the table.
-- ":rows" is the number of invoice lines; the other tables have twice as many
-- together.
CREATE SCHEMA large;
GRANT USAGE ON SCHEMA large TO PUBLIC;

-- The rank of the tenant whose n-th row this is, 1 to 10,000.
CREATE FUNCTION large.rank(n bigint) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT floor(exp((hashint8(n) & 2147483647) / 2147483648.0::float8 * ln(10001::float8)))::int
$$;
-- How many things a tenant has, of so many in all.
CREATE FUNCTION large.share(rank int, total bigint) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT 1 + (total / (9.79 * rank))::int
$$;
CREATE FUNCTION large.tenant(rank int) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT ('00000000-0000-4000-8000-' || lpad(rank::text, 12, '0'))::uuid
$$;
CREATE UNLOGGED TABLE large.customers (id bigint, organisation_id uuid, name text, country text);
CREATE UNLOGGED TABLE large.products (id bigint, organisation_id uuid, name text, price int);
CREATE UNLOGGED TABLE large.invoices (id bigint, organisation_id uuid, customer_id bigint, day date, status text, amount int);
CREATE UNLOGGED TABLE large.lines (id bigint, organisation_id uuid, invoice_id bigint, product_id bigint, quantity int, amount int);
CREATE UNLOGGED TABLE large.payments (id bigint, organisation_id uuid, invoice_id bigint, day date, amount int);
-- Without a tenant column, reached through the invoice.
CREATE UNLOGGED TABLE large.remarks (id bigint, invoice_id bigint, day date, remark text);

INSERT INTO large.customers SELECT r * 1000000::bigint + i, large.tenant(r), 'customer ' || i, (ARRAY['ZW', 'ZA', 'ZM', 'BW'])[1 + i % 4]
	FROM generate_series(1, 10000) r, generate_series(1, large.share(r, :rows / 50)) i;
INSERT INTO large.products SELECT r * 1000000::bigint + i, large.tenant(r), 'product ' || i, 100 + i % 1000
	FROM generate_series(1, 10000) r, generate_series(1, large.share(r, :rows / 100)) i;
INSERT INTO large.invoices SELECT n, large.tenant(r), r * 1000000::bigint + 1 + n % large.share(r, :rows / 50),
		'2024-01-01'::date + (n * 730 * 4 / :rows)::int, (ARRAY['paid', 'paid', 'paid', 'open'])[1 + n % 4], (hashint8(n) & 1023) + 1
	FROM (SELECT n, large.rank(n) AS r FROM generate_series(1::bigint, :rows / 4) n) s;
INSERT INTO large.lines SELECT n, large.tenant(r), (n + 3) / 4, r * 1000000::bigint + 1 + n % large.share(r, :rows / 100), 1 + n % 10, hashint8(n) & 255
	FROM (SELECT n, large.rank((n + 3) / 4) AS r FROM generate_series(1::bigint, :rows) n) s;
INSERT INTO large.payments SELECT id / 2, organisation_id, id, day + 20, amount FROM large.invoices WHERE id % 2 = 0;
INSERT INTO large.remarks SELECT id, id, day, 'remark' FROM large.invoices;

ALTER TABLE large.customers ADD PRIMARY KEY (id);
ALTER TABLE large.products ADD PRIMARY KEY (id);
ALTER TABLE large.invoices ADD PRIMARY KEY (id);
ALTER TABLE large.lines ADD PRIMARY KEY (id);
ALTER TABLE large.payments ADD PRIMARY KEY (id);
ALTER TABLE large.remarks ADD PRIMARY KEY (id);
CREATE INDEX ON large.invoices (organisation_id, day);
CREATE INDEX ON large.invoices (customer_id);
CREATE INDEX ON large.lines (organisation_id, product_id);
CREATE INDEX ON large.lines (invoice_id);
CREATE INDEX ON large.payments (organisation_id, day);
CREATE INDEX ON large.payments (invoice_id);
CREATE INDEX ON large.remarks (invoice_id);
CREATE INDEX ON large.remarks (day);
ALTER TABLE large.remarks ADD FOREIGN KEY (invoice_id) REFERENCES large.invoices;

-- The same invoices with other types of tenant, in partitions.
CREATE UNLOGGED TABLE large.invoices_bigint (id bigint, organisation_id bigint, customer_id bigint, day date, status text, amount int);
CREATE UNLOGGED TABLE large.invoices_text (id bigint, organisation_id text, customer_id bigint, day date, status text, amount int);
CREATE TABLE large.by_month (id bigint, organisation_id uuid, customer_id bigint, day date, status text, amount int) PARTITION BY RANGE (day);
CREATE TABLE large.by_tenant (id bigint, organisation_id bigint, customer_id bigint, day date, status text, amount int) PARTITION BY HASH (organisation_id);
SELECT format('CREATE UNLOGGED TABLE large.by_month_%s PARTITION OF large.by_month FOR VALUES FROM (%L) TO (%L)', m,
		('2024-01-01'::date + m * interval '1 month')::date, ('2024-01-01'::date + (m + 1) * interval '1 month')::date)
	FROM generate_series(0, 24) m \gexec
SELECT format('CREATE UNLOGGED TABLE large.by_tenant_%s PARTITION OF large.by_tenant FOR VALUES WITH (MODULUS 32, REMAINDER %s)', p, p)
	FROM generate_series(0, 31) p \gexec
INSERT INTO large.invoices_bigint SELECT id, right(organisation_id::text, 12)::bigint, customer_id, day, status, amount FROM large.invoices;
INSERT INTO large.invoices_text SELECT id, organisation_id::text, customer_id, day, status, amount FROM large.invoices;
INSERT INTO large.by_month SELECT * FROM large.invoices;
INSERT INTO large.by_tenant SELECT * FROM large.invoices_bigint;
CREATE INDEX ON large.invoices_bigint (organisation_id, day);
CREATE INDEX ON large.invoices_text (organisation_id, day);
CREATE INDEX ON large.by_month (organisation_id, day);
CREATE INDEX ON large.by_tenant (organisation_id, day);
CREATE INDEX ON large.invoices_bigint (id);
CREATE INDEX ON large.invoices_text (id);
CREATE INDEX ON large.by_month (id);
CREATE INDEX ON large.by_tenant (id);

-- Half of them with a permission.
SELECT pindah_protect_table('large.customers'), pindah_protect_table('large.products'),
	pindah_protect_table('large.invoices', permission => 'accounting:invoices'),
	pindah_protect_table('large.lines', permission => 'accounting:invoices'),
	pindah_protect_table('large.payments', permission => 'accounting:invoices'),
	pindah_protect_table('large.invoices_bigint'), pindah_protect_table('large.invoices_text'),
	pindah_protect_table('large.by_month', permission => 'accounting:invoices'), pindah_protect_table('large.by_tenant');
SELECT pindah_protect_table('large.remarks', parent => 'large.invoices', foreign_key => 'invoice_id');
GRANT SELECT ON ALL TABLES IN SCHEMA large TO bench_api, bench_admin;
VACUUM (FREEZE, ANALYZE);
