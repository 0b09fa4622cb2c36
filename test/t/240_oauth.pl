# A connection that authenticates with its token (PostgreSQL 18): what is
# refused, what its identity is, what becomes of that, and a real OpenID
# provider with psql, configured as doc/oauth.md says.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../kit";
use BearerClient;
use IPC::Run qw(start run timer);
use JSON::PP;
use PindahTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

plan skip_all => 'OAuth came with PostgreSQL 18' if $ENV{PG_MAJOR} < 18;

my $json = JSON::PP->new->utf8->canonical;
my $secret = new_secret();
my $issuer = 'https://issuer.example';
my $folder = PostgreSQL::Test::Utils::tempdir;

#
# The provider
#

my $clients = "$FindBin::Bin/../clients/oidc";
system("$clients/prepare") == 0 or die 'test/clients/oidc/prepare failed';
my ($stop, $said, $complained) = ('', '', '');
my $provider = start([ 'node', "$clients/server.mjs", "$folder/id.example.com.jwks" ],
	\$stop, \$said, \$complained, my $patience = timer(60));
$provider->pump until $said =~ /^port (\d+)$/m || $patience->is_expired || !$provider->pumpable;
my ($port) = $said =~ /^port (\d+)$/m or die "the provider did not start: $complained";
my $provider_issuer = "http://127.0.0.1:$port";

# What an address of the provider answers.
sub provider_says
{
	my ($path) = @_;
	my ($out, $err) = ('', '');
	run([ 'node', '-e', 'fetch(process.argv[1]).then(async r => { process.stdout.write(await r.text()); process.exit(r.ok ? 0 : 1) })',
		"$provider_issuer$path" ], \'', \$out, \$err) or die "$path: $out$err";
	return $out;
}

#
# The server, as the documentation configures it
#

my $page = slurp_file("$FindBin::Bin/../../doc/oauth.md");

# The block of doc/oauth.md that a pattern is found in, for this machine.
sub documented
{
	my ($pattern) = @_;
	my ($block) = grep { /$pattern/ } $page =~ /^```\w+\n(.*?)^```$/gms;
	die "doc/oauth.md has no block with $pattern" unless defined $block;
	$block =~ s{https://id\.example\.com}{$provider_issuer}g;
	$block =~ s{/etc/pindah}{$folder}g;
	$block =~ s{^hostssl(\s.*?)\s+\S+/8\s}{local$1 }gm;
	return $block;
}

# Write a file of trust: what the page says, and issuers of our own.
sub write_trust
{
	my ($jwks) = @_;
	my $trust = $json->decode(documented(qr/"issuers"/));
	push @{ $trust->{issuers} },
	  { issuer => $issuer, audience => ['erp'], jwks => $jwks },
	  { issuer => "$issuer/path", audience => ['erp'], jwks => $jwks },
	  { issuer => 'https://open.example', jwks => { keys => [ secret_jwk($secret, 'k') ] } };
	open my $file, '>', "$folder/trust.new" or die $!;
	print $file $json->encode($trust);
	close $file or die $!;
	chmod 0600, "$folder/trust.new";
	rename "$folder/trust.new", "$folder/trust.json" or die $!;
	return;
}

write_trust({ keys => [ secret_jwk($secret, 'k') ] });
my $node = start_node('oauth', documented(qr/^# postgresql\.conf/));
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE accounting LOGIN;
CREATE ROLE hs LOGIN;
CREATE ROLE pooled LOGIN;
ALTER ROLE pooled SET pindah.session_identity = off;
CREATE ROLE chosen LOGIN SUPERUSER;
CREATE ROLE "user@example.com" LOGIN;
CREATE ROLE open LOGIN;
CREATE ROLE meta LOGIN;
CREATE ROLE meta8414 LOGIN;
CREATE DATABASE erp;
CREATE DATABASE bare;
CREATE DATABASE other_keys;
SQL
$node->safe_psql($_, 'CREATE EXTENSION pindah_auth') for qw(erp other_keys);

sub set_file
{
	my ($name, $text) = @_;
	unlink $node->data_dir . "/$name";
	$node->append_conf($name, $text);
	return;
}

set_file('pg_ident.conf', documented(qr/^# pg_ident\.conf/) . "any /^.*\$ all\n");
set_file('pg_hba.conf', documented(qr/^# pg_hba\.conf/) . <<"HBA");
local all hs,pooled oauth issuer="$issuer" scope="openid erp:connect" map=any
local all chosen,"user\@example.com" oauth issuer="$issuer" scope="openid" delegate_ident_mapping=1
local all open oauth issuer="https://open.example" scope="openid" map=any
local all meta oauth issuer="$issuer/.well-known/openid-configuration" scope="openid" map=any
local all meta8414 oauth issuer="https://issuer.example/.well-known/oauth-authorization-server/path" scope="openid" map=any
local all all trust
HBA
$node->reload;

#
# Tokens
#

my @all_tokens;

# A good token of our own issuer, but for what the arguments change.
sub token
{
	my (@members) = @_;
	push @all_tokens, hmac_token($secret, '{"alg":"HS256","kid":"k"}',
		claims(aud => '"erp"', email => '"user@example.com"', scope => '"erp:read erp:connect"', iat => time() - 5, @members));
	return $all_tokens[-1];
}

sub connected
{
	my ($token, %want) = @_;
	return BearerClient->connect($node, user => 'hs', dbname => 'erp', token => $token, %want);
}

# A token opens no connection, the client does not learn why, the log does.
sub no_entry
{
	my ($token, $logged, $name, %want) = @_;
	my $at = -s $node->logfile;
	my $user = $want{user} // 'hs';
	my ($session, $error) = connected($token, %want);
	is($error // 'connected', qq{FATAL 28000 OAuth bearer authentication failed for user "$user"}, "no entry: $name");
	like(slurp_file($node->logfile, $at), qr/$logged/, '... and the log tells why');
	push @all_tokens, $token;
	return;
}

# What statements of a session with a token print.
sub answers
{
	my ($token, $sql, $expected, $name, %want) = @_;
	my ($session, $error) = connected($token, %want);
	is($session ? $session->query($sql) : $error, $expected, $name);
	$session->close if $session;
	return;
}

my $who = "SELECT coalesce(pindah_user_id(), 'nobody')";
my $refused = 'token refused: the';
no_entry('abc', "$refused token is not three segments", 'no JWT');
no_entry(hmac_token(new_secret(), '{"alg":"HS256","kid":"k"}', claims(aud => '"erp"')), "$refused signature .* does not verify", 'a forged signature');
no_entry(join_token((segments(hmac_token($secret, '{"alg":"none"}', claims())))[ 0, 1 ], ''), $refused, 'no signature');
no_entry(token(exp => time() - 60), "$refused token has expired", 'expired');
no_entry(token(aud => '"stock"'), "$refused token is meant for another audience", 'another audience');
no_entry(token(aud => undef), "$refused token has no aud claim", 'no audience');
no_entry(token(iss => '"https://elsewhere.example"'), "$refused issuer of the token is not trusted", 'an unknown issuer');
no_entry(token(iss => '"https://open.example"'), "$refused issuer of the token is not that of the line", 'an issuer that is trusted, but not on this line');
no_entry(token(iss => undef), $refused, 'no issuer');
no_entry(token(iss => '"https://open.example"'), "$refused trust file gives the issuer no audience", 'an issuer without an audience', user => 'open');
no_entry(token(scope => '"erp:read erp:connector"'), "$refused token lacks a scope", 'a scope is missing');
no_entry(token(scope => undef), "$refused token lacks a scope", 'no scope at all');
no_entry(token(scope => '["erp", "connect"]'), "$refused token lacks a scope", 'parts of a scope');
no_entry(token(scope => '[["erp:connect"], "erp:connect"]'), "$refused token lacks a scope", 'a scope claim that is no list of strings');
no_entry(token(email => undef), "$refused token has no usable claim for the user map", 'no claim for the map');
no_entry(token(email => '""'), $refused, 'an empty claim');
no_entry(token(email => '"user@example.com\u000aroot"'), "$refused token has no usable claim", 'a line break in the claim');
no_entry(token(email_verified => 'false'), "$refused token has no usable claim", 'an e-mail address that nobody verified');
no_entry(token(email_verified => '"true"'), "$refused token has no usable claim", '... or that is only said to be');
no_entry(token(padding => '"' . 'x' x 13_000 . '"'), "$refused token is larger", 'too large');
no_entry(token(), "$refused user claim is not the name of the role", 'a delegated mapping does not let everybody be a superuser', user => 'chosen');
no_entry(token(), "$refused issuer of the token is not that of the line", 'metadata of another issuer of the same host', user => 'meta8414');

answers(token(), $who, 'user-1', 'a good token: an identity from the first statement on');
answers(token(scope => undef, scp => '["erp:connect"]'), $who, 'user-1', 'the scopes may stand in scp');
answers(token(email_verified => 'true'), 'SELECT system_user', 'oauth:user@example.com', 'the user of the map');
answers(token(), "SELECT current_setting('pindah.user_id')", 'user-1', 'the settings are readable at once');
answers(token(), "SELECT current_setting('pindah.user_id')", '', 'without the extension there is nobody to trust', dbname => 'bare');
answers(token(), $who, 'user-1', 'an issuer given by its metadata', user => 'meta');
answers(token(iss => '"https://issuer.example/path"'), $who, 'user-1', '... in the form of RFC 8414', user => 'meta8414');
answers(token(), $who, 'user-1', 'a delegated mapping: the name is that of the role', user => 'user@example.com');
answers(token(padding => '"' . 'x' x 11_000 . '"'), $who, 'user-1', 'a token of 15 kB');

#
# What becomes of the identity
#
my $other = token(sub => '"user-2"');
answers(token(), $who, 'user-1', 'start-up options do not replace it', options => "-c pindah.token=$other");
$node->safe_psql('erp', "ALTER ROLE meta SET pindah.token = '$other'");
answers(token(), $who, 'user-1', '... nor do settings of the role', user => 'meta');
answers(token(), "$who; SET pindah.token = '$other'; $who; RESET pindah.token; $who", "user-1\nuser-2\nuser-1", 'another token does, until RESET');
answers(token(), "BEGIN; SET LOCAL pindah.token = '$other'; $who; COMMIT; $who", "user-2\nuser-1", '... or until the end of the transaction');
answers(token(), "SET pindah.token = '$other'; SELECT pindah_clear_identity(); $who", "\nuser-1", 'pindah_clear_identity() comes back to it');
answers(token(), "SET pindah.token = 'abc'", 'ERROR 28000 token refused: the token is not three segments divided by dots (reason: malformed)', 'a bad token is refused');
answers(token(), "SET pindah.token = ''; $who; RESET ALL; $who", "nobody\nuser-1", 'nobody, until RESET ALL');
{
	my ($session) = connected(token());
	$session->query("SET pindah.token = '$other'");
	$session->query('DISCARD ALL');
	is($session->query($who), 'user-1', 'DISCARD ALL comes back to it');
	is($session->query('SHOW pindah.token'), '(set, not shown)', 'it is not shown');
	is($session->query("SELECT count(*) FROM pg_settings WHERE concat(setting, reset_val, boot_val) LIKE '%eyJ%'"), '0', '... in pg_settings neither');
	is($session->query("SET debug_parallel_query = on; $who"), 'user-1', 'a parallel worker has it');
	$session->close;
}
answers(token(), "$who; BEGIN; SET LOCAL pindah.token = '$other'; $who; COMMIT; $who", "nobody\nuser-2\nnobody",
	'a role with session_identity off: it opens the connection and is no identity', user => 'pooled');

#
# The database's own rules
#
my $revoked = token(sub => '"user-3"');
answers($revoked, $who, 'user-3', 'a user before he is revoked');
$node->safe_psql('erp', "SELECT pindah_revoke_user('$issuer', 'user-3')");
my ($session) = connected($revoked);
like($session->query($who), qr/^ERROR 28000 .*revoked/, 'revoked in the database: refused at first use');
is($session->query("SELECT coalesce(nullif(current_setting('pindah.user_id'), ''), 'nobody')"), 'nobody', '... and nobody');
$session->close;
answers($revoked, $who, 'user-3', 'not so in another database', dbname => 'postgres');

$node->safe_psql('other_keys', trust($issuer, [ secret_jwk(new_secret(), 'k') ], audience => ['erp']));
($session) = connected(token(), dbname => 'other_keys');
like($session->query($who), qr/^ERROR 28000 .*signature/, "the table's keys win over the file's");
$session->close;

($session) = connected(token(exp => time() - 22));
is($session->query($who), 'user-1', 'a token that is about to expire');
sleep 9;
like($session->query($who), qr/^ERROR 28000 .*expired/, '... expires in the session');
is($session->query("SET pindah.token = '$other'; $who"), 'user-2', '... which goes on with a fresh one');
$session->close;

#
# The provider's tokens
#
my %of = map { $_ => provider_says("/mint?login=$_") } qw(tariro rudo);
my $stolen = provider_says('/mint?login=tariro&audience=stock');
no_entry($stolen, "$refused token is meant for another audience", "the provider's token for another service", user => 'accounting');
no_entry($of{tariro}, "$refused issuer of the token is not that of the line", 'its token on the line of another', user => 'hs');
no_entry(token(), "$refused issuer of the token is not that of the line", 'the token of another on its line', user => 'accounting');
answers($of{$_}, $who, $_, "the provider's token for $_", user => 'accounting') for sort keys %of;
push @all_tokens, values %of;
set_file('pg_ident.conf', "erp tariro\@example.com accounting\n");
$node->reload;
no_entry($of{rudo}, 'no match in usermap', 'a user whom the map does not know', user => 'accounting');
answers($of{tariro}, $who, 'tariro', '... and one whom it knows', user => 'accounting');
$node->safe_psql('erp', "SELECT pindah_revoke_user('$provider_issuer', 'tariro')");
($session) = connected($of{tariro}, user => 'accounting');
like($session->query($who), qr/^ERROR 28000 .*revoked/, 'a user of the provider who was revoked');
$session->close;
$node->safe_psql('erp', 'DELETE FROM pindah.revocations');

# psql, as the page says, and a person who types the code.
{
	my ($command) = documented(qr/^psql /) =~ /^psql "(.*)"$/m;
	$command =~ s/host=\S+/host=@{[ $node->host ]} port=@{[ $node->port ]}/;
	local %ENV = (%ENV, PGOAUTHDEBUG => 'UNSAFE');
	delete $ENV{PGUSER};
	my ($in, $out, $err) = ('', '', '');
	my $psql = start([ 'psql', '-XAtd', $command, '-c', "SELECT pindah_user_id(), pindah_organisation_id()" ],
		\$in, \$out, \$err, my $limit = timer(60));
	$psql->pump until $err =~ /enter the code: \S+\n/ || $limit->is_expired || !$psql->pumpable;
	my ($code) = $err =~ /enter the code: (\S+)/;
	ok(defined $code, 'psql asks for the code') or diag($err);
	is(provider_says("/approve?user_code=$code&login=tariro"), 'approved', '... which somebody types') if defined $code;
	$psql->finish;
	is($out, "tariro|7c9e6679-7425-40de-944b-e07fc1f90ae7\n", '... and is signed in') or diag($err);
}

#
# Trust is taken back
#
write_trust({ keys => [ secret_jwk(new_secret(), 'k') ] });
no_entry(token(), "$refused signature", 'a key that has gone from the file');
unlink "$folder/trust.json";
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pindah_auth'\npindah.throttle_limit = 1\n");
$node->restart;
no_entry(token(), $refused, 'no file at all: nobody');
no_entry(token(), 'token refused: too many bad tokens', '... nor is a second token looked at, where they are counted');

my ($out, $err) = ('', '');
$node->psql('postgres', "LOAD 'pindah_auth'; ALTER SYSTEM SET pindah.oauth_user_claim = ''", stderr => \$err);
like($err, qr/pindah\.oauth_user_claim must name a claim/, 'the claim must have a name');

my $log = slurp_file($node->logfile);
my %logged = map { $_ => 1 } $log =~ /([A-Za-z0-9_-]{16,})/g;
is(scalar(grep { grep { length >= 16 && $logged{$_} } segments($_) } @all_tokens), 0, 'no part of a token is in the server log');
unlike($log, qr/\Q$PindahTest::CANARY\E/, '... nor a claim that was not asked for');

$node->stop;
$provider->finish;
done_testing();
