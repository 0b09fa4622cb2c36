# The token in the connection, with the drivers that people use: the identity
# is there from the first statement, a bad token is a warning, and with
# pindah.require_token the end of the connection.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../kit";
use IPC::Run qw(run);
use PindahTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $drivers = "$FindBin::Bin/../clients/drivers";
my ($jar) = grep { -e } '/usr/share/java/postgresql.jar', '/usr/share/java/postgresql-jdbc4.jar';
my %command = (
	'psql' => ["$drivers/with_psql.sh"],
	'psycopg2' => [ '/usr/bin/python3', "$drivers/with_psycopg2.py" ],
	'ODBC' => [ '/usr/bin/python3', "$drivers/with_odbc.py" ],
	'node pg' => [ 'node', "$drivers/with_node_pg.mjs" ],
	'JDBC' => [ 'java', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', $jar // '', "$drivers/with_jdbc.java" ]);
system("$drivers/prepare") == 0 or die 'test/clients/drivers/prepare failed';

my $secret = new_secret();
my $node = start_node('clients', "listen_addresses = '127.0.0.1'\nwal_level = logical\nmax_wal_senders = 4\nsession_preload_libraries = 'pindah_auth'\n");

sub token
{
	my (@more) = @_;
	return hmac_token($secret, '{"alg":"HS256"}', claims(@more));
}
my $good = token();
my $bad = hmac_token(new_secret(), '{"alg":"HS256"}', claims());
my $large = token(note => '"' . 'x' x 8000 . '"');

$node->safe_psql('postgres', trust('https://issuer.example', [ secret_jwk($secret, 'k') ]) . <<'SQL');
CREATE ROLE app LOGIN;
CREATE ROLE strict LOGIN;
ALTER ROLE strict SET pindah.require_token = on;
CREATE ROLE reports LOGIN;
ALTER ROLE reports SET pindah.require_token = on;
ALTER ROLE reports SET pindah.role_claims = '{"sub": "reports", "OrganisationId": "organisation-1"}';
CREATE ROLE replica LOGIN REPLICATION;
ALTER ROLE replica SET pindah.require_token = on;
CREATE ROLE pool LOGIN;
ALTER ROLE pool SET pindah.require_token = on;
ALTER ROLE pool SET pindah.session_identity = off;
CREATE ROLE dba LOGIN SUPERUSER;
ALTER ROLE dba SET pindah.require_token = on;
CREATE TABLE t ("OrganisationId" text NOT NULL, id integer);
INSERT INTO t SELECT 'organisation-' || g % 2, g FROM generate_series(1, 10) g;
SELECT pindah_protect_table('t');
GRANT SELECT ON t TO app, strict, reports, pool;
SQL

my $query = q{SELECT coalesce(pindah_user_id(), 'nobody'), count(*), count(*) FILTER (WHERE "OrganisationId" <> 'organisation-1') FROM t};

# What a driver prints, with the complaints.
sub connected
{
	my ($driver, $role, $token, $sql) = @_;
	local %ENV = (%ENV, PGHOST => '127.0.0.1', PGPORT => $node->port, PGDATABASE => 'postgres',
		PGUSER => $role, TOKEN => $token, QUERY => $sql // $query);
	my ($in, $out, $err) = ('', '', '');
	run($command{$driver}, \$in, \$out, \$err);
	chomp $out;
	unlike($out . $err, qr/\Q$token\E/, "$driver: the token is not shown") if $token ne '';
	return ($out, $err);
}

# What the documentation says about a driver is what is run here.
my %said = (
	'psycopg2' => 'f"-c pindah.token={token}"',
	'ODBC' => "pqopt={options='-c pindah.token=",
	'node pg' => 'options: `-c pindah.token=${TOKEN}`',
	'JDBC' => 'properties.setProperty("options", "-c pindah.token=" + token);');
my $page = slurp_file("$FindBin::RealBin/../../doc/clients.md");
my $all = join '', map { slurp_file($_) =~ s/\{\{/{/gr } glob "$drivers/with_*";
for my $driver (sort keys %said)
{
	ok(index($page, $said{$driver}) >= 0 && index($all, $said{$driver}) >= 0, "$driver: doc/clients.md says what is run here");
}

for my $driver (sort keys %command)
{
	my ($out, $err) = connected($driver, 'app', '');
	is($out, 'nobody 0 0', "$driver: no token, no rows") or diag($err);
	($out, $err) = connected($driver, 'app', $bad);
	is($out, 'nobody 0 0', "$driver: a bad token, no rows") or diag($err);
	($out, $err) = connected($driver, 'strict', $bad);
	is($out, '', "$driver: a bad token with require_token, no connection");
	like($err, qr/this role must connect with a valid token/, '... and is told why');
	($out, $err) = connected($driver, 'app', $good);
	is($out, 'user-1 5 0', "$driver: a good token, and the rows of its tenant only") or diag($err);
	($out, $err) = connected($driver, 'strict', $good);
	is($out, 'user-1 5 0', "$driver: a good token with require_token") or diag($err);
	($out, $err) = connected($driver, 'app', $large);
	is($out, '', "$driver: a token beyond 10,000 bytes does not fit into the start of a connection");
}

#
# pindah.require_token: what is missing, who is let in, how it was loaded
#
my ($out, $err);
for my $how ('session_preload_libraries', 'shared_preload_libraries')
{
	($out, $err) = connected('psql', 'strict', '');
	is($out, '', "$how: no token, no connection");
	like($err, qr/FATAL:  this role must connect with a valid token\n.*reason: absent/s, '... and is told so');
	($out, $err) = connected('psql', 'strict', $bad);
	like($err, qr/FATAL:  this role must connect with a valid token\n.*reason: bad_signature/s, "$how: a bad token, and its reason");
	($out, $err) = connected('psql', 'strict', token(exp => time() - 3600));
	like($err, qr/FATAL:  this role.*reason: expired/s, "$how: an expired token");
	($out, $err) = connected('psql', 'app', $bad);
	like($err, qr/WARNING:  .*token refused: the signature of the token does not verify/s, "$how: without require_token a bad token is a warning");
	is($out, 'nobody 0 0', '... and nobody');
	($out, $err) = connected('psql', 'reports', '');
	is($out, 'reports 5 0', "$how: role_claims are an identity") or diag($err);
	($out, $err) = connected('psql', 'dba', '', 'SELECT 1');
	is($out, '1', "$how: a superuser is not locked out");
	($out, $err) = connected('psql', 'pool', '', 'SELECT 1');
	is($out, '1', "$how: a pooled role brings no token");
	($out, $err) = connected('psql', 'pool', '');
	like($err, qr/ERROR:  an identity is required\n/, '... but nobody reads nothing');
	($out, $err) = connected('psql', 'pool', '', "BEGIN; SET LOCAL pindah.token = '$good'; $query; COMMIT");
	is($out, 'user-1 5 0', '... and somebody reads his rows');
	($out, $err) = connected('psql', 'strict', $good, "SET pindah.token = ''; $query");
	like($err, qr/ERROR:  an identity is required/, "$how: a session that drops its token does not go on as nobody");
	my $parallel = $node->pg_version < 16 ? 'force_parallel_mode' : 'debug_parallel_query';
	($out, $err) = connected('psql', 'strict', $good, "SET $parallel = on; $query");
	is($out, 'user-1 5 0', "$how: in parallel workers") or diag($err);
	($out, $err) = connected('psql', 'strict', '', 'SELECT 1');
	is($out, '', "$how: no statement at all");
	{
		local $ENV{PGOPTIONS} = '-c pindah.require_token=off';
		($out, $err) = connected('psql', 'strict', '');
		is($out, '', "$how: an option does not switch it off");
	}
	($out, $err) = connected('psql', 'strict', $good, 'ALTER ROLE strict SET pindah.require_token = off');
	like($err, qr/permission denied/, '... nor does the role itself');
	for my $replication ('database', 'true')
	{
		my $in = '';
		my $good_bye = run([ 'psql', '-XAtq', '-d', "host=127.0.0.1 port=" . $node->port . " user=replica dbname=postgres replication=$replication", '-c', 'IDENTIFY_SYSTEM' ], \$in, \$out, \$err);
		# A replication connection loads no session_preload_libraries, and without
		# a database nothing can be verified.
		is($good_bye ? 'connected' : 'refused',
			$replication eq 'database' && $how eq 'shared_preload_libraries' ? 'refused' : 'connected',
			"$how: replication=$replication");
	}
	next if $how eq 'shared_preload_libraries';
	$node->append_conf('postgresql.conf', "session_preload_libraries = ''\nshared_preload_libraries = 'pindah_auth'");
	$node->restart;
}
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
($out, $err) = connected('psql', 'strict', '', 'SELECT 1');
is($out, '1', 'not preloaded: the connection comes about');
($out, $err) = connected('psql', 'strict', '');
like($err, qr/ERROR:  an identity is required/, '... but nobody reads nothing');
($out, $err) = connected('psql', 'strict', $bad);
like($err, qr/ERROR:  an identity is required/, '... nor with a bad token');
($out, $err) = connected('psql', 'strict', '', "SET pindah.require_token = off; $query");
like($err, qr/FATAL:  permission denied to set parameter "pindah.require_token"/, '... and it cannot be forged before the library is loaded');
($out, $err) = connected('psql', 'strict', $good);
is($out, 'user-1 5 0', 'not preloaded: a good token');

$node->stop;
done_testing();
