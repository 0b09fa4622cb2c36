-- Whom this session trusts, from the tables and from the trust file: every
-- issuer and key with its source, state, age and last use.  No secret is in
-- it; still, it is for those who watch the server.

CREATE FUNCTION pindah.trust_file_keys(OUT issuer text, OUT audience text[],
	OUT organisations text[], OUT kid text, OUT algorithm text, OUT path text,
	OUT changed_at timestamptz, OUT loaded_at timestamptz, OUT last_error text,
	OUT error_at timestamptz) RETURNS SETOF record
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000 ROWS 10
	AS 'MODULE_PATHNAME', 'pindah_trust_file_keys';
REVOKE ALL ON FUNCTION pindah.trust_file_keys() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pindah.trust_file_keys() TO pg_monitor;
COMMENT ON FUNCTION pindah.trust_file_keys() IS
	'what the trust file says in this session, a row for each key';

CREATE FUNCTION pindah.is_in_trust_file(issuer text, kid text) RETURNS boolean
	LANGUAGE sql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp
	AS $$ SELECT EXISTS (SELECT FROM pindah.trust_file_keys() f WHERE f.issuer = $1 AND ($2 IS NULL OR f.kid = $2)) $$;
REVOKE ALL ON FUNCTION pindah.is_in_trust_file(text, text) FROM PUBLIC;
COMMENT ON FUNCTION pindah.is_in_trust_file(text, text) IS
	'does the trust file name the issuer (kid NULL), or this key of it?';

CREATE FUNCTION pindah.key_use(from_file boolean, issuer text, kid text,
	OUT uses bigint, OUT last_used timestamptz)
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 10
	AS 'MODULE_PATHNAME', 'pindah_key_use';
REVOKE ALL ON FUNCTION pindah.key_use(boolean, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pindah.key_use(boolean, text, text) TO pg_monitor;
COMMENT ON FUNCTION pindah.key_use(boolean, text, text) IS
	'how often a key has verified a token, and when last';

CREATE VIEW pindah.trust AS
	SELECT i.issuer, 'table' AS source, i.audience, i.organisations, k.kid,
		k.algorithm, k.state,
		k.kid IS NOT NULL AND k.state OPERATOR(pg_catalog.<>) 'revoked'
			AND (k.verify_until IS NULL
				OR k.verify_until OPERATOR(pg_catalog.>) pg_catalog.statement_timestamp()) AS in_force,
		k.created_at, k.changed_at,
		pg_catalog.statement_timestamp() OPERATOR(pg_catalog.-) k.created_at AS age,
		u.uses, u.last_used, NULL::text AS path, NULL::timestamptz AS loaded_at,
		NULL::text AS last_error, NULL::timestamptz AS error_at
	FROM pindah.issuers i
		LEFT JOIN pindah.keys k ON k.issuer OPERATOR(pg_catalog.=) i.issuer
		LEFT JOIN LATERAL pindah.key_use(false, i.issuer, k.kid) u ON k.kid IS NOT NULL
	UNION ALL
	SELECT f.issuer, 'file', f.audience, f.organisations, f.kid, f.algorithm,
		CASE WHEN f.kid IS NULL THEN NULL WHEN s.shadowed THEN 'shadowed' ELSE 'active' END,
		f.kid IS NOT NULL AND NOT s.shadowed,
		NULL, f.changed_at,
		pg_catalog.statement_timestamp() OPERATOR(pg_catalog.-) f.changed_at,
		u.uses, u.last_used, f.path, f.loaded_at, f.last_error, f.error_at
	FROM pindah.trust_file_keys() f
		CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM pindah.issuers i
			WHERE i.issuer OPERATOR(pg_catalog.=) f.issuer) AS shadowed) s
		LEFT JOIN LATERAL pindah.key_use(true, f.issuer, f.kid) u ON f.kid IS NOT NULL;
REVOKE ALL ON pindah.trust FROM PUBLIC;
GRANT SELECT ON pindah.trust TO pg_monitor;
COMMENT ON VIEW pindah.trust IS 'whom this session trusts: issuers and keys of the tables and of the trust file';
