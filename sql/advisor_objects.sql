-- The advisor: what lies around the tables and carries rows past their
-- policies, or tells of them.  sql/advisor.sql has the rules for all lints.

-- What is granted on relations, on columns of them too, to others than the owner.
CREATE FUNCTION pindah.grants_to_others()
	RETURNS TABLE (relid oid, privilege text, grantee text)
	LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1000 ROWS 1000
	SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	SELECT c.oid, a.privilege_type, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
		FROM pg_class c, aclexplode(c.relacl) a WHERE a.grantee <> c.relowner
	UNION
	SELECT c.oid, a.privilege_type, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
		FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid, aclexplode(t.attacl) a
		WHERE t.attacl IS NOT NULL AND a.grantee <> c.relowner;
END $$;
GRANT EXECUTE ON FUNCTION pindah.grants_to_others() TO PUBLIC;
COMMENT ON FUNCTION pindah.grants_to_others() IS 'privileges on relations that others than the owner have';

-- Views and materialised views, and the tenant tables whose rows come through
-- them, through other views too.  "own_rights": the rights that count at the
-- table are those of this view's owner (or would be, if it is security_invoker
-- now), as every view in between asks for those of its caller.
-- "stored": the rows come out of a materialised view.
CREATE FUNCTION pindah.views_of_tenants()
	RETURNS TABLE (viewid oid, relid oid, own_rights boolean, stored boolean)
	LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1000 ROWS 100
	SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	WITH RECURSIVE views AS (
		SELECT c.oid, c.relkind, coalesce((SELECT o.option_value::boolean FROM pg_options_to_table(c.reloptions) o
				WHERE o.option_name = 'security_invoker'), false) AS invoker
			FROM pg_class c WHERE c.relkind IN ('v', 'm')
	), reads AS (
		SELECT DISTINCT r.ev_class AS viewid, d.refobjid AS relid
			FROM pg_rewrite r
			JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
				AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class
			WHERE r.ev_type = '1' AND r.oid >= 16384
	), reach(viewid, relid, own_rights, stored) AS (
		SELECT r.viewid, r.relid, true, false
			FROM reads r JOIN pindah.tenant_tables() t ON t.relid = r.relid AND t.kind <> 'shared'
		UNION
		SELECT r.viewid, b.relid, v.relkind = 'm' OR (v.invoker AND b.own_rights), v.relkind = 'm' OR b.stored
			FROM reach b JOIN views v ON v.oid = b.viewid JOIN reads r ON r.relid = b.viewid
	)
	SELECT viewid, relid, own_rights, stored FROM reach;
END $$;
GRANT EXECUTE ON FUNCTION pindah.views_of_tenants() TO PUBLIC;
COMMENT ON FUNCTION pindah.views_of_tenants() IS 'views and the tenant tables that they read, through other views too';

-- Is a role above the policies of a table?
CREATE FUNCTION pindah.is_above_policies(role oid, owner oid, row_security boolean, forced boolean) RETURNS boolean
	LANGUAGE sql STABLE STRICT PARALLEL SAFE COST 10
	SET search_path = pg_catalog, pg_temp AS $$
	SELECT NOT row_security OR (NOT forced AND pg_has_role(role, owner, 'USAGE'))
		OR (SELECT r.rolsuper OR r.rolbypassrls FROM pg_roles r WHERE r.oid = role)
$$;
GRANT EXECUTE ON FUNCTION pindah.is_above_policies(oid, oid, boolean, boolean) TO PUBLIC;
COMMENT ON FUNCTION pindah.is_above_policies(oid, oid, boolean, boolean) IS 'do the policies of a table not bind a role?';

CREATE VIEW pindah.lint_view_with_owner_rights AS
	SELECT 'view_with_owner_rights' AS name, 'A view reads with the rights of its owner' AS title,
		CASE WHEN bool_or(r.stored OR pindah.is_above_policies(c.relowner, t.owner, t.row_security, t.forced))
			THEN 'ERROR' ELSE 'INFO' END AS level, 'SECURITY' AS category,
		'Without security_invoker the policies are asked for the owner of the view, and whoever may read the view sees what they show to that owner: all tenants, if the policies do not bind him. An INFO where they do bind him as of now.' AS description,
		format('view %I.%I, owner %s: reads %s', n.nspname, c.relname, c.relowner::regrole,
			pindah.first_few(array_agg(DISTINCT t.name ORDER BY t.name))) AS detail,
		format('ALTER VIEW %I.%I SET (security_invoker = true);', n.nspname, c.relname) AS remediation
		FROM pindah.views_of_tenants() r
		JOIN pindah.tenant_tables() t ON t.relid = r.relid
		JOIN pg_class c ON c.oid = r.viewid AND c.relkind = 'v'
		JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE r.own_rights AND NOT coalesce((SELECT o.option_value::boolean FROM pg_options_to_table(c.reloptions) o
			WHERE o.option_name = 'security_invoker'), false)
		GROUP BY n.nspname, c.relname, c.relowner;
COMMENT ON VIEW pindah.lint_view_with_owner_rights IS 'views over tenant tables without security_invoker';

CREATE VIEW pindah.lint_materialized_view_open AS
	SELECT 'materialized_view_open' AS name, 'A materialised view holds the rows of tenants' AS title,
		'ERROR' AS level, 'SECURITY' AS category,
		'A materialised view holds the rows that its owner saw, of all tenants as a rule, and cannot have policies. Let nobody but its owner read it; give others a view over it that names the tenant.' AS description,
		format('materialised view %I.%I with rows of %s: open to %s', n.nspname, c.relname,
			pindah.first_few(array_agg(DISTINCT t.name ORDER BY t.name)), string_agg(DISTINCT g.grantee, ', ')) AS detail,
		format('REVOKE ALL ON %I.%I FROM %s;', n.nspname, c.relname, string_agg(DISTINCT g.grantee, ', ')) AS remediation
		FROM pindah.views_of_tenants() r
		JOIN pindah.tenant_tables() t ON t.relid = r.relid
		JOIN pg_class c ON c.oid = r.viewid AND c.relkind = 'm'
		JOIN pg_namespace n ON n.oid = c.relnamespace
		JOIN pindah.grants_to_others() g ON g.relid = c.oid AND g.privilege = 'SELECT'
		GROUP BY n.nspname, c.relname;
COMMENT ON VIEW pindah.lint_materialized_view_open IS 'materialised views over tenant tables that others than the owner can read';

CREATE VIEW pindah.lint_foreign_table_open AS
	SELECT 'foreign_table_open' AS name, 'A foreign table holds the rows of tenants' AS title,
		'ERROR' AS level, 'SECURITY' AS category,
		'A foreign table cannot have policies; it has a tenant column, or is a part of a protected table. Let nobody but its owner use it; give others a view over it that names the tenant.' AS description,
		format('foreign table %I.%I: open to %s', n.nspname, c.relname, string_agg(DISTINCT g.grantee, ', ')) AS detail,
		format('REVOKE ALL ON %I.%I FROM %s;', n.nspname, c.relname, string_agg(DISTINCT g.grantee, ', ')) AS remediation
		FROM pg_class c
		JOIN pg_namespace n ON n.oid = c.relnamespace
		JOIN pindah.grants_to_others() g ON g.relid = c.oid AND g.privilege IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
		WHERE c.relkind = 'f' AND (EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid
				AND a.attname IN ('OrganisationId', 'organisation_id') AND NOT a.attisdropped)
			OR EXISTS (SELECT FROM pg_inherits i JOIN pindah.tenant_tables() t ON t.relid = i.inhparent WHERE i.inhrelid = c.oid))
		GROUP BY n.nspname, c.relname;
COMMENT ON VIEW pindah.lint_foreign_table_open IS 'foreign tables with rows of tenants that others than the owner can use';

-- SECURITY DEFINER functions that name a tenant table, or a view that reads one
-- with its caller's rights: by dependency where there is one, else by the words
-- of the source.
CREATE FUNCTION pindah.definer_functions()
	RETURNS TABLE (name text, kind "char", schemas text[], touches text[], path text, is_open boolean, above_policies boolean, asks boolean)
	LANGUAGE sql STABLE PARALLEL SAFE COST 1000 ROWS 100
	SET search_path = pg_catalog, pg_temp SET jit = off SET quote_all_identifiers = off SET standard_conforming_strings = on AS $$
	WITH functions AS MATERIALIZED (
		SELECT p.*, n.nspname, p.proacl IS NULL
				OR EXISTS (SELECT FROM aclexplode(p.proacl) a WHERE a.grantee <> p.proowner) AS is_open
			FROM pg_proc p
			JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
			WHERE p.prosecdef AND NOT EXISTS (SELECT FROM pg_depend e
				WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e')
	), tables AS MATERIALIZED (
		SELECT * FROM pindah.tenant_tables() t WHERE t.kind <> 'shared'
	), named AS MATERIALIZED (
		SELECT t.relid, t.relid AS namedid FROM tables t
		UNION
		SELECT v.relid, v.viewid FROM pindah.views_of_tenants() v WHERE v.own_rights
	), words AS (
		SELECT DISTINCT f.oid, CASE WHEN w.word[1] LIKE '"%' THEN replace(substr(w.word[1], 2, length(w.word[1]) - 2), '""', '"') ELSE lower(w.word[1]) END AS word
			FROM functions f, regexp_matches(f.prosrc, '"(?:[^"]|"")+"|[[:alpha:]_][[:alnum:]_$]*', 'g') w(word)
			WHERE f.prosqlbody IS NULL
	), touched AS (
		SELECT w.oid, c.oid AS namedid FROM words w JOIN pg_class c ON c.relname = w.word
		UNION
		SELECT d.objid, d.refobjid FROM pg_depend d
			WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'n'
	)
	SELECT format('%I.%I(%s)', f.nspname, f.proname, pg_get_function_identity_arguments(f.oid)),
		CASE WHEN f.prorettype IN ('trigger'::regtype, 'event_trigger'::regtype) THEN 't' ELSE f.prokind END,
		array_agg(DISTINCT quote_ident(f.nspname)) || array_agg(DISTINCT c.relnamespace::regnamespace::text),
		array_agg(DISTINCT t.name ORDER BY t.name),
		(SELECT substr(s, 13) FROM unnest(f.proconfig) s WHERE s LIKE 'search\_path=%'),
		f.is_open,
		bool_or(pindah.is_above_policies(f.proowner, t.owner, t.row_security, t.forced)),
		concat(f.prosrc, pg_get_function_sqlbody(f.oid)) ~ '\mpindah_'
		FROM functions f
		JOIN touched x ON x.oid = f.oid
		JOIN named n ON n.namedid = x.namedid
		JOIN pg_class c ON c.oid = n.namedid
		JOIN tables t ON t.relid = n.relid
		GROUP BY f.oid, f.nspname, f.proname, f.is_open, f.proowner, f.proconfig, f.prorettype, f.prokind, f.prosrc
$$;
GRANT EXECUTE ON FUNCTION pindah.definer_functions() TO PUBLIC;
COMMENT ON FUNCTION pindah.definer_functions() IS 'SECURITY DEFINER functions that touch tenant tables';

CREATE VIEW pindah.lint_definer_search_path AS
	SELECT 'definer_search_path' AS name, 'A SECURITY DEFINER function takes names from its caller''s search_path' AS title,
		CASE WHEN f.path IS NULL AND f.is_open THEN 'ERROR' ELSE 'WARN' END AS level, 'SECURITY' AS category,
		'It touches tenant tables with the rights of its owner, and the caller can put objects of his own in place of those it names. Fix its search_path, with pg_temp last: unless it is named, temporary tables come first. An ERROR where there is no search_path at all and others may call it.' AS description,
		format('function %s, which touches %s: %s', f.name, pindah.first_few(f.touches),
			coalesce('search_path is ' || f.path, 'no search_path')) AS detail,
		-- As SET search_path FROM CURRENT has taken it, a path can hold anything without spaces.
		format('ALTER ROUTINE %s SET search_path = %s, pg_temp;', f.name,
			coalesce((SELECT string_agg(CASE WHEN w.word[1] LIKE '"%' THEN w.word[1] ELSE quote_ident(lower(w.word[1])) END, ', ' ORDER BY w.n)
					FROM regexp_matches(f.path, '"(?:[^"]|"")+"|[^",\s]+', 'g') WITH ORDINALITY w(word, n)
					WHERE lower(btrim(w.word[1], '"')) NOT IN ('$user', 'pg_temp')),
				(SELECT string_agg(DISTINCT s, ', ') FROM unnest('pg_catalog'::text || f.schemas) s))) AS remediation
		FROM pindah.definer_functions() f
		WHERE f.path IS NULL OR (f.path <> '""' AND (f.path !~ '\mpg_temp"?$' OR f.path ~ '\$user'));
COMMENT ON VIEW pindah.lint_definer_search_path IS 'SECURITY DEFINER functions over tenant tables without a safe search_path';

CREATE VIEW pindah.lint_definer_above_policies AS
	SELECT 'definer_above_policies' AS name, 'A SECURITY DEFINER function sees all tenants' AS title,
		'WARN' AS level, 'SECURITY' AS category,
		'It touches tenant tables, the policies do not bind its owner, others may call it, and it asks for no identity itself: no pindah_ function is in its source. Trigger functions are not reported.' AS description,
		format('function %s: touches %s', f.name, pindah.first_few(f.touches)) AS detail,
		format('ALTER ROUTINE %s SECURITY INVOKER;', f.name) AS remediation
		FROM pindah.definer_functions() f
		WHERE f.above_policies AND f.is_open AND NOT f.asks AND f.kind <> 't';
COMMENT ON VIEW pindah.lint_definer_above_policies IS 'SECURITY DEFINER functions that show rows of all tenants';

CREATE VIEW pindah.lint_leakproof_function AS
	SELECT 'leakproof_function' AS name, 'A function of somebody''s is marked LEAKPROOF' AS title,
		'WARN' AS level, 'SECURITY' AS category,
		'PostgreSQL calls leakproof functions with rows that the policies hide, and with values of their statistics, before it asks the policies. One that raises an error with its argument in it shows them. Only a superuser can mark it; be sure of it.' AS description,
		format('function %I.%I(%s): LEAKPROOF', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) AS detail,
		format('ALTER FUNCTION %I.%I(%s) NOT LEAKPROOF;', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) AS remediation
		FROM pg_proc p
		JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname <> 'pg_catalog'
		WHERE p.proleakproof AND NOT EXISTS (SELECT FROM pg_depend e
			WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e');
COMMENT ON VIEW pindah.lint_leakproof_function IS 'functions that are called before the policies';

-- Unique indexes, and constraints that act like one, of user tables.
CREATE FUNCTION pindah.unique_indexes()
	RETURNS TABLE (relid oid, schema name, name name, columns smallint[], conname name, contype "char", definition text,
		referenced boolean, generated boolean)
	LANGUAGE sql STABLE PARALLEL SAFE COST 1000 ROWS 1000
	SET search_path = pg_catalog, pg_temp SET jit = off SET quote_all_identifiers = off SET standard_conforming_strings = on AS $$
	SELECT i.indrelid, n.nspname, x.relname, (i.indkey::int2[])[0:i.indnkeyatts - 1], c.conname, c.contype,
		coalesce(pg_get_constraintdef(c.oid), pg_get_indexdef(i.indexrelid)), f.conindid IS NOT NULL,
		i.indnkeyatts = 1 AND (coalesce(a.attidentity <> '' OR a.atttypid = 'uuid'::regtype, false)
			OR coalesce(pg_get_expr(d.adbin, d.adrelid) ~ '\mnextval\(', false))
		FROM pg_index i
		JOIN pg_class x ON x.oid = i.indexrelid AND NOT x.relispartition
		JOIN pg_namespace n ON n.oid = x.relnamespace
		LEFT JOIN pg_constraint c ON c.conrelid = i.indrelid AND c.conindid = i.indexrelid AND c.contype IN ('p', 'u', 'x')
		LEFT JOIN (SELECT DISTINCT conindid FROM pg_constraint WHERE contype = 'f') f ON f.conindid = i.indexrelid
		LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
		LEFT JOIN pg_attrdef d ON d.adrelid = i.indrelid AND d.adnum = i.indkey[0]
		WHERE (i.indisunique OR i.indisexclusion) AND i.indrelid >= 16384
$$;
GRANT EXECUTE ON FUNCTION pindah.unique_indexes() TO PUBLIC;
COMMENT ON FUNCTION pindah.unique_indexes() IS 'unique indexes of user tables';

-- A generated key says next to nothing; a name or a number that people choose does.
CREATE VIEW pindah.lint_unique_without_tenant AS
	SELECT 'unique_without_tenant' AS name, 'A unique index tells what other tenants have' AS title,
		CASE WHEN u.generated THEN 'INFO' ELSE 'WARN' END AS level, 'SECURITY' AS category,
		'A value that another tenant has is refused as a duplicate, and so known to exist; ON CONFLICT tells without an error. Let the tenant be a part of the key. An INFO for keys that are generated (identity, sequence, uuid): little can be asked of them.' AS description,
		format('table %s: unique index %I is not by tenant', t.name, u.name) AS detail,
		CASE WHEN u.generated OR t.key IS NULL OR u.contype IN ('p', 'x') OR u.referenced
				THEN pindah.remark(format('Put the tenant into the key, or leave it if its values are no secret: %s', u.definition))
			WHEN u.contype = 'u'
				THEN format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %2$I %s;', t.name, u.conname,
					regexp_replace(u.definition, '\(', '(' || replace(t.key, '\', '\\') || ', '))
			-- What comes before the columns is written anew: names can look like it.
			ELSE format('DROP INDEX %I.%I; CREATE UNIQUE INDEX %2$I ON %s USING %s (%s, %s;', u.schema, u.name, t.name, d.head[1], t.key,
				d.head[2]) END AS remediation
		FROM pindah.tenant_tables() t
		JOIN pindah.unique_indexes() u ON u.relid = t.relid
		CROSS JOIN (VALUES ('(?:"(?:[^"]|"")+"|[^" .]+)')) i(name)
		CROSS JOIN LATERAL regexp_match(u.definition,
			format('^CREATE UNIQUE INDEX %1$s ON (?:ONLY )?%1$s\.%1$s USING (\w+) \((.*)$', i.name)) d(head)
		WHERE t.kind <> 'shared' AND NOT u.columns && t.keys;
COMMENT ON VIEW pindah.lint_unique_without_tenant IS 'unique indexes that do not hold the tenant';

CREATE VIEW pindah.lint_foreign_key_crosses_tenants AS
	WITH links AS (
		SELECT c.oid, c.conname, c.conrelid, c.confrelid, c.conindid, t.name, p.name AS parent, t.key, p.key AS parent_key,
			p.keys AS parent_keys, c.confkey,
			c.confmatchtype = 's' AND c.confupdtype NOT IN ('n', 'd') AND t.kind = 'tenant' AND p.kind = 'tenant'
				AND t.key IS NOT NULL AND p.key IS NOT NULL AS can_mend,
			pindah.column_list(c.conrelid, c.conkey) AS columns, pindah.column_list(c.confrelid, c.confkey) AS parent_columns,
			CASE c.confupdtype WHEN 'c' THEN ' ON UPDATE CASCADE' WHEN 'r' THEN ' ON UPDATE RESTRICT' ELSE '' END AS on_update,
			CASE c.confdeltype WHEN 'c' THEN ' ON DELETE CASCADE' WHEN 'r' THEN ' ON DELETE RESTRICT'
				WHEN 'n' THEN ' ON DELETE SET NULL (%s)' WHEN 'd' THEN ' ON DELETE SET DEFAULT (%s)' ELSE '' END AS on_delete,
			CASE WHEN c.condeferrable THEN ' DEFERRABLE' ELSE '' END || CASE WHEN c.condeferred THEN ' INITIALLY DEFERRED' ELSE '' END AS deferrable
			FROM pg_constraint c
			JOIN pindah.tenant_tables() t ON t.relid = c.conrelid AND t.kind <> 'shared' AND t.keys IS NOT NULL
			JOIN pindah.tenant_tables() p ON p.relid = c.confrelid AND p.kind <> 'shared' AND p.keys IS NOT NULL
			WHERE c.contype = 'f' AND c.conparentid = 0
				-- What ties a child to its parent is asked by its policy.
				AND NOT (t.kind = 'child' AND c.conkey <@ t.keys)
				AND NOT EXISTS (SELECT FROM generate_subscripts(c.conkey, 1) i
					WHERE c.conkey[i] = ANY (t.keys) AND c.confkey[i] = ANY (p.keys))
	)
	SELECT 'foreign_key_crosses_tenants' AS name, 'A foreign key can point to a row of another tenant' AS title,
		'WARN' AS level, 'SECURITY' AS category,
		'Foreign keys are not subject to policies: a row may point to one that its writer cannot see, which tells that it exists, and keeps its owner from deleting it (or deletes with it, where it cascades). Let both sides have the tenant in the key.' AS description,
		format('foreign key %I of table %s to %s: the tenant is not a part of it', l.conname, l.name, l.parent) AS detail,
		CASE WHEN l.can_mend THEN
				CASE WHEN EXISTS (SELECT FROM pg_index i WHERE i.indrelid = l.confrelid AND i.indisunique AND i.indimmediate AND i.indpred IS NULL
						AND (i.indkey::int2[])[0:i.indnkeyatts - 1] @> (l.parent_keys || l.confkey)
						AND (i.indkey::int2[])[0:i.indnkeyatts - 1] <@ (l.parent_keys || l.confkey)) THEN ''
					ELSE format('ALTER TABLE %s ADD UNIQUE (%s, %s); ', l.parent, l.parent_key, l.parent_columns) END
				|| format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %2$I FOREIGN KEY (%s, %s) REFERENCES %s (%s, %s)%s%s%s;',
					l.name, l.conname, l.key, l.columns, l.parent, l.parent_key, l.parent_columns, l.on_update,
					replace(l.on_delete, '%s', l.columns), l.deferrable)
			ELSE pindah.remark(format('Put the tenant into both sides, or check it in a trigger: ALTER TABLE %s DROP CONSTRAINT %I;', l.name, l.conname))
			END AS remediation
		FROM links l;
COMMENT ON VIEW pindah.lint_foreign_key_crosses_tenants IS 'foreign keys between tenant tables that do not hold the tenant';

CREATE VIEW pindah.lint_table_grants AS
	SELECT 'table_grants' AS name, 'A privilege is granted that policies do not limit' AS title,
		'WARN' AS level, 'SECURITY' AS category,
		'TRUNCATE empties the table of all tenants. REFERENCES lets a foreign key ask for rows of all of them. TRIGGER lets its holder run functions with the rights of whoever writes the table. None is subject to row-level security.' AS description,
		format('table %s: %s granted to %s', t.name, string_agg(DISTINCT g.privilege, ', '), string_agg(DISTINCT g.grantee, ', ')) AS detail,
		format('REVOKE %s ON %s FROM %s;', string_agg(DISTINCT g.privilege, ', '), t.name, string_agg(DISTINCT g.grantee, ', ')) AS remediation
		FROM pindah.tenant_tables() t
		JOIN pindah.grants_to_others() g ON g.relid = t.relid AND g.privilege IN ('TRUNCATE', 'REFERENCES', 'TRIGGER')
		GROUP BY t.name;
COMMENT ON VIEW pindah.lint_table_grants IS 'grants of TRUNCATE, REFERENCES and TRIGGER on tenant tables';

-- A publication of some tenant's rows by a row filter is on purpose.
CREATE VIEW pindah.lint_publication AS
	SELECT 'publication' AS name, 'A publication carries the rows of tenants' AS title,
		'WARN' AS level, 'SECURITY' AS category,
		'Logical replication reads past the policies: the subscriber gets the rows of all tenants, and has to protect them itself. Tables with a row filter on the tenant are not reported.' AS description,
		format('publication %I: publishes %s', p.pubname, pindah.first_few(array_agg(DISTINCT t.name ORDER BY t.name))) AS detail,
		CASE WHEN NOT p.puballtables AND bool_and(r.prrelid IS NOT NULL)
			THEN format('ALTER PUBLICATION %I DROP TABLE %s;', p.pubname, string_agg(DISTINCT t.name, ', '))
			ELSE pindah.remark(format('Publish single tables instead, if the subscriber protects them: DROP PUBLICATION %I;', p.pubname)) END AS remediation
		FROM pg_publication p
		CROSS JOIN pindah.tenant_tables() t
		LEFT JOIN pg_publication_rel r ON r.prpubid = p.oid AND r.prrelid = t.relid
		LEFT JOIN pg_publication_namespace s ON s.pnpubid = p.oid AND s.pnnspid = t.schema
		WHERE t.kind <> 'shared' AND (p.puballtables OR s.pnnspid IS NOT NULL
			OR (r.prrelid IS NOT NULL AND (r.prqual IS NULL OR NOT pg_get_expr(r.prqual, r.prrelid) ~ ('\m' || regexp_replace(t.key_name, '(\W)', '\\\1', 'g') || '\M'))))
		GROUP BY p.pubname, p.puballtables;
COMMENT ON VIEW pindah.lint_publication IS 'publications of tenant tables';

CREATE VIEW pindah.lint_rule AS
	SELECT 'rule' AS name, 'A rule runs on writes to a tenant table' AS title, 'INFO' AS level, 'SECURITY' AS category,
		'What a rule does, it does with the rights of the owner of the table, and may carry rows to where no policy is.' AS description,
		format('rule %I on table %s', r.rulename, t.name) AS detail,
		format('DROP RULE %I ON %s;', r.rulename, t.name) AS remediation
		FROM pindah.tenant_tables() t
		JOIN pg_rewrite r ON r.ev_class = t.relid AND r.ev_type <> '1'
		WHERE t.kind <> 'shared';
COMMENT ON VIEW pindah.lint_rule IS 'rules on tenant tables';

CREATE VIEW pindah.lint_trigger_copies_rows AS
	SELECT 'trigger_copies_rows' AS name, 'A trigger of a tenant table writes elsewhere' AS title, 'INFO' AS level, 'SECURITY' AS category,
		'Its function inserts, copies or notifies. See that the rows end where they are as protected as here: what is sent with NOTIFY, everybody can hear.' AS description,
		format('trigger %I on table %s: calls %I.%I()', g.tgname, t.name, n.nspname, p.proname) AS detail,
		pindah.remark(format('Look at it: SELECT pg_get_functiondef(%L::regprocedure); ALTER TABLE %s DISABLE TRIGGER %I;',
			format('%I.%I()', n.nspname, p.proname), t.name, g.tgname)) AS remediation
		FROM pindah.tenant_tables() t
		JOIN pg_trigger g ON g.tgrelid = t.relid AND NOT g.tgisinternal AND g.tgenabled <> 'D' AND g.tgparentid = 0
		JOIN pg_proc p ON p.oid = g.tgfoid AND p.prosrc ~* '\m(insert\s+into|copy|notify|pg_notify|dblink\w*)\M'
		JOIN pg_namespace n ON n.oid = p.pronamespace
		WHERE t.kind <> 'shared';
COMMENT ON VIEW pindah.lint_trigger_copies_rows IS 'triggers of tenant tables that write elsewhere';

-- pg_stats hides the statistics of a table with row-level security from those
-- whom it binds, but those of an index on an expression it shows to whoever may
-- read the index: the owner, and members of pg_read_all_data.
CREATE VIEW pindah.lint_expression_statistics AS
	SELECT 'expression_statistics' AS name, 'Statistics of an index on an expression hold values of all tenants' AS title,
		CASE WHEN EXISTS (SELECT FROM pindah.role_members() m WHERE m.can_login AND NOT m.bypasses
				AND m.roleid IN (t.owner, (SELECT r.oid FROM pg_roles r WHERE r.rolname = 'pg_read_all_data'))) THEN 'WARN' ELSE 'INFO' END AS level, 'SECURITY' AS category,
		'pg_stats shows the most common values of an expression that is indexed to the owner of the table, even where row-level security is forced, and to members of pg_read_all_data. An INFO where nobody who is bound by the policies can log in as one of these.' AS description,
		format('table %s: expression %s of index %I.%I', t.name, k.n, n.nspname, x.relname) AS detail,
		CASE WHEN EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
			THEN pindah.remark(format('Make the constraint anew, and before the next ANALYZE: ALTER INDEX %I.%I ALTER COLUMN %s SET STATISTICS 0;', n.nspname, x.relname, k.n))
			-- One would undo the other.
			WHEN i.indisunique AND t.key IS NOT NULL AND NOT (i.indkey::int2[])[0:i.indnkeyatts - 1] && t.keys
				THEN pindah.remark(format('First let the tenant be a part of index %I.%I, as unique_without_tenant says, and then ask again.', n.nspname, x.relname))
			ELSE format('DROP INDEX %I.%I; %s; %s', n.nspname, x.relname, pg_get_indexdef(i.indexrelid),
				(SELECT string_agg(format('ALTER INDEX %I.%I ALTER COLUMN %s SET STATISTICS 0;', n.nspname, x.relname, e.n), ' ' ORDER BY e.n)
					FROM generate_series(1, i.indnkeyatts) e(n) WHERE i.indkey[e.n - 1] = 0)) END AS remediation
		FROM pindah.tenant_tables() t
		JOIN pg_index i ON i.indrelid = t.relid AND i.indexprs IS NOT NULL
		JOIN pg_class x ON x.oid = i.indexrelid
		JOIN pg_namespace n ON n.oid = x.relnamespace
		CROSS JOIN LATERAL generate_series(1, i.indnkeyatts) k(n)
		JOIN pg_attribute a ON a.attrelid = i.indexrelid AND a.attnum = k.n
		WHERE t.row_security AND t.kind <> 'shared' AND i.indkey[k.n - 1] = 0
			AND (coalesce(a.attstattarget, -1) <> 0
				OR EXISTS (SELECT FROM pg_statistic s WHERE s.starelid = i.indexrelid AND s.staattnum = k.n));
COMMENT ON VIEW pindah.lint_expression_statistics IS 'indexes on expressions whose statistics can be read past the policies';

CREATE VIEW pindah.lint_catalog_grants AS
	SELECT 'catalog_grants' AS name, 'A catalog with values of all tenants can be read' AS title,
		'ERROR' AS level, 'SECURITY' AS category,
		'pg_statistic and pg_statistic_ext_data hold values of all columns, and pg_largeobject the large objects. They are for superusers; others have pg_stats and the like, which ask the policies.' AS description,
		format('catalog %s: SELECT granted to %s', g.relid::regclass, string_agg(g.grantee, ', ')) AS detail,
		format('REVOKE ALL ON pg_catalog.%I FROM %s;', c.relname, string_agg(g.grantee, ', ')) AS remediation
		FROM pindah.grants_to_others() g
		JOIN pg_class c ON c.oid = g.relid
		WHERE g.privilege = 'SELECT'
			AND g.relid IN ('pg_statistic'::regclass, 'pg_statistic_ext_data'::regclass, 'pg_largeobject'::regclass)
		GROUP BY g.relid, c.relname;
COMMENT ON VIEW pindah.lint_catalog_grants IS 'catalogs with values of all tenants that others than superusers can read';

CREATE VIEW pindah.lint_large_objects AS
	SELECT 'large_objects' AS name, 'Large objects have no tenants' AS title, 'WARN' AS level, 'SECURITY' AS category,
		'Large objects cannot have policies: whoever owns them or is granted them reads all of them, whichever tenant has signed in. Keep what belongs to a tenant in a bytea column of a protected table.' AS description,
		format('large objects: %s can be read by %s', count(*), r.role) AS detail,
		pindah.remark(format('Move them to a table: SELECT oid, lo_get(oid) FROM pg_largeobject_metadata; then lo_unlink(oid). They are %s''s.', r.role)) AS remediation
		FROM (SELECT m.oid, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS role
			FROM pg_largeobject_metadata m, aclexplode(coalesce(m.lomacl, acldefault('L', m.lomowner))) a
			WHERE a.privilege_type = 'SELECT' AND (a.grantee = 0 OR EXISTS (SELECT FROM pindah.role_members() l
				WHERE l.roleid = a.grantee AND l.can_login AND NOT l.bypasses))) r
		GROUP BY r.role;
COMMENT ON VIEW pindah.lint_large_objects IS 'large objects that login roles can read';

CREATE VIEW pindah.lint_schema_writable AS
	SELECT 'schema_writable' AS name, 'Everybody can create objects beside tenant tables' AS title, 'WARN' AS level, 'SECURITY' AS category,
		'In a schema where everybody can create, anybody can put a function or operator of his own in the way of somebody else''s query (CVE-2018-1058).' AS description,
		format('schema %I: CREATE granted to PUBLIC', n.nspname) AS detail,
		format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC;', n.nspname) AS remediation
		FROM pg_namespace n
		WHERE EXISTS (SELECT FROM aclexplode(n.nspacl) a WHERE a.grantee = 0 AND a.privilege_type = 'CREATE')
			AND (n.oid IN (SELECT t.schema FROM pindah.tenant_tables() t)
				OR n.oid IN (SELECT p.pronamespace FROM pg_proc p WHERE p.oid = '@extschema@.pindah_whoami()'::regprocedure)
				OR n.nspname = 'pindah');
COMMENT ON VIEW pindah.lint_schema_writable IS 'schemas with tenant tables in which everybody can create';
