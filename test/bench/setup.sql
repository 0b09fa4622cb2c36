-- What every part of the benchmark uses.
CREATE EXTENSION pindah_auth;
CREATE SCHEMA bench;
GRANT USAGE ON SCHEMA bench TO PUBLIC;

CREATE TABLE bench.results (
	line int GENERATED ALWAYS AS IDENTITY,
	what text, measured text, reference text, ratio numeric, target text, good boolean
);

-- Verification by OpenSSL alone, and a clock: reference.c.
CREATE FUNCTION bench.set_key(algorithm text, key bytea) RETURNS void
	LANGUAGE C STRICT AS :'reference', 'bench_set_key';
CREATE FUNCTION bench.verify(message bytea, signature bytea) RETURNS boolean
	LANGUAGE C STRICT AS :'reference', 'bench_verify';
CREATE FUNCTION bench.nothing(message bytea, signature bytea) RETURNS boolean
	LANGUAGE C STRICT AS :'reference', 'bench_nothing';
CREATE FUNCTION bench.cpu_time() RETURNS float8
	LANGUAGE C STRICT AS :'reference', 'bench_cpu_time';

-- The microseconds of CPU that each of some queries takes.  They are run in
-- turn, round by round, so that all of them meet the same weather, and the best
-- round of each counts: what others on the machine do only ever adds to it.  The
-- statement of the same place in "before" comes first and is not counted.
CREATE FUNCTION bench.measure(queries text[], rounds int, before text[] DEFAULT '{}')
	RETURNS float8[] LANGUAGE plpgsql AS $$
DECLARE
	best float8[];
	started float8;
	outcome text;
	outcomes text[];
BEGIN
	FOR round IN 1 .. rounds LOOP
		FOR i IN 1 .. cardinality(queries) LOOP
			PERFORM set_config('role', 'none', true);
			EXECUTE coalesce(before[i], 'SELECT');
			started := bench.cpu_time();
			EXECUTE queries[i] INTO outcome;
			best[i] := least(best[i], bench.cpu_time() - started);
			IF outcome IS DISTINCT FROM coalesce(outcomes[i], outcome) THEN
				RAISE EXCEPTION 'two rounds of a query differ: % and %', outcomes[i], outcome;
			END IF;
			outcomes[i] := outcome;
		END LOOP;
	END LOOP;
	PERFORM set_config('role', 'none', true);
	RETURN best;
END $$;

CREATE FUNCTION bench.report(what text, measured text, reference text, ratio numeric,
	target text, good boolean) RETURNS void LANGUAGE sql AS $$
	INSERT INTO bench.results (what, measured, reference, ratio, target, good)
		VALUES (what, measured, reference, ratio, target, good)
$$;

CREATE FUNCTION bench.us(microseconds float8) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN microseconds >= 10000 THEN round(microseconds::numeric / 1000, 1) || ' ms'
		ELSE round(microseconds::numeric, CASE WHEN microseconds < 100 THEN 2 ELSE 1 END) || ' µs' END
$$;

CREATE FUNCTION bench.tenant(number int) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
	SELECT ('00000000-0000-4000-8000-' || lpad(number::text, 12, '0'))::uuid
$$;

-- The nodes of a plan.  Left out are a Result that only asks once for the
-- permission, and an Append of which pruning has left one partition.
CREATE FUNCTION bench.nodes(plan jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	inner_nodes text := (SELECT string_agg(bench.nodes(child), ', ' ORDER BY place)
		FROM jsonb_array_elements(plan->'Plans') WITH ORDINALITY c(child, place));
BEGIN
	IF plan->>'Node Type' = 'Result' AND plan ? 'One-Time Filter'
		OR plan->>'Node Type' = 'Append' AND jsonb_array_length(plan->'Plans') = 1 THEN
		RETURN inner_nodes;
	END IF;
	RETURN concat(CASE WHEN (plan->>'Parallel Aware')::boolean THEN 'Parallel ' END, plan->>'Node Type',
		' ' || (plan->>'Relation Name'), ' ' || (plan->>'Index Name'), ' (' || inner_nodes || ')');
END $$;

CREATE TABLE bench.keys (algorithm text PRIMARY KEY, jwk jsonb, key bytea);
CREATE TABLE bench.tokens (name text, token text, message bytea, signature bytea)
	WITH (toast_tuple_target = 8160);
ALTER TABLE bench.tokens ALTER token SET STORAGE EXTERNAL,
	ALTER message SET STORAGE EXTERNAL, ALTER signature SET STORAGE EXTERNAL;

-- Take a token of that name on, for the session.
CREATE FUNCTION bench.sign_in(wanted text) RETURNS void LANGUAGE sql AS $$
	SELECT set_config('pindah.token', token, false) FROM bench.tokens WHERE name = wanted LIMIT 1
$$;
