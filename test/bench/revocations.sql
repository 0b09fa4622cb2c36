-- What revocations cost those who are not hit: with none, and with 100,000.
--
-- A use is a readable setting, which asks for the identity afresh each time,
-- less a placeholder.  A known token is one that was presented before.

CREATE FUNCTION bench.revocation_costs(OUT use float8, OUT known float8, OUT new float8)
	LANGUAGE plpgsql AS $$
DECLARE
	token text := (SELECT t.token FROM bench.tokens t WHERE name = 'HS256' LIMIT 1);
	tokens int := (SELECT count(*) FROM bench.tokens t WHERE name = 'HS256');
	times float8[];
BEGIN
	PERFORM set_config('pindah.token', token, true);
	PERFORM set_config('bench.placeholder', token, true);
	times := bench.measure(ARRAY[
		'SELECT count(current_setting(''pindah.organisation_id'')) FROM generate_series(1, 20000)',
		'SELECT count(current_setting(''bench.placeholder'')) FROM generate_series(1, 20000)',
		format('SELECT count(set_config(''pindah.token'', %L, true)) FROM generate_series(1, 5000)', token),
		format('SELECT count(set_config(''bench.placeholder'', %L, true)) FROM generate_series(1, 5000)', token),
		'SELECT count(set_config(''pindah.token'', token, true)) FROM bench.tokens WHERE name = ''HS256''',
		'SELECT count(set_config(''bench.placeholder'', token, true)) FROM bench.tokens WHERE name = ''HS256'''], 60);
	use := (times[1] - times[2]) / 20000;
	known := (times[3] - times[4]) / 5000;
	new := (times[5] - times[6]) / tokens;
END $$;

SELECT * FROM bench.revocation_costs() \gset none_
INSERT INTO pindah.revocations (kind, issuer, subject, revoked_at, expires_at)
	SELECT 'token', 'https://hs256.example', gen_random_uuid(), now(), now() + interval '1 hour' FROM generate_series(1, 50000);
INSERT INTO pindah.revocations (kind, issuer, subject, revoked_at)
	SELECT 'user', 'https://hs256.example', gen_random_uuid(), now() FROM generate_series(1, 49000);
INSERT INTO pindah.revocations (kind, issuer, subject, revoked_at)
	SELECT 'organisation', '', bench.tenant(n), now() FROM generate_series(1000, 1999) n;
VACUUM ANALYZE pindah.revocations;
SELECT * FROM bench.revocation_costs() \gset many_

SELECT bench.report('100,000 revocations: a use', bench.us(:many_use), 'none ' || bench.us(:none_use),
		(:many_use / :none_use)::numeric, '≤ 0.2 µs more', :many_use - :none_use <= 0.2),
	bench.report('100,000 revocations: a token that is known', bench.us(:many_known), 'none ' || bench.us(:none_known),
		(:many_known / :none_known)::numeric, '≤ 0.2 µs more', :many_known - :none_known <= 0.2),
	bench.report('100,000 revocations: a new HS256 token', bench.us(:many_new), 'none ' || bench.us(:none_new),
		(:many_new / :none_new)::numeric, '', NULL);
TRUNCATE pindah.revocations;
