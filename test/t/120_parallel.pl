# Parallel workers act for whom their leader acts for, and say nothing more.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../kit";
use PindahTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $secret = new_secret();
my $issuer = 'https://issuer.example';
my $node = start_node('parallel', <<'CONF');
pindah.clock_skew = 0
max_parallel_workers_per_gather = 2
max_worker_processes = 8
parallel_setup_cost = 0
parallel_tuple_cost = 0
min_parallel_table_scan_size = 0
enable_indexscan = off
enable_bitmapscan = off
enable_indexonlyscan = off
log_min_messages = debug1
CONF
$node->safe_psql('postgres', trust($issuer, [ secret_jwk($secret, 'k') ]) . <<'SQL');
CREATE ROLE app LOGIN;
CREATE TABLE t (id integer, "OrganisationId" text NOT NULL);
INSERT INTO t SELECT g, 'organisation-' || g % 2 FROM generate_series(1, 20000) g;
GRANT ALL ON t TO app;
GRANT USAGE ON SCHEMA pindah TO app;
GRANT ALL ON pindah.keys, pindah.issuers TO app;
-- Row security keeps even those with a grant out of these.
CREATE POLICY app ON pindah.keys TO app USING (true);
CREATE POLICY app ON pindah.issuers TO app USING (true);
SELECT pindah_protect_table('t', permission => 'a:b');
ANALYZE t;
SQL

sub token
{
	return hmac_token($secret, '{"alg":"HS256","kid":"k"}', claims(Permission => '"a:b:view"', @_));
}
my $one = token();
my $none = token(OrganisationId => '"organisation-0"', Permission => '"a:b:edit"');
my $count = 'SELECT count(*), min("OrganisationId"), max("OrganisationId") FROM t';
# Leader takes no part: every answer is a worker's.
my @workers = ('SET parallel_leader_participation = off', 'SET ROLE app');

my @results = run_sql($node, [
	[ @workers, $count ],
	[ "SET pindah.token = '$none'", $count ],
	[ "SET pindah.token = '$one'", $count ],
	"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) $count",
	[ 'BEGIN', "SET LOCAL pindah.token = '$none'", $count, 'ROLLBACK', $count ],
	[ 'RESET ROLE', q(SET pindah.role_claims = '{"OrganisationId": "organisation-0", "Permission": "a:b:view"}'), 'SET ROLE app', $count ],
	[ 'RESET pindah.token', $count ] ]);
is($results[0][0], '0||', 'nobody: a worker sees no row');
is($results[1][0], '0||', 'no permission: a worker sees no row');
is($results[2][0], '10000|organisation-1|organisation-1', 'a token: a worker sees its tenant\'s rows');
like($results[3][0], qr/Workers Launched: [12]/, 'and it was workers that looked');
is($results[4][0], "0||\n10000|organisation-1|organisation-1", 'SET LOCAL and its end reach the workers');
is($results[5][0], '10000|organisation-1|organisation-1', 'role_claims: a token wins in a worker too');
is($results[6][0], '10000|organisation-0|organisation-0', 'role_claims reach the workers');

# Every function, in a worker.
my $forced = $node->safe_psql('postgres', "SELECT name FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query')");
@results = run_sql($node, [ [ "SET $forced = on", "SET pindah.token = '$one'",
	"SELECT pindah_user_id(), pindah_organisation_id(), pindah_has_permission('a:b:view'), pindah_roles(), pindah_whoami()->>'authenticated',
		pindah_claim('sub'), (SELECT valid FROM pindah_inspect_jwt('$one')), current_setting('pindah.user_id')" ] ]);
is($results[0][0], 'user-1|organisation-1|t|{}|true|user-1|t|user-1', 'all accessors and settings answer in a worker');

# session_identity = off: what has ended for the leader has ended for workers.
@results = run_sql($node, [
	[ 'SET pindah.session_identity = off', @workers, 'BEGIN', "SET pindah.token = '$one'", $count, 'COMMIT' ],
	$count,
	[ 'BEGIN', 'SAVEPOINT s', $count, 'ROLLBACK', $count ],
	[ 'BEGIN', "SELECT pindah_verify_jwt('$one')->>'sub'", $count, 'COMMIT', $count ],
	[ "SET pindah.token = '$one'", 'RESET ROLE', 'SET pindah.session_identity = on', 'SET ROLE app', $count ],
	[ 'RESET ROLE', 'SET pindah.session_identity = off', 'SET ROLE app', $count ] ]);
is($results[0][0], '10000|organisation-1|organisation-1', 'session_identity = off: workers see rows inside the transaction');
is($results[1][0], '0||', 'session_identity = off: and none after it');
is($results[2][0], "0||\n0||", 'session_identity = off: nor when dropping the token was undone');
is($results[3][0], "user-1\n10000|organisation-1|organisation-1\n0||", 'session_identity = off: the same with pindah_verify_jwt');
is($results[5][0], '0||', 'session_identity = off: a session token of before ends when it is turned off');
{
	local $ENV{PGOPTIONS} = "-c pindah.token=$one";
	is($node->safe_psql('postgres', "LOAD 'pindah_auth'; SET pindah.session_identity = off; " . join('; ', @workers) . "; $count"),
		'0||', 'session_identity = off: a token of the connection does not count in a worker');
}

# Uncommitted trust of the leader's own transaction.
@results = run_sql($node, [ [ @workers, 'BEGIN', "UPDATE pindah.issuers SET claim_map = '{\"user_id\": \"note\"}'", "SET LOCAL pindah.token = '$one'", $count, 'ROLLBACK' ],
	[ 'BEGIN', "SET LOCAL pindah.token = '$one'", "UPDATE pindah.keys SET state = 'revoked'", $count, 'ROLLBACK' ] ]);
is($results[0][0], '10000|organisation-1|organisation-1', 'the transaction\'s own uncommitted trust holds in a worker');
like($results[1][1], qr/28000.*reason: revoked/s, 'and its own revocation');

# Expiry, by the leader's statement time: a worker that starts late agrees.
my $short = token(exp => time() + 3);
@results = run_sql($node, [ [ @workers, "SET pindah.token = '$short'", $count ], 'SELECT pg_sleep(3)',
	'SELECT count(*) FROM t WHERE id > 0', "SET pindah.token = ''" ]);
is($results[0][0], '10000|organisation-1|organisation-1', 'a short-lived token reaches the workers');
like($results[2][1], qr/28000.*reason: expired/s, 'expired: a parallel query raises');
$short = token(exp => time() + 3);
@results = run_sql($node, [ [ @workers, "SET pindah.token = '$short'", 'CREATE TEMP TABLE late AS SELECT pg_sleep(3) IS NULL AS x, (SELECT count(*) FROM t) AS n', 'SELECT n FROM late' ] ]);
is($results[0][0], '10000', 'a worker that starts after the expiry in a statement that began before it answers');

# A role's own token, replayed in the worker before the leader's.
$node->safe_psql('postgres', "ALTER ROLE app SET pindah.token = 'not.a.token'");
@results = run_sql($node, [ [ 'SET ROLE app', "SET pindah.token = '$one'", $count ] ]);
is($results[0][0], '10000|organisation-1|organisation-1', 'what a role has set does not stop a worker');
$node->safe_psql('postgres', 'ALTER ROLE app RESET pindah.token');

# Nothing in the log, whatever a worker was started with.
my $log = slurp_file($node->logfile);
$log =~ s/^.*(?:STATEMENT|statement): .*$//gm;
unlike($log, qr/\Q$PindahTest::CANARY\E|eyJ[A-Za-z0-9_-]{40,}/, 'no token or claim is in the log at debug1');
like($log, qr/reason: expired/, 'though the refusals are');

$node->stop;
done_testing();
