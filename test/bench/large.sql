-- Queries of 10,000 tenants' books through the policies, against the same with
-- the tenant written as a constant for every table, by a role that no policy
-- holds: how long they take, once planned and with planning, whether the plan has
-- the same shape, and how many rows its scans were believed to give and gave.
\ir large_tables.sql
SET work_mem = '64MB';

-- {t} in a query is where the tenant of table t is written, or not.
CREATE TABLE large.queries (number int GENERATED ALWAYS AS IDENTITY, what text, query text);
INSERT INTO large.queries (what, query) VALUES
	('one row by its key', $$SELECT max(i.amount) FROM large.lines i WHERE id = 1234 AND {i}$$),
	('a month', $$SELECT sum(amount) FROM large.invoices i WHERE {i} AND day BETWEEN '2024-05-01' AND '2024-05-31'$$),
	('a month, bigint', $$SELECT sum(amount) FROM large.invoices_bigint i WHERE {i} AND day BETWEEN '2024-05-01' AND '2024-05-31'$$),
	('a month, text', $$SELECT sum(amount) FROM large.invoices_text i WHERE {i} AND day BETWEEN '2024-05-01' AND '2024-05-31'$$),
	('the latest twenty', $$SELECT count(*) FROM (SELECT * FROM large.invoices i WHERE {i}
		ORDER BY organisation_id DESC, day DESC LIMIT 20) s$$),
	('all, by status', $$SELECT sum(n) FROM (SELECT status, count(*) AS n, sum(amount) FROM large.invoices i WHERE {i} GROUP BY status) s$$),
	('all, by status, bigint', $$SELECT sum(n) FROM (SELECT status, count(*) AS n, sum(amount) FROM large.invoices_bigint i WHERE {i} GROUP BY status) s$$),
	('all, by status, text', $$SELECT sum(n) FROM (SELECT status, count(*) AS n, sum(amount) FROM large.invoices_text i WHERE {i} GROUP BY status) s$$),
	('five tables', $$SELECT count(*) FROM (SELECT c.country, p.name, sum(l.amount), count(y.id) FROM large.invoices i
		JOIN large.customers c ON c.id = i.customer_id JOIN large.lines l ON l.invoice_id = i.id
		JOIN large.products p ON p.id = l.product_id JOIN large.payments y ON y.invoice_id = i.id
		WHERE {i} AND {c} AND {l} AND {p} AND {y} AND i.day BETWEEN '2024-05-01' AND '2024-05-31' GROUP BY 1, 2) s$$),
	('one partition of 25', $$SELECT sum(amount) FROM large.by_month i WHERE {i} AND day BETWEEN '2024-05-01' AND '2024-05-31'$$),
	('25 partitions', $$SELECT sum(amount) FROM large.by_month i WHERE {i}$$),
	('partitions by tenant', $$SELECT sum(amount) FROM large.by_tenant i WHERE {i} AND day BETWEEN '2024-05-01' AND '2024-05-31'$$);

-- The rows of a plan's scans.
CREATE FUNCTION large.scanned(plan jsonb, OUT believed numeric, OUT actual numeric) LANGUAGE plpgsql AS $$
BEGIN
	IF plan ? 'Relation Name' THEN
		believed := (plan->>'Plan Rows')::numeric * (plan->>'Actual Loops')::numeric;
		actual := (plan->>'Actual Rows')::numeric * (plan->>'Actual Loops')::numeric;
	ELSE
		SELECT sum(s.believed), sum(s.actual) INTO believed, actual
			FROM jsonb_array_elements(plan->'Plans') child, LATERAL large.scanned(child) s;
	END IF;
END $$;

CREATE FUNCTION large.explain(query text, role text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	PERFORM set_config('role', role, true);
	EXECUTE 'EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ' || query INTO plan;
	PERFORM set_config('role', 'none', true);
	RETURN plan->0->'Plan';
END $$;

CREATE FUNCTION large.compare(what text, query text, rank int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	tenant text := CASE WHEN query ~ 'bigint|by_tenant' THEN rank::text ELSE large.tenant(rank)::text END;
	-- Of the policies and of the constant; first prepared, then planned each time.
	queries text[] := ARRAY['EXECUTE by_policy', 'EXECUTE by_constant', regexp_replace(query, '\{\w\}', 'true', 'g'),
		regexp_replace(query, '\{(\w)\}', format('\1.organisation_id = %L', tenant), 'g')];
	times float8[];
	plans jsonb[];
	scans text[];
BEGIN
	PERFORM set_config('pindah.role_claims',
		jsonb_build_object('OrganisationId', tenant, 'Permission', 'accounting:invoices:view')::text, true);
	SET LOCAL ROLE bench_api;
	EXECUTE 'PREPARE by_policy AS ' || queries[3];
	SET LOCAL ROLE bench_admin;
	EXECUTE 'PREPARE by_constant AS ' || queries[4];
	RESET ROLE;
	plans := ARRAY[large.explain(queries[1], 'bench_api'), large.explain(queries[2], 'bench_admin')];
	SELECT array_agg(concat(round(s.believed), ' rows of ', round(s.actual)) ORDER BY n) INTO scans
		FROM unnest(plans) WITH ORDINALITY p(plan, n), LATERAL large.scanned(plan) s;
	times := bench.measure(queries, CASE rank WHEN 1 THEN 9 ELSE 101 END,
		ARRAY['SET LOCAL ROLE bench_api', 'SET LOCAL ROLE bench_admin', 'SET LOCAL ROLE bench_api', 'SET LOCAL ROLE bench_admin']);
	DEALLOCATE by_policy;
	DEALLOCATE by_constant;
	PERFORM bench.report(format('%s, tenant %s', what, rank),
		concat_ws(', ', bench.us(times[1]), scans[1], CASE WHEN bench.nodes(plans[1]) <> bench.nodes(plans[2]) THEN 'another plan' END),
		concat_ws(', ', bench.us(times[2]), scans[2]), (times[1] / times[2])::numeric, '≤ 1.1 ×', times[1] <= times[2] * 1.1);
	PERFORM bench.report('  with planning', bench.us(times[3]), bench.us(times[4]), (times[3] / times[4])::numeric,
		'≤ 1.1 ×', times[3] <= times[4] * 1.1);
END $$;

SELECT large.compare(what, query, rank) FROM large.queries, unnest(ARRAY[1, 100, 5000]) rank ORDER BY number, rank;
