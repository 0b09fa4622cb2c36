-- What an identity may do.
SELECT max(token) FILTER (WHERE name = 'ann') AS ann,
	max(token) FILTER (WHERE name = 'bob') AS bob,
	max(token) FILTER (WHERE name = 'nowhere') AS nowhere FROM tokens \gset
SET pindah.token = :'ann';

-- Not held: another action, resource, module; other letters; a part of one.
SELECT pindah_has_permission(p), p FROM unnest(ARRAY['accounting:invoices:delete',
	'accounting:payments:view', 'sales:invoices:view', 'Accounting:invoices:view',
	'accounting:invoices:vie', 'accounting:invoices:views', 'stock:inventory:edit']) p;
-- Held, by itself and through "*".
SELECT pindah_has_permission(p), p FROM unnest(ARRAY['accounting:invoices:view',
	'accounting:invoices:create', 'stock:inventory:view', 'stock:anything:view']) p;

-- What is no permission is an error, whoever asks; NULL is held by nobody.
SELECT pindah_has_permission('stock:*:view');
SELECT pindah_has_permission('stock:view');
SELECT pindah_has_permission('stock:inventory:view:all');
SELECT pindah_has_permission('::');
SELECT pindah_has_permission('');
SELECT pindah_has_permission(p) FROM (VALUES ('*:*:*'), ('a')) v(p);
SELECT pindah_organisation_uuid('stock:*:view');
SELECT pindah_require_permission('stock:*:view');
SELECT pindah_require_permission(NULL);
SELECT pindah_has_permission(NULL), pindah_has_role(NULL), pindah_organisation_id(NULL),
	pindah_has_any_permission(VARIADIC NULL), pindah_has_all_permissions(VARIADIC NULL);
SELECT pindah_has_any_permission(VARIADIC '{}'), 1;
SELECT pindah_has_all_permissions(VARIADIC '{}'), 1;
SELECT pindah_has_any_permission(NULL, 'accounting:invoices:view'),
	pindah_has_all_permissions(NULL, 'accounting:invoices:view');

-- LEAKPROOF: the tenant's accessors tell nothing about an argument of a row.
SELECT p, pindah_organisation_id(p) IS NULL AS refused FROM unnest(ARRAY['stock:*:view', 'x', '', 'stock:a:view']) p;

-- One, any, all.
SELECT pindah_has_any_permission('accounting:invoices:delete', 'accounting:invoices:view'),
	pindah_has_any_permission('accounting:invoices:delete', 'a:b:c'),
	pindah_has_all_permissions('accounting:invoices:create', 'accounting:invoices:view'),
	pindah_has_all_permissions('accounting:invoices:create', 'accounting:invoices:delete');
SELECT pindah_organisation_uuid('accounting:invoices:view'), pindah_organisation_uuid('accounting:invoices:delete');
SELECT pindah_has_role('Accountant'), pindah_has_role('accountant'), pindah_has_role('Manager'), pindah_has_role('');

-- Required: nothing, or 42501.
\set VERBOSITY verbose
SELECT pindah_require_permission('accounting:invoices:view');
\set VERBOSITY default
SELECT pindah_require_permission('accounting:invoices:delete');
SELECT count(*) FROM (SELECT pindah_require_permission('payroll:salaries:view')) s;
DO $$ BEGIN PERFORM pindah_require_permission('payroll:salaries:view'); EXCEPTION WHEN insufficient_privilege THEN RAISE NOTICE 'refused'; END $$;

-- Every way to write "*".
SET pindah.token = :'bob';
SELECT pindah_has_permission('accounting:x:y'), pindah_has_permission('stock:x:y');
SET pindah.token = :'nowhere';
SELECT pindah_has_permission('x:y:z');

-- One call site, several questions: an answer is not given to the next one.
SET pindah.token = :'ann';
CREATE FUNCTION pg_temp.asks(permissions text[]) RETURNS SETOF boolean LANGUAGE plpgsql AS $$
DECLARE p text;
BEGIN
	FOREACH p IN ARRAY permissions LOOP
		RETURN NEXT pindah_has_permission(p);
	END LOOP;
END $$;
SELECT pg_temp.asks('{accounting:invoices:view,accounting:invoices:delete,stock:a:view,stock:a:edit}');
PREPARE ask(text) AS SELECT pindah_has_permission($1), pindah_organisation_id($1) IS NOT NULL, pindah_has_role($1);
SET plan_cache_mode = force_generic_plan;
EXECUTE ask('accounting:invoices:view');
EXECUTE ask('accounting:invoices:delete');
EXECUTE ask('a:b:c');
RESET plan_cache_mode;
DEALLOCATE ask;
RESET pindah.token;
