-- 100,000 verifications and changes of the identity in one backend.

CREATE FUNCTION bench.memory() RETURNS bigint[] LANGUAGE sql AS $$
	SELECT ARRAY[
		(SELECT sum(total_bytes)::bigint / 1024 FROM pg_backend_memory_contexts),
		substring(pg_read_file('/proc/self/status') FROM 'RssAnon:\s+(\d+)')::bigint]
$$;

-- Take on distinct tokens, long out of the cache when they come round again;
-- half of them for the transaction, half for the session.
CREATE PROCEDURE bench.churn(algorithm text, verifications int) LANGUAGE plpgsql AS $$
DECLARE
	tokens text[] := (SELECT array_agg(token) FROM
		(SELECT token FROM bench.tokens WHERE name = algorithm LIMIT 500) t);
BEGIN
	FOR i IN 1 .. verifications LOOP
		PERFORM set_config('pindah.token', tokens[i % cardinality(tokens) + 1], i % 2 = 0);
		IF pindah_organisation_uuid() IS NULL THEN
			RAISE EXCEPTION 'nothing was verified';
		END IF;
		IF i % 10 = 0 THEN
			COMMIT;
		END IF;
	END LOOP;
END $$;

CREATE FUNCTION bench.report_memory(algorithm text, before bigint[], after bigint[]) RETURNS void
	LANGUAGE sql AS $$
	SELECT bench.report(algorithm || ', memory after 100,000 more', format('%s kB contexts, %s kB RSS', after[1], after[2]),
		format('before %s and %s kB', before[1], before[2]), NULL, 'flat',
		after[1] - before[1] <= 64 AND after[2] - before[2] <= 512)
$$;

\set algorithm HS256
\ir churn.sql
\set algorithm RS256
\ir churn.sql
\set algorithm ES256
\ir churn.sql
