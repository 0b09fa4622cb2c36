-- Authorisation: the functions that policies and functions ask.
--
-- The tenant's accessors are LEAKPROOF, which lets the planner see that the
-- restrictive and the permissive policy of a table mean the same tenant: the
-- condition then stands once, and a refused permission is found out before
-- the first row is read.

CREATE FUNCTION pindah_organisation_id() RETURNS text
	LANGUAGE C STABLE LEAKPROOF PARALLEL SAFE COST 0.0001
	AS 'MODULE_PATHNAME', 'pindah_organisation_id';
COMMENT ON FUNCTION pindah_organisation_id() IS
	'the tenant; NULL without an identity; 28000 when it is no longer in force';

CREATE FUNCTION pindah_organisation_uuid() RETURNS uuid
	LANGUAGE C STABLE LEAKPROOF PARALLEL SAFE COST 0.0001
	AS 'MODULE_PATHNAME', 'pindah_organisation_uuid';
COMMENT ON FUNCTION pindah_organisation_uuid() IS 'the tenant as uuid; NULL when it is none';

CREATE FUNCTION pindah_organisation_bigint() RETURNS bigint
	LANGUAGE C STABLE LEAKPROOF PARALLEL SAFE COST 0.0001
	AS 'MODULE_PATHNAME', 'pindah_organisation_bigint';
COMMENT ON FUNCTION pindah_organisation_bigint() IS 'the tenant as bigint; NULL when it is none';

CREATE FUNCTION pindah_organisation_id(permission text) RETURNS text
	LANGUAGE C STABLE LEAKPROOF CALLED ON NULL INPUT PARALLEL SAFE COST 0.0001
	AS 'MODULE_PATHNAME', 'pindah_organisation_id_if';
COMMENT ON FUNCTION pindah_organisation_id(text) IS
	'the tenant if the identity holds the permission, else NULL: the form for policies';

CREATE FUNCTION pindah_organisation_uuid(permission text) RETURNS uuid
	LANGUAGE C STABLE LEAKPROOF CALLED ON NULL INPUT PARALLEL SAFE COST 0.0001
	AS 'MODULE_PATHNAME', 'pindah_organisation_uuid_if';
COMMENT ON FUNCTION pindah_organisation_uuid(text) IS
	'the tenant as uuid if the identity holds the permission, else NULL: the form for policies';

CREATE FUNCTION pindah_organisation_bigint(permission text) RETURNS bigint
	LANGUAGE C STABLE LEAKPROOF CALLED ON NULL INPUT PARALLEL SAFE COST 0.0001
	AS 'MODULE_PATHNAME', 'pindah_organisation_bigint_if';
COMMENT ON FUNCTION pindah_organisation_bigint(text) IS
	'the tenant as bigint if the identity holds the permission, else NULL: the form for policies';

CREATE FUNCTION pindah_has_permission(permission text) RETURNS boolean
	LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 0.0001
	AS 'MODULE_PATHNAME', 'pindah_has_permission';
COMMENT ON FUNCTION pindah_has_permission(text) IS
	'does the identity hold module:resource:action? False without an identity; 22023 for another form';

CREATE FUNCTION pindah_has_any_permission(VARIADIC permissions text[]) RETURNS boolean
	LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 0.001
	AS 'MODULE_PATHNAME', 'pindah_has_any_permission';
COMMENT ON FUNCTION pindah_has_any_permission(text[]) IS 'does the identity hold at least one of the permissions?';

CREATE FUNCTION pindah_has_all_permissions(VARIADIC permissions text[]) RETURNS boolean
	LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 0.001
	AS 'MODULE_PATHNAME', 'pindah_has_all_permissions';
COMMENT ON FUNCTION pindah_has_all_permissions(text[]) IS 'does the identity hold all of the permissions?';

CREATE FUNCTION pindah_has_role(role text) RETURNS boolean
	LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 0.0001
	AS 'MODULE_PATHNAME', 'pindah_has_role';
COMMENT ON FUNCTION pindah_has_role(text) IS 'does the identity have the role? False without an identity';

-- Volatile, though it changes nothing: a call that the planner believes to be
-- without effect can be left out.
CREATE FUNCTION pindah_require_permission(permission text) RETURNS void
	LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL SAFE COST 1
	AS 'MODULE_PATHNAME', 'pindah_require_permission';
COMMENT ON FUNCTION pindah_require_permission(text) IS 'raises 42501 unless the identity holds the permission';
