-- Tenants: one statement to protect a table.
--
-- What a table was like before is kept in the comment of its tenant policy:
-- it needs no right but that of the owner, and is dumped with the table.

-- The tenant column of a table: named, or found by its usual names.
CREATE FUNCTION pindah.find_organisation_column(relation regclass, wanted name) RETURNS name
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 100
	SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	found name[];
BEGIN
	SELECT array_agg(a.attname ORDER BY a.attnum) INTO found
		FROM pg_attribute a
		WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
			AND CASE WHEN wanted IS NULL THEN a.attname IN ('OrganisationId', 'organisation_id')
				ELSE a.attname = wanted END;
	IF found IS NULL THEN
		RAISE EXCEPTION 'table % has no tenant column', relation
			USING ERRCODE = '42703',
				HINT = 'Name it: pindah_protect_table(''' || relation || ''', organisation_column => ''...'').';
	ELSIF cardinality(found) > 1 THEN
		RAISE EXCEPTION 'table % has two columns that could be the tenant column', relation
			USING ERRCODE = '42702',
				HINT = 'Name it: pindah_protect_table(''' || relation || ''', organisation_column => ''...'').';
	END IF;
	RETURN found[1];
END $$;
REVOKE ALL ON FUNCTION pindah.find_organisation_column(regclass, name) FROM PUBLIC;
COMMENT ON FUNCTION pindah.find_organisation_column(regclass, name) IS 'the tenant column of a table';

-- The function whose result is compared with a column, for its type.
CREATE FUNCTION pindah.organisation_accessor(relation regclass, organisation_column name) RETURNS text
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 100
	SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	type_name text;
BEGIN
	SELECT a.atttypid::regtype::text INTO type_name FROM pg_attribute a
		WHERE a.attrelid = relation AND a.attname = organisation_column;
	CASE
		WHEN type_name = 'uuid' THEN RETURN '@extschema@.pindah_organisation_uuid';
		WHEN type_name IN ('bigint', 'integer', 'smallint') THEN RETURN '@extschema@.pindah_organisation_bigint';
		WHEN type_name IN ('text', 'character varying') THEN RETURN '@extschema@.pindah_organisation_id';
		ELSE
			RAISE EXCEPTION 'tenant column % of table % has type %', quote_ident(organisation_column), relation, type_name
				USING ERRCODE = '42804', HINT = 'A tenant column is a uuid, bigint, integer, smallint, text or varchar.';
	END CASE;
END $$;
REVOKE ALL ON FUNCTION pindah.organisation_accessor(regclass, name) FROM PUBLIC;
COMMENT ON FUNCTION pindah.organisation_accessor(regclass, name) IS 'the accessor that fits a tenant column';

-- What a table was like before it was protected, NULL when it is not.
CREATE FUNCTION pindah.protection_record(relation regclass) RETURNS jsonb
	LANGUAGE sql STABLE STRICT PARALLEL SAFE COST 100
	SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE WHEN d.description LIKE 'pindah_auth: {%}' THEN substr(d.description, 14)::jsonb ELSE '{}' END
		FROM pg_policy p
		LEFT JOIN pg_description d ON d.classoid = 'pg_policy'::regclass AND d.objoid = p.oid AND d.objsubid = 0
		WHERE p.polrelid = relation AND p.polname = 'pindah_tenant'
$$;
REVOKE ALL ON FUNCTION pindah.protection_record(regclass) FROM PUBLIC;
COMMENT ON FUNCTION pindah.protection_record(regclass) IS 'what a table was like before it was protected';

CREATE FUNCTION pindah.drop_policies(relation regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	policy name;
BEGIN
	FOR policy IN SELECT polname FROM pg_policy WHERE polrelid = relation
		AND polname IN ('pindah_tenant', 'pindah_select', 'pindah_insert', 'pindah_update', 'pindah_delete')
	LOOP
		EXECUTE format('DROP POLICY %I ON %s', policy, relation);
	END LOOP;
END $$;
REVOKE ALL ON FUNCTION pindah.drop_policies(regclass) FROM PUBLIC;
COMMENT ON FUNCTION pindah.drop_policies(regclass) IS 'drops the policies that pindah_protect_table() makes';

-- One restrictive policy that names the tenant, which no policy added later
-- can widen, and a permissive one for each command, with its permission.
CREATE FUNCTION pindah.create_policies(relation regclass, organisation_column name, permission text) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	accessor text := pindah.organisation_accessor(relation, organisation_column);
	command record;
	condition text;
BEGIN
	EXECUTE format('CREATE POLICY pindah_tenant ON %s AS RESTRICTIVE USING (%I = %s()) WITH CHECK (%I = %s())',
		relation, organisation_column, accessor, organisation_column, accessor);
	FOR command IN
		SELECT * FROM (VALUES
			('select', 'view', 'USING (%s)'),
			('insert', 'create', 'WITH CHECK (%s)'),
			('update', 'edit', 'USING (%1$s) WITH CHECK (%1$s)'),
			('delete', 'delete', 'USING (%s)')) v(name, verb, clause)
	LOOP
		condition := format('%I = %s(%s)', organisation_column, accessor,
			CASE WHEN permission IS NULL THEN '' ELSE quote_literal(permission || ':' || command.verb) END);
		EXECUTE format('CREATE POLICY pindah_%s ON %s FOR %s ', command.name, relation, command.name)
			|| format(command.clause, condition);
	END LOOP;
END $$;
REVOKE ALL ON FUNCTION pindah.create_policies(regclass, name, text) FROM PUBLIC;
COMMENT ON FUNCTION pindah.create_policies(regclass, name, text) IS 'creates the policies of a protected table';

-- Give new rows the tenant of whoever writes them; true when that was done.
CREATE FUNCTION pindah.add_default(relation regclass, organisation_column name) RETURNS boolean
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	attribute pg_attribute;
BEGIN
	SELECT * INTO attribute FROM pg_attribute
		WHERE attrelid = relation AND attname = organisation_column;
	IF attribute.atthasdef OR attribute.attidentity <> '' THEN
		RETURN false;
	END IF;
	EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT %s()', relation, organisation_column,
		pindah.organisation_accessor(relation, organisation_column));
	RETURN true;
END $$;
REVOKE ALL ON FUNCTION pindah.add_default(regclass, name) FROM PUBLIC;
COMMENT ON FUNCTION pindah.add_default(regclass, name) IS 'gives the tenant column a default, unless it has one';

-- An index that leads with the tenant column, unless there is one; its name.
CREATE FUNCTION pindah.add_index(relation regclass, organisation_column name) RETURNS text
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	existing oid[];
	created text;
BEGIN
	SELECT array_agg(i.indexrelid) INTO existing FROM pg_index i WHERE i.indrelid = relation;
	PERFORM FROM pg_index i
		JOIN pg_class c ON c.oid = i.indexrelid
		JOIN pg_am m ON m.oid = c.relam AND m.amname = 'btree'
		JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
		WHERE i.indrelid = relation AND i.indisvalid AND i.indpred IS NULL
			AND a.attname = organisation_column;
	IF FOUND THEN
		RETURN NULL;
	END IF;
	EXECUTE format('CREATE INDEX ON %s (%I)', relation, organisation_column);
	SELECT i.indexrelid::regclass::text INTO created FROM pg_index i
		WHERE i.indrelid = relation AND i.indexrelid <> ALL (coalesce(existing, '{}'));
	RETURN created;
END $$;
REVOKE ALL ON FUNCTION pindah.add_index(regclass, name) FROM PUBLIC;
COMMENT ON FUNCTION pindah.add_index(regclass, name) IS 'gives a table an index that leads with the tenant column';

-- The record is a comment, which the owner of the table can write: what it
-- names is looked up, and only touched where it is a part of that table.

CREATE FUNCTION pindah.drop_default(relation regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	organisation_column name;
BEGIN
	FOR organisation_column IN SELECT a.attname FROM pg_attrdef d
		JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
		WHERE d.adrelid = relation AND pg_get_expr(d.adbin, d.adrelid) IN (
			'@extschema@.pindah_organisation_uuid()', '@extschema@.pindah_organisation_bigint()',
			'@extschema@.pindah_organisation_id()')
	LOOP
		EXECUTE format('ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT', relation, organisation_column);
	END LOOP;
END $$;
REVOKE ALL ON FUNCTION pindah.drop_default(regclass) FROM PUBLIC;
COMMENT ON FUNCTION pindah.drop_default(regclass) IS 'drops the default that pindah_protect_table() made';

CREATE FUNCTION pindah.drop_index(relation regclass, index_name text) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	index regclass;
BEGIN
	SELECT i.indexrelid INTO index FROM pg_index i
		WHERE i.indrelid = relation AND i.indexrelid::regclass::text = index_name
			AND NOT i.indisunique;
	IF FOUND THEN
		EXECUTE format('DROP INDEX %s', index);
	END IF;
END $$;
REVOKE ALL ON FUNCTION pindah.drop_index(regclass, text) FROM PUBLIC;
COMMENT ON FUNCTION pindah.drop_index(regclass, text) IS 'drops the index that pindah_protect_table() made';

CREATE FUNCTION pindah_protect_table(relation regclass, organisation_column name DEFAULT NULL,
	permission text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	class pg_class;
	record jsonb;
	tenant_column name;
	created_index text;
	child regclass;
BEGIN
	SELECT * INTO class FROM pg_class WHERE oid = relation;
	IF class.oid IS NULL OR class.relkind NOT IN ('r', 'p') THEN
		RAISE EXCEPTION '% is not a table', coalesce(relation::text, 'NULL')
			USING ERRCODE = '42809', HINT = 'Row-level security protects tables and partitioned tables; protect what a view reads.';
	END IF;
	IF permission !~ '^[^:*]+:[^:*]+$' THEN
		RAISE EXCEPTION 'the permission of a table is not of the form module:resource'
			USING ERRCODE = '22023', HINT = 'Give accounting:invoices; :view, :create, :edit and :delete are added to it.';
	END IF;
	tenant_column := pindah.find_organisation_column(relation, organisation_column);

	record := pindah.protection_record(relation);
	PERFORM pindah.drop_policies(relation);
	PERFORM pindah.create_policies(relation, tenant_column, permission);
	EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', relation);
	IF record IS NULL THEN
		record := jsonb_build_object('row_security', class.relrowsecurity,
			'force', class.relforcerowsecurity);
	END IF;
	IF pindah.add_default(relation, tenant_column) THEN
		record := record || jsonb_build_object('default', true);
	END IF;
	created_index := pindah.add_index(relation, tenant_column);
	IF created_index IS NOT NULL THEN
		record := record || jsonb_build_object('index', created_index);
	END IF;
	EXECUTE format('COMMENT ON POLICY pindah_tenant ON %s IS %L', relation, 'pindah_auth: ' || record::text);

	-- A partition or child can be read by its own name.
	FOR child IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = relation LOOP
		PERFORM @extschema@.pindah_protect_table(child, tenant_column, permission);
	END LOOP;
END $$;
REVOKE ALL ON FUNCTION pindah_protect_table(regclass, name, text) FROM PUBLIC;
COMMENT ON FUNCTION pindah_protect_table(regclass, name, text) IS
	'let every identity see and write the rows of its own tenant only; idempotent';

CREATE FUNCTION pindah_unprotect_table(relation regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	record jsonb := pindah.protection_record(relation);
	child regclass;
BEGIN
	IF record IS NULL THEN
		RAISE EXCEPTION 'table % is not protected', relation
			USING ERRCODE = '55000', HINT = 'Only what pindah_protect_table() has protected can be unprotected.';
	END IF;
	PERFORM pindah.drop_policies(relation);
	IF NOT coalesce((record->>'row_security')::boolean, false) THEN
		EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', relation);
	END IF;
	IF NOT coalesce((record->>'force')::boolean, false) THEN
		EXECUTE format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', relation);
	END IF;
	IF record ? 'default' THEN
		PERFORM pindah.drop_default(relation);
	END IF;
	PERFORM pindah.drop_index(relation, record->>'index');
	FOR child IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = relation LOOP
		IF pindah.protection_record(child) IS NOT NULL THEN
			PERFORM @extschema@.pindah_unprotect_table(child);
		END IF;
	END LOOP;
END $$;
REVOKE ALL ON FUNCTION pindah_unprotect_table(regclass) FROM PUBLIC;
COMMENT ON FUNCTION pindah_unprotect_table(regclass) IS
	'undo pindah_protect_table(): everybody with a grant sees all rows again';
