-- Short queries of a small tenant, a thousand rows or one, where it shows what it
-- costs to plan the policies and to set them up: through the policies, with the
-- tenant written as a constant, and through the least policy that PostgreSQL can
-- have for this, which compares with a setting, and is not safe.
SET client_min_messages = warning;
CREATE SCHEMA short;
GRANT USAGE ON SCHEMA short TO bench_api, bench_admin;
CREATE TABLE short.lines (id int PRIMARY KEY, organisation_id uuid NOT NULL, amount int);
INSERT INTO short.lines SELECT g, bench.tenant(g % 1000), g FROM generate_series(1, 400000) g;
CREATE INDEX ON short.lines (organisation_id);
CREATE TABLE short.months (id int, organisation_id uuid NOT NULL, day date NOT NULL, amount int) PARTITION BY RANGE (day);
SELECT format('CREATE TABLE short.months_%s PARTITION OF short.months FOR VALUES FROM (%L) TO (%L)',
		i, date '2024-01-01' + i * 30, date '2024-01-01' + (i + 1) * 30)
	FROM generate_series(0, 24) i \gexec
CREATE INDEX ON short.months (organisation_id, day);
INSERT INTO short.months
	SELECT g, bench.tenant(g % 1000), date '2024-01-01' + (g / 1000) % 750, g FROM generate_series(1, 200000) g;

-- The same tables for the plain policy.
CREATE TABLE short.plain_lines (LIKE short.lines INCLUDING ALL);
CREATE TABLE short.plain_months (LIKE short.months INCLUDING ALL) PARTITION BY RANGE (day);
SELECT format('CREATE TABLE short.plain_months_%s PARTITION OF short.plain_months FOR VALUES FROM (%L) TO (%L)',
		i, date '2024-01-01' + i * 30, date '2024-01-01' + (i + 1) * 30)
	FROM generate_series(0, 24) i \gexec
INSERT INTO short.plain_lines SELECT * FROM short.lines;
INSERT INTO short.plain_months SELECT * FROM short.months;
ALTER TABLE short.plain_lines ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON short.plain_lines USING (organisation_id = current_setting('short.tenant')::uuid);
ALTER TABLE short.plain_months ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON short.plain_months USING (organisation_id = current_setting('short.tenant')::uuid);
SELECT pindah_protect_table('short.lines', permission => 'sales:lines');
SELECT pindah_protect_table('short.months', permission => 'sales:lines');
GRANT SELECT ON ALL TABLES IN SCHEMA short TO bench_api, bench_admin;
SELECT format('VACUUM (FREEZE, ANALYZE) short.%I', t) FROM unnest('{lines,months,plain_lines,plain_months}'::text[]) t \gexec

CREATE FUNCTION short.repeat(query text, times int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	outcome text;
BEGIN
	FOR i IN 1 .. times LOOP
		EXECUTE query INTO outcome;
	END LOOP;
	RETURN outcome;
END $$;
GRANT EXECUTE ON FUNCTION short.repeat(text, int) TO PUBLIC;

-- {t} is where the tenant is written, or not.
CREATE FUNCTION short.compare(what text, query text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	roles text[] := ARRAY['bench_api', 'bench_admin', 'bench_api'];
	queries text[] := ARRAY[replace(query, '{t}', 'true'),
		replace(query, '{t}', format('organisation_id = %L', bench.tenant(7))),
		replace(replace(query, '{t}', 'true'), 'short.', 'short.plain_')];
	names text[] := '{policies,constant,plain}';
	before text[];
	times float8[];
BEGIN
	FOR i IN 1 .. 3 LOOP
		PERFORM set_config('role', roles[i], true);
		EXECUTE format('PREPARE %I AS %s', names[i], queries[i]);
		PERFORM set_config('role', 'none', true);
		before := before || ('SET LOCAL ROLE ' || roles[i]);
	END LOOP;
	times := bench.measure(ARRAY(SELECT format('SELECT short.repeat(%L, 100)', 'EXECUTE ' || n) FROM unnest(names) n)
		|| ARRAY(SELECT format('SELECT short.repeat(%L, 100)', q) FROM unnest(queries) q), 101, before || before);
	DEALLOCATE ALL;
	FOR i IN 1 .. 4 BY 3 LOOP
		PERFORM bench.report(CASE i WHEN 1 THEN what ELSE '  with planning' END, bench.us(times[i] / 100),
			format('%s, plain policy %s', bench.us(times[i + 1] / 100), bench.us(times[i + 2] / 100)),
			(times[i] / times[i + 1])::numeric, '≤ 1.1 ×', times[i] <= times[i + 1] * 1.1);
	END LOOP;
END $$;

SELECT set_config('pindah.role_claims', jsonb_build_object('OrganisationId', bench.tenant(7), 'Permission', 'sales:lines:view')::text, false),
	set_config('short.tenant', bench.tenant(7)::text, false);
SELECT short.compare('one row by its key', 'SELECT amount FROM short.lines WHERE id = 7 AND {t}');
SELECT short.compare('the tenant''s 400 rows', 'SELECT sum(amount) FROM short.lines WHERE {t}');
SELECT short.compare('a day in one of 25 partitions', $$SELECT sum(amount) FROM short.months WHERE day = '2024-05-01' AND {t}$$);
SELECT short.compare('200 rows in 25 partitions', 'SELECT sum(amount) FROM short.months WHERE {t}');
RESET pindah.role_claims;
DROP SCHEMA short CASCADE;
RESET client_min_messages;
