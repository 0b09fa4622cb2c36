# Settings that are stored for roles and databases by a session that has not
# loaded the library, which takes every name and every value: they do not
# count, and the advisor says so.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../kit";
use PindahTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_node('stored_settings');
$node->safe_psql('postgres', q(CREATE ROLE app LOGIN; CREATE ROLE other LOGIN; CREATE DATABASE plain; CREATE DATABASE loaded;
	ALTER DATABASE loaded SET session_preload_libraries = 'pindah_auth'));

my $view = 'FROM pindah.lint_setting_has_no_effect ORDER BY detail';
my $void = "SELECT level, detail $view";

sub stores
{
	my ($database, $sql) = @_;
	my $status = $node->psql($database, $sql, stdout => \my $out, stderr => \my $err);
	return $status == 0 ? 'stored' : $err =~ /ERROR: / ? 'refused' : $err;
}

# What is stored, and what the advisor is to say of it.
for my $case (
	[ 'pindah.sesion_identity = off', 'ERROR', 'there is no setting pindah.sesion_identity; did you mean pindah.session_identity?' ],
	[ 'pindah.require_tokens = on', 'ERROR', 'there is no setting pindah.require_tokens; did you mean pindah.require_token?' ],
	[ q(pindah.tenant = 'acme'), 'ERROR', 'there is no setting pindah.tenant' ],
	[ 'pindah.' . 'x' x 50 . ' = 1', 'ERROR', 'there is no setting pindah.' . 'x' x 50 ],
	[ 'pindah.session_identity = 2', 'ERROR', 'pindah.session_identity takes no such value' ],
	[ q(pindah.session_state = 'reject'), 'ERROR', 'pindah.session_state takes no such value' ],
	[ q(pindah.role_claims = 'rubbish'), 'ERROR', 'pindah.role_claims takes no such value' ],
	[ q(pindah.role_claims = '{"OrganisationId": ""}'), 'ERROR', 'pindah.role_claims takes no such value' ],
	[ q(pindah.algorithms = 'none'), 'ERROR', 'pindah.algorithms takes no such value' ],
	[ q(pindah.max_token_lifetime = '1 fortnight'), 'ERROR', 'pindah.max_token_lifetime takes no such value' ],
	[ q(pindah.throttle_limit = 'a lot'), 'ERROR', 'pindah.throttle_limit takes no such value, or counts nothing without shared_preload_libraries' ],
	[ 'pindah.clock_skew = 301', 'WARN', 'pindah.clock_skew takes no such value' ],
	[ q(pindah.user_id = 'me'), 'WARN', 'pindah.user_id cannot be set there' ],
	[ q(pindah.trust_file = '/no/such/file'), 'WARN', 'pindah.trust_file cannot be set there' ])
{
	my ($setting, $level, $detail) = @$case;
	my $sql = "ALTER ROLE app SET $setting";
	is(stores('loaded', $sql), 'refused', "$setting: refused in a database that preloads the library");
	is(stores('plain', "LOAD 'pindah_auth'; $sql"), 'refused', '... and after LOAD');
	is(stores('plain', $sql), 'stored', '... and stored anywhere else');
	is($node->safe_psql('postgres', $void), "$level|role app: $detail", '... where the advisor finds it');
	is($node->safe_psql('postgres', "SELECT remediation ~ '^-- ' $view"), 't', '... and leaves it to a human');
	is($node->psql('postgres', 'SELECT pindah_check()'), $level eq 'ERROR' ? 3 : 0, '... and so does pindah_check()');
	$node->safe_psql('plain', 'ALTER ROLE app RESET ALL');
	is($node->safe_psql('postgres', $void), '', '... until it is taken away');
}

# What may well count is not reported; nor is a setting of somebody else.
is(stores('plain', "ALTER ROLE app SET $_"), 'stored', $_)
  for ('pindah.session_identity = of', 'pindah.Require_Token = 1', q(pindah.role_claims = '{"OrganisationId": "x"}'), 'pindah.throttle_limit = 0',
	q(pindah.max_token_lifetime = '2h'), q(pindah.algorithms = 'ES256, RS256'), q(pindah.allowed_origins = 'https://erp.example.com'), q(erp.sesion = 'x'));
is($node->safe_psql('postgres', $void), '', 'settings that count are no finding');

# In all places where a setting can be stored for this database.
is(stores('plain', $_), 'stored', $_)
  for ('ALTER DATABASE postgres SET pindah.sesion_identity = off', 'ALTER ROLE ALL SET pindah.sesion_identity = off',
	'ALTER ROLE other IN DATABASE postgres SET pindah.sesion_identity = off', 'ALTER ROLE other IN DATABASE plain SET pindah.sesion_identity = off');
is($node->safe_psql('postgres', "SELECT split_part(detail, ':', 1) $view"),
	"all roles\ndatabase postgres\nrole other in database postgres", 'found in each place that concerns this database');
$node->safe_psql('postgres', q(DO $$ DECLARE s text; BEGIN
	FOR s IN SELECT 'ALTER ' || substring(remediation FROM 'loaded pindah_auth.: ALTER (.*)$') FROM pindah.lint_setting_has_no_effect LOOP EXECUTE s; END LOOP; END $$));
is($node->safe_psql('postgres', $void), '', 'the statement at the end of the remediation takes a wrong name away');

# In the server's configuration.  Of two values the last counts.
$node->append_conf('postgresql.conf', "include 'more.conf'");
sub configured
{
	replace_file($node->data_dir . '/more.conf', join '', map { "$_\n" } @_);
	return $node->safe_psql('postgres', $void);
}
is(configured('pindah.require_tokn = on'), "ERROR|the server's configuration: there is no setting pindah.require_tokn; did you mean pindah.require_token?",
	"a wrong name in the server's configuration");
is(configured(q(pindah.algorithms = 'none')), "ERROR|the server's configuration: pindah.algorithms takes no such value", 'a wrong value there');
is($node->safe_psql('postgres', "SELECT remediation ~ '^-- ' $view"), 't', '... is left to a human');
is(configured(q(pindah.trust_file = '/no/such/file'), 'pindah.clock_skew = 20'), '', 'what counts there is no finding');
is(configured(q(pindah.max_token_lifetime = 'long'), q(pindah.max_token_lifetime = '2h')), '', 'nor is a value that another one takes the place of');
is(configured(q(pindah.max_token_lifetime = '2h'), q(pindah.max_token_lifetime = 'long')),
	"ERROR|the server's configuration: pindah.max_token_lifetime takes no such value", '... as this one does');
is(configured(), '', 'mended');
$node->safe_psql('postgres', 'CREATE ROLE deployer LOGIN; GRANT SELECT ON pindah.advisor TO deployer');
is($node->safe_psql('postgres', 'SELECT count(*) >= 0 FROM pindah.advisor', extra_params => [ '-U', 'deployer' ]), 't', 'a role that may read the advisor may do so');

# A refused binding quotes nothing of the claims.
my ($out, $err);
$node->psql('postgres', q(SELECT pindah_bind_role('app', '{"OrganisationId": "", "note": "canary-5e1f0c"}')), stderr => \$err);
like($err, qr/ERROR:  pindah.role_claims is not a usable set of claims\nHINT:.*\nCONTEXT:  PL\/pgSQL function \S*pindah_bind_role.*\Z/, 'unusable claims are refused');
unlike($err, qr/canary|ALTER ROLE/, '... and not shown');

# The owner of a database can set for it how SQL is read and shown.  The advisor
# finds there what it finds elsewhere.
$node->safe_psql('postgres', q(CREATE DATABASE odd OWNER other));
$node->safe_psql('odd', q(CREATE EXTENSION pindah_auth;
	CREATE TABLE notes (id integer PRIMARY KEY, organisation_id uuid NOT NULL, n integer NOT NULL);
	CREATE TABLE bills (id integer PRIMARY KEY, organisation_id text NOT NULL, n integer NOT NULL);
	CREATE TABLE lines (id integer PRIMARY KEY, bill_id integer REFERENCES bills);
	SELECT pindah_protect_table('notes'), pindah_protect_table('bills', permission => 'a:b'), pindah_protect_table('lines', parent => 'bills', foreign_key => 'bill_id');
	GRANT SELECT ON notes, bills, lines TO app;
	CREATE POLICY forgeable ON bills USING (organisation_id = current_setting('erp.tenant'));
	ALTER POLICY pindah_tenant ON notes USING (true);
	CREATE UNIQUE INDEX bills_n ON bills (n);
	CREATE VIEW every_bill AS SELECT * FROM bills;
	GRANT SELECT ON every_bill TO app;
	CREATE FUNCTION all_bills() RETURNS SETOF bills LANGUAGE sql SECURITY DEFINER AS 'SELECT * FROM bills WHERE pindah_user_id() IS NOT NULL'));
my $findings = q(SELECT string_agg(DISTINCT name || ' ' || level, E'\n') FROM pindah.advisor);
my $elsewhere = $node->safe_psql('odd', $findings);
like($elsewhere, qr/^$_ /m, "a finding: $_")
  for qw(policy_reads_forgeable_setting protection_altered unique_without_tenant view_with_owner_rights definer_search_path);
for my $setting ('quote_all_identifiers = on', 'standard_conforming_strings = off', q(search_path = 'public', 'pg_catalog'), 'transform_null_equals = on')
{
	$node->safe_psql('odd', "SET SESSION AUTHORIZATION other; ALTER DATABASE odd SET $setting");
	is($node->safe_psql('odd', "SET client_min_messages = error; $findings"), $elsewhere, "$setting: the same findings");
	is($node->safe_psql('odd', q(SET client_min_messages = error; CREATE TABLE more (id integer PRIMARY KEY, organisation_id uuid NOT NULL);
		SELECT pindah_protect_table('more', permission => 'c:d'); SELECT count(*) FROM pg_policy WHERE polrelid = 'more'::regclass; SELECT pindah_unprotect_table('more');
		SELECT count(*) FROM pg_policy WHERE polrelid = 'more'::regclass; DROP TABLE more)), "\n9\n\n0", '... and tables are protected');
	$node->safe_psql('odd', 'ALTER DATABASE odd RESET ALL');
}
$node->safe_psql('postgres', 'DROP DATABASE odd');

# Claims that one database can say and another cannot: that ends neither the
# advisor of the other nor a session in it.
$node->safe_psql('postgres', "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0; CREATE DATABASE ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0");
is(stores('plain', q(ALTER ROLE other SET pindah.role_claims = '{"OrganisationId": "x", "name": "\u20ac"}')), 'stored', 'claims with an escape');
is($node->safe_psql('postgres', $void), '', '... which UTF8 has');
for my $database ('latin', 'ascii')
{
	$node->safe_psql($database, "CREATE EXTENSION pindah_auth; ALTER DATABASE $database SET session_preload_libraries = 'pindah_auth'");
	is($node->safe_psql($database, $void), 'ERROR|role other: pindah.role_claims takes no such value', "... and $database has not: a finding there");
	is($node->psql($database, 'SELECT pindah_organisation_id() IS NULL', extra_params => [ '-U', 'other' ], stdout => \my $nobody, stderr => \my $said), 0, '... and sessions of the role can begin');
	is($nobody, 't', '... as nobody');
	like($said, qr/WARNING:  pindah.role_claims is not a usable set of claims/, '... with a warning');
	unlike($said, qr/character|conversion|20ac/, '... that quotes none of them');
	$node->psql($database, "SET statement_timeout = '200ms'; SELECT pg_sleep(20)", extra_params => [ '-U', 'other' ], timeout => 15, timed_out => \my $late, stderr => \$said);
	like($said, qr/statement timeout/, '... and whose statements can be cancelled');
}
$node->safe_psql('postgres', 'ALTER ROLE other RESET ALL');

# Nothing is set, and nothing is said, while values are judged.
$node->safe_psql('plain', 'ALTER ROLE app SET pindah.throttle_limit = 5');
$node->psql('postgres', "SET pindah.clock_skew = 7; SET client_min_messages = debug1; SELECT level FROM pindah.lint_setting_has_no_effect; SHOW pindah.throttle_limit; SHOW pindah.clock_skew",
	stdout => \$out, stderr => \$err);
is($out, "ERROR\n0\n7s", 'a limit that counts nothing is a finding; judging sets nothing');
unlike($err, qr/throttle/, '... and says nothing');
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pindah_auth'");
$node->restart;
is($node->safe_psql('postgres', $void), '', 'where the limit counts it is no finding');

$node->stop;
done_testing();
