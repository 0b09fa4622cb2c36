-- A sequential scan through the policies, against the same scan of the same
-- table with the tenant written as a constant, by a role that no policy holds.
SET enable_indexscan = off;
SET enable_indexonlyscan = off;
SET enable_bitmapscan = off;
SELECT bench.sign_in('HS256');

CREATE FUNCTION bench.scan(aggregate text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	times float8[];
	queries text[] := ARRAY[
		format('SELECT %s FROM bench.invoices', aggregate),
		format('SELECT %s FROM bench.invoices WHERE "OrganisationId" = %L', aggregate, bench.tenant(7))];
	ours bigint;
	theirs bigint;
BEGIN
	SET LOCAL ROLE bench_api;
	EXECUTE queries[1] INTO ours;
	SET LOCAL ROLE bench_admin;
	EXECUTE queries[2] INTO theirs;
	RESET ROLE;
	IF ours <> theirs OR ours = 0 THEN
		RAISE EXCEPTION 'the policies show something else: % and %', ours, theirs;
	END IF;
	times := bench.measure(queries, 15, ARRAY['SET LOCAL ROLE bench_api', 'SET LOCAL ROLE bench_admin']);
	PERFORM bench.report('sequential scan of 2,000,000 rows, ' || aggregate, bench.us(times[1]),
		'a constant ' || bench.us(times[2]), (times[1] / times[2])::numeric, '≤ 1.05 ×',
		times[1] / times[2] <= 1.05);
END $$;

SELECT bench.scan('count(*)');
SELECT bench.scan('sum("Amount")');
