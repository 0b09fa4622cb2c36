-- Whole schemas: one statement to protect every table that can be.
--
-- How each table can be protected is judged by what stands in the catalogs
-- before the first one is: neither the order of their names nor a second run
-- makes another table out of one.

-- The permissions of a schema's tables, by the number of the table.  A name that
-- is not one of them would be a table without the permission that was meant.
CREATE FUNCTION pindah.table_permissions(schema name, tables regclass[], permissions jsonb) RETURNS jsonb
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 1000
	SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	entry record;
	found jsonb := '{}';
BEGIN
	IF jsonb_typeof(permissions) <> 'object' THEN
		RAISE EXCEPTION 'the permissions are not an object'
			USING ERRCODE = '22023', HINT = 'Give the permission of each table by its name: {"orders": "shop:orders"}.';
	END IF;
	FOR entry IN
		SELECT p.key, p.value, array_agg(c.oid) FILTER (WHERE c.oid IS NOT NULL) AS relations
			FROM jsonb_each(permissions) p
			LEFT JOIN (SELECT t.relation, n.name FROM unnest(tables) t(relation)
					JOIN pg_class r ON r.oid = t.relation
					CROSS JOIN LATERAL (VALUES (r.relname::text), (quote_ident(r.relname)), (t.relation::text), (schema || '.' || r.relname)) n(name)
					GROUP BY 1, 2) c(oid, name) ON c.name = p.key
			GROUP BY p.key, p.value
	LOOP
		IF entry.relations IS NULL THEN
			RAISE EXCEPTION 'permissions name %, which is no table of schema % that can have one', quote_ident(entry.key), quote_ident(schema)
				USING ERRCODE = '22023', HINT = 'Write a table as the column "relation" shows it, with or without the schema. A partition has the permission of its table.';
		ELSIF cardinality(entry.relations) > 1 OR found ? entry.relations[1]::oid::text THEN
			RAISE EXCEPTION 'permissions name table % twice', entry.relations[1]::regclass
				USING ERRCODE = '22023', HINT = 'Write each table once, with the schema.';
		ELSIF jsonb_typeof(entry.value) <> 'string' THEN
			RAISE EXCEPTION 'the permission of table % is not a string', entry.relations[1]::regclass
				USING ERRCODE = '22023', HINT = 'Give one of the form module:resource, or "" if none is asked for.';
		ELSIF NOT pindah.is_table_permission(nullif(entry.value #>> '{}', '')) THEN
			RAISE EXCEPTION 'the permission of table % is not of the form module:resource', entry.relations[1]::regclass
				USING ERRCODE = '22023', HINT = 'Give accounting:invoices; :view, :create, :edit and :delete are added to it.';
		END IF;
		found := found || jsonb_build_object(entry.relations[1]::oid::text, entry.value);
	END LOOP;
	RETURN found;
END $$;
GRANT EXECUTE ON FUNCTION pindah.table_permissions(name, regclass[], jsonb) TO PUBLIC;
COMMENT ON FUNCTION pindah.table_permissions(name, regclass[], jsonb) IS 'checks the permissions of pindah_protect_schema()';

-- The foreign keys of a schema's tables to tables that have a tenant, by the
-- number of the table: those that must have a value first.
--
-- A table has a tenant when it has such a column, is protected by one, or has a
-- foreign key to a table that has a tenant; not when it is shared.
CREATE FUNCTION pindah.parent_candidates(schema name, shared regclass[]) RETURNS jsonb
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 1000
	SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
	RETURN (
		WITH RECURSIVE keys AS (
			SELECT c.oid, c.conrelid, c.confrelid, c.conkey FROM pg_constraint c
				WHERE c.contype = 'f' AND c.confrelid <> c.conrelid AND c.conparentid = 0
		), of_all AS (
			SELECT s::oid AS relid FROM unnest(shared) s WHERE s IS NOT NULL
			UNION SELECT p.polrelid FROM pg_policy p GROUP BY p.polrelid
				HAVING bool_or(p.polname = 'pindah_wall_insert') AND NOT bool_or(p.polname IN ('pindah_tenant', 'pindah_wall_select'))
		), tenants(relid) AS (
			SELECT t.relid FROM (
				SELECT a.attrelid FROM pg_attribute a
					WHERE a.attname IN ('OrganisationId', 'organisation_id') AND a.attnum > 0 AND NOT a.attisdropped
				UNION SELECT p.polrelid FROM pg_policy p WHERE p.polname = 'pindah_tenant') t(relid)
				WHERE t.relid NOT IN (SELECT e.relid FROM of_all e)
			UNION SELECT k.conrelid FROM keys k JOIN tenants t ON t.relid = k.confrelid
				WHERE k.conrelid NOT IN (SELECT e.relid FROM of_all e)
		), candidates AS (
			SELECT k.conrelid, k.confrelid::regclass::text AS parent, f.attname AS foreign_key, f.attnum, f.attnotnull
				FROM keys k
				JOIN pg_class c ON c.oid = k.conrelid
				JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = schema
				JOIN pg_attribute f ON f.attrelid = k.conrelid AND f.attnum = k.conkey[1]
				WHERE k.confrelid IN (SELECT t.relid FROM tenants t)
		)
		SELECT coalesce(jsonb_object_agg(c.conrelid::text, c.parents), '{}') FROM (
			SELECT c.conrelid, jsonb_agg(jsonb_build_object('parent', c.parent, 'foreign_key', c.foreign_key)
					ORDER BY NOT c.attnotnull, c.attnum, c.parent COLLATE "C") AS parents
				FROM candidates c GROUP BY c.conrelid) c);
END $$;
GRANT EXECUTE ON FUNCTION pindah.parent_candidates(name, regclass[]) TO PUBLIC;
COMMENT ON FUNCTION pindah.parent_candidates(name, regclass[]) IS 'the foreign keys by which tables can be children';

-- The way to protect a table of a schema: as it is protected already, or as far
-- as it can be told.  Settings as in the record of a protected table, or NULL.
CREATE FUNCTION pindah.guess_protection(relation regclass, shared boolean, permission text, parents jsonb) RETURNS jsonb
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_variable
DECLARE
	known jsonb := pindah.protection_settings(relation, permission);
	columns name[];
BEGIN
	IF shared THEN
		RETURN coalesce(known, '{}') - '{column,parent,foreign_key}'::text[] || '{"shared": true}';
	ELSIF known <> '{}' THEN
		RETURN known;
	END IF;
	SELECT array_agg(a.attname) INTO columns FROM pg_attribute a
		WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
			AND a.attname IN ('OrganisationId', 'organisation_id');
	IF cardinality(columns) = 1 THEN
		RETURN jsonb_build_object('column', columns[1]);
	ELSIF columns IS NULL AND jsonb_array_length(parents) = 1 THEN
		RETURN parents->0;
	END IF;
	RETURN NULL;
END $$;
GRANT EXECUTE ON FUNCTION pindah.guess_protection(regclass, boolean, text, jsonb) TO PUBLIC;
COMMENT ON FUNCTION pindah.guess_protection(regclass, boolean, text, jsonb) IS 'how a table of a schema can be protected';

-- What is in force, for the report.
CREATE FUNCTION pindah.describe_protection(relation regclass, settings jsonb, permission text) RETURNS text
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 100
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
	RETURN concat(coalesce(settings->>'column', 'child of ' || (settings->>'parent'), 'shared'),
		', permission ' || permission,
		(SELECT format('; rows whose %I is NULL are seen by nobody', a.attname) FROM pg_attribute a
			WHERE a.attrelid = relation AND a.attname = settings->>'foreign_key' AND NOT a.attnotnull));
END $$;
GRANT EXECUTE ON FUNCTION pindah.describe_protection(regclass, jsonb, text) TO PUBLIC;
COMMENT ON FUNCTION pindah.describe_protection(regclass, jsonb, text) IS 'how a table is protected, in words';

-- Why a table is left open, and what to do.
CREATE FUNCTION pindah.why_open(relation regclass, settings jsonb, permission text, parents jsonb) RETURNS text
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 100
	SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	said text := coalesce(', permission => ' || quote_literal(nullif(permission, '')), '');
	found text;
BEGIN
	IF settings IS NOT NULL THEN
		RETURN format('child of %s, which is not protected; protect that first', settings->>'parent');
	END IF;
	SELECT string_agg(quote_ident(a.attname), ' and ' ORDER BY a.attnum) INTO found FROM pg_attribute a
		WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attname IN ('OrganisationId', 'organisation_id');
	IF found IS NOT NULL THEN
		RETURN format('two columns that could be the tenant column, %s; choose one: SELECT pindah_protect_table(%L, organisation_column => ''...''%s);',
			found, relation, said);
	ELSIF parents IS NULL THEN
		RETURN 'no tenant column, and no foreign key to a table that has a tenant; name it in shared, or use pindah_protect_table()';
	END IF;
	SELECT string_agg(format('%I to %s', p->>'foreign_key', p->>'parent'), ', ' ORDER BY i) INTO found
		FROM jsonb_array_elements(parents) WITH ORDINALITY p(p, i);
	RETURN format('several foreign keys to tables that have a tenant: %s; choose one: SELECT pindah_protect_table(%L, parent => %L, foreign_key => %L%s);',
		found, relation, parents->0->>'parent', parents->0->>'foreign_key', said);
END $$;
GRANT EXECUTE ON FUNCTION pindah.why_open(regclass, jsonb, text, jsonb) TO PUBLIC;
COMMENT ON FUNCTION pindah.why_open(regclass, jsonb, text, jsonb) IS 'why a table of a schema cannot be protected';

CREATE FUNCTION pindah_protect_schema(schema name, permissions jsonb DEFAULT '{}', shared regclass[] DEFAULT '{}',
	OUT relation regclass, OUT outcome text, OUT detail text) RETURNS SETOF record
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 100000
	SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	todo regclass[];
	later regclass[];
	stray regclass;
	candidates jsonb;
	parents jsonb;
	settings jsonb;
	permission text;
	hint text;
	done integer := 0;
BEGIN
	IF NOT EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = schema) THEN
		RAISE EXCEPTION 'schema % does not exist', coalesce(quote_ident(schema), 'NULL')
			USING ERRCODE = '3F000', HINT = 'Give the name of one schema.';
	END IF;
	SELECT coalesce(array_agg(c.oid::regclass ORDER BY c.relname), '{}') INTO todo FROM pg_class c
		WHERE c.relnamespace = (SELECT n.oid FROM pg_namespace n WHERE n.nspname = schema)
			AND c.relkind IN ('r', 'p') AND NOT c.relispartition
			AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e');
	permissions := pindah.table_permissions(schema, todo, coalesce(permissions, '{}'));
	shared := array_remove(coalesce(shared, '{}'), NULL);
	SELECT s INTO stray FROM unnest(shared) s WHERE s <> ALL (todo) LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'shared names %, which is no table of schema % that can be', stray, quote_ident(schema)
			USING ERRCODE = '22023', HINT = 'Give tables of that schema; a partition is shared with its table.';
	END IF;
	candidates := pindah.parent_candidates(schema, shared);

	-- Round by round: a child can only follow its parent.
	LOOP
		later := '{}';
		FOREACH relation IN ARRAY todo LOOP
			permission := permissions->>relation::oid::text;
			BEGIN
				settings := pindah.guess_protection(relation, relation = ANY (shared), permission, candidates->relation::oid::text);
				IF settings IS NULL OR (settings ? 'parent' AND pindah.has_tenant_policy(to_regclass(settings->>'parent')) IS NOT TRUE) THEN
					later := later || relation;
					CONTINUE;
				END IF;
				-- What is not said again stays: nothing is opened by a second run.
				permission := nullif(coalesce(permission, settings->>'permission'), '');
				PERFORM pindah.protect(relation,
					organisation_column => (settings->>'column')::name, permission => permission,
					parent => to_regclass(settings->>'parent'), foreign_key => (settings->>'foreign_key')::name,
					shared => settings @> '{"shared": true}', verbs => settings->'verbs');
				outcome := 'protected';
				detail := pindah.describe_protection(relation, settings, permission);
			EXCEPTION WHEN OTHERS THEN
				outcome := 'failed';
				GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
				detail := concat_ws('; ', SQLERRM, nullif(hint, ''));
			END;
			RETURN NEXT;
			done := done + 1;
			IF done % 100 = 0 THEN
				RAISE NOTICE '% tables done', done;
			END IF;
		END LOOP;
		EXIT WHEN cardinality(later) = cardinality(todo);
		todo := later;
	END LOOP;

	FOREACH relation IN ARRAY later LOOP
		outcome := 'open';
		permission := permissions->>relation::oid::text;
		IF permission <> '' THEN
			-- There is no record yet that could keep it.
			RAISE NOTICE 'the permission of table % was not used', relation
				USING HINT = 'Give it again when the table is protected.';
		END IF;
		parents := candidates->relation::oid::text;
		detail := pindah.why_open(relation, pindah.guess_protection(relation, false, permission, parents), permission, parents);
		RETURN NEXT;
	END LOOP;
END $$;
REVOKE ALL ON FUNCTION pindah_protect_schema(name, jsonb, regclass[]) FROM PUBLIC;
COMMENT ON FUNCTION pindah_protect_schema(name, jsonb, regclass[]) IS
	'protect every table of a schema that can be; one row for each table says what became of it';
