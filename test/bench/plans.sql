-- The plan that the policies get, against the one that a constant gets.
SELECT bench.sign_in('HS256');

-- How many rows the plan's scans are believed to give.
CREATE FUNCTION bench.estimate(plan jsonb) RETURNS numeric LANGUAGE sql AS $$
	SELECT CASE WHEN plan ? 'Plans' THEN (SELECT sum(bench.estimate(child))
		FROM jsonb_array_elements(plan->'Plans') child) ELSE (plan->>'Plan Rows')::numeric END
$$;

CREATE FUNCTION bench.compare(what text, policies_query text, constant_query text) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	policies jsonb;
	constant jsonb;
	same boolean;
BEGIN
	SET LOCAL ROLE bench_api;
	EXECUTE 'EXPLAIN (FORMAT JSON) ' || policies_query INTO policies;
	SET LOCAL ROLE bench_admin;
	EXECUTE 'EXPLAIN (FORMAT JSON) ' || constant_query INTO constant;
	RESET ROLE;
	policies := policies->0->'Plan';
	constant := constant->0->'Plan';
	same := bench.nodes(policies) = bench.nodes(constant);
	PERFORM bench.report('plan: ' || what,
		CASE WHEN same THEN 'same, ' ELSE bench.nodes(policies) || ', ' END || bench.estimate(policies) || ' rows',
		CASE WHEN same THEN '' ELSE bench.nodes(constant) || ', ' END || bench.estimate(constant) || ' rows',
		bench.estimate(policies) / bench.estimate(constant), 'same shape', same);
END $$;

CREATE FUNCTION bench.compare_query(what text, query text) RETURNS void LANGUAGE sql AS $$
	SELECT bench.compare(what, format(query, 'true'),
		format(query, format('"OrganisationId" = %L', bench.tenant(7))))
$$;

SELECT bench.compare_query('index scan', 'SELECT * FROM bench.invoices WHERE %s AND "Number" = 4711');
SELECT bench.compare_query('bitmap scan', 'SELECT * FROM bench.invoices WHERE %s AND "Number" < 2000');
SELECT bench.compare_query('index-only scan', 'SELECT max("Number") FROM bench.invoices WHERE %s');
SELECT bench.compare_query('first rows by index',
	'SELECT * FROM bench.invoices WHERE %s ORDER BY "OrganisationId", "Number" LIMIT 10');
SELECT bench.compare_query('join',
	'SELECT * FROM bench.invoices JOIN bench.invoices b USING ("OrganisationId", "Number")
		WHERE %s AND "Number" < 100');
SELECT bench.compare_query('sequential scan', 'SELECT sum("Amount") FROM bench.invoices WHERE %s');
SELECT bench.compare_query('one partition of fifty', 'SELECT sum("Amount") FROM bench.stock WHERE %s');

SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SELECT bench.compare_query('parallel scan', 'SELECT sum("Amount") FROM bench.invoices WHERE %s');
RESET ALL;

-- A generic plan, whose partitions are pruned when it starts.
SELECT bench.sign_in('HS256');
SET plan_cache_mode = force_generic_plan;
PREPARE by_policy AS SELECT sum("Amount") FROM bench.stock;
PREPARE by_parameter (uuid) AS SELECT sum("Amount") FROM bench.stock WHERE "OrganisationId" = $1;
SELECT bench.compare('generic, one partition of fifty', 'EXECUTE by_policy',
	format('EXECUTE by_parameter (%L)', bench.tenant(7)));
