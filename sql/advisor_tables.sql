-- The advisor: tables of tenants and their policies.  sql/advisor.sql has the
-- rules for all lints, and the functions that they share.

CREATE VIEW pindah.lint_rls_disabled AS
	SELECT 'rls_disabled' AS name, 'Row-level security is off' AS title, 'ERROR' AS level, 'SECURITY' AS category,
		'The table holds rows of several tenants. While row-level security is off, everybody with a grant sees and changes all of them, whatever policies there are.' AS description,
		format('table %s: row-level security is off', t.name) AS detail,
		CASE WHEN t.protected THEN format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;', t.name)
			WHEN t.wall IS NOT NULL THEN format('SELECT @extschema@.pindah_protect_table(%L);', t.name)
			ELSE pindah.remark(format('Say which column is the tenant''s, of a type that an accessor has: SELECT @extschema@.pindah_protect_table(%L, organisation_column => ''...'');', t.name))
			END AS remediation
		FROM pindah.tenant_tables() t
		WHERE NOT t.row_security
			-- For a partition or child its parent is reported, or lint_partition_open.
			AND NOT EXISTS (SELECT FROM pg_inherits i JOIN pindah.tenant_tables() p ON p.relid = i.inhparent
				WHERE i.inhrelid = t.relid);
COMMENT ON VIEW pindah.lint_rls_disabled IS 'tenant tables without row-level security';

CREATE VIEW pindah.lint_partition_open AS
	SELECT 'partition_open' AS name, 'A partition or child has no row-level security of its own' AS title,
		'ERROR' AS level, 'SECURITY' AS category,
		'The policies of a table count where that table is named. Its partitions and children can be named themselves, and show their rows and the statistics about them to whoever has a grant on them.' AS description,
		format('table %I.%I, a partition or child of %s: %s', n.nspname, c.relname, t.name,
			CASE WHEN c.relrowsecurity THEN 'its policies do not name the tenant' ELSE 'row-level security is off' END) AS detail,
		CASE WHEN t.protected
			THEN format('SELECT pindah.protect_like(%L, %L);', format('%I.%I', n.nspname, c.relname), t.name)
			ELSE format('SELECT @extschema@.pindah_protect_table(%L%s);', format('%I.%I', n.nspname, c.relname),
				coalesce(', organisation_column => ' || quote_literal(t.key_name), '')) END AS remediation
		FROM pindah.tenant_tables() t
		JOIN pg_inherits i ON i.inhparent = t.relid
		JOIN pg_class c ON c.oid = i.inhrelid AND c.relkind IN ('r', 'p')
		JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE t.row_security AND t.kind <> 'shared' AND (NOT c.relrowsecurity
			-- Such as one that was shared when it was attached.
			OR c.oid NOT IN (SELECT o.relid FROM pindah.tenant_tables() o WHERE o.kind <> 'shared'));
COMMENT ON VIEW pindah.lint_partition_open IS 'partitions and children that can be read past the policies of their parent';

CREATE VIEW pindah.lint_parent_open AS
	SELECT 'parent_open' AS name, 'A parent in the inheritance has no row-level security' AS title,
		'ERROR' AS level, 'SECURITY' AS category,
		'A query of a parent shows the rows of its children too, and asks for the policies of the parent only.' AS description,
		format('table %I.%I, the parent of %s: row-level security is off', n.nspname, c.relname, t.name) AS detail,
		format('ALTER TABLE %s NO INHERIT %I.%I;', t.name, n.nspname, c.relname) AS remediation
		FROM pindah.tenant_tables() t
		JOIN pg_inherits i ON i.inhrelid = t.relid
		JOIN pg_class c ON c.oid = i.inhparent AND c.relkind = 'r' AND NOT c.relrowsecurity
		JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE t.row_security AND t.kind <> 'shared'
			AND c.oid NOT IN (SELECT p.relid FROM pindah.tenant_tables() p);
COMMENT ON VIEW pindah.lint_parent_open IS 'parents through which rows of protected children can be read';

CREATE VIEW pindah.lint_parent_not_protected AS
	SELECT 'parent_not_protected' AS name, 'The parent of a child table is not protected' AS title,
		'ERROR' AS level, 'SECURITY' AS category,
		'A child table shows the rows whose parent can be seen. While the parent shows all of its rows, so does the child: there is nothing wrong with the child''s own policies.' AS description,
		format('table %s: %s', p.name, p.what) AS detail, p.remediation
		FROM pindah.open_parents() p
		WHERE NOT p.relispartition
			AND p.relid NOT IN (SELECT a.relid FROM pindah.altered_tables() a);
COMMENT ON VIEW pindah.lint_parent_not_protected IS 'child tables that show the rows of all tenants, as their parent does';

CREATE VIEW pindah.lint_shared_with_tenant_column AS
	SELECT 'shared_with_tenant_column' AS name, 'A shared table has a tenant column' AS title,
		'ERROR' AS level, 'SECURITY' AS category,
		'The table was protected as one that all tenants share: everybody with a grant reads all of it. It has a tenant column, as if its rows belonged to tenants.' AS description,
		format('table %s: it is shared, and has the column %s', t.name, k.columns) AS detail,
		CASE WHEN t.wall IS NOT NULL AND t.key_name = ANY (k.names)
			THEN format('SELECT @extschema@.pindah_protect_table(%L, organisation_column => %L);', t.name, t.key_name)
			ELSE pindah.remark(format('Say whose its rows are: SELECT @extschema@.pindah_protect_table(%L, organisation_column => ''...'');', t.name)) END AS remediation
		FROM pindah.tenant_tables() t
		JOIN (SELECT a.attrelid, array_agg(a.attname) AS names, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS columns FROM pg_attribute a
				WHERE a.attname IN ('OrganisationId', 'organisation_id') AND a.attnum > 0 AND NOT a.attisdropped
				GROUP BY a.attrelid) k ON k.attrelid = t.relid
		WHERE t.kind = 'shared' AND t.row_security AND NOT t.relispartition;
COMMENT ON VIEW pindah.lint_shared_with_tenant_column IS 'shared tables that look as if their rows belonged to tenants';

CREATE VIEW pindah.lint_rls_not_forced AS
	SELECT 'rls_not_forced' AS name, 'Row-level security does not bind the owner' AS title,
		CASE WHEN l.logins IS NOT NULL THEN 'ERROR' ELSE 'WARN' END AS level, 'SECURITY' AS category,
		'The owner of a table, and every member of the owner, sees all rows unless row-level security is forced. An ERROR where somebody can log in as the owner or a member, and is not above all policies anyway.' AS description,
		format('table %s: row-level security is on but not forced; owner %s%s', t.name, t.owner::regrole,
			coalesce(', used by ' || pindah.first_few(l.logins), '')) AS detail,
		format('ALTER TABLE %s FORCE ROW LEVEL SECURITY;', t.name) AS remediation
		FROM pindah.tenant_tables() t
		LEFT JOIN (SELECT m.roleid, array_agg(m.member::regrole::text ORDER BY m.member::regrole::text) AS logins
				FROM pindah.role_members() m WHERE m.can_login AND NOT m.bypasses GROUP BY m.roleid) l
			ON l.roleid = t.owner
		WHERE t.row_security AND NOT t.forced;
COMMENT ON VIEW pindah.lint_rls_not_forced IS 'tables whose policies do not bind their owner';

CREATE VIEW pindah.lint_protection_altered AS
	SELECT 'protection_altered' AS name, 'The policies of a protected table were altered' AS title,
		CASE WHEN a.wall THEN 'ERROR' ELSE 'WARN' END AS level, 'SECURITY' AS category,
		'pindah_protect_table() made the policies of this table, and they are not what it makes any more. An ERROR where it keeps the tenants apart, or all of them from writing; a WARN where it is about permissions within a tenant.' AS description,
		format('table %s: %s', t.name, array_to_string(a.what, ', ')) AS detail,
		CASE WHEN jsonb_typeof(pindah.protection_record(a.relid)->'settings') = 'object'
				THEN format('SELECT pindah.protect_like(%L, %L);', t.name, t.name)
			ELSE pindah.remark(format('The record of its settings is gone; protect it anew, and say all of it: SELECT @extschema@.pindah_protect_table(%L, %spermission => ''...'');',
				t.name, CASE WHEN t.kind = 'tenant' THEN 'organisation_column => ' || quote_literal(t.key_name) || ', ' WHEN t.kind = 'shared' THEN 'shared => true, ' END))
			END AS remediation
		FROM pindah.altered_tables() a
		JOIN pindah.tenant_tables() t ON t.relid = a.relid;
COMMENT ON VIEW pindah.lint_protection_altered IS 'protected tables whose policies are not as they were made';

CREATE VIEW pindah.lint_policy_ignores_tenant AS
	SELECT 'policy_ignores_tenant' AS name, 'A permissive policy lets all tenants in' AS title,
		'ERROR' AS level, 'SECURITY' AS category,
		'Permissive policies are joined with OR. This one does not name the tenant, and no restrictive policy for its commands and roles does.' AS description,
		format('policy %I of table %s: %s for every tenant', p.polname, p.table_name, p.open_commands) AS detail,
		CASE WHEN p.wall IS NOT NULL AND p.kind = 'tenant'
			THEN format('CREATE POLICY tenant_wall ON %s AS RESTRICTIVE USING (%s);', p.table_name, p.wall)
			ELSE format('DROP POLICY %I ON %s;', p.polname, p.table_name) END AS remediation
		FROM pindah.tenant_policies() p
		WHERE p.open_commands IS NOT NULL AND p.honest AND (p.open_reads OR NOT (p.has_check AND p.using_names))
			-- The policies of pindah_protect_table() are never what is too many.
			AND NOT p.made_here
			AND p.relid NOT IN (SELECT a.relid FROM pindah.altered_tables() a)
			AND p.relid NOT IN (SELECT c.relid FROM pindah.open_parents() c);
COMMENT ON VIEW pindah.lint_policy_ignores_tenant IS 'permissive policies that ignore the tenant where no restrictive one holds';

-- PostgreSQL takes USING for WITH CHECK where that is not given, in policies for
-- ALL and UPDATE (for INSERT there is WITH CHECK only, for SELECT and DELETE
-- USING only).  So what is missing is no hole; what was given and says less is.
CREATE VIEW pindah.lint_check_ignores_tenant AS
	SELECT 'check_ignores_tenant' AS name, 'Rows can be written for other tenants' AS title,
		'ERROR' AS level, 'SECURITY' AS category,
		'USING of the policy names the tenant, its WITH CHECK does not: a row can be inserted for, or moved to, another tenant. Without any WITH CHECK, PostgreSQL would ask USING of the new row as well.' AS description,
		format('policy %I of table %s: WITH CHECK does not name the tenant', p.polname, p.table_name) AS detail,
		format('ALTER POLICY %I ON %s WITH CHECK (%s);', p.polname, p.table_name, pg_get_expr(q.polqual, q.polrelid)) AS remediation
		FROM pindah.tenant_policies() p
		JOIN pg_policy q ON q.oid = p.polid
		WHERE p.has_using AND p.has_check AND p.using_names AND NOT p.check_names AND p.honest AND p.kind <> 'shared'
			AND (NOT p.permissive OR (p.open_commands IS NOT NULL AND NOT p.open_reads))
			AND p.relid NOT IN (SELECT a.relid FROM pindah.altered_tables() a);
COMMENT ON VIEW pindah.lint_check_ignores_tenant IS 'policies whose WITH CHECK says less than their USING';

-- Of every table with row-level security, whatever its columns are called.
CREATE VIEW pindah.lint_policy_reads_forgeable_setting AS
	SELECT 'policy_reads_forgeable_setting' AS name, 'A policy believes a setting that anybody can set' AS title,
		CASE WHEN w.walled IS NOT TRUE THEN 'ERROR' ELSE 'WARN' END AS level, 'SECURITY' AS category,
		'Whoever can send SQL can set this with SET or set_config(): request.jwt.claims and every name of one''s own. Ask the accessors pindah_organisation_uuid(), pindah_user_id(), pindah_claim() instead. A WARN where a restrictive policy holds the tenants apart in any case.' AS description,
		format('policy %I of table %I.%I: reads %s', p.polname, n.nspname, c.relname, array_to_string(s.forgeable, ', ')) AS detail,
		CASE WHEN t.wall IS NOT NULL AND t.kind = 'tenant'
			THEN format('ALTER POLICY %I ON %s%s%s;', p.polname, t.name,
				CASE WHEN p.polqual IS NOT NULL THEN format(' USING (%s)', t.wall) END,
				CASE WHEN p.polwithcheck IS NOT NULL THEN format(' WITH CHECK (%s)', t.wall) END)
			ELSE pindah.remark(format('Let it ask an accessor: ALTER POLICY %I ON %I.%I USING (...);', p.polname, n.nspname, c.relname))
			END AS remediation
		FROM pindah.policy_settings() s
		JOIN pg_policy p ON p.oid = s.polid
		JOIN pg_class c ON c.oid = p.polrelid AND c.relrowsecurity
		JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname !~ '^pg_'
		LEFT JOIN pindah.tenant_tables() t ON t.relid = c.oid
		LEFT JOIN pindah.tenant_policies() w ON w.polid = p.oid
		WHERE s.forgeable IS NOT NULL
			AND NOT EXISTS (SELECT FROM pindah.altered_tables() a
				WHERE a.relid = c.oid AND p.polname || ' was altered' = ANY (a.what));
COMMENT ON VIEW pindah.lint_policy_reads_forgeable_setting IS 'policies that read a setting which clients can set';

CREATE VIEW pindah.lint_policy_reads_unloaded_setting AS
	SELECT 'policy_reads_unloaded_setting' AS name, 'A policy reads a setting of a library that is not loaded yet' AS title,
		'ERROR' AS level, 'SECURITY' AS category,
		'Until the library is loaded in a session, pindah.organisation_id and the like are names that anybody can set, and reading one loads nothing. Preload the library, or let the policy call a function, which loads it.' AS description,
		format('policy %I of table %I.%I: reads %s, and the library is not preloaded', p.polname, n.nspname, c.relname,
			array_to_string(s.ours, ', ')) AS detail,
		format('ALTER DATABASE %I SET session_preload_libraries = %s;', current_database(), concat_ws(', ',
			(SELECT nullif(v.setting, '') FROM pg_settings v WHERE v.name = 'session_preload_libraries'), 'pindah_auth')) AS remediation
		FROM pindah.policy_settings() s
		JOIN pg_policy p ON p.oid = s.polid
		JOIN pg_class c ON c.oid = p.polrelid AND c.relrowsecurity
		JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname !~ '^pg_'
		WHERE s.ours IS NOT NULL AND s.forgeable IS NULL AND NOT (SELECT pindah.is_preloaded())
			AND NOT EXISTS (SELECT FROM pindah.altered_tables() a
				WHERE a.relid = c.oid AND p.polname || ' was altered' = ANY (a.what));
COMMENT ON VIEW pindah.lint_policy_reads_unloaded_setting IS 'policies that read pindah.... where the library is not preloaded';

-- See src/policy_support.c and test/pgtap/100_attacks.sql.
CREATE VIEW pindah.lint_policy_not_held AS
	SELECT 'policy_not_held' AS name, 'The planner can put a user''s condition in place of the policy' AS title,
		'ERROR' AS level, 'SECURITY' AS category,
		'Where a policy says no more than that a column equals the tenant, and a query that the column equals an expression of its own, the planner may compare rows with that expression alone; if it changes while the query runs, rows of other tenants pass. pindah.holds() around the condition is asked for each row.' AS description,
		format('policy %I of table %s: the tenant is not in pindah.holds()', p.polname, p.table_name) AS detail,
		format('ALTER POLICY %I ON %s USING (%s AND pindah.holds(%3$s));', p.polname, p.table_name, pg_get_expr(q.polqual, q.polrelid)) AS remediation
		FROM pindah.tenant_policies() p
		JOIN pg_policy q ON q.oid = p.polid
		WHERE NOT p.permissive AND p.walled AND p.using_names AND NOT p.held AND p.kind <> 'shared'
			AND q.polcmd = '*' AND q.polroles = '{0}'
			AND p.relid NOT IN (SELECT a.relid FROM pindah.altered_tables() a);
COMMENT ON VIEW pindah.lint_policy_not_held IS 'restrictive policies without pindah.holds()';

-- Tables that the lints above have not reported already.
CREATE VIEW pindah.lint_no_tenant_policy AS
	SELECT 'no_tenant_policy' AS name, 'No restrictive policy names the tenant' AS title,
		CASE WHEN p.lets_in THEN 'ERROR' ELSE 'WARN' END AS level, 'SECURITY' AS category,
		'Permissive policies are joined with OR: what they keep apart today, the next one opens. Only a restrictive policy for all commands and roles holds. A WARN where there is no permissive policy, and so nobody sees a row.' AS description,
		format('table %s: no restrictive policy for all commands and roles names the tenant', t.name) AS detail,
		CASE WHEN t.wall IS NULL OR t.kind <> 'tenant'
				THEN pindah.remark(format('Name the tenant: CREATE POLICY tenant_wall ON %s AS RESTRICTIVE USING (...);', t.name))
			WHEN p.lets_in
				THEN format('CREATE POLICY tenant_wall ON %s AS RESTRICTIVE USING (%s);', t.name, t.wall)
			ELSE format('SELECT @extschema@.pindah_protect_table(%L, organisation_column => %L);', t.name, t.key_name) END AS remediation
		FROM pindah.tenant_tables() t
		LEFT JOIN (SELECT p.relid, bool_or(p.permissive) AS lets_in, bool_or(p.walled) AS walled,
				bool_or(NOT p.honest OR p.open_commands IS NOT NULL OR (p.using_names AND NOT p.check_names)) AS reported
				FROM pindah.tenant_policies() p GROUP BY p.relid) p ON p.relid = t.relid
		WHERE t.row_security AND t.kind <> 'shared' AND NOT t.protected
			AND p.walled IS NOT TRUE AND p.reported IS NOT TRUE;
COMMENT ON VIEW pindah.lint_no_tenant_policy IS 'tables with row-level security and no restrictive tenant policy';

CREATE VIEW pindah.lint_policy_widens_permissions AS
	SELECT 'policy_widens_permissions' AS name, 'A permissive policy asks for no permission' AS title,
		CASE WHEN p.others_ask THEN 'WARN' ELSE 'INFO' END AS level, 'SECURITY' AS category,
		'Permissive policies are joined with OR. A restrictive policy keeps the tenants apart, but within a tenant this one lets people in whom the others would ask for a permission. An INFO where no other policy of the table asks for one.' AS description,
		format('policy %I of table %s: asks for no permission', p.polname, p.table_name) AS detail,
		format('DROP POLICY %I ON %s;', p.polname, p.table_name) AS remediation
		FROM (SELECT *, bool_or(asks_permission) OVER (PARTITION BY relid) AS others_ask FROM pindah.tenant_policies()) p
		JOIN pg_policy q ON q.oid = p.polid
		-- The commands for which a restrictive policy asks everybody for a permission.
		LEFT JOIN (SELECT r.relid, string_agg(CASE x.polcmd WHEN '*' THEN 'rawd' ELSE x.polcmd::text END, '') AS commands
				FROM pindah.tenant_policies() r JOIN pg_policy x ON x.oid = r.polid AND x.polroles = '{0}'
				WHERE NOT r.permissive AND r.asks_permission GROUP BY r.relid) a ON a.relid = p.relid
		WHERE translate(CASE q.polcmd WHEN '*' THEN 'rawd' ELSE q.polcmd::text END, coalesce(a.commands, ''), '') <> ''
			AND p.permissive AND NOT p.made_here AND p.honest AND p.kind <> 'shared'
			AND p.open_commands IS NULL AND NOT p.asks_permission
			AND (p.others_ask OR NOT (p.using_names OR p.check_names))
			AND p.relid NOT IN (SELECT a.relid FROM pindah.altered_tables() a);
COMMENT ON VIEW pindah.lint_policy_widens_permissions IS 'permissive policies that pass by the permissions of the others';

CREATE VIEW pindah.lint_child_without_parent AS
	SELECT 'child_without_parent' AS name, 'Rows of a child table may have no parent' AS title,
		'WARN' AS level, 'SECURITY' AS category,
		'The row of a child table is whose the parent is. Where the foreign key is gone, or was never validated, there may be rows without a parent, and whoever makes one with that key adopts them.' AS description,
		format('table %s: %s', t.name, CASE WHEN c.conname IS NULL THEN format('no foreign key on %s', t.columns)
			ELSE format('foreign key %I is not validated', c.conname) END) AS detail,
		CASE WHEN c.conname IS NULL THEN pindah.remark(format('Make it anew: ALTER TABLE %s ADD FOREIGN KEY (%s) REFERENCES ...;', t.name, t.columns))
			ELSE format('ALTER TABLE %s VALIDATE CONSTRAINT %I;', t.name, c.conname) END AS remediation
		FROM (SELECT t.*, pindah.column_list(t.relid, t.keys) AS columns FROM pindah.tenant_tables() t) t
		LEFT JOIN pg_constraint c ON c.conrelid = t.relid AND c.contype = 'f' AND c.conkey <@ t.keys AND t.keys <@ c.conkey
		WHERE t.kind = 'child' AND t.keys IS NOT NULL AND c.convalidated IS NOT TRUE;
COMMENT ON VIEW pindah.lint_child_without_parent IS 'child tables whose foreign key is gone or not validated';

CREATE VIEW pindah.lint_tenant_column_nullable AS
	SELECT 'tenant_column_nullable' AS name, 'The tenant column can be NULL' AS title,
		'WARN' AS level, 'SECURITY' AS category,
		'A row without a tenant is nobody''s: no policy shows it, nobody can mend it, and a foreign key over the tenant is not checked for it.' AS description,
		format('table %s: column %s can be NULL%s', t.name, t.key, CASE WHEN n.found THEN ', and is in some rows' END) AS detail,
		CASE WHEN n.found
			THEN pindah.remark(format('Give those rows a tenant, or remove them: UPDATE %s SET %s = ... WHERE %2$s IS NULL; ALTER TABLE %1$s ALTER COLUMN %2$s SET NOT NULL;', t.name, t.key))
			ELSE format('ALTER TABLE %s ALTER COLUMN %s SET NOT NULL;', t.name, t.key) END AS remediation
		FROM pindah.tenant_tables() t
		CROSS JOIN LATERAL (SELECT pindah.has_null(t.relid, t.key_name) AS found) n
		WHERE t.kind = 'tenant' AND NOT t.key_not_null AND NOT t.relispartition;
COMMENT ON VIEW pindah.lint_tenant_column_nullable IS 'tenant columns that can be NULL';

CREATE VIEW pindah.lint_tenant_column_collation AS
	SELECT 'tenant_column_collation' AS name, 'Different tenants compare equal' AS title,
		'ERROR' AS level, 'SECURITY' AS category,
		'The collation of the tenant column is not deterministic. Tenants whose names differ in case or accents only are one and the same to the policies.' AS description,
		format('table %s: column %s has the nondeterministic collation %I.%I', t.name, t.key, n.nspname, l.collname) AS detail,
		pindah.remark(format('Unprotect the table and protect it again around this: ALTER TABLE %s ALTER COLUMN %s TYPE text COLLATE "C";', t.name, t.key)) AS remediation
		FROM pindah.tenant_tables() t
		JOIN pg_collation l ON l.oid = t.key_collation AND NOT l.collisdeterministic
		JOIN pg_namespace n ON n.oid = l.collnamespace
		WHERE t.kind = 'tenant' AND NOT t.relispartition;
COMMENT ON VIEW pindah.lint_tenant_column_collation IS 'tenant columns in which different tenants compare equal';

CREATE VIEW pindah.lint_tenant_not_indexed AS
	SELECT 'tenant_not_indexed' AS name, 'No index leads with the tenant' AS title,
		'WARN' AS level, 'PERFORMANCE' AS category,
		'Every query has the tenant in its condition. Without an index that leads with that column (or the foreign key of a child table), every query reads the rows of all tenants.' AS description,
		format('table %s: no index leads with %s', t.name, quote_ident(a.attname)) AS detail,
		format('CREATE INDEX ON %s (%I);', t.name, a.attname) AS remediation
		FROM pindah.tenant_tables() t
		JOIN pg_attribute a ON a.attrelid = t.relid AND a.attnum = t.keys[1]
		-- To protect a table makes the index.
		WHERE t.row_security AND t.kind <> 'shared' AND NOT EXISTS (SELECT FROM pg_index i
				JOIN pg_class x ON x.oid = i.indexrelid
				JOIN pg_am m ON m.oid = x.relam AND m.amname IN ('btree', 'hash')
				WHERE i.indrelid = t.relid AND i.indisvalid AND i.indpred IS NULL AND i.indkey[0] = ANY (t.keys))
			-- Each partition may have one of its own; as a rule it is the parent's.
			AND NOT (EXISTS (SELECT FROM pg_inherits h WHERE h.inhparent = t.relid) AND t.relid IN (SELECT c.oid FROM pg_class c WHERE c.relkind = 'p')
				AND NOT EXISTS (SELECT FROM pg_partition_tree(t.relid) p JOIN pg_attribute k ON k.attrelid = p.relid AND k.attname = a.attname
					WHERE p.isleaf AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = p.relid AND i.indisvalid AND i.indpred IS NULL AND i.indkey[0] = k.attnum)))
			AND NOT (t.relispartition AND (SELECT h.inhparent FROM pg_inherits h WHERE h.inhrelid = t.relid)
				IN (SELECT p.relid FROM pindah.tenant_tables() p));
COMMENT ON VIEW pindah.lint_tenant_not_indexed IS 'tenant tables without an index that leads with the tenant';
