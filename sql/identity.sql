-- Identity: a token in, and what it says of whom.
--
-- Everything here is open to everybody: a token proves itself.  The cost of
-- the accessors is next to nothing, and said so, lest a policy be planned
-- otherwise than the same condition with a constant.

CREATE FUNCTION pindah_verify_jws(jws text, key jsonb) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000
	AS 'MODULE_PATHNAME', 'pindah_verify_jws';
COMMENT ON FUNCTION pindah_verify_jws(text, jsonb) IS
	'is a compact JWS, with any payload, signed by a JWK? Raises 22023 for an unusable key (RFC 7515 section 5.2)';

-- Not in a parallel worker: there the client's address is not known.
CREATE FUNCTION pindah_inspect_jwt(token text, OUT valid boolean, OUT reason text,
	OUT detail text, OUT header jsonb, OUT claims jsonb, OUT expires_at timestamptz)
	LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED COST 1000
	AS 'MODULE_PATHNAME', 'pindah_inspect_jwt';
COMMENT ON FUNCTION pindah_inspect_jwt(text) IS
	'judge a token without taking its identity on; never raises for a bad token. Believe claims only when valid';

CREATE FUNCTION pindah_verify_jwt(token text, is_local boolean DEFAULT true) RETURNS jsonb
	LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000
	AS 'MODULE_PATHNAME', 'pindah_verify_jwt';
COMMENT ON FUNCTION pindah_verify_jwt(text, boolean) IS
	'verify a token, take its identity on (for the transaction, or the session), return its claims; raises 28000';

CREATE FUNCTION pindah_clear_identity() RETURNS void
	LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10
	AS 'MODULE_PATHNAME', 'pindah_clear_identity';
COMMENT ON FUNCTION pindah_clear_identity() IS 'RESET pindah.token';

CREATE FUNCTION pindah_whoami() RETURNS jsonb
	LANGUAGE C STABLE PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'pindah_whoami';
COMMENT ON FUNCTION pindah_whoami() IS
	'everything known about the identity, its source, and when there is none in force, why; never raises';

CREATE FUNCTION pindah_user_id() RETURNS text
	LANGUAGE C STABLE LEAKPROOF PARALLEL SAFE COST 0.0001
	AS 'MODULE_PATHNAME', 'pindah_user_id';
COMMENT ON FUNCTION pindah_user_id() IS 'user id of the identity; NULL without one; 28000 when it is no longer in force';

CREATE FUNCTION pindah_user_name() RETURNS text
	LANGUAGE C STABLE LEAKPROOF PARALLEL SAFE COST 0.0001
	AS 'MODULE_PATHNAME', 'pindah_user_name';
COMMENT ON FUNCTION pindah_user_name() IS 'user name of the identity, or NULL';

CREATE FUNCTION pindah_email() RETURNS text
	LANGUAGE C STABLE LEAKPROOF PARALLEL SAFE COST 0.0001
	AS 'MODULE_PATHNAME', 'pindah_email';
COMMENT ON FUNCTION pindah_email() IS 'e-mail address of the identity, or NULL';

CREATE FUNCTION pindah_roles() RETURNS text[]
	LANGUAGE C STABLE LEAKPROOF PARALLEL SAFE COST 0.0001
	AS 'MODULE_PATHNAME', 'pindah_roles';
COMMENT ON FUNCTION pindah_roles() IS 'roles of the identity; NULL without one';

CREATE FUNCTION pindah_permissions() RETURNS text[]
	LANGUAGE C STABLE LEAKPROOF PARALLEL SAFE COST 0.0001
	AS 'MODULE_PATHNAME', 'pindah_permissions';
COMMENT ON FUNCTION pindah_permissions() IS 'permissions of the identity; NULL without one';

CREATE FUNCTION pindah_claims() RETURNS jsonb
	LANGUAGE C STABLE PARALLEL SAFE COST 1
	AS 'MODULE_PATHNAME', 'pindah_claims';
COMMENT ON FUNCTION pindah_claims() IS 'all claims of the identity; NULL without one';

CREATE FUNCTION pindah_claim(name text) RETURNS text
	LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 1
	AS 'MODULE_PATHNAME', 'pindah_claim';
COMMENT ON FUNCTION pindah_claim(text) IS 'one claim of the identity as text; objects and arrays as JSON';
