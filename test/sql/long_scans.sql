-- A query that will take long is given its tenant as a constant.  Everything
-- is made to look expensive here.
SELECT max(token) FILTER (WHERE name = 'ann') AS ann,
	max(token) FILTER (WHERE name = 'bob') AS bob,
	max(token) FILTER (WHERE name = 'vera') AS vera FROM tokens \gset
SET enable_indexscan = off;
SET enable_bitmapscan = off;
SET seq_page_cost = 1000;
SET parallel_setup_cost = 0;

SET ROLE regress_pindah_app;

-- One generic plan, kept, for nobody and for everybody.
SET plan_cache_mode = force_generic_plan;
PREPARE rows AS SELECT count(*), min("OrganisationId"::text), max("OrganisationId"::text) FROM invoices WHERE amount > 0;
EXECUTE rows;
SET pindah.token = :'ann';
EXECUTE rows;
SET pindah.token = :'bob';
EXECUTE rows;
SET pindah.token = :'vera';
EXECUTE rows;
SET pindah.token = '';
EXECUTE rows;
-- Of a scan without the permission not a row is read, though the plan was made
-- for somebody who holds it.
SET pindah.token = :'vera';
SELECT bool_or(line ~ 'Seq Scan on invoices .*rows=0 ') AS scanned, bool_or(line ~ 'Removed') AS read
	FROM plan_of('EXECUTE rows') line;
RESET pindah.token;
DEALLOCATE rows;

-- The tenant stays that of the beginning when the identity changes on the way:
-- a call would be refused, as it is in a query that is not worth the constant.
SET pindah.token = :'ann';
SELECT count(*), min("OrganisationId"::text), max("OrganisationId"::text) FROM invoices
	WHERE set_config('pindah.token', :'bob', false) IS NOT NULL;
SELECT pindah_user_id();
SET pindah.token = :'ann';
SET seq_page_cost = 1;
SELECT count(*) FROM invoices WHERE set_config('pindah.token', :'bob', false) IS NOT NULL;
SET seq_page_cost = 1000;

-- The plan has the calls, also when it is executed: it is everybody's.
EXPLAIN (COSTS OFF) SELECT FROM invoices WHERE amount > 0;
SELECT bool_or(line ~ 'Filter: .*pindah_organisation_uuid') AS call, bool_or(line ~ 'a0000000') AS constant
	FROM plan_of('SELECT FROM invoices WHERE amount > 0') line;

-- No query goes on under another identity.
SET pindah.token = :'ann';
BEGIN;
DECLARE rows CURSOR FOR SELECT id FROM invoices WHERE amount > 0 ORDER BY id;
FETCH 2 FROM rows;
SET LOCAL pindah.token = :'bob';
FETCH 2 FROM rows;
ROLLBACK;

-- Subqueries, joins and writes.
SELECT count(*), count(DISTINCT a."OrganisationId") FROM invoices a JOIN invoices b USING (id)
	WHERE b.amount > (SELECT min(amount) FROM invoices);
BEGIN;
SET LOCAL pindah.token = :'bob';
UPDATE invoices SET currency = 'ZAR' WHERE amount > 0;
SELECT currency, count(*) FROM invoices GROUP BY currency;
DELETE FROM invoices WHERE amount > 0;
SELECT count(*) FROM invoices;
SET LOCAL pindah.token = :'ann';
SELECT count(*) FROM invoices WHERE currency <> 'ZAR';
ROLLBACK;

RESET ALL;
RESET ROLE;
