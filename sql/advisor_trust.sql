-- The advisor: roles that stand above the wall, what was made easier than it
-- should be, and whose tokens are believed; then the advisor itself.
-- sql/advisor.sql has the rules for all lints.

-- The superuser that initdb made is not reported: there is no database without.
CREATE VIEW pindah.lint_role_above_policies AS
	SELECT 'role_above_policies' AS name, 'A role that policies do not bind can log in' AS title, 'WARN' AS level, 'SECURITY' AS category,
		'Superusers and roles with BYPASSRLS see all tenants, and so does who can SET ROLE to one of them. No application should log in as such a role.' AS description,
		CASE WHEN a.roleid = l.oid
			THEN format('role %I: %s, and can log in', l.rolname, CASE WHEN l.rolsuper THEN 'SUPERUSER' ELSE 'BYPASSRLS' END)
			ELSE format('role %I: can log in, and is a member of %I, which has %s', l.rolname, r.rolname,
				CASE WHEN r.rolsuper THEN 'SUPERUSER' ELSE 'BYPASSRLS' END) END AS detail,
		CASE WHEN a.roleid = l.oid THEN format('ALTER ROLE %I %s;', l.rolname, CASE WHEN l.rolsuper THEN 'NOSUPERUSER NOBYPASSRLS' ELSE 'NOBYPASSRLS' END)
			WHEN EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = a.roleid AND m.member = a.member)
				THEN format('REVOKE %I FROM %I;', r.rolname, l.rolname)
			ELSE pindah.remark(format('Find the role through which it is a member: \drg; then REVOKE ... FROM %I;', l.rolname)) END AS remediation
		FROM pindah.role_members() a
		JOIN pg_roles l ON l.oid = a.member AND l.rolcanlogin AND l.oid <> 10
		JOIN pg_roles r ON r.oid = a.roleid AND (r.rolsuper OR r.rolbypassrls)
		WHERE a.roleid = l.oid OR NOT (l.rolsuper OR l.rolbypassrls);
COMMENT ON VIEW pindah.lint_role_above_policies IS 'login roles that policies do not bind';

CREATE VIEW pindah.lint_role_owns_tables AS
	SELECT 'role_owns_tables' AS name, 'A role that can log in owns protected tables' AS title, 'WARN' AS level, 'SECURITY' AS category,
		'The owner of a table, and every member of the owner, can drop its policies. Let a role without LOGIN own the tables, of which only the role for migrations is a member, and let applications have grants.' AS description,
		format('role %s: owns %s, and %s can log in as it', t.owner::regrole,
			CASE count(DISTINCT t.relid) WHEN 1 THEN '1 protected table' ELSE count(DISTINCT t.relid) || ' protected tables' END,
			pindah.first_few(array_agg(DISTINCT m.member::regrole::text ORDER BY m.member::regrole::text))) AS detail,
		CASE WHEN bool_or(m.member = t.owner)
			THEN pindah.remark(format('Give them to a role that nobody logs in as; new_owner stands for a name of your choice: CREATE ROLE new_owner NOLOGIN; REASSIGN OWNED BY %s TO new_owner;', t.owner::regrole))
			ELSE pindah.remark(format('Leave only the role for migrations a member: REVOKE %s FROM %s;', t.owner::regrole,
				string_agg(DISTINCT m.member::regrole::text, ', '))) END AS remediation
		FROM pindah.tenant_tables() t
		JOIN pindah.role_members() m ON m.roleid = t.owner AND m.can_login AND NOT m.bypasses
		WHERE t.row_security
		GROUP BY t.owner;
COMMENT ON VIEW pindah.lint_role_owns_tables IS 'login roles that own protected tables';

-- pg_read_all_data reads pg_statistic, which has no policies;
-- pg_write_all_data writes what has none, such as tables that say who may what.
CREATE VIEW pindah.lint_role_reads_everything AS
	SELECT 'role_reads_everything' AS name, 'A predefined role leads around the wall' AS title,
		CASE WHEN string_agg(r.rolname, ' ') ~ 'all_data' THEN 'ERROR' ELSE 'WARN' END AS level, 'SECURITY' AS category,
		'pg_read_all_data may read pg_statistic with values of all tenants, large objects, and whatever has no policies, such as materialised views; pg_write_all_data may write all of the latter. pg_read_server_files, pg_write_server_files and pg_execute_server_program reach the files that hold it all. Policies bind none of this.' AS description,
		format('role %I: can log in, and is a member of %s', l.rolname, string_agg(r.rolname, ', ' ORDER BY r.rolname)) AS detail,
		CASE WHEN bool_and(d.member IS NOT NULL)
			THEN format('REVOKE %s FROM %I;', string_agg(r.rolname, ', ' ORDER BY r.rolname), l.rolname)
			ELSE pindah.remark(format('Find the roles through which it is a member: \drg; then REVOKE ... FROM %I;', l.rolname)) END AS remediation
		FROM pindah.role_members() a
		JOIN pg_roles l ON l.oid = a.member AND l.rolcanlogin AND NOT l.rolsuper
		JOIN pg_roles r ON r.oid = a.roleid AND r.rolname IN ('pg_read_all_data', 'pg_write_all_data', 'pg_read_server_files',
			'pg_write_server_files', 'pg_execute_server_program')
		LEFT JOIN (SELECT DISTINCT roleid, member FROM pg_auth_members) d ON d.roleid = a.roleid AND d.member = a.member
		GROUP BY l.rolname;
COMMENT ON VIEW pindah.lint_role_reads_everything IS 'login roles that predefined roles lead around the wall';

CREATE VIEW pindah.lint_role_creates_roles AS
	SELECT 'role_creates_roles' AS name, 'A role can make itself a member of any other' AS title, 'WARN' AS level, 'SECURITY' AS category,
		'Before PostgreSQL 16 a role with CREATEROLE can grant itself every role that is no superuser: owners of tables, pg_write_all_data, pg_execute_server_program.' AS description,
		format('role %I: CREATEROLE, and can log in', r.rolname) AS detail,
		format('ALTER ROLE %I NOCREATEROLE;', r.rolname) AS remediation
		FROM pg_roles r
		WHERE r.rolcreaterole AND r.rolcanlogin AND NOT r.rolsuper AND current_setting('server_version_num')::integer < 160000;
COMMENT ON VIEW pindah.lint_role_creates_roles IS 'login roles with CREATEROLE, where that is a way to everything';

CREATE VIEW pindah.lint_role_replicates AS
	SELECT 'role_replicates' AS name, 'A role can copy the whole server' AS title, 'INFO' AS level, 'SECURITY' AS category,
		'With REPLICATION one takes physical backups and decodes the log: rows of all tenants. Standbys and backups need such a role; nothing else should have it.' AS description,
		format('role %I: REPLICATION, and can log in', r.rolname) AS detail,
		pindah.remark(format('Unless it is for a standby or for backups: ALTER ROLE %I NOREPLICATION;', r.rolname)) AS remediation
		FROM pg_roles r
		WHERE r.rolreplication AND r.rolcanlogin AND NOT r.rolsuper;
COMMENT ON VIEW pindah.lint_role_replicates IS 'login roles with REPLICATION';

-- Settings that are stored for roles, databases and functions, where everybody
-- can read them; "owner" is what the statement that removes one begins with.
CREATE FUNCTION pindah.stored_settings()
	RETURNS TABLE (setting text, value text, place text, owner text, role oid, function oid)
	LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1000 ROWS 100
	SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT split_part(e, '=', 1), substr(e, strpos(e, '=') + 1),
		CASE WHEN d.setrole = 0 THEN '' ELSE 'role ' || d.setrole::regrole END
			|| CASE WHEN d.setrole = 0 AND d.setdatabase = 0 THEN 'all roles' WHEN d.setdatabase = 0 THEN ''
				ELSE CASE WHEN d.setrole = 0 THEN '' ELSE ' in ' END || format('database %I', b.datname) END,
		CASE WHEN d.setrole = 0 AND d.setdatabase <> 0 THEN format('ALTER DATABASE %I', b.datname)
			ELSE 'ALTER ROLE ' || CASE d.setrole WHEN 0 THEN 'ALL' ELSE d.setrole::regrole::text END
				|| CASE d.setdatabase WHEN 0 THEN '' ELSE format(' IN DATABASE %I', b.datname) END END,
		d.setrole, NULL::oid
		FROM pg_db_role_setting d
		LEFT JOIN pg_database b ON b.oid = d.setdatabase, unnest(d.setconfig) e
		WHERE d.setdatabase = 0 OR b.datname = current_database()
	UNION ALL
	SELECT split_part(e, '=', 1), substr(e, strpos(e, '=') + 1),
		format('function %I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
		format('ALTER ROUTINE %I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
		NULL, p.oid
		FROM pg_proc p
		JOIN pg_namespace n ON n.oid = p.pronamespace, unnest(p.proconfig) e
		WHERE p.proconfig IS NOT NULL;
END $$;
GRANT EXECUTE ON FUNCTION pindah.stored_settings() TO PUBLIC;
COMMENT ON FUNCTION pindah.stored_settings() IS 'settings of roles, of this database and of functions';

CREATE VIEW pindah.lint_token_stored AS
	SELECT 'token_stored' AS name, 'A token is stored where everybody can read it' AS title, 'ERROR' AS level, 'TRUST' AS category,
		'Settings of roles, databases and functions can be read by every user, and a bearer token is whoever has it. For a role that cannot present a token there is pindah.role_claims.' AS description,
		format('%s: %s', s.place, s.setting) AS detail,
		format('%s RESET %s;', s.owner, (SELECT string_agg(quote_ident(w), '.') FROM unnest(string_to_array(s.setting, '.')) w)) AS remediation
		FROM pindah.stored_settings() s
		WHERE s.setting = 'pindah.token' OR s.value ~ 'eyJ[\w-]+\.[\w-]+\.[\w-]+';
COMMENT ON VIEW pindah.lint_token_stored IS 'tokens in settings of roles, databases and functions';

CREATE VIEW pindah.lint_secret_stored AS
	SELECT 'secret_stored' AS name, 'A secret is stored where everybody can read it' AS title, 'WARN' AS level, 'TRUST' AS category,
		'Settings of roles, databases and functions can be read by every user. By its name this one is a secret; if it signs tokens, everybody can sign them.' AS description,
		format('%s: %s', s.place, s.setting) AS detail,
		format('%s RESET %s;', s.owner, (SELECT string_agg(quote_ident(w), '.') FROM unnest(string_to_array(s.setting, '.')) w)) AS remediation
		FROM pindah.stored_settings() s
		WHERE s.setting ~* '\..*(secret|passw|token|api_?key|private_?key|jwt_?key|credential)' AND s.setting !~ '^pindah\.'
			AND s.value <> '' AND s.value !~ 'eyJ[\w-]+\.[\w-]+\.[\w-]+';
COMMENT ON VIEW pindah.lint_secret_stored IS 'secrets in settings of roles, databases and functions';

CREATE VIEW pindah.lint_role_claims AS
	-- What a role has, or can become, that no claims limit.
	WITH above AS (
		SELECT m.member AS role, string_agg(CASE WHEN r.oid = m.member THEN w.what WHEN w.what = '' THEN format('a member of %I', r.rolname)
				ELSE format('a member of %I, which is %s', r.rolname, w.what) END, '; ' ORDER BY r.oid <> m.member, r.rolname) AS what
			FROM pindah.role_members() m
			JOIN pg_roles r ON r.oid = m.roleid
			LEFT JOIN (SELECT DISTINCT t.owner FROM pindah.tenant_tables() t WHERE t.row_security) o ON o.owner = r.oid
			CROSS JOIN LATERAL (SELECT CASE WHEN r.rolsuper THEN 'a superuser' WHEN r.rolbypassrls THEN 'above policies by BYPASSRLS'
				WHEN o.owner IS NOT NULL THEN 'an owner of protected tables'
				WHEN r.rolname IN ('pg_read_all_data', 'pg_write_all_data', 'pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program') THEN '' END AS what) w
			WHERE w.what IS NOT NULL
			GROUP BY m.member
	)
	SELECT 'role_claims' AS name, 'An identity is attached without a token' AS title,
		CASE WHEN s.role <> 0 AND a.role IS NULL THEN 'INFO' ELSE 'WARN' END AS level, 'TRUST' AS category,
		'pindah.role_claims is meant for a login role that cannot present a token, as for reports. A WARN where it is everybody''s identity (a database), that of a function''s callers, or of a role that sees more than its claims say: a superuser, one with BYPASSRLS, an owner of protected tables, or a member of such a role or of one that reads or writes everything.' AS description,
		format('%s: pindah.role_claims', s.place) || coalesce('; ' || a.what, '') AS detail,
		CASE WHEN s.role <> 0 AND a.role IS NULL
			THEN pindah.remark(format('When it is not needed any more: %s RESET pindah.role_claims;', s.owner))
			ELSE format('%s RESET pindah.role_claims;', s.owner) END AS remediation
		FROM pindah.stored_settings() s
		LEFT JOIN above a ON a.role = s.role
		WHERE s.setting = 'pindah.role_claims' AND s.value <> '' AND pindah.setting_fault(s.setting, s.value) IS NULL;
COMMENT ON VIEW pindah.lint_role_claims IS 'identities that are attached to roles, databases and functions';

-- What is wrong in the server's configuration files, of which only the owner of
-- the extension may ask; of a setting that stands there twice the last counts.
CREATE FUNCTION pindah.faulty_file_settings() RETURNS TABLE (setting text, fault text)
	LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED COST 10000 ROWS 1
	SET search_path = pg_catalog, pg_temp AS $$
	SELECT DISTINCT f.name, f.fault
		FROM (SELECT s.name, pindah.setting_fault(s.name, s.setting) AS fault,
				row_number() OVER (PARTITION BY lower(s.name) ORDER BY s.seqno DESC) AS nth
			FROM pg_file_settings s WHERE s.name ILIKE 'pindah.%' AND lower(s.name) <> 'pindah.token') f
		WHERE f.fault = 'name' OR (f.fault = 'value' AND f.nth = 1)
$$;
GRANT EXECUTE ON FUNCTION pindah.faulty_file_settings() TO PUBLIC;
COMMENT ON FUNCTION pindah.faulty_file_settings() IS 'settings of the library in the configuration files that do not count';

-- Where the library is not loaded, ALTER ROLE takes every name that begins with
-- "pindah.", and every value.  A wrong name may have been meant for anything.
CREATE VIEW pindah.lint_setting_has_no_effect AS
	WITH stored AS (
		SELECT s.place, s.owner, s.setting, pindah.setting_fault(s.setting, s.value) AS fault
			FROM pindah.stored_settings() s
			WHERE s.function IS NULL AND s.setting ILIKE 'pindah.%' AND lower(s.setting) <> 'pindah.token'
		UNION ALL
		SELECT 'the server''s configuration', NULL, f.setting, f.fault FROM pindah.faulty_file_settings() f
	)
	SELECT 'setting_has_no_effect' AS name, 'A setting that was made does not count' AS title,
		CASE WHEN s.fault = 'name' OR lower(s.setting) IN ('pindah.session_identity', 'pindah.session_state', 'pindah.require_token',
				'pindah.role_claims', 'pindah.algorithms', 'pindah.max_token_lifetime', 'pindah.anonymous_requests', 'pindah.allowed_origins',
				'pindah.throttle_limit') THEN 'ERROR' ELSE 'WARN' END AS level, 'TRUST' AS category,
		'Its name or its value is wrong. Sessions get a warning when they begin, which poolers swallow (or the server''s log does, when its configuration is read), and go on with what is set elsewhere, or with the default. An ERROR where that may be less safe. ALTER ROLE and ALTER DATABASE refuse such a thing only where the library is loaded: in a database that preloads it, or after LOAD ''pindah_auth''.' AS description,
		format('%s: ', s.place) || CASE s.fault
			WHEN 'name' THEN format('there is no setting %s', s.setting) || coalesce('; did you mean ' || n.name || '?', '')
			WHEN 'place' THEN format('%s cannot be set there', s.setting)
			ELSE CASE lower(s.setting) WHEN 'pindah.throttle_limit' THEN 'pindah.throttle_limit takes no such value, or counts nothing without shared_preload_libraries'
				ELSE format('%s takes no such value', s.setting) END END AS detail,
		pindah.remark(CASE WHEN s.owner IS NULL THEN 'Correct the line; pg_file_settings has its number. Then: SELECT pg_reload_conf();'
			WHEN s.fault = 'value' THEN format('Give it a value that it takes: %s SET %s = ...;', s.owner, w.quoted)
			ELSE coalesce(format('Set what was meant: %s SET %s = ...; ', s.owner, n.name), '')
				|| format('Take the wrong one away (if that is refused, in a session that has not loaded pindah_auth): %s RESET %s;', s.owner, w.quoted)
			END) AS remediation
		FROM stored s
		CROSS JOIN LATERAL (SELECT string_agg(quote_ident(e), '.') AS quoted FROM unnest(string_to_array(s.setting, '.')) e) w
		CROSS JOIN LATERAL (SELECT CASE WHEN s.fault = 'name' THEN pindah.nearest_setting(s.setting) END AS name) n
		WHERE s.fault IS NOT NULL;
COMMENT ON VIEW pindah.lint_setting_has_no_effect IS 'settings of the library that were stored and do not count';

CREATE VIEW pindah.lint_setting_granted AS
	SELECT 'setting_granted' AS name, 'Others than superusers may set what security rests on' AS title,
		CASE WHEN bool_or(a.grantee = 0) THEN 'ERROR' ELSE 'WARN' END AS level, 'TRUST' AS category,
		'Whoever may set pindah.role_claims can be any user of any tenant. Whoever may set the others can make checks weaker, or keep the library from being loaded. An ERROR where it is granted to PUBLIC.' AS description,
		format('setting %s: granted to %s', p.parname,
			string_agg(DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, ', ')) AS detail,
		format('REVOKE ALL ON PARAMETER %s FROM %s;', p.parname,
			string_agg(DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, ', ')) AS remediation
		FROM pg_parameter_acl p, aclexplode(p.paracl) a
		WHERE a.grantee <> 10 AND (p.parname LIKE 'pindah.%'
			OR p.parname IN ('session_preload_libraries', 'shared_preload_libraries', 'session_replication_role', 'lo_compat_privileges'))
		GROUP BY p.parname;
COMMENT ON VIEW pindah.lint_setting_granted IS 'grants on settings that security rests on';

-- Values that the server, the database or single roles have.
CREATE VIEW pindah.lint_setting_lax AS
	WITH found AS (
		SELECT s.setting, s.value, s.place, s.owner || ' RESET ' || s.setting || ';' AS remediation
			FROM pindah.stored_settings() s
			WHERE s.setting IN ('pindah.clock_skew', 'pindah.max_token_size', 'pindah.algorithms', 'lo_compat_privileges')
		UNION ALL
		SELECT n.setting, pindah.default_setting(n.setting), 'the server''s configuration',
			format('ALTER DATABASE %I SET %s = %s;', current_database(), n.setting, n.usual)
			FROM (VALUES ('pindah.clock_skew', '30'), ('pindah.max_token_size', '16384'), ('lo_compat_privileges', 'off'),
				('pindah.algorithms', 'HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, EdDSA, Ed25519')) n(setting, usual)
			WHERE NOT EXISTS (SELECT FROM pindah.stored_settings() s WHERE s.setting = n.setting AND s.role = 0)
	)
	SELECT 'setting_lax' AS name, 'A setting makes the wall weaker than usual' AS title,
		CASE f.setting WHEN 'lo_compat_privileges' THEN 'ERROR' ELSE 'INFO' END AS level, 'TRUST' AS category,
		'pindah.clock_skew above 120 s lets expired tokens in for longer; pindah.max_token_size above 64 kB lets anybody make the server read more; algorithms beyond the usual ones (ES384, ES512, ES256K, Ed448) are slow to verify. With lo_compat_privileges everybody reads all large objects: an ERROR.' AS description,
		format('%s: %s is %s', f.place, f.setting, f.value) AS detail,
		f.remediation
		FROM found f
		WHERE CASE f.setting
			WHEN 'pindah.clock_skew'
				THEN CASE WHEN f.value ~ '^\s*\d+\s*(ms|s|min|h|d)?\s*$' THEN extract(epoch FROM f.value::interval) > 120 END
			WHEN 'pindah.max_token_size'
				THEN CASE WHEN f.value ~ '^\s*\d+\s*(B|kB|MB)?\s*$' THEN pg_size_bytes(f.value) > 65536 END
			WHEN 'pindah.algorithms' THEN f.value ~ '\m(ES384|ES512|ES256K|Ed448)\M'
			ELSE f.value ~* '^(on|true|yes|1)$' END;
COMMENT ON VIEW pindah.lint_setting_lax IS 'settings that make the wall weaker than usual';

CREATE VIEW pindah.lint_library_not_preloaded AS
	SELECT 'library_not_preloaded' AS name, 'The library is not loaded when a session begins' AS title, 'WARN' AS level, 'TRUST' AS category,
		'Until a function of ours is called, pindah.organisation_id and the other readable settings are names that the client can set, SHOW pindah.token shows the token, and a token among the options of a connection is not verified.' AS description,
		format('database %I: pindah_auth is neither in shared_preload_libraries nor, for every role, in session_preload_libraries', current_database()) AS detail,
		format('ALTER DATABASE %I SET session_preload_libraries = %s;', current_database(), concat_ws(', ',
			(SELECT nullif(v.setting, '') FROM pg_settings v WHERE v.name = 'session_preload_libraries'), 'pindah_auth')) AS remediation
		WHERE NOT pindah.is_preloaded()
			-- Where a policy depends on it, that is the finding.
			AND NOT EXISTS (SELECT FROM pindah.policy_settings() p WHERE p.ours IS NOT NULL AND p.forgeable IS NULL);
COMMENT ON VIEW pindah.lint_library_not_preloaded IS 'is the library preloaded in this database?';

CREATE VIEW pindah.lint_trust_table_grants AS
	SELECT 'trust_table_grants' AS name, 'A table of the extension is open to others' AS title, 'ERROR' AS level, 'TRUST' AS category,
		'Whoever reads pindah.keys has the secrets of HMAC issuers, whoever writes it or pindah.issuers can sign in as anybody. Grant the functions that you need instead.' AS description,
		format('table %I.%I: %s granted to %s', n.nspname, c.relname, string_agg(DISTINCT g.privilege, ', '), string_agg(DISTINCT g.grantee, ', ')) AS detail,
		format('REVOKE ALL ON %I.%I FROM %s;', n.nspname, c.relname, string_agg(DISTINCT g.grantee, ', ')) AS remediation
		FROM pg_depend e
		JOIN pg_extension x ON x.oid = e.refobjid AND x.extname = 'pindah_auth'
		JOIN pg_class c ON c.oid = e.objid AND c.relkind = 'r'
		JOIN pg_namespace n ON n.oid = c.relnamespace
		JOIN pindah.grants_to_others() g ON g.relid = c.oid
		LEFT JOIN pg_init_privs i ON i.classoid = 'pg_class'::regclass AND i.objoid = c.oid AND i.objsubid = 0
		WHERE e.classid = 'pg_class'::regclass AND e.refclassid = 'pg_extension'::regclass AND e.deptype = 'e'
			-- As the extension itself has granted it, it is meant.
			AND NOT EXISTS (SELECT FROM aclexplode(i.initprivs) a WHERE a.privilege_type = g.privilege
				AND CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END = g.grantee)
		GROUP BY n.nspname, c.relname;
COMMENT ON VIEW pindah.lint_trust_table_grants IS 'grants on the tables of the extension';

CREATE VIEW pindah.lint_function_public AS
	SELECT 'function_public' AS name, 'An administrative function is open to everybody' AS title, 'ERROR' AS level, 'TRUST' AS category,
		'The extension has closed this function: it changes whom the database believes, or how tables are protected. Grant it to the role that needs it.' AS description,
		format('function %I.%I(%s): EXECUTE granted to PUBLIC', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) AS detail,
		format('REVOKE EXECUTE ON FUNCTION %I.%I(%s) FROM PUBLIC;', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) AS remediation
		FROM pg_depend e
		JOIN pg_extension x ON x.oid = e.refobjid AND x.extname = 'pindah_auth'
		JOIN pg_proc p ON p.oid = e.objid
		JOIN pg_namespace n ON n.oid = p.pronamespace
		JOIN pg_init_privs i ON i.classoid = 'pg_proc'::regclass AND i.objoid = p.oid
		WHERE e.classid = 'pg_proc'::regclass AND e.refclassid = 'pg_extension'::regclass AND e.deptype = 'e'
			AND EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0)
			AND NOT EXISTS (SELECT FROM aclexplode(i.initprivs) a WHERE a.grantee = 0);
COMMENT ON VIEW pindah.lint_function_public IS 'administrative functions that everybody can call';

CREATE VIEW pindah.lint_trigger_disabled AS
	SELECT 'trigger_disabled' AS name, 'Changes of trust do not reach the sessions' AS title, 'ERROR' AS level, 'TRUST' AS category,
		'These triggers tell every session that an issuer or a key has changed, on a replica too, or store a revoked organisation as it is searched for. Without them what was revoked goes on to count.' AS description,
		format('trigger %I on table %s', g.tgname, c.name) AS detail,
		format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I;', c.name, g.tgname) AS remediation
		FROM pg_trigger g
		CROSS JOIN LATERAL (SELECT format('%I.%I', n.nspname, t.relname) AS name FROM pg_class t
			JOIN pg_namespace n ON n.oid = t.relnamespace WHERE t.oid = g.tgrelid) c
		WHERE g.tgfoid IN ('pindah.trust_changed()'::regprocedure, 'pindah.spell_revoked_organisation()'::regprocedure)
			AND g.tgenabled <> 'A';
COMMENT ON VIEW pindah.lint_trigger_disabled IS 'triggers of the trust tables that do not always fire';

CREATE VIEW pindah.lint_event_trigger_disabled AS
	SELECT 'event_trigger_disabled' AS name, 'Partitions that come later are not protected' AS title, 'WARN' AS level, 'SECURITY' AS category,
		'The event trigger protects the partitions and children of protected tables when they are made or attached. What came while it was off, lint_partition_open finds.' AS description,
		format('event trigger %I: does not fire', e.evtname) AS detail,
		format('ALTER EVENT TRIGGER %I ENABLE;', e.evtname) AS remediation
		FROM pg_event_trigger e
		WHERE e.evtname = 'pindah_protect_new_children' AND e.evtenabled NOT IN ('O', 'A');
COMMENT ON VIEW pindah.lint_event_trigger_disabled IS 'is the event trigger for new partitions off?';

-- What the trust file says, a row for each issuer, and one without when there is
-- none.  Nothing for those who may not know: the advisor is for them, too.
CREATE FUNCTION pindah.trust_file_issuers()
	RETURNS TABLE (issuer text, audience text[], error text)
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 1000 ROWS 10
	SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
	IF has_function_privilege('pindah.trust_file_keys()', 'EXECUTE') THEN
		RETURN QUERY
		SELECT DISTINCT f.issuer, f.audience, CASE WHEN f.error_at IS NOT NULL THEN coalesce(f.last_error, 'it is not usable') END
			FROM pindah.trust_file_keys() f;
	END IF;
END $$;
GRANT EXECUTE ON FUNCTION pindah.trust_file_issuers() TO PUBLIC;
COMMENT ON FUNCTION pindah.trust_file_issuers() IS 'issuers of the trust file, for those who may see pindah.trust';

CREATE VIEW pindah.lint_trust_file_broken AS
	SELECT 'trust_file_broken' AS name, 'The trust file cannot be used' AS title, 'WARN' AS level, 'TRUST' AS category,
		'Sessions go on with what it said before, or trust nobody by it, if they have not read it in good order: keys that were taken out of it may count on.' AS description,
		format('trust file: %s', f.error) AS detail,
		'-- Mend the file; it is read again within seconds: SELECT path, last_error, error_at FROM pindah.trust WHERE source = ''file'';' AS remediation
		FROM pindah.trust_file_issuers() f
		WHERE f.error IS NOT NULL GROUP BY f.error;
COMMENT ON VIEW pindah.lint_trust_file_broken IS 'is the trust file broken?';

CREATE VIEW pindah.lint_issuer_without_audience AS
	SELECT 'issuer_without_audience' AS name, 'An issuer''s tokens count whomever they are meant for' AS title, 'WARN' AS level, 'TRUST' AS category,
		'Without an audience a token that the issuer made for another application opens this database (RFC 8725 section 3.9).' AS description,
		format('issuer %L%s: no audience', i.issuer, i.place) AS detail,
		pindah.remark(format('Say what aud its tokens for this database have: ' || i.statement, i.issuer)) AS remediation
		FROM (SELECT t.issuer, t.audience, '' AS place, 'SELECT @extschema@.pindah_trust_issuer(%L, audience => ''{...}'');' AS statement
				FROM pindah.issuers t
			UNION ALL
			SELECT f.issuer, f.audience, ' of the trust file', '"audience": [...] beside "issuer" in the trust file'
				FROM pindah.trust_file_issuers() f
				-- Those of the tables count instead.
				WHERE f.issuer IS NOT NULL AND NOT EXISTS (SELECT FROM pindah.issuers t WHERE t.issuer = f.issuer)) i
		WHERE i.audience IS NULL;
COMMENT ON VIEW pindah.lint_issuer_without_audience IS 'issuers without audience';

-- The secret of an HMAC key in bytes: base64url has six bits a character.
CREATE VIEW pindah.lint_key_too_short AS
	SELECT 'key_too_short' AS name, 'A secret is shorter than its hash' AS title, 'ERROR' AS level, 'TRUST' AS category,
		'A short secret can be guessed from any of its tokens, and whoever has it signs tokens for any tenant. The functions refuse such a key; somebody has written this row. It may count elsewhere, too: whatever signs with it is forged easily (RFC 7518 section 3.2).' AS description,
		format('issuer %L, key %L: %s bytes, %s needs %s', k.issuer, k.kid, k.bytes, k.algorithm, k.needed) AS detail,
		format('SELECT @extschema@.pindah_revoke_key(%L, %L);', k.issuer, k.kid) AS remediation
		FROM (SELECT k.issuer, k.kid, k.state, coalesce(k.jwk->>'alg', 'HS256') AS algorithm, coalesce(length(k.jwk->>'k') * 6 / 8, 0) AS bytes,
				CASE k.jwk->>'alg' WHEN 'HS512' THEN 64 WHEN 'HS384' THEN 48 ELSE 32 END AS needed
				FROM pindah.keys k WHERE k.jwk->>'kty' = 'oct') k
		WHERE k.bytes < k.needed AND k.state <> 'revoked';
COMMENT ON VIEW pindah.lint_key_too_short IS 'HMAC keys that are too short for their hash';

CREATE VIEW pindah.lint_issuer_without_key AS
	SELECT 'issuer_without_key' AS name, 'An issuer has no key' AS title, 'WARN' AS level, 'TRUST' AS category,
		'No token of the issuer can be verified. Give it a key, or forget it: whoever may add keys could give it one.' AS description,
		format('issuer %L: no key that is neither revoked nor over', i.issuer) AS detail,
		pindah.remark(format('Unless you are about to add one: SELECT @extschema@.pindah_distrust_issuer(%L);', i.issuer)) AS remediation
		FROM pindah.issuers i
		WHERE NOT EXISTS (SELECT FROM pindah.keys k WHERE k.issuer = i.issuer AND k.state <> 'revoked'
			AND (k.verify_until IS NULL OR k.verify_until > statement_timestamp()));
COMMENT ON VIEW pindah.lint_issuer_without_key IS 'issuers without a key that counts';

CREATE VIEW pindah.lint_key_kinds_mixed AS
	SELECT 'key_kinds_mixed' AS name, 'An issuer has symmetric and asymmetric keys' AS title, 'WARN' AS level, 'TRUST' AS category,
		'Where both kinds stand side by side, a public key can be mistaken for a secret (CVE-2015-9235). Every key here has one algorithm, so it is not; but the functions refuse to make such an issuer, and who verifies the same tokens elsewhere may not be so strict.' AS description,
		format('issuer %L: has both kinds', k.issuer) AS detail,
		pindah.remark(format('Give each kind an issuer of its own, or replace them: SELECT @extschema@.pindah_trust_issuer(%L, jwks => ''...'');', k.issuer)) AS remediation
		FROM pindah.keys k WHERE k.state <> 'revoked'
		GROUP BY k.issuer HAVING count(DISTINCT k.jwk->>'kty' = 'oct') > 1;
COMMENT ON VIEW pindah.lint_key_kinds_mixed IS 'issuers with keys of both kinds';

-- Most keys have no date of expiry; their age is what there is.  A next key that
-- was made here waits for as long as the active one signs, and takes its place.
CREATE VIEW pindah.lint_key_old AS
	SELECT 'key_old' AS name, 'A key is due for a change' AS title, 'INFO' AS level, 'TRUST' AS category,
		'A key that signs for more than a year, one from elsewhere that waits as next for more than 90 days, or one that is retiring for more than 7 days and does not end within a year: tokens of it should have ended long ago.' AS description,
		format('issuer %L, key %L: %s since %s', k.issuer, k.kid, k.state, k.since::date) AS detail,
		CASE WHEN k.state <> 'active' THEN format('SELECT @extschema@.pindah_revoke_key(%L, %L);', k.issuer, k.kid)
			WHEN k.made_here THEN format('SELECT @extschema@.pindah_rotate_key(%L);', k.issuer)
			ELSE pindah.remark(format('Let the issuer make a new key, add it, and revoke this one when its tokens have ended: SELECT @extschema@.pindah_revoke_key(%L, %L);', k.issuer, k.kid)) END AS remediation
		FROM (SELECT k.*, CASE WHEN k.state = 'retiring' THEN k.changed_at
				WHEN k.state = 'active' AND k.made_here THEN coalesce(k.activated_at, k.created_at) ELSE k.created_at END AS since
			FROM pindah.keys k) k
		WHERE CASE k.state WHEN 'active' THEN k.since < now() - interval '1 year'
			WHEN 'next' THEN NOT k.made_here AND k.since < now() - interval '90 days'
			WHEN 'retiring' THEN k.since < now() - interval '7 days'
				AND coalesce(k.verify_until, 'infinity') > now() + interval '1 year' END;
COMMENT ON VIEW pindah.lint_key_old IS 'keys that are due for a change';

CREATE VIEW pindah.lint_key_ends AS
	SELECT 'key_ends' AS name, 'A key that is in use ends soon' AS title, 'WARN' AS level, 'TRUST' AS category,
		'Nothing that the key has signed verifies after its verify_until. A retiring key shall end; an active or next one of which the time is over, or runs out within a week, is an outage to come.' AS description,
		format('issuer %L, key %L: %s, verifies until %s', k.issuer, k.kid, k.state, k.verify_until::date) AS detail,
		CASE WHEN k.made_here AND k.state = 'active' THEN format('SELECT @extschema@.pindah_rotate_key(%L);', k.issuer)
			ELSE pindah.remark(format('Add the successor of the key, or let it verify on: UPDATE pindah.keys SET verify_until = NULL WHERE issuer = %L AND kid = %L;', k.issuer, k.kid)) END AS remediation
		FROM pindah.keys k
		WHERE k.state IN ('active', 'next') AND k.verify_until < now() + interval '7 days';
COMMENT ON VIEW pindah.lint_key_ends IS 'keys in use that end soon';

-- Without a passphrase it may be on purpose; where there is one, it is not.
CREATE VIEW pindah.lint_signing_key_in_clear AS
	WITH passphrase AS (
		SELECT coalesce(pindah.default_setting('pindah.key_passphrase_file'), '') <> '' AS is_set
	)
	SELECT 'signing_key_in_clear' AS name, 'A private key is stored in clear' AS title,
		CASE WHEN p.is_set THEN 'WARN' ELSE 'INFO' END AS level, 'TRUST' AS category,
		'Whoever gets hold of the files of the server, of a backup or of a standby can sign for the issuer. A WARN where pindah.key_passphrase_file is set, so that new keys are encrypted, and these are not.' AS description,
		format('table pindah.signing_keys: keys in clear of issuer %s',
			pindah.first_few(array_agg(DISTINCT quote_literal(s.issuer) ORDER BY quote_literal(s.issuer)))) AS detail,
		CASE WHEN p.is_set THEN 'SELECT @extschema@.pindah_reencrypt_keys();'
			ELSE '-- Put a passphrase into a file that the server alone can read, name it in pindah.key_passphrase_file, and: SELECT @extschema@.pindah_reencrypt_keys();'
			END AS remediation
		FROM pindah.signing_keys s CROSS JOIN passphrase p
		WHERE s.private_key NOT LIKE '-----BEGIN ENCRYPTED PRIVATE KEY-----%'
		GROUP BY p.is_set;
COMMENT ON VIEW pindah.lint_signing_key_in_clear IS 'private keys that are not encrypted';

-- The secret of an HMAC key is its private part.  A subscriber has the keys to
-- verify with; those who sign are elsewhere.
CREATE VIEW pindah.lint_signing_incomplete AS
	WITH found AS (
		SELECT k.issuer, bool_or(k.state = 'active') AS has_active, bool_or(k.state = 'next') AS has_next,
			bool_or(k.state = 'active' AND p.can_sign) AS signs, bool_or(k.state = 'next' AND p.can_sign) AS can_follow,
			max(k.algorithm) FILTER (WHERE k.state = 'active') AS algorithm
			FROM pindah.keys k
			CROSS JOIN LATERAL (SELECT k.jwk->>'kty' IS NOT DISTINCT FROM 'oct' OR EXISTS (SELECT FROM pindah.signing_keys s
				WHERE s.issuer = k.issuer AND s.kid = k.kid) AS can_sign) p
			WHERE k.made_here AND k.state IN ('active', 'next')
				AND NOT EXISTS (SELECT FROM pg_subscription_rel r WHERE r.srrelid = 'pindah.keys'::regclass)
			GROUP BY k.issuer
	)
	SELECT 'signing_incomplete' AS name, 'An issuer cannot sign, or cannot go on' AS title, 'WARN' AS level, 'TRUST' AS category,
		'Of the keys that were made here one signs, and a next one is published to take its place at once. A dump has no private keys: after a restore new ones have to be made.' AS description,
		format('issuer %L: %s', f.issuer, CASE WHEN NOT f.has_active THEN 'no active key' WHEN NOT f.signs THEN 'the private part of the active key is gone'
			WHEN NOT f.has_next THEN 'no next key' ELSE 'the private part of the next key is gone' END) AS detail,
		CASE WHEN f.signs THEN format('SELECT @extschema@.pindah_create_key(%L, %L);', f.issuer, f.algorithm)
			WHEN NOT f.has_active AND f.can_follow
				THEN pindah.remark(format('Unless the next key has leaked with the one of before, let it sign: SELECT @extschema@.pindah_rotate_key(%L);', f.issuer))
			ELSE format('SELECT @extschema@.pindah_rotate_key(%L);', f.issuer) END AS remediation
		FROM found f
		WHERE NOT (f.signs AND f.can_follow);
COMMENT ON VIEW pindah.lint_signing_incomplete IS 'issuers that sign here and have not all of their keys';

-- What is in a publication gets to the subscriber with its first copy, whatever
-- else the publication says.
CREATE VIEW pindah.lint_signing_keys_published AS
	WITH secrets AS (
		SELECT 'pindah.signing_keys'::regclass AS relid, 'private_key' AS name,
			CASE WHEN EXISTS (SELECT FROM pindah.signing_keys) THEN 'ERROR' ELSE 'WARN' END AS level, true AS can_mend
		UNION ALL
		SELECT 'pindah.keys'::regclass, 'jwk', 'WARN', false
			WHERE EXISTS (SELECT FROM pindah.keys k WHERE k.jwk->>'kty' = 'oct' AND k.state <> 'revoked')
	)
	SELECT 'signing_keys_published' AS name, 'A publication carries keys that sign' AS title, s.level, 'TRUST' AS category,
		'The subscriber, and whoever may read the stream or its tables, can sign for the issuers. Replace keys that were published with pindah_rotate_key(). A WARN for pindah.signing_keys while it is empty, and for pindah.keys while it has secrets of HMAC issuers: who verifies their tokens can sign them.' AS description,
		format('publication %I: publishes pindah.%I', p.pubname, c.relname) AS detail,
		CASE WHEN p.puballtables THEN pindah.remark(format('Publish single tables or schemas instead: DROP PUBLICATION %I;', p.pubname))
			WHEN NOT s.can_mend
				THEN pindah.remark(format('Unless the subscriber shall verify tokens of HMAC issuers, leave it out: ALTER PUBLICATION %I DROP %s;', p.pubname,
					CASE WHEN n.pnnspid IS NULL THEN 'TABLE pindah.keys' ELSE 'TABLES IN SCHEMA pindah' END))
			ELSE concat_ws(' ',
				CASE WHEN n.pnnspid IS NOT NULL THEN format('ALTER PUBLICATION %I DROP TABLES IN SCHEMA pindah;', p.pubname) END,
				CASE WHEN r.prrelid IS NOT NULL THEN format('ALTER PUBLICATION %I DROP TABLE pindah.%I;', p.pubname, c.relname) END)
			END AS remediation
		FROM secrets s
		JOIN pg_class c ON c.oid = s.relid
		JOIN pg_attribute a ON a.attrelid = s.relid AND a.attname = s.name
		CROSS JOIN pg_publication p
		LEFT JOIN pg_publication_namespace n ON n.pnpubid = p.oid AND n.pnnspid = c.relnamespace
		LEFT JOIN pg_publication_rel r ON r.prpubid = p.oid AND r.prrelid = s.relid
			AND (r.prattrs IS NULL OR a.attnum = ANY (r.prattrs::int2[]))
		WHERE p.puballtables OR n.pnnspid IS NOT NULL OR r.prrelid IS NOT NULL;
COMMENT ON VIEW pindah.lint_signing_keys_published IS 'publications of keys that sign';

-- What would take long to count is not counted to its end.
CREATE VIEW pindah.lint_revocations_pile_up AS
	SELECT 'revocations_pile_up' AS name, 'Revocations can never be removed' AS title, 'INFO' AS level, 'TRUST' AS category,
		'Nobody knows when the last token has expired that an entry without expires_at matches, unless pindah.max_token_lifetime limits how long tokens live. Until then pindah_remove_old_revocations() leaves these entries.' AS description,
		'table pindah.revocations: more than 1000 entries without expires_at, and tokens may live for ever' AS detail,
		pindah.remark(format('Limit lifetimes to what your issuers use, and remove old entries once a day: ALTER DATABASE %I SET pindah.max_token_lifetime = ''...''; SELECT @extschema@.pindah_remove_old_revocations();',
			current_database())) AS remediation
		WHERE pindah.default_setting('pindah.max_token_lifetime') ~ '^\s*0+\s*(us|ms|s|min|h|d)?\s*$'
			AND (SELECT count(*) FILTER (WHERE r.expires_at IS NULL) FROM (SELECT r.expires_at FROM pindah.revocations r LIMIT 100000) r) > 1000;
COMMENT ON VIEW pindah.lint_revocations_pile_up IS 'are there many revocations that cannot be removed?';

CREATE VIEW pindah.advisor AS
	SELECT * FROM pindah.lint_rls_disabled
	UNION ALL SELECT * FROM pindah.lint_partition_open
	UNION ALL SELECT * FROM pindah.lint_parent_open
	UNION ALL SELECT * FROM pindah.lint_parent_not_protected
	UNION ALL SELECT * FROM pindah.lint_shared_with_tenant_column
	UNION ALL SELECT * FROM pindah.lint_rls_not_forced
	UNION ALL SELECT * FROM pindah.lint_protection_altered
	UNION ALL SELECT * FROM pindah.lint_policy_ignores_tenant
	UNION ALL SELECT * FROM pindah.lint_check_ignores_tenant
	UNION ALL SELECT * FROM pindah.lint_policy_reads_forgeable_setting
	UNION ALL SELECT * FROM pindah.lint_policy_reads_unloaded_setting
	UNION ALL SELECT * FROM pindah.lint_policy_not_held
	UNION ALL SELECT * FROM pindah.lint_no_tenant_policy
	UNION ALL SELECT * FROM pindah.lint_policy_widens_permissions
	UNION ALL SELECT * FROM pindah.lint_child_without_parent
	UNION ALL SELECT * FROM pindah.lint_tenant_column_nullable
	UNION ALL SELECT * FROM pindah.lint_tenant_column_collation
	UNION ALL SELECT * FROM pindah.lint_tenant_not_indexed
	UNION ALL SELECT * FROM pindah.lint_view_with_owner_rights
	UNION ALL SELECT * FROM pindah.lint_materialized_view_open
	UNION ALL SELECT * FROM pindah.lint_foreign_table_open
	UNION ALL SELECT * FROM pindah.lint_definer_search_path
	UNION ALL SELECT * FROM pindah.lint_definer_above_policies
	UNION ALL SELECT * FROM pindah.lint_leakproof_function
	UNION ALL SELECT * FROM pindah.lint_unique_without_tenant
	UNION ALL SELECT * FROM pindah.lint_foreign_key_crosses_tenants
	UNION ALL SELECT * FROM pindah.lint_table_grants
	UNION ALL SELECT * FROM pindah.lint_publication
	UNION ALL SELECT * FROM pindah.lint_rule
	UNION ALL SELECT * FROM pindah.lint_trigger_copies_rows
	UNION ALL SELECT * FROM pindah.lint_expression_statistics
	UNION ALL SELECT * FROM pindah.lint_catalog_grants
	UNION ALL SELECT * FROM pindah.lint_large_objects
	UNION ALL SELECT * FROM pindah.lint_schema_writable
	UNION ALL SELECT * FROM pindah.lint_role_above_policies
	UNION ALL SELECT * FROM pindah.lint_role_owns_tables
	UNION ALL SELECT * FROM pindah.lint_role_reads_everything
	UNION ALL SELECT * FROM pindah.lint_role_creates_roles
	UNION ALL SELECT * FROM pindah.lint_role_replicates
	UNION ALL SELECT * FROM pindah.lint_token_stored
	UNION ALL SELECT * FROM pindah.lint_secret_stored
	UNION ALL SELECT * FROM pindah.lint_role_claims
	UNION ALL SELECT * FROM pindah.lint_setting_has_no_effect
	UNION ALL SELECT * FROM pindah.lint_setting_granted
	UNION ALL SELECT * FROM pindah.lint_setting_lax
	UNION ALL SELECT * FROM pindah.lint_library_not_preloaded
	UNION ALL SELECT * FROM pindah.lint_trust_table_grants
	UNION ALL SELECT * FROM pindah.lint_function_public
	UNION ALL SELECT * FROM pindah.lint_trigger_disabled
	UNION ALL SELECT * FROM pindah.lint_event_trigger_disabled
	UNION ALL SELECT * FROM pindah.lint_trust_file_broken
	UNION ALL SELECT * FROM pindah.lint_issuer_without_audience
	UNION ALL SELECT * FROM pindah.lint_key_too_short
	UNION ALL SELECT * FROM pindah.lint_issuer_without_key
	UNION ALL SELECT * FROM pindah.lint_key_kinds_mixed
	UNION ALL SELECT * FROM pindah.lint_key_old
	UNION ALL SELECT * FROM pindah.lint_key_ends
	UNION ALL SELECT * FROM pindah.lint_signing_key_in_clear
	UNION ALL SELECT * FROM pindah.lint_signing_incomplete
	UNION ALL SELECT * FROM pindah.lint_signing_keys_published
	UNION ALL SELECT * FROM pindah.lint_revocations_pile_up;
COMMENT ON VIEW pindah.advisor IS 'what is open in the wall around the tenants: one row a finding, with the SQL that mends it';

-- Closed: what is open is nobody's business but the administrator's.
REVOKE ALL ON ALL TABLES IN SCHEMA pindah FROM PUBLIC;

-- With the rights of the extension's owner, so that a role for deployments needs
-- nothing but EXECUTE.
CREATE FUNCTION @extschema@.pindah_check() RETURNS void
	LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL UNSAFE COST 1000000
	SET search_path = pg_catalog, pg_temp SET jit = off AS $$
DECLARE
	found text[];
BEGIN
	SELECT array_agg(a.name || ': ' || a.detail ORDER BY a.name, a.detail) INTO found
		FROM pindah.advisor a WHERE a.level = 'ERROR';
	IF found IS NOT NULL THEN
		RAISE EXCEPTION 'the tenants are not kept apart'
			USING ERRCODE = '55000',
				DETAIL = array_to_string(found[1:50], E'\n')
					|| CASE WHEN cardinality(found) > 50 THEN E'\nand ' || cardinality(found) - 50 || ' more' ELSE '' END,
				HINT = 'SELECT * FROM pindah.advisor WHERE level = ''ERROR''; has the SQL that mends each of them, or says what to do.';
	END IF;
END $$;
REVOKE ALL ON FUNCTION @extschema@.pindah_check() FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.pindah_check() IS
	'raises 55000 when the advisor has a finding of level ERROR; for deployment pipelines';

-- What may follow is written for the usual search_path.
SET LOCAL search_path TO @extschema@, pg_temp;
