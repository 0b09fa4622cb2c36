-- A token that was not seen before, against OpenSSL's own verification.
--
-- set_config('pindah.token') over a table of distinct tokens, less the same
-- with a placeholder, which costs what any setting costs; and OpenSSL over the
-- same signing inputs, less a function that does nothing.

CREATE TABLE bench.current (LIKE bench.tokens INCLUDING STORAGE) WITH (toast_tuple_target = 8160);

CREATE FUNCTION bench.verification(algorithm text, rounds int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	tokens int;
	verified int;
	times float8[];
	ours float8;
	theirs float8;
	target text := CASE algorithm WHEN 'HS256' THEN '≤ 4 µs' WHEN 'RS256' THEN '≤ 1.5 ×' ELSE '' END;
BEGIN
	TRUNCATE bench.current;
	INSERT INTO bench.current SELECT * FROM bench.tokens t WHERE t.name = algorithm;
	PERFORM bench.set_key(k.algorithm, k.key) FROM bench.keys k WHERE k.algorithm = verification.algorithm;
	SELECT count(*), count(*) FILTER (WHERE bench.verify(message, signature))
		INTO tokens, verified FROM bench.current;
	IF tokens = 0 OR verified <> tokens THEN
		RAISE EXCEPTION '% of % tokens of % verify', verified, tokens, algorithm;
	END IF;
	times := bench.measure(ARRAY[
		'SELECT count(set_config(''pindah.token'', token, true)) FROM bench.current',
		'SELECT count(set_config(''bench.placeholder'', token, true)) FROM bench.current',
		'SELECT count(bench.verify(message, signature)) FROM bench.current',
		'SELECT count(bench.nothing(message, signature)) FROM bench.current'], rounds);
	ours := (times[1] - times[2]) / tokens;
	theirs := (times[3] - times[4]) / tokens;
	IF pindah_organisation_uuid() IS NULL THEN
		RAISE EXCEPTION 'nothing was verified';
	END IF;
	PERFORM bench.report(algorithm || ', a token not seen before', bench.us(ours),
		'OpenSSL alone ' || bench.us(theirs), (ours / theirs)::numeric, target,
		CASE algorithm WHEN 'HS256' THEN ours <= 4 WHEN 'RS256' THEN ours / theirs <= 1.5 END);
END $$;

SELECT bench.verification('RS256', 40);
SELECT bench.verification('HS256', 80);
SELECT bench.verification(algorithm, 12) FROM bench.keys
	WHERE algorithm NOT IN ('RS256', 'HS256') ORDER BY position('ES' IN algorithm), algorithm;
