-- Keys that are made here, and the tokens that they sign.
\set SHOW_CONTEXT never
CREATE FUNCTION header_of(token text) RETURNS jsonb LANGUAGE sql AS
	$$ SELECT header FROM pindah_inspect_jwt(token) $$;
CREATE FUNCTION state_of(issuer text, kid text) RETURNS text LANGUAGE sql AS
	$$ SELECT state::text || CASE WHEN verify_until IS NULL THEN '' ELSE ', ends' END FROM pindah.keys k
		WHERE (k.issuer, k.kid) = ($1, $2) $$;

-- What is refused.
SELECT pindah_create_key('home');
SELECT pindah_issue_jwt('{"sub": "ann"}');
SELECT pindah_issue_jwt('{"sub": "ann"}', issuer => 'home');
SELECT pindah_rotate_key('home');
SELECT pindah_create_key(NULL);
SELECT pindah_create_key('home', NULL);
SELECT pindah_rotate_key(NULL);
SELECT pindah_rotate_key('home', NULL);
SELECT pindah_jwks('home');
SELECT pindah_trust_issuer('home', audience => '{erp}', organisations => '{one,two}');
SELECT pindah_create_key('home', 'none');
SELECT pindah_create_key('home', 'es256');
-- A slip is found at the top: no statement with the inside of it is shown.
DO $$
DECLARE
	context text;
BEGIN
	PERFORM pindah_create_key('home', 'RS257');
EXCEPTION WHEN invalid_parameter_value THEN
	GET STACKED DIAGNOSTICS context = PG_EXCEPTION_CONTEXT;
	RAISE NOTICE 'insert is shown: %', context ~* 'insert';
END $$;
SELECT pindah_create_key('home', 'ES384');
SELECT pindah_rotate_key('home');
SELECT pindah_rotate_key('https://api.pindah.example');
SELECT pindah_issue_jwt('{"sub": "ann"}', issuer => 'https://api.pindah.example');
SELECT count(*) FROM pindah.signing_keys;
SET ROLE regress_pindah_app;
SELECT pindah_create_key('home');
SELECT pindah_rotate_key('home');
SELECT pindah_jwks('home');
SELECT pindah_issue_jwt('{"sub": "ann"}');
SELECT pindah_reencrypt_keys();
SELECT count(*) FROM pindah.signing_keys;
RESET ROLE;

-- The first key signs at once; the next one is there with it.
SELECT pindah_create_key('home') AS first \gset
SELECT state, algorithm, kid = :'first' AS first, length(kid), made_here, activated_at IS NOT NULL AS dated, verify_until
	FROM pindah.keys WHERE issuer = 'home' ORDER BY state;
SELECT kid = :'first' AS first, private_key ~ '^-----BEGIN PRIVATE KEY-----\n' AS clear FROM pindah.signing_keys ORDER BY 1;

-- A token: what is set here, and what it is worth.
SELECT pindah_issue_jwt('{"sub": "ann", "aud": "erp", "OrganisationId": "one", "Permission": ["stock:items:view"]}') AS token \gset
SELECT header_of(:'token') = jsonb_build_object('alg', 'ES256', 'typ', 'JWT', 'kid', :'first') AS header;
SELECT valid, claims - 'iat' - 'exp' - 'jti' AS claims, (claims->'exp')::int - (claims->'iat')::int AS lifetime,
	length(claims->>'jti') AS jti, abs((claims->'iat')::int - extract(epoch FROM now())) < 2 AS now
	FROM pindah_inspect_jwt(:'token');
SET pindah.token = :'token';
SELECT pindah_user_id(), pindah_organisation_id('stock:items:view'), pindah_whoami()->>'key_id' = :'first' AS key;
SELECT count(DISTINCT claims->>'jti') FROM generate_series(1, 50) g,
	pindah_inspect_jwt(pindah_issue_jwt(jsonb_build_object('sub', g::text, 'aud', 'erp', 'OrganisationId', 'one')));
\set lifetime '(claims->\'exp\')::int - (claims->\'iat\')::int AS lifetime FROM pindah_inspect_jwt(pindah_issue_jwt(\'{"sub": "a", "aud": "erp", "OrganisationId": "two"}\''
SELECT :lifetime, '90 seconds'));
SELECT :lifetime, '1 second'));
SET pindah.access_token_lifetime = '5min';
SELECT :lifetime));
RESET pindah.access_token_lifetime;

-- What would not be accepted is not issued.
\set claims '{"sub": "ann", "aud": "erp", "OrganisationId": "one"}'
SELECT pindah_issue_jwt(NULL);
SELECT pindah_issue_jwt('[]');
SELECT pindah_issue_jwt('"x"');
SELECT pindah_issue_jwt('{}');
SELECT pindah_issue_jwt(:'claims'::jsonb - 'sub');
SELECT pindah_issue_jwt(:'claims'::jsonb - 'aud');
SELECT pindah_issue_jwt(:'claims'::jsonb || '{"aud": "shop"}');
SELECT pindah_issue_jwt(:'claims'::jsonb || '{"OrganisationId": "three"}');
SELECT pindah_issue_jwt(:'claims'::jsonb || '{"nameid": "bob"}');
SELECT pindah_issue_jwt(:'claims'::jsonb || '{"nbf": 4102444800}');
SELECT pindah_issue_jwt(:'claims'::jsonb || '{"roles": 7}');
SELECT pindah_issue_jwt(:'claims'::jsonb || jsonb_build_object('pad', repeat('x', 20000)));
SELECT pindah_issue_jwt(:'claims'::jsonb || '{"exp": 4102444800}');
SELECT pindah_issue_jwt(:'claims'::jsonb || '{"iat": 1}');
SELECT pindah_issue_jwt(:'claims'::jsonb || '{"jti": "mine"}');
SELECT pindah_issue_jwt(:'claims'::jsonb || '{"iss": "https://api.pindah.example"}');
SELECT pindah_issue_jwt(:'claims'::jsonb || '{"iss": null}');
SELECT pindah_issue_jwt(:'claims', '0');
SELECT pindah_issue_jwt(:'claims', '-1 hour');
SELECT pindah_issue_jwt(:'claims', '9000 years');
SELECT pindah_issue_jwt(:'claims', issuer => 'nobody');
SELECT valid FROM pindah_inspect_jwt(pindah_issue_jwt(:'claims'::jsonb || '{"iss": "home"}', issuer => 'home'));
BEGIN;
SET LOCAL pindah.algorithms = 'RS256';
SELECT pindah_issue_jwt(:'claims');
ROLLBACK;
-- Claims that would get out of the JSON they are put into.
SELECT valid, claims->>'sub' AS sub FROM pindah_inspect_jwt(
	pindah_issue_jwt(:'claims'::jsonb || jsonb_build_object('sub', E'"},"iss":"x\\\n')));

-- Tokens without iss; and several issuers, of which one must be named.
SELECT pindah_trust_issuer('');
SELECT length(pindah_create_key('', 'HS256'));
SELECT pindah_issue_jwt(:'claims');
SELECT valid, claims ? 'iss' AS iss, header->>'alg' AS alg
	FROM pindah_inspect_jwt(pindah_issue_jwt('{"sub": "ann"}', issuer => ''));
SELECT pindah_jwks('');
SELECT count(*) FROM pindah.signing_keys WHERE issuer = '';
-- It rotates as the others do.
SELECT length(pindah_rotate_key(''));
SELECT state FROM pindah.keys WHERE issuer = '' ORDER BY state;
SELECT pindah_create_key('home', 'HS256');
SELECT pindah_create_key('', 'ES256');
SELECT pindah_distrust_issuer('');

-- Of every kind: it signs, it is accepted, and what is published is public.
SET pindah.algorithms = 'HS256,HS384,HS512,RS256,ES256,ES384,ES512,ES256K,EdDSA,Ed25519,Ed448';
CREATE TEMPORARY TABLE made AS
	SELECT a AS algorithm, 'issuer ' || a AS issuer
	FROM unnest(string_to_array(current_setting('pindah.algorithms'), ',')) a;
DO $$ BEGIN
	PERFORM pindah_trust_issuer(issuer) FROM made;
	PERFORM pindah_create_key(issuer, algorithm) FROM made;
END $$;
SELECT algorithm, header->>'alg' AS alg, valid, length(pindah_jwks(issuer)::text) AS size,
	(SELECT count(*) FROM jsonb_array_elements(pindah_jwks(issuer)->'keys') k) AS published,
	(SELECT string_agg(DISTINCT m, ' ' ORDER BY m) FROM jsonb_array_elements(pindah_jwks(issuer)->'keys') k, jsonb_object_keys(k) m) AS members
	FROM made, pindah_inspect_jwt(pindah_issue_jwt('{"sub": "ann"}', issuer => issuer)) ORDER BY 1;
-- Nor when somebody has put a private key into pindah.keys by hand.
INSERT INTO pindah.keys (issuer, kid, jwk, algorithm)
	SELECT 'issuer RS256', 'by hand', jwk || '{"d": "x", "p": "x", "q": "x", "dp": "x", "dq": "x", "qi": "x", "oth": [], "k": "x", "kid": "other"}', algorithm
	FROM pindah.keys WHERE issuer = 'issuer RS256' LIMIT 1;
SELECT (SELECT string_agg(DISTINCT m, ' ' ORDER BY m) FROM jsonb_object_keys(k) m), k->>'kid' = 'other' AS other
	FROM jsonb_array_elements(pindah_jwks('issuer RS256')->'keys') k WHERE k->>'kid' IN ('by hand', 'other');
INSERT INTO pindah.keys (issuer, kid, jwk, algorithm) VALUES ('issuer ES256', 'odd', '{"kty": "oct", "k": "x"}', 'HS256');
SELECT pindah_jwks('issuer ES256')::text LIKE '%oct%' AS secret;
DO $$ BEGIN PERFORM pindah_distrust_issuer(issuer) FROM made; END $$;
RESET pindah.algorithms;
SELECT count(*) FROM pindah.signing_keys WHERE issuer <> 'home';

-- Rotation: the next key signs, the old one verifies for a while, its private
-- part is gone at once, and there is a new next.
SELECT kid AS second FROM pindah.keys WHERE issuer = 'home' AND state = 'next' \gset
SELECT pindah_rotate_key('home') = :'second' AS promoted;
SELECT state_of('home', :'first'), state_of('home', :'second'),
	(SELECT count(*) FROM pindah.keys WHERE issuer = 'home') AS keys,
	(SELECT count(*) FROM pindah.signing_keys WHERE issuer = 'home' AND kid = :'first') AS private;
SELECT verify_until - changed_at BETWEEN '119 min' AND '121 min' AS overlap FROM pindah.keys WHERE kid = :'first';
SELECT k->>'kid' = :'second' AS active, k->>'kid' = :'first' AS retiring
	FROM jsonb_array_elements(pindah_jwks('home')->'keys') WITH ORDINALITY t(k, n) ORDER BY n;
SELECT pindah_user_id();
SELECT header_of(pindah_issue_jwt(:'claims'))->>'kid' = :'second' AS second;
-- Past its time: not published, refused, for who is signed in too.
UPDATE pindah.keys SET verify_until = statement_timestamp() WHERE kid = :'first';
SELECT pindah_jwks('home')::text LIKE '%' || :'first' || '%' AS published;
SELECT pindah_user_id();
RESET pindah.token;
-- The overlap.
SELECT length(pindah_rotate_key('home', '10 minutes'));
SELECT pindah_rotate_key('home', '-1 second');
SELECT pindah_rotate_key('home', '10000 years');
-- Another algorithm: it becomes the next, in place of the next of before.
SELECT kid AS unused FROM pindah.keys WHERE issuer = 'home' AND state = 'next' \gset
SELECT pindah_create_key('home', 'EdDSA') AS third \gset
SELECT state_of('home', :'third'), state_of('home', :'unused');
SELECT pindah_rotate_key('home') = :'third' AS promoted;
SELECT header_of(pindah_issue_jwt(:'claims'))->>'alg' AS alg;
SELECT k->>'alg' AS alg FROM jsonb_array_elements(pindah_jwks('home')->'keys') WITH ORDINALITY t(k, n) ORDER BY n;
-- Keys that retired long ago are forgotten.
UPDATE pindah.keys SET verify_until = now() - interval '31 days' WHERE issuer = 'home' AND state = 'retiring';
SELECT length(pindah_rotate_key('home'));
SELECT state FROM pindah.keys WHERE issuer = 'home' ORDER BY state;

-- Two keys cannot sign, nor two be next, nor does pindah_add_key() change what
-- was made here.
UPDATE pindah.keys SET state = 'active' WHERE issuer = 'home' AND state = 'next';
UPDATE pindah.keys SET state = 'next' WHERE issuer = 'home' AND state = 'active';
SELECT pindah_add_key('home', k) FROM jsonb_array_elements(pindah_jwks('home')->'keys') k LIMIT 1;
-- A key set that is trusted leaves them alone; beside a key of another kind it
-- is refused; and it has no say over a kid.
SELECT pindah_trust_issuer('home', jwks => '{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "theirs", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}');
SELECT pindah_trust_issuer('home', jwks => pindah_jwks('home'));
SELECT made_here, count(*) FROM pindah.keys WHERE issuer = 'home' GROUP BY 1 ORDER BY 1;
SELECT pindah_trust_issuer('home', jwks => '{"keys": []}');
SELECT pindah_trust_issuer('home', jwks => '{"keys": [{"kty": "oct", "k": "Xq0pJmVt3rWcY8dKf2LhZs7nBgAeUoTi5vRxQyMbNjE"}]}');
SELECT pindah_trust_issuer('home', jwks => jsonb_build_object('keys', jsonb_build_array(jsonb_build_object(
	'kty', 'OKP', 'crv', 'Ed25519', 'kid', kid, 'x', '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'))))
	FROM pindah.keys WHERE issuer = 'home' AND state = 'active';
SELECT made_here, count(*) FROM pindah.keys WHERE issuer = 'home' GROUP BY 1 ORDER BY 1;

-- Revoked: its private part is gone, and nothing signs until somebody decides
-- whether the next key has leaked as well.
SELECT pindah_issue_jwt(:'claims') AS token \gset
SELECT kid AS active FROM pindah.keys WHERE issuer = 'home' AND state = 'active' \gset
SELECT kid AS upcoming FROM pindah.keys WHERE issuer = 'home' AND state = 'next' \gset
BEGIN;
SELECT pindah_revoke_key('home', :'active');
SELECT count(*) FROM pindah.signing_keys WHERE kid = :'active';
SELECT reason FROM pindah_inspect_jwt(:'token');
SELECT pindah_issue_jwt(:'claims');
ROLLBACK;
BEGIN;
SELECT pindah_revoke_key('home', :'active');
SELECT pindah_rotate_key('home') = :'upcoming' AS promoted;
SELECT header_of(pindah_issue_jwt(:'claims'))->>'kid' = :'upcoming' AS upcoming;
ROLLBACK;
SELECT pindah_revoke_key('home', :'active');
SELECT pindah_create_key('home') IN (:'active', :'upcoming') AS either;
SELECT state_of('home', :'active'), state_of('home', :'upcoming');
SELECT header_of(pindah_issue_jwt(:'claims'))->>'kid' IN (:'active', :'upcoming') AS either;
-- A next key can be revoked as well; rotation makes another then.
SELECT pindah_revoke_key('home', kid) FROM pindah.keys WHERE issuer = 'home' AND state = 'next';
SELECT length(pindah_rotate_key('home'));

-- The private part is lost, or is that of another key: nothing is signed, and
-- rotation begins anew.
BEGIN;
DELETE FROM pindah.signing_keys;
SELECT pindah_issue_jwt(:'claims');
ROLLBACK;
BEGIN;
DELETE FROM pindah.signing_keys;
SELECT length(pindah_rotate_key('home'));
SELECT valid FROM pindah_inspect_jwt(pindah_issue_jwt(:'claims'));
ROLLBACK;
BEGIN;
UPDATE pindah.signing_keys s SET private_key = o.private_key FROM pindah.signing_keys o WHERE o.kid <> s.kid;
SELECT pindah_issue_jwt(:'claims');
ROLLBACK;
BEGIN;
UPDATE pindah.signing_keys SET private_key = '-----BEGIN ENCRYPTED PRIVATE KEY-----';
SAVEPOINT s;
SELECT pindah_issue_jwt(:'claims');
ROLLBACK TO s;
SELECT pindah_reencrypt_keys();
ROLLBACK;
SELECT pindah_reencrypt_keys();
SELECT valid FROM pindah_inspect_jwt(pindah_issue_jwt(:'claims'));

-- Who may read and write everything may not read private keys, nor the secrets
-- of HMAC keys: neither in their tables, nor in what ANALYZE has sampled, nor in
-- a TOAST table.  Nor does it say whom to trust, or take a revocation back.
SELECT pindah_trust_issuer('rsa');
SELECT length(pindah_create_key('rsa', 'RS256'));
SELECT pindah_trust_issuer('large');
SELECT length(pindah_add_key('large', jsonb_build_object('kty', 'oct', 'k', (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 150) n))));
SELECT pindah_revoke_user('large', 'u');
ANALYZE pindah.signing_keys, pindah.keys;
CREATE ROLE regress_pindah_reader;
GRANT pg_read_all_data, pg_write_all_data TO regress_pindah_reader;
SET ROLE regress_pindah_reader;
SELECT count(*) FROM pindah.signing_keys;
SELECT count(*) FROM pindah.keys;
SELECT count(*) FROM pindah.issuers WHERE issuer IN ('rsa', 'large');
INSERT INTO pindah.issuers (issuer) VALUES ('mine');
INSERT INTO pindah.keys (issuer, kid, jwk, algorithm) VALUES ('rsa', 'mine', '{}', 'HS256');
INSERT INTO pindah.signing_keys (issuer, kid, private_key) VALUES ('rsa', 'mine', 'x');
INSERT INTO pindah.revocations (kind, issuer, subject, revoked_at) VALUES ('user', 'rsa', 'u', now());
UPDATE pindah.issuers SET audience = NULL, organisations = NULL WHERE issuer = 'rsa';
UPDATE pindah.keys SET state = 'active', verify_until = NULL;
DELETE FROM pindah.revocations WHERE subject = 'u';
UPDATE pindah.revocations SET expires_at = '2000-01-01';
TRUNCATE pindah.revocations;
SELECT count(*) FROM pg_statistic WHERE (starelid, staattnum) IN
	(('pindah.signing_keys'::regclass, 3), ('pindah.keys'::regclass, 4));
SELECT format('SELECT count(*) FROM pg_toast.pg_toast_%s', 'pindah.signing_keys'::regclass::oid) AS toast \gset
:toast;
SELECT format('SELECT count(*) FROM pg_toast.pg_toast_%s', 'pindah.keys'::regclass::oid) AS toast \gset
:toast;
RESET ROLE;
SELECT subject FROM pindah.revocations;
DELETE FROM pindah.revocations;
SELECT count(*) FROM pindah.signing_keys WHERE issuer = 'rsa';
DROP ROLE regress_pindah_reader;

-- Nobody can forge the settings of this, before the library is loaded.
SHOW pindah.access_token_lifetime;
SET ROLE regress_pindah_app;
SET pindah.access_token_lifetime = '30 days';
\set VERBOSITY sqlstate
SHOW pindah.key_passphrase_file;
\set VERBOSITY default
RESET ROLE;
SET pindah.key_passphrase_file = '/tmp/x';

DROP FUNCTION header_of;
DROP FUNCTION state_of;
SELECT pindah_distrust_issuer(i) FROM unnest(ARRAY['home', 'rsa', 'large']) i;
