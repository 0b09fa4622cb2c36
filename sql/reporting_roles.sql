-- Roles that act for somebody without a token: those of reporting tools.
--
-- ALTER ROLE ... SET pindah.role_claims does it; here is what is easily got
-- wrong with that.  The claims can be read by everybody, in pg_db_role_setting.

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
	-- The library, loaded by this, knows which claims are usable.
	IF pindah.is_claim_map('{}') AND NOT claims ?| ARRAY['OrganisationId', 'organisation_id', 'organisationId'] THEN
		RAISE WARNING 'the claims name no organisation: the role will see no protected row'
			USING HINT = 'Add OrganisationId.';
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

CREATE FUNCTION pindah_unbind_role(role regrole, database name DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	role_name name;
BEGIN
	SELECT r.rolname INTO role_name FROM pg_roles r WHERE r.oid = role;
	IF role_name IS NULL OR NOT pindah.is_claim_map('{}') THEN
		RAISE EXCEPTION 'a role and its claims are needed'
			USING ERRCODE = '22023', HINT = 'Name the role that was given to pindah_bind_role().';
	END IF;
	EXECUTE format('ALTER ROLE %I %s RESET pindah.role_claims', role_name,
		CASE WHEN database IS NOT NULL THEN format('IN DATABASE %I', database) END);
END $$;
REVOKE ALL ON FUNCTION pindah_unbind_role(regrole, name) FROM PUBLIC;
COMMENT ON FUNCTION pindah_unbind_role(regrole, name) IS 'take the claims of a role away, from its next connection on';
