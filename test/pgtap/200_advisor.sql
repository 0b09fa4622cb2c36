-- Each lint of the advisor goes 0 -> 1 -> 0: a hole is made, the advisor reports
-- it and nothing else, its remediation is run, and the advisor is as before.
\set QUIET 1
\pset format unaligned
\pset tuples_only on
\pset pager off
\set ON_ERROR_STOP 1
BEGIN;
SELECT no_plan();
SET LOCAL client_min_messages = error;

-- What the advisor says that it did not say before.
CREATE TEMP TABLE said (name text, level text, detail text);
CREATE TEMP TABLE says (LIKE said);
CREATE FUNCTION pg_temp.news() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM says;
	INSERT INTO says SELECT a.name, a.level, a.detail FROM pindah.advisor a;
	RETURN coalesce((SELECT string_agg(n.name || ' ' || n.level, ', ' ORDER BY n.name, n.level)
		FROM (TABLE says EXCEPT ALL TABLE said) n), 'nothing');
END $$;
CREATE FUNCTION pg_temp.take_note() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM said;
	INSERT INTO said TABLE says;
END $$;

-- Make a hole; the advisor reports what is expected, once; mend it as the
-- finding says, or, where only a human can decide, as this one did.  What
-- remains, if anything, is less.
CREATE FUNCTION pg_temp.goes(what text, hole text, expected text, detail text, human text DEFAULT NULL, remains text DEFAULT 'nothing') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	lint text := split_part(expected, ' ', 1);
	finding record;
BEGIN
	EXECUTE hole;
	RETURN NEXT is(pg_temp.news(), expected, what || ': reported');
	FOR finding IN EXECUTE format('SELECT * FROM pindah.lint_%s WHERE (name, level, detail) NOT IN (SELECT s.name, s.level, s.detail FROM said s)', lint) LOOP
		RETURN NEXT is(finding.detail, detail, what || ': named');
		RETURN NEXT is(finding.remediation LIKE '--%', human IS NOT NULL, what || ': '
			|| CASE WHEN human IS NULL THEN 'SQL mends it' ELSE 'a human has to decide' END);
		IF human IS NULL THEN
			EXECUTE finding.remediation;
		END IF;
	END LOOP;
	EXECUTE coalesce(human, '');
	RETURN NEXT is(pg_temp.news(), remains, what || ': mended');
	PERFORM pg_temp.take_note();
END $$;

CREATE SCHEMA wall;
CREATE ROLE lint_app LOGIN;
CREATE ROLE lint_owner LOGIN;
GRANT USAGE ON SCHEMA wall TO lint_app;
GRANT ALL ON SCHEMA wall TO lint_owner;
SELECT set_config('pindah_test.database', quote_ident(current_database()), true) \gset

-- A schema in which all is well, of every kind of table.
CREATE TABLE wall.invoices ("OrganisationId" uuid NOT NULL, id integer NOT NULL, number text, PRIMARY KEY ("OrganisationId", id));
CREATE TABLE wall.lines ("OrganisationId" uuid NOT NULL, invoice_id integer NOT NULL, line integer NOT NULL,
	PRIMARY KEY ("OrganisationId", invoice_id, line), FOREIGN KEY ("OrganisationId", invoice_id) REFERENCES wall.invoices);
CREATE TABLE wall.parents (organisation_id bigint NOT NULL, id bigint GENERATED ALWAYS AS IDENTITY UNIQUE, PRIMARY KEY (organisation_id, id));
CREATE TABLE wall.children (parent_id bigint NOT NULL REFERENCES wall.parents (id), n integer, PRIMARY KEY (parent_id, n));
CREATE TABLE wall.currencies (code text PRIMARY KEY);
CREATE TABLE wall.sales (organisation_id text NOT NULL, year integer NOT NULL, PRIMARY KEY (organisation_id, year)) PARTITION BY LIST (year);
CREATE TABLE wall.sales_2026 PARTITION OF wall.sales FOR VALUES IN (2026);
CREATE TABLE wall.plain (id integer PRIMARY KEY, name text UNIQUE);
CREATE TABLE wall."Odd ""name""" ("OrganisationId" varchar(40) NOT NULL PRIMARY KEY);
SELECT pindah_protect_table('wall.invoices', permission => 'a:invoices') \gset
SELECT pindah_protect_table('wall.lines') \gset
SELECT pindah_protect_table('wall.parents', permission => 'a:parents', verbs => '{"select": "read"}') \gset
SELECT pindah_protect_table('wall.children', parent => 'wall.parents', foreign_key => 'parent_id', permission => 'a:parents') \gset
SELECT pindah_protect_table('wall.currencies', shared => true, permission => 'a:currencies') \gset
SELECT pindah_protect_table('wall.sales') \gset
SELECT pindah_protect_table('wall."Odd ""name"""') \gset
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA wall TO lint_app;
CREATE VIEW wall.my_invoices WITH (security_invoker) AS SELECT * FROM wall.invoices;
SELECT is((SELECT string_agg(name || ': ' || detail, E'\n') FROM pindah.advisor WHERE level <> 'INFO' AND name <> 'library_not_preloaded'),
	NULL, 'a schema in which all is well: nothing to report');
SELECT is((SELECT string_agg(name || ': ' || detail, E'\n') FROM pindah.advisor WHERE level = 'INFO'),
	'unique_without_tenant: table wall.parents: unique index parents_id_key is not by tenant', 'but for a generated key');
SELECT lives_ok('SELECT pindah_check()', 'a schema in which all is well passes the check');

-- The check, and who may ask.
SELECT throws_ok('SET LOCAL ROLE lint_app; SELECT pindah_check()', '42501', NULL, 'the check is closed');
SELECT throws_ok('SET LOCAL ROLE lint_app; TABLE pindah.advisor', '42501', NULL, 'the advisor is closed');
SELECT throws_ok('SET LOCAL ROLE lint_app; TABLE pindah.lint_key_old', '42501', NULL, 'the lints are closed');
GRANT EXECUTE ON FUNCTION pindah_check TO lint_app;
GRANT SELECT ON pindah.advisor TO lint_app;
ALTER TABLE wall.invoices DISABLE ROW LEVEL SECURITY;
SET LOCAL ROLE lint_app;
SELECT throws_ok('SELECT pindah_check()', '55000', 'the tenants are not kept apart', 'a role for deployments is told of holes');
SELECT is((SELECT detail FROM pindah.advisor WHERE level = 'ERROR'), 'table wall.invoices: row-level security is off', 'a role that is granted the advisor reads it');
RESET ROLE;
ALTER TABLE wall.invoices ENABLE ROW LEVEL SECURITY;
REVOKE ALL ON pindah.advisor FROM lint_app;

-- Every lint is a part of the advisor, and has the same columns.
SELECT is((SELECT count(*) FROM regexp_matches(pg_get_viewdef('pindah.advisor'), 'lint_\w+', 'g')),
	8 * (SELECT count(*) FROM pg_views WHERE schemaname = 'pindah' AND viewname LIKE 'lint\_%'), 'the advisor has all lints, each once');
SELECT is((SELECT array_agg(DISTINCT c.columns) FROM (SELECT string_agg(a.attname || ' ' || a.atttypid::regtype, ', ' ORDER BY a.attnum) AS columns
		FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relnamespace = 'pindah'::regnamespace AND c.relkind = 'v' AND c.relname <> 'trust'
		WHERE a.attnum > 0 GROUP BY c.oid) c),
	ARRAY['name text, title text, level text, category text, description text, detail text, remediation text'], 'all have the same columns');
SELECT is((SELECT count(*) FROM pg_class c WHERE c.relnamespace = 'pindah'::regnamespace AND c.relkind = 'v' AND c.relname <> 'trust' AND c.relacl IS NOT NULL
		AND EXISTS (SELECT FROM aclexplode(c.relacl) a WHERE a.grantee <> c.relowner)), 0::bigint, 'all are closed');
SELECT is((SELECT string_agg(c.relname, ', ') FROM pg_class c WHERE c.relnamespace = 'pindah'::regnamespace AND c.relkind IN ('v', 'r')
		AND obj_description(c.oid, 'pg_class') IS NULL), NULL, 'all are commented');

SELECT is(pg_temp.news(), 'library_not_preloaded WARN, unique_without_tenant INFO', 'the beginning') WHERE NOT pindah.is_preloaded();
SELECT pg_temp.news() \g /dev/null
SELECT pg_temp.take_note() \g /dev/null

-- Tables
SELECT pg_temp.goes('row-level security off', 'CREATE TABLE wall.t (organisation_id uuid NOT NULL PRIMARY KEY)',
	'rls_disabled ERROR', 'table wall.t: row-level security is off');
SELECT pg_temp.goes('of a table without an index, which is made when it is protected', 'CREATE TABLE wall.bare (organisation_id uuid NOT NULL)',
	'rls_disabled ERROR', 'table wall.bare: row-level security is off');
SELECT pg_temp.goes('of a protected table', 'ALTER TABLE wall.t DISABLE ROW LEVEL SECURITY',
	'rls_disabled ERROR', 'table wall.t: row-level security is off');
SELECT pg_temp.goes('of a table with a name', 'ALTER TABLE wall."Odd ""name""" DISABLE ROW LEVEL SECURITY',
	'rls_disabled ERROR', 'table wall."Odd ""name""": row-level security is off');
SELECT pg_temp.goes('of a child', 'ALTER TABLE wall.children DISABLE ROW LEVEL SECURITY',
	'rls_disabled ERROR', 'table wall.children: row-level security is off');
SELECT pg_temp.goes('of a shared table', 'ALTER TABLE wall.currencies DISABLE ROW LEVEL SECURITY',
	'rls_disabled ERROR', 'table wall.currencies: row-level security is off');
SELECT pg_temp.goes('of a table whose column is of another type', 'CREATE TABLE wall.n ("OrganisationId" numeric NOT NULL PRIMARY KEY)',
	'rls_disabled ERROR', 'table wall.n: row-level security is off', 'DROP TABLE wall.n');
SELECT pg_temp.goes('of a partitioned table, once',
	'CREATE TABLE wall.p (organisation_id uuid PRIMARY KEY) PARTITION BY HASH (organisation_id); CREATE TABLE wall.p0 PARTITION OF wall.p FOR VALUES WITH (MODULUS 1, REMAINDER 0)',
	'rls_disabled ERROR', 'table wall.p: row-level security is off');
SELECT pg_temp.goes('partition open', 'ALTER TABLE wall.sales_2026 DISABLE ROW LEVEL SECURITY',
	'partition_open ERROR', 'table wall.sales_2026, a partition or child of wall.sales: row-level security is off');
SELECT pg_temp.goes('child open', 'ALTER EVENT TRIGGER pindah_protect_new_children DISABLE;
	CREATE TABLE wall.more (organisation_id uuid NOT NULL PRIMARY KEY) INHERITS (wall.t); ALTER EVENT TRIGGER pindah_protect_new_children ENABLE',
	'partition_open ERROR', 'table wall.more, a partition or child of wall.t: row-level security is off');
SELECT pg_temp.goes('partition that was shared', 'ALTER EVENT TRIGGER pindah_protect_new_children DISABLE; CREATE TABLE wall.sales_2027 (LIKE wall.sales INCLUDING ALL);
	SELECT pindah_protect_table(''wall.sales_2027'', shared => true); ALTER TABLE wall.sales ATTACH PARTITION wall.sales_2027 FOR VALUES IN (2027);
	ALTER EVENT TRIGGER pindah_protect_new_children ENABLE',
	'partition_open ERROR', 'table wall.sales_2027, a partition or child of wall.sales: its policies do not name the tenant');
SELECT pg_temp.goes('parent open', 'CREATE TABLE wall.documents (body text);
	CREATE TABLE wall.letters (organisation_id uuid NOT NULL PRIMARY KEY) INHERITS (wall.documents); SELECT pindah_protect_table(''wall.letters'')',
	'parent_open ERROR', 'table wall.documents, the parent of wall.letters: row-level security is off');
SELECT pg_temp.goes('not forced, owner a superuser', 'ALTER TABLE wall.t NO FORCE ROW LEVEL SECURITY',
	'rls_not_forced WARN', 'table wall.t: row-level security is on but not forced; owner ' || quote_ident(current_user));
SELECT pg_temp.goes('an owner that can log in', 'ALTER TABLE wall.t OWNER TO lint_owner',
	'role_owns_tables WARN', 'role lint_owner: owns 1 protected table, and lint_owner can log in as it', 'ALTER ROLE lint_owner NOLOGIN');
SELECT pg_temp.goes('a member of the owner', 'CREATE ROLE lint_group; GRANT lint_owner TO lint_group; GRANT lint_group TO lint_app',
	'role_owns_tables WARN', 'role lint_owner: owns 1 protected table, and lint_app can log in as it', 'REVOKE lint_group FROM lint_app');
SELECT is((SELECT remediation FROM pindah.lint_role_owns_tables), NULL, 'nobody logs in as the owner');
GRANT lint_owner TO lint_app;
SELECT is((SELECT remediation FROM pindah.lint_role_owns_tables), '-- Leave only the role for migrations a member: REVOKE lint_owner FROM lint_app;',
	'an owner who cannot log in keeps the tables');
SELECT pg_temp.news() \g /dev/null
SELECT pg_temp.take_note() \g /dev/null
SELECT pg_temp.goes('not forced, and somebody can log in as the owner', 'ALTER TABLE wall.t NO FORCE ROW LEVEL SECURITY',
	'rls_not_forced ERROR', 'table wall.t: row-level security is on but not forced; owner lint_owner, used by lint_app');
REVOKE lint_owner FROM lint_app;
ALTER TABLE wall.t OWNER TO CURRENT_USER;

-- Children whose parent is open: nothing is wrong with their own policies.
CREATE FUNCTION pg_temp.open(relation regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	policy name;
BEGIN
	FOR policy IN SELECT polname FROM pg_policy WHERE polrelid = relation LOOP
		EXECUTE format('DROP POLICY %I ON %s', policy, relation);
	END LOOP;
	EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY', relation);
END $$;
SELECT throws_ok('SELECT pindah_unprotect_table(''wall.parents'')', '2BP01', NULL, 'a parent is not unprotected before its children');
SELECT pg_temp.goes('the parent unprotected', 'SELECT pg_temp.open(''wall.parents''); CREATE POLICY everybody ON wall.children USING (true)',
	'parent_not_protected ERROR, rls_disabled ERROR', 'table wall.children: its parent wall.parents is not protected');
SELECT pg_temp.goes('with row-level security off', 'ALTER TABLE wall.parents DISABLE ROW LEVEL SECURITY',
	'parent_not_protected ERROR, rls_disabled ERROR', 'table wall.children: its parent wall.parents is not protected');
SELECT pg_temp.goes('shared', 'SELECT pg_temp.open(''wall.parents''); SELECT pindah_protect_table(''wall.parents'', shared => true)',
	'parent_not_protected ERROR, shared_with_tenant_column ERROR', 'table wall.children: its parent wall.parents is shared by all tenants');
DROP POLICY everybody ON wall.children;
SELECT pindah_protect_table('wall.parents', permission => 'a:parents', verbs => '{"select": "read"}') \gset
CREATE TABLE wall.schools (school bigint PRIMARY KEY);
CREATE TABLE wall.pupils (school bigint PRIMARY KEY REFERENCES wall.schools);
SELECT pindah_protect_table('wall.schools', 'school') \gset
SELECT pindah_protect_table('wall.pupils', parent => 'wall.schools', foreign_key => 'school') \gset
SELECT pg_temp.goes('without a usual column', 'SELECT pg_temp.open(''wall.schools'')',
	'parent_not_protected ERROR', 'table wall.pupils: its parent wall.schools is not protected', 'SELECT pindah_protect_table(''wall.schools'', ''school'')');
SELECT is(pg_temp.news(), 'nothing', 'the policies of the children are left alone');
DROP TABLE wall.pupils, wall.schools;
SELECT pg_temp.goes('a shared table with a tenant column', 'CREATE TABLE wall.price_lists ("OrganisationId" uuid NOT NULL PRIMARY KEY); SELECT pindah_protect_table(''wall.price_lists'', shared => true)',
	'shared_with_tenant_column ERROR', 'table wall.price_lists: it is shared, and has the column "OrganisationId"');
SELECT pg_temp.goes('of another type', 'CREATE TABLE wall.numbered (organisation_id numeric NOT NULL PRIMARY KEY); SELECT pindah_protect_table(''wall.numbered'', shared => true)',
	'shared_with_tenant_column ERROR', 'table wall.numbered: it is shared, and has the column organisation_id', 'DROP TABLE wall.numbered');
DROP TABLE wall.price_lists;

-- What pindah_protect_table() made
SELECT pg_temp.goes('tenant policy altered', 'ALTER POLICY pindah_tenant ON wall.invoices USING (true) WITH CHECK (true)',
	'protection_altered ERROR', 'table wall.invoices: pindah_tenant was altered');
SELECT is(pg_get_expr(polqual, polrelid), '("OrganisationId" = pindah_organisation_uuid(''a:invoices:view''::text))', 'its permissions are kept')
	FROM pg_policy WHERE polrelid = 'wall.invoices'::regclass AND polname = 'pindah_select';
SELECT pg_temp.goes('WITH CHECK altered', 'ALTER POLICY pindah_tenant ON wall.invoices WITH CHECK (true)',
	'protection_altered ERROR', 'table wall.invoices: pindah_tenant was altered');
SELECT pg_temp.goes('an exception added', 'ALTER POLICY pindah_tenant ON wall.invoices USING ("OrganisationId" = pindah_organisation_uuid() OR number IS NULL)',
	'protection_altered ERROR', 'table wall.invoices: pindah_tenant was altered');
SELECT pg_temp.goes('compared otherwise', 'ALTER POLICY pindah_tenant ON wall.parents USING (organisation_id <> pindah_organisation_bigint())',
	'protection_altered ERROR', 'table wall.parents: pindah_tenant was altered');
SELECT pg_temp.goes('for some roles', 'ALTER POLICY pindah_tenant ON wall.parents TO lint_app',
	'protection_altered ERROR', 'table wall.parents: pindah_tenant was altered');
SELECT pg_temp.goes('tenant policy gone', 'DROP POLICY pindah_tenant ON wall.sales',
	'protection_altered ERROR', 'table wall.sales: pindah_tenant is gone');
SELECT pg_temp.goes('of a child', 'DROP POLICY pindah_tenant ON wall.children',
	'protection_altered ERROR', 'table wall.children: pindah_tenant is gone');
SELECT pg_temp.goes('of a child, altered', 'ALTER POLICY pindah_tenant ON wall.children USING (parent_id > 0) WITH CHECK (parent_id > 0)',
	'protection_altered ERROR', 'table wall.children: pindah_tenant was altered');
SELECT pg_temp.goes('of a shared table', 'ALTER POLICY pindah_wall_insert ON wall.currencies WITH CHECK (true)',
	'protection_altered ERROR', 'table wall.currencies: pindah_wall_insert was altered');
SELECT pg_temp.goes('permission of a child altered', 'ALTER POLICY pindah_select ON wall.children USING (true)',
	'protection_altered WARN', 'table wall.children: pindah_select was altered');
SELECT pg_temp.goes('permission altered', 'ALTER POLICY pindah_select ON wall.invoices USING (true)',
	'protection_altered WARN', 'table wall.invoices: pindah_select was altered');
SELECT pg_temp.goes('reads a setting', 'ALTER POLICY pindah_tenant ON wall.lines USING ("OrganisationId" = current_setting(''app.tenant'')::uuid)',
	'protection_altered ERROR', 'table wall.lines: pindah_tenant was altered');
SELECT pg_temp.goes('record gone', 'COMMENT ON POLICY pindah_select ON wall.children IS NULL; DROP POLICY pindah_tenant ON wall.children',
	'protection_altered ERROR', 'table wall.children: pindah_tenant is gone',
	'SELECT pindah_protect_table(''wall.children'', parent => ''wall.parents'', foreign_key => ''parent_id'', permission => ''a:parents'')');

-- Policies of one's own
CREATE TABLE wall.own (organisation_id uuid NOT NULL PRIMARY KEY, author text);
ALTER TABLE wall.own ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON wall.own AS RESTRICTIVE USING (organisation_id = pindah_organisation_uuid() AND pindah.holds(organisation_id = pindah_organisation_uuid()));
CREATE POLICY mine ON wall.own USING (organisation_id = pindah_organisation_uuid() AND author = pindah_user_id());
SELECT is((SELECT count(*) FROM pindah.advisor WHERE detail ~ 'wall.own'), 0::bigint, 'a wall of one''s own is as good');
SELECT pg_temp.goes('no policy at all', 'CREATE TABLE wall.empty (organisation_id uuid NOT NULL PRIMARY KEY); ALTER TABLE wall.empty ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY',
	'no_tenant_policy WARN', 'table wall.empty: no restrictive policy for all commands and roles names the tenant');
SELECT pg_temp.goes('no restrictive policy', 'DROP POLICY tenant_wall ON wall.own',
	'no_tenant_policy ERROR', 'table wall.own: no restrictive policy for all commands and roles names the tenant');
SELECT pg_temp.goes('a restrictive policy for one command', 'DROP POLICY tenant_wall ON wall.own;
	CREATE POLICY reading ON wall.own AS RESTRICTIVE FOR SELECT USING (organisation_id = pindah_organisation_uuid())',
	'no_tenant_policy ERROR', 'table wall.own: no restrictive policy for all commands and roles names the tenant');
SELECT pg_temp.goes('the planner can move it', 'ALTER POLICY tenant_wall ON wall.own USING (organisation_id = pindah_organisation_uuid())',
	'policy_not_held ERROR', 'policy tenant_wall of table wall.own: the tenant is not in pindah.holds()');
DROP POLICY mine ON wall.own;
SELECT pg_temp.goes('a permissive policy ignores the tenant', 'DROP POLICY tenant_wall ON wall.own; CREATE POLICY everybody ON wall.own USING (true)',
	'policy_ignores_tenant ERROR', 'policy everybody of table wall.own: DELETE, INSERT, UPDATE for every tenant', NULL, 'policy_widens_permissions INFO');
DROP POLICY reading ON wall.own;
SELECT pg_temp.goes('it asks what one may, not whose it is', 'DROP POLICY tenant_wall ON wall.own; ALTER POLICY everybody ON wall.own USING (pindah_has_permission(''a:own:view''))',
	'policy_ignores_tenant ERROR', 'policy everybody of table wall.own: DELETE, INSERT, SELECT, UPDATE for every tenant');
SELECT pg_temp.goes('it compares no column', 'DROP POLICY tenant_wall ON wall.own; ALTER POLICY everybody ON wall.own USING (pindah_organisation_uuid() IS NOT NULL)',
	'policy_ignores_tenant ERROR', 'policy everybody of table wall.own: DELETE, INSERT, SELECT, UPDATE for every tenant', NULL, 'policy_widens_permissions INFO');
SELECT pg_temp.goes('the wall is for other roles', 'ALTER POLICY tenant_wall ON wall.own RENAME TO narrow; ALTER POLICY narrow ON wall.own TO lint_owner',
	'policy_ignores_tenant ERROR', 'policy everybody of table wall.own: DELETE, INSERT, SELECT, UPDATE for every tenant');
DROP POLICY everybody ON wall.own;
SELECT pg_temp.goes('INSERT for everybody', 'DROP POLICY tenant_wall ON wall.own; CREATE POLICY add ON wall.own FOR INSERT WITH CHECK (true)',
	'policy_ignores_tenant ERROR', 'policy add of table wall.own: INSERT for every tenant', NULL, 'policy_widens_permissions INFO');
DROP POLICY add ON wall.own;
SELECT pg_temp.goes('a table without a usual column', 'CREATE TABLE wall.schools (school_id uuid NOT NULL PRIMARY KEY); ALTER TABLE wall.schools ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
	CREATE POLICY a ON wall.schools FOR SELECT USING (school_id = pindah_organisation_uuid()); CREATE POLICY b ON wall.schools FOR SELECT USING (true)',
	'policy_ignores_tenant ERROR', 'policy b of table wall.schools: SELECT for every tenant', NULL, 'no_tenant_policy ERROR');
DROP TABLE wall.schools;
SELECT pg_temp.goes('a wall whose WITH CHECK is open', 'ALTER POLICY tenant_wall ON wall.own WITH CHECK (true); CREATE POLICY everybody ON wall.own USING (organisation_id = pindah_organisation_uuid())',
	'check_ignores_tenant ERROR', 'policy tenant_wall of table wall.own: WITH CHECK does not name the tenant');
SELECT pg_temp.goes('a permissive policy whose WITH CHECK is open', 'DROP POLICY tenant_wall ON wall.own; ALTER POLICY everybody ON wall.own WITH CHECK (true)',
	'check_ignores_tenant ERROR', 'policy everybody of table wall.own: WITH CHECK does not name the tenant', NULL, 'no_tenant_policy ERROR');
DROP TABLE wall.own;

-- Functions of one's own in policies
CREATE FUNCTION wall.tenant() RETURNS uuid LANGUAGE sql STABLE AS 'SELECT pindah_organisation_uuid()';
CREATE FUNCTION wall.believing() RETURNS uuid LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN current_setting('app.tenant', true); END $$;
CREATE TABLE wall.wrapped (organisation_id uuid NOT NULL PRIMARY KEY);
ALTER TABLE wall.wrapped ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY wall ON wall.wrapped AS RESTRICTIVE USING (pindah.holds(organisation_id = wall.tenant()));
CREATE POLICY everybody ON wall.wrapped USING (organisation_id = wall.tenant());
SELECT is(pg_temp.news(), 'nothing', 'a function that asks for the tenant is as good as an accessor');
CREATE TABLE wall.through ("OrganisationId" uuid NOT NULL, invoice_id integer NOT NULL, PRIMARY KEY ("OrganisationId", invoice_id));
ALTER TABLE wall.through ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY wall ON wall.through AS RESTRICTIVE
	USING (EXISTS (SELECT FROM wall.invoices i WHERE i.id = invoice_id AND i."OrganisationId" = through."OrganisationId"));
CREATE POLICY everybody ON wall.through USING ("OrganisationId" = wall.tenant());
SELECT is(pg_temp.news(), 'nothing', 'so are rows that are protected themselves');
DROP TABLE wall.wrapped, wall.through;

-- Settings that can be forged
CREATE TABLE wall.s (organisation_id uuid NOT NULL PRIMARY KEY);
ALTER TABLE wall.s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON wall.s AS RESTRICTIVE USING (organisation_id = pindah_organisation_uuid() AND pindah.holds(organisation_id = pindah_organisation_uuid()));
CREATE POLICY q ON wall.s USING (organisation_id = pindah_organisation_uuid());
SELECT pg_temp.goes('a setting of PostgREST', $$ALTER POLICY p ON wall.s USING (organisation_id = (current_setting('request.jwt.claims', true)::jsonb->>'OrganisationId')::uuid)$$,
	'policy_reads_forgeable_setting ERROR', 'policy p of table wall.s: reads request.jwt.claims');
SELECT pg_temp.goes('a setting of one''s own', $$ALTER POLICY p ON wall.s USING (organisation_id = current_setting('App.Tenant')::uuid OR current_setting('app.admin') = 'on')$$,
	'policy_reads_forgeable_setting ERROR', 'policy p of table wall.s: reads app.admin, app.tenant');
SELECT pg_temp.goes('a setting that everybody has', $$ALTER POLICY p ON wall.s USING (organisation_id = current_setting('application_name')::uuid)$$,
	'policy_reads_forgeable_setting ERROR', 'policy p of table wall.s: reads application_name');
SELECT pg_temp.goes('a computed name', $$ALTER POLICY p ON wall.s USING (organisation_id = current_setting('app.' || current_user)::uuid)$$,
	'policy_reads_forgeable_setting ERROR', 'policy p of table wall.s: reads (computed)');
SELECT pg_temp.goes('through a function', $$ALTER POLICY p ON wall.s USING (organisation_id = wall.believing())$$,
	'policy_reads_forgeable_setting ERROR', 'policy p of table wall.s: reads app.tenant');
SELECT pg_temp.goes('in WITH CHECK', $$ALTER POLICY p ON wall.s WITH CHECK (organisation_id = wall.believing())$$,
	'policy_reads_forgeable_setting ERROR', 'policy p of table wall.s: reads app.tenant');
SELECT pg_temp.goes('behind a wall', $$ALTER POLICY q ON wall.s USING (organisation_id = wall.believing())$$,
	'policy_reads_forgeable_setting WARN', 'policy q of table wall.s: reads app.tenant');
SELECT pg_temp.goes('of a table that is not ours', $$CREATE TABLE wall.theirs (tenant text); ALTER TABLE wall.theirs ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
	CREATE POLICY p ON wall.theirs USING (tenant = current_setting('app.tenant'))$$,
	'policy_reads_forgeable_setting ERROR', 'policy p of table wall.theirs: reads app.tenant', 'DROP TABLE wall.theirs');
ALTER POLICY q ON wall.s USING (organisation_id = pindah_organisation_uuid() AND current_setting('server_version_num')::integer > 0);
SELECT is(pg_temp.news(), 'nothing', 'what only the server sets is believed');
ALTER POLICY q ON wall.s USING (organisation_id = pindah_organisation_uuid());

SELECT pindah.is_preloaded() AS preloaded \gset
\if :preloaded
SELECT skip('the library is preloaded', 9);
\else
SELECT pg_temp.goes('our settings, not preloaded', $$ALTER POLICY p ON wall.s USING (pindah.holds(organisation_id::text = current_setting('pindah.organisation_id')))$$,
	'policy_reads_unloaded_setting ERROR', 'policy p of table wall.s: reads pindah.organisation_id, and the library is not preloaded');
DROP TABLE wall.s;
SELECT pg_temp.goes('not preloaded', 'ALTER DATABASE ' || current_setting('pindah_test.database') || ' RESET session_preload_libraries',
	'library_not_preloaded WARN', 'database ' || current_setting('pindah_test.database') || ': pindah_auth is neither in shared_preload_libraries nor, for every role, in session_preload_libraries');
\endif

-- Permissions
CREATE TABLE wall.asks (organisation_id uuid NOT NULL PRIMARY KEY);
ALTER TABLE wall.asks ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON wall.asks AS RESTRICTIVE USING (organisation_id = pindah_organisation_uuid() AND pindah.holds(organisation_id = pindah_organisation_uuid()));
CREATE POLICY viewers ON wall.asks USING (organisation_id = pindah_organisation_uuid('a:b:view'));
CREATE POLICY editors ON wall.asks AS RESTRICTIVE FOR UPDATE USING (pindah_has_permission('a:b:edit'));
SELECT pg_temp.goes('a policy widens permissions', 'CREATE POLICY everybody ON wall.asks USING (true)',
	'policy_widens_permissions WARN', 'policy everybody of table wall.asks: asks for no permission');
SELECT pg_temp.goes('but not where a restrictive one asks', 'CREATE POLICY everybody ON wall.asks FOR UPDATE USING (true); CREATE POLICY look ON wall.asks FOR SELECT USING (true)',
	'policy_widens_permissions WARN', 'policy look of table wall.asks: asks for no permission');
DROP TABLE wall.asks;
CREATE POLICY everybody ON wall.invoices USING (true) WITH CHECK (true);
SELECT is(pg_temp.news(), 'nothing', 'where restrictive policies ask for the permissions, none is widened');
DROP POLICY everybody ON wall.invoices;
SELECT pg_temp.goes('a policy for the permission of a command', 'DROP POLICY pindah_wall_select ON wall.invoices',
	'protection_altered WARN', 'table wall.invoices: pindah_wall_select is gone');
SELECT pg_temp.goes('of a child', 'ALTER POLICY pindah_wall_delete ON wall.children USING (true)',
	'protection_altered WARN', 'table wall.children: pindah_wall_delete was altered');
SELECT pg_temp.goes('where none is asked for', 'CREATE POLICY everybody ON wall.lines FOR SELECT USING (true)',
	'policy_widens_permissions INFO', 'policy everybody of table wall.lines: asks for no permission');

-- The tenant column, and the key to the parent
SELECT pg_temp.goes('a key that was not validated', 'ALTER TABLE wall.children DROP CONSTRAINT children_parent_id_fkey, ADD CONSTRAINT late FOREIGN KEY (parent_id) REFERENCES wall.parents (id) NOT VALID',
	'child_without_parent WARN', 'table wall.children: foreign key late is not validated');
SELECT pg_temp.goes('no key', 'ALTER TABLE wall.children DROP CONSTRAINT late',
	'child_without_parent WARN', 'table wall.children: no foreign key on parent_id', 'ALTER TABLE wall.children ADD FOREIGN KEY (parent_id) REFERENCES wall.parents (id)');
SELECT pg_temp.goes('NULL', 'CREATE TABLE wall.nullable (organisation_id uuid); CREATE INDEX ON wall.nullable (organisation_id); SELECT pindah_protect_table(''wall.nullable'')',
	'tenant_column_nullable WARN', 'table wall.nullable: column organisation_id can be NULL');
SELECT pg_temp.goes('NULL, in a row', 'ALTER TABLE wall.nullable ALTER organisation_id DROP NOT NULL; INSERT INTO wall.nullable VALUES (NULL)',
	'tenant_column_nullable WARN', 'table wall.nullable: column organisation_id can be NULL, and is in some rows',
	'DELETE FROM wall.nullable WHERE organisation_id IS NULL; ALTER TABLE wall.nullable ALTER COLUMN organisation_id SET NOT NULL');
SELECT pg_temp.goes('no index', 'DROP INDEX wall.nullable_organisation_id_idx',
	'tenant_not_indexed WARN', 'table wall.nullable: no index leads with organisation_id');
SELECT pg_temp.goes('no index of a child', 'ALTER TABLE wall.children DROP CONSTRAINT children_pkey, ADD PRIMARY KEY (n, parent_id)',
	'tenant_not_indexed WARN', 'table wall.children: no index leads with parent_id');
SELECT pg_temp.goes('tenants that compare equal', 'CREATE COLLATION wall.ignorant (provider = icu, locale = ''und-u-ks-level2'', deterministic = false);
	CREATE TABLE wall.equal ("OrganisationId" text COLLATE wall.ignorant NOT NULL PRIMARY KEY); ALTER TABLE wall.equal ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
	CREATE POLICY wall ON wall.equal AS RESTRICTIVE USING (pindah.holds("OrganisationId" = pindah_organisation_id()))',
	'tenant_column_collation ERROR', 'table wall.equal: column "OrganisationId" has the nondeterministic collation wall.ignorant',
	'DROP POLICY wall ON wall.equal; ALTER TABLE wall.equal ALTER COLUMN "OrganisationId" TYPE text COLLATE "C"; SELECT pindah_protect_table(''wall.equal'')');

-- Views
SELECT pg_temp.goes('a view', 'CREATE VIEW wall."All invoices" AS SELECT * FROM wall.invoices',
	'view_with_owner_rights ERROR', 'view wall."All invoices", owner ' || quote_ident(current_user) || ': reads wall.invoices');
SELECT pg_temp.goes('a view of a view that asks its caller', 'CREATE VIEW wall.second AS SELECT * FROM wall.my_invoices',
	'view_with_owner_rights ERROR', 'view wall.second, owner ' || quote_ident(current_user) || ': reads wall.invoices');
SELECT pg_temp.goes('a view of such a view, reported once', 'ALTER VIEW wall."All invoices" RESET (security_invoker); CREATE VIEW wall.third WITH (security_invoker = on) AS SELECT * FROM wall."All invoices"',
	'view_with_owner_rights ERROR', 'view wall."All invoices", owner ' || quote_ident(current_user) || ': reads wall.invoices');
SELECT pg_temp.goes('a view of an owner whom the policies bind', 'ALTER VIEW wall.second RESET (security_invoker); ALTER VIEW wall.second OWNER TO lint_owner',
	'view_with_owner_rights INFO', 'view wall.second, owner lint_owner: reads wall.invoices');
SELECT pg_temp.goes('a materialised view', 'CREATE MATERIALIZED VIEW wall.sums AS SELECT count(*) FROM wall.my_invoices; GRANT SELECT ON wall.sums TO lint_app; GRANT SELECT (count) ON wall.sums TO PUBLIC',
	'materialized_view_open ERROR', 'materialised view wall.sums with rows of wall.invoices: open to PUBLIC, lint_app');
SELECT pg_temp.goes('a view of it', 'CREATE VIEW wall.of_sums AS TABLE wall.sums',
	'view_with_owner_rights ERROR', 'view wall.of_sums, owner ' || quote_ident(current_user) || ': reads wall.invoices');
SELECT pg_temp.goes('a foreign table', 'CREATE FOREIGN DATA WRAPPER wall_fdw; CREATE SERVER wall_server FOREIGN DATA WRAPPER wall_fdw;
	CREATE FOREIGN TABLE wall.far ("OrganisationId" uuid) SERVER wall_server; GRANT SELECT ON wall.far TO lint_app',
	'foreign_table_open ERROR', 'foreign table wall.far: open to lint_app');
SELECT pg_temp.goes('a foreign partition', 'CREATE TABLE wall.logs (organisation_id text NOT NULL, year integer NOT NULL) PARTITION BY LIST (year); SELECT pindah_protect_table(''wall.logs'');
	CREATE FOREIGN TABLE wall.logs_2020 PARTITION OF wall.logs FOR VALUES IN (2020) SERVER wall_server; GRANT SELECT ON wall.logs_2020 TO PUBLIC',
	'foreign_table_open ERROR', 'foreign table wall.logs_2020: open to PUBLIC');

-- Functions
SELECT pg_temp.goes('no search_path', $$CREATE FUNCTION wall.f(a text, VARIADIC b integer[]) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN (SELECT count(*) FROM INVOICES WHERE pindah_has_permission(a)); END'$$,
	'definer_search_path ERROR', 'function wall.f(a text, VARIADIC b integer[]), which touches wall.invoices: no search_path');
SELECT is(proconfig, '{"search_path=pg_catalog, wall, pg_temp"}', 'the search_path that was set') FROM pg_proc WHERE oid = 'wall.f'::regproc;
SELECT pg_temp.goes('a search_path without pg_temp', 'ALTER FUNCTION wall.f SET search_path = "$user", wall',
	'definer_search_path WARN', 'function wall.f(a text, VARIADIC b integer[]), which touches wall.invoices: search_path is "$user", wall');
SELECT pg_temp.goes('no search_path, and closed', 'ALTER FUNCTION wall.f RESET search_path; REVOKE EXECUTE ON FUNCTION wall.f FROM PUBLIC',
	'definer_search_path WARN', 'function wall.f(a text, VARIADIC b integer[]), which touches wall.invoices: no search_path');
SELECT pg_temp.goes('with a body of SQL', $$CREATE FUNCTION wall.q() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp RETURN (SELECT count(*) FROM wall."Odd ""name""")$$,
	'definer_above_policies WARN', 'function wall.q(): touches wall."Odd ""name"""');
SELECT pg_temp.goes('with a quoted name', $$CREATE PROCEDURE wall.r() LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'DELETE FROM wall."Odd ""name"""'$$,
	'definer_above_policies WARN', 'function wall.r(): touches wall."Odd ""name"""');
SELECT pg_temp.goes('leakproof', 'CREATE FUNCTION wall.leak(text) RETURNS boolean LANGUAGE sql IMMUTABLE LEAKPROOF AS ''SELECT true''',
	'leakproof_function WARN', 'function wall.leak(text): LEAKPROOF');

-- Keys
SELECT pg_temp.goes('a unique constraint', 'ALTER TABLE wall.invoices ADD CONSTRAINT one_number UNIQUE (number)',
	'unique_without_tenant WARN', 'table wall.invoices: unique index one_number is not by tenant');
SELECT is(pg_get_constraintdef(oid), 'UNIQUE ("OrganisationId", number)', 'by tenant now') FROM pg_constraint WHERE conname = 'one_number';
SELECT pg_temp.goes('a unique index', 'CREATE UNIQUE INDEX "One" ON wall.invoices (id, number) INCLUDE ("OrganisationId") WHERE id > 0',
	'unique_without_tenant WARN', 'table wall.invoices: unique index "One" is not by tenant');
SELECT is(pg_get_indexdef('wall."One"'::regclass), 'CREATE UNIQUE INDEX "One" ON wall.invoices USING btree ("OrganisationId", id, number) INCLUDE ("OrganisationId") WHERE (id > 0)', 'by tenant now');
SELECT pg_temp.goes('a generated key', 'CREATE TABLE wall.gen (organisation_id uuid NOT NULL, id serial PRIMARY KEY); SELECT pindah_protect_table(''wall.gen'')',
	'unique_without_tenant INFO', 'table wall.gen: unique index gen_pkey is not by tenant', 'ALTER TABLE wall.gen DROP CONSTRAINT gen_pkey');
SELECT pg_temp.goes('an exclusion constraint', 'ALTER TABLE wall.lines ADD EXCLUDE (line WITH =)',
	'unique_without_tenant WARN', 'table wall.lines: unique index lines_line_excl is not by tenant', 'ALTER TABLE wall.lines DROP CONSTRAINT lines_line_excl');
SELECT pg_temp.goes('a foreign key', 'CREATE TABLE wall.notes (organisation_id bigint NOT NULL, id integer, parent bigint CONSTRAINT note_parent REFERENCES wall.parents (id) ON DELETE SET NULL, PRIMARY KEY (organisation_id, id));
	SELECT pindah_protect_table(''wall.notes'')',
	'foreign_key_crosses_tenants WARN', 'foreign key note_parent of table wall.notes to wall.parents: the tenant is not a part of it');
SELECT is(pg_get_constraintdef(oid), 'FOREIGN KEY (organisation_id, parent) REFERENCES wall.parents(organisation_id, id) ON DELETE SET NULL (parent)', 'by tenant now')
	FROM pg_constraint WHERE conname = 'note_parent';
SELECT pg_temp.goes('a foreign key to a table without such a key', 'ALTER TABLE wall.parents DROP CONSTRAINT parents_pkey CASCADE; CREATE INDEX ON wall.parents (organisation_id);
	ALTER TABLE wall.notes ADD CONSTRAINT note_parent FOREIGN KEY (parent) REFERENCES wall.parents (id) ON UPDATE CASCADE',
	'foreign_key_crosses_tenants WARN', 'foreign key note_parent of table wall.notes to wall.parents: the tenant is not a part of it');
SELECT is(pg_get_constraintdef(oid), 'FOREIGN KEY (organisation_id, parent) REFERENCES wall.parents(organisation_id, id) ON UPDATE CASCADE', 'by tenant now')
	FROM pg_constraint WHERE conname = 'note_parent';
SELECT pg_temp.goes('a foreign key of a child', 'ALTER TABLE wall.children ADD other bigint CONSTRAINT other REFERENCES wall.parents (id)',
	'foreign_key_crosses_tenants WARN', 'foreign key other of table wall.children to wall.parents: the tenant is not a part of it', 'ALTER TABLE wall.children DROP other');

-- Grants, replication, rules, triggers
SELECT pg_temp.goes('TRUNCATE', 'GRANT ALL ON wall.invoices TO lint_app; GRANT REFERENCES (number) ON wall.invoices TO PUBLIC',
	'table_grants WARN', 'table wall.invoices: REFERENCES, TRIGGER, TRUNCATE granted to PUBLIC, lint_app');
SELECT pg_temp.goes('of a shared table', 'GRANT TRUNCATE ON wall.currencies TO lint_app',
	'table_grants WARN', 'table wall.currencies: TRUNCATE granted to lint_app');
SELECT pg_temp.goes('a publication', 'CREATE PUBLICATION half FOR TABLE wall.invoices, wall.lines, wall.plain, wall."Odd ""name""" WHERE ("OrganisationId" = ''acme'')',
	'publication WARN', 'publication half: publishes wall.invoices, wall.lines');
SELECT pg_temp.goes('a publication of a schema', 'CREATE PUBLICATION whole FOR TABLES IN SCHEMA wall',
	'publication WARN', 'publication whole: publishes ' || (SELECT pindah.first_few(array_agg(name ORDER BY name)) FROM pindah.tenant_tables() WHERE kind <> 'shared'), 'DROP PUBLICATION whole');
SELECT pg_temp.goes('a publication of all', 'CREATE PUBLICATION everything FOR ALL TABLES',
	'publication WARN, signing_keys_published WARN', 'publication everything: publishes ' || (SELECT pindah.first_few(array_agg(name ORDER BY name)) FROM pindah.tenant_tables() WHERE kind <> 'shared'), 'DROP PUBLICATION everything');
SELECT pg_temp.goes('a rule', 'CREATE RULE copy AS ON INSERT TO wall.invoices DO ALSO INSERT INTO wall.plain VALUES (new.id)',
	'rule INFO', 'rule copy on table wall.invoices');
CREATE FUNCTION wall.copy() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_notify(''x'', new::text); RETURN new; END';
CREATE FUNCTION wall.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
SELECT pg_temp.goes('a trigger', 'CREATE TRIGGER tell AFTER INSERT ON wall.invoices FOR EACH ROW EXECUTE FUNCTION wall.copy();
	CREATE TRIGGER touch AFTER INSERT ON wall.invoices FOR EACH ROW EXECUTE FUNCTION wall.touch()',
	'trigger_copies_rows INFO', 'trigger tell on table wall.invoices: calls wall.copy()', 'ALTER TABLE wall.invoices DISABLE TRIGGER tell');

-- Statistics, large objects, schemas
SELECT pg_temp.goes('statistics of an expression', 'CREATE INDEX numbers ON wall.invoices ("OrganisationId", lower(number)); INSERT INTO wall.invoices SELECT gen_random_uuid(), n, ''a'' FROM generate_series(1, 3) n; ANALYZE wall.invoices',
	'expression_statistics INFO', 'table wall.invoices: expression 2 of index wall.numbers');
SELECT is((SELECT count(*) FROM pg_stats WHERE tablename = 'numbers'), 0::bigint, 'they are gone');
-- What is read at one time can be run in any order: no remediation undoes another.
CREATE FUNCTION pg_temp.mend(pattern text, backwards boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	remediation text;
BEGIN
	FOREACH remediation IN ARRAY (SELECT array_agg(a.remediation ORDER BY (a.name || a.detail) COLLATE "C") FROM pindah.advisor a
		WHERE NOT backwards AND a.detail ~ pattern)
		|| (SELECT array_agg(a.remediation ORDER BY (a.name || a.detail) COLLATE "C" DESC) FROM pindah.advisor a WHERE backwards AND a.detail ~ pattern) LOOP
		EXECUTE remediation;
	END LOOP;
END $$;
CREATE UNIQUE INDEX codes ON wall.invoices ((id + 1), lower(number));
SELECT pg_temp.mend('codes', true) \g /dev/null
SELECT is(pg_get_indexdef('wall.codes'::regclass), 'CREATE UNIQUE INDEX codes ON wall.invoices USING btree ("OrganisationId", ((id + 1)), lower(number))',
	'a unique index on expressions is by tenant');
SELECT pg_temp.mend('codes', false) \g /dev/null
SELECT is(pg_temp.news(), 'nothing', 'and both of its expressions without statistics');
SELECT is(pg_get_indexdef('wall.codes'::regclass), 'CREATE UNIQUE INDEX codes ON wall.invoices USING btree ("OrganisationId", ((id + 1)), lower(number))',
	'and it is by tenant still');
DROP INDEX wall.codes;
CREATE ROLE lint_reader;
GRANT pg_read_all_data TO lint_reader;
SELECT pg_temp.goes('predefined roles', 'GRANT lint_reader TO lint_app',
	'role_reads_everything ERROR', 'role lint_app: can log in, and is a member of pg_read_all_data', 'REVOKE lint_reader FROM lint_app');
SELECT pg_temp.goes('predefined roles', 'GRANT pg_write_all_data, pg_read_server_files TO lint_app',
	'role_reads_everything ERROR', 'role lint_app: can log in, and is a member of pg_read_server_files, pg_write_all_data');
SELECT pg_temp.goes('files of the server', 'GRANT pg_execute_server_program TO lint_app',
	'role_reads_everything WARN', 'role lint_app: can log in, and is a member of pg_execute_server_program');
SELECT pg_temp.goes('the catalog of statistics', 'GRANT SELECT ON pg_statistic TO lint_app',
	'catalog_grants ERROR', 'catalog pg_statistic: SELECT granted to lint_app');
SELECT pg_temp.goes('large objects', 'CREATE TEMP TABLE lo AS SELECT lo_create(4711) AS oid; GRANT SELECT ON LARGE OBJECT 4711 TO lint_app',
	'large_objects WARN', 'large objects: 1 can be read by lint_app', 'SELECT lo_unlink(4711)');
SELECT pg_temp.goes('a schema where everybody creates', 'GRANT CREATE ON SCHEMA wall TO PUBLIC',
	'schema_writable WARN', 'schema wall: CREATE granted to PUBLIC');

-- Roles
SELECT pg_temp.goes('BYPASSRLS', 'ALTER ROLE lint_app BYPASSRLS',
	'role_above_policies WARN', 'role lint_app: BYPASSRLS, and can log in');
SELECT pg_temp.goes('SUPERUSER', 'ALTER ROLE lint_app SUPERUSER',
	'role_above_policies WARN', 'role lint_app: SUPERUSER, and can log in');
SELECT pg_temp.goes('a member of such a role', 'CREATE ROLE lint_admin BYPASSRLS; GRANT lint_admin TO lint_app',
	'role_above_policies WARN', 'role lint_app: can log in, and is a member of lint_admin, which has BYPASSRLS');
SELECT pg_temp.goes('CREATEROLE', 'ALTER ROLE lint_app CREATEROLE',
	'role_creates_roles WARN', 'role lint_app: CREATEROLE, and can log in') WHERE current_setting('server_version_num')::integer < 160000;
SELECT pg_temp.goes('REPLICATION', 'ALTER ROLE lint_app REPLICATION',
	'role_replicates INFO', 'role lint_app: REPLICATION, and can log in', 'ALTER ROLE lint_app NOREPLICATION');

-- Stored settings
SELECT pg_temp.goes('a token of a role', 'ALTER ROLE lint_app SET pindah.token = ''eyJhbGciOiJIUzI1NiJ9.e30.c2ln''',
	'token_stored ERROR', 'role lint_app: pindah.token');
SELECT pg_temp.goes('a token of a role in a database', format('ALTER ROLE lint_app IN DATABASE %s SET pindah.token = ''x''', current_setting('pindah_test.database')),
	'token_stored ERROR', 'role lint_app in database ' || current_setting('pindah_test.database') || ': pindah.token');
SELECT pg_temp.goes('a token of a function', 'ALTER FUNCTION wall.touch() SET pindah.token = ''x''',
	'token_stored ERROR', 'function wall.touch(): pindah.token');
SELECT pg_temp.goes('a token of another name', format('ALTER DATABASE %s SET app.header = ''Bearer eyJhbGciOiJIUzI1NiJ9.e30.c2ln''', current_setting('pindah_test.database')),
	'token_stored ERROR', 'database ' || current_setting('pindah_test.database') || ': app.header');
SELECT pg_temp.goes('a secret', format('ALTER DATABASE %s SET app.settings.jwt_secret = ''x''', current_setting('pindah_test.database')),
	'secret_stored WARN', 'database ' || current_setting('pindah_test.database') || ': app.settings.jwt_secret');
SELECT is((SELECT count(*) FROM pindah.advisor WHERE detail ~ 'eyJ'), 0::bigint, 'no token in a finding');
SELECT pg_temp.goes('claims of a role', 'ALTER ROLE lint_app SET pindah.role_claims = ''{"sub": "x"}''',
	'role_claims INFO', 'role lint_app: pindah.role_claims', 'ALTER ROLE lint_app RESET pindah.role_claims');
SELECT pg_temp.goes('claims of everybody', format('ALTER DATABASE %s SET pindah.role_claims = ''{"sub": "x"}''', current_setting('pindah_test.database')),
	'role_claims WARN', 'database ' || current_setting('pindah_test.database') || ': pindah.role_claims');
SELECT pg_temp.goes('claims of an owner', 'ALTER TABLE wall.t OWNER TO lint_owner; ALTER ROLE lint_owner SET pindah.role_claims = ''{"sub": "x"}''',
	'role_claims WARN', 'role lint_owner: pindah.role_claims; an owner of protected tables');
SELECT pg_temp.goes('a role before it has claims', 'CREATE ROLE lint_between; GRANT lint_owner TO lint_between; GRANT lint_between TO lint_app',
	'role_owns_tables WARN', 'role lint_owner: owns 1 protected table, and lint_app can log in as it', '', 'role_owns_tables WARN');
SELECT pg_temp.goes('claims of a member of an owner', 'ALTER ROLE lint_app SET pindah.role_claims = ''{"sub": "x"}''',
	'role_claims WARN', 'role lint_app: pindah.role_claims; a member of lint_owner, which is an owner of protected tables');
REVOKE lint_between FROM lint_app;
ALTER TABLE wall.t OWNER TO CURRENT_USER;
GRANT lint_admin, lint_reader TO lint_app;
SELECT is(pg_temp.news(), 'role_above_policies WARN, role_reads_everything ERROR', 'other roles before claims');
SELECT pg_temp.take_note() \g /dev/null
SELECT pg_temp.goes('claims of a role that is above the policies in two ways', 'ALTER ROLE lint_app SET pindah.role_claims = ''{"sub": "x"}''',
	'role_claims WARN', 'role lint_app: pindah.role_claims; a member of lint_admin, which is above policies by BYPASSRLS; a member of pg_read_all_data');
REVOKE lint_admin, lint_reader FROM lint_app;
CREATE ROLE lint_boss LOGIN SUPERUSER;
SELECT pg_temp.news() \g /dev/null
SELECT pg_temp.take_note() \g /dev/null
SELECT pg_temp.goes('claims of a superuser', 'ALTER ROLE lint_boss SET pindah.role_claims = ''{"sub": "x"}''',
	'role_claims WARN', 'role lint_boss: pindah.role_claims; a superuser');
DROP ROLE lint_boss;
SELECT pg_temp.goes('claims of a function', 'ALTER FUNCTION wall.touch() SET pindah.role_claims = ''{"sub": "x"}''',
	'role_claims WARN', 'function wall.touch(): pindah.role_claims');
-- Here the library is loaded, and ALTER ROLE refuses what it takes elsewhere (test/t/105_stored_settings.pl).
SELECT throws_ok('ALTER ROLE lint_app SET pindah.sesion_identity = off', '42602', NULL, 'a wrong name is refused where the library is loaded');
SELECT pg_temp.goes('a setting whose name is wrong', $$INSERT INTO pg_db_role_setting VALUES (0, 'lint_app'::regrole, '{pindah.sesion_identity=off}')$$,
	'setting_has_no_effect ERROR', 'role lint_app: there is no setting pindah.sesion_identity; did you mean pindah.session_identity?',
	'ALTER ROLE lint_app RESET pindah.sesion_identity');
SELECT pg_temp.goes('a setting whose value is wrong', $$INSERT INTO pg_db_role_setting VALUES (0, 'lint_app'::regrole, '{pindah.role_claims=rubbish}')$$,
	'setting_has_no_effect ERROR', 'role lint_app: pindah.role_claims takes no such value', 'ALTER ROLE lint_app RESET pindah.role_claims');
SELECT pg_temp.goes('a setting that is none of a role', $$INSERT INTO pg_db_role_setting VALUES (0, 'lint_app'::regrole, '{pindah.user_id=me}')$$,
	'setting_has_no_effect WARN', 'role lint_app: pindah.user_id cannot be set there', $$DELETE FROM pg_db_role_setting WHERE setrole = 'lint_app'::regrole$$);
SELECT pg_temp.goes('a right to attach claims', 'GRANT SET ON PARAMETER pindah.role_claims TO lint_app',
	'setting_granted WARN', 'setting pindah.role_claims: granted to lint_app');
SELECT pg_temp.goes('a right of everybody', 'GRANT SET ON PARAMETER pindah.clock_skew TO PUBLIC',
	'setting_granted ERROR', 'setting pindah.clock_skew: granted to PUBLIC');
SELECT pg_temp.goes('clock skew', 'ALTER ROLE lint_app SET pindah.clock_skew = ''3min''',
	'setting_lax INFO', 'role lint_app: pindah.clock_skew is 3min');
SELECT pg_temp.goes('token size', format('ALTER DATABASE %s SET pindah.max_token_size = ''1MB''', current_setting('pindah_test.database')),
	'setting_lax INFO', 'database ' || current_setting('pindah_test.database') || ': pindah.max_token_size is 1MB');
SELECT pg_temp.goes('algorithms', 'ALTER ROLE ALL SET pindah.algorithms = ''HS256, ES512''',
	'setting_lax INFO', 'all roles: pindah.algorithms is HS256, ES512');
SELECT pg_temp.goes('large objects of all', 'ALTER ROLE lint_app SET lo_compat_privileges = on',
	'setting_lax ERROR', 'role lint_app: lo_compat_privileges is on');

-- Trust
SELECT pg_temp.goes('a table of trust', 'GRANT INSERT ON pindah.keys TO lint_app; GRANT SELECT (jwk) ON pindah.keys TO PUBLIC',
	'trust_table_grants ERROR', 'table pindah.keys: INSERT, SELECT granted to PUBLIC, lint_app');
SELECT pg_temp.goes('a function of trust', 'GRANT EXECUTE ON FUNCTION pindah_add_key TO PUBLIC',
	'function_public ERROR', 'function public.pindah_add_key(issuer text, jwk jsonb, state text): EXECUTE granted to PUBLIC');
SELECT pg_temp.goes('a trigger of trust', 'ALTER TABLE pindah.keys ENABLE TRIGGER trust_changed',
	'trigger_disabled ERROR', 'trigger trust_changed on table pindah.keys');
SELECT pg_temp.goes('the event trigger', 'ALTER EVENT TRIGGER pindah_protect_new_children DISABLE',
	'event_trigger_disabled WARN', 'event trigger pindah_protect_new_children: does not fire');
SELECT pg_temp.goes('an issuer', $$SELECT pindah_trust_issuer('https://i''s', '{"keys": [{"kty": "oct", "kid": "a", "k": "cmVncmVzc2lvbi10ZXN0cy1vbmx5LXNlY3JldC0zMmI"}]}')$$,
	'issuer_without_audience WARN', 'issuer ''https://i''''s'': no audience', $$SELECT pindah_trust_issuer('https://i''s', audience => '{erp}')$$);
SELECT pg_temp.goes('a short secret', $$INSERT INTO pindah.keys (issuer, kid, jwk, algorithm) VALUES ('https://i''s', 'short', '{"kty": "oct", "alg": "HS512", "k": "cmVncmVzc2lvbi10ZXN0cy1vbmx5LXNlY3JldC0zMmI"}', 'HS512')$$,
	'key_too_short ERROR', 'issuer ''https://i''''s'', key ''short'': 32 bytes, HS512 needs 64');
SELECT pg_temp.goes('both kinds of keys', $$INSERT INTO pindah.keys (issuer, kid, jwk, algorithm) VALUES ('https://i''s', 'rsa', '{"kty": "RSA"}', 'RS256')$$,
	'key_kinds_mixed WARN', 'issuer ''https://i''''s'': has both kinds', $$DELETE FROM pindah.keys WHERE kid = 'rsa'$$);
SELECT pg_temp.goes('an old key', $$UPDATE pindah.keys SET created_at = '2020-01-02' WHERE kid = 'a'$$,
	'key_old INFO', 'issuer ''https://i''''s'', key ''a'': active since 2020-01-02', $$UPDATE pindah.keys SET created_at = now() WHERE kid = 'a'$$);
SELECT pg_temp.goes('a key that retires for ever', $$INSERT INTO pindah.keys (issuer, kid, state, jwk, algorithm, changed_at) VALUES ('https://i''s', 'b', 'retiring', '{"kty": "oct", "k": "cmVncmVzc2lvbi10ZXN0cy1vbmx5LXNlY3JldC0zMmI"}', 'HS256', '2020-01-02')$$,
	'key_old INFO', 'issuer ''https://i''''s'', key ''b'': retiring since 2020-01-02');
SELECT pg_temp.goes('a key that retires for a hundred years', $$INSERT INTO pindah.keys (issuer, kid, state, jwk, algorithm, changed_at, verify_until) VALUES ('https://i''s', 'c', 'retiring', '{"kty": "oct", "k": "cmVncmVzc2lvbi10ZXN0cy1vbmx5LXNlY3JldC0zMmI"}', 'HS256', '2020-01-02', now() + interval '100 years')$$,
	'key_old INFO', 'issuer ''https://i''''s'', key ''c'': retiring since 2020-01-02');
INSERT INTO pindah.keys (issuer, kid, state, jwk, algorithm, changed_at, verify_until) VALUES ('https://i''s', 'd', 'retiring', '{"kty": "oct", "k": "cmVncmVzc2lvbi10ZXN0cy1vbmx5LXNlY3JldC0zMmI"}', 'HS256', '2020-01-02', now() + interval '1 hour');
SELECT is(pg_temp.news(), 'nothing', 'a key that retires ends by itself');
SELECT pg_temp.goes('a key that waits', $$INSERT INTO pindah.keys (issuer, kid, state, jwk, algorithm, created_at) VALUES ('https://i''s', 'e', 'next', '{"kty": "oct", "k": "cmVncmVzc2lvbi10ZXN0cy1vbmx5LXNlY3JldC0zMmI"}', 'HS256', now() - interval '91 days')$$,
	'key_old INFO', 'issuer ''https://i''''s'', key ''e'': next since ' || (now() - interval '91 days')::date);
SELECT pg_temp.goes('a key that ends', $$UPDATE pindah.keys SET verify_until = now() + interval '1 day' WHERE kid = 'a'$$,
	'key_ends WARN', 'issuer ''https://i''''s'', key ''a'': active, verifies until ' || (now() + interval '1 day')::date, $$UPDATE pindah.keys SET verify_until = NULL WHERE kid = 'a'$$);
UPDATE pindah.keys SET verify_until = '2020-01-03' WHERE kid = 'd';
SELECT pg_temp.goes('no key', $$SELECT pindah_revoke_key('https://i''s', 'a')$$,
	'issuer_without_key WARN', 'issuer ''https://i''''s'': no key that is neither revoked nor over', $$SELECT pindah_distrust_issuer('https://i''s')$$);

-- Keys that are made here
SELECT pindah_trust_issuer('home', audience => '{erp}') \gset
SELECT pg_temp.goes('a private key in clear', 'SELECT pindah_create_key(''home'')', 'signing_key_in_clear INFO', 'table pindah.signing_keys: keys in clear of issuer ''home''', '',
	'signing_key_in_clear INFO');
UPDATE pindah.keys SET created_at = '2020-01-02' WHERE made_here;
SELECT is(pg_temp.news(), 'nothing', 'a next key waits for as long as the active one signs');
UPDATE pindah.keys SET activated_at = '2020-01-02' WHERE made_here AND state = 'active';
SELECT pg_temp.goes('a key that has signed for long', '', 'key_old INFO',
	format('issuer ''home'', key %L: active since 2020-01-02', (SELECT kid FROM pindah.keys WHERE made_here AND state = 'active')));
SELECT is((SELECT string_agg(state, ', ' ORDER BY state) FROM pindah.keys WHERE made_here), 'active, next, retiring', 'the key is rotated, not revoked');
UPDATE pindah.keys SET changed_at = '2020-01-02' WHERE made_here AND state = 'retiring';
SELECT is(pg_temp.news(), 'nothing', 'the one of before ends by itself');
SELECT pg_temp.goes('restored without private keys', 'DELETE FROM pindah.signing_keys',
	'signing_incomplete WARN', 'issuer ''home'': the private part of the active key is gone');
SELECT pg_temp.goes('without that of the next key', 'DELETE FROM pindah.signing_keys s USING pindah.keys k WHERE k.kid = s.kid AND k.state = ''next''',
	'signing_incomplete WARN', 'issuer ''home'': the private part of the next key is gone');
SELECT pg_temp.goes('without a next key', 'DELETE FROM pindah.keys WHERE made_here AND state = ''next''',
	'signing_incomplete WARN', 'issuer ''home'': no next key');
SELECT pg_temp.goes('without an active key', 'SELECT pindah_revoke_key(issuer, kid) FROM pindah.keys WHERE made_here AND state = ''active''',
	'signing_incomplete WARN', 'issuer ''home'': no active key', 'SELECT pindah_rotate_key(''home'')');
SELECT pg_temp.goes('without an active key and the private part of the next', 'SELECT pindah_revoke_key(issuer, kid) FROM pindah.keys WHERE made_here AND state = ''active''; DELETE FROM pindah.signing_keys',
	'signing_incomplete WARN', 'issuer ''home'': no active key');
SELECT is((SELECT string_agg(k.state || ' ' || k.algorithm, ', ' ORDER BY k.state) FROM pindah.keys k JOIN pindah.signing_keys USING (issuer, kid)),
	'active ES256, next ES256', 'all is there again');
SELECT pindah_trust_issuer('secret home', audience => '{erp}') \gset
SELECT pindah_create_key('secret home', 'HS512') \gset
SELECT is(pg_temp.news(), 'nothing', 'an HMAC key is its own private part');
SELECT pg_temp.goes('a next key of the same algorithm', 'DELETE FROM pindah.keys WHERE issuer = ''secret home'' AND state = ''next''',
	'signing_incomplete WARN', 'issuer ''secret home'': no next key');
SELECT is((SELECT string_agg(state || ' ' || algorithm, ', ' ORDER BY state) FROM pindah.keys WHERE issuer = 'secret home'), 'active HS512, next HS512', 'of the same algorithm');
SELECT pindah_distrust_issuer('secret home') \gset

-- Keys that are published
SELECT pg_temp.goes('a publication of private keys', 'CREATE PUBLICATION stolen FOR TABLE pindah.signing_keys',
	'signing_keys_published ERROR', 'publication stolen: publishes pindah.signing_keys');
SELECT pg_temp.goes('of their schema', 'ALTER PUBLICATION stolen ADD TABLE pindah.signing_keys, TABLES IN SCHEMA pindah',
	'signing_keys_published ERROR', 'publication stolen: publishes pindah.signing_keys');
SELECT pg_temp.goes('of everything', 'CREATE PUBLICATION everything FOR ALL TABLES',
	'publication WARN, signing_keys_published ERROR', 'publication everything: publishes ' || (SELECT pindah.first_few(array_agg(name ORDER BY name)) FROM pindah.tenant_tables() WHERE kind <> 'shared'), 'DROP PUBLICATION everything');
ALTER PUBLICATION stolen ADD TABLE pindah.signing_keys (issuer, kid), pindah.keys;
SELECT is(pg_temp.news(), 'nothing', 'public keys, and columns without the private one, may be published');
SELECT pg_temp.goes('of the secrets of an HMAC issuer', 'SELECT pindah_trust_issuer(''secret home'', audience => ''{erp}''), pindah_create_key(''secret home'', ''HS256'')',
	'signing_keys_published WARN', 'publication stolen: publishes pindah.keys', 'ALTER PUBLICATION stolen DROP TABLE pindah.keys');
SELECT pindah_distrust_issuer('home'), pindah_distrust_issuer('secret home') \gset
SELECT pg_temp.goes('before there are any', 'ALTER PUBLICATION stolen DROP TABLE pindah.signing_keys; ALTER PUBLICATION stolen ADD TABLE pindah.signing_keys',
	'signing_keys_published WARN', 'publication stolen: publishes pindah.signing_keys');

-- Revocations
INSERT INTO pindah.revocations SELECT 'token', 'i', n::text, now(), now() + interval '1 day' FROM generate_series(1, 1001) n;
INSERT INTO pindah.revocations SELECT 'user', 'i', n::text, now() - interval '1 year' FROM generate_series(1, 1000) n;
SELECT is(pg_temp.news(), 'nothing', 'a thousand revocations, and those that are known to end');
SELECT pg_temp.goes('revocations that nothing ends', 'INSERT INTO pindah.revocations VALUES (''user'', ''i'', ''one more'', now() - interval ''1 year'')',
	'revocations_pile_up INFO', 'table pindah.revocations: more than 1000 entries without expires_at, and tokens may live for ever',
	format('ALTER DATABASE %s SET pindah.max_token_lifetime = ''2h''', current_setting('pindah_test.database')));
SELECT pg_temp.goes('no limit, in words', format('ALTER DATABASE %s SET pindah.max_token_lifetime = '' 0 min''', current_setting('pindah_test.database')),
	'revocations_pile_up INFO', 'table pindah.revocations: more than 1000 entries without expires_at, and tokens may live for ever',
	'SET LOCAL pindah.max_token_lifetime = ''2h''; SELECT pindah_remove_old_revocations(); RESET pindah.max_token_lifetime');
SELECT is((SELECT string_agg(kind, ', ') FROM pindah.revocations WHERE expires_at IS NULL), 'all', 'one entry takes the place of all that have gone');

-- What an owner has named, an administrator runs: a remediation says no more than it
-- means, and a name does not keep the advisor from answering.
\set evil '; ALTER ROLE lint_owner CREATEROLE; --'
SELECT format('%I', ' ON named.t (id)' || :'evil') AS evil_column, format('%I', E'c\n' || :'evil') AS evil_line,
	'named' || replace(:'evil', ' ', '/**/') AS evil_path \gset
CREATE SCHEMA named AUTHORIZATION lint_owner;
SET LOCAL ROLE lint_owner;
CREATE TABLE named.t (id integer, code text, :evil_column uuid NOT NULL);
ALTER TABLE named.t ENABLE ROW LEVEL SECURITY;
CREATE POLICY pindah_tenant ON named.t AS RESTRICTIVE USING (:evil_column = pindah_organisation_uuid());
CREATE UNIQUE INDEX "i USING btree (" ON named.t (code);
CREATE TABLE named.u (organisation_id uuid NOT NULL, :evil_line text PRIMARY KEY);
CREATE TABLE named.v (organisation_id uuid NOT NULL, "(" uuid NOT NULL);
ALTER TABLE named.v ENABLE ROW LEVEL SECURITY;
CREATE POLICY pindah_tenant ON named.v AS RESTRICTIVE USING ("(" = pindah_organisation_uuid());
CREATE FUNCTION named.evil() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT code FROM named.t';
SELECT set_config('search_path', :'evil_path', true) \gset
ALTER FUNCTION named.evil() SET search_path FROM CURRENT;
SET LOCAL search_path TO DEFAULT;
RESET ROLE;
CREATE PUBLICATION evil FOR TABLE named.v WHERE (organisation_id IS NOT NULL);
SELECT is((SELECT remediation FROM pindah.lint_definer_search_path WHERE detail ~ 'evil'),
	'ALTER ROUTINE named.evil() SET search_path = "named;/**/alter/**/role/**/lint_owner/**/createrole;/**/--", pg_temp;', 'a search_path is a list of names');
SELECT is((SELECT array_agg(detail) FROM pindah.lint_publication WHERE detail LIKE 'publication evil:%'), ARRAY['publication evil: publishes named.v'],
	'a column of any name is looked for in the filter of a publication');
DO $$
DECLARE
	remediation text;
BEGIN
	FOR remediation IN SELECT a.remediation FROM pindah.advisor a WHERE a.detail ~ 'named\.|evil' AND a.name <> 'role_owns_tables' LOOP
		BEGIN
			EXECUTE remediation;
		EXCEPTION WHEN OTHERS THEN
			NULL;
		END;
	END LOOP;
END $$;
SELECT is((SELECT rolcreaterole FROM pg_roles WHERE rolname = 'lint_owner'), false, 'no remediation runs what is in a name');
SELECT is((SELECT pg_get_indexdef('named."i USING btree ("'::regclass)), format('CREATE UNIQUE INDEX "i USING btree (" ON named.t USING btree (%s, code)', :'evil_column'),
	'it does what it says');
SELECT is((SELECT count(*) FROM pindah.advisor WHERE remediation LIKE '--%' AND remediation ~ '[\r\n]'), 0::bigint, 'a comment stays on its line');

-- A forged record keeps no other table from being protected.
CREATE SCHEMA forged AUTHORIZATION lint_owner;
SET LOCAL ROLE lint_owner;
CREATE TABLE forged.a (organisation_id uuid NOT NULL);
CREATE POLICY pindah_select ON forged.a USING (true);
COMMENT ON POLICY pindah_select ON forged.a IS 'pindah_auth: {"settings": }';
CREATE TABLE forged.b (organisation_id uuid NOT NULL);
RESET ROLE;
SELECT is((SELECT string_agg(relation || ' ' || outcome, ', ' ORDER BY relation::text) FROM pindah_protect_schema('forged')),
	'forged.a failed, forged.b protected', 'a record that is no JSON is told of, and keeps no other table open');
DROP SCHEMA forged CASCADE;
DROP PUBLICATION evil;
DROP SCHEMA named CASCADE;

SELECT is((SELECT string_agg(name || ': ' || detail, E'\n') FROM pindah.advisor WHERE level = 'ERROR'), NULL, 'everything is mended');
SELECT lives_ok('SELECT pindah_check()', 'and passes the check');
SELECT * FROM finish();
ROLLBACK;
