# Behind PgBouncer no identity and no row passes from one client to the next,
# in each of its modes, whatever the clients leave behind.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../kit";
use IPC::Run qw(run);
use JSON::PP;
use PindahTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my ($pgbouncer) = grep { -x } map { "$_/pgbouncer" } '/usr/sbin', split /:/, $ENV{PATH};
plan skip_all => 'there is no pgbouncer' unless $pgbouncer;
plan skip_all => 'pgbouncer does not run as root' if $> == 0;

my $requests = $ENV{PINDAH_POOLED_REQUESTS} // 10_000;
my $rows = 5;
my @tenants = map { "tenant-$_" } 1 .. 20;
my $secret = new_secret();
my $json = JSON::PP->new->canonical;

sub token
{
	my ($organisation) = @_;
	return hmac_token($secret, '{"alg":"HS256"}',
		claims(sub => qq("user of $organisation"), OrganisationId => qq("$organisation")));
}
my %tokens = map { $_ => token($_) } @tenants;
my $ann = token('ann');

my $node = start_node('pgbouncer', "session_preload_libraries = 'pindah_auth'\nmax_prepared_transactions = 5\n");
$node->safe_psql('postgres', trust('https://issuer.example', [ secret_jwk($secret, 'k') ]) . <<SQL);
CREATE ROLE pool LOGIN;
ALTER ROLE pool SET pindah.session_identity = off;
CREATE ROLE whole LOGIN;
CREATE TABLE shared (organisation text NOT NULL, body text);
INSERT INTO shared SELECT 'tenant-' || t, 'leak' FROM generate_series(1, 20) t, generate_series(1, $rows);
INSERT INTO shared VALUES ('ann', 'leak');
SELECT pindah_protect_table('shared', 'organisation');
GRANT SELECT, INSERT ON shared TO pool, whole;
SQL

#
# PgBouncer
#
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $folder = PostgreSQL::Test::Utils::tempdir();
my $server = 'host=' . $node->host . ' port=' . $node->port . ' dbname=postgres';
append_to_file("$folder/users", qq("pool" ""\n"whole" ""\n));
append_to_file("$folder/pgbouncer.ini", <<INI);
[databases]
transaction = $server pool_mode=transaction pool_size=5
session = $server pool_mode=session pool_size=5
statement = $server pool_mode=statement pool_size=5
one = $server pool_mode=transaction pool_size=1
one_statement = $server pool_mode=statement pool_size=1
one_session = $server pool_mode=session pool_size=1

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port
unix_socket_dir =
auth_type = trust
auth_file = $folder/users
logfile = $folder/log
pidfile = $folder/pid
admin_users = pool
server_reset_query = DISCARD ALL
INI
system($pgbouncer, '-q', '-d', "$folder/pgbouncer.ini") == 0 or die 'pgbouncer does not start';

END
{
	my $status = $?;
	if (defined $folder && -e "$folder/pid")
	{
		my $pid = slurp_file("$folder/pid") + 0;
		kill 'TERM', $pid if $pid;
		for (1 .. 50) { last unless kill 0, $pid; sleep 0.1 }
	}
	$? = $status;
}

sub dsn
{
	my ($database, $role) = @_;
	return "host=127.0.0.1 port=$port dbname=$database user=" . ($role // 'pool');
}

# What a client behind PgBouncer is told, in its own connection.
sub client
{
	my ($database, $sql, %options) = @_;
	my ($in, $out, $err) = ($sql, '', '');
	run([ 'psql', '-XAtq', '-d', dsn($database, $options{role}) . ($options{dsn} // '') ], \$in, \$out, \$err);
	return ($out, $err);
}
for (1 .. 100) { last if (client('one', 'SELECT 1'))[0] eq "1\n"; sleep 0.1 }
like(`$pgbouncer --version`, qr/^PgBouncer (\d+\.\d+)/m, 'the version of PgBouncer');
note `$pgbouncer --version`;

#
# The next client on the same connection, after one that tries
#
my $probe = <<'SQL';
SELECT 'here', coalesce(pindah_organisation_id(), 'nobody'), count(*) FROM public.shared;
SELECT current_setting('pindah.organisation_id'), current_setting('pindah.session_identity'), current_setting('pindah.session_state');
SELECT * FROM shared;
SELECT * FROM kept;
FETCH ALL FROM kept;
EXECUTE kept;
SELECT pg_temp.kept();
SELECT pg_listening_channels();
SELECT current_setting('app.kept', true);
COMMIT PREPARED 'kept';
SELECT 'still', coalesce(pindah_organisation_id(), 'nobody'), count(*) FROM public.shared;
SQL
my $clean = "here|nobody|0\n|off|discard\nstill|nobody|0\n";

my @attempts = (
	[ 'a session token', "SET pindah.token = '$ann'" ],
	[ 'is_local => false', "SELECT FROM pindah_verify_jwt('$ann', is_local => false)" ],
	[ 'a session token in a transaction', "BEGIN; SET pindah.token = '$ann'; COMMIT" ],
	[ 'a function that does it', "DO \$\$ BEGIN PERFORM set_config('pindah.token', '$ann', false); END \$\$" ],
	[ 'session_identity', "SET pindah.session_identity = on; SET pindah.token = '$ann'" ],
	[ 'session_identity by set_config', "SELECT set_config('pindah.session_identity', 'on', false); SET pindah.token = '$ann'" ],
	[ 'session_identity and session_state of the own role', "ALTER ROLE pool SET pindah.session_identity = on; ALTER ROLE pool SET pindah.session_state = keep; SET pindah.token = '$ann'" ],
	[ 'RESET ROLE, RESET ALL, DISCARD ALL', "RESET ROLE; RESET ALL; DISCARD ALL; RESET pindah.session_identity; SET pindah.token = '$ann'" ],
	[ 'claims of the role', q(SET pindah.role_claims = '{"OrganisationId": "ann"}') ],
	[ 'a failed transaction', "BEGIN; SET pindah.token = '$ann'; SELECT 1/0; COMMIT" ],
	[ 'a transaction that is left open', "BEGIN; SET pindah.token = '$ann'; SELECT count(*) FROM shared" ],
	[ 'a procedure that commits', "DO \$\$ BEGIN SET pindah.token = '$ann'; COMMIT; PERFORM set_config('pindah.token', '$ann', false); END \$\$" ],
	[ 'PREPARE TRANSACTION', "BEGIN; SET pindah.token = '$ann'; INSERT INTO shared VALUES ('ann', 'leak'); PREPARE TRANSACTION 'kept'" ],
	[ 'a cursor WITH HOLD', "BEGIN; SET pindah.token = '$ann'; DECLARE kept CURSOR WITH HOLD FOR SELECT * FROM shared; COMMIT" ],
	[ 'a cursor WITH HOLD over a temporary table', "BEGIN; SET pindah.token = '$ann'; CREATE TEMP TABLE t AS SELECT * FROM shared; DECLARE kept CURSOR WITH HOLD FOR SELECT * FROM t; COMMIT" ],
	[ 'a temporary table', "BEGIN; SET pindah.token = '$ann'; CREATE TEMP TABLE kept AS SELECT * FROM shared; COMMIT" ],
	[ 'a temporary table in one statement', "SELECT FROM pindah_verify_jwt('$ann'); CREATE TEMP TABLE kept AS SELECT * FROM shared" ],
	[ 'a temporary table of a real name', 'CREATE TEMP TABLE shared AS SELECT 1 AS trapped' ],
	[ 'a temporary function with a token', "CREATE FUNCTION pg_temp.kept() RETURNS SETOF text LANGUAGE sql SET pindah.token = '$ann' AS 'SELECT body FROM shared'" ],
	[ 'a setting of the application', "BEGIN; SET LOCAL pindah.token = '$ann'; SELECT FROM (SELECT set_config('app.kept', max(body), false) FROM shared) s; COMMIT" ],
	[ 'LISTEN', 'LISTEN leak' ],
	[ 'a prepared statement', "BEGIN; SET LOCAL pindah.token = '$ann'; SET LOCAL plan_cache_mode = force_generic_plan; PREPARE kept AS SELECT body FROM shared; EXECUTE kept; COMMIT" ],
);
for my $attempt (@attempts)
{
	my ($what, $sql) = @$attempt;
	my (undef, $complaint) = client('one', $sql);
	my ($told) = client('one', $probe);
	is($told =~ s/^\n//gmr, $clean =~ s/\n\|/\n|/gr, "transaction mode: $what");
	client('one', "ROLLBACK PREPARED 'kept'") if $what eq 'PREPARE TRANSACTION';
	client('one', 'DEALLOCATE kept') if $what eq 'a prepared statement';
}
my ($told, $complaint) = client('one', 'SELECT 1', dsn => " options='-c pindah.token=$ann'");
like($complaint, qr/unsupported startup parameter/, 'PgBouncer refuses options of the connection');
is((client('one', $probe))[0] =~ s/^\n//gmr, $clean, '... and nobody is left');
client('one', "ALTER ROLE pool SET pindah.token = '$ann'");
client('pgbouncer', 'RECONNECT one');
is((client('one', $probe))[0] =~ s/^\n//gmr, $clean, 'transaction mode: a token in the settings of the own role does not count, in a new connection either');
$node->safe_psql('postgres', 'ALTER ROLE pool RESET pindah.token');

# The same is tried where each statement is a transaction, and in a session.
for my $mode ('one_statement', 'one_session')
{
	for my $attempt (grep { $mode eq 'one_session' || $_->[1] !~ /BEGIN;|COMMIT/ } @attempts)
	{
		client($mode, $attempt->[1]);
		is((client($mode, $probe =~ s/COMMIT PREPARED.*\n//r))[0] =~ s/^\n//gmr, $clean, "$mode: $attempt->[0]");
		client($mode, 'DEALLOCATE kept');
		client($mode, "ROLLBACK PREPARED 'kept'") if $attempt->[0] eq 'PREPARE TRANSACTION';
	}
}
# With session_identity on, it is PgBouncer's DISCARD ALL that clears a session.
client('one_session', "SET pindah.token = '$ann'; CREATE TEMP TABLE kept AS SELECT * FROM shared", role => 'whole');
is((client('one_session', 'SELECT count(*) FROM shared; SELECT * FROM kept', role => 'whole'))[0], "0\n", 'session mode, session_identity = on: DISCARD ALL');

#
# Many at once
#
for my $load ([ 'transaction', $requests / 2, JSON::PP::false ], [ 'transaction', $requests / 2, JSON::PP::true ],
	[ 'session', $requests / 20, JSON::PP::true ], [ 'statement', $requests / 20, JSON::PP::false ])
{
	my ($mode, $count, $explicit) = @$load;
	# In session mode a connection serves one client to its end.
	my $began = time;
	my $in = $json->encode({ dsn => dsn($mode), tokens => \%tokens, rows => $rows, requests => $count, explicit => $explicit });
	my $out = '';
	run([ '/usr/bin/python3', "$FindBin::Bin/../clients/pooled_requests.py" ], \$in, \$out, '2>', "$folder/errors")
	  or diag(slurp_file("$folder/errors"));
	my $result = $json->decode($out);
	is($result->{requests} + $result->{nobody}, int($count / 20) * 20,
		sprintf '%s mode, %s: %d requests of 20 tenants over 5 connections', $mode, $explicit ? 'BEGIN … COMMIT' : 'one query string', $count);
	is("@{$result->{crossed}}", '', sprintf '... no row and no identity crossed (%.1f s)', time - $began);
	cmp_ok($result->{nobody}, '>', 0, '... and those who said nothing saw nothing');
}
my $used = $node->safe_psql('postgres', "SELECT max(n) FROM (SELECT count(*) AS n FROM pg_stat_activity WHERE usename = 'pool' GROUP BY datname) s");
cmp_ok($used, '<=', 18, 'over the connections of the pools, and no more');

$node->stop;
done_testing();
