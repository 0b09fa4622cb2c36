# Tokens that are taken back, as other sessions see it: idle ones, busy ones,
# workers, prepared transactions; and what it costs those who are not hit.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../kit";
use PindahTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $secret = new_secret();
my $issuer = 'https://issuer.example';
my $node = start_node('revocation', <<'CONF');
max_prepared_transactions = 2
max_parallel_workers_per_gather = 2
max_worker_processes = 8
parallel_setup_cost = 0
parallel_tuple_cost = 0
min_parallel_table_scan_size = 0
parallel_leader_participation = off
autovacuum = off
CONF
$node->safe_psql('postgres', trust($issuer, [ secret_jwk($secret, 'k') ]) . <<'SQL');
CREATE ROLE app LOGIN;
CREATE ROLE helpdesk LOGIN;
GRANT EXECUTE ON FUNCTION pindah_revoke_user(text, text, text, timestamptz), pindah_remove_old_revocations() TO helpdesk;
CREATE TABLE t (id integer, "OrganisationId" text NOT NULL);
INSERT INTO t SELECT g, 'organisation-1' FROM generate_series(1, 1000) g;
CREATE TABLE other ();
GRANT ALL ON t, other TO app;
SELECT pindah_protect_table('t');
ANALYZE t;
CREATE FUNCTION asks_twice() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	first text := pindah_user_id();
BEGIN
	PERFORM pg_advisory_xact_lock(7);
	PERFORM FROM other;
	RETURN first || ' ' || pindah_user_id();
END $$;
SQL

sub token
{
	return hmac_token($secret, '{"alg":"HS256","kid":"k"}', claims(iat => time - 100, @_));
}
my %token = map { $_ => token(sub => qq("$_"), jti => qq("jti-$_")) } qw(ann bob);
my $who = 'SELECT pindah_user_id()';
my $count = 'SELECT count(*) FROM t';
my $reason = "SELECT coalesce(pindah_whoami()->>'detail', pindah_whoami()->>'user_id')";
my $gone = 'the tokens of the user have been revoked';
my $revoke = "SELECT pindah_revoke_user('$issuer', 'ann')";
my $pardon = 'TRUNCATE pindah.revocations';

sub session
{
	my ($name) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query_safe("SELECT pindah_user_id() IS NULL; SET ROLE app; SET pindah.token = '$token{$name}'");
	return $session;
}
my $ann = session('ann');
my $bob = session('bob');

# Ask a session, and give what it said on both channels.
sub ask
{
	my ($session, $sql) = @_;
	my ($out) = $session->query($sql);
	my $err = $session->{stderr};
	$session->{stderr} = '';
	return "$out$err";
}

#
# Refused from the next statement on
#
is($node->safe_psql('postgres', "$revoke; SELECT kind, issuer, subject FROM pindah.revocations", extra_params => ['-q']), "\nuser|$issuer|ann", 'a user is revoked');
like(ask($ann, $who), qr/28000|identity is no longer in force: $gone/, 'a session that was signed in is refused');
like(ask($ann, $count), qr/identity is no longer in force: $gone/, '... by a policy too');
like(ask($ann, "SET pindah.token = '$token{ann}'"), qr/token refused: $gone/, '... and cannot sign in again with the same token');
is(ask($bob, $count), '1000', 'somebody else goes on');
is(ask($bob, "SELECT coalesce(reason, 'valid') FROM pindah_inspect_jwt('$token{ann}')"), 'revoked', 'and is told that the token is revoked');
$node->safe_psql('postgres', $pardon);
is(ask($ann, $who), 'ann', 'pardoned: the session goes on');

# A helpdesk revokes without any right on the table.
$node->safe_psql('postgres', "BEGIN; $revoke; COMMIT", extra_params => [ '-U', 'helpdesk' ]);
is(ask($ann, $reason), $gone, 'whoever was granted the function may revoke');
my $err;
$node->psql('postgres', 'DELETE FROM pindah.revocations', extra_params => [ '-U', 'helpdesk' ], stderr => \$err);
like($err, qr/permission denied for schema pindah|permission denied for table/, '... and no more');

# A limit that is nobody's to set removes nothing.
$node->safe_psql('postgres', "UPDATE pindah.revocations SET revoked_at = now() - interval '3 days'");
$node->psql('postgres', "SET pindah.max_token_lifetime = '1'; SELECT pindah_remove_old_revocations()",
	extra_params => [ '-U', 'helpdesk' ], stderr => \$err);
like($err, qr/FATAL:  permission denied to set parameter "pindah.max_token_lifetime"/, 'a limit set before the library was loaded ends the session');
is($node->safe_psql('postgres', "SELECT pindah_remove_old_revocations()", extra_params => [ '-U', 'helpdesk' ]), '0', 'without a limit nothing is old');
is($node->safe_psql('postgres', "SELECT kind FROM pindah.revocations"), 'user', 'and the entry is still there');
$node->safe_psql('postgres', $pardon);

# Two-phase commit: prepared is not committed.
$node->safe_psql('postgres', "BEGIN; $revoke; PREPARE TRANSACTION 'two'");
is(ask($ann, $who), 'ann', 'a revocation that is prepared does not count');
$node->safe_psql('postgres', "COMMIT PREPARED 'two'");
is(ask($ann, $reason), $gone, '... and does when that is committed');

# What is done to the table as a table changes nothing.
for my $command ('VACUUM FULL pindah.revocations', 'REINDEX TABLE CONCURRENTLY pindah.revocations',
	'CLUSTER pindah.revocations USING revocations_pkey', 'VACUUM (FREEZE) pindah.revocations')
{
	$node->safe_psql('postgres', $command);
	is(ask($ann, $reason), $gone, "still revoked after $command");
}
is(ask($bob, $who), 'bob', 'and the other is not');
$node->safe_psql('postgres', $pardon);

#
# Busy sessions
#
my $lock = $node->background_psql('postgres', on_error_stop => 0);

# Start a statement of Ann's that waits in its middle; revoke; let it go on.
sub revoke_during
{
	my ($sql) = @_;
	$lock->query_safe('SELECT pg_advisory_lock(7)');
	$ann->query_until(qr/begun/, "\\echo begun\n$sql;\n");
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
	  or die 'it does not wait';
	$node->safe_psql('postgres', $revoke);
	$lock->query_safe('SELECT pg_advisory_unlock(7)');
	my $said = ask($ann, "\\echo");
	is(ask($ann, $reason), $gone, '... and the next statement is refused');
	$node->safe_psql('postgres', $pardon);
	return $said;
}
ask($ann, 'SET max_parallel_workers_per_gather = 0');
like(revoke_during('SELECT count(pg_advisory_xact_lock(7)) FROM t'),
	qr/^1000$/m, 'a statement that runs is answered to its end');
like(revoke_during('SELECT asks_twice()'), qr/identity is no longer in force: $gone/,
	'a function that asks anew, after it has opened another table, is refused half-way');
$lock->quit;

ask($ann, 'RESET max_parallel_workers_per_gather');

# A cursor, and rows that were copied.
$ann->query_safe("BEGIN; DECLARE c CURSOR FOR SELECT id FROM t; DECLARE h CURSOR WITH HOLD FOR SELECT id FROM t; MOVE 1 FROM c");
$node->safe_psql('postgres', $revoke);
like(ask($ann, 'FETCH 1 FROM c'), qr/identity is no longer in force/, 'an open cursor is refused');
like(ask($ann, 'ROLLBACK'), qr/^$/, '');
$node->safe_psql('postgres', $pardon);
$ann->query_safe("BEGIN; DECLARE h CURSOR WITH HOLD FOR SELECT id FROM t; COMMIT");
$node->safe_psql('postgres', $revoke);
is(ask($ann, 'FETCH 1 FROM h'), '1', 'a cursor WITH HOLD has its rows already');
like(ask($ann, "BEGIN; DECLARE g CURSOR WITH HOLD FOR SELECT id FROM t; COMMIT"), qr/identity is no longer in force/, '... but none can be opened');
ask($ann, 'ROLLBACK');
$node->safe_psql('postgres', $pardon);

#
# Parallel workers
#
my $plan = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) $count";
$node->safe_psql('postgres', "SELECT pindah_revoke_user('$issuer', 'somebody')");
like(ask($ann, $plan), qr/Workers Launched: [12]/, 'workers look while others are revoked');
is(ask($ann, $count), '1000', '... and see the rows');
$node->safe_psql('postgres', $revoke);
like(ask($ann, $count), qr/identity is no longer in force: $gone/, 'revoked: no worker does');
$node->safe_psql('postgres', $pardon);
# What the leader has not committed, a worker that judges by itself knows.
my ($forced) = $node->safe_psql('postgres', "SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')");
my @results = run_sql($node, [
	[ "SET $forced = on", "SET pindah.token = '$token{ann}'", 'BEGIN', $who ],
	[ 'SAVEPOINT s', $revoke, $reason, 'ROLLBACK TO s', $who, 'ROLLBACK' ] ]);
is($results[0][0], 'ann', 'a worker answers');
is($results[1][0], "\n$gone\nann", 'a worker knows what its leader has not committed, and what it has rolled back');

#
# Connections
#
$node->safe_psql('postgres', "ALTER ROLE app SET session_preload_libraries = 'pindah_auth'; $revoke");
{
	local $ENV{PGOPTIONS} = "-c pindah.token=$token{ann}";
	my ($out, $complaint);
	$node->psql('postgres', "$who IS NULL", extra_params => [ '-U', 'app' ], stdout => \$out, stderr => \$complaint);
	is($out, 't', 'a revoked token among the options of a connection signs nobody in');
	unlike($complaint, qr/\Q$token{ann}\E/, '... and is not shown');
	local $ENV{PGOPTIONS} = "-c pindah.token=$token{bob}";
	is($node->safe_psql('postgres', $who, extra_params => [ '-U', 'app' ]), 'bob', 'another one does');
}
$node->safe_psql('postgres', $pardon);

#
# What it costs those who are not hit: scans of the index
#
sub scans
{
	my @statements = @_;
	my $scans = "SELECT 'scans:' || pg_stat_get_xact_numscans('pindah.revocations_pkey'::regclass)";
	my @found = run_sql($node, [ [ "SET pindah.token = '$token{bob}'", $who ],
		map { my ($prepare, @measured) = @$_; [ 'BEGIN', $prepare, $scans, @measured, $scans, 'COMMIT' ] } @statements ]);
	return map { my ($before, $after) = $_->[0] =~ /scans:(\d+)/g; $after - $before } @found[ 1 .. $#found ];
}
my $new = join ', ', map { sql_text(token(sub => qq("user-$_"), jti => qq("jti-$_"))) } 1 .. 50;
my $fifty = "SELECT count(*) FROM unnest(ARRAY[$new]) n, LATERAL set_config('pindah.token', n, true)";
my $again = "SELECT count(*) FROM generate_series(1, 100), LATERAL set_config('pindah.token', '$token{bob}', true)";
my $uses = "DO \$\$ BEGIN FOR i IN 1 .. 100 LOOP EXECUTE 'SELECT pindah_user_id(), ' || i; END LOOP; END \$\$";
my @scans = scans([ $who, $uses, $again, $fifty ]);
is("@scans", '0', 'nothing is revoked: neither uses nor new tokens look');
$node->safe_psql('postgres', "INSERT INTO pindah.revocations SELECT 'user', '$issuer', 'user-' || n, now() FROM generate_series(100, 2100) n");
@scans = scans([ $who, $uses ], [ $who, $again, $who ], [ $who, $fifty ], [ $who, $fifty ]);
is($scans[0], 0, 'others are revoked: uses do not look');
is($scans[1], 0, '... nor does a token that is known');
is($scans[2], 100, '... and a new token once, for the one kind there is, and for all');
is($scans[3], 0, '... and not again');
my $other = "SELECT pindah_revoke_token('$issuer', 'x')";
@scans = scans([ $other, $uses ], [ $other, $uses, $again ]);
is($scans[0], 8, 'after a change a session looks once: which of five kinds there are, and for three of them');
is($scans[1], 11, '... and for a token that is known, once more');

#
# What a dump takes along
#
$node->safe_psql('postgres', "$pardon; SELECT pindah_revoke_user('$issuer', 'ann', 'left', 'infinity')");
my $dump = $node->basedir . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, 'postgres' ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '-q', '-d', 'restored', '-f', $dump ], 'restored');
is($node->safe_psql('restored', 'SELECT kind, issuer, subject, revoked_at, expires_at, reason FROM pindah.revocations'),
	"user|$issuer|ann|infinity||left", 'the entries are there');
is($node->safe_psql('restored', "SELECT reason FROM pindah_inspect_jwt('$token{ann}')"), 'revoked', 'and count');
is($node->safe_psql('restored', "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'pindah.revocations'::regclass AND tgenabled = 'A'"), '3', 'the triggers fire ALWAYS');

$ann->quit;
$bob->quit;
my $log = slurp_file($node->logfile);
unlike($log, qr/\Q$PindahTest::CANARY\E/, 'no claim is in the log');
$node->stop;
done_testing();
