-- A query that will take long is given its tenant as a constant.  Everything
-- is made to look expensive here.
SELECT max(token) FILTER (WHERE name = 'ann') AS ann,
	max(token) FILTER (WHERE name = 'bob') AS bob,
	max(token) FILTER (WHERE name = 'vera') AS vera FROM tokens \gset
SET enable_indexscan = off;
SET enable_bitmapscan = off;
SET seq_page_cost = 1000;
SET parallel_setup_cost = 0;

-- Does the filter call the accessor, or hold a tenant?
CREATE FUNCTION filter_has(OUT call boolean, OUT harare boolean, OUT bulawayo boolean) LANGUAGE sql AS $$
	SELECT bool_or(line ~ 'pindah_organisation_uuid'), bool_or(line ~ 'a0000000'), bool_or(line ~ 'b0000000')
		FROM plan_of('SELECT FROM invoices WHERE amount > 0') line WHERE line ~ '^ *Filter: '
$$;
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
DEALLOCATE rows;

-- It is the constant, and the identity's own; a plan that is only shown, and
-- one that is cheap, has the call.
SET pindah.token = :'ann';
SELECT * FROM filter_has();
SET pindah.token = :'bob';
SELECT * FROM filter_has();
EXPLAIN (COSTS OFF) SELECT FROM invoices WHERE amount > 0;
SET seq_page_cost = 1;
SELECT * FROM filter_has();
SET seq_page_cost = 1000;

-- The tenant stays that of the beginning when the identity changes on the way,
-- and the query cannot go on under the other.
SET pindah.token = :'ann';
SELECT count(*), min("OrganisationId"::text), max("OrganisationId"::text) FROM invoices
	WHERE set_config('pindah.token', :'bob', false) IS NOT NULL;
SELECT pindah_user_id();
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
DROP FUNCTION filter_has;
