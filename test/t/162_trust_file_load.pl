# The trust file while it is switched under load: no token of a good state is
# refused, two states are never mixed, nothing crashes, memory stays flat.
# Parallel workers and a standby, which has a file of its own.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../kit";
use JSON::PP;
use PindahTest;
use POSIX qw(_exit);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = PostgreSQL::Test::Cluster->new('trust_file_load');
$node->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C' ]);
my $folder = $node->basedir . '/trust';
my $file = "$folder/trust.json";
mkdir $folder or die $!;

#
# Two good states that share an issuer, and differ in another whose audience
# stands in the trust file and whose key stands beside it
#
my $issuer = 'https://issuer.example';
my %secret = map { $_ => new_secret() } qw(always 1 2);
for my $state (1, 2)
{
	my $day = "$folder/..$state";
	mkdir $day or die $!;
	replace_file("$day/jwks.json", { keys => [ secret_jwk($secret{$state}, 'k') ] });
	replace_file("$day/trust.json", { issuers => [
		{ issuer => $issuer, jwks => { keys => [ secret_jwk($secret{always}, 'k'), secret_jwk($secret{$state}, "k$state") ] } },
		{ issuer => 'mixed', audience => "state-$state", jwks_file => 'jwks.json' } ] });
}
sub switch_to
{
	my ($state) = @_;
	symlink "..$state", "$folder/..data.new" or die $!;
	rename "$folder/..data.new", "$folder/..data" or die $!;
	return;
}
switch_to(1);
symlink "..data/$_", "$folder/$_" or die $! for qw(trust.json jwks.json);

$node->append_conf('postgresql.conf', <<"CONF");
shared_preload_libraries = 'pindah_auth'
pindah.trust_file = '$file'
log_statement = none
max_connections = 50
parallel_setup_cost = 0
parallel_tuple_cost = 0
min_parallel_table_scan_size = 0
CONF
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION pindah_auth;
CREATE ROLE app LOGIN;
CREATE TABLE t (id integer, "OrganisationId" text NOT NULL);
INSERT INTO t SELECT g, 'organisation-' || g % 2 FROM generate_series(1, 5000) g;
GRANT SELECT ON t TO app;
SELECT pindah_protect_table('t');
ANALYZE t;
SQL

my $always = hmac_token($secret{always}, '{"alg":"HS256","kid":"k"}', claims());
my %of = map { $_ => hmac_token($secret{$_}, '{"alg":"HS256","kid":"k"}', claims(iss => '"mixed"', aud => qq("state-$_"))) } 1, 2;
my %mix = map { $_ => hmac_token($secret{$_}, '{"alg":"HS256","kid":"k"}', claims(iss => '"mixed"', aud => '"state-' . (3 - $_) . '"')) } 1, 2;
my $reason = sub { "(SELECT coalesce(reason, 'valid') FROM pindah_inspect_jwt('$_[0]'))" };
is($node->safe_psql('postgres', 'SELECT ' . join ', ', map { $reason->($_) } $always, @of{ 1, 2 }, @mix{ 1, 2 }),
	'valid|valid|bad_signature|wrong_audience|bad_signature', 'the first state');

#
# Switched 50 times a second, broken now and then
#
sub while_switching
{
	my ($code) = @_;
	my $writer = fork // die $!;
	if ($writer == 0)
	{
		my $n = 0;
		my $stop = time + 60;
		while (time < $stop)
		{
			$n++;
			switch_to(1 + $n % 2);
			if ($n % 10 == 0)
			{
				# Half a file, a folder, nothing: what a careless writer leaves.
				unlink $file;
				if ($n % 30 == 0) { open my $half, '>', $file; print $half '{"issuers": ['; close $half }
				if ($n % 30 == 10) { mkdir $file }
				sleep 0.02;
				$n % 30 == 10 ? rmdir $file : unlink $file;
				symlink '..data/trust.json', $file;
			}
			sleep 0.02;
		}
		_exit(0);
	}
	my @result = $code->();
	kill 'KILL', $writer;
	waitpid $writer, 0;
	# The writer may have been stopped anywhere.
	-d $file && !-l $file ? rmdir $file : unlink $file;
	symlink '..data/trust.json', $file or die $!;
	unlink "$folder/..data.new";
	switch_to(1);
	return @result;
}

my $script = $node->basedir . '/verify.sql';
append_to_file($script, <<"SQL");
DO \$\$ BEGIN
	IF @{[ $reason->($always) ]} <> 'valid' THEN RAISE 'refused'; END IF;
	IF @{[ $reason->($mix{1}) ]} = 'valid' OR @{[ $reason->($mix{2}) ]} = 'valid' THEN RAISE 'mixed'; END IF;
	IF (@{[ $reason->($of{1}) ]} = 'valid') = (@{[ $reason->($of{2}) ]} = 'valid') THEN RAISE 'neither or both'; END IF;
END \$\$;
SET pindah.token = '$always';
DO \$\$ BEGIN
	IF pindah_user_id() IS DISTINCT FROM 'user-1' THEN RAISE 'nobody'; END IF;
END \$\$;
SQL
my ($out, $err) = ('', '');
my ($ran) = while_switching(sub {
	my $good = run_log([ 'pgbench', '-n', '-c', '8', '-j', '2', '-T', '4', '-f', $script, $node->connstr('postgres') ], '>', \$out, '2>', \$err)
	  && run_log([ 'pgbench', '-n', '-C', '-c', '4', '-T', '3', '-f', $script, $node->connstr('postgres') ], '>>', \$out, '2>>', \$err);
	return $good;
});
ok($ran, 'sessions that stay and new ones: no token of a good state refused, no two states mixed') or diag("$out\n$err");
unlike($err, qr/ERROR|FATAL|abort/, '... and no error');
note join ', ', $out =~ /(number of transactions actually processed: \d+)/g;
my $log = slurp_file($node->logfile);
my $told = () = $log =~ /could not use trust file/g;
cmp_ok($told, '>', 0, 'the log was told of broken states');
cmp_ok($told, '<', 300, '... by one session for all, not by each');
unlike($log, qr/terminated by signal|PANIC|TRAP/, 'nothing crashed');

#
# 1000 reloads: a session and the postmaster stay as they are
#
replace_file("$folder/state$_", { issuers => [ { issuer => $issuer, jwks => { keys => [ secret_jwk($secret{always}, 'k'), secret_jwk($secret{$_}, "k$_") ] } } ] }) for 1, 2;
unlink $file or die $!;
my ($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
my $memory = "SELECT sum(total_bytes) FROM pg_backend_memory_contexts WHERE name <> 'ErrorContext'";
my $resident = "SELECT split_part(pg_read_file('/proc/' || pg_backend_pid() || '/statm'), ' ', 2), split_part(pg_read_file('/proc/$postmaster/statm'), ' ', 2)";
my $second = hmac_token($secret{2}, '{"alg":"HS256","kid":"k2"}', claims());
my @one = map { ("\\! ln $folder/state$_ $file.new && mv -f $file.new $file && kill -HUP $postmaster", 'SELECT ' . $reason->($second)) } 1, 2;
sub reloads { return join '', map { "$_\n" } map { s/^(SELECT.*)/$1;/r } (@one) x $_[0] }
my $all = $node->basedir . '/reloads.sql';
append_to_file($all, "$memory; $resident;\n" x 2 . reloads(60) . "$memory; $resident;\n" . reloads(450) . "$memory; $resident;\n");
my $printed = $node->safe_psql('postgres', "\\i $all");
my @figures = grep { /^\d/ } split /\n/, $printed;
my ($context_before, $rss_before, $context_after, $rss_after) = @figures[ -4 .. -1 ];
my @verdicts = grep { /^[a-z_]+$/ } split /\n/, $printed;
my $flips = grep { $verdicts[$_] ne $verdicts[ $_ - 1 ] } 1 .. $#verdicts;
note "memory contexts $context_before, then $context_after; pages of session and postmaster $rss_before, then $rss_after; $flips switches seen";
cmp_ok($flips, '>', 300, 'a session has seen hundreds of reloads');
cmp_ok($context_after, '<=', $context_before + 64 * 1024, 'its memory contexts have not grown');
my @grown = map { (split /\|/, $rss_after)[$_] - (split /\|/, $rss_before)[$_] } 0, 1;
cmp_ok($grown[0], '<=', 512, 'its resident memory has not grown');
cmp_ok($grown[1], '<=', 512, 'nor has that of the postmaster');

#
# Parallel workers
#
replace_file($file, { issuers => [ { issuer => $issuer, jwks => { keys => [ secret_jwk($secret{always}, 'k') ] } } ] });
$node->reload;
my $count = 'SELECT count(*), min("OrganisationId") FROM t';
my @results = run_sql($node, [
	[ 'SET parallel_leader_participation = off', 'SET max_parallel_workers_per_gather = 2', 'SET ROLE app', $count ],
	[ "SET pindah.token = '$always'", $count ],
	"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) $count" ]);
is($results[0][0], '0|', 'nobody: a worker sees no row');
is($results[1][0], '2500|organisation-1', 'workers believe the file');
like($results[2][0], qr/Workers Launched: [12]/, '... and it was they who looked');

#
# A standby has its own file
#
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
replace_file("$folder/standby.json", { issuers => [ { issuer => $issuer, jwks => { keys => [ secret_jwk($secret{2}, 'k2') ] } } ] });
$standby->append_conf('postgresql.conf', "pindah.trust_file = '$folder/standby.json'\n");
$standby->start;
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is($standby->safe_psql('postgres', "SELECT " . join ', ', map { $reason->($_) } $always, $second), 'unknown_key|valid', 'a standby believes its own file');
is($node->safe_psql('postgres', "SELECT " . join ', ', map { $reason->($_) } $always, $second), 'valid|unknown_key', '... and the primary its');
$node->safe_psql('postgres', trust($issuer, [ secret_jwk($secret{always}, 'k') ]));
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is($standby->safe_psql('postgres', "SELECT " . join ', ', map { $reason->($_) } $always, $second), 'valid|unknown_key', 'the tables are replicated, and win');
is($standby->safe_psql('postgres', "SELECT string_agg(source || ' ' || state, ', ' ORDER BY source) FROM pindah.trust"), 'file shadowed, table active', 'the view works there');
$standby->stop;
$node->stop;
done_testing();
