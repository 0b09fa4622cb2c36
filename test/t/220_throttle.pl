# Too many bad tokens from one address: none is looked at for a while, whoever
# presents them by whatever way; other addresses go on.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../kit";
use IPC::Run qw(run);
use PindahTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $json = JSON::PP->new->utf8->canonical;
my $secret = new_secret();
my ($alg, $issuer) = ('{"alg":"HS256","kid":"k"}', 'https://issuer.example');
my $alice = hmac_token($secret, $alg, claims());
my $forged = hmac_token(new_secret(), $alg, claims());
my $seconds = 4;    # of the window, where it ends while we look

my $node = start_node('throttle', "listen_addresses = '127.0.0.1, ::1'\nshared_preload_libraries = 'pindah_auth'");
append_to_file($node->data_dir . '/pg_hba.conf', "host all all 127.0.0.0/8 trust\nhost all all ::1/128 trust\n");
$node->reload;
$node->safe_psql('postgres', trust($issuer, [ secret_jwk($secret, 'k') ]) . <<"SQL");
CREATE ROLE app LOGIN;
ALTER ROLE app SET pindah.throttle_limit = 3;
CREATE ROLE short LOGIN;
ALTER ROLE short SET pindah.throttle_limit = 3;
ALTER ROLE short SET pindah.throttle_window = $seconds;
CREATE ROLE free LOGIN;
CREATE ROLE roving LOGIN;
ALTER ROLE roving SET pindah.throttle_limit = 3;
ALTER ROLE roving SET pindah.client_address_header = 'x-forwarded-for';
CREATE ROLE web_anon;
CREATE ROLE authenticator LOGIN NOINHERIT;
GRANT web_anon TO authenticator;
ALTER ROLE authenticator SET pindah.session_identity = off;
ALTER ROLE authenticator SET pindah.throttle_limit = 3;
ALTER ROLE authenticator SET pindah.client_address_header = 'X-Forwarded-For';
CREATE SCHEMA api;
GRANT USAGE ON SCHEMA api TO web_anon;
CREATE FUNCTION api.whoami() RETURNS jsonb STABLE LANGUAGE sql BEGIN ATOMIC SELECT pindah_whoami(); END;
SQL

# Present tokens in one session, each in its own way, and tell the reasons.
my $how = 0;
sub present
{
	my ($user, $host, @tokens) = @_;
	my $script = "SELECT 1 FROM pindah_whoami();\n";
	for my $token (@tokens)
	{
		my @ways = ("SET pindah.token = '$token'", "SELECT NULL FROM pindah_verify_jwt('$token', false)",
			"SELECT coalesce('ERROR: reason: ' || reason, 'valid') FROM pindah_inspect_jwt('$token')");
		$script .= "\\echo <>\n" . $ways[ $how++ % @ways ] . ";\n";
	}
	my ($out, $err) = ('', '');
	local $ENV{PGOPTIONS} = '';
	run([ 'psql', '-XAtq', '-d', $node->connstr('postgres') . ($host ? " host=$host" : '') . " user=$user" ],
		\$script, '>&', \$out);
	return join ' ', map { /FATAL/ ? "FATAL $_" : /reason: (\w+)/ ? $1 : 'valid' } (split /<>\n/, $out)[ 1 .. @tokens ];
}

#
# The limit
#
is(present('app', undef, ($forged) x 5), 'bad_signature bad_signature bad_signature throttled throttled', 'after three bad tokens none is looked at');
is(present('app', undef, $alice), 'throttled', '... not a good one either, and in another session too');
is(present('free', undef, ($forged) x 5, $alice), join(' ', ('bad_signature') x 5, 'valid'), 'a role without the limit does not have it');
is(present('app', '127.0.0.1', $alice, $forged), 'valid bad_signature', 'another address has its own');
my ($out, $err) = ('', '');
SKIP:
{
	skip 'no IPv6 here', 1 unless run([ 'psql', '-XAtqc', 'SELECT 1', '-d', $node->connstr('postgres') . ' host=::1 user=app' ], '>', \$out, '2>', \$err);
	is(present('app', '::1', ($forged) x 4), 'bad_signature bad_signature bad_signature throttled', 'IPv6');
}

# What is counted: tokens that nobody has signed whom we trust.
my $expired = hmac_token($secret, $alg, claims(exp => time() - 3600));
my $unaudienced = hmac_token($secret, $alg, claims(sub => '7'));
is(present('short', '127.0.0.1', ($expired) x 5, ($unaudienced) x 3, $alice), join(' ', ('expired') x 5, ('invalid_claim') x 3, 'valid'),
	'what a trusted issuer has signed is not counted, good or not');
is(present('short', '127.0.0.1', 'nonsense', hmac_token($secret, '{"alg":"none"}', claims()), $alice),
	'malformed unsupported_algorithm throttled', 'all else is: with the one of before, three');

# The window ends.
my $waited = 0;
while (present('short', '127.0.0.1', $alice) ne 'valid' && $waited++ < 3 * $seconds) { sleep 1 }
cmp_ok($waited, '<', 3 * $seconds, 'when the window is over, tokens are looked at again');
is(present('short', '127.0.0.1', ($forged) x 2, $alice), 'bad_signature bad_signature valid', '... and counted from the beginning');

# Who is signed in stays so, and may present the same token again.
{
	my $here = q(SET request.headers = '{"x-forwarded-for": "198.51.100.1"}');
	my $session = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'roving' ]);
	$session->query_safe("$here; SET pindah.token = '$alice'");
	is($node->safe_psql('postgres', "$here; SELECT reason FROM generate_series(1, 4) n, pindah_inspect_jwt(left('$forged', n * 1000))",
		extra_params => [ '-U', 'roving' ]), "bad_signature\nbad_signature\nbad_signature\nthrottled", 'an address that is over its limit');
	is($session->query_safe('SELECT pindah_user_id()'), 'user-1', '... goes on where it is signed in');
	is($session->query_safe("SET pindah.token = '$alice'; SELECT pindah_user_id()"), 'user-1', '... with the token of before');
	# Trust changes, and the token is verified anew: not a new one.
	$node->safe_psql('postgres', 'UPDATE pindah.issuers SET claim_map = NULL');
	is($session->query_safe('SELECT pindah_user_id()'), 'user-1', '... also when trust has changed');
	is($session->query_safe("SELECT reason FROM pindah_inspect_jwt('$alice.')"), 'throttled', '... but not with another token');
	$session->quit;
}

# Parallel workers look at no token but that of their leader: nobody gets around
# the limit by what he calls parallel safe.
$node->safe_psql('postgres', <<"SQL");
CREATE TABLE numbers AS SELECT n FROM generate_series(1, 1000) n;
ALTER TABLE numbers SET (parallel_workers = 2);
GRANT SELECT ON numbers TO app;
CREATE FUNCTION guess(text) RETURNS text LANGUAGE plpgsql PARALLEL SAFE AS 'BEGIN RETURN (pindah_inspect_jwt(\$1)).reason; END';
SQL
my $parallel = 'SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off;';
{
	local $ENV{PGOPTIONS} = '';
	my $as_app = sub {
		my ($sql) = @_;
		my ($out, $err) = ('', '');
		run([ 'psql', '-XAtq', '-d', $node->connstr('postgres') . ' host=127.0.0.1 user=app' ], \$sql, '>', \$out, '2>', \$err);
		return $out . join ' ', $err =~ /reason: (\w+)/g;
	};
	is($as_app->("$parallel SELECT guess('$forged') AS reason, count(*) FROM numbers GROUP BY reason"), "throttled|1000\n",
		'a worker looks at no token that is presented to it');
	like($as_app->("$parallel SELECT reason, count(*) FROM numbers, pindah_inspect_jwt(left('$forged', n)) GROUP BY reason"),
		qr/^throttled\|(99[7-9]|1000)$/m, 'pindah_inspect_jwt() is not for workers');
}
is($node->safe_psql('postgres', "SET pindah.token = '$alice'; SET pindah.throttle_limit = 3; $parallel SELECT count(pindah_user_id()) FROM numbers"), 1000,
	'... but at that of their leader');

#
# PostgREST: the address that the proxy has seen
#
sub requests
{
	my (@requests) = @_;
	my ($in, $out, $err) = ($json->encode([ map { { method => 'GET', path => '/rpc/whoami',
		headers => { 'X-Pindah-Token' => $_->[0], defined $_->[1] ? ('x-forwarded-for' => $_->[1]) : () } } } @requests ]), '', '');
	run([ '/usr/bin/python3', "$FindBin::Bin/../clients/postgrest.py", $node->connstr('postgres') . ' user=authenticator' ],
		\$in, \$out, \$err) or die $err;
	return @{ $json->decode($out) };
}
sub statuses
{
	return join ' ', map { $_->{status} } requests(@_);
}

my @answers = requests(map { [ $forged, "10.0.0.$_, 203.0.113.7" ] } 1 .. 5);
is(join(' ', map { $_->{status} } @answers), '401 401 401 429 429', 'the last address of the list counts, whatever a client writes before it');
is($answers[4]{body}{code}, 'throttled', '... the body says why');
my $retry_after = $answers[4]{headers}{'retry-after'} // 'missing';
ok($retry_after =~ /^\d+$/ && $retry_after > 0 && $retry_after <= 60, "... and Retry-After how long: $retry_after");
ok(!exists $answers[4]{headers}{'www-authenticate'}, '... without a challenge');
is(statuses([ $alice, '203.0.113.7' ], [ $alice, '203.0.113.7:51234' ], [ $alice, '[::ffff:203.0.113.7]:443' ], [ $alice, ' 203.0.113.7 ' ]),
	'429 429 429 429', 'the same address, however it is written');
is(statuses([ $alice, '203.0.113.8' ]), '200', 'another one is not locked out');
is(statuses([ hmac_token($secret, $alg, claims(sub => '"other"')), '203.0.113.7, 203.0.113.9' ]), '200', '... nor one that comes by way of it');
is(statuses((map { [ $forged, "2001:db8:0:1::$_" ] } 1 .. 3), [ $forged, '2001:db8:0:1:ffff::1' ], [ $forged, '[2001:db8:0:1::9]:80' ], [ $forged, '2001:db8:0:2::1' ]),
	'401 401 401 429 429 401', 'the addresses of an IPv6 network count as one, those of another do not');
is(statuses(map { [ $forged, 'unknown' ] } 1 .. 4), '401 401 401 429', 'what is no address counts as it is written');
is(statuses([ $forged, undef ]), '429', 'without the header it is that of the connection, which is over its limit');

# Many addresses push out those that are below the limit, not those above.
is($node->safe_psql('postgres', <<"SQL", extra_params => [ '-U', 'authenticator' ]), 'bad_signature|20000', 'many addresses');
SELECT reason, count(*) FROM generate_series(1, 20000) n,
	LATERAL (SELECT set_config('request.headers', format('{"x-forwarded-for": "10.%s.%s.1"}', n % 200, n / 200), false)) h(address),
	LATERAL pindah_inspect_jwt(left('$forged', length(h.address) * 1000)) GROUP BY reason
SQL
is(statuses([ $alice, '203.0.113.7' ]), '429', '... do not free one that is over the limit');

#
# Who may set what
#
for my $setting ('throttle_limit = 0', 'throttle_window = 1', "client_address_header = 'x-mine'")
{
	$node->psql('postgres', "SET pindah.$setting", stderr => \$err, extra_params => [ '-U', 'app' ]);
	like($err, qr/permission denied to set parameter/, "a plain role cannot set pindah.$setting");
}
my ($bad) = run_sql($node, ["SET pindah.client_address_header = 'a b'"]);
like($bad->[1], qr/ERROR:  22023: invalid value for parameter/, 'the name of a header is checked');

# A token that comes with the connection is judged before the settings of the
# role are there, so it is the server's limit that counts.
$node->append_conf('postgresql.conf', 'pindah.throttle_limit = 3');
$node->restart;
sub connect_with
{
	my ($token) = @_;
	local $ENV{PGOPTIONS} = "-c pindah.token=$token";
	my ($out, $err) = ('', '');
	run([ 'psql', '-XAtqc', 'SELECT pindah_user_id()', '-d', $node->connstr('postgres') . ' user=free' ], '>', \$out, '2>', \$err);
	return "$out$err" =~ /WARNING.*\n.*reason: (\w+)/ ? $1 : $out =~ s/\n//r;
}
is(join(' ', map { connect_with($_) } $alice, ($forged) x 4, $alice), 'user-1 bad_signature bad_signature bad_signature throttled throttled',
	'tokens that come with the connection');
$node->append_conf('postgresql.conf', 'pindah.throttle_limit = 0');

# Where the library is not preloaded, the limit says that it is none.
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
my ($warned) = run_sql($node, [ "LOAD 'pindah_auth'; SET pindah.throttle_limit = 3" ]);
like($warned->[1], qr/WARNING:.*pindah\.throttle_limit has no effect here/, 'a limit without shared memory warns');
my $parallel = $node->pg_version < 16 ? 'force_parallel_mode' : 'debug_parallel_query';
($warned) = run_sql($node, [ "LOAD 'pindah_auth'; SET pindah.throttle_limit = 3; SET $parallel = on; SELECT count(*) FROM pg_class" ]);
is(() = $warned->[1] =~ /WARNING:/g, 1, '... once, and not from parallel workers again');
is(present('free', undef, ($forged) x 5), join(' ', ('bad_signature') x 5), '... and nothing is counted');

my $log = slurp_file($node->logfile);
unlike($log, qr/\Q$PindahTest::CANARY\E/, 'no claim is in the log');
$node->stop;
done_testing();
