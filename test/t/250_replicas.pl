# Reads that are spread over two standbys by PgBouncer: each verifies for itself,
# by the trust and revocations that it has replayed.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../kit";
use IPC::Run qw(run);
use PindahTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $pgbouncer = (grep { -x } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), '/usr/sbin')[0];
plan skip_all => 'PgBouncer is not installed' unless $pgbouncer;

my $secret = new_secret();
my $issuer = 'https://issuer.example';
my $port = PostgreSQL::Test::Cluster::get_free_port();
my %host = (primary => '127.0.0.1', near => '127.0.0.2', far => '127.0.0.3');

# A token of a user of a tenant; each user has its own.
sub token_of
{
	my ($tenant, $user) = @_;
	return hmac_token($secret, '{"alg":"HS256","kid":"k"}',
		claims(sub => qq("user-$user"), OrganisationId => $tenant, jti => qq("jti-$user"), iat => time() - 10));
}

# Let a node listen on an address of its own, all on one port.
sub settle
{
	my ($node, $name) = @_;
	my $sockets = PostgreSQL::Test::Utils::tempdir_short();
	$node->append_conf('postgresql.conf', <<"CONF");
listen_addresses = '$host{$name}'
unix_socket_directories = '$sockets'
port = $port
cluster_name = '$name'
shared_preload_libraries = 'pindah_auth'
CONF
	$node->append_conf('pg_hba.conf', "host all all 127.0.0.0/8 trust\nhost replication all 127.0.0.0/8 trust");
	$node->{_host} = $sockets;
	$node->{_port} = $port;
	return;
}

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C' ]);
settle($primary, 'primary');
$primary->start;
$primary->safe_psql('postgres', 'CREATE EXTENSION pindah_auth;' . trust($issuer, [ secret_jwk($secret, 'k') ]) . <<'SQL');
CREATE ROLE app LOGIN;
ALTER ROLE app SET pindah.session_identity = off;
CREATE TABLE invoices (id integer, "OrganisationId" bigint NOT NULL);
INSERT INTO invoices SELECT i, i % 20 FROM generate_series(1, 2000) i;
GRANT SELECT, INSERT ON invoices TO app;
SELECT pindah_protect_table('invoices');
SQL
$primary->backup('base');
my %standby;
for my $name (qw(near far))
{
	$standby{$name} = PostgreSQL::Test::Cluster->new($name);
	$standby{$name}->init_from_backup($primary, 'base', has_streaming => 1);
	settle($standby{$name}, $name);
	$standby{$name}->start;
}

# Everything that was committed is replayed everywhere.
sub replayed
{
	my $lsn = $primary->lsn('insert');
	$standby{$_}->poll_query_until('postgres', "SELECT pg_last_wal_replay_lsn() >= '$lsn'::pg_lsn") or die "$_ lags" for sort keys %standby;
	return;
}

#
# PgBouncer: writes to the primary, reads to the standbys in turn
#
my $folder = PostgreSQL::Test::Utils::tempdir_short();
my $pool_port = PostgreSQL::Test::Cluster::get_free_port();
append_to_file("$folder/users", "\"app\" \"\"\n");
append_to_file("$folder/pgbouncer.ini", <<"INI");
[databases]
writes = host=$host{primary} port=$port dbname=postgres
reads = host=$host{near},$host{far} port=$port dbname=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $pool_port
auth_type = trust
auth_file = $folder/users
pool_mode = transaction
default_pool_size = 4
server_round_robin = 1
unix_socket_dir =
logfile = $folder/log
pidfile = $folder/pid
INI
run([ $pgbouncer, '-q', '-d', "$folder/pgbouncer.ini" ]) or die 'PgBouncer did not start: ' . slurp_file("$folder/log");
END
{
	local $?;
	kill 'INT', slurp_file("$folder/pid") =~ /(\d+)/ if defined $folder && -s "$folder/pid";
}

# Run requests, each a transaction with a token of its own; the lines that each
# printed, or its error.
sub requests
{
	my ($pool, @requests) = @_;
	my $script = "\\set ON_ERROR_STOP off\n\\pset format unaligned\n\\pset tuples_only on\n";
	for my $i (0 .. $#requests)
	{
		my ($token, $query) = @{ $requests[$i] };
		# A connection each, so that both standbys have their turn.
		$script .= "\\echo <<<$i>>>\n\\c\nBEGIN;\nSELECT 'x' || count(pindah_verify_jwt('$token'));\n$query;\nCOMMIT;\n";
	}
	my ($out, $err) = ('', '');
	run([ 'psql', '-Xq', "host=127.0.0.1 port=$pool_port dbname=$pool user=app" ], \$script, '>', \$out, '2>&1');
	my (undef, @pieces) = split /^<<<\d+>>>\n/m, $out;
	return map { [ grep { !/^x1$/ && !/^You are now/ } split /\n/ ] } @pieces;
}

# Four clients at once, so that the pool has connections to both.
my @clients = map { IPC::Run::start([ 'psql', '-Xqc', 'SELECT pg_sleep(0.5)', "host=127.0.0.1 port=$pool_port dbname=reads user=app" ], '>', '/dev/null') } 1 .. 4;
$_->finish for @clients;

my $rows = q{SELECT current_setting('cluster_name') || ' ' || count(*) || ' ' || min("OrganisationId") || ' ' || max("OrganisationId") FROM invoices};
my (%answered, @wrong);
my @tenants = map { $_ % 20 } 0 .. 199;
my @answers = requests('reads', map { [ token_of($_, $_), $rows ] } @tenants);
for my $i (0 .. $#tenants)
{
	my ($server, $count, $min, $max) = split / /, $answers[$i][0] // '';
	$answered{ $server // 'none' }++;
	push @wrong, "@{$answers[$i]}" unless @{ $answers[$i] } == 1 && $count == 100 && $min == $tenants[$i] && $max == $tenants[$i];
}
is("@wrong", '', '200 requests of 20 tenants: each sees its own 100 rows');
is(join(' ', sort keys %answered), 'far near', 'both standbys answered');
my ($nobody) = requests('reads', [ 'x.y.z', $rows ]);
like("@$nobody", qr/token refused/, 'a bad token is refused there');

my ($written) = requests('writes', [ token_of(7, 7), q{INSERT INTO invoices VALUES (5000)} ]);
is("@$written", '', 'a write goes to the primary');
replayed();
@answers = requests('reads', map { [ token_of(7, 7), $rows ] } 1 .. 8);
is(scalar(grep { $_->[0] =~ / 101 7 7$/ } @answers), 8, '... and is read on both standbys once replayed');

#
# Trust and revocation, right on each
#
# How the standbys answer a token now, as "near: what; far: what".
sub verdicts
{
	my ($token) = @_;
	return join '; ', map {
		"$_: " . $standby{$_}->safe_psql('postgres', "SELECT coalesce(reason, 'valid') FROM pindah_inspect_jwt('$token')") } sort keys %standby;
}
my %session = map { $_ => $standby{$_}->background_psql('postgres', on_error_stop => 0) } sort keys %standby;
$session{$_}->query_safe("SET pindah.token = '" . token_of(3, 3) . "'") for keys %session;

$standby{far}->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
$standby{far}->poll_query_until('postgres', "SELECT pg_get_wal_replay_pause_state() = 'paused'");
$primary->safe_psql('postgres', "SELECT pindah_revoke_user('$issuer', 'user-3')");
my $revoked_at = $primary->lsn('insert');
$standby{near}->poll_query_until('postgres', "SELECT pg_last_wal_replay_lsn() >= '$revoked_at'::pg_lsn");
is(verdicts(token_of(3, 3)), 'far: valid; near: revoked', 'a standby that lags does not know of the revocation yet');
is($session{near}->query_safe("SELECT pindah_whoami()->>'reason'"), 'revoked', '... the other one refuses the session that was there');
is($session{far}->query_safe('SELECT pindah_user_id()'), 'user-3', '... while that of the lagging one goes on');
$standby{far}->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');
replayed();
is(verdicts(token_of(3, 3)), 'far: revoked; near: revoked', 'once it is replayed, both refuse');
is($session{far}->query_safe("SELECT pindah_whoami()->>'reason'"), 'revoked', '... in sessions of before too');
@answers = requests('reads', map { [ token_of(3, 3), $rows ] } 1 .. 8);
is(scalar(grep { "@$_" =~ /revoked/ } @answers), 8, '... and through the pool');
@answers = requests('reads', map { [ token_of(3, 23), $rows ] } 1 .. 8);
is(scalar(grep { $_->[0] =~ / 100 3 3$/ } @answers), 8, '... but not another user of that tenant');

$primary->safe_psql('postgres', "SELECT pindah_revoke_token('$issuer', 'jti-4'); SELECT pindah_revoke_organisation('5')");
replayed();
is(verdicts(token_of(4, 4)), 'far: revoked; near: revoked', 'a token, on both');
is(verdicts(token_of(5, 5)), 'far: revoked; near: revoked', 'an organisation, on both');

#
# A promoted standby
#
$standby{near}->promote;
is(verdicts(token_of(4, 4)), 'far: revoked; near: revoked', 'what was revoked stays so on the promoted standby');
is($standby{near}->safe_psql('postgres', "SELECT valid FROM pindah_inspect_jwt('" . token_of(6, 6) . "')"), 't', 'which verifies');
$standby{near}->safe_psql('postgres', "SELECT pindah_revoke_user('$issuer', 'user-6')");
is($standby{near}->safe_psql('postgres', "SELECT reason FROM pindah_inspect_jwt('" . token_of(6, 6) . "')"), 'revoked', '... and revokes');

$_->quit for values %session;
$_->stop for $standby{near}, $standby{far}, $primary;
done_testing();
