# Where a token that was written into a statement can be seen by others: not in
# the log, whatever is logged, nor in the statistics views.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../kit";
use IPC::Run qw(finish start);
use PindahTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $secret = new_secret();
my $good = hmac_token($secret, '{"alg":"HS256"}', claims());
my $bad = hmac_token(new_secret(), '{"alg":"HS256"}', claims());
my $node = start_node('where_tokens_show', <<'CONF');
shared_preload_libraries = 'pg_stat_statements,pindah_auth'
pg_stat_statements.track = all
CONF
$node->safe_psql('postgres', trust('https://issuer.example', [ secret_jwk($secret, 'k') ])
	. 'CREATE EXTENSION pg_stat_statements; CREATE ROLE app LOGIN; CREATE ROLE watcher LOGIN; GRANT pg_read_all_stats TO watcher;');

my @statements = (
	"SET pindah.token = '$good'",
	"SET LOCAL pindah.token TO '$good'",
	"SET SESSION \"pindah.token\" = '$good'; SELECT 1",
	"SELECT set_config('pindah.token', '$good', false)",
	"SELECT FROM pindah_verify_jwt('$good', false)",
	"SELECT * FROM pindah_inspect_jwt('$bad')",
	"DO \$\$ BEGIN PERFORM pindah_verify_jwt('$good', false); END \$\$",
	"PREPARE p AS SELECT pindah_verify_jwt('$good', false)",
	"SET pindah.token = '$bad'",
	# Statements that fail for another reason, or before anything is known.
	"SELECT pindah_verify_jwt('$good', false), 1 / (random() * 0)::integer",
	"SET pindah.token = '$good'; SELECT no_such_column",
	"SELECT '$good' this is no SQL",
	"SELECT '$good'::integer",
	"DO \$\$ BEGIN PERFORM pindah_verify_jwt('$good', false); RAISE EXCEPTION 'with % inside', '$good'; END \$\$");

# Does a text hold a signature, or the claims, of one of the tokens?
sub shows
{
	my ($text) = @_;
	return grep { index($text, $_) >= 0 } map { (segments($_))[ 1, 2 ] } $good, $bad;
}

# What was logged while a client ran the statements.
sub logged
{
	my (@statements) = @_;
	my $before = -s $node->logfile;
	run_sql($node, \@statements, setup => "\\connect - app\n");
	return substr(slurp_file($node->logfile), $before);
}

my $log = logged(@statements);
is(shows($log), 0, 'not in the log at default settings');
like($log, qr/STATEMENT:  SET pindah\.token = 'eyJ\.\.\.'; SELECT no_such_column|STATEMENT:  SELECT no_such_column/, '... which has the statements that failed');
like($log, qr/STATEMENT:  SELECT 'eyJ\.\.\.' this is no SQL/, '... without their tokens');
like($log, qr/ERROR:  with eyJ\.\.\. inside/, '... nor is a token in a message');

my $statistics = $node->safe_psql('postgres', 'SELECT query FROM pg_stat_statements');
is(shows($statistics), 0, 'not in pg_stat_statements');
like($statistics, qr/pindah_verify_jwt\(\$1/, '... which has the statements');
unlike($statistics, qr/^SET .*pindah\.token/im, '... but not SET') if $node->pg_version < 18;

#
# The settings that log more
#
my @more = (
	[ 'log_statement = all', 'all' ],
	[ 'log_min_duration_statement = 0', 'duration' ],
	[ 'log_min_error_statement = debug5, log_min_messages = info', 'everything' ],
	[ 'auto_explain', 'plan' ]);
my %set = (
	all => [q(ALTER SYSTEM SET log_statement = 'all')],
	duration => [ 'ALTER SYSTEM SET log_min_duration_statement = 0', 'ALTER SYSTEM SET log_parameter_max_length_on_error = -1' ],
	everything => [ "ALTER SYSTEM SET log_min_error_statement = 'debug5'", "ALTER SYSTEM SET log_min_messages = 'info'" ],
	plan => [ "ALTER SYSTEM SET session_preload_libraries = 'auto_explain'", 'ALTER SYSTEM SET auto_explain.log_min_duration = 0', 'ALTER SYSTEM SET auto_explain.log_nested_statements = on' ]);
for my $more (@more)
{
	my ($what, $key) = @$more;
	for my $statement (@{ $set{$key} }) { $node->psql('postgres', "LOAD 'auto_explain'; $statement") if $key eq 'plan'; $node->safe_psql('postgres', $statement) if $key ne 'plan' }
	for my $statement ($key eq 'plan' ? @{ $set{$key} } : ()) { $node->psql('postgres', $statement) }
	$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
	sleep 1;
	my $found = logged(@statements);
	is(shows($found), 0, "not in the log with $what");
	like($found, qr/eyJ\.\.\./, '... which shows that there was one');
	my $before = -s $node->logfile;
	if ($key eq 'duration')
	{
		# Parameters of the extended protocol.
		$node->psql('postgres', "SELECT pindah_verify_jwt(\$1, false) \\bind '$good' \\g\nSELECT 1 / length(\$1) * 0 / 0 \\bind '$good' \\g\n",
			extra_params => [ '-U', 'app' ], on_error_stop => 0) if $node->pg_version >= 16;
		is(shows(substr(slurp_file($node->logfile), $before)), 0, 'nor as a parameter');
	}
	$node->safe_psql('postgres', 'ALTER SYSTEM RESET ALL');
	$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
}

#
# While the session sits there
#
for my $statement (@statements[ 0, 3, 4, 6 ])
{
	my $session = $node->background_psql('postgres', extra_params => [ '-U', 'app' ]);
	$session->query($statement);
	my $activity = $node->safe_psql('postgres', "SELECT query FROM pg_stat_activity WHERE usename = 'app'", extra_params => [ '-U', 'watcher' ]);
	is(shows($activity), 0, 'not in pg_stat_activity: ' . substr($statement, 0, 20));
	like($activity, qr/eyJ\.\.\./, '... which has the statement');
	$session->quit;
}

# Where the log has had the statement before, too.
my $logging = $node->background_psql('postgres');
$logging->query("SET log_statement = 'all'");
$logging->query($statements[0]);
my $activity = $node->safe_psql('postgres', "SELECT query FROM pg_stat_activity WHERE query LIKE 'SET pindah%'");
is(shows($activity), 0, 'not in pg_stat_activity after it was logged');
like($activity, qr/eyJ\.\.\./, '... which has the statement');
$logging->quit;

# A parallel worker has its leader's text, which may be of several statements.
my $parallel = $node->pg_version < 16 ? 'force_parallel_mode' : 'debug_parallel_query';
$node->safe_psql('postgres', 'CREATE TABLE few AS SELECT 1 AS x; GRANT SELECT ON few TO app');
my $in_worker = start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-U', 'app', '-c',
	"SET $parallel = on; $statements[0]; SELECT pg_sleep(60) FROM few" ], '>', '/dev/null', '2>&1');
$node->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'parallel worker' AND wait_event = 'PgSleep')")
  or die 'no parallel worker';
$activity = $node->safe_psql('postgres', "SELECT query FROM pg_stat_activity WHERE usename = 'app'");
is(shows($activity), 0, 'not in pg_stat_activity of a parallel worker');
is(() = $activity =~ /'eyJ\.\.\.'; SELECT pg_sleep/g, 2, '... which has the statement');
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app' AND backend_type = 'client backend'");
finish $in_worker;

# Settings: neither its own nor others'.
my @shown = run_sql($node, [ "SET pindah.token = '$good'", 'SELECT string_agg(s::text, E\'\n\') FROM pg_settings s', 'SHOW ALL', 'SHOW pindah.token',
	"SELECT current_setting('pindah.token')", 'SELECT pindah_whoami()' ], setup => "\\connect - app\n");
is(shows(join "\n", map { @$_ } @shown), 0, 'not in pg_settings, SHOW, current_setting() and pindah_whoami()');

# What looks a little like a token is left alone, and a pile of them is none.
$log = logged("SELECT 'eyJhbGciOiJ9' AS not_a_token, no_such", "SELECT 'eyJ', '" . 'eyJ' x 10_000 . "', no_such", "SELECT '$good$good','$good', no_such");
like($log, qr/'eyJhbGciOiJ9' AS not_a_token/, 'other words are left alone');
like($log, qr/STATEMENT:  SELECT 'eyJ', 'eyJeyJ/, '... however many');

# Looking for tokens cannot be interrupted: it must not take the square of the length.
my $heap = "SELECT length('" . 'eyJ' x 1_000_000 . "')";
is($node->safe_psql('postgres', $heap, timeout => 60), 3_000_000, '... nor do millions of them take long');
is(shows($log), 0, 'and several tokens are all found');

$node->stop;
done_testing();
