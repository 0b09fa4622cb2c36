-- A schema of 2,000 tables of every shape: how long it takes to protect them, to
-- do so again, and to ask the advisor.
CREATE SCHEMA wide;
SET client_min_messages = warning;
SELECT format('CREATE TABLE wide.t%s (id bigint PRIMARY KEY, "OrganisationId" uuid NOT NULL, note text)', n) FROM generate_series(1, 700) n \gexec
SELECT format('CREATE TABLE wide.u%s (id bigint PRIMARY KEY, organisation_id bigint, note text)', n) FROM generate_series(1, 500) n \gexec
SELECT format('CREATE INDEX ON wide.u%s (organisation_id, id)', n) FROM generate_series(1, 500) n \gexec
SELECT format('CREATE TABLE wide.c%s (id bigint PRIMARY KEY, t_id bigint REFERENCES wide.t%1$s)', n) FROM generate_series(1, 400) n \gexec
SELECT format('CREATE TABLE wide.r%s (code text PRIMARY KEY, name text)', n) FROM generate_series(1, 100) n \gexec
SELECT format('CREATE TABLE wide.p%s (id bigint, organisation_id text) PARTITION BY LIST (organisation_id)', n) FROM generate_series(1, 60) n \gexec
SELECT format('CREATE TABLE wide.p%s_%s PARTITION OF wide.p%1$s FOR VALUES IN (%L)', n, m, m) FROM generate_series(1, 60) n, generate_series(1, 4) m \gexec

-- Seconds that a statement takes, and what it said of how many tables.
CREATE FUNCTION bench.time_statement(what text, statement text, target numeric) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	started timestamptz := clock_timestamp();
	said text;
	seconds numeric;
BEGIN
	EXECUTE statement INTO said;
	seconds := extract(epoch FROM clock_timestamp() - started);
	PERFORM bench.report(what, round(seconds, 1) || ' s', said, NULL, '≤ ' || target || ' s', seconds <= target);
END $$;

SELECT format($$SELECT string_agg(count || ' ' || outcome, ', ') FROM (SELECT outcome, count(*) FROM
	pindah_protect_schema('wide', shared => (SELECT array_agg(oid::regclass) FROM pg_class
			WHERE relnamespace = 'wide'::regnamespace AND relkind = 'r' AND relname ~ '^r'),
		permissions => (SELECT jsonb_object_agg(relname, 'm:' || relname) FROM pg_class
			WHERE relnamespace = 'wide'::regnamespace AND relkind = 'r' AND relname ~ '^[tc]\d*[02468]$')) GROUP BY 1) s$$) AS protect \gset
SELECT bench.time_statement('2,000 tables: pindah_protect_schema()', :'protect', 10);
SELECT bench.time_statement('2,000 tables: once more', :'protect', 10);
SELECT bench.time_statement('2,000 tables: the advisor', 'SELECT count(*) || '' findings'' FROM pindah.advisor', 10);
DROP FUNCTION bench.time_statement;
