-- A whole schema: which table is whose, said in the same words each time.
\set SHOW_CONTEXT never
SELECT max(token) FILTER (WHERE name = 'ann') AS ann FROM tokens \gset
CREATE SCHEMA shop;
GRANT USAGE ON SCHEMA shop TO regress_pindah_app;
SET search_path = shop, public;
\set harare '''a0000000-0000-4000-8000-000000000001'''
\set bulawayo '''b0000000-0000-4000-8000-000000000002'''
CREATE TABLE orders (id integer PRIMARY KEY, organisation_id uuid NOT NULL);
CREATE TABLE articles (id integer PRIMARY KEY, organisation_id uuid NOT NULL);
CREATE TABLE currencies (code text PRIMARY KEY, article_id integer REFERENCES articles);
CREATE TABLE countries (code text PRIMARY KEY, organisation_id uuid);
CREATE TABLE "Big" (id integer PRIMARY KEY, order_id integer NOT NULL REFERENCES orders, currency text REFERENCES currencies, country text REFERENCES countries);
CREATE TABLE remarks (id integer PRIMARY KEY, article_id integer REFERENCES articles, remark_id integer REFERENCES remarks);
-- Which of the two comes first in the alphabet says nothing, nor which is a
-- child itself, nor how long the way is.
CREATE TABLE order_lines (id integer PRIMARY KEY, article_id integer REFERENCES articles, order_id integer NOT NULL REFERENCES orders);
CREATE TABLE addresses (id integer PRIMARY KEY, billing integer REFERENCES orders, shipping integer REFERENCES orders);
CREATE TABLE a_line_of_lines (id integer PRIMARY KEY, line_id integer NOT NULL REFERENCES order_lines);
CREATE TABLE zone (id integer PRIMARY KEY, of_line integer NOT NULL REFERENCES a_line_of_lines, "Big" integer REFERENCES "Big");
CREATE TABLE ring (id integer PRIMARY KEY);
CREATE TABLE ring_too (id integer PRIMARY KEY REFERENCES ring);
ALTER TABLE ring ADD FOREIGN KEY (id) REFERENCES ring_too;
CREATE TABLE two ("OrganisationId" uuid, organisation_id uuid);
CREATE SCHEMA elsewhere;
CREATE TABLE elsewhere.customers (id integer PRIMARY KEY, organisation_id uuid NOT NULL);
CREATE TABLE visits (customer_id integer NOT NULL REFERENCES elsewhere.customers);
CREATE TABLE parts (organisation_id uuid NOT NULL) PARTITION BY HASH (organisation_id);
CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 1, REMAINDER 0);
INSERT INTO orders VALUES (1, :harare), (2, :bulawayo);
INSERT INTO articles VALUES (1, :harare), (2, :harare);
INSERT INTO order_lines VALUES (1, 1, 1), (2, 2, 2);

-- A table that is not there would be one without the permission that was meant:
-- nothing is done at all.
SELECT * FROM pindah_protect_schema('shop', '{"orders": "shop:orders", "ordres": "shop:orders"}');
SELECT * FROM pindah_protect_schema('shop', '{"public.orders": "shop:orders"}');
SELECT * FROM pindah_protect_schema('shop', '{"big": "shop:big"}');
SELECT * FROM pindah_protect_schema('shop', '{"parts_0": "shop:parts"}');
SELECT * FROM pindah_protect_schema('shop', '{"orders": "shop:orders", "shop.orders": "shop:others"}');
SELECT * FROM pindah_protect_schema('shop', '["orders"]');
SELECT * FROM pindah_protect_schema('shop', '"orders"');
SELECT * FROM pindah_protect_schema('shop', '{"orders": null}');
SELECT * FROM pindah_protect_schema('shop', '{"orders": ["shop:orders"]}');
SELECT * FROM pindah_protect_schema('shop', '{"orders": "shop"}');
SELECT * FROM pindah_protect_schema('shop', '{"orders": "shop: orders"}');
SELECT * FROM pindah_protect_schema('shop', shared => '{currencies,elsewhere.customers}');
SELECT * FROM pindah_protect_schema('shop', shared => '{parts_0}');
SELECT count(*) FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE c.relnamespace = 'shop'::regnamespace;

-- What is said twice comes out the same; names as the report writes them.
CREATE TEMP TABLE report AS SELECT * FROM pindah_protect_schema('shop', '{"\"Big\"": "shop:big", "shop.orders": "stock:orders"}', '{currencies,countries}');
SELECT relation, outcome, detail FROM report ORDER BY outcome DESC, relation::text COLLATE "C";
SELECT * FROM pindah_protect_schema('shop', '{"Big": "shop:big", "shop.\"Big\"": "shop:big"}', '{currencies,countries}');
SELECT s.* FROM pindah_protect_schema('shop', '{"shop.\"Big\"": "shop:big"}', '{countries,currencies,NULL}') s EXCEPT TABLE report;
SELECT s.* FROM pindah_protect_schema('shop', NULL) s EXCEPT TABLE report;
SELECT s.* FROM pindah_protect_schema('shop') s EXCEPT TABLE report;

-- Done by hand as the report says, it stays; its own children follow.
SELECT detail FROM pindah_protect_schema('shop', '{"order_lines": "shop:lines"}') WHERE relation = 'order_lines'::regclass;
SELECT pindah_protect_table('shop.order_lines', parent => 'shop.orders', foreign_key => 'order_id', permission => 'stock:lines');
SELECT pindah_protect_table('elsewhere.customers');
SELECT s.relation, s.outcome, s.detail FROM pindah_protect_schema('shop') s EXCEPT TABLE report ORDER BY 1;
GRANT SELECT ON orders, articles, order_lines TO regress_pindah_app;
CREATE POLICY everybody ON order_lines USING (true);
SET ROLE regress_pindah_app;
SELECT count(*) FROM order_lines;
SET pindah.token = :'ann';
SELECT count(*) FROM order_lines;
RESET ROLE;
RESET pindah.token;
DROP POLICY everybody ON order_lines;

-- A permission is taken off by name; a shared table keeps its own.
SELECT relation, detail FROM pindah_protect_schema('shop', '{"order_lines": "", "currencies": "shop:currencies"}') WHERE relation IN ('order_lines'::regclass, 'currencies'::regclass);
SELECT relation, detail FROM pindah_protect_schema('shop', shared => '{currencies,countries}') WHERE relation IN ('order_lines'::regclass, 'currencies'::regclass);
-- A table of tenants is not shared by a slip.
SELECT relation, outcome, detail FROM pindah_protect_schema('shop', shared => '{articles}') WHERE relation = 'articles'::regclass;
SELECT polname FROM pg_policy WHERE polrelid = 'articles'::regclass ORDER BY 1;

-- What an owner writes into a record spoils his own table, and no run over all.
CREATE FUNCTION after(comment text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('COMMENT ON POLICY pindah_select ON orders IS %L', comment);
	RETURN (SELECT string_agg(format('%s %s: %s', relation, outcome, detail), E'\n') FILTER (WHERE outcome = 'failed')
			|| format(E'\n%s others protected', count(*) FILTER (WHERE outcome = 'protected')) FROM pindah_protect_schema('shop'))
		|| CASE WHEN (SELECT count(*) FROM pindah.lint_protection_altered) >= 0 THEN ', the advisor answers' END;
END $$;
SELECT after(c) FROM unnest(ARRAY['mine', 'pindah_auth: {}', 'pindah_auth: {"settings": [1]}', 'pindah_auth: {"\u0000": 1}',
	'pindah_auth: {"a": ' || repeat('[', 100000) || '}', 'pindah_auth: {"settings": {"parent": "x.y.z.a", "foreign_key": "id"}}',
	'pindah_auth: {"settings": {"verbs": []}}', 'pindah_auth: {"x}']) c;
-- It can be said again, and then it is as it was.
SELECT relation, outcome, detail FROM pindah_protect_schema('shop', '{"orders": "stock:orders"}') WHERE outcome = 'failed' OR relation = 'orders'::regclass;
SELECT count(*) FROM pindah.altered_tables();

RESET search_path;
SELECT count(*) > 0 AS "the advisor answers" FROM pindah.advisor;
SET client_min_messages = warning;
DROP SCHEMA shop, elsewhere CASCADE;
