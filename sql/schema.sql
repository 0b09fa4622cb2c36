\echo Use "CREATE EXTENSION pindah_auth" to load this file. \quit

-- The extension's own tables and helpers.  The tables are closed to everybody.

CREATE SCHEMA pindah;
REVOKE ALL ON SCHEMA pindah FROM PUBLIC;
GRANT USAGE ON SCHEMA pindah TO PUBLIC;
COMMENT ON SCHEMA pindah IS 'pindah_auth: trusted issuers and keys';
