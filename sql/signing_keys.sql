-- Keys that are made here: how they begin, sign, retire and end.
--
-- next      published, verifies, does not sign yet
-- active    signs; one for each issuer
-- retiring  does not sign any more: its private part is gone; verifies for a while
-- revoked   verifies nothing, for good
--
-- Whatever changes the keys that are made here holds a lock on the row of their
-- issuer, until its transaction ends.

-- One signs, and one is next.
CREATE UNIQUE INDEX keys_one_active ON pindah.keys (issuer)
	WHERE made_here AND state OPERATOR(pg_catalog.=) 'active';
CREATE UNIQUE INDEX keys_one_next ON pindah.keys (issuer)
	WHERE made_here AND state OPERATOR(pg_catalog.=) 'next';

-- The private parts.  Row security without a policy keeps members of
-- pg_read_all_data out; so that nothing of a key is elsewhere, where it would
-- not, it is neither sampled by ANALYZE nor moved to a TOAST table.
CREATE TABLE pindah.signing_keys (
	issuer pindah.present_text,
	kid pindah.present_text,
	private_key pindah.present_text,
	created_at pindah.present_time DEFAULT pg_catalog.now(),
	PRIMARY KEY (issuer, kid),
	FOREIGN KEY (issuer, kid) REFERENCES pindah.keys ON UPDATE CASCADE ON DELETE CASCADE
) WITH (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);
REVOKE ALL ON pindah.signing_keys FROM PUBLIC;
ALTER TABLE pindah.signing_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE pindah.signing_keys ALTER COLUMN private_key SET STATISTICS 0;
ALTER TABLE pindah.signing_keys ALTER COLUMN private_key SET STORAGE PLAIN;
ALTER TABLE pindah.signing_keys ALTER COLUMN kid SET STORAGE PLAIN;
COMMENT ON TABLE pindah.signing_keys IS 'private parts of the keys made here; not in a dump';
COMMENT ON COLUMN pindah.signing_keys.private_key IS
	'PKCS#8 in PEM, encrypted when pindah.key_passphrase_file is set';

CREATE FUNCTION pindah.generate_key(algorithm text,
	OUT kid text, OUT jwk jsonb, OUT private_key text)
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 100000
	AS 'MODULE_PATHNAME', 'pindah_generate_key';
REVOKE ALL ON FUNCTION pindah.generate_key(text) FROM PUBLIC;
COMMENT ON FUNCTION pindah.generate_key(text) IS 'makes a key; the private part is NULL for HMAC';

CREATE FUNCTION pindah.can_sign(issuer text, kid text) RETURNS boolean
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 100000
	AS 'MODULE_PATHNAME', 'pindah_can_sign';
REVOKE ALL ON FUNCTION pindah.can_sign(text, text) FROM PUBLIC;
COMMENT ON FUNCTION pindah.can_sign(text, text) IS 'is there a private part to a key, and can it be opened?';

CREATE FUNCTION pindah.reseal_key(private_key text, algorithm text) RETURNS text
	LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 100000
	AS 'MODULE_PATHNAME', 'pindah_reseal_key';
REVOKE ALL ON FUNCTION pindah.reseal_key(text, text) FROM PUBLIC;
COMMENT ON FUNCTION pindah.reseal_key(text, text) IS 'encrypts a private key with the passphrase of now';

CREATE FUNCTION pindah.check_new_algorithm(algorithm text) RETURNS void
	LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL UNSAFE COST 10
	AS 'MODULE_PATHNAME', 'pindah_check_new_algorithm';
REVOKE ALL ON FUNCTION pindah.check_new_algorithm(text) FROM PUBLIC;
COMMENT ON FUNCTION pindah.check_new_algorithm(text) IS 'raises 22023 when no key can be made for an algorithm';

-- One change of an issuer's keys at a time: a write, as in pindah_add_key().
CREATE FUNCTION pindah.lock_issuer(issuer text) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 100
	SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
	UPDATE pindah.issuers i SET changed_at = i.changed_at WHERE i.issuer = issuer;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'issuer "%" is not trusted', issuer
			USING ERRCODE = '42704', HINT = 'Call pindah_trust_issuer() first, without keys.';
	END IF;
END $$;
REVOKE ALL ON FUNCTION pindah.lock_issuer(text) FROM PUBLIC;
COMMENT ON FUNCTION pindah.lock_issuer(text) IS 'waits for other changes of the keys of an issuer';

-- In one statement, so that nothing secret is ever a variable or a parameter.
CREATE FUNCTION pindah.make_key(issuer text, algorithm text, state text) RETURNS text
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE COST 100000
	SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	new_kid text;
BEGIN
	-- A key that is next has signed nothing yet: another may take its place.
	DELETE FROM pindah.keys k WHERE k.issuer = issuer AND k.made_here AND k.state = 'next' AND state = 'next';
	WITH made AS MATERIALIZED (
		SELECT * FROM pindah.generate_key(algorithm)
	), public_part AS (
		INSERT INTO pindah.keys (issuer, kid, state, jwk, algorithm, activated_at, made_here)
			SELECT issuer, m.kid, state, m.jwk, algorithm, CASE state WHEN 'active' THEN clock_timestamp() END, true FROM made m
	), private_part AS (
		INSERT INTO pindah.signing_keys (issuer, kid, private_key)
			SELECT issuer, m.kid, m.private_key FROM made m WHERE m.private_key IS NOT NULL
	)
	SELECT m.kid INTO STRICT new_kid FROM made m;
	PERFORM pindah.check_key_family(issuer);
	RETURN new_kid;
END $$;
REVOKE ALL ON FUNCTION pindah.make_key(text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION pindah.make_key(text, text, text) IS 'makes a key of an issuer; a next one takes the place of the next of before';

-- The first key of an issuer has to sign at once.  A next one is made with it,
-- so that those who keep the JWK set know it long before it signs.
CREATE FUNCTION pindah_create_key(issuer text, algorithm text DEFAULT 'ES256') RETURNS text
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 100000
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	new_kid text;
BEGIN
	PERFORM pindah.check_new_algorithm(algorithm);
	PERFORM pindah.lock_issuer(issuer);
	IF EXISTS (SELECT FROM pindah.keys k WHERE k.issuer = issuer AND k.made_here AND k.state = 'active') THEN
		RETURN pindah.make_key(issuer, algorithm, 'next');
	END IF;
	new_kid := pindah.make_key(issuer, algorithm, 'active');
	PERFORM pindah.make_key(issuer, algorithm, 'next');
	RETURN new_kid;
END $$;
REVOKE ALL ON FUNCTION pindah_create_key(text, text) FROM PUBLIC;
COMMENT ON FUNCTION pindah_create_key(text, text) IS
	'make a key that signs the tokens of an issuer, or, where one does, the next one; return its kid';

CREATE FUNCTION pindah_rotate_key(issuer text, overlap interval DEFAULT '2 hours') RETURNS text
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 100000
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	seen text := (SELECT k.kid FROM pindah.keys k WHERE k.issuer = issuer AND k.made_here AND k.state = 'active');
	old record;
	successor record;
	longest interval;
BEGIN
	IF overlap IS NULL OR overlap < interval '0' OR overlap > interval '1000 years' THEN
		RAISE EXCEPTION 'the overlap is null, negative or endless'
			USING ERRCODE = '22023', HINT = 'Give the time for which the tokens of the old key shall be good.';
	END IF;
	PERFORM pindah.lock_issuer(issuer);
	SELECT k.kid, k.algorithm INTO old
		FROM pindah.keys k WHERE k.issuer = issuer AND k.made_here AND k.state = 'active';
	IF old.kid IS NOT NULL AND old.kid IS DISTINCT FROM seen THEN
		-- Nobody could know the key that has become next only now.
		RAISE NOTICE 'another session has rotated the key meanwhile';
		RETURN old.kid;
	END IF;
	SELECT k.kid, k.algorithm, pindah.can_sign(k.issuer, k.kid) AS usable INTO successor
		FROM pindah.keys k WHERE k.issuer = issuer AND k.made_here AND k.state = 'next';
	IF old.kid IS NULL AND successor.kid IS NULL THEN
		RAISE EXCEPTION 'the issuer has no key that was made here'
			USING ERRCODE = '22023',
				HINT = 'Its keys are changed where they are made. To sign here, call pindah_create_key().';
	END IF;

	longest := current_setting('pindah.access_token_lifetime')::interval
		+ current_setting('pindah.clock_skew')::interval;
	IF old.kid IS NOT NULL AND overlap < longest THEN
		RAISE WARNING 'tokens of the old key may be refused before they expire'
			USING HINT = 'The overlap should be at least pindah.access_token_lifetime and pindah.clock_skew.';
	END IF;
	UPDATE pindah.keys k SET state = 'retiring', verify_until = clock_timestamp() + overlap, changed_at = now()
		WHERE k.issuer = issuer AND k.kid = old.kid;
	DELETE FROM pindah.signing_keys s WHERE s.issuer = issuer AND s.kid = old.kid;
	IF successor.usable THEN
		UPDATE pindah.keys k SET state = 'active', activated_at = clock_timestamp(), changed_at = now()
			WHERE k.issuer = issuer AND k.kid = successor.kid;
	ELSE
		IF successor.kid IS NOT NULL THEN
			RAISE WARNING 'the next key could not be opened: a new one takes its place'
				USING HINT = 'Those who keep the JWK set must read it again.';
		END IF;
		successor.algorithm := coalesce(successor.algorithm, old.algorithm);
		successor.kid := pindah.make_key(issuer, successor.algorithm, 'active');
	END IF;
	PERFORM pindah.make_key(issuer, successor.algorithm, 'next');
	DELETE FROM pindah.keys k WHERE k.issuer = issuer AND k.made_here
		AND k.state = 'retiring' AND k.verify_until < now() - interval '30 days';
	RETURN successor.kid;
END $$;
REVOKE ALL ON FUNCTION pindah_rotate_key(text, interval) FROM PUBLIC;
COMMENT ON FUNCTION pindah_rotate_key(text, interval) IS
	'let the next key of an issuer sign, and the old one verify for a while; return the kid of the one that signs';

-- Never fails because something else does: nothing is made in its place.
-- Nor does it do nothing in silence: NULL is no key.
CREATE FUNCTION pindah_revoke_key(issuer text, kid text) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	was record;
BEGIN
	PERFORM FROM pindah.issuers i WHERE i.issuer = issuer FOR NO KEY UPDATE;
	SELECT k.state, k.made_here INTO was FROM pindah.keys k WHERE k.issuer = issuer AND k.kid = kid;
	UPDATE pindah.keys k SET state = 'revoked', changed_at = now()
		WHERE k.issuer = issuer AND k.kid = kid;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'issuer "%" has no key "%"', issuer, kid
			USING ERRCODE = '42704', HINT = CASE WHEN kid IS NOT NULL AND pindah.is_in_trust_file(issuer, kid)
				THEN 'The trust file has it: take it out of there.' ELSE 'See pindah.keys for the kids.' END;
	END IF;
	DELETE FROM pindah.signing_keys s WHERE s.issuer = issuer AND s.kid = kid;
	IF pindah.is_in_trust_file(issuer, kid) THEN
		RAISE WARNING 'the trust file has a key of this kid: it counts for logins by OAuth, and in other databases'
			USING HINT = 'Take it out of the file as well.';
	END IF;
	IF was.made_here AND was.state = 'active' THEN
		RAISE WARNING 'nothing signs for the issuer now'
			USING HINT = 'pindah_create_key() makes a new key; pindah_rotate_key() lets the next one sign, unless that has leaked too.';
	END IF;
END $$;
REVOKE ALL ON FUNCTION pindah_revoke_key(text, text) FROM PUBLIC;
COMMENT ON FUNCTION pindah_revoke_key(text, text) IS
	'refuse everything that a key has signed, from the next statement on, for good';

-- Only what is named here gets out, whatever stands in the table.
CREATE FUNCTION pindah_jwks(issuer text) RETURNS jsonb
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 1000
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
	IF NOT EXISTS (SELECT FROM pindah.issuers i WHERE i.issuer = issuer) THEN
		RAISE EXCEPTION 'issuer "%" is not trusted', issuer
			USING ERRCODE = '42704', HINT = 'See pindah.issuers for the names.';
	END IF;
	RETURN jsonb_build_object('keys', coalesce((
		SELECT jsonb_agg(
				(SELECT jsonb_object_agg(m.key, m.value) FROM jsonb_each(k.jwk) m
					WHERE m.key IN ('kty', 'crv', 'x', 'y', 'n', 'e', 'alg', 'use'))
				|| jsonb_build_object('kid', k.kid)
				ORDER BY array_position(ARRAY['active', 'next', 'retiring'], k.state::text), k.created_at, k.kid)
			FROM pindah.keys k
			WHERE k.issuer = issuer AND k.state <> 'revoked' AND k.jwk->>'kty' IN ('RSA', 'EC', 'OKP')
				AND (k.verify_until IS NULL OR k.verify_until > statement_timestamp())), '[]'));
END $$;
REVOKE ALL ON FUNCTION pindah_jwks(text) FROM PUBLIC;
COMMENT ON FUNCTION pindah_jwks(text) IS
	'the JWK set to publish for an issuer (RFC 7517 section 5): public keys in force, never a secret';

CREATE FUNCTION pindah_issue_jwt(claims jsonb, lifetime interval DEFAULT NULL, issuer text DEFAULT NULL) RETURNS text
	LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 100000
	AS 'MODULE_PATHNAME', 'pindah_issue_jwt';
REVOKE ALL ON FUNCTION pindah_issue_jwt(jsonb, interval, text) FROM PUBLIC;
COMMENT ON FUNCTION pindah_issue_jwt(jsonb, interval, text) IS
	'sign claims with the active key of an issuer, NULL being the only one that signs here; sets iss, iat, exp and jti';

CREATE FUNCTION pindah_reencrypt_keys() RETURNS integer
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE COST 100000
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	done integer;
BEGIN
	UPDATE pindah.signing_keys s SET private_key = pindah.reseal_key(s.private_key, k.algorithm)
		FROM pindah.keys k WHERE k.issuer = s.issuer AND k.kid = s.kid;
	GET DIAGNOSTICS done = ROW_COUNT;
	RETURN done;
END $$;
REVOKE ALL ON FUNCTION pindah_reencrypt_keys() FROM PUBLIC;
COMMENT ON FUNCTION pindah_reencrypt_keys() IS
	'encrypt all private keys with the passphrase of now; return how many there are';
