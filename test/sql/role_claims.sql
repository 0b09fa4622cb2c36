-- Roles that act for somebody without a token.
\set SHOW_CONTEXT never
CREATE ROLE regress_pindah_bi LOGIN;
CREATE ROLE regress_pindah_super SUPERUSER;
CREATE ROLE regress_pindah_bypass BYPASSRLS;
CREATE ROLE regress_pindah_owner;
\set claims '{"OrganisationId": "a0000000-0000-4000-8000-000000000001", "Permission": "accounting:invoices:view", "note": "it''s \\\\ $$"}'
\set shown 'SELECT r.rolname, d.datname IS NOT NULL AS in_database, (SELECT string_agg(regexp_replace(c, \'^pindah.role_claims=\', \'\'), \' \') FROM unnest(s.setconfig) c) AS claims FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase WHERE r.rolname LIKE \'regress_pindah%\' ORDER BY 1, 2;'

-- Who would see everything is refused, also through a role that it can become.
SELECT pindah_bind_role(NULL, :'claims');
SELECT pindah_bind_role('regress_pindah_bi', NULL);
SELECT pindah_bind_role(0::oid::regrole, :'claims');
SELECT pindah_bind_role('regress_pindah_super', :'claims');
SELECT pindah_bind_role('regress_pindah_bypass', :'claims');
GRANT regress_pindah_bypass TO regress_pindah_owner;
GRANT regress_pindah_owner TO regress_pindah_bi;
SELECT pindah_bind_role('regress_pindah_bi', :'claims');
REVOKE regress_pindah_bypass FROM regress_pindah_owner;
REVOKE regress_pindah_owner FROM regress_pindah_bi;
-- So are claims that the setting would refuse.
SELECT pindah_bind_role('regress_pindah_bi', '[]');
SELECT pindah_bind_role('regress_pindah_bi', '{"OrganisationId": ""}');
SELECT pindah_bind_role('regress_pindah_bi', '{"OrganisationId": "x", "role": 7}');
SELECT pindah_bind_role('regress_pindah_bi', :'claims', 'no such database');
SELECT pindah_unbind_role('regress_pindah_bi', 'no such database');
-- And claims that are over: now, long ago, or written so that one does not see it.
SELECT pindah_bind_role('regress_pindah_bi', '{"OrganisationId": "x", "exp": 1}');
SELECT pindah_bind_role('regress_pindah_bi', '{"OrganisationId": "x", "exp": -1.5}');
SELECT pindah_bind_role('regress_pindah_bi', jsonb_build_object('OrganisationId', 'x', 'exp', floor(extract(epoch FROM now()))));
SELECT pindah_bind_role('regress_pindah_bi', '{"OrganisationId": "x", "exp": "soon"}');
SET ROLE regress_pindah_bi;
SELECT pindah_bind_role('regress_pindah_bi', :'claims');
SELECT pindah_unbind_role('regress_pindah_bi');
RESET ROLE;
:shown

-- A plain role: no word, and claims that come out as they went in.
SELECT pindah_bind_role('regress_pindah_bi', :'claims');
:shown
SELECT substr(c, length('pindah.role_claims=') + 1) AS stored FROM pg_db_role_setting s, unnest(s.setconfig) c
	WHERE s.setrole = 'regress_pindah_bi'::regrole \gset
BEGIN;
SET LOCAL pindah.role_claims = :'stored';
SELECT pindah_claims() = :'claims'::jsonb AS same, pindah_organisation_id('accounting:invoices:view');
ROLLBACK;
-- In one database only; and away again.
SELECT current_database() AS db \gset
SELECT pindah_bind_role('regress_pindah_bi', '{"OrganisationId": "b0000000-0000-4000-8000-000000000002"}', :'db');
:shown
SELECT pindah_unbind_role('regress_pindah_bi', :'db');
:shown
SELECT pindah_unbind_role('regress_pindah_bi');
:shown
SELECT pindah_unbind_role(NULL);
-- What was not there is told of, and what is left: in other databases, or everybody's.
SELECT pindah_unbind_role('regress_pindah_bi');
SELECT pindah_bind_role('regress_pindah_bi', '{"OrganisationId": "x", "exp": 32503680000}', :'db');
SELECT pindah_unbind_role('regress_pindah_bi');
BEGIN;
ALTER DATABASE :"db" SET pindah.role_claims = '{"OrganisationId": "y"}';
ALTER ROLE ALL SET pindah.role_claims = '{"OrganisationId": "z"}';
SELECT pindah_unbind_role('regress_pindah_bi');
SELECT pindah_unbind_role('regress_pindah_bi', :'db');
ROLLBACK;
SELECT pindah_unbind_role('regress_pindah_bi', :'db');

-- What is warned of.
SELECT pindah_bind_role('regress_pindah_bi', '{"sub": "bi"}');
SELECT pindah_bind_role('regress_pindah_bi', '{"OrganisationId": "1", "permissions": "shop:orders"}');
SELECT pindah_bind_role('regress_pindah_bi', '{"OrganisationId": "1", "Permission": ["shop:orders:view", "shop:*"]}');
SELECT pindah_bind_role('regress_pindah_bi', '{"OrganisationId": "1", "Permission": ["shop:orders:view", "shop:*:view"]}');
SELECT pindah_bind_role('regress_pindah_bi', '{"sub": "bi"}');
SELECT pindah_bind_role('regress_pindah_owner', '{"OrganisationId": "1"}');
GRANT regress_pindah_owner, pg_read_all_data TO regress_pindah_bi;
ALTER ROLE regress_pindah_bi CREATEROLE REPLICATION;
BEGIN;
ALTER TABLE invoices OWNER TO regress_pindah_owner;
SELECT pindah_bind_role('regress_pindah_bi', '{"OrganisationId": "1"}');
ROLLBACK;
-- Odd names are quoted.
CREATE ROLE "regress_pindah ""bi"" SET x";
SELECT pindah_bind_role('"regress_pindah ""bi"" SET x"', '{"OrganisationId": "1"}');
:shown
SELECT pindah_unbind_role('"regress_pindah ""bi"" SET x"');
DROP ROLE "regress_pindah ""bi"" SET x";
DROP ROLE regress_pindah_bi, regress_pindah_super, regress_pindah_bypass, regress_pindah_owner;
