-- The advisor: what is still open in the wall around the tenants.
--
-- Every lint is one view, pindah.lint_<name>, with the same columns; each
-- finding has its own remediation, a statement that closes the hole, or a
-- comment where only a human can decide.  pindah.advisor is all of them.
--
-- This file has what they share; the lints are in advisor_tables.sql (tables and
-- their policies), advisor_objects.sql (what lies around them), and
-- advisor_trust.sql (roles, settings, trust; pindah.advisor and pindah_check()).
--
-- Whoever owns a table, an index or a function has named it, and an administrator
-- runs the remediation: what comes from the catalogs is quoted, or by
-- pindah.remark() kept on the line of its comment.
--
-- ERROR: rows of another tenant can be read or changed, or an identity forged,
-- as things stand.  WARN: one step away from it, or it tells that something
-- exists.  INFO: something to know.
--
-- Everything is read from the catalogs of this database, with the rights of
-- the extension's owner.

SET LOCAL search_path TO pg_catalog, pg_temp;

-- What a new session finds, if nobody but its database or its server says
-- otherwise.  NULL when this session, or its rights, hide it.
CREATE FUNCTION pindah.default_setting(setting text) RETURNS text
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 1000
	SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
	-- Settings of the library are there once it is loaded.
	PERFORM pindah.holds(true);
	RETURN coalesce(
		(SELECT substr(e, length(setting) + 2)
			FROM pg_db_role_setting d, unnest(d.setconfig) e
			WHERE d.setrole = 0 AND split_part(e, '=', 1) = setting
				AND d.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
			ORDER BY d.setdatabase = 0 LIMIT 1),
		(SELECT s.setting FROM pg_settings s
			WHERE s.name = setting
				AND s.source IN ('default', 'environment variable', 'configuration file', 'command line')));
END $$;
GRANT EXECUTE ON FUNCTION pindah.default_setting(text) TO PUBLIC;
COMMENT ON FUNCTION pindah.default_setting(text) IS 'the value of a setting in a new session of this database';

-- Is the library loaded before the first statement of every session?
CREATE FUNCTION pindah.is_preloaded() RETURNS boolean
	LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE COST 1000
	SET search_path = pg_catalog, pg_temp SET standard_conforming_strings = on AS $$
	WITH wanted(pattern) AS (VALUES ('(^|[,/" ])pindah_auth(\.so)?([," ]|$)'))
	SELECT current_setting('shared_preload_libraries') ~ pattern
		OR (coalesce(pindah.default_setting('session_preload_libraries'), '') ~ pattern
			AND NOT EXISTS (SELECT FROM pg_db_role_setting d, unnest(d.setconfig) e
				WHERE d.setrole <> 0 AND e LIKE 'session_preload_libraries=%' AND e !~ replace(pattern, '^|', '^|=|')
					AND d.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))))
		FROM wanted
$$;
GRANT EXECUTE ON FUNCTION pindah.is_preloaded() TO PUBLIC;
COMMENT ON FUNCTION pindah.is_preloaded() IS 'is the library loaded before the first statement of every session here?';

CREATE FUNCTION pindah.first_few(items text[]) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 10
	SET search_path = pg_catalog, pg_temp AS $$
	SELECT array_to_string(items[1:5], ', ')
		|| CASE WHEN cardinality(items) > 5 THEN ' and ' || cardinality(items) - 5 || ' more' ELSE '' END
$$;
GRANT EXECUTE ON FUNCTION pindah.first_few(text[]) TO PUBLIC;
COMMENT ON FUNCTION pindah.first_few(text[]) IS 'the first five of a list, and how many more there are';

-- A remediation that only a human can decide on.  A name with a line break in it
-- would end the comment, and the rest of the name be run.
CREATE FUNCTION pindah.remark(words text) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 10
	SET search_path = pg_catalog, pg_temp AS $$
	SELECT '-- ' || regexp_replace(words, '[\r\n]+', ' ', 'g')
$$;
GRANT EXECUTE ON FUNCTION pindah.remark(text) TO PUBLIC;
COMMENT ON FUNCTION pindah.remark(text) IS 'a comment of SQL, on one line';

CREATE FUNCTION pindah.column_list(relation oid, columns smallint[]) RETURNS text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE COST 10
	SET search_path = pg_catalog, pg_temp AS $$
	SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.i) FROM unnest(columns) WITH ORDINALITY k(n, i)
		JOIN pg_attribute a ON a.attrelid = relation AND a.attnum = k.n
$$;
GRANT EXECUTE ON FUNCTION pindah.column_list(oid, smallint[]) TO PUBLIC;
COMMENT ON FUNCTION pindah.column_list(oid, smallint[]) IS 'the names of columns, as in a statement';

-- What several lints share is found by functions, and not by views: PL/pgSQL keeps
-- their plans, their estimates fit, and the just-in-time compiler, which would
-- take longer than the advisor itself, is kept away.

-- Who can act as a role: himself and its members, directly or not.
CREATE FUNCTION pindah.role_members()
	RETURNS TABLE (roleid oid, member oid, can_login boolean, bypasses boolean)
	LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1000 ROWS 100
	SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	WITH RECURSIVE acts(roleid, member) AS (
		SELECT oid, oid FROM pg_roles
		UNION
		SELECT a.roleid, m.member FROM acts a JOIN pg_auth_members m ON m.roleid = a.member
	)
	SELECT a.roleid, a.member, r.rolcanlogin, r.rolsuper OR r.rolbypassrls
		FROM acts a JOIN pg_roles r ON r.oid = a.member;
END $$;
GRANT EXECUTE ON FUNCTION pindah.role_members() TO PUBLIC;
COMMENT ON FUNCTION pindah.role_members() IS 'roles and who can act as them, themselves included';

-- The tables that the advisor is about, by kind:
--
--   tenant	a tenant column by one of the usual names, or policies that ask for
--		the tenant
--   child	protected through its parent
--   shared	a protected reference table
--
-- "keys" are the columns that say whose a row is: the tenant column, or the
-- foreign key to the parent.  "key" and what follows is NULL unless there is
-- exactly one; "wall" is the condition of a restrictive policy for it.
CREATE FUNCTION pindah.tenant_tables()
	RETURNS TABLE (relid oid, name text, schema oid, owner oid, kind text, relispartition boolean, acl aclitem[],
		row_security boolean, forced boolean, protected boolean, keys smallint[],
		key text, key_name name, key_not_null boolean, key_collation oid, wall text)
	LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1000 ROWS 1000
	SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	WITH tagged AS (
		SELECT a.attrelid AS relid, array_agg(a.attnum ORDER BY a.attnum) AS keys
			FROM pg_attribute a
			WHERE a.attname IN ('OrganisationId', 'organisation_id') AND a.attnum > 0 AND NOT a.attisdropped
			GROUP BY a.attrelid
	), asking AS (
		SELECT DISTINCT p.polrelid AS relid FROM pg_depend d
			JOIN pg_policy p ON p.oid = d.objid
			WHERE d.classid = 'pg_policy'::regclass AND d.refclassid = 'pg_proc'::regclass AND d.refobjid IN (
				'@extschema@.pindah_organisation_id()'::regprocedure, '@extschema@.pindah_organisation_id(text)'::regprocedure,
				'@extschema@.pindah_organisation_uuid()'::regprocedure, '@extschema@.pindah_organisation_uuid(text)'::regprocedure,
				'@extschema@.pindah_organisation_bigint()'::regprocedure, '@extschema@.pindah_organisation_bigint(text)'::regprocedure)
	), policies AS (
		SELECT p.polrelid AS relid,
			bool_or(p.polname = 'pindah_select') AS protected,
			bool_or(p.polname = 'pindah_tenant') AS has_tenant,
			bool_or(p.polname = 'pindah_wall_insert') AND NOT bool_or(p.polname = 'pindah_wall_select') AS has_only
			FROM pg_policy p GROUP BY p.polrelid
	), walls AS (
		SELECT p.polrelid AS relid,
			bool_or(p.polname = 'pindah_tenant' AND d.refobjid <> p.polrelid) AS by_parent,
			array_agg(DISTINCT d.refobjsubid::smallint) FILTER (WHERE p.polname = 'pindah_tenant'
				AND d.refobjid = p.polrelid AND d.refobjsubid > 0) AS tenant_keys,
			array_agg(DISTINCT d.refobjsubid::smallint) FILTER (WHERE d.refobjid = p.polrelid AND d.refobjsubid > 0) AS other_keys
			FROM pg_policy p
			JOIN pg_depend d ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_class'::regclass
			WHERE NOT p.polpermissive GROUP BY p.polrelid
	), tables AS (
		SELECT c.oid AS relid, format('%I.%I', n.nspname, c.relname) AS name, c.relnamespace, c.relowner,
			CASE WHEN p.has_only AND NOT p.has_tenant THEN 'shared' WHEN w.by_parent OR (p.protected AND a.relid IS NULL AND t.keys IS NULL)
				THEN 'child' ELSE 'tenant' END AS kind,
			c.relispartition, c.relacl, c.relrowsecurity, c.relforcerowsecurity, coalesce(p.protected OR p.has_tenant, false) AS protected,
			coalesce(w.tenant_keys, t.keys, CASE WHEN cardinality(w.other_keys) = 1 THEN w.other_keys END) AS keys
			FROM pg_class c
			JOIN pg_namespace n ON n.oid = c.relnamespace
			LEFT JOIN tagged t ON t.relid = c.oid
			LEFT JOIN policies p ON p.relid = c.oid
			LEFT JOIN walls w ON w.relid = c.oid
			LEFT JOIN asking a ON a.relid = c.oid
			LEFT JOIN pg_depend e ON e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e'
			WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND e.objid IS NULL
				AND (t.keys IS NOT NULL OR p.protected OR p.has_tenant OR a.relid IS NOT NULL)
	)
	SELECT t.*, quote_ident(a.attname), a.attname, a.attnotnull, a.attcollation,
		CASE WHEN f.accessor IS NOT NULL THEN format('%1$I = %2$s() AND pindah.holds(%1$I = %2$s())', a.attname, f.accessor) END
		FROM tables t
		LEFT JOIN pg_attribute a ON a.attrelid = t.relid AND a.attnum = t.keys[1] AND cardinality(t.keys) = 1
		LEFT JOIN (VALUES ('uuid'::regtype, '@extschema@.pindah_organisation_uuid'), ('int8'::regtype, '@extschema@.pindah_organisation_bigint'),
			('int4'::regtype, '@extschema@.pindah_organisation_bigint'), ('int2'::regtype, '@extschema@.pindah_organisation_bigint'),
			('text'::regtype, '@extschema@.pindah_organisation_id'), ('varchar'::regtype, '@extschema@.pindah_organisation_id')) f(type, accessor)
			ON f.type = a.atttypid;
END $$;
GRANT EXECUTE ON FUNCTION pindah.tenant_tables() TO PUBLIC;
COMMENT ON FUNCTION pindah.tenant_tables() IS 'the tables that hold rows of tenants, or are shared by them';

-- Children whose parent shows its rows to everybody, and so theirs: it is not
-- protected, row-level security is off, or all tenants share it.  With the SQL
-- that protects the parent.
CREATE FUNCTION pindah.open_parents()
	RETURNS TABLE (relid oid, name text, relispartition boolean, what text, remediation text)
	LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1000 ROWS 10
	SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	WITH tables AS MATERIALIZED (
		SELECT * FROM pindah.tenant_tables()
	), parents AS (
		SELECT DISTINCT t.relid, t.name, t.relispartition, format('%I.%I', n.nspname, c.relname) AS parent,
			coalesce(o.kind, 'none') AS kind, o.protected, o.wall, o.key_name
			FROM tables t
			JOIN pg_policy p ON p.polrelid = t.relid AND p.polname = 'pindah_tenant'
			JOIN pg_depend d ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid
				AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> t.relid
			JOIN pg_class c ON c.oid = d.refobjid
			JOIN pg_namespace n ON n.oid = c.relnamespace
			LEFT JOIN tables o ON o.relid = c.oid
			WHERE t.kind = 'child' AND t.row_security AND (o.row_security IS NOT TRUE OR o.kind = 'shared')
	)
	SELECT p.relid, p.name, p.relispartition,
		format('its parent %s is %s', p.parent, CASE WHEN p.kind = 'shared' THEN 'shared by all tenants' ELSE 'not protected' END),
		CASE WHEN p.protected AND p.kind <> 'shared' THEN format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;', p.parent)
			WHEN p.wall IS NOT NULL THEN format('SELECT @extschema@.pindah_protect_table(%L, organisation_column => %L);', p.parent, p.key_name)
			ELSE pindah.remark(format('Say whose its rows are: SELECT @extschema@.pindah_protect_table(%L, organisation_column => ''...'');', p.parent)) END
		FROM parents p;
END $$;
GRANT EXECUTE ON FUNCTION pindah.open_parents() TO PUBLIC;
COMMENT ON FUNCTION pindah.open_parents() IS 'child tables whose parent keeps no tenant out';

-- The settings that policies read, in their own text or in that of a function
-- that they call, and that clients may set; ours apart.  Names in lower case,
-- "(computed)" where it is no constant.
CREATE FUNCTION pindah.policy_settings()
	RETURNS TABLE (polid oid, forgeable text[], ours text[])
	LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1000 ROWS 10
	SET search_path = pg_catalog, pg_temp SET jit = off SET quote_all_identifiers = off SET standard_conforming_strings = on AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	WITH read AS (
		SELECT p.oid AS polid, coalesce(lower(m[1]), '(computed)') AS setting
			FROM pg_policy p
			JOIN unnest(ARRAY['current_setting(text)', 'current_setting(text,boolean)']::regprocedure[]) f
				ON concat(p.polqual, p.polwithcheck) LIKE '%:funcid ' || f::oid || ' %',
				regexp_matches(concat(pg_get_expr(p.polqual, p.polrelid), ' ', pg_get_expr(p.polwithcheck, p.polrelid)),
					'\mcurrent_setting\((?:''([^'']*)''::text)?', 'g') m
		UNION
		SELECT d.objid, coalesce(lower(m[1]), '(computed)')
			FROM pg_depend d
			JOIN pg_proc f ON f.oid = d.refobjid AND f.prosrc ILIKE '%current\_setting%',
				regexp_matches(f.prosrc, '\mcurrent_setting\s*\((?:\s*''([^'']*)''\s*[,):])?', 'gi') m
			WHERE d.classid = 'pg_policy'::regclass AND d.refclassid = 'pg_proc'::regclass
	)
	SELECT r.polid,
		array_agg(r.setting ORDER BY r.setting) FILTER (WHERE r.setting NOT LIKE 'pindah.%'),
		array_agg(r.setting ORDER BY r.setting) FILTER (WHERE r.setting LIKE 'pindah.%')
		FROM read r
		-- What only the server or a superuser sets cannot be forged; a role can
		-- only be taken on by its members.
		WHERE r.setting NOT IN (SELECT lower(s.name) FROM pg_settings s
			WHERE s.context NOT IN ('user', 'backend') AND s.name NOT LIKE 'pindah.%')
			AND r.setting NOT IN ('role', 'session_authorization')
		GROUP BY r.polid;
END $$;
GRANT EXECUTE ON FUNCTION pindah.policy_settings() TO PUBLIC;
COMMENT ON FUNCTION pindah.policy_settings() IS 'settings that policies read and clients may set';

-- Protected tables whose policies are not what pindah_protect_table() makes.
-- The clauses are judged as PostgreSQL stores them: that is exact, and much
-- faster than to deparse them.
--
--   tenant	column = pindah_organisation_...() in pindah.holds(), and without when no
--		permission is asked for; in those for one command with the permission
--   child	EXISTS (SELECT FROM parent pindah_parent WHERE ...), in pindah.reaches()
--		for what is read; (NULL::table).column IS NULL of the key, after the permission if any
--   shared	permissions, false, or for SELECT true
CREATE FUNCTION pindah.altered_tables()
	RETURNS TABLE (relid oid, wall boolean, what text[])
	LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1000 ROWS 10
	SET search_path = pg_catalog, pg_temp SET jit = off SET quote_all_identifiers = off SET standard_conforming_strings = on AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	WITH expected(polname, permissive, command) AS (
		VALUES ('pindah_tenant', false, '*'), ('pindah_select', true, 'r'), ('pindah_insert', true, 'a'),
			('pindah_update', true, 'w'), ('pindah_delete', true, 'd'), ('pindah_wall_select', false, 'r'),
			('pindah_wall_insert', false, 'a'), ('pindah_wall_update', false, 'w'), ('pindah_wall_delete', false, 'd')
	), asking AS (
		SELECT p.polrelid AS relid FROM pg_policy p
			JOIN pg_description d ON d.classoid = 'pg_policy'::regclass AND d.objoid = p.oid AND d.objsubid = 0
			WHERE p.polname = 'pindah_select' AND d.description ~ '^pindah_auth: .*"settings": \{.*"permission": '
	), oids AS (
		SELECT string_agg(f::oid::text, '|') FILTER (WHERE f::text ~ 'organisation_\w+"?\(\)') AS tenant,
			string_agg(f::oid::text, '|') FILTER (WHERE f::text ~ 'organisation_\w+"?\(text') AS tenant_if,
			string_agg(f::oid::text, '|') FILTER (WHERE f::text ~ 'has_permission') AS permission,
			(SELECT string_agg(o::oid::text, '|') FROM unnest(ARRAY['=(uuid,uuid)', '=(text,text)', '=(bigint,bigint)',
				'=(integer,bigint)', '=(smallint,bigint)']::regoperator[]) o) AS equals
			FROM unnest(ARRAY['@extschema@.pindah_organisation_id()', '@extschema@.pindah_organisation_id(text)',
				'@extschema@.pindah_organisation_uuid()', '@extschema@.pindah_organisation_uuid(text)',
				'@extschema@.pindah_organisation_bigint()', '@extschema@.pindah_organisation_bigint(text)',
				'@extschema@.pindah_has_permission(text)']::regprocedure[]) f
	), forms AS (
		SELECT compares || tenant || rest AS tenant,
			compares || tenant_if || rest AS tenant_if,
			'\{FUNCEXPR :funcid ' || 'pindah.holds(boolean)'::regprocedure::oid || ' [^{}]*\(' || compares || tenant || rest || '\)[^{}]*\}' AS held,
			'\{FUNCEXPR :funcid (?:' || permission || ') [^{}]*\(\{CONST [^{}]*\}\)[^{}]*\}' AS permission,
			'(?: ?\{NULLTEST :arg \{FIELDSELECT :arg \{CONST [^{}]*\} [^{}]*\} :nulltesttype 0 [^{}]*\})+' AS key_columns,
			'pindah.reaches(boolean,"any","any")'::regprocedure::oid AS reaches
			FROM (SELECT '\{OPEXPR :opno (?:' || equals || ') [^{}]*\((?:\{RELABELTYPE [^{}]*)?\{VAR [^{}]*\}(?:[^{}]*\})? ' AS compares,
					'\{FUNCEXPR :funcid (?:' || tenant || ') [^{}]*' AS tenant,
					'\{FUNCEXPR :funcid (?:' || tenant_if || ') [^{}]*\(\{CONST [^{}]*\}\)[^{}]*' AS tenant_if,
					'\}\)[^{}]*\}' AS rest, permission FROM oids) p
	), judged AS (
		SELECT t.relid, e.polname, e.polname = 'pindah_tenant' OR (t.kind = 'shared' AND NOT e.permissive) AS is_wall, p.oid IS NULL AS gone,
			p.polpermissive = e.permissive AND p.polcmd::text = e.command AND p.polroles = '{0}'
				AND (SELECT bool_and(CASE
						WHEN t.kind = 'tenant' AND e.polname <> 'pindah_tenant'
							THEN c.clause ~ ('^(?:' || CASE WHEN k.relid IS NULL THEN f.tenant || '|' ELSE '' END || f.tenant_if || ')$')
						WHEN t.kind = 'tenant'
							THEN c.clause ~ ('^\{BOOLEXPR :boolop and :args \(' || f.tenant || ' ' || f.held || '\)[^{}]*\}$')
								OR (k.relid IS NOT NULL AND c.clause ~ ('^' || f.held || '$'))
						WHEN e.polname = 'pindah_tenant'
							THEN c.clause ~ ('^(?:\{FUNCEXPR :funcid ' || f.reaches || ' [^{}]*\()?\{SUBLINK :subLinkType 0 .*\{ALIAS :aliasname pindah_parent ')
								AND c.clause !~ '\{BOOLEXPR :boolop (?:or|not)|\{CONST '
						WHEN t.kind = 'child' AND e.permissive
							THEN c.clause ~ ('^\{BOOLEXPR :boolop and :args \((?:' || f.permission || CASE WHEN k.relid IS NULL THEN ')?' ELSE ')' END
								|| f.key_columns || '\)[^{}]*\}$')
						WHEN c.clause ~ '^\{CONST ' THEN c.clause ~ ':constvalue \d+ \[ (?:0 )+\]'
							OR (e.permissive AND t.kind = 'shared' AND e.command = 'r')
						ELSE c.clause ~ ('^' || f.permission || '$') END)
					FROM (VALUES (p.polqual::text), (p.polwithcheck::text)) c(clause) WHERE c.clause IS NOT NULL) AS as_made
			FROM pindah.tenant_tables() t
			CROSS JOIN forms f
			LEFT JOIN asking k ON k.relid = t.relid
			CROSS JOIN expected e
			LEFT JOIN pg_policy p ON p.polrelid = t.relid AND p.polname = e.polname
			WHERE t.protected AND t.row_security AND CASE WHEN e.permissive THEN true
				WHEN t.kind = 'shared' THEN e.polname IN ('pindah_wall_insert', 'pindah_wall_update', 'pindah_wall_delete')
				ELSE e.polname = 'pindah_tenant' OR k.relid IS NOT NULL OR p.oid IS NOT NULL END
	)
	SELECT j.relid, bool_or(j.is_wall),
		array_agg(j.polname || CASE WHEN j.gone THEN ' is gone' ELSE ' was altered' END ORDER BY j.polname)
		FROM judged j WHERE j.as_made IS NOT TRUE GROUP BY j.relid;
END $$;
GRANT EXECUTE ON FUNCTION pindah.altered_tables() TO PUBLIC;
COMMENT ON FUNCTION pindah.altered_tables() IS 'protected tables whose policies were altered';

-- The policies of those tables where row-level security is on.  A clause names
-- the tenant when it compares a column with an accessor, with a function that
-- asks one, with a setting that cannot be forged, or with rows that are
-- protected themselves; and reads no setting that can be forged.  A WITH CHECK
-- that is not given is USING.
--
-- "open_commands" of a permissive policy: those for which neither it nor a
-- restrictive policy, for everybody or for the same roles, names the tenant.
-- "walled": the table has a restrictive policy for everybody and everything that
-- does; "held": in one of these the planner cannot move it, see pindah.holds().
CREATE FUNCTION pindah.tenant_policies()
	RETURNS TABLE (polid oid, relid oid, table_name text, kind text, wall text, polname name, permissive boolean,
		walled boolean, held boolean, made_here boolean, honest boolean, has_using boolean,
		has_check boolean, using_names boolean, check_names boolean, asks_permission boolean, open_commands text, open_reads boolean)
	LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1000 ROWS 1000
	SET search_path = pg_catalog, pg_temp SET jit = off SET quote_all_identifiers = off SET standard_conforming_strings = on AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	WITH accessors AS (
		SELECT f.oid, f.proname ~ '^pindah_(organisation_|user_id|claim)' AS tenant,
			f.proname ~ '^pindah_(has_|organisation_)' AND f.pronargs > 0 AS permission
			FROM pg_proc f
			JOIN pg_depend e ON e.classid = 'pg_proc'::regclass AND e.objid = f.oid AND e.deptype = 'e'
				AND e.refclassid = 'pg_extension'::regclass
			JOIN pg_extension x ON x.oid = e.refobjid AND x.extname = 'pindah_auth'
			WHERE f.proname LIKE 'pindah\_%'
		UNION ALL
		SELECT f.oid, f.prosrc ~ '\mpindah_(organisation_|user_id|claim)' OR EXISTS (
				SELECT FROM pg_depend b JOIN pg_proc g ON g.oid = b.refobjid AND g.proname ~ '^pindah_(organisation_|user_id|claim)'
					WHERE b.classid = 'pg_proc'::regclass AND b.objid = f.oid AND b.refclassid = 'pg_proc'::regclass),
			f.prosrc ~ '\mpindah_(has_|organisation_\w+\(\s*'')'
			FROM pg_proc f
			WHERE f.oid IN (SELECT refobjid FROM pg_depend
					WHERE classid = 'pg_policy'::regclass AND refclassid = 'pg_proc'::regclass)
				AND f.proname NOT LIKE 'pindah\_%'
	), patterns AS (
		SELECT ':funcid (?:' || string_agg(oid::text, '|') FILTER (WHERE tenant) || ') ' AS tenant,
			':funcid (?:' || string_agg(oid::text, '|') FILTER (WHERE permission) || ') ' AS permission,
			'%:funcid ' || 'pindah.holds(boolean)'::regprocedure::oid || ' %' AS holds,
			pindah.is_preloaded() AS preloaded
			FROM accessors
	), tables AS MATERIALIZED (
		SELECT * FROM pindah.tenant_tables()
	), through AS (
		SELECT DISTINCT d.objid AS polid FROM pg_depend d
			JOIN pg_policy p ON p.oid = d.objid AND p.polrelid <> d.refobjid
			JOIN tables t ON t.relid = d.refobjid AND t.row_security AND t.kind <> 'shared'
			WHERE d.classid = 'pg_policy'::regclass AND d.refclassid = 'pg_class'::regclass
	), marked AS (
		SELECT p.*, s.ours, s.forgeable IS NULL AND (s.ours IS NULL OR patterns.preloaded) AS honest,
			p.polqual::text LIKE '%{VAR %' AND (p.polqual::text ~ patterns.tenant
				OR (h.polid IS NOT NULL AND p.polqual::text LIKE '%:relid %')) AS using_asks,
			p.polwithcheck::text LIKE '%{VAR %' AND (p.polwithcheck::text ~ patterns.tenant
				OR (h.polid IS NOT NULL AND p.polwithcheck::text LIKE '%:relid %')) AS check_asks,
			p.polqual::text LIKE patterns.holds OR (h.polid IS NOT NULL AND p.polqual::text !~ patterns.tenant) AS using_holds,
			concat(p.polqual, p.polwithcheck) ~ patterns.permission AS asks_permission
			FROM pg_policy p
			CROSS JOIN patterns
			LEFT JOIN pindah.policy_settings() s ON s.polid = p.oid
			LEFT JOIN through h ON h.polid = p.oid
	), policies AS MATERIALIZED (
		SELECT m.*, t.name, t.kind, t.wall,
			t.protected AND m.polname IN ('pindah_tenant', 'pindah_select', 'pindah_insert', 'pindah_update', 'pindah_delete',
				'pindah_wall_select', 'pindah_wall_insert', 'pindah_wall_update', 'pindah_wall_delete') AS made_here,
			m.honest AND coalesce(m.using_asks OR m.ours IS NOT NULL, false) AS using_names,
			m.honest AND coalesce(CASE WHEN m.polwithcheck IS NULL THEN m.using_asks ELSE m.check_asks END OR m.ours IS NOT NULL, false) AS check_names
			FROM marked m JOIN tables t ON t.relid = m.polrelid AND t.row_security
	), judged AS (
		SELECT p.oid, p.polpermissive AND p.kind <> 'shared' AS matters, c.command,
			c.reads AND NOT p.using_names
				AND NOT bool_or(NOT p.polpermissive AND p.using_names AND p.polroles = '{0}') OVER command
				AND NOT bool_or(NOT p.polpermissive AND p.using_names) OVER roles AS reads,
			-- A wall that fails in WITH CHECK alone is reported as such.
			c.writes AND NOT p.check_names
				AND NOT bool_or(NOT p.polpermissive AND (p.using_names OR p.check_names) AND p.polroles = '{0}') OVER command
				AND NOT bool_or(NOT p.polpermissive AND (p.using_names OR p.check_names)) OVER roles AS writes
			FROM policies p
			JOIN (VALUES ('r', 'SELECT', true, false), ('a', 'INSERT', false, true), ('w', 'UPDATE', true, true), ('d', 'DELETE', true, false))
				c(code, command, reads, writes) ON p.polcmd::text IN ('*', c.code)
			WINDOW command AS (PARTITION BY p.polrelid, c.code), roles AS (PARTITION BY p.polrelid, c.code, p.polroles)
	), open AS (
		SELECT j.oid, string_agg(j.command, ', ' ORDER BY j.command) AS commands, bool_or(j.reads) AS reads
			FROM judged j WHERE j.matters AND (j.reads OR j.writes) GROUP BY j.oid
	)
	SELECT p.oid, p.polrelid, p.name, p.kind, p.wall, p.polname, p.polpermissive,
		bool_or(NOT p.polpermissive AND p.polcmd = '*' AND p.polroles = '{0}' AND p.using_names AND p.check_names) OVER relation,
		bool_or(NOT p.polpermissive AND p.polcmd = '*' AND p.polroles = '{0}' AND p.using_names AND p.using_holds) OVER relation,
		p.made_here, p.honest, p.polqual IS NOT NULL, p.polwithcheck IS NOT NULL,
		p.using_names, p.check_names, p.asks_permission, o.commands, o.reads
		FROM policies p
		LEFT JOIN open o ON o.oid = p.oid
		WINDOW relation AS (PARTITION BY p.polrelid);
END $$;
GRANT EXECUTE ON FUNCTION pindah.tenant_policies() TO PUBLIC;
COMMENT ON FUNCTION pindah.tenant_policies() IS 'policies of tenant tables, and whether they name the tenant';
