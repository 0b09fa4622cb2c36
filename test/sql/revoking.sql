-- Tokens that are taken back.
\set SHOW_CONTEXT never
-- A token of one of two issuers that have the same secret, and of which users
-- and jti have the same names.  Times are seconds from now.
CREATE FUNCTION mint(claims jsonb, issuer text DEFAULT 'one', iat int DEFAULT -100, exp int DEFAULT 3600)
	RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	secret bytea := 'regression-tests-only-secret-32b';
	inner_pad bytea := decode(repeat('36', 64), 'hex');
	outer_pad bytea := decode(repeat('5c', 64), 'hex');
	now_s bigint := floor(extract(epoch FROM statement_timestamp()));
	payload jsonb := jsonb_build_object('iss', issuer, 'sub', 'ann', 'OrganisationId', 'org',
		'iat', now_s + iat, 'exp', now_s + exp) || claims;
	signed text;
BEGIN
	FOR i IN 0 .. length(secret) - 1 LOOP
		inner_pad := set_byte(inner_pad, i, get_byte(inner_pad, i) # get_byte(secret, i));
		outer_pad := set_byte(outer_pad, i, get_byte(outer_pad, i) # get_byte(secret, i));
	END LOOP;
	SELECT string_agg(translate(encode(convert_to(part, 'UTF8'), 'base64'), E'+/=\n', '-_'), '.') INTO signed
		FROM unnest(ARRAY['{"alg":"HS256"}', jsonb_strip_nulls(payload)::text]) part;
	RETURN signed || '.' || translate(encode(sha256(outer_pad || sha256(inner_pad || convert_to(signed, 'UTF8'))), 'base64'), E'+/=\n', '-_');
END $$;
CREATE FUNCTION judge(token text) RETURNS text LANGUAGE sql STABLE AS
	$$ SELECT coalesce(i.reason || ': ' || i.detail, 'valid') FROM pindah_inspect_jwt(token) i $$;
SELECT pindah_trust_issuer(issuer, '{"keys": [{"kty": "oct", "kid": "k", "k": "cmVncmVzc2lvbi10ZXN0cy1vbmx5LXNlY3JldC0zMmI"}]}')
	FROM (VALUES ('one'), ('two'), ('')) i (issuer);

-- What is refused.
SET ROLE regress_pindah_app;
SELECT pindah_revoke_token('one', 'j');
SELECT pindah_revoke_user('one', 'ann');
SELECT pindah_revoke_organisation('org');
SELECT pindah_revoke_issuer('one');
SELECT pindah_remove_old_revocations();
SELECT pindah.revoke('user', 'one', 'ann', NULL, NULL, NULL);
SELECT pindah.remove_expired_revocations(1);
SELECT * FROM pindah.revocations;
RESET ROLE;
SELECT pindah_revoke_token(NULL, 'j');
SELECT pindah_revoke_token('one', NULL);
SELECT pindah_revoke_token('one', '');
SELECT pindah_revoke_user('one', NULL);
SELECT pindah_revoke_user('one', '');
SELECT pindah_revoke_organisation(NULL);
SELECT pindah_revoke_organisation('');
SELECT pindah_revoke_issuer(NULL);
SELECT pindah_revoke_user('one', repeat('a', 1001));
INSERT INTO pindah.revocations VALUES ('role', '', 'secret reason', now());
INSERT INTO pindah.revocations VALUES ('user', '', repeat('a', 1001), now());
SELECT count(*) FROM pindah.revocations;
-- A name that nobody trusts is taken, with a warning.
BEGIN;
SELECT pindah_revoke_user('one ', 'ann');
SELECT kind, issuer, subject FROM pindah.revocations;
ROLLBACK;

-- A token: the jti of its issuer, whatever iat says.
SELECT mint('{"jti": "j"}') AS j, mint('{"jti": "j"}', 'two') AS j2, mint('{"jti": "J"}') AS cap,
	mint('{}') AS plain, mint('{"jti": "j"}', iat => 20) AS fresh, mint('{"jti": ""}') AS empty \gset
SET pindah.token = :'j';
SELECT pindah_user_id();
SELECT pindah_revoke_token('one', 'j', reason => 'laptop lost');
SELECT judge(t) FROM unnest(ARRAY[:'j', :'fresh', :'j2', :'cap', :'plain', :'empty']) WITH ORDINALITY AS t (t, n) ORDER BY n;
-- The session that had it: every way to ask.
SELECT pindah_user_id();
\echo :LAST_ERROR_SQLSTATE
SELECT pindah_has_permission('a:b:c');
SELECT pindah_claims();
SET ROLE regress_pindah_app;
SELECT count(*) FROM invoices;
RESET ROLE;
SELECT pindah_whoami();
SHOW pindah.user_id;
SET pindah.token = :'j';
BEGIN;
SELECT pindah_verify_jwt(:'fresh');
ROLLBACK;
SET pindah.token = :'plain';
SELECT pindah_user_id();

-- In the transaction that revokes, at once; a savepoint brings it back.
DELETE FROM pindah.revocations;
BEGIN;
SET LOCAL pindah.token = :'j';
SELECT pindah_whoami()->>'token_id' AS jti;
SAVEPOINT s;
SELECT pindah_revoke_token('one', 'j');
SELECT pindah_whoami()->>'detail' AS detail;
SET LOCAL pindah.token = :'j';
ROLLBACK TO s;
SELECT pindah_whoami()->>'token_id' AS jti;
-- Another token on another level of the stack.
SAVEPOINT s;
SELECT pindah_revoke_token('one', 'j');
SET LOCAL pindah.token = :'plain';
SELECT pindah_user_id();
RELEASE s;
SELECT pindah_user_id();
ROLLBACK;
SELECT pindah_user_id(), judge(:'j');
-- What is revoked inside a function with a token of its own.
SET pindah.token = :'j';
CREATE FUNCTION pg_temp.as_plain() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pindah_revoke_token('one', 'j');
	RETURN pindah_whoami()->>'token_id';
END $$;
SELECT set_config('test.token', :'cap', false) IS NULL AS hidden;
DO $$ BEGIN EXECUTE format('ALTER FUNCTION pg_temp.as_plain() SET pindah.token = %L', current_setting('test.token')); END $$;
SELECT pg_temp.as_plain(), pindah_whoami()->>'detail' AS detail;
SELECT pindah_user_id();
-- An entry that is taken away again: its token counts, without being set anew.
DELETE FROM pindah.revocations;
SELECT pindah_whoami()->>'token_id' AS jti, judge(:'j');
-- Whatever changes the table is heard of.
SET session_replication_role = replica;
INSERT INTO pindah.revocations VALUES ('token', 'one', 'j', '-infinity');
RESET session_replication_role;
SELECT pindah_whoami()->>'detail' AS detail;
UPDATE pindah.revocations SET subject = 'other';
SELECT pindah_whoami()->>'token_id' AS jti;
UPDATE pindah.revocations SET subject = 'j';
TRUNCATE pindah.revocations;
SELECT pindah_whoami()->>'token_id' AS jti;

-- A user: what was issued up to then, and what does not say when.
SELECT pindah_revoke_user('one', 'ann');
SELECT what, judge(mint(claims::jsonb, issuer, iat)) FROM (VALUES
	('before', '{}', 'one', -100), ('after', '{}', 'one', 20), ('no iat', '{"iat": null}', 'one', 0),
	('a string, after', '{"iat": "4000000000"}', 'one', 0), ('another user', '{"sub": "bob"}', 'one', -100),
	('letters', '{"sub": "Ann"}', 'one', -100), ('a space', '{"sub": "ann "}', 'one', -100),
	('another issuer', '{}', 'two', -100), ('no issuer', '{"iss": null}', '', -100)) t (what, claims, issuer, iat);
-- The very instant is still before, with every digit.
SELECT floor(extract(epoch FROM now())) - 50 AS second \gset
UPDATE pindah.revocations SET revoked_at = to_timestamp(:second);
SELECT d.off, judge(mint(jsonb_build_object('iat', :second + d.off))) FROM (VALUES (-1), (0), (0.000001), (1)) d (off);
UPDATE pindah.revocations SET revoked_at = to_timestamp(:second) + interval '0.5 s';
SELECT d.off, judge(mint(jsonb_build_object('iat', :second + d.off))) FROM (VALUES (0), (0.5), (0.5000001), (0.500001)) d (off);
UPDATE pindah.revocations SET revoked_at = '-infinity';
SELECT judge(mint('{"iat": null}')), judge(mint('{"iat": 1}'));
UPDATE pindah.revocations SET revoked_at = to_timestamp(:second) + interval '0.5 s';
-- Again: the time moves on, and never back; a reason stays.
SELECT pindah_revoke_user('one', 'ann', 'left', issued_before => '2000-01-01');
SELECT revoked_at = to_timestamp(:second) + interval '0.5 s' AS same, reason FROM pindah.revocations;
SELECT pindah_revoke_user('one', 'ann');
SELECT revoked_at BETWEEN statement_timestamp() - interval '1 min' AND clock_timestamp() AS now, reason FROM pindah.revocations;
SELECT pindah_revoke_user('one', 'ann', issued_before => 'infinity');
SELECT judge(mint('{}', iat => 20));
TRUNCATE pindah.revocations;
-- Now is not the beginning of the transaction.
BEGIN;
SELECT pg_sleep(0.01);
SELECT pindah_revoke_user('one', 'ann');
SELECT revoked_at > now() + interval '10 ms' AS later FROM pindah.revocations;
ROLLBACK;

-- An organisation, whoever issued the token; an integer is its text.
SELECT pindah_revoke_organisation('org'), pindah_revoke_organisation('42');
SELECT judge(mint('{}')), judge(mint('{"iss": null, "sub": "bob"}')), judge(mint('{"OrganisationId": 42}', 'two')),
	judge(mint('{"OrganisationId": null}')), judge(mint('{"OrganisationId": "orG"}')), judge(mint('{}', iat => 20));
TRUNCATE pindah.revocations;
-- A uuid is one tenant in all the spellings that uuid's input takes, in the
-- token and in the entry, however that came to be; nothing else is folded.
CREATE TABLE spellings (spelling text);
INSERT INTO spellings VALUES ('7c9e6679-7425-40de-944b-e07fc1f90ae7'), ('7C9E6679-7425-40DE-944B-E07FC1F90AE7'),
	('7c9e6679742540de944be07fc1f90ae7'), ('{7C9E6679-7425-40de-944b-e07fc1f90ae7}'), ('7c9e-6679-7425-40de-944b-e07f-c1f9-0ae7');
DO $$
DECLARE
	entry text;
BEGIN
	FOR i IN 1 .. 3 LOOP
		FOR entry IN SELECT s.spelling FROM spellings s LOOP
			TRUNCATE pindah.revocations;
			CASE i
				WHEN 1 THEN PERFORM pindah_revoke_organisation(entry);
				WHEN 2 THEN INSERT INTO pindah.revocations VALUES ('organisation', '', entry, now());
				WHEN 3 THEN
					INSERT INTO pindah.revocations VALUES ('organisation', '', 'x', now());
					UPDATE pindah.revocations SET subject = entry;
			END CASE;
			PERFORM pindah_revoke_organisation(entry);
			RAISE NOTICE '%: % entry % hits %', entry, (SELECT count(*) FROM pindah.revocations), (SELECT r.subject FROM pindah.revocations r),
				(SELECT count(*) FROM spellings s WHERE judge(mint(jsonb_build_object('OrganisationId', s.spelling))) LIKE 'revoked:%');
		END LOOP;
	END LOOP;
END $$;
SET pindah.token = '';
SELECT t AS other, judge(mint(jsonb_build_object('OrganisationId', t))) FROM unnest(ARRAY['7c9e6679-7425-40de-944b-e07fc1f90ae8',
	'{7c9e6679-7425-40de-944b-e07fc1f90ae7', '7c9e6679-7425-40de-944b-e07fc1f90ae7}', ' 7c9e6679-7425-40de-944b-e07fc1f90ae7',
	'7c9e6679-7425-40de-944b-e07fc1f90ae77', '7c9e6679-7425-40de-944b-e07fc1f90ae7-', '7c9e6679-7425-40de-944b-e07fc1f90ae',
	'7c-9e6679-7425-40de-944b-e07fc1f90ae7', '-7c9e6679-7425-40de-944b-e07fc1f90ae7', '{}', '']) t;
TRUNCATE pindah.revocations;
SELECT pindah_revoke_organisation('orG'), pindah_revoke_organisation('042'), pindah_revoke_user('one', upper(spelling)) FROM spellings LIMIT 1;
SELECT judge(mint('{}')), judge(mint('{"OrganisationId": 42}')), judge(mint('{"sub": "7c9e6679-7425-40de-944b-e07fc1f90ae7"}'));
-- The session that has such a token is told, too; and a row of before the trigger still hits its own spelling.
TRUNCATE pindah.revocations;
SELECT mint('{"OrganisationId": "7C9E6679-7425-40DE-944B-E07FC1F90AE7"}') AS capitals \gset
SET pindah.token = :'capitals';
SELECT pindah_organisation_uuid();
BEGIN;
SELECT pindah_revoke_organisation('7c9e6679-7425-40de-944b-e07fc1f90ae7');
SELECT pindah_whoami()->>'detail' AS detail;
ROLLBACK;
BEGIN;
ALTER TABLE pindah.revocations DISABLE TRIGGER spell_organisation;
SELECT detail FROM pindah.lint_trigger_disabled;
INSERT INTO pindah.revocations VALUES ('organisation', '', '7C9E6679-7425-40DE-944B-E07FC1F90AE7', now());
SELECT pindah_whoami()->>'detail' AS detail;
ROLLBACK;
SELECT pindah_whoami()->>'organisation_id' AS organisation;
DROP TABLE spellings;
SELECT pindah_revoke_organisation('org'), pindah_revoke_organisation('42');
-- Claims of a role are no token: nobody issued them, and RESET takes them away.
RESET pindah.token;
SET pindah.role_claims = '{"OrganisationId": "org", "jti": "j", "sub": "ann", "iss": "one"}';
SELECT pindah_revoke_token('one', 'j'), pindah_revoke_user('one', 'ann'), pindah_revoke_issuer('one');
SELECT pindah_organisation_id();
RESET pindah.role_claims;
TRUNCATE pindah.revocations;

-- An issuer; '' is the one of tokens without iss.
SELECT pindah_revoke_issuer('');
SELECT judge(mint('{}')), judge(mint('{"iss": null}')), judge(mint('{"iss": ""}')), judge(mint('{"iss": null}', iat => 20));
SELECT pindah_revoke_issuer('one');
SELECT judge(mint('{}')), judge(mint('{}', 'two')), judge(mint('{}', iat => 20));
-- Distrusted and trusted again: what was revoked stays so.
SELECT pindah_distrust_issuer('one');
SELECT pindah_trust_issuer('one', '{"keys": [{"kty": "oct", "kid": "k", "k": "cmVncmVzc2lvbi10ZXN0cy1vbmx5LXNlY3JldC0zMmI"}]}');
SELECT judge(mint('{}'));
-- The narrowest entry is the one that is named.
SELECT pindah_revoke_organisation('org');
SELECT judge(mint('{"jti": "j"}'));
SELECT pindah_revoke_user('one', 'ann');
SELECT judge(mint('{"jti": "j"}'));
SELECT pindah_revoke_token('one', 'j');
SELECT judge(mint('{"jti": "j"}'));
TRUNCATE pindah.revocations;

-- A claim map that is changed makes another user of the same token.
SELECT mint('{"email": "eve"}') AS eve \gset
SET pindah.token = :'eve';
SELECT pindah_revoke_user('one', 'eve');
SELECT pindah_user_id();
SELECT pindah_trust_issuer('one', claim_map => '{"user_id": "email"}');
SELECT pindah_whoami()->>'detail' AS detail;
TRUNCATE pindah.revocations;
SELECT pindah_user_id();
SELECT pindah_revoke_user('one', 'eve');
SELECT pindah_whoami()->>'detail' AS detail;
UPDATE pindah.issuers SET claim_map = NULL;
SELECT pindah_user_id();
TRUNCATE pindah.revocations;

-- Names as long as names can be, and tokens with longer ones.
SELECT pindah_revoke_user('one', repeat('a', 1000));
SELECT judge(mint(jsonb_build_object('sub', repeat('a', n)))) FROM unnest(ARRAY[999, 1000, 1001, 9000]) n;
TRUNCATE pindah.revocations;

-- Without its index the table is read in full; without the table, nobody can
-- tell who was revoked.
SELECT pindah_revoke_user('one', 'ann');
BEGIN;
ALTER TABLE pindah.revocations DROP CONSTRAINT revocations_pkey;
SELECT judge(mint('{}')), judge(mint('{}', 'two'));
ROLLBACK;
TRUNCATE pindah.revocations;
SELECT pindah_user_id(), judge(mint('{}'));
BEGIN;
ALTER EXTENSION pindah_auth DROP TABLE pindah.revocations;
ALTER EXTENSION pindah_auth DROP VIEW pindah.advisor;
ALTER EXTENSION pindah_auth DROP VIEW pindah.lint_revocations_pile_up;
DROP VIEW pindah.advisor, pindah.lint_revocations_pile_up;
DROP TABLE pindah.revocations;
SELECT judge(mint('{}'));
SELECT pindah_user_id();
ROLLBACK;
BEGIN;
ALTER EXTENSION pindah_auth DROP TABLE pindah.revocations;
ALTER TABLE pindah.revocations RENAME TO elsewhere;
CREATE TABLE pindah.revocations (LIKE pindah.elsewhere);
SELECT pindah_whoami()->>'reason' AS reason;
ROLLBACK;
SELECT pindah_user_id(), judge(mint('{}'));

-- The longest life of a token.
SET pindah.max_token_lifetime = '1h';
SELECT judge(mint('{}', iat => -100, exp => 3500)), judge(mint('{}', iat => -100, exp => 3501)),
	judge(mint('{"iat": null}')), judge(mint('{"iat": "1"}')), judge(mint('{"iat": null}', exp => 10));
-- It counts for an identity of before.
SELECT pindah_user_id();
SET pindah.token = :'plain';
RESET pindah.max_token_lifetime;
SELECT pindah_user_id();
SET ROLE regress_pindah_app;
SET pindah.max_token_lifetime = 0;
RESET ROLE;

-- What can be removed, and what cannot.  The first: a token that has expired.
INSERT INTO pindah.revocations (kind, issuer, subject, revoked_at, expires_at) VALUES
	('token', 'one', 'expired', now() - interval '3 days', now() - interval '1 day 1 s'),
	('token', 'one', 'just expired', now() - interval '3 days', now() - interval '23 hours'),
	('token', 'one', 'unknown', now() - interval '3 days', NULL),
	('token', 'one', 'j', now() - interval '3 days', now() + interval '1 day'),
	('user', 'one', 'bob', now() - interval '9 days', NULL),
	('issuer', 'two', '', now() - interval '26 hours', NULL);
SELECT pindah_remove_old_revocations();
SELECT kind, issuer, subject FROM pindah.revocations ORDER BY 1, 2, 3;
-- Revoking removes expired entries in passing, ten at most, and none where
-- that could fail.
INSERT INTO pindah.revocations (kind, issuer, subject, revoked_at, expires_at)
	SELECT 'token', 'one', 'old ' || n, now() - interval '3 days', now() - interval '2 days' FROM generate_series(1, 25) n;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pindah_revoke_token('two', 'x', now() + interval '1 h');
COMMIT;
SELECT count(*) FROM pindah.revocations WHERE subject LIKE 'old %';
SELECT pindah_revoke_token('two', 'x', now() + interval '2 h');
SELECT count(*) FROM pindah.revocations WHERE subject LIKE 'old %';
-- exp of the same jti: the latest counts; unknown is later than any.
SELECT round(extract(epoch FROM expires_at - now()) / 3600) AS hours FROM pindah.revocations WHERE subject = 'x';
SELECT pindah_revoke_token('two', 'x', now());
SELECT round(extract(epoch FROM expires_at - now()) / 3600) AS hours FROM pindah.revocations WHERE subject = 'x';
SELECT pindah_revoke_token('two', 'x');
SELECT pindah_revoke_token('two', 'x', now());
SELECT expires_at FROM pindah.revocations WHERE subject = 'x';

-- With a limit on lifetimes: what is older than that and a day.  One entry
-- takes the place of all, so that no token comes back when the limit goes.
SELECT mint('{"sub": "bob"}', iat => -10 * 86400, exp => 86400) AS bob,
	mint('{"sub": "bob", "iat": null}', exp => 86400) AS bob_undated,
	mint('{"jti": "unknown"}', iat => -3 * 86400 + 200, exp => 86400) AS ahead,
	mint('{}', iat => -4 * 86400, exp => 86400) AS old \gset
SET pindah.token = :'old';
SELECT judge(t) FROM unnest(ARRAY[:'bob', :'bob_undated', :'ahead', :'old']) WITH ORDINALITY AS t (t, n) ORDER BY n;
SET pindah.max_token_lifetime = '2h';
SELECT judge(t) FROM unnest(ARRAY[:'bob', :'bob_undated', :'ahead', :'old']) WITH ORDINALITY AS t (t, n) ORDER BY n;
SELECT pindah_remove_old_revocations() > 0 AS removed;
SELECT kind, issuer, subject, round(extract(epoch FROM now() - revoked_at) / 3600, 1) AS hours FROM pindah.revocations ORDER BY 1, 2, 3;
SELECT pindah_remove_old_revocations();
RESET pindah.max_token_lifetime;
SELECT judge(t) FROM unnest(ARRAY[:'bob', :'bob_undated', :'ahead', :'old']) WITH ORDINALITY AS t (t, n) ORDER BY n;
SELECT pindah_user_id();
SELECT judge(mint('{}')), judge(mint('{"iat": null}'));
-- It never moves back.
UPDATE pindah.revocations SET revoked_at = now() WHERE kind = 'all';
INSERT INTO pindah.revocations VALUES ('user', 'one', 'bob', '2001-01-01'),
	('user', 'one', 'recent', now() - interval '20 h');
SET pindah.max_token_lifetime = '2h';
SELECT pindah_remove_old_revocations();
SELECT revoked_at = (SELECT max(revoked_at) FROM pindah.revocations) AS still FROM pindah.revocations WHERE kind = 'all';
SELECT judge(mint('{}', iat => -1)), judge(mint('{}', iat => 20));
UPDATE pindah.revocations SET revoked_at = '2001-01-01' WHERE kind = 'all';
SELECT pindah_remove_old_revocations();
RESET pindah.max_token_lifetime;

RESET pindah.token;
TRUNCATE pindah.revocations;
SELECT pindah_distrust_issuer('one'), pindah_distrust_issuer('two'), pindah_distrust_issuer('');
DROP FUNCTION judge(text), mint(jsonb, text, int, int);
