# What pindah_unprotect_table() leaves is what there was: the dump of a schema
# is the same, byte for byte, before and after, for every shape of table; and
# what is renamed in between does not matter.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../kit";
use PindahTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_node('unprotect');

# Is a dump as it was?  Only the lines that differ are shown.
sub same_dump
{
	my ($dump, $expected, $what) = @_;
	my (%now, %then);
	$now{$_}++ for split /\n/, $dump;
	$then{$_}++ for split /\n/, $expected;
	return ok($dump eq $expected, $what)
	  || diag(join "\n", map { ('- ' . $_) x (($then{$_} // 0) > ($now{$_} // 0)), ('+ ' . $_) x (($now{$_} // 0) > ($then{$_} // 0)) } sort keys %{ { %now, %then } });
}

sub dump_schema
{
	my ($schema) = @_;
	my $out = '';
	$node->run_log([ 'pg_dump', '-s', '-n', $schema, '-h', $node->host, '-p', $node->port,
		'-f', "$PostgreSQL::Test::Utils::tmp_check/dump.sql", 'postgres' ]);
	# Newer ones have a random word in them.
	return slurp_file("$PostgreSQL::Test::Utils::tmp_check/dump.sql") =~ s/^\\(un)?restrict .*$//mgr;
}

$node->safe_psql('postgres', q{
	CREATE ROLE somebody;
	CREATE SCHEMA erp;
	SET search_path = erp;
	CREATE TABLE plain (id bigint PRIMARY KEY, "OrganisationId" uuid, name text);
	CREATE TABLE of_text (id integer, organisation_id varchar(20) NOT NULL DEFAULT 'x', UNIQUE (organisation_id, id));
	CREATE TABLE numbered (organisation_id bigint GENERATED ALWAYS AS IDENTITY);
	CREATE TABLE own_policies (id integer, organisation_id uuid);
	ALTER TABLE own_policies ENABLE ROW LEVEL SECURITY;
	CREATE POLICY mine ON own_policies FOR SELECT TO somebody USING (id > 3);
	COMMENT ON POLICY mine ON own_policies IS 'mine';
	CREATE POLICY wall ON own_policies AS RESTRICTIVE USING (true) WITH CHECK (id < 10);
	CREATE TABLE forced (id integer, organisation_id integer);
	ALTER TABLE forced ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
	CREATE TABLE only_forced (id integer, organisation_id smallint);
	ALTER TABLE only_forced FORCE ROW LEVEL SECURITY;
	CREATE INDEX mine ON only_forced USING hash (organisation_id);
	CREATE TABLE child (id integer PRIMARY KEY, plain_id bigint REFERENCES plain, n text);
	CREATE TABLE grandchild (child_id integer REFERENCES child);
	CREATE INDEX of_my_own ON grandchild (child_id);
	CREATE TABLE pairs (a integer, b integer, organisation_id uuid, PRIMARY KEY (a, b));
	CREATE TABLE of_pairs (a integer, b integer, FOREIGN KEY (a, b) REFERENCES pairs);
	CREATE TABLE shared (code text PRIMARY KEY);
	CREATE TABLE parts (organisation_id uuid, year integer) PARTITION BY LIST (year);
	CREATE TABLE parts_1 PARTITION OF parts (organisation_id DEFAULT 'a0000000-0000-4000-8000-000000000001') FOR VALUES IN (1);
	CREATE TABLE parts_2 PARTITION OF parts FOR VALUES IN (2) PARTITION BY HASH (organisation_id);
	CREATE TABLE parts_2_0 PARTITION OF parts_2 FOR VALUES WITH (MODULUS 1, REMAINDER 0);
	CREATE TABLE indexed (organisation_id uuid, year integer) PARTITION BY LIST (year);
	CREATE TABLE indexed_1 PARTITION OF indexed FOR VALUES IN (1);
	CREATE INDEX own_index ON indexed_1 (organisation_id);
	CREATE TABLE indexed_2 PARTITION OF indexed FOR VALUES IN (2);
	CREATE TABLE base (organisation_id uuid, id integer);
	CREATE TABLE derived (more text) INHERITS (base);
	ALTER TABLE derived ALTER organisation_id SET DEFAULT 'a0000000-0000-4000-8000-000000000001';
	CREATE TABLE "Odd ""name""" ("OrganisationId" uuid);
	GRANT SELECT ON plain, parts TO somebody;
});
my $before = dump_schema('erp');
my @protect = (
	q{'erp.plain', permission => 'a:b'}, q{'erp.of_text'}, q{'erp.numbered'}, q{'erp.own_policies', permission => 'a:b'},
	q{'erp.forced'}, q{'erp.only_forced'}, q{'erp.child', parent => 'erp.plain', foreign_key => 'plain_id', permission => 'a:b'},
	q{'erp.grandchild', parent => 'erp.child', foreign_key => 'child_id'}, q{'erp.pairs'},
	q{'erp.of_pairs', parent => 'erp.pairs', foreign_key => 'b'}, q{'erp.shared', shared => true}, q{'erp.parts'},
	q{'erp.indexed', permission => 'a:b'}, q{'erp.base'}, q{'erp."Odd ""name"""'});
my $tables = q{SELECT c.oid::regclass FROM pg_class c WHERE relnamespace = 'erp'::regnamespace AND relkind IN ('r', 'p')};
my $unprotect = join ';', map { "SELECT pindah_unprotect_table(" . s/,.*//r . ")" } reverse @protect;

$node->safe_psql('postgres', join ';', map { "SELECT pindah_protect_table($_)" } @protect);
is($node->safe_psql('postgres', "$tables AND NOT (relrowsecurity AND relforcerowsecurity)"), '', 'every table is protected');
is($node->safe_psql('postgres', q{SELECT string_agg(detail, ', ') FROM pindah.advisor WHERE level = 'ERROR'}), '', 'and the advisor finds no hole');
is($node->safe_psql('postgres', q{SELECT string_agg(detail, ', ') FROM pindah.lint_tenant_not_indexed}), '', 'nor a table without an index');
isnt(dump_schema('erp'), $before, 'the dump tells');
$node->safe_psql('postgres', $unprotect);
same_dump(dump_schema('erp'), $before, 'unprotected, every shape is what it was');

# Twice the same, and a whole schema on top: there is one "before".
$node->safe_psql('postgres', join ';', map { "SELECT pindah_protect_table($_)" } @protect, @protect);
my $protected = dump_schema('erp');
is($node->safe_psql('postgres', q{SELECT string_agg(outcome || ' ' || relation || ' ' || detail, ', ') FROM pindah_protect_schema('erp') WHERE outcome <> 'protected'}),
	'', 'the whole schema is protected again in the same way');
same_dump(dump_schema('erp'), $protected, 'which changes nothing');

# Columns, tables and the schema get other names; a partition comes and goes.
$node->safe_psql('postgres', q{
	ALTER TABLE erp.plain RENAME "OrganisationId" TO school;
	ALTER TABLE erp.pairs RENAME organisation_id TO school;
	ALTER TABLE erp.child RENAME plain_id TO invoice;
	ALTER TABLE erp.plain RENAME TO invoices;
	ALTER SCHEMA erp RENAME TO shop;
	CREATE TABLE shop.parts_3 PARTITION OF shop.parts FOR VALUES IN (3)});
is($node->safe_psql('postgres', q{SELECT string_agg(outcome || ' ' || relation || ' ' || detail, ', ') FROM pindah_protect_schema('shop') WHERE outcome <> 'protected'}),
	'', 'after renames it can be protected again');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_policy WHERE polrelid IN ('shop.invoices'::regclass, 'shop.child'::regclass) AND pg_get_expr(polqual, polrelid) ~ 'a:b:view'}),
	'4', 'with its permissions');
$node->safe_psql('postgres', q{
	ALTER SCHEMA shop RENAME TO erp;
	ALTER TABLE erp.invoices RENAME TO plain});
$node->safe_psql('postgres', $unprotect);
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_depend d JOIN pg_attrdef a ON a.oid = d.objid AND d.classid = 'pg_attrdef'::regclass
	JOIN pg_proc p ON d.refclassid = 'pg_proc'::regclass AND p.oid = d.refobjid AND p.proname ~ '^pindah'}), '0', 'no default is left, of later partitions neither');
$node->safe_psql('postgres', q{
	DROP TABLE erp.parts_3;
	ALTER TABLE erp.plain RENAME school TO "OrganisationId";
	ALTER TABLE erp.pairs RENAME school TO organisation_id;
	ALTER TABLE erp.child RENAME invoice TO plain_id});
same_dump(dump_schema('erp'), $before, 'unprotected after renames, every shape is what it was');
$node->safe_psql('postgres', 'DROP EXTENSION pindah_auth');
pass('and the extension can be dropped');

done_testing();
