-- Revocation: tokens that are taken back before they expire.
--
-- The order of the first four columns is known to src/revocation.c, which
-- searches the table by its primary key, without SQL and byte for byte; an
-- organisation that is a uuid, as uuid's output spells it.

CREATE DOMAIN pindah.revocation_kind AS text COLLATE "C" NOT NULL
	CHECK (VALUE OPERATOR(pg_catalog.=) ANY (ARRAY['token', 'user', 'organisation', 'issuer', 'all']));
-- An index entry has to fit into a third of a page.
CREATE DOMAIN pindah.revocable_text AS text COLLATE "C" NOT NULL
	CHECK (pg_catalog.octet_length(VALUE) OPERATOR(pg_catalog.<=) 1000);

CREATE TABLE pindah.revocations (
	kind pindah.revocation_kind,
	issuer pindah.revocable_text,
	subject pindah.revocable_text,
	revoked_at pindah.present_time,
	expires_at timestamptz,
	reason text,
	PRIMARY KEY (kind, issuer, subject)
);
CREATE INDEX revocations_expires_at ON pindah.revocations (expires_at) WHERE expires_at IS NOT NULL;
REVOKE ALL ON pindah.revocations FROM PUBLIC;
-- As for the issuers: pg_write_all_data must not take a revocation back.
ALTER TABLE pindah.revocations ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON pindah.revocations FOR SELECT USING (true);
COMMENT ON TABLE pindah.revocations IS 'tokens that are refused though they have not expired';
COMMENT ON COLUMN pindah.revocations.kind IS 'what is revoked: one token, or all that a user, an organisation or an issuer had; all: everything so old';
COMMENT ON COLUMN pindah.revocations.issuer IS 'iss, byte for byte; empty for tokens without iss, and for organisation and all';
COMMENT ON COLUMN pindah.revocations.subject IS 'the jti, user id or organisation, byte for byte, but a uuid of an organisation in its usual spelling; empty for issuer and all';
COMMENT ON COLUMN pindah.revocations.revoked_at IS 'tokens with iat up to here are refused, and those without iat; of kind token whatever their iat';
COMMENT ON COLUMN pindah.revocations.expires_at IS 'when every token that the entry could match has expired; NULL: not known';
COMMENT ON COLUMN pindah.revocations.reason IS 'for people';

SELECT pg_catalog.pg_extension_config_dump('pindah.revocations', '');

CREATE TRIGGER trust_changed AFTER INSERT OR UPDATE OR DELETE ON pindah.revocations
	FOR EACH ROW EXECUTE FUNCTION pindah.trust_changed();
CREATE TRIGGER trust_emptied AFTER TRUNCATE ON pindah.revocations
	FOR EACH STATEMENT EXECUTE FUNCTION pindah.trust_changed();
-- A column of type uuid takes all spellings of one for the same tenant, so an
-- entry is about all of them.  A trigger, so that it holds for every way in.
CREATE FUNCTION pindah.spell_revoked_organisation() RETURNS trigger
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE COST 100
	SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	-- What uuid's input takes.
	IF NEW.subject ~ '^([0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4}$'
			OR NEW.subject ~ '^\{([0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4}\}$' THEN
		NEW.subject := NEW.subject::uuid::text;
	END IF;
	RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION pindah.spell_revoked_organisation() FROM PUBLIC;
COMMENT ON FUNCTION pindah.spell_revoked_organisation() IS 'stores a uuid the way that it is searched for, whatever its spelling';
CREATE TRIGGER spell_organisation BEFORE INSERT OR UPDATE ON pindah.revocations
	FOR EACH ROW WHEN (NEW.kind OPERATOR(pg_catalog.=) 'organisation')
	EXECUTE FUNCTION pindah.spell_revoked_organisation();
ALTER TABLE pindah.revocations ENABLE ALWAYS TRIGGER spell_organisation;
ALTER TABLE pindah.revocations ENABLE ALWAYS TRIGGER trust_changed;
ALTER TABLE pindah.revocations ENABLE ALWAYS TRIGGER trust_emptied;

CREATE FUNCTION pindah.is_trusted(issuer text) RETURNS boolean
	LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'pindah_is_trusted';
REVOKE ALL ON FUNCTION pindah.is_trusted(text) FROM PUBLIC;
COMMENT ON FUNCTION pindah.is_trusted(text) IS 'are tokens of the issuer believed at this moment?';

-- In C, so that the library is loaded, and the value nobody's placeholder.
CREATE FUNCTION pindah.max_token_lifetime() RETURNS interval
	LANGUAGE C STABLE PARALLEL SAFE COST 1
	AS 'MODULE_PATHNAME', 'pindah_max_token_lifetime';
REVOKE ALL ON FUNCTION pindah.max_token_lifetime() FROM PUBLIC;
COMMENT ON FUNCTION pindah.max_token_lifetime() IS 'the setting pindah.max_token_lifetime; NULL when there is no limit';

-- Expired entries, a few at a time.  The day on top is for clocks that differ
-- or were wrong.  Rows that somebody else is at are left to him.
CREATE FUNCTION pindah.remove_expired_revocations(most bigint) RETURNS bigint
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	removed bigint;
BEGIN
	DELETE FROM pindah.revocations r WHERE r.ctid = ANY (ARRAY(
		SELECT o.ctid FROM pindah.revocations o WHERE o.expires_at < now() - interval '1 day'
			ORDER BY o.expires_at LIMIT most FOR UPDATE SKIP LOCKED));
	GET DIAGNOSTICS removed = ROW_COUNT;
	RETURN removed;
END $$;
REVOKE ALL ON FUNCTION pindah.remove_expired_revocations(bigint) FROM PUBLIC;
COMMENT ON FUNCTION pindah.remove_expired_revocations(bigint) IS 'removes entries whose token has expired, at most so many (NULL: all)';

CREATE FUNCTION pindah.revoke(kind text, issuer text, subject text, revoked_at timestamptz,
	expires_at timestamptz, reason text) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
	IF issuer IS NULL OR subject IS NULL OR (subject = '') <> (kind = 'issuer') THEN
		RAISE EXCEPTION 'what to revoke is null or empty'
			USING ERRCODE = '22023',
				HINT = 'Give the iss of the tokens, or '''' for tokens without iss, and a jti, user id or organisation that is not empty.';
	END IF;
	IF octet_length(issuer) > 1000 OR octet_length(subject) > 1000 THEN
		RAISE EXCEPTION 'what to revoke is longer than 1000 bytes'
			USING ERRCODE = '22023', HINT = 'Revoke what is above it: the user, the organisation, the issuer.';
	END IF;
	INSERT INTO pindah.revocations AS r (kind, issuer, subject, revoked_at, expires_at, reason)
		VALUES (kind, issuer, subject, coalesce(revoked_at, clock_timestamp()), expires_at, reason)
		-- What is revoked stays so: both times only ever move on.
		ON CONFLICT ON CONSTRAINT revocations_pkey DO UPDATE SET
			revoked_at = greatest(r.revoked_at, excluded.revoked_at),
			expires_at = CASE WHEN r.expires_at IS NOT NULL AND excluded.expires_at IS NOT NULL
				THEN greatest(r.expires_at, excluded.expires_at) END,
			reason = coalesce(excluded.reason, r.reason);
	IF kind <> 'organisation' AND NOT pindah.is_trusted(issuer) THEN
		RAISE WARNING 'issuer "%" is not trusted: no token is hit by this revocation now', issuer
			USING HINT = 'Give exactly the iss of the tokens; see pindah.trust.';
	END IF;
	-- In a snapshot of before, a row that has gone since is an error.
	IF current_setting('transaction_isolation') = 'read committed' THEN
		PERFORM pindah.remove_expired_revocations(10);
	END IF;
END $$;
REVOKE ALL ON FUNCTION pindah.revoke(text, text, text, timestamptz, timestamptz, text) FROM PUBLIC;
COMMENT ON FUNCTION pindah.revoke(text, text, text, timestamptz, timestamptz, text) IS
	'adds an entry to pindah.revocations, or moves its times on';

CREATE FUNCTION pindah_revoke_token(issuer text, jti text, expires_at timestamptz DEFAULT NULL,
	reason text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM pindah.revoke('token', issuer, jti, NULL, expires_at, reason);
END $$;
REVOKE ALL ON FUNCTION pindah_revoke_token(text, text, timestamptz, text) FROM PUBLIC;
COMMENT ON FUNCTION pindah_revoke_token(text, text, timestamptz, text) IS
	'refuse the token with this jti from the next statement on; expires_at is its exp';

CREATE FUNCTION pindah_revoke_user(issuer text, user_id text, reason text DEFAULT NULL,
	issued_before timestamptz DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM pindah.revoke('user', issuer, user_id, issued_before, NULL, reason);
END $$;
REVOKE ALL ON FUNCTION pindah_revoke_user(text, text, text, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION pindah_revoke_user(text, text, text, timestamptz) IS
	'refuse the tokens that a user was issued before now (or another time), from the next statement on';

CREATE FUNCTION pindah_revoke_organisation(organisation_id text, reason text DEFAULT NULL,
	issued_before timestamptz DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM pindah.revoke('organisation', '', organisation_id, issued_before, NULL, reason);
END $$;
REVOKE ALL ON FUNCTION pindah_revoke_organisation(text, text, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION pindah_revoke_organisation(text, text, timestamptz) IS
	'refuse the tokens that any issuer issued for an organisation before now (or another time), from the next statement on';

CREATE FUNCTION pindah_revoke_issuer(issuer text, reason text DEFAULT NULL,
	issued_before timestamptz DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM pindah.revoke('issuer', issuer, '', issued_before, NULL, reason);
END $$;
REVOKE ALL ON FUNCTION pindah_revoke_issuer(text, text, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION pindah_revoke_issuer(text, text, timestamptz) IS
	'refuse the tokens that an issuer issued before now (or another time), from the next statement on; its keys go on to count';

-- An entry can go when no token that it matches counts any more.  Where
-- that follows from the limit on lifetimes, which somebody may raise
-- tomorrow, one entry takes the place of all that go: everything so old is
-- refused.  The five minutes are the most that a clock may differ by, so that
-- of a revoked token iat is not later.
CREATE FUNCTION pindah_remove_old_revocations() RETURNS bigint
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE COST 100000
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	removed bigint := pindah.remove_expired_revocations(NULL);
	covered bigint;
	latest timestamptz;
BEGIN
	WITH gone AS (
		DELETE FROM pindah.revocations r
			WHERE r.kind <> 'all' AND r.revoked_at < now() - pindah.max_token_lifetime() - interval '1 day'
			RETURNING r.revoked_at)
		SELECT count(*), max(g.revoked_at) INTO covered, latest FROM gone g;
	IF covered > 0 THEN
		INSERT INTO pindah.revocations AS r (kind, issuer, subject, revoked_at, reason)
			VALUES ('all', '', '', latest + interval '5 minutes', 'takes the place of entries that were removed')
			ON CONFLICT ON CONSTRAINT revocations_pkey DO UPDATE
				SET revoked_at = greatest(r.revoked_at, excluded.revoked_at);
	END IF;
	RETURN removed + covered;
END $$;
REVOKE ALL ON FUNCTION pindah_remove_old_revocations() FROM PUBLIC;
COMMENT ON FUNCTION pindah_remove_old_revocations() IS
	'remove entries of pindah.revocations that cannot match a token any more, return how many';
