-- Whose tokens are believed.
\set SHOW_CONTEXT never
SELECT max(token) FILTER (WHERE name = 'ann') AS ann,
	max(token) FILTER (WHERE name = 'number') AS number,
	max(token) FILTER (WHERE name = 'nowhere') AS nowhere,
	max(token) FILTER (WHERE name = 'uri') AS uri FROM tokens \gset
\set judge 'SELECT reason, detail FROM pindah_inspect_jwt(:\'ann\');'
\set secret '{"kty": "oct", "kid": "main", "k": "cmVncmVzc2lvbi10ZXN0cy1vbmx5LXNlY3JldC0zMmI"}'
\set public '{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}'

-- What is refused.
SELECT pindah_trust_issuer(NULL);
SELECT pindah_trust_issuer('x', jwks => '[]');
SELECT pindah_trust_issuer('x', jwks => '{"keys": {}}');
SELECT pindah_trust_issuer('x', jwks => '{"keys": [{"kty": "oct", "k": "c2hvcnQ"}]}');
SELECT pindah_add_key('https://api.pindah.example', '{"kty": "oct", "k": "the text of a secret, and not its base64url"}');
SELECT pindah_trust_issuer('x', claim_map => '{"tenant": "t"}');
SELECT pindah_trust_issuer('x', claim_map => '{"roles": []}');
SELECT pindah_trust_issuer('x', claim_map => '[]');
SELECT pindah_trust_issuer('x', jwks => ('{"keys": [' || :'secret' || ',' || :'secret' || ']}')::jsonb);
SELECT pindah_trust_issuer('x', jwks => ('{"keys": [' || :'secret' || ',' || :'public' || ']}')::jsonb);
SELECT pindah_distrust_issuer('x');
SELECT pindah_add_key('x', :'secret');
SELECT pindah_add_key('https://api.pindah.example', NULL);
SELECT pindah_add_key('https://api.pindah.example', :'secret', 'revoked');
SELECT pindah_add_key('https://api.pindah.example', :'secret', 'nxt');
SELECT pindah_add_key('https://api.pindah.example', ('{"keys": [' || :'secret' || ']}')::jsonb);
SELECT pindah_verify_jws('x', ('{"keys": [' || :'secret' || ']}')::jsonb);
SELECT pindah_trust_issuer('x', :'secret');
SELECT pindah_trust_issuer('x', ('{"keys": [' || :'public' || ', {"keys": [' || :'secret' || ']}]}')::jsonb);
SELECT pindah_add_key('https://api.pindah.example', :'public');
SELECT pindah_revoke_key('https://api.pindah.example', 'no such key');
-- NULL, as a sub-select without rows gives it, does not pass for success.
SELECT pindah_revoke_key('https://api.pindah.example', NULL);
SELECT pindah_revoke_key(NULL, 'main');
SELECT pindah_distrust_issuer(NULL);
SELECT count(*) FROM pindah.issuers;
:judge

-- A key set: what is not known is skipped, the thumbprint of RFC 7638 is the
-- kid of a key without one (RFC 8037 A.3), private members are not kept.
SELECT pindah_trust_issuer('set', jwks => '{"keys": [
	{"kty": "quantum"}, {"kty": "RSA", "alg": "RSA-OAEP", "use": "enc", "n": "AQAB", "e": "AQAB"},
	{"kty": "OKP", "crv": "Ed25519", "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
	 "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}');
SELECT kid, state, algorithm, jwk FROM pindah.keys WHERE issuer = 'set';
SELECT pindah_distrust_issuer('set');
SELECT count(*) FROM pindah.keys WHERE issuer = 'set';

-- Which key of a set is wrong, by its place, and by its kid if that is fit to
-- be shown; and that the issuer is left without any.
SELECT pindah_trust_issuer('set', jwks => jsonb_build_object('keys', jsonb_build_array(:'public'::jsonb)));
SELECT pindah_trust_issuer('set', jwks => '{"keys": [{"kty": "RSA", "alg": "RS-256", "kid": "api-1", "n": "AQAB", "e": "AQAB"}]}');
SELECT count(*) FROM pindah.keys WHERE issuer = 'set';
SELECT pindah_trust_issuer('set', jwks => jsonb_build_object('keys', jsonb_build_array(:'public'::jsonb,
	'{"kty": "RSA", "use": "enc", "alg": "RSA-OAEP", "kid": "secret-handshake"}'::jsonb,
	jsonb_build_object('kty', 'quantum', 'kid', repeat('k', 65)), jsonb_build_object('kty', 'quantum', 'kid', repeat('k', 64)),
	jsonb_build_object('kty', 'quantum', 'kid', E'a\nLOG:  forged'), '{"kty": "quantum", "kid": 7}'::jsonb)));
SELECT pindah_trust_issuer('set', jwks => jsonb_build_object('keys', jsonb_build_array(:'public'::jsonb,
	'{"kty": "RSA", "alg": "RS256", "kid": "api-2", "n": "AQAB", "e": "AQAB"}'::jsonb)));
SELECT pindah_trust_issuer('set', jwks => '{"keys": []}');
SELECT length(pindah_add_key('set', :'public'));
SELECT length(pindah_create_key('set'));
SELECT pindah_trust_issuer('set', jwks => '{"keys": []}');
SELECT pindah_distrust_issuer('set');

-- Audience and organisations; NULL leaves alone what is there.
SELECT pindah_trust_issuer('https://api.pindah.example', audience => '{other}');
:judge
SELECT pindah_trust_issuer('https://api.pindah.example', audience => '{other,pindah}', organisations => '{x}');
:judge
SELECT reason FROM pindah_inspect_jwt(:'nowhere');
SELECT pindah_trust_issuer('https://api.pindah.example', organisations => '{x,42,a0000000-0000-4000-8000-000000000001}');
:judge
SELECT reason FROM pindah_inspect_jwt(:'number');
SELECT audience, organisations FROM pindah.issuers;
UPDATE pindah.issuers SET organisations = NULL;
SELECT reason FROM pindah_inspect_jwt(:'nowhere');

-- A claim map replaces the names of a claim.
SELECT pindah_trust_issuer('https://api.pindah.example',
	claim_map => '{"user_id": "unique_name", "organisation_id": ["nothing", "email"]}');
SELECT pindah_verify_jwt(:'ann', false) IS NULL, pindah_user_id(), pindah_organisation_id();
SELECT reason FROM pindah_inspect_jwt(:'uri');
UPDATE pindah.issuers SET claim_map = NULL;
-- It holds for an identity that was taken before.
SELECT pindah_user_id();
UPDATE pindah.issuers SET claim_map = '["broken by hand"]';
SELECT pindah_user_id();
UPDATE pindah.issuers SET claim_map = NULL;
SELECT pindah_user_id();

-- A change counts from the next statement on, in a transaction too, and not
-- when it is rolled back; a savepoint's the same.
BEGIN;
UPDATE pindah.keys SET state = 'revoked';
SELECT pindah_user_id();
ROLLBACK;
SELECT pindah_user_id();
BEGIN;
SAVEPOINT s;
SELECT pindah_revoke_key('https://api.pindah.example', 'main');
:judge
ROLLBACK TO s;
:judge
SELECT pindah_user_id();
TRUNCATE pindah.keys, pindah.signing_keys;
:judge
ROLLBACK;
SELECT pindah_user_id();

-- The transaction's own, uncommitted trust counts for it; a token taken
-- under it goes when it is rolled back.
BEGIN;
SELECT pindah_trust_issuer('new', jwks => ('{"keys": [' || :'secret' || ']}')::jsonb);
SELECT reason FROM pindah_inspect_jwt((SELECT token FROM tokens WHERE name = 'ann'));
ROLLBACK;

-- With replicated changes, triggers fire all the same.
SET session_replication_role = replica;
UPDATE pindah.keys SET state = 'revoked';
RESET session_replication_role;
SELECT pindah_user_id();
SELECT pindah_whoami() - 'hint';
SHOW pindah.user_id;
:judge

-- Revoked for good: neither a key set nor pindah_add_key() brings it back.
SELECT pindah_trust_issuer('https://api.pindah.example', jwks => ('{"keys": [' || :'secret' || ']}')::jsonb);
SELECT pindah_add_key('https://api.pindah.example', :'secret');
:judge
UPDATE pindah.keys SET state = 'active';
:judge

-- Without kid in the JWK, the same secret has the thumbprint for kid.
SELECT pindah_add_key('https://api.pindah.example', :'secret'::jsonb - 'kid', 'next') = 'main';
SELECT count(*) FROM pindah.keys WHERE state = 'next' AND length(kid) = 43;
DELETE FROM pindah.keys WHERE kid <> 'main';

-- Distrusted: gone with its keys, for who is signed in too.
BEGIN;
SELECT pindah_distrust_issuer('https://api.pindah.example');
SELECT count(*) FROM pindah.keys;
:judge
SELECT pindah_user_id();
ROLLBACK;

-- A key that a DBA broke by hand verifies nothing.
BEGIN;
UPDATE pindah.keys SET jwk = '{"kty": "oct", "k": "c2hvcnQ"}';
:judge
ROLLBACK;
SELECT pindah_user_id();
RESET pindah.token;

-- Settings: narrower algorithms count at once.
SET pindah.algorithms = 'RS256, ES256';
:judge
SET pindah.algorithms = 'none';
SET pindah.algorithms = 'hs256';
SET pindah.algorithms = '';
:judge
RESET pindah.algorithms;
:judge
