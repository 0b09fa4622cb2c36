-- Trust: whose tokens this database believes.
--
-- The column order of both tables is known to src/keyring.c, which reads them
-- without SQL.

-- Constraints in domains: the error of a domain does not show the row, which
-- may hold a secret.
CREATE DOMAIN pindah.key_state AS text NOT NULL
	CHECK (VALUE OPERATOR(pg_catalog.=) ANY (ARRAY['next', 'active', 'retiring', 'revoked']));
CREATE DOMAIN pindah.present_text AS text NOT NULL;
CREATE DOMAIN pindah.present_jsonb AS jsonb NOT NULL;
CREATE DOMAIN pindah.present_time AS timestamptz NOT NULL;
CREATE DOMAIN pindah.present_boolean AS boolean NOT NULL;

CREATE TABLE pindah.issuers (
	issuer pindah.present_text PRIMARY KEY,
	audience text[],
	organisations text[],
	claim_map jsonb,
	created_at pindah.present_time DEFAULT pg_catalog.now(),
	changed_at pindah.present_time DEFAULT pg_catalog.now()
);
REVOKE ALL ON pindah.issuers FROM PUBLIC;
COMMENT ON TABLE pindah.issuers IS 'issuers whose tokens are believed';
COMMENT ON COLUMN pindah.issuers.issuer IS 'iss, byte for byte; empty for tokens without iss';
COMMENT ON COLUMN pindah.issuers.audience IS 'aud must hold one of these; NULL: any audience';
COMMENT ON COLUMN pindah.issuers.organisations IS 'tenants that the issuer may speak for; NULL: all';
COMMENT ON COLUMN pindah.issuers.claim_map IS 'claim names that replace the usual ones';

CREATE TABLE pindah.keys (
	issuer pindah.present_text REFERENCES pindah.issuers ON UPDATE CASCADE ON DELETE CASCADE,
	kid pindah.present_text,
	state pindah.key_state DEFAULT 'active',
	jwk pindah.present_jsonb,
	algorithm pindah.present_text,
	created_at pindah.present_time DEFAULT pg_catalog.now(),
	changed_at pindah.present_time DEFAULT pg_catalog.now(),
	activated_at timestamptz,
	verify_until timestamptz,
	made_here pindah.present_boolean DEFAULT false,
	PRIMARY KEY (issuer, kid)
);
REVOKE ALL ON pindah.keys FROM PUBLIC;
COMMENT ON TABLE pindah.keys IS 'keys of the issuers: public keys, and the secrets of HMAC issuers';
COMMENT ON COLUMN pindah.keys.state IS 'next, active and retiring keys verify; revoked ones do not';
COMMENT ON COLUMN pindah.keys.activated_at IS 'since when it is active';
COMMENT ON COLUMN pindah.keys.verify_until IS 'verifies until then; NULL: as long as it is not revoked';
COMMENT ON COLUMN pindah.keys.made_here IS 'made by pindah_create_key() or pindah_rotate_key(): the active one signs';
COMMENT ON COLUMN pindah.keys.jwk IS 'the key without private members; an HMAC key is its secret';

-- Members of pg_read_all_data must not read the secrets of HMAC issuers, nor
-- those of pg_write_all_data say whom to trust.  Grants do not keep them out,
-- but row security does: of the keys no policy lets anybody see anything.  It
-- is not forced, so that it leaves the functions alone, which the owner has.
-- So that nothing of a key is elsewhere, it is neither sampled by ANALYZE nor
-- moved to a TOAST table.
ALTER TABLE pindah.issuers ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON pindah.issuers FOR SELECT USING (true);
ALTER TABLE pindah.keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE pindah.keys ALTER COLUMN jwk SET STATISTICS 0;
ALTER TABLE pindah.keys ALTER COLUMN jwk SET STORAGE PLAIN;
ALTER TABLE pindah.keys ALTER COLUMN kid SET STORAGE PLAIN;

SELECT pg_catalog.pg_extension_config_dump('pindah.issuers', '');
SELECT pg_catalog.pg_extension_config_dump('pindah.keys', '');

-- Plain changes of rows do not tell the backends that hold a copy; these
-- triggers do.  For each row and not for each statement, since logical
-- replication fires no others, and ALWAYS, since it is a replica then.

CREATE FUNCTION pindah.trust_changed() RETURNS trigger
	LANGUAGE C AS 'MODULE_PATHNAME', 'pindah_trust_changed';
REVOKE ALL ON FUNCTION pindah.trust_changed() FROM PUBLIC;
COMMENT ON FUNCTION pindah.trust_changed() IS 'tells every backend that trust has changed';

CREATE TRIGGER trust_changed AFTER INSERT OR UPDATE OR DELETE ON pindah.issuers
	FOR EACH ROW EXECUTE FUNCTION pindah.trust_changed();
CREATE TRIGGER trust_emptied AFTER TRUNCATE ON pindah.issuers
	FOR EACH STATEMENT EXECUTE FUNCTION pindah.trust_changed();
CREATE TRIGGER trust_changed AFTER INSERT OR UPDATE OR DELETE ON pindah.keys
	FOR EACH ROW EXECUTE FUNCTION pindah.trust_changed();
CREATE TRIGGER trust_emptied AFTER TRUNCATE ON pindah.keys
	FOR EACH STATEMENT EXECUTE FUNCTION pindah.trust_changed();
ALTER TABLE pindah.issuers ENABLE ALWAYS TRIGGER trust_changed;
ALTER TABLE pindah.issuers ENABLE ALWAYS TRIGGER trust_emptied;
ALTER TABLE pindah.keys ENABLE ALWAYS TRIGGER trust_changed;
ALTER TABLE pindah.keys ENABLE ALWAYS TRIGGER trust_emptied;

CREATE FUNCTION pindah.read_jwk(key jsonb, place integer,
	OUT kid text, OUT algorithm text, OUT is_symmetric boolean, OUT jwk jsonb)
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000
	AS 'MODULE_PATHNAME', 'pindah_read_jwk';
REVOKE ALL ON FUNCTION pindah.read_jwk(jsonb, integer) FROM PUBLIC;
COMMENT ON FUNCTION pindah.read_jwk(jsonb, integer) IS
	'checks a JWK, which has this place in its set, or 0, and gives what may be stored of it; raises 22023 for an unusable key';

CREATE FUNCTION pindah_jwk_from_pem(pem text, kid text DEFAULT NULL, algorithm text DEFAULT NULL) RETURNS jsonb
	LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 10000
	AS 'MODULE_PATHNAME', 'pindah_jwk_from_pem';
REVOKE ALL ON FUNCTION pindah_jwk_from_pem(text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION pindah_jwk_from_pem(text, text, text) IS
	'the JWK of a public key in PEM, or of that of a certificate; raises 22023 for a key that is not safe to use';

CREATE FUNCTION pindah.is_claim_map(claim_map jsonb) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'pindah_check_claim_map';
REVOKE ALL ON FUNCTION pindah.is_claim_map(jsonb) FROM PUBLIC;
COMMENT ON FUNCTION pindah.is_claim_map(jsonb) IS 'can this be the claim_map of an issuer?';

-- Symmetric and asymmetric keys of one issuer: the confusion of CVE-2015-9235.
CREATE FUNCTION pindah.check_key_family(issuer text) RETURNS void
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE COST 100
	SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
	IF (SELECT count(DISTINCT k.jwk->>'kty' = 'oct') FROM pindah.keys k
		WHERE k.issuer = issuer AND k.state <> 'revoked') > 1 THEN
		RAISE EXCEPTION 'an issuer cannot have symmetric and asymmetric keys side by side'
			USING ERRCODE = '22023',
				HINT = 'Give each kind an issuer of its own; pindah_trust_issuer() replaces all keys but those that were made here.';
	END IF;
END $$;
REVOKE ALL ON FUNCTION pindah.check_key_family(text) FROM PUBLIC;
COMMENT ON FUNCTION pindah.check_key_family(text) IS 'raises 22023 when an issuer mixes kinds of keys';

-- The issuer's keys become those of the set; revoked ones stay revoked, and
-- those that were made here stay.
CREATE FUNCTION pindah.replace_keys(issuer text, jwks jsonb) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	element jsonb;
	place integer := 0;
	entry record;
	existing record;
	kids text[] := '{}';
	kinds boolean[] := '{}';
BEGIN
	DELETE FROM pindah.keys k WHERE k.issuer = issuer AND k.state <> 'revoked' AND NOT k.made_here;
	FOR element IN SELECT e FROM jsonb_array_elements(jwks->'keys') e LOOP
		place := place + 1;
		entry := pindah.read_jwk(element, place);
		CONTINUE WHEN entry.kid IS NULL;
		IF entry.kid = ANY (kids) THEN
			RAISE EXCEPTION 'the JWK set holds a kid twice'
				USING ERRCODE = '22023', HINT = 'Every key of a set needs a kid of its own.';
		END IF;
		kids := kids || entry.kid;
		kinds := kinds || entry.is_symmetric;
		INSERT INTO pindah.keys (issuer, kid, jwk, algorithm, activated_at)
			VALUES (issuer, entry.kid, entry.jwk, entry.algorithm, now())
			ON CONFLICT DO NOTHING;
		CONTINUE WHEN FOUND;
		SELECT k.state, k.jwk INTO existing FROM pindah.keys k WHERE k.issuer = issuer AND k.kid = entry.kid;
		IF existing.state = 'revoked' THEN
			RAISE NOTICE 'key % of the set stays revoked', place;
		ELSIF existing.jwk - 'alg' <> entry.jwk - 'alg' THEN
			RAISE EXCEPTION 'the issuer has had another key of this kid, or has it revoked'
				USING ERRCODE = '42710', HINT = 'Give the new key a kid of its own.';
		END IF;
	END LOOP;
	IF true = ANY (kinds) AND false = ANY (kinds) THEN
		RAISE EXCEPTION 'a JWK set cannot hold symmetric and asymmetric keys side by side'
			USING ERRCODE = '22023', HINT = 'Give each kind an issuer of its own.';
	END IF;
	PERFORM pindah.check_key_family(issuer);
	IF NOT EXISTS (SELECT FROM pindah.keys k WHERE k.issuer = issuer AND k.state <> 'revoked'
		AND (k.verify_until IS NULL OR k.verify_until > statement_timestamp())) THEN
		RAISE WARNING 'issuer "%" has no key now: all of its tokens are refused', issuer
			USING HINT = 'Give it a set with a key that can be used, or call pindah_add_key() or pindah_create_key().';
	END IF;
END $$;
REVOKE ALL ON FUNCTION pindah.replace_keys(text, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION pindah.replace_keys(text, jsonb) IS 'makes the keys of a set the keys of an issuer';

CREATE FUNCTION pindah_trust_issuer(issuer text, jwks jsonb DEFAULT NULL,
	audience text[] DEFAULT NULL, organisations text[] DEFAULT NULL,
	claim_map jsonb DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
	IF issuer IS NULL THEN
		RAISE EXCEPTION 'the issuer to trust is null'
			USING ERRCODE = '22023', HINT = 'Give the iss of its tokens, or '''' for tokens without iss.';
	END IF;
	IF NOT pindah.is_claim_map(claim_map) THEN
		RAISE EXCEPTION 'the claim map is not usable'
			USING ERRCODE = '22023',
				HINT = 'Its members are user_id, user_name, email, roles, permissions and organisation_id; each is a claim name or an array of them.';
	END IF;
	IF jwks IS NOT NULL
		AND (jsonb_typeof(jwks) <> 'object' OR jsonb_typeof(jwks->'keys') IS DISTINCT FROM 'array') THEN
		RAISE EXCEPTION 'a JWK set is an object with an array "keys"'
			USING ERRCODE = '22023', HINT = 'See RFC 7517 section 5; for one key trust the issuer without jwks, then call pindah_add_key().';
	END IF;
	IF NOT EXISTS (SELECT FROM pindah.issuers i WHERE i.issuer = issuer) AND pindah.is_in_trust_file(issuer, NULL) THEN
		RAISE NOTICE 'what the trust file says of issuer "%" counts for nothing in this database from now on', issuer
			USING HINT = 'Its keys, audience, organisations and claim map are those of the tables alone; pindah_distrust_issuer() lets the file count again.';
	END IF;
	INSERT INTO pindah.issuers AS i (issuer, audience, organisations, claim_map)
		VALUES (issuer, audience, organisations, claim_map)
		ON CONFLICT ON CONSTRAINT issuers_pkey DO UPDATE SET
			audience = coalesce(excluded.audience, i.audience),
			organisations = coalesce(excluded.organisations, i.organisations),
			claim_map = coalesce(excluded.claim_map, i.claim_map),
			changed_at = now();
	PERFORM pindah.replace_keys(issuer, jwks);
END $$;
REVOKE ALL ON FUNCTION pindah_trust_issuer(text, jsonb, text[], text[], jsonb) FROM PUBLIC;
COMMENT ON FUNCTION pindah_trust_issuer(text, jsonb, text[], text[], jsonb) IS
	'believe the tokens of an issuer; what is NULL stays as it is, a JWK set replaces the keys';

CREATE FUNCTION pindah_distrust_issuer(issuer text) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
	DELETE FROM pindah.issuers i WHERE i.issuer = issuer;
	IF FOUND AND pindah.is_in_trust_file(issuer, NULL) THEN
		RAISE WARNING 'issuer "%" is trusted by the trust file from now on', issuer
			USING HINT = 'Take it out of the file, or refuse its tokens in this database: call pindah_trust_issuer() without keys.';
	ELSIF NOT FOUND AND pindah.is_in_trust_file(issuer, NULL) THEN
		RAISE EXCEPTION 'issuer "%" is trusted by the trust file alone', issuer
			USING ERRCODE = '55000',
				HINT = 'Take it out of the file, or refuse its tokens in this database: call pindah_trust_issuer() without keys.';
	ELSIF NOT FOUND THEN
		RAISE EXCEPTION 'issuer "%" is not trusted', issuer
			USING ERRCODE = '42704', HINT = 'See pindah.issuers for the names.';
	END IF;
END $$;
REVOKE ALL ON FUNCTION pindah_distrust_issuer(text) FROM PUBLIC;
COMMENT ON FUNCTION pindah_distrust_issuer(text) IS
	'forget an issuer and its keys; its tokens are refused from the next statement on';

CREATE FUNCTION pindah_add_key(issuer text, jwk jsonb, state text DEFAULT 'active') RETURNS text
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	entry record;
	existing record;
BEGIN
	IF issuer IS NULL OR jwk IS NULL OR state IS NULL THEN
		RAISE EXCEPTION 'a key needs an issuer, a JWK and a state'
			USING ERRCODE = '22023', HINT = 'The state is next, active or retiring.';
	ELSIF state = 'revoked' THEN
		RAISE EXCEPTION 'a key is not added as a revoked one'
			USING ERRCODE = '22023', HINT = 'pindah_revoke_key() revokes a key that the issuer has.';
	ELSIF state <> ALL (ARRAY['next', 'active', 'retiring']) THEN
		RAISE EXCEPTION 'the state of the key is not known'
			USING ERRCODE = '22023', HINT = 'The state is next, active or retiring.';
	END IF;
	-- One at a time: two kinds of keys added at once would each see only its own.
	-- A write and no mere lock, since an old snapshot does not see the other.
	UPDATE pindah.issuers i SET changed_at = i.changed_at WHERE i.issuer = issuer;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'issuer "%" is not trusted', issuer
			USING ERRCODE = '42704', HINT = format('Trust it first, without keys: SELECT @extschema@.pindah_trust_issuer(%L, audience => ''{...}'');', issuer);
	END IF;
	entry := pindah.read_jwk(jwk, 0);
	SELECT k.state, k.jwk, k.made_here INTO existing
		FROM pindah.keys k WHERE k.issuer = issuer AND k.kid = entry.kid FOR UPDATE;
	IF existing.made_here THEN
		RAISE EXCEPTION 'the key was made here'
			USING ERRCODE = '55000', HINT = 'Its state changes with pindah_rotate_key() and pindah_revoke_key().';
	END IF;
	IF existing.state = 'revoked' OR existing.jwk <> entry.jwk THEN
		RAISE EXCEPTION 'the issuer has had another key of this kid, or has it revoked'
			USING ERRCODE = '42710', HINT = 'Give the new key a kid of its own.';
	END IF;
	INSERT INTO pindah.keys AS k (issuer, kid, state, jwk, algorithm, activated_at)
		VALUES (issuer, entry.kid, state, entry.jwk, entry.algorithm, CASE state WHEN 'active' THEN now() END)
		ON CONFLICT ON CONSTRAINT keys_pkey DO UPDATE SET state = excluded.state, changed_at = now(),
			activated_at = coalesce(k.activated_at, excluded.activated_at),
			verify_until = CASE excluded.state WHEN 'retiring' THEN k.verify_until END;
	PERFORM pindah.check_key_family(issuer);
	RETURN entry.kid;
END $$;
REVOKE ALL ON FUNCTION pindah_add_key(text, jsonb, text) FROM PUBLIC;
COMMENT ON FUNCTION pindah_add_key(text, jsonb, text) IS
	'add a key to an issuer, return its kid; raises 22023 for a key that is not safe to use';
