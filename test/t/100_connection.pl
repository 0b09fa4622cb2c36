# An identity that comes with the connection: start-up options, settings of a
# role, the library loaded early, late or not at all.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../kit";
use PindahTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $secret = new_secret();
my $issuer = 'https://issuer.example';
my $good = hmac_token($secret, '{"alg":"HS256","kid":"k"}', claims());
my $other = hmac_token($secret, '{"alg":"HS256","kid":"k"}', claims(sub => '"user-2"'));
my $bad = hmac_token(new_secret(), '{"alg":"HS256","kid":"k"}', claims());
my $who = "SELECT coalesce(pindah_user_id(), 'nobody')";

my $node = start_node('connection');
$node->safe_psql('postgres', trust($issuer, [ secret_jwk($secret, 'k') ]) . 'CREATE ROLE app LOGIN');

# Connect as app, with start-up options, and return output and complaints.
sub connected
{
	my ($sql, %options) = @_;
	local $ENV{PGOPTIONS} = $options{options} // '';
	my ($out, $err);
	my $status = $node->psql('postgres', $sql, stdout => \$out, stderr => \$err,
		extra_params => [ '-U', $options{user} // 'app' ], on_error_stop => 0);
	return ($out, $err, $status);
}

sub unleaked
{
	my ($text, $name) = @_;
	ok(index($text, $bad) < 0 && $text !~ /\Q$PindahTest::CANARY\E/, "$name: the token is not shown");
	return;
}

#
# The library is not loaded when the session begins: placeholders
#
my ($out, $err) = connected("SET pindah.organisation_id = 'forged'; SET pindah.user_id = 'forged';"
	  . "SELECT current_setting('pindah.organisation_id');"
	  . "SELECT pindah_organisation_id() IS NULL, current_setting('pindah.organisation_id') = '', current_setting('pindah.user_id') = ''");
is($out, "forged\nt|t|t", 'a readable setting forged before the library loads is thrown away when it does');
like($err, qr/WARNING/, '... with a warning');

($out, $err) = connected("SET pindah.token = '$bad'; $who");
is($out, 'nobody', 'a bad token set before the library loads comes to nothing');
like($err, qr/WARNING:.*token refused: the signature/, '... with a warning');
unleaked($err, '... which');
($out) = connected("SET pindah.token = '$good'; $who");
is($out, 'user-1', 'a good token set before the library loads is taken on');
($out) = connected("BEGIN; SET LOCAL pindah.token = '$good'; SAVEPOINT s; SET LOCAL pindah.token = '$other'; $who; ROLLBACK TO s; $who; COMMIT; $who");
is($out, "user-2\nuser-1\nnobody", 'with scopes and savepoints as they were');
my ($of_superuser) = connected("LOAD 'pindah_auth'; SELECT name FROM pg_settings WHERE name LIKE 'pindah.%' AND context = 'superuser'", user => 'postgres');
cmp_ok(scalar split(/\n/, $of_superuser), '>=', 14, 'there are settings of a superuser');
for my $forged ('session_identity = on', 'clock_skew = 300', 'max_token_size = 1048576', 'algorithms = HS256', 'session_state = keep', 'require_token = off', "role_claims = '{}'",
	map { s/^pindah\.//r . " = 'x'" } split /\n/, $of_superuser)
{
	($out, $err) = connected("SET pindah.$forged; $who");
	like($err, qr/FATAL:  permission denied to set parameter/, "a superuser's setting forged before the library loads ends the session: $forged");
	is($out, '', '... and answers nothing');
}

#
# Start-up options
#
($out, $err) = connected($who, options => "-c pindah.token=$good");
is($out, 'user-1', 'PGOPTIONS: a good token');
($out, $err) = connected($who, options => "-c pindah.token=$bad");
is($out, 'nobody', 'PGOPTIONS: a bad token, library not preloaded');
like($err, qr/WARNING:.*token refused.*Unless a token is required, the session goes on without one/s, '... with a warning that says how it goes on');
unleaked($err, '... which');

$node->append_conf('postgresql.conf', "session_preload_libraries = 'pindah_auth'");
$node->reload;
($out, $err) = connected("SET pindah.organisation_id = 'forged'");
like($err, qr/cannot be changed/, 'session_preload_libraries: readable settings cannot be set from the start');
($out) = connected("SELECT current_setting('pindah.user_id')", options => "-c pindah.token=$good");
is($out, 'user-1', 'session_preload_libraries: the settings are readable with no call before');
($out, $err) = connected($who, options => "-c pindah.token=$bad");
is($out, 'nobody', 'session_preload_libraries: a bad token leaves nobody signed in');
like($err, qr/WARNING:.*token refused/, '... with a warning');
unleaked($err, '... which');
($out) = connected("DISCARD ALL; $who; SET pindah.token = ''; $who; RESET pindah.token; $who", options => "-c pindah.token=$good");
is($out, "user-1\nnobody\nuser-1", 'a token of the connection is what RESET and DISCARD ALL go back to');

# What was refused is told for as long as no other token has been set.
my $why = "SELECT pindah_whoami()->>'reason', pindah_whoami()->>'detail' LIKE '%came with the connection was refused%', pindah_whoami()->>'source' IS NULL";
for my $library ('pindah_auth', '')
{
	$node->append_conf('postgresql.conf', "session_preload_libraries = '$library'");
	$node->reload;
	($out) = connected("$why; DISCARD ALL; $why; SET pindah.token = '$good'; RESET pindah.token; $why", options => "-c pindah.token=$bad");
	is($out, "bad_signature|t|t\nbad_signature|t|t\nabsent|f|t", "pindah_whoami tells why the token of the connection was refused, preloaded: '$library'");
	unleaked($out, '... and');
}
$node->safe_psql('postgres', 'CREATE ROLE strict LOGIN; ALTER ROLE strict SET pindah.require_token = on');
($out, $err) = connected($who, user => 'strict', options => "-c pindah.token=$bad");
like($err, qr/ERROR:  an identity is required\nDETAIL:  reason: bad_signature/, 'require_token, library loaded late: the error says why the token was refused');

$node->append_conf('postgresql.conf', "session_preload_libraries = ''\nshared_preload_libraries = 'pindah_auth'");
$node->restart;
($out, $err) = connected("$who; SHOW pindah.token; SELECT pindah_whoami()->>'reason'", options => "-c pindah.token=$bad");
is($out, "nobody\n\nbad_signature", 'shared_preload_libraries: a bad token leaves nobody signed in');
like($err, qr/WARNING:.*token refused: the signature/, '... with a warning in the words of the verdict');
like($err, qr/HINT:  .*Unless a token is required, the session goes on without one: as nobody, or with the claims of its role/, '... that says how it goes on');
unleaked($err, '... which');
($out) = connected($who, options => "-c pindah.token=$good");
is($out, 'user-1', 'shared_preload_libraries: a good token');
($out, $err) = connected($who, options => '-c pindah.session_identity=off');
like($err, qr/permission denied to set parameter "pindah.session_identity"/, 'a superuser\'s setting is refused from a plain role');

#
# Settings of a role
#
$node->safe_psql('postgres', "ALTER ROLE app SET pindah.token = '$good'");
($out) = connected($who);
is($out, 'user-1', 'ALTER ROLE ... SET pindah.token');
$node->safe_psql('postgres', "ALTER ROLE app SET pindah.token = '$bad'");
($out, $err) = connected($who);
is($out, 'nobody', 'a bad token in the settings of a role leaves nobody signed in');
like($err, qr/WARNING:.*token refused/, '... with a warning');
unleaked($err, '... which');
$node->safe_psql('postgres', 'ALTER ROLE app RESET pindah.token');

$node->safe_psql('postgres', q(CREATE ROLE bi LOGIN; ALTER ROLE bi SET pindah.role_claims = '{"OrganisationId": 7, "Permission": ["sales:reports:view"]}'));
($out) = connected("SELECT pindah_organisation_bigint('sales:reports:view'), pindah_organisation_bigint('sales:reports:edit') IS NULL", user => 'bi');
is($out, '7|t', 'role_claims: a reporting role has its tenant and permissions');
($out, $err) = connected(q(SET pindah.role_claims = '{"OrganisationId": 8}'; RESET pindah.role_claims;
	SET SESSION AUTHORIZATION DEFAULT; RESET ALL; DISCARD ALL; SELECT pindah_organisation_id()), user => 'bi');
is($out, '7', 'role_claims: the role cannot change or lose them');
is(scalar(() = $err =~ /permission denied to set parameter "pindah.role_claims"/g), 2, '... and is told so');
($out) = connected(q(ALTER ROLE bi SET pindah.role_claims = '{"OrganisationId": 8}'), user => 'bi');
($out) = connected('SELECT pindah_organisation_id()', user => 'bi');
is($out, '7', 'role_claims: nor in the settings of its own role');
($out) = connected("SET pindah.token = '$good'; $who; RESET pindah.token; SELECT pindah_organisation_id()", user => 'bi');
is($out, "user-1\n7", 'role_claims: a token wins while it is set');

#
# pindah.session_identity = off, of a pooler's role
#
$node->safe_psql('postgres', 'CREATE ROLE pool LOGIN; ALTER ROLE pool SET pindah.session_identity = off');
($out) = connected($who, user => 'pool', options => "-c pindah.token=$good");
is($out, 'nobody', 'session_identity = off: a token of the connection does not count');
($out) = connected($why =~ s/came with the connection was refused/came with the connection/r, user => 'pool', options => "-c pindah.token=$good");
is($out, 'ended|t|t', '... and pindah_whoami says so');
($out) = connected("SET pindah.token = '$good'; $who; BEGIN; SET pindah.token = '$good'; $who; COMMIT; $who", user => 'pool');
is($out, "nobody\nuser-1\nnobody", 'session_identity = off: a session token ends with its transaction');
($out, $err) = connected("SET pindah.token = '$good'; SELECT pindah_whoami()->>'reason'", user => 'pool');
is($out, 'ended', 'session_identity = off: pindah_whoami tells why there is nobody');
($out, $err) = connected("SELECT 1 FROM pindah_whoami(); SET pindah.token = '$good'", user => 'pool');
like($err, qr/WARNING:  the identity ends with this statement/, 'session_identity = off: SET outside a transaction warns');
($out, $err) = connected('SELECT 1', user => 'pool', options => '-c pindah.session_identity=on');
like($err, qr/permission denied to set parameter "pindah.session_identity"/, 'session_identity = off: an option of the connection does not turn it on');
$node->safe_psql('postgres', "ALTER ROLE pool SET pindah.token = '$good'");
($out) = connected("$who; BEGIN; $who; COMMIT", user => 'pool');
is($out, "nobody\nnobody", 'session_identity = off: a token of the role does not count');

#
# The configuration file: refused, and the rest of a reload applies
#
$node->append_conf('postgresql.conf', "pindah.token = '$bad'\npindah.role_claims = '{\"OrganisationId\": \"" . $PindahTest::CANARY . "\"}'\npindah.clock_skew = 17");
$node->reload;
sleep 1;
($out) = connected("$who; SHOW pindah.clock_skew; SELECT pindah_whoami()->>'reason'");
is($out, "nobody\n17s\nabsent", 'a token or claims in postgresql.conf are nobody, and the rest of the file applies');
$node->restart;
($out) = connected("$who; SHOW pindah.clock_skew; SELECT pindah_whoami()->>'reason'");
is($out, "nobody\n17s\nabsent", 'nor do they stop or sign in a server that starts with them');

unleaked(slurp_file($node->logfile) =~ s/^.*(?:STATEMENT|LOG:  statement).*$//gmr, 'in the log, statements aside,');

$node->stop;
done_testing();
