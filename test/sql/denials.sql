-- What must not work, for a plain role with any SQL.
SELECT max(token) FILTER (WHERE name = 'ann') AS ann,
	max(token) FILTER (WHERE name = 'bob') AS bob,
	max(token) FILTER (WHERE name = 'expired') AS expired,
	max(token) FILTER (WHERE name = 'forged') AS forged,
	max(token) FILTER (WHERE name = 'unsigned') AS unsigned FROM tokens \gset
SET ROLE regress_pindah_app;
\set VERBOSITY verbose
\set SHOW_CONTEXT never

-- Nobody is signed in: no rows, no permission, no identity.
SELECT count(*) FROM invoices;
SELECT pindah_user_id(), pindah_user_name(), pindah_email(), pindah_roles(),
	pindah_permissions(), pindah_claims(), pindah_claim('sub');
SELECT pindah_organisation_id(), pindah_organisation_uuid(), pindah_organisation_bigint();
SELECT pindah_organisation_id('a:b:c'), pindah_organisation_uuid('a:b:c'), pindah_organisation_bigint('a:b:c');
SELECT pindah_has_permission('accounting:invoices:view'), pindah_has_role('Accountant'),
	pindah_has_any_permission('a:b:c', 'd:e:f'), pindah_has_all_permissions('a:b:c', 'd:e:f');
\set VERBOSITY terse
SELECT pindah_require_permission('accounting:invoices:view');
INSERT INTO invoices VALUES (2001, 'a0000000-0000-4000-8000-000000000001', 'x', 1, 'USD');
\set VERBOSITY default

-- Bad tokens.
SET pindah.token = :'forged';
SET pindah.token = :'expired';
SET pindah.token = :'unsigned';
SET pindah.token = 'not a token';
SET pindah.token = 'a.b.c';
SET pindah.token = 'Bearer eyJhbGciOiJIUzI1NiJ9.e30.AAAA';
SET pindah.token = E'eyJhbGciOiJIUzI1NiJ9.e30.AAAA\n';
SET pindah.token = ' eyJhbGciOiJIUzI1NiJ9.e30.AAAA';
SET LOCAL pindah.token = 'a.b.c';
SELECT set_config('pindah.token', 'a.b.c', false);
SELECT pindah_verify_jwt(:'forged');
SELECT pindah_verify_jwt('');
SELECT pindah_verify_jwt(NULL);
UPDATE pg_settings SET setting = 'a.b.c' WHERE name = 'pindah.token';
SELECT count(*) FROM invoices;

-- The readable settings cannot be written.
SET pindah.organisation_id = 'b0000000-0000-4000-8000-000000000002';
SET LOCAL pindah.user_id = 'bob';
SELECT set_config('pindah.permissions', '["*:*:*"]', true);
UPDATE pg_settings SET setting = '{}' WHERE name = 'pindah.claims';
ALTER ROLE regress_pindah_app SET pindah.roles = '["Admin"]';
CREATE FUNCTION pg_temp.forge() RETURNS text LANGUAGE sql
	SET pindah.organisation_id = 'x' AS 'SELECT current_setting(''pindah.organisation_id'')';

-- What weakens security is the superuser's.
SET pindah.role_claims = '{"OrganisationId": "b0000000-0000-4000-8000-000000000002"}';
SET pindah.algorithms = 'HS256';
SET pindah.clock_skew = 300;
SET pindah.max_token_size = 1048576;
SET pindah.session_identity = off;
SET pindah.anything_else = 1;

-- Tables and administrative functions are closed.
TABLE pindah.issuers;
TABLE pindah.keys;
SELECT pindah_trust_issuer('evil');
SELECT pindah_distrust_issuer('https://api.pindah.example');
SELECT pindah_add_key('https://api.pindah.example', '{}');
SELECT pindah_revoke_key('https://api.pindah.example', 'main');
SELECT pindah_protect_table('invoices');
SELECT pindah_unprotect_table('invoices');
SELECT pindah.read_jwk('{}', 0);

-- With an identity: only its own tenant, only what it may.
SET pindah.token = :'ann';
SELECT count(*), count(DISTINCT "OrganisationId"), min("OrganisationId"::text) FROM invoices;
SELECT count(*) FROM invoices WHERE "OrganisationId" = 'b0000000-0000-4000-8000-000000000002';
INSERT INTO invoices VALUES (2001, 'b0000000-0000-4000-8000-000000000002', 'x', 1, 'USD');
UPDATE invoices SET amount = 0;
DELETE FROM invoices;
INSERT INTO invoices (id, customer, amount, currency) VALUES (2001, 'mine', 1, 'USD') RETURNING "OrganisationId";
SET pindah.token = :'bob';
SELECT count(*), count(DISTINCT "OrganisationId"), min("OrganisationId"::text) FROM invoices;
UPDATE invoices SET "OrganisationId" = 'a0000000-0000-4000-8000-000000000001' WHERE id = 2;
DELETE FROM invoices WHERE id = 2001;
RESET pindah.token;
SELECT count(*) FROM invoices;
