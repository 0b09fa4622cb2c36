-- A token in, and what it says of whom.
SELECT max(token) FILTER (WHERE name = 'ann') AS ann,
	max(token) FILTER (WHERE name = 'bob') AS bob,
	max(token) FILTER (WHERE name = 'uri') AS uri,
	max(token) FILTER (WHERE name = 'number') AS number,
	max(token) FILTER (WHERE name = 'nowhere') AS nowhere,
	max(token) FILTER (WHERE name = 'forged') AS forged FROM tokens \gset

-- Nobody.
SELECT pindah_whoami();
SHOW pindah.token;
SELECT current_setting('pindah.user_id') = '', current_setting('pindah.claims') = '';

-- Taken for the session.
SELECT jsonb_object_keys(pindah_verify_jwt(:'ann', is_local => false));
SELECT pindah_whoami();
SELECT pindah_user_id(), pindah_user_name(), pindah_email(), pindah_roles(), pindah_permissions();
SELECT pindah_organisation_id(), pindah_organisation_uuid(), pindah_organisation_bigint();
SELECT pindah_claim('unique_name'), pindah_claim('exp'), pindah_claim('Permission'), pindah_claim('absent'), pindah_claim(NULL);
SELECT pindah_claims()->>'aud';

-- The same, as settings; the token itself is never shown.
SHOW pindah.user_id;
SHOW pindah.user_name;
SHOW pindah.email;
SHOW pindah.organisation_id;
SHOW pindah.roles;
SHOW pindah.permissions;
SHOW pindah.claims;
SET TimeZone = 'UTC';
SHOW pindah.expires_at;
RESET TimeZone;
SHOW pindah.token;
SELECT count(*) FROM pg_settings WHERE name IN ('pindah.token', 'pindah.role_claims');
SELECT name FROM pg_settings WHERE name LIKE 'pindah.%' ORDER BY name COLLATE "C";

-- Other shapes of claims.
SET pindah.token = :'uri';
SELECT pindah_user_id(), pindah_user_name(), pindah_email(), pindah_roles(), pindah_permissions();
SET pindah.token = :'number';
SELECT pindah_organisation_id(), pindah_organisation_uuid(), pindah_organisation_bigint();
SET pindah.token = :'nowhere';
SELECT pindah_user_id(), pindah_organisation_id(), pindah_organisation_uuid('a:b:c');

-- Cleared.
SELECT pindah_clear_identity();
SELECT pindah_user_id();

-- Local to the transaction; outside of one, with a warning.
BEGIN;
SELECT pindah_verify_jwt(:'ann') ->> 'nameid';
SELECT pindah_user_id();
COMMIT;
SELECT pindah_user_id();
SELECT pindah_verify_jwt(:'ann') ->> 'nameid';
SELECT pindah_user_id();
DO $$
BEGIN
	PERFORM pindah_verify_jwt((SELECT token FROM tokens WHERE name = 'bob'));
	RAISE NOTICE 'in this block: %', pindah_user_id();
END $$;
SELECT pindah_user_id();

-- A refused token leaves the identity of before in place.
SET pindah.token = :'ann';
SET pindah.token = :'forged';
SELECT pindah_user_id();
RESET pindah.token;

-- Looking without taking.
SELECT valid, reason, detail, header, claims->>'nameid' AS nameid, extract(epoch FROM expires_at) AS expires_at
	FROM tokens, pindah_inspect_jwt(token) ORDER BY name;
SELECT * FROM pindah_inspect_jwt('');
SELECT * FROM pindah_inspect_jwt(NULL);
SELECT * FROM pindah_inspect_jwt('e30.e30.');
SELECT reason FROM pindah_inspect_jwt(repeat('a', 16385));
SELECT pindah_user_id();

-- Claims that a superuser vouches for; a token wins over them.
SET pindah.role_claims = '{"OrganisationId": "a0000000-0000-4000-8000-000000000001", "Permission": ["accounting:invoices:view"]}';
SELECT pindah_whoami();
SET ROLE regress_pindah_app;
SELECT count(*) FROM invoices;
\set VERBOSITY sqlstate
SHOW pindah.role_claims;
\set VERBOSITY default
SET pindah.token = :'bob';
SELECT min("OrganisationId"::text), pindah_user_id() FROM invoices;
RESET pindah.token;
RESET ROLE;
SET pindah.role_claims = '{"OrganisationId": "a0000000-0000-4000-8000-000000000001", "exp": 1700000000}';
SELECT pindah_whoami();
SELECT pindah_organisation_id();
SET pindah.role_claims = '{"OrganisationId": "a0000000-0000-4000-8000-000000000001", "nbf": 4102444800}';
SELECT pindah_organisation_id();
SET pindah.role_claims = '{"OrganisationId": true}';
SET pindah.role_claims = '{"Permission": "a:b:c", "Permission": "*:*:*"}';
SET pindah.role_claims = 'x';
RESET pindah.role_claims;
