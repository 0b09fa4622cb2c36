-- Leave no role behind.
DROP TABLE invoices;
DROP TABLE tokens;
DROP FUNCTION plan_of;
DROP EXTENSION pindah_auth;
SELECT nspname FROM pg_namespace WHERE nspname = 'pindah';
DROP ROLE regress_pindah_app;
