# Memory stays flat, other encodings work, a large token costs what it should.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../kit";
use PindahTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $secret = new_secret();
my $trust = trust('https://issuer.example', [ secret_jwk($secret, 'k') ]);
my $node = start_node('resources', "shared_preload_libraries = 'pindah_auth'\n");
$node->safe_psql('postgres', $trust . 'CREATE TABLE tokens (id serial, token text)');

#
# 100,000 verifications and changes of identity in one backend
#
my $file = $node->basedir . '/tokens';
open my $out, '>', $file or die $!;
print $out hmac_token($secret, '{"alg":"HS256","kid":"k"}', claims(sub => "\"user-$_\"")), "\n" for 1 .. 1000;
close $out;
$node->safe_psql('postgres', "COPY tokens (token) FROM '$file'");
my $memory = "SELECT sum(total_bytes) FROM pg_backend_memory_contexts WHERE name NOT IN ('ErrorContext')";
my $round = "SELECT count(DISTINCT set_config('pindah.token', token, false)) + count(DISTINCT pindah_user_id()) > 0 FROM tokens, generate_series(1, 10)";
my $refused = "DO \$\$ DECLARE t text; BEGIN FOR t IN SELECT token FROM tokens LOOP BEGIN PERFORM set_config('pindah.token', t || 'A', false); EXCEPTION WHEN invalid_authorization_specification THEN NULL; END; END LOOP; END \$\$";
my $trusted = "UPDATE pindah.issuers SET changed_at = now()";
my $rss = "SELECT pg_read_file('/proc/' || pg_backend_pid() || '/statm')";
my @results = run_sql($node, [ $round, $refused, $trusted, $round, $refused, $trusted, $round, [ $memory, $rss ],
	($round) x 10, ($refused, $trusted, "SELECT pindah_user_id()") x 3, $round, [ $memory, $rss ] ]);
my ($before, $rss_before) = split /\n/, $results[7][0];
my ($after, $rss_after) = split /\n/, $results[-1][0];
$_ = (split / /)[1] * 4 for $rss_before, $rss_after;
is(scalar(grep { $_->[1] =~ /ERROR/ } @results), 0, 'more than 100,000 verifications, none failed');
note "memory contexts: $before, then $after bytes; resident: $rss_before, then $rss_after kB";
cmp_ok($after, '<=', $before + 64 * 1024, 'memory contexts have not grown');
cmp_ok($rss_after, '<=', $rss_before + 2048, 'resident memory has not grown');

#
# 10,000 permissions
#
my $many = hmac_token($secret, '{"alg":"HS256","kid":"k"}',
	claims(Permission => '[' . join(',', map { qq("module$_:resource:action") } 1 .. 10000) . ']'));
@results = run_sql($node, [ "SET pindah.token = '$many'", 'SET pindah.max_token_size = 1048576', "SET pindah.token = '$many'",
	"SELECT count(*) FROM generate_series(1, 10001) g WHERE pindah_has_permission('module' || g || ':resource:action')",
	"SELECT pindah_organisation_id('module9999:resource:action'), cardinality(pindah_permissions())", 'RESET pindah.max_token_size', 'SELECT pindah_user_id()' ]);
like($results[0][1], qr/28000.*reason: too_large/s, 'a token that is too large is refused');
is($results[3][0], '10000', '10,000 permissions are held, and no other');
is($results[4][0], 'organisation-1|10000', '... and found');
like($results[6][1], qr/28000.*reason: too_large/s, 'a lower limit counts for the identity of before');

#
# Hostile input that is cheap to send
#
my @hostile = (
	'{"a":' x 65 . '1' . '}' x 65, '{"a":' x 64 . '1' . '}' x 64, '[' x 8000, '{"a":' x 2000, '{' . join(',', map { qq("k$_":$_) } 1 .. 800) . '}',
	'{"a":' . '9' x 9000 . '}', '{"a":"' . '\\u0041' x 1500 . '"}', '{"a":"' . '\\ud800' x 1500 . '"}', "{\"a\":\"\0\"}", "\xff" x 9000);
@results = run_sql($node, [ map { my $t = hmac_token($secret, '{"alg":"HS256","kid":"k"}', $_); "SELECT reason FROM pindah_inspect_jwt('$t')" } @hostile ]);
is(join(' ', map { $_->[0] } @results), 'malformed untrusted_issuer malformed malformed untrusted_issuer untrusted_issuer untrusted_issuer malformed malformed malformed',
	'hostile payloads end in a verdict');

#
# Databases of other encodings
#
my $umlaut = hmac_token($secret, '{"alg":"HS256","kid":"k"}', claims(name => qq("Zo\xc3\xab"), email => '"\\u00e9"'));
my $cyrillic = hmac_token($secret, '{"alg":"HS256","kid":"k"}', claims(name => qq("\xd0\x96")));
my $escaped = hmac_token($secret, '{"alg":"HS256","kid":"k"}', claims(name => '"\\u0416"'));
my $plain = hmac_token($secret, '{"alg":"HS256","kid":"k"}', claims());
my %expected = (
	LATIN1 => [ "Zo\xc3\xab|\xc3\xa9", 'malformed', 'malformed' ],
	SQL_ASCII => [ '|', 'malformed', 'malformed' ],
	EUC_JP => [ "Zo\xc3\xab|\xc3\xa9", '', '' ]);
for my $encoding (sort keys %expected)
{
	my $database = lc $encoding;
	$node->safe_psql('postgres', "CREATE DATABASE $database ENCODING '$encoding' LOCALE 'C' TEMPLATE template0");
	$node->safe_psql($database, "CREATE EXTENSION pindah_auth; $trust");
	@results = run_sql($node, [ [ "SET pindah.token = '$umlaut'", 'SELECT pindah_user_name(), pindah_email() FROM pindah_claims()' ],
		"SELECT reason FROM pindah_inspect_jwt('$cyrillic')", "SELECT reason FROM pindah_inspect_jwt('$escaped')",
		[ "SET pindah.token = '$plain'", 'SELECT pindah_user_id()' ] ], dbname => $database);
	is($results[0][0], $expected{$encoding}[0], "$encoding: characters that the encoding has") if $encoding ne 'EUC_JP' || $results[0][1] eq '';
	like($results[0][1], qr/28000.*reason: malformed/s, "$encoding: characters that the encoding lacks are refused") if $encoding eq 'SQL_ASCII';
	is($results[1][0], $expected{$encoding}[1], "$encoding: Cyrillic");
	is($results[2][0], $expected{$encoding}[2], "$encoding: Cyrillic, escaped");
	is($results[3][0], 'user-1', "$encoding: ASCII");
}

# While a session is being set up the server cannot convert yet what JSON
# escapes; and what it cannot read there must not bar the session.
$node->safe_psql('postgres', "ALTER SYSTEM SET session_preload_libraries = 'pindah_auth'");
$node->safe_psql('postgres', 'SELECT pg_reload_conf(); CREATE ROLE clerk LOGIN');
$node->poll_query_until('postgres', "SELECT setting = 'pindah_auth' FROM pg_settings WHERE name = 'session_preload_libraries'") or die 'no reload';
sub user_in_latin1
{
	my ($options) = @_;
	local $ENV{PGOPTIONS} = $options // '';
	local $ENV{PGCLIENTENCODING} = 'UTF8';
	my ($rc, $out, $err) = $node->psql('latin1', "SELECT pindah_user_id() || coalesce('|' || pindah_user_name(), '') FROM pindah_whoami()", extra_params => [ '-U', 'clerk' ]);
	return $rc == 0 ? $err =~ /WARNING/ ? "$out with a warning" : $out : $err;
}
sub claims_of_clerk { $node->safe_psql('postgres', "ALTER ROLE clerk SET pindah.role_claims = '$_[0]'", timeout => 60) }
my $latin = hmac_token($secret, '{"alg":"HS256","kid":"k"}', claims(name => qq("\\u00e9 \xc3\xab")));
is(user_in_latin1("-c pindah.token=$latin"), "user-1|\xc3\xa9 \xc3\xab", 'LATIN1: a token that comes with the connection');
is(user_in_latin1("-c pindah.token=$escaped"), ' with a warning', 'LATIN1: ... with a character that the encoding lacks');
claims_of_clerk('{"sub": "clerk", "name": "\u00e9"}');
is(user_in_latin1(), "clerk|\xc3\xa9", 'LATIN1: claims of a role');
claims_of_clerk('{"sub": "clerk", "name": "\u0416"}');
is(user_in_latin1(), ' with a warning', 'LATIN1: ... with a character that the encoding lacks');
@results = run_sql($node, [ q(SET pindah.role_claims = '{"sub": "\u0416"}'), q(SET pindah.role_claims = '{"sub": "\u00e9"}') ], dbname => 'latin1');
like($results[0][1], qr/ERROR:  \w+: pindah\.role_claims is not a usable set of claims/, 'LATIN1: claims that the encoding lacks are refused in our words');
is($results[1][1], '', 'LATIN1: ... others taken');

$node->stop;
done_testing();
