\echo Use "CREATE EXTENSION pindah_auth" to load this file. \quit

-- The extension's own tables and helpers.  Closed to everybody: what the
-- public may use are functions in the extension's schema.

CREATE SCHEMA pindah;
REVOKE ALL ON SCHEMA pindah FROM PUBLIC;
COMMENT ON SCHEMA pindah IS 'pindah_auth: trusted issuers and keys';
