-- What a query costs when the permission for the table is missing.
SELECT bench.sign_in('no permission');

-- How many scans of a plan have read a row.
CREATE FUNCTION bench.executed_scans(plan jsonb) RETURNS bigint LANGUAGE sql AS $$
	SELECT CASE WHEN plan ? 'Plans' THEN (SELECT coalesce(sum(bench.executed_scans(child)), 0)::bigint
		FROM jsonb_array_elements(plan->'Plans') child)
		ELSE (plan ? 'Relation Name' AND coalesce((plan->>'Actual Rows')::numeric, 0)
			+ coalesce((plan->>'Rows Removed by Filter')::numeric, 0) > 0)::int END
$$;

CREATE FUNCTION bench.denied(what text, query text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	outcome jsonb;
	times float8[];
	best float8;
	scans int;
BEGIN
	SET LOCAL ROLE bench_api;
	FOR round IN 1 .. 51 LOOP
		EXECUTE 'EXPLAIN (ANALYZE, FORMAT JSON) ' || query INTO outcome;
		times := times || (outcome->0->>'Execution Time')::float8 * 1000;
		scans := greatest(scans, bench.executed_scans(outcome->0->'Plan'));
	END LOOP;
	RESET ROLE;
	SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY t) INTO best FROM unnest(times) t;
	PERFORM bench.report(what || ', denied', bench.us(best), scans || ' scans read rows', NULL,
		'< 100 µs', best < 100 AND scans = 0);
END $$;

SELECT bench.denied('2,000,000 rows', 'SELECT sum("Amount") FROM bench.invoices');
SELECT bench.denied('the same in fifty partitions', 'SELECT sum("Amount") FROM bench.stock');
SELECT bench.denied('the rows themselves', 'SELECT * FROM bench.invoices');
