-- The life of a key.
\set SHOW_CONTEXT never
SELECT max(token) FILTER (WHERE name = 'ann') AS ann FROM tokens \gset
\set judge 'SELECT reason, detail FROM pindah_inspect_jwt(:\'ann\');'

-- A key past its time verifies nothing, whatever its state, without a kid in
-- the token too, and for who is signed in.
SET pindah.token = :'ann';
UPDATE pindah.keys SET verify_until = statement_timestamp() - interval '1 microsecond';
:judge
SELECT pindah_user_id();
SELECT pindah_whoami() - 'hint';
SET pindah.token = :'ann';
UPDATE pindah.keys SET verify_until = '-infinity', state = 'retiring';
:judge
BEGIN;
UPDATE pindah.keys SET verify_until = statement_timestamp() - interval '1 second', kid = 'other';
SELECT reason FROM pindah_inspect_jwt(
	(SELECT 'eyJhbGciOiJIUzI1NiJ9' || substr(token, strpos(token, '.')) FROM tokens WHERE name = 'ann'));
UPDATE pindah.keys SET verify_until = NULL;
SELECT reason FROM pindah_inspect_jwt(
	(SELECT 'eyJhbGciOiJIUzI1NiJ9' || substr(token, strpos(token, '.')) FROM tokens WHERE name = 'ann'));
ROLLBACK;

-- An identity that was taken before remembers when its key ends: nothing
-- changes in the tables when it does.  A cached token is no way around.
UPDATE pindah.keys SET verify_until = clock_timestamp() + interval '1 second';
SELECT pindah_user_id();
SELECT pg_sleep_until(verify_until) FROM pindah.keys;
SELECT pindah_user_id();
SET pindah.token = :'ann';
UPDATE pindah.keys SET verify_until = 'infinity';
SELECT pindah_user_id();
RESET pindah.token;
-- There is no skew for keys: their end is of this server's own clock.
SET pindah.clock_skew = 300;
UPDATE pindah.keys SET verify_until = statement_timestamp() - interval '1 second';
:judge
RESET pindah.clock_skew;

-- Back in force, a key has no end.
SELECT pindah_add_key(issuer, jwk || jsonb_build_object('kid', kid), 'retiring') FROM pindah.keys;
SELECT state, verify_until IS NOT NULL AS ends FROM pindah.keys;
SELECT pindah_add_key(issuer, jwk || jsonb_build_object('kid', kid)) FROM pindah.keys;
SELECT state, verify_until, activated_at IS NOT NULL AS dated FROM pindah.keys;
:judge
