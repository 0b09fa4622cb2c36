-- A scan under an identity with 10,000 permissions, against one with a single.
SET enable_indexscan = off;
SET enable_indexonlyscan = off;
SET enable_bitmapscan = off;

DO $$
DECLARE
	times float8[];
	sign_in text := 'DO $do$ BEGIN SET LOCAL ROLE bench_api; PERFORM bench.sign_in(%L); END $do$';
BEGIN
	times := bench.measure(ARRAY['SELECT sum("Amount") FROM bench.invoices', 'SELECT sum("Amount") FROM bench.invoices'],
		15, ARRAY[format(sign_in, '10,000 permissions'), format(sign_in, 'one permission')]);
	PERFORM bench.report('scan with 10,000 permissions', bench.us(times[1]), 'with one ' || bench.us(times[2]),
		(times[1] / times[2])::numeric, '≤ 1.05 ×', times[1] / times[2] <= 1.05);
END $$;
