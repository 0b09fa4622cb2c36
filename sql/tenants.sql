-- Tenants: one statement to protect a table.
--
-- What a table was like before, and how it is protected, is kept in the comment
-- of its policy pindah_select: that needs no right but the owner's, and is
-- dumped with the table.
--
-- Whoever is granted pindah_protect_table() can use it on his own tables.  The
-- helpers are open to everybody: they do with their caller's rights what the
-- caller could do by himself.
--
-- Those that look into the catalogs by a table's number are told to use the
-- indexes.  PL/pgSQL keeps a plan from when there was hardly a policy, and the
-- statistics do not know of those that this transaction makes: for a schema of
-- 2,000 tables each of 12,000 policies would be looked for in all of them.
-- Where that has to hold, they look up one catalog at a time: in a join with one
-- that was empty, every order and every index seems as good as another.

-- A function of this extension, with its schema, as it is written in SQL.  By
-- membership and not by the schema's name: the owner of that schema may rename
-- it, and put another in its place.
CREATE FUNCTION pindah.member(name name) RETURNS text
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 100
	SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	found text;
BEGIN
	SELECT min(format('%I.%I', n.nspname, p.proname)) INTO STRICT found
		FROM pg_proc p
		JOIN pg_namespace n ON n.oid = p.pronamespace
		JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
		JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'pindah_auth'
		WHERE p.proname = member.name;
	RETURN found;
END $$;
GRANT EXECUTE ON FUNCTION pindah.member(name) TO PUBLIC;
COMMENT ON FUNCTION pindah.member(name) IS 'a function of this extension, with its schema';

-- The tenant column of a table: named, or found by its usual names.
CREATE FUNCTION pindah.find_organisation_column(relation regclass, wanted name) RETURNS name
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 100
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	found name[];
BEGIN
	SELECT array_agg(a.attname ORDER BY a.attnum) INTO found
		FROM pg_attribute a
		WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
			AND CASE WHEN wanted IS NULL THEN a.attname IN ('OrganisationId', 'organisation_id')
				ELSE a.attname = wanted END;
	IF found IS NULL AND wanted IS NOT NULL THEN
		RAISE EXCEPTION 'table % has no column %', relation, quote_ident(wanted)
			USING ERRCODE = '42703', HINT = CASE WHEN strpos(wanted, ':') > 0
				THEN format('A permission is given by name: pindah_protect_table(%L, permission => %L).', relation, wanted)
				ELSE 'organisation_column is the column that holds the tenant of a row.' END;
	ELSIF found IS NULL THEN
		RAISE EXCEPTION 'table % has no tenant column', relation
			USING ERRCODE = '42703', HINT = format('Name it: pindah_protect_table(%L, organisation_column => ''...'').'
				' A table whose rows belong to those of another one needs parent => ''...'', foreign_key => ''...''; one that all tenants share, shared => true.', relation);
	ELSIF cardinality(found) > 1 THEN
		RAISE EXCEPTION 'table % has two columns that could be the tenant column', relation
			USING ERRCODE = '42702', HINT = format('Name it: pindah_protect_table(%L, organisation_column => ''...'').', relation);
	END IF;
	RETURN found[1];
END $$;
GRANT EXECUTE ON FUNCTION pindah.find_organisation_column(regclass, name) TO PUBLIC;
COMMENT ON FUNCTION pindah.find_organisation_column(regclass, name) IS 'the tenant column of a table';

-- The function whose result is compared with a column, for its type.
CREATE FUNCTION pindah.organisation_accessor(relation regclass, organisation_column name) RETURNS text
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 100
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET quote_all_identifiers = off AS $$
DECLARE
	type_name text;
BEGIN
	SELECT a.atttypid::regtype::text INTO type_name FROM pg_attribute a
		WHERE a.attrelid = relation AND a.attname = organisation_column;
	IF EXISTS (SELECT FROM pg_attribute a JOIN pg_collation c ON c.oid = a.attcollation
			WHERE a.attrelid = relation AND a.attname = organisation_column AND NOT c.collisdeterministic) THEN
		RAISE EXCEPTION 'tenant column % of table % has a collation that is not deterministic', quote_ident(organisation_column), relation
			USING ERRCODE = '42P22', HINT = format('Two tenants could compare equal: ALTER TABLE %s ALTER COLUMN %I TYPE %s COLLATE "C";',
				relation, organisation_column, type_name);
	END IF;
	CASE
		WHEN type_name = 'uuid' THEN RETURN pindah.member('pindah_organisation_uuid');
		WHEN type_name IN ('bigint', 'integer', 'smallint') THEN RETURN pindah.member('pindah_organisation_bigint');
		WHEN type_name IN ('text', 'character varying') THEN RETURN pindah.member('pindah_organisation_id');
		ELSE
			RAISE EXCEPTION 'tenant column % of table % has type %', quote_ident(organisation_column), relation, type_name
				USING ERRCODE = '42804', HINT = 'A tenant column is a uuid, bigint, integer, smallint, text or varchar.';
	END CASE;
END $$;
GRANT EXECUTE ON FUNCTION pindah.organisation_accessor(regclass, name) TO PUBLIC;
COMMENT ON FUNCTION pindah.organisation_accessor(regclass, name) IS 'the accessor that fits a tenant column';

-- What a table was like before it was protected and how it is now, NULL when
-- it is not protected.  The owner of the table may write anything there, and a
-- dump without comments leaves it out: empty when there is none, without settings
-- when it cannot be read.
CREATE FUNCTION pindah.protection_record(relation regclass) RETURNS jsonb
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE COST 100
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	policy oid;
	comment text;
BEGIN
	SELECT p.oid INTO policy FROM pg_policy p WHERE p.polrelid = relation AND p.polname = 'pindah_select';
	IF policy IS NULL THEN
		RETURN NULL;
	END IF;
	SELECT d.description INTO comment FROM pg_description d
		WHERE d.classoid = 'pg_policy'::regclass AND d.objoid = policy AND d.objsubid = 0
			AND d.description LIKE 'pindah_auth: {%}';
	IF comment IS NULL THEN
		RETURN '{}';
	END IF;
	BEGIN
		RETURN substr(comment, 14)::jsonb;
	EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
		RETURN '{"settings": null}';
	END;
END $$;
GRANT EXECUTE ON FUNCTION pindah.protection_record(regclass) TO PUBLIC;
COMMENT ON FUNCTION pindah.protection_record(regclass) IS 'what a table was like before it was protected, and how it is protected';

-- Has a table the policy that keeps the tenants apart?
CREATE FUNCTION pindah.has_tenant_policy(relation regclass) RETURNS boolean
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 100
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
BEGIN
	RETURN EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = relation AND p.polname = 'pindah_tenant');
END $$;
GRANT EXECUTE ON FUNCTION pindah.has_tenant_policy(regclass) TO PUBLIC;
COMMENT ON FUNCTION pindah.has_tenant_policy(regclass) IS 'is a table protected by its tenant, or through a parent?';

-- How a table is protected, with the names that its columns and its parent have
-- now: the policy holds them by number.  NULL when it is not protected.  Where
-- the record cannot be read, what was asked for is not known, and must be said:
-- without a permission (or '', for none) this is an error.
CREATE FUNCTION pindah.protection_settings(relation regclass, permission text DEFAULT NULL) RETURNS jsonb
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE COST 100
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	record jsonb := pindah.protection_record(relation);
	settings jsonb := record->'settings';
	policy oid;
BEGIN
	SELECT p.oid INTO policy FROM pg_policy p WHERE p.polrelid = relation AND p.polname = 'pindah_tenant';
	IF record IS NULL AND policy IS NULL THEN
		RETURN NULL;
	ELSIF jsonb_typeof(settings) IS DISTINCT FROM 'object' THEN
		IF permission IS NULL THEN
			RAISE EXCEPTION 'the record of how table % is protected cannot be read', relation
				USING ERRCODE = '55000', HINT = format('Say all of it again: SELECT pindah_protect_table(%L, permission => ''...''), or '''' where none is asked for.', relation);
		END IF;
		RETURN '{}';
	END IF;
	RETURN (SELECT settings
			|| CASE WHEN settings ? 'column' AND NOT settings->>'column' = ANY (n.keys) AND cardinality(n.keys) = 1
				THEN jsonb_build_object('column', n.keys[1]) ELSE '{}' END
			|| CASE WHEN settings ? 'foreign_key' AND NOT settings->>'foreign_key' = ANY (n.keys)
				THEN jsonb_build_object('foreign_key', n.keys[1]) ELSE '{}' END
			|| CASE WHEN settings ? 'parent' AND n.parent IS NOT NULL THEN jsonb_build_object('parent', n.parent) ELSE '{}' END
		FROM (SELECT array_agg(DISTINCT a.attname::text) FILTER (WHERE a.attname IS NOT NULL) AS keys,
				min(d.refobjid::regclass::text) FILTER (WHERE d.refobjid <> relation) AS parent
				FROM pg_depend d
				LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND d.refobjid = relation AND d.refobjsubid > 0
				WHERE d.classid = 'pg_policy'::regclass AND d.objid = policy AND d.refclassid = 'pg_class'::regclass) n);
END $$;
GRANT EXECUTE ON FUNCTION pindah.protection_settings(regclass, text) TO PUBLIC;
COMMENT ON FUNCTION pindah.protection_settings(regclass, text) IS 'how a table is protected, by the names of now';

CREATE FUNCTION pindah.drop_policies(relation regclass, keep text[] DEFAULT '{}') RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	policy name;
BEGIN
	FOR policy IN SELECT polname FROM pg_policy WHERE polrelid = relation
		AND polname IN ('pindah_tenant', 'pindah_select', 'pindah_insert', 'pindah_update', 'pindah_delete',
			'pindah_wall_select', 'pindah_wall_insert', 'pindah_wall_update', 'pindah_wall_delete')
		AND polname <> ALL (keep)
	LOOP
		EXECUTE format('DROP POLICY %I ON %s', policy, relation);
	END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION pindah.drop_policies(regclass, text[]) TO PUBLIC;
COMMENT ON FUNCTION pindah.drop_policies(regclass, text[]) IS 'drops the policies that pindah_protect_table() makes';

-- The permission of a command: NULL when none is asked for.  The verbs may be
-- others than the usual ones, by command.
CREATE FUNCTION pindah.command_permission(permission text, verbs jsonb, command text) RETURNS text
	LANGUAGE sql IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE COST 10
	SET search_path = pg_catalog, pg_temp AS $$
	SELECT permission || ':' || coalesce(verbs->>command,
		CASE command WHEN 'select' THEN 'view' WHEN 'insert' THEN 'create' WHEN 'update' THEN 'edit' ELSE 'delete' END)
$$;
GRANT EXECUTE ON FUNCTION pindah.command_permission(text, jsonb, text) TO PUBLIC;
COMMENT ON FUNCTION pindah.command_permission(text, jsonb, text) IS 'the permission that a command on a table needs';

-- A policy with one condition, or with another for the rows that are written.
CREATE FUNCTION pindah.create_policy(relation regclass, name text, restrictive boolean, command text, condition text,
	written text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	alike boolean;
BEGIN
	SELECT p.polpermissive <> restrictive AND p.polcmd::text = CASE command WHEN 'all' THEN '*' WHEN 'select' THEN 'r'
			WHEN 'insert' THEN 'a' WHEN 'update' THEN 'w' ELSE 'd' END INTO alike
		FROM pg_policy p WHERE p.polrelid = relation AND p.polname = name;
	IF NOT alike THEN
		EXECUTE format('DROP POLICY %I ON %s', name, relation);
	END IF;
	-- One that is there is altered: to drop it would take a lock more.
	EXECUTE CASE WHEN alike THEN format('ALTER POLICY %I ON %s TO PUBLIC', name, relation)
			ELSE format('CREATE POLICY %I ON %s AS %s FOR %s', name, relation,
				CASE WHEN restrictive THEN 'RESTRICTIVE' ELSE 'PERMISSIVE' END, command) END
		|| CASE WHEN command = 'insert' THEN '' ELSE ' USING (' || condition || ')' END
		|| CASE WHEN command IN ('select', 'delete') THEN '' ELSE ' WITH CHECK (' || coalesce(written, condition) || ')' END;
END $$;
GRANT EXECUTE ON FUNCTION pindah.create_policy(regclass, text, boolean, text, text, text) TO PUBLIC;
COMMENT ON FUNCTION pindah.create_policy(regclass, text, boolean, text, text, text) IS 'creates one policy';

-- What a command asks for: a permissive policy lets it in; where "only" is said,
-- a restrictive one with the same condition keeps everything else out, whatever
-- permissive policies there are or will be.
CREATE FUNCTION pindah.create_command_policies(relation regclass, command text, condition text, "only" boolean) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM pindah.create_policy(relation, 'pindah_' || command, false, command, condition);
	IF "only" THEN
		PERFORM pindah.create_policy(relation, 'pindah_wall_' || command, true, command, condition);
	END IF;
END $$;
GRANT EXECUTE ON FUNCTION pindah.create_command_policies(regclass, text, text, boolean) TO PUBLIC;
COMMENT ON FUNCTION pindah.create_command_policies(regclass, text, text, boolean) IS 'creates the policies for one command';

-- Asked for each row that is left, whatever else the query compares the column
-- with; see src/policy_support.c.  A little dearer than the comparison beside
-- it, so that it comes after.
CREATE FUNCTION pindah.holds_support(internal) RETURNS internal
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1
	AS 'MODULE_PATHNAME', 'pindah_holds_support';
REVOKE ALL ON FUNCTION pindah.holds_support(internal) FROM PUBLIC;
COMMENT ON FUNCTION pindah.holds_support(internal) IS 'tells the planner that pindah.holds() keeps no more rows out';
CREATE FUNCTION pindah.holds(condition boolean) RETURNS boolean
	LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 1.01 SUPPORT pindah.holds_support
	AS 'MODULE_PATHNAME', 'pindah_holds';
COMMENT ON FUNCTION pindah.holds(boolean) IS
	'true only for true; a condition of a policy that the planner does not merge with those of the query';

-- The first argument; the others help the planner, see src/child_plans.c.
CREATE FUNCTION pindah.reaches_support(internal) RETURNS internal
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1
	AS 'MODULE_PATHNAME', 'pindah_reaches_support';
REVOKE ALL ON FUNCTION pindah.reaches_support(internal) FROM PUBLIC;
COMMENT ON FUNCTION pindah.reaches_support(internal) IS 'tells the planner what pindah.reaches() can be used for';
CREATE FUNCTION pindah.reaches(visible boolean, key "any", keys "any") RETURNS boolean
	LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 1 SUPPORT pindah.reaches_support
	AS 'MODULE_PATHNAME', 'pindah_reaches';
COMMENT ON FUNCTION pindah.reaches(boolean, "any", "any") IS
	'whether the parent of a row can be seen, for which an index on its key can be used';

-- A table with a tenant column: one restrictive policy that names the tenant, and
-- one for each command that asks for its permission, if any; no policy added
-- later can widen these.  Together they compare the column with one accessor
-- only, that with the permission where there is one: the planner then sees a
-- single equality, as if the tenant were written there.
CREATE FUNCTION pindah.create_tenant_policies(relation regclass, organisation_column name, permission text, verbs jsonb) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	accessor text := pindah.organisation_accessor(relation, organisation_column);
	command text;
BEGIN
	PERFORM pindah.create_policy(relation, 'pindah_tenant', true, 'all',
		concat(CASE WHEN permission IS NULL THEN format('%I = %s() AND ', organisation_column, accessor) END,
			format('pindah.holds(%I = %s())', organisation_column, accessor)));
	FOREACH command IN ARRAY ARRAY['select', 'insert', 'update', 'delete'] LOOP
		PERFORM pindah.create_command_policies(relation, command,
			format('%I = %s(%s)', organisation_column, accessor,
				coalesce(quote_literal(pindah.command_permission(permission, verbs, command)), '')), permission IS NOT NULL);
	END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION pindah.create_tenant_policies(regclass, name, text, jsonb) TO PUBLIC;
COMMENT ON FUNCTION pindah.create_tenant_policies(regclass, name, text, jsonb) IS 'creates the policies of a table with a tenant column';

-- The condition "this row's parent is there to be seen", from a foreign key; and
-- the same with what the planner can use, if the key is a single column.  The
-- parent's own policies apply inside of it.  And "naming": what is always true, and
-- names the columns of the key on both sides.
CREATE FUNCTION pindah.parent_condition(relation regclass, parent regclass, foreign_key name,
	OUT condition text, OUT reaching text, OUT naming text) RETURNS record
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 100
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_variable
DECLARE
	constraints integer;
	constraint_name name;
	validated boolean;
BEGIN
	IF NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = parent AND p.polname = 'pindah_select') THEN
		RAISE EXCEPTION 'parent % of table % is not protected', parent, relation
			USING ERRCODE = '55000', HINT = format('Protect it first: SELECT pindah_protect_table(%L);', parent::text);
	ELSIF NOT pindah.has_tenant_policy(parent) THEN
		RAISE EXCEPTION 'parent % of table % is shared by all tenants', parent, relation
			USING ERRCODE = '55000', HINT = 'All rows of the child would be seen by everybody: give it a tenant column, or let it be shared => true as well.';
	END IF;
	SELECT count(DISTINCT c.oid), string_agg(format('pindah_parent.%I = %s.%I', r.attname, relation, f.attname), ' AND ' ORDER BY k.i),
			min(c.conname), bool_and(c.convalidated), CASE count(*) WHEN 1 THEN min(format('%s.%I, ARRAY(SELECT pindah_parent.%I FROM %s pindah_parent)',
				relation, f.attname, r.attname, parent)) END,
			string_agg(format('(NULL::%s).%I IS NULL AND (NULL::%s).%I IS NULL', parent, r.attname, relation, f.attname), ' AND ' ORDER BY k.i)
		INTO constraints, condition, constraint_name, validated, reaching, naming
		FROM pg_constraint c
		CROSS JOIN LATERAL generate_subscripts(c.conkey, 1) k(i)
		JOIN pg_attribute f ON f.attrelid = c.conrelid AND f.attnum = c.conkey[k.i]
		JOIN pg_attribute r ON r.attrelid = c.confrelid AND r.attnum = c.confkey[k.i]
		WHERE c.contype = 'f' AND c.conrelid = relation AND c.confrelid = parent
			AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = relation
				AND a.attnum = ANY (c.conkey) AND a.attname = foreign_key);
	IF constraints IS DISTINCT FROM 1 THEN
		RAISE EXCEPTION 'table % has no foreign key % to %', relation, quote_ident(foreign_key), parent
			USING ERRCODE = '42704', HINT = 'Name a column of exactly one foreign key constraint to the parent.';
	END IF;
	IF NOT validated THEN
		RAISE EXCEPTION 'foreign key % of table % to % is not validated', quote_ident(constraint_name), relation, parent
			USING ERRCODE = '55000', HINT = format('Rows without a parent would be whoever''s who makes one: ALTER TABLE %s VALIDATE CONSTRAINT %I;',
				relation, constraint_name);
	END IF;
	condition := format('EXISTS (SELECT FROM %s pindah_parent WHERE %s)', parent, condition);
	reaching := coalesce(format('pindah.reaches(%s, ', condition) || reaching || ')', condition);
END $$;
GRANT EXECUTE ON FUNCTION pindah.parent_condition(regclass, regclass, name) TO PUBLIC;
COMMENT ON FUNCTION pindah.parent_condition(regclass, regclass, name) IS 'the condition that ties a child row to its parent';

-- A child that has no tenant column: what its parent's policies show.  DROP ...
-- CASCADE of the parent, or of a column of the key, takes the restrictive policy
-- along.  The permissive ones name these columns so that they go with it, and the
-- child is closed then and not open; the planner leaves that out.
CREATE FUNCTION pindah.create_child_policies(relation regclass, parent regclass, foreign_key name, permission text, verbs jsonb) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	tie record := pindah.parent_condition(relation, parent, foreign_key);
	command text;
	asked text;
BEGIN
	PERFORM pindah.create_policy(relation, 'pindah_tenant', true, 'all', tie.reaching, tie.condition);
	FOREACH command IN ARRAY ARRAY['select', 'insert', 'update', 'delete'] LOOP
		asked := format('%s(%L)', pindah.member('pindah_has_permission'), pindah.command_permission(permission, verbs, command));
		PERFORM pindah.create_policy(relation, 'pindah_' || command, false, command,
			concat(CASE WHEN permission IS NOT NULL THEN asked || ' AND ' END, tie.naming));
		IF permission IS NOT NULL THEN
			PERFORM pindah.create_policy(relation, 'pindah_wall_' || command, true, command, asked);
		END IF;
	END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION pindah.create_child_policies(regclass, regclass, name, text, jsonb) TO PUBLIC;
COMMENT ON FUNCTION pindah.create_child_policies(regclass, regclass, name, text, jsonb) IS 'creates the policies of a child table';

-- A reference table that all tenants share: read by all, written with a
-- permission, or by nobody when there is none.  No later policy widens that.
CREATE FUNCTION pindah.create_shared_policies(relation regclass, permission text, verbs jsonb) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	command text;
	condition text;
BEGIN
	PERFORM pindah.create_policy(relation, 'pindah_select', false, 'select', 'true');
	FOREACH command IN ARRAY ARRAY['insert', 'update', 'delete'] LOOP
		condition := CASE WHEN permission IS NULL THEN 'false'
			ELSE format('%s(%L)', pindah.member('pindah_has_permission'), pindah.command_permission(permission, verbs, command)) END;
		PERFORM pindah.create_command_policies(relation, command, condition, true);
	END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION pindah.create_shared_policies(regclass, text, jsonb) TO PUBLIC;
COMMENT ON FUNCTION pindah.create_shared_policies(regclass, text, jsonb) IS 'creates the policies of a shared reference table';

-- Give new rows the tenant of whoever writes them; true when that was done.
-- Each child has its own default, which may be there already.
CREATE FUNCTION pindah.add_default(relation regclass, organisation_column name) RETURNS boolean
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	attribute pg_attribute;
BEGIN
	SELECT * INTO attribute FROM pg_attribute
		WHERE attrelid = relation AND attname = organisation_column;
	IF attribute.atthasdef OR attribute.attidentity <> '' THEN
		RETURN false;
	END IF;
	EXECUTE format('ALTER TABLE ONLY %s ALTER COLUMN %I SET DEFAULT %s()', relation, organisation_column,
		pindah.organisation_accessor(relation, organisation_column));
	RETURN true;
END $$;
GRANT EXECUTE ON FUNCTION pindah.add_default(regclass, name) TO PUBLIC;
COMMENT ON FUNCTION pindah.add_default(regclass, name) IS 'gives the tenant column a default, unless it has one';

-- An index that leads with the tenant column, unless there is one; its name.
CREATE FUNCTION pindah.add_index(relation regclass, organisation_column name) RETURNS text
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
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
	-- An index of a partitioned table would take over those that its partitions
	-- have, and take them along when it is dropped: each gets one of its own.
	IF EXISTS (SELECT FROM pg_partition_tree(relation) p
			JOIN pg_index i ON i.indrelid = p.relid
			JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
			WHERE p.relid <> relation AND i.indnkeyatts = 1 AND a.attname = organisation_column) THEN
		RETURN NULL;
	END IF;
	EXECUTE format('CREATE INDEX ON %s (%I)', relation, organisation_column);
	SELECT c.relname INTO created FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
		WHERE i.indrelid = relation AND i.indexrelid <> ALL (coalesce(existing, '{}'));
	RETURN created;
END $$;
GRANT EXECUTE ON FUNCTION pindah.add_index(regclass, name) TO PUBLIC;
COMMENT ON FUNCTION pindah.add_index(regclass, name) IS 'gives a table an index that leads with the tenant column';

-- The record is a comment, which the owner of the table can write: what it
-- names is looked up, and only touched where it is a part of that table.

-- Another column may have had the same default before: where the tenant column is
-- known, and still has it, no other is touched.
CREATE FUNCTION pindah.drop_default(relation regclass, organisation_column name) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	columns name[];
	"column" name;
BEGIN
	SELECT array_agg(a.attname) INTO columns FROM pg_attrdef d
		JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
		WHERE d.adrelid = relation AND pg_get_expr(d.adbin, d.adrelid) IN (
			pindah.member('pindah_organisation_uuid') || '()', pindah.member('pindah_organisation_bigint') || '()',
			pindah.member('pindah_organisation_id') || '()');
	IF organisation_column = ANY (columns) THEN
		columns := ARRAY[organisation_column];
	END IF;
	FOREACH "column" IN ARRAY coalesce(columns, '{}') LOOP
		EXECUTE format('ALTER TABLE ONLY %s ALTER COLUMN %I DROP DEFAULT', relation, "column");
	END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION pindah.drop_default(regclass, name) TO PUBLIC;
COMMENT ON FUNCTION pindah.drop_default(regclass, name) IS 'drops the default that pindah_protect_table() made';

CREATE FUNCTION pindah.drop_index(relation regclass, index_name text) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	index regclass;
BEGIN
	SELECT i.indexrelid INTO index FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
		WHERE i.indrelid = relation AND c.relname = index_name AND NOT i.indisunique;
	IF FOUND THEN
		EXECUTE format('DROP INDEX %s', index);
	END IF;
END $$;
GRANT EXECUTE ON FUNCTION pindah.drop_index(regclass, text) TO PUBLIC;
COMMENT ON FUNCTION pindah.drop_index(regclass, text) IS 'drops the index that pindah_protect_table() made';

CREATE FUNCTION pindah.record_protection(relation regclass, record jsonb) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	EXECUTE format('COMMENT ON POLICY pindah_select ON %s IS %L', relation, 'pindah_auth: ' || record::text);
END $$;
GRANT EXECUTE ON FUNCTION pindah.record_protection(regclass, jsonb) TO PUBLIC;
COMMENT ON FUNCTION pindah.record_protection(regclass, jsonb) IS 'keeps what a table was like, and how it is protected';

-- A permission is compared letter for letter: one with white space around a
-- segment is nobody's.
CREATE FUNCTION pindah.is_table_permission(permission text) RETURNS boolean
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 10
	SET search_path = pg_catalog, pg_temp AS $$
	SELECT permission ~ '^[^:*]+:[^:*]+$' AND permission !~ '(^|:)[[:space:]]|[[:space:]](:|$)|[[:cntrl:]]'
$$;
GRANT EXECUTE ON FUNCTION pindah.is_table_permission(text) TO PUBLIC;
COMMENT ON FUNCTION pindah.is_table_permission(text) IS 'is it module:resource, as the permission of a table is?';

-- Refuse arguments that do not go together or are not of their form.
CREATE FUNCTION pindah.check_protection(relation regclass, organisation_column name, permission text, parent regclass,
	foreign_key name, shared boolean, verbs jsonb) RETURNS void
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 100
	SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM pg_class WHERE oid = relation AND relkind IN ('r', 'p')) THEN
		RAISE EXCEPTION '% is not a table', coalesce(relation::text, 'NULL')
			USING ERRCODE = '42809', HINT = 'Row-level security protects tables and partitioned tables; protect what a view reads.';
	END IF;
	IF NOT pindah.is_table_permission(permission) THEN
		RAISE EXCEPTION 'the permission of a table is not of the form module:resource'
			USING ERRCODE = '22023', HINT = 'Give accounting:invoices; :view, :create, :edit and :delete are added to it.';
	END IF;
	IF (parent IS NULL) <> (foreign_key IS NULL) THEN
		RAISE EXCEPTION 'a child table needs a parent and a foreign key'
			USING ERRCODE = '22023', HINT = 'Give parent => ''invoices'', foreign_key => ''invoice_id'', or neither.';
	ELSIF parent = relation THEN
		RAISE EXCEPTION 'table % cannot be its own parent', relation
			USING ERRCODE = '22023', HINT = 'The parent is the table that says whose the rows are.';
	END IF;
	IF (organisation_column IS NOT NULL)::integer + (parent IS NOT NULL)::integer + (shared IS TRUE)::integer > 1 THEN
		RAISE EXCEPTION 'a table has a tenant column, or a parent, or is shared'
			USING ERRCODE = '22023', HINT = 'Give one of the three: organisation_column => ''...'', or parent => ''...'' and foreign_key => ''...'', or shared => true.';
	END IF;
	IF verbs IS NOT NULL AND (jsonb_typeof(verbs) <> 'object' OR EXISTS (
			SELECT FROM jsonb_each(verbs) v WHERE v.key NOT IN ('select', 'insert', 'update', 'delete')
				OR jsonb_typeof(v.value) <> 'string' OR v.value #>> '{}' !~ '^[^:*]+$'
				OR v.value #>> '{}' ~ '^[[:space:]]|[[:space:]]$|[[:cntrl:]]')) THEN
		RAISE EXCEPTION 'the verbs are not usable'
			USING ERRCODE = '22023', HINT = 'Give {"select": "read", "update": "write"}: commands and the last segment of their permission.';
	END IF;
END $$;
GRANT EXECUTE ON FUNCTION pindah.check_protection(regclass, name, text, regclass, name, boolean, jsonb) TO PUBLIC;
COMMENT ON FUNCTION pindah.check_protection(regclass, name, text, regclass, name, boolean, jsonb) IS 'checks the arguments of pindah_protect_table()';

-- Before all tenants share a table: it must not be one that keeps them apart.
CREATE FUNCTION pindah.check_shared(relation regclass) RETURNS void
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 100
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
	IF pindah.has_tenant_policy(relation) THEN
		RAISE EXCEPTION 'table % is protected by its tenant', relation
			USING ERRCODE = '55000', HINT = format('A shared table is read by everybody. If that is meant, first: SELECT pindah_unprotect_table(%L);', relation);
	END IF;
	-- Once; what is shared already the advisor tells of.
	IF NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = relation AND p.polname = 'pindah_wall_insert')
		AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
			AND a.attname IN ('OrganisationId', 'organisation_id')) THEN
		RAISE WARNING 'table % has a tenant column, and is shared: everybody reads the rows of all tenants', relation
			USING HINT = 'If its rows belong to tenants, protect it by that column.';
	END IF;
END $$;
GRANT EXECUTE ON FUNCTION pindah.check_shared(regclass) TO PUBLIC;
COMMENT ON FUNCTION pindah.check_shared(regclass) IS 'refuses to share a table that is protected by its tenant';

-- Rows of nobody.  Looked up in an index, and without a query: whoever protects a
-- table must not run what its owner has put into its indexes.
CREATE FUNCTION pindah.has_null(relation regclass, "column" name) RETURNS boolean
	LANGUAGE C STABLE STRICT PARALLEL SAFE COST 100
	AS 'MODULE_PATHNAME', 'pindah_has_null';
COMMENT ON FUNCTION pindah.has_null(regclass, name) IS
	'has a column a NULL? NULL where no index leads with it, or the rows are not the caller''s to see';
CREATE FUNCTION pindah.warn_of_null(relation regclass, organisation_column name, foreign_key name) RETURNS void
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL SAFE COST 100
	SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF pindah.has_null(relation, organisation_column) THEN
		RAISE WARNING 'table % has rows without a tenant: nobody will see them', relation
			USING HINT = format('Give them one, as a role above the policies: UPDATE %s SET %I = ... WHERE %2$I IS NULL; ALTER TABLE %1$s ALTER COLUMN %2$I SET NOT NULL;',
				relation, organisation_column);
	ELSIF pindah.has_null(relation, foreign_key) THEN
		RAISE WARNING 'table % has rows without a parent: nobody will see them', relation
			USING HINT = format('Give them one, as a role above the policies: UPDATE %s SET %I = ... WHERE %2$I IS NULL; ALTER TABLE %1$s ALTER COLUMN %2$I SET NOT NULL;',
				relation, foreign_key);
	END IF;
END $$;
GRANT EXECUTE ON FUNCTION pindah.warn_of_null(regclass, name, name) TO PUBLIC;
COMMENT ON FUNCTION pindah.warn_of_null(regclass, name, name) IS 'tells of rows that belong to nobody';

-- The work of pindah_protect_table(), where nobody but the owner of the
-- extension can put another function in its place: the event trigger below
-- calls it with his rights.
CREATE FUNCTION pindah.protect(relation regclass, organisation_column name,
	permission text, parent regclass, foreign_key name, shared boolean, verbs jsonb) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	class pg_class;
	record jsonb;
	former name;
	tenant_column name;
	created_index text;
	child regclass;
BEGIN
	PERFORM pindah.check_protection(relation, organisation_column, permission, parent, foreign_key, shared, verbs);
	IF shared THEN
		PERFORM pindah.check_shared(relation);
	ELSIF parent IS NULL THEN
		tenant_column := pindah.find_organisation_column(relation, organisation_column);
	END IF;
	SELECT * INTO class FROM pg_class WHERE oid = relation;
	record := coalesce(pindah.protection_record(relation),
		jsonb_build_object('row_security', class.relrowsecurity, 'force', class.relforcerowsecurity));
	IF record ? 'default' THEN
		-- There may be another tenant column now, or none; the default was for the former one.
		former := pindah.protection_settings(relation, '')->>'column';
		IF former IS DISTINCT FROM tenant_column THEN
			PERFORM pindah.drop_default(relation, former);
			record := record - 'default';
		END IF;
	END IF;
	record := record || jsonb_build_object('settings', jsonb_strip_nulls(jsonb_build_object(
		'column', tenant_column, 'permission', permission, 'verbs', verbs,
		'parent', parent::text, 'foreign_key', foreign_key, 'shared', shared)));

	PERFORM pindah.drop_policies(relation, '{pindah_select,pindah_insert,pindah_update,pindah_delete}'::text[]
		|| CASE WHEN NOT shared THEN '{pindah_tenant}'::text[] END
		|| CASE WHEN shared OR permission IS NOT NULL THEN '{pindah_wall_insert,pindah_wall_update,pindah_wall_delete}'::text[] END
		|| CASE WHEN NOT shared AND permission IS NOT NULL THEN '{pindah_wall_select}'::text[] END);
	IF shared THEN
		PERFORM pindah.create_shared_policies(relation, permission, verbs);
	ELSIF parent IS NOT NULL THEN
		PERFORM pindah.create_child_policies(relation, parent, foreign_key, permission, verbs);
		created_index := pindah.add_index(relation, foreign_key);
	ELSE
		PERFORM pindah.create_tenant_policies(relation, tenant_column, permission, verbs);
		IF pindah.add_default(relation, tenant_column) THEN
			record := record || jsonb_build_object('default', true);
		END IF;
		created_index := pindah.add_index(relation, tenant_column);
	END IF;
	-- While the policies do not hide them from whoever protects the table.
	PERFORM pindah.warn_of_null(relation, tenant_column, foreign_key);
	IF NOT (class.relrowsecurity AND class.relforcerowsecurity) THEN
		EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', relation);
	END IF;
	IF created_index IS NOT NULL THEN
		-- There is another key now; the index for the former one was ours.
		PERFORM pindah.drop_index(relation, record->>'index');
		record := record || jsonb_build_object('index', created_index);
	END IF;
	IF record IS DISTINCT FROM pindah.protection_record(relation) THEN
		PERFORM pindah.record_protection(relation, record);
	END IF;

	-- A partition or child can be read by its own name.
	FOR child IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = relation LOOP
		PERFORM pindah.protect_like(child, relation);
	END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION pindah.protect(regclass, name, text, regclass, name, boolean, jsonb) TO PUBLIC;
COMMENT ON FUNCTION pindah.protect(regclass, name, text, regclass, name, boolean, jsonb) IS 'does the work of pindah_protect_table()';

-- The table that a partition or child by inheritance is protected with, if any.
CREATE FUNCTION pindah.protected_whole(relation regclass) RETURNS regclass
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 100
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
	RETURN (SELECT i.inhparent FROM pg_inherits i
		WHERE i.inhrelid = relation
			AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = i.inhparent AND p.polname = 'pindah_select')
		ORDER BY i.inhseqno LIMIT 1);
END $$;
GRANT EXECUTE ON FUNCTION pindah.protected_whole(regclass) TO PUBLIC;
COMMENT ON FUNCTION pindah.protected_whole(regclass) IS 'the table that a partition or child by inheritance is protected with';

-- A part of a protected table is what that is: the event trigger would make it so
-- again at the next command.
CREATE FUNCTION pindah.refuse_part(relation regclass, whole regclass, instead text) RETURNS void
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 100
	SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RAISE EXCEPTION 'table % is protected as a part of table %', relation, whole
		USING ERRCODE = '55000', HINT = format('%s Or first: ALTER TABLE %s;', instead,
			CASE WHEN (SELECT c.relispartition FROM pg_class c WHERE c.oid = relation)
				THEN format('%s DETACH PARTITION %s', whole, relation) ELSE format('%s NO INHERIT %s', relation, whole) END);
END $$;
GRANT EXECUTE ON FUNCTION pindah.refuse_part(regclass, regclass, text) TO PUBLIC;
COMMENT ON FUNCTION pindah.refuse_part(regclass, regclass, text) IS 'refuses to treat a partition otherwise than its table';

-- What is said of a part must be what its table is protected by.
CREATE FUNCTION pindah.check_part(relation regclass, whole regclass, organisation_column name, permission text, parent regclass,
	foreign_key name, shared boolean, verbs jsonb) RETURNS void
	LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL UNSAFE COST 100
	SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	settings jsonb := pindah.protection_settings(whole);
BEGIN
	IF organisation_column <> coalesce(settings->>'column', '')::name
		OR permission <> coalesce(settings->>'permission', '')
		OR (parent IS NOT NULL AND parent IS DISTINCT FROM to_regclass(settings->>'parent'))
		OR foreign_key <> coalesce(settings->>'foreign_key', '')::name
		OR shared <> settings @> '{"shared": true}'
		OR verbs <> coalesce(settings->'verbs', '{}')
	THEN
		PERFORM pindah.refuse_part(relation, whole, format('Say it of that: SELECT pindah_protect_table(%L, ...);', whole::text));
	END IF;
END $$;
GRANT EXECUTE ON FUNCTION pindah.check_part(regclass, regclass, name, text, regclass, name, boolean, jsonb) TO PUBLIC;
COMMENT ON FUNCTION pindah.check_part(regclass, regclass, name, text, regclass, name, boolean, jsonb) IS 'refuses to protect a partition otherwise than its table';

-- What is not said stays as it is: how the table was protected before, its
-- permission and its verbs.
CREATE FUNCTION pindah_protect_table(relation regclass, organisation_column name DEFAULT NULL,
	permission text DEFAULT NULL, parent regclass DEFAULT NULL, foreign_key name DEFAULT NULL,
	shared boolean DEFAULT NULL, verbs jsonb DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	known jsonb;
	whole regclass;
	state text;
	message text;
	detail text;
	hint text;
BEGIN
	PERFORM pindah.check_protection(relation, organisation_column, nullif(permission, ''), parent, foreign_key, shared, verbs);
	whole := pindah.protected_whole(relation);
	IF whole IS NOT NULL THEN
		PERFORM pindah.check_part(relation, whole, organisation_column, permission, parent, foreign_key, shared, verbs);
		PERFORM pindah.protect_like(relation, whole);
		RETURN;
	END IF;
	known := coalesce(pindah.protection_settings(relation, permission), '{}');
	permission := nullif(coalesce(permission, known->>'permission'), '');
	IF permission IS NULL AND verbs <> '{}' THEN
		RAISE EXCEPTION 'verbs without a permission ask for nothing'
			USING ERRCODE = '22023', HINT = 'Give permission => ''module:resource'' besides.';
	END IF;
	verbs := CASE WHEN permission IS NOT NULL THEN coalesce(verbs, known->'verbs') END;
	IF organisation_column IS NULL AND parent IS NULL AND shared IS DISTINCT FROM true
		AND NOT (shared IS NOT NULL AND known @> '{"shared": true}') THEN
		organisation_column := known->>'column';
		parent := to_regclass(known->>'parent');
		foreign_key := known->>'foreign_key';
		shared := known @> '{"shared": true}';
	END IF;
	PERFORM pindah.protect(relation, organisation_column, permission, parent, foreign_key, coalesce(shared, false), verbs);
EXCEPTION
	-- What was refused is told from here, and not from the depths of the helpers.
	WHEN invalid_parameter_value OR undefined_column OR ambiguous_column OR datatype_mismatch OR indeterminate_collation
		OR wrong_object_type OR undefined_object OR object_not_in_prerequisite_state THEN
		GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
		-- Ours have a hint and no detail.
		IF hint = '' OR detail <> '' THEN
			RAISE;
		END IF;
		RAISE EXCEPTION USING ERRCODE = state, MESSAGE = message, HINT = hint;
END $$;
REVOKE ALL ON FUNCTION pindah_protect_table(regclass, name, text, regclass, name, boolean, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION pindah_protect_table(regclass, name, text, regclass, name, boolean, jsonb) IS
	'let every identity see and write the rows of its own tenant only; idempotent';

-- Protect a partition or child the way its parent in the inheritance is.
CREATE FUNCTION pindah.protect_like(relation regclass, model regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	settings jsonb;
BEGIN
	-- Without any record the model is just being protected: its parts are next.
	IF NOT coalesce(pindah.protection_record(model) ? 'settings', false)
		OR EXISTS (SELECT FROM pg_class WHERE oid = relation AND relkind NOT IN ('r', 'p')) THEN
		RETURN;
	END IF;
	settings := pindah.protection_settings(model);
	PERFORM pindah.protect(relation,
		organisation_column => (settings->>'column')::name, permission => settings->>'permission',
		parent => to_regclass(settings->>'parent'), foreign_key => (settings->>'foreign_key')::name,
		shared => settings @> '{"shared": true}', verbs => settings->'verbs');
END $$;
GRANT EXECUTE ON FUNCTION pindah.protect_like(regclass, regclass) TO PUBLIC;
COMMENT ON FUNCTION pindah.protect_like(regclass, regclass) IS 'protects a partition the way its partitioned table is';

-- Partitions and children that come later.  With the rights of the extension's
-- owner, since whoever attaches a partition need not be an administrator.
CREATE FUNCTION pindah.protect_new_children() RETURNS event_trigger
	LANGUAGE plpgsql SECURITY DEFINER COST 1000
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	pair record;
BEGIN
	FOR pair IN
		SELECT DISTINCT i.inhrelid::regclass AS child, i.inhparent::regclass AS parent
			FROM pg_event_trigger_ddl_commands() c
			-- By either index: there may be thousands of partitions.
			CROSS JOIN LATERAL (SELECT inhrelid, inhparent FROM pg_inherits WHERE inhrelid = c.objid
				UNION ALL SELECT inhrelid, inhparent FROM pg_inherits WHERE inhparent = c.objid) i
			WHERE c.classid = 'pg_class'::regclass
				AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = i.inhparent AND p.polname IN ('pindah_select', 'pindah_tenant')
					-- A reference table that becomes a partition is one no more.
					AND NOT EXISTS (SELECT FROM pg_policy q WHERE q.polrelid = i.inhrelid AND q.polname = p.polname))
	LOOP
		PERFORM pindah.protect_like(pair.child, pair.parent);
		-- What it got from its parent goes when the parent's does.
		IF pindah.protection_record(pair.parent) ? 'default' THEN
			PERFORM pindah.record_protection(pair.child, pindah.protection_record(pair.child) || '{"default": true}');
		END IF;
	END LOOP;
END $$;
REVOKE ALL ON FUNCTION pindah.protect_new_children() FROM PUBLIC;
COMMENT ON FUNCTION pindah.protect_new_children() IS 'protects partitions and children of protected tables as they come';
-- At every command: more of them than one thinks of can make a partition.
CREATE EVENT TRIGGER pindah_protect_new_children ON ddl_command_end
	EXECUTE FUNCTION pindah.protect_new_children();
COMMENT ON EVENT TRIGGER pindah_protect_new_children IS 'protects partitions and children of protected tables as they come';

-- The tables that are protected through another one; of those that are in an
-- inheritance, its top.
CREATE FUNCTION pindah.children_of(parent regclass) RETURNS regclass[]
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE COST 100
	SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
	found oid[];
BEGIN
	SELECT array_agg(DISTINCT p.polrelid) INTO found FROM pg_depend d
		JOIN pg_policy p ON p.oid = d.objid AND p.polname = 'pindah_tenant' AND p.polrelid <> d.refobjid
		WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = parent AND d.classid = 'pg_policy'::regclass;
	RETURN (SELECT array_agg(c::regclass ORDER BY c::regclass::text COLLATE "C") FROM unnest(found) c
		WHERE NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c AND i.inhparent = ANY (found)));
END $$;
GRANT EXECUTE ON FUNCTION pindah.children_of(regclass) TO PUBLIC;
COMMENT ON FUNCTION pindah.children_of(regclass) IS 'the tables that are protected through a table';

CREATE FUNCTION pindah_unprotect_table(relation regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE COST 1000
	SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	record jsonb := pindah.protection_record(relation);
	former name := pindah.protection_settings(relation, '')->>'column';
	whole regclass := pindah.protected_whole(relation);
	children regclass[] := pindah.children_of(relation);
	child regclass;
BEGIN
	IF record IS NULL THEN
		RAISE EXCEPTION 'table % is not protected', relation
			USING ERRCODE = '55000', HINT = 'Only what pindah_protect_table() has protected can be unprotected.';
	END IF;
	IF whole IS NOT NULL THEN
		PERFORM pindah.refuse_part(relation, whole, format('Unprotect that: SELECT pindah_unprotect_table(%L);', whole::text));
	END IF;
	IF children IS NOT NULL THEN
		RAISE EXCEPTION 'table % protects its children: %', relation, pindah.first_few(children::text[])
			USING ERRCODE = '2BP01', HINT = 'All their rows would be seen by everybody. Unprotect them first: '
				|| (SELECT string_agg(format('SELECT pindah_unprotect_table(%L);', c), ' ') FROM unnest(children[1:5]) c);
	END IF;
	PERFORM pindah.drop_policies(relation);
	IF NOT record @> '{"row_security": true}' THEN
		EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', relation);
	END IF;
	IF NOT record @> '{"force": true}' THEN
		EXECUTE format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', relation);
	END IF;
	IF record ? 'default' THEN
		PERFORM pindah.drop_default(relation, former);
	END IF;
	PERFORM pindah.drop_index(relation, record->>'index');
	FOR child IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = relation LOOP
		-- It may be a part of another protected table besides.
		IF pindah.protection_record(child) IS NOT NULL AND pindah.protected_whole(child) IS NULL THEN
			PERFORM @extschema@.pindah_unprotect_table(child);
		END IF;
	END LOOP;
END $$;
REVOKE ALL ON FUNCTION pindah_unprotect_table(regclass) FROM PUBLIC;
COMMENT ON FUNCTION pindah_unprotect_table(regclass) IS
	'undo pindah_protect_table(): everybody with a grant sees all rows again';
