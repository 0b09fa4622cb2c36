-- Roles that act for somebody without a token: those of reporting tools.
--
-- ALTER ROLE ... SET pindah.role_claims does it; here is what is easily got
-- wrong with that, and what becomes of settings that are stored.  The claims can be read by everybody, in pg_db_role_setting.

-- Why the policies would not hold a role; each reason is a row.
CREATE FUNCTION pindah.role_dangers(role regrole, OUT is_fatal boolean, OUT danger text) RETURNS SETOF record
	LANGUAGE sql STABLE STRICT PARALLEL SAFE COST 1000
	SET search_path = pg_catalog, pg_temp AS $$
	SELECT true, 'it is a superuser' FROM pg_roles r WHERE r.oid = role AND r.rolsuper
	UNION ALL
	SELECT true, 'it has BYPASSRLS' FROM pg_roles r WHERE r.oid = role AND r.rolbypassrls
	UNION ALL
	SELECT true, format('it can become %I, which row security does not bind', r.rolname)
		FROM pg_roles r WHERE r.oid <> role AND (r.rolsuper OR r.rolbypassrls) AND pg_has_role(role, r.oid, 'MEMBER')
			AND NOT (SELECT s.rolsuper FROM pg_roles s WHERE s.oid = role)
	UNION ALL
	SELECT false, 'it cannot log in: claims count for the role that connects, not for its members'
		FROM pg_roles r WHERE r.oid = role AND NOT r.rolcanlogin
	UNION ALL
	SELECT false, 'it may create roles' FROM pg_roles r WHERE r.oid = role AND r.rolcreaterole
	UNION ALL
	SELECT false, 'it may replicate' FROM pg_roles r WHERE r.oid = role AND r.rolreplication
	UNION ALL
	SELECT false, format('it is a member of %I', r.rolname)
		FROM pg_roles r WHERE r.rolname IN ('pg_read_all_data', 'pg_write_all_data', 'pg_read_server_files',
			'pg_write_server_files', 'pg_execute_server_program') AND pg_has_role(role, r.oid, 'MEMBER')
	UNION ALL
	SELECT false, format('it can become %I, and has the rights of that role too', r.rolname)
		FROM pg_roles r WHERE r.oid <> role AND r.rolname !~ '^pg_' AND NOT r.rolsuper AND NOT r.rolbypassrls
			AND pg_has_role(role, r.oid, 'MEMBER')
	UNION ALL
	SELECT false, format('it owns protected tables, or can become their owner: %s of them', count(*))
		FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relrowsecurity AND pg_has_role(role, c.relowner, 'MEMBER')
		HAVING count(*) > 0
$$;
REVOKE ALL ON FUNCTION pindah.role_dangers(regrole) FROM PUBLIC;
COMMENT ON FUNCTION pindah.role_dangers(regrole) IS 'why row security would not hold a role';

-- Why a setting of the library that is stored for a role or a database does not
-- count: 'name' (there is none of it), 'place' (it cannot be stored there), or
-- 'value' (it takes no such value); NULL if it counts.
CREATE FUNCTION pindah.setting_fault(setting text, value text) RETURNS text
	AS 'MODULE_PATHNAME', 'pindah_setting_fault' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 100;
GRANT EXECUTE ON FUNCTION pindah.setting_fault(text, text) TO PUBLIC;
COMMENT ON FUNCTION pindah.setting_fault(text, text) IS 'why a stored setting of the library does not count';

CREATE FUNCTION pindah.nearest_setting(name text) RETURNS text
	AS 'MODULE_PATHNAME', 'pindah_nearest_setting' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 100;
GRANT EXECUTE ON FUNCTION pindah.nearest_setting(text) TO PUBLIC;
COMMENT ON FUNCTION pindah.nearest_setting(text) IS 'the setting of the library whose name is nearest to a wrong one';

CREATE FUNCTION pindah_bind_role(role regrole, claims jsonb, database name DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	fatal text;
	warning text;
	role_name name;
BEGIN
	SELECT r.rolname INTO role_name FROM pg_roles r WHERE r.oid = role;
	IF role_name IS NULL OR claims IS NULL THEN
		RAISE EXCEPTION 'a role and its claims are needed'
			USING ERRCODE = '22023', HINT = 'To take the claims away, call pindah_unbind_role().';
	END IF;
	SELECT string_agg(d.danger, '; ') FILTER (WHERE d.is_fatal), string_agg(d.danger, '; ') FILTER (WHERE NOT d.is_fatal)
		INTO fatal, warning FROM pindah.role_dangers(role) d;
	IF fatal IS NOT NULL THEN
		RAISE EXCEPTION 'role "%" would see the rows of all tenants: %', role_name, fatal
			USING ERRCODE = '22023', HINT = 'Make a plain role for the reporting tool: CREATE ROLE ... LOGIN.';
	END IF;
	-- Asked before ALTER ROLE is, whose error would quote the claims.
	IF database IS NOT NULL AND NOT EXISTS (SELECT FROM pg_database d WHERE d.datname = database) THEN
		RAISE EXCEPTION 'database "%" does not exist', database USING ERRCODE = '3D000';
	END IF;
	IF pindah.setting_fault('pindah.role_claims', claims::text) IS NOT NULL THEN
		RAISE EXCEPTION 'pindah.role_claims is not a usable set of claims'
			USING ERRCODE = '22023', HINT = 'Give one JSON object with claims as a token holds them, such as OrganisationId and Permission.';
	END IF;
	IF (claims->>'exp')::numeric <= extract(epoch FROM statement_timestamp()) THEN
		RAISE EXCEPTION 'the claims have expired'
			USING ERRCODE = '22023', HINT = 'Leave exp out, or let it be a time to come, in seconds since 1970.';
	END IF;
	IF NOT claims ?| ARRAY['OrganisationId', 'organisation_id', 'organisationId'] THEN
		RAISE WARNING 'the claims name no organisation: the role will see no protected row'
			USING HINT = 'Add OrganisationId.';
	END IF;
	IF NOT EXISTS (SELECT FROM unnest(ARRAY['Permission', 'permission', 'permissions']) n, jsonb_path_query(claims->n, '$[*]')) THEN
		RAISE WARNING 'the claims hold no permission'
			USING HINT = 'Add Permission (or permission, permissions), as far as the tables were protected with one.';
	END IF;
	IF EXISTS (SELECT FROM unnest(ARRAY['Permission', 'permission', 'permissions']) n, jsonb_path_query(claims->n, '$[*]') p
			WHERE p #>> '{}' !~ '^[^:]+:[^:]+:[^:]+$') THEN
		RAISE WARNING 'a permission among the claims is not module:resource:action'
			USING HINT = 'Policies of pindah_protect_table() ask for the action too, such as accounting:invoices:view.';
	END IF;
	IF warning IS NOT NULL THEN
		RAISE WARNING 'role "%" has more rights than a reporting tool needs: %', role_name, warning
			USING HINT = 'A plain role that owns nothing and is a member of nothing is safest.';
	END IF;
	EXECUTE format('ALTER ROLE %I %s SET pindah.role_claims = %L', role_name,
		CASE WHEN database IS NOT NULL THEN format('IN DATABASE %I', database) END, claims::text);
END $$;
REVOKE ALL ON FUNCTION pindah_bind_role(regrole, jsonb, name) FROM PUBLIC;
COMMENT ON FUNCTION pindah_bind_role(regrole, jsonb, name) IS
	'let a role act with claims, without a token, from its next connection on; everybody can read the claims';

-- Where claims are attached that a role acts with, as those who are told say it.
CREATE FUNCTION pindah.places_of_claims(role regrole) RETURNS TABLE (role_id oid, database name, place text)
	LANGUAGE sql STABLE STRICT PARALLEL SAFE COST 1000 ROWS 10
	SET search_path = pg_catalog, pg_temp AS $$
	SELECT d.setrole, b.datname, coalesce('database ' || quote_ident(b.datname), 'all databases')
			|| CASE WHEN d.setrole = 0 THEN ', those of everybody' ELSE '' END
		FROM pg_db_role_setting d
		LEFT JOIN pg_database b ON b.oid = d.setdatabase
		WHERE d.setrole IN (0::oid, role::oid)
			AND EXISTS (SELECT FROM unnest(d.setconfig) e WHERE e LIKE 'pindah.role_claims=_%')
$$;
REVOKE ALL ON FUNCTION pindah.places_of_claims(regrole) FROM PUBLIC;
COMMENT ON FUNCTION pindah.places_of_claims(regrole) IS 'where claims are attached that a role acts with';

CREATE FUNCTION pindah_unbind_role(role regrole, database name DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	role_name name;
	left_over text;
	ways text;
BEGIN
	-- The library, loaded by this, knows the setting.
	SELECT r.rolname INTO role_name FROM pg_roles r WHERE r.oid = role;
	IF role_name IS NULL OR NOT pindah.is_claim_map('{}') THEN
		RAISE EXCEPTION 'a role and its claims are needed'
			USING ERRCODE = '22023', HINT = 'Name the role that was given to pindah_bind_role().';
	END IF;
	IF database IS NOT NULL AND NOT EXISTS (SELECT FROM pg_database d WHERE d.datname = database) THEN
		RAISE EXCEPTION 'database "%" does not exist', database USING ERRCODE = '3D000';
	END IF;
	IF NOT EXISTS (SELECT FROM pindah.places_of_claims(role) p WHERE p.role_id <> 0 AND p.database IS NOT DISTINCT FROM database) THEN
		RAISE NOTICE 'role "%" had no claims to take away there', role_name;
	END IF;
	EXECUTE format('ALTER ROLE %I %s RESET pindah.role_claims', role_name,
		CASE WHEN database IS NOT NULL THEN format('IN DATABASE %I', database) END);
	-- Claims of all databases and of single ones stand side by side.
	SELECT string_agg(p.place, '; ' ORDER BY p.place),
		string_agg(CASE WHEN p.role_id = 0 AND p.database IS NULL THEN 'ALTER ROLE ALL RESET pindah.role_claims;'
			WHEN p.role_id = 0 THEN format('ALTER DATABASE %I RESET pindah.role_claims;', p.database)
			ELSE format('SELECT @extschema@.pindah_unbind_role(%s);', concat_ws(', ', quote_literal(role::text), quote_literal(p.database))) END, ' ' ORDER BY p.place)
		INTO left_over, ways FROM pindah.places_of_claims(role) p;
	IF left_over IS NOT NULL THEN
		RAISE WARNING 'role "%" still acts with claims in %', role_name, left_over USING HINT = 'To take them away too: ' || ways;
	END IF;
END $$;
REVOKE ALL ON FUNCTION pindah_unbind_role(regrole, name) FROM PUBLIC;
COMMENT ON FUNCTION pindah_unbind_role(regrole, name) IS 'take the claims of a role away, from its next connection on';
