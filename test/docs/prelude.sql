-- What the statements in README.md and doc/*.md take for granted.
--
-- test/t/900_docs.pl runs this in template1, once, before it creates a
-- database "erp" for each of the documents.  A document may count on these
-- roles, tables and rows, and on nothing else that it does not make itself.

-- The role that an application connects as, the same behind a pooler, and one
-- for reports: plain roles, which own nothing.
CREATE ROLE app LOGIN;
CREATE ROLE app_pool LOGIN;
CREATE ROLE bi_school LOGIN;

-- Two tenants share each table:
--   7c9e6679-7425-40de-944b-e07fc1f90ae7  Chikanga High School
--   1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed  Mutare Hardware
CREATE TABLE invoices (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	"OrganisationId" uuid NOT NULL,
	number text NOT NULL,
	amount numeric(12,2) NOT NULL,
	currency text NOT NULL DEFAULT 'USD'
);
INSERT INTO invoices ("OrganisationId", number, amount, currency) VALUES
	('7c9e6679-7425-40de-944b-e07fc1f90ae7', 'CHS-1001', 450.00, 'USD'),
	('7c9e6679-7425-40de-944b-e07fc1f90ae7', 'CHS-1002', 1220.50, 'ZWG'),
	('1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed', 'MH-77', 88.00, 'USD'),
	('1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed', 'MH-78', 4300.00, 'ZAR'),
	('1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed', 'MH-79', 15.75, 'USD');

-- Found through their invoice: no tenant column.
CREATE TABLE invoice_lines (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	invoice_id bigint NOT NULL REFERENCES invoices,
	item text NOT NULL
);
INSERT INTO invoice_lines (invoice_id, item)
	SELECT i.id, 'item ' || n FROM invoices i, generate_series(1, 2) n;

-- The same for all tenants.
CREATE TABLE currencies (code text PRIMARY KEY, name text NOT NULL);
INSERT INTO currencies VALUES ('USD', 'US dollar'), ('ZWG', 'Zimbabwe Gold'), ('ZAR', 'South African rand');

CREATE TABLE employees (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	organisation_id uuid NOT NULL,
	name text NOT NULL,
	salary numeric(12,2) NOT NULL
);
INSERT INTO employees (organisation_id, name, salary) VALUES
	('7c9e6679-7425-40de-944b-e07fc1f90ae7', 'Rudo', 900),
	('1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed', 'Farai', 1100);

CREATE TABLE stock_movements (
	organisation_id uuid NOT NULL,
	id bigint NOT NULL,
	item text NOT NULL,
	quantity integer NOT NULL,
	PRIMARY KEY (organisation_id, id)
) PARTITION BY HASH (organisation_id);
CREATE TABLE stock_movements_0 PARTITION OF stock_movements FOR VALUES WITH (MODULUS 4, REMAINDER 0);
CREATE TABLE stock_movements_1 PARTITION OF stock_movements FOR VALUES WITH (MODULUS 4, REMAINDER 1);
CREATE TABLE stock_movements_2 PARTITION OF stock_movements FOR VALUES WITH (MODULUS 4, REMAINDER 2);
CREATE TABLE stock_movements_3 PARTITION OF stock_movements FOR VALUES WITH (MODULUS 4, REMAINDER 3);
INSERT INTO stock_movements
	SELECT o::uuid, n, 'item ' || n % 7, n % 50
	FROM unnest(ARRAY['7c9e6679-7425-40de-944b-e07fc1f90ae7', '1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed']) o,
		generate_series(1, 500) n;

ANALYZE;
GRANT SELECT, INSERT, UPDATE, DELETE ON invoices, invoice_lines, currencies, employees, stock_movements
	TO app, app_pool;
GRANT SELECT ON invoices, invoice_lines, currencies, employees, stock_movements TO bi_school;
