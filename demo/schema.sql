-- The demo's data: two organisations in one set of tables, named as Entity
-- Framework names them.  Nothing in here knows of pindah_auth.

CREATE TABLE "Organisations" (
	"Id" uuid PRIMARY KEY,
	"Name" text NOT NULL
);

CREATE TABLE "Invoices" (
	"Id" uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	"OrganisationId" uuid NOT NULL REFERENCES "Organisations",
	"Number" text NOT NULL,
	"Customer" text NOT NULL,
	"IssuedOn" date NOT NULL DEFAULT current_date,
	"Currency" text NOT NULL CHECK ("Currency" IN ('USD', 'ZWG', 'ZAR')),
	"Total" numeric(14, 2) NOT NULL,
	"Status" text NOT NULL DEFAULT 'Draft',
	UNIQUE ("OrganisationId", "Number")
);
CREATE INDEX ON "Invoices" ("OrganisationId", "IssuedOn");

CREATE TABLE "StockItems" (
	"Id" uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	"OrganisationId" uuid NOT NULL REFERENCES "Organisations",
	"Sku" text NOT NULL,
	"Description" text NOT NULL,
	"Quantity" integer NOT NULL,
	"Currency" text NOT NULL,
	"UnitPrice" numeric(12, 2) NOT NULL
);

CREATE TABLE "Employees" (
	"Id" uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	"OrganisationId" uuid NOT NULL REFERENCES "Organisations",
	"FirstName" text NOT NULL,
	"LastName" text NOT NULL,
	"JobTitle" text NOT NULL,
	"Currency" text NOT NULL,
	"MonthlySalary" numeric(12, 2) NOT NULL
);

INSERT INTO "Organisations" VALUES
	(:'school', 'Harare Primary School'),
	(:'hardware', 'Bulawayo Hardware');

-- The school bills terms, the shop bills goods.
INSERT INTO "Invoices" ("OrganisationId", "Number", "Customer", "IssuedOn", "Currency", "Total", "Status")
SELECT :'school'::uuid, format('HPS-%s', 10000 + i),
	(ARRAY['Mr Chikwanha', 'Mrs Sibanda', 'Ms Marufu', 'Dr Nyathi', 'Mrs Gumbo', 'Mr Hove'])[1 + i % 6],
	date '2024-01-08' + i % 700,
	(ARRAY['USD', 'USD', 'ZWG', 'USD', 'ZAR'])[1 + i % 5],
	120 + (i * 37 % 400), (ARRAY['Paid', 'Paid', 'Sent', 'Overdue'])[1 + i % 4]
FROM generate_series(1, 12400) AS i
UNION ALL
SELECT :'hardware'::uuid, format('INV/%s', 50000 + i),
	(ARRAY['Matopos Builders', 'Khami Roofing', 'Umguza Farm', 'Cash sale', 'Nkulumane Plumbing'])[1 + i % 5],
	date '2024-01-02' + i % 720,
	(ARRAY['USD', 'ZAR', 'USD', 'ZWG'])[1 + i % 4],
	3 + (i * 7919 % 250000) / 100.0, (ARRAY['Paid', 'Paid', 'Paid', 'Sent'])[1 + i % 4]
FROM generate_series(1, 31750) AS i;

INSERT INTO "StockItems" ("OrganisationId", "Sku", "Description", "Quantity", "Currency", "UnitPrice")
SELECT :'school'::uuid, format('S-%s', i),
	(ARRAY['Exercise book, 72 pages', 'Chalk, box', 'Grade 3 reader', 'School jersey', 'Desk'])[1 + i % 5],
	i * 13 % 400, 'USD', 1 + i % 45
FROM generate_series(1, 860) AS i
UNION ALL
SELECT :'hardware'::uuid, format('BH-%s', i),
	(ARRAY['Cement, 50 kg', 'Roofing sheet, 3 m', 'Paint, 5 l', 'Padlock', 'Borehole pipe', 'Wheelbarrow'])[1 + i % 6],
	i * 29 % 900, (ARRAY['USD', 'ZAR'])[1 + i % 2], 2 + i * 17 % 380
FROM generate_series(1, 4300) AS i;

INSERT INTO "Employees" ("OrganisationId", "FirstName", "LastName", "JobTitle", "Currency", "MonthlySalary")
SELECT CASE WHEN i <= 74 THEN :'school' ELSE :'hardware' END::uuid,
	(ARRAY['Rudo', 'Tendai', 'Farai', 'Thandeka', 'Sipho', 'Chipo', 'Tafadzwa'])[1 + i % 7],
	(ARRAY['Moyo', 'Ncube', 'Dube', 'Mutasa', 'Khumalo', 'Chirwa', 'Banda', 'Phiri', 'Zulu'])[1 + i % 9],
	CASE WHEN i <= 74 THEN 'Teacher' ELSE 'Shop assistant' END,
	(ARRAY['USD', 'ZWG'])[1 + i % 2], 280 + i * 11 % 500
FROM generate_series(1, 131) AS i;

-- "Employees" has no index on the tenant: pindah_protect_table() adds one.
CREATE INDEX ON "StockItems" ("OrganisationId", "Sku");
ANALYZE;

-- What the API connects as: no superuser, no owner.
CREATE ROLE app LOGIN;
GRANT SELECT, INSERT, UPDATE, DELETE ON "Invoices", "StockItems", "Employees" TO app;
