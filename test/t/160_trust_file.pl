# Trust from a file: what is refused of it, how it is read again, what stays
# in force while it is broken, where it is not read at all.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../kit";
use IPC::Run;
use JSON::PP;
use PindahTest;
use POSIX qw(mkfifo);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $json = JSON::PP->new->utf8->canonical;
my $minted = mint('jose', [
	map { { alg => 'ES256', key => $_, claims => { iss => 'https://a.example', sub => "of-$_", exp => time() + 3600 } } } qw(one two)
]);
my %token = (one => $minted->{tokens}[0], two => $minted->{tokens}[1]);
my %public = map { $_ => $minted->{keys}{$_}{public} } qw(one two);
my $secret = new_secret();

my $node = PostgreSQL::Test::Cluster->new('trust_file');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
my $folder = $node->basedir . '/trust';
my $file = "$folder/trust.json";
mkdir $folder or die $!;
$node->append_conf('postgresql.conf', "pindah.trust_file = '$file'\nlog_statement = none\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pindah_auth');

sub issuer
{
	my ($name, %more) = @_;
	return { issuer => $name, %more };
}

sub document
{
	return { issuers => [@_] };
}

# What new sessions make of the tokens.
my $verdicts = "SELECT string_agg(coalesce(reason, 'valid'), ' ' ORDER BY n) FROM (VALUES (1, '$token{one}'), (2, '$token{two}')) t (n, token), pindah_inspect_jwt(token)";
sub verdicts { return $node->safe_psql('postgres', $verdicts) }

# What the log has said of the file since the last call.
my $log_read = 0;
sub complaints
{
	my $log = slurp_file($node->logfile, $log_read);
	$log_read += length $log;
	return join "\n", $log =~ /LOG:  (could not use trust file .*|keys of trust file .*|trust file .*)/g;
}

my $good = document(issuer('https://a.example', jwks => { keys => [ $public{one} ] }));

#
# Not preloaded: each new session reads the file, and a broken one trusts nobody
#
is(verdicts(), 'untrusted_issuer untrusted_issuer', 'no file: nobody is trusted');
like(complaints(), qr/^could not use trust file "\Q$file\E": it is not there$/, '... and the log says why');
replace_file($file, $good);
is(verdicts(), 'valid unknown_key', 'a good file is believed');
is(complaints(), '', '... in silence');

my @broken = (
	[ 'an empty file', '', 'it is not well-formed JSON' ],
	[ 'half a file', substr($json->encode($good), 0, 200), 'it is not well-formed JSON' ],
	[ 'something behind', $json->encode($good) . 'x', 'it is not well-formed JSON' ],
	[ 'a BOM', "\xef\xbb\xbf" . $json->encode($good), 'it is not well-formed JSON' ],
	[ 'no UTF-8', $json->encode($good) =~ s/a\.example/\xe9.example/r, 'it is not valid UTF-8' ],
	[ 'an array', '[]', 'it is not a JSON object' ],
	[ 'a name twice', '{"issuers": [], "issuers": []}', 'a member name stands twice in one object' ],
	[ 'a name twice, deep', '{"issuers": [{"issuer": "i", "jwks": {"keys": [], "keys": []}}]}', 'a member name stands twice in one object' ],
	[ 'too deep', '{"issuers": ' . '[' x 64 . ']' x 64 . '}', 'it is nested deeper than 64 levels' ],
	[ 'a huge number', '{"issuers": [], "x": 1e999}', 'it holds a number with an exponent beyond 308' ],
	[ 'no issuers', '{}', 'it is not an object with an array "issuers"' ],
	[ 'issuers as an object', '{"issuers": {}}', 'it is not an object with an array "issuers"' ],
	[ 'another member', '{"issuers": [], "version": 1}', 'its member 2 is not known; known is issuers' ],
	[ 'an issuer that is a string', document('https://a.example'), 'issuer 1: it is not a JSON object' ],
	[ 'another member of an issuer', document(issuer('i', jwks => { keys => [] }, jwks_uri => 'https://a.example')), qr/issuer 1: its member [123] is not known; known are issuer, audience, organisations, claim_map, jwks and jwks_file/ ],
	[ 'an issuer without name', document({ jwks => { keys => [] } }), 'issuer 1: issuer is not a string' ],
	[ 'an issuer that is null', document(issuer(undef, jwks => { keys => [] })), 'issuer 1: issuer is not a string' ],
	[ 'no keys', document(issuer('i')), 'issuer 1: it needs either jwks or jwks_file' ],
	[ 'both kinds of keys', document(issuer('i', jwks => { keys => [] }, jwks_file => 'x')), 'issuer 1: it needs either jwks or jwks_file' ],
	[ 'a number as audience', document(issuer('i', jwks => { keys => [] }, audience => 1)), 'issuer 1: audience is not an array of strings' ],
	[ 'null as organisations', document(issuer('i', jwks => { keys => [] }, organisations => undef)), 'issuer 1: organisations is not an array of strings' ],
	[ 'a number among organisations', document(issuer('i', jwks => { keys => [] }, organisations => [ 'a', 1 ])), 'issuer 1: organisations is not an array of strings' ],
	[ 'a claim map with another member', document(issuer('i', jwks => { keys => [] }, claim_map => { tenant => 'x' })), 'issuer 1: the claim map is not usable: its members are user_id, user_name, email, roles, permissions and organisation_id, each a claim name or an array of them' ],
	[ 'a key as key set', document(issuer('i', jwks => $public{one})), 'issuer 1: a JWK set is an object with an array "keys"' ],
	[ 'a key set in a key set', document(issuer('i', jwks => { keys => [ { keys => [ $public{one} ] } ] })), 'issuer 1: key 1: this is a JWK set, not a JWK' ],
	[ 'keys as text', document(issuer('i', jwks => $json->encode({ keys => [] }))), 'issuer 1: a JWK set is an object with an array "keys"' ],
	[ 'a key that is a string', document($good->{issuers}[0], issuer('i', jwks => { keys => [ $public{one}, 'x' ] })), 'issuer 2: key 2: the JWK is not a well-formed JSON object' ],
	[ 'a point off its curve', document(issuer('i', jwks => { keys => [ { %{ $public{one} }, x => $public{two}{x} } ] })), qr/issuer 1: key 1: the EC point is not on its curve/ ],
	[ 'a short secret', document(issuer('i', jwks => { keys => [ secret_jwk('x' x 31, 'k') ] })), qr/issuer 1: key 1: the secret is shorter/ ],
	[ 'two kinds of keys', document(issuer('i', jwks => { keys => [ $public{one}, secret_jwk($secret, 'k') ] })), 'issuer 1: key 2: symmetric and asymmetric keys side by side' ],
	[ 'the same kid twice', document(issuer('i', jwks => { keys => [ $public{one}, { %{ $public{two} }, kid => $public{one}{kid} } ] })), 'an issuer has a kid twice' ],
	[ 'the same issuer twice', document(map { issuer('i', jwks => { keys => [ $public{$_} ] }) } qw(one two)), 'it names an issuer twice' ],
	[ 'a jwks_file that is not there', document(issuer('i', jwks_file => 'nowhere.json')), 'issuer 1: its jwks_file: it is not there' ],
	[ 'a jwks_file that is a number', document(issuer('i', jwks_file => 1)), 'issuer 1: jwks_file is not the path of a file' ],
	[ 'a jwks_file that is the set itself', document(issuer('i', jwks_file => $json->encode({ keys => [ secret_jwk($secret, 'k') ] }))), qr/issuer 1: its jwks_file: it (?:is not there|cannot be opened)/ ],
	[ 'a jwks_file that is a folder', document(issuer('i', jwks_file => '.')), 'issuer 1: its jwks_file: it is not a regular file' ],
	[ 'a jwks_file that is no JSON', document(issuer('i', jwks_file => '/etc/passwd')), 'issuer 1: its jwks_file: it is not well-formed JSON' ],
	[ '10 MB', '{"issuers": [' . ' ' x 10_000_000 . ']}', 'it is too large' ]);
for my $case (@broken)
{
	my ($what, $text, $complaint) = @$case;
	replace_file($file, $text);
	is(verdicts(), 'untrusted_issuer untrusted_issuer', "refused: $what");
	my $expected = ref $complaint ? $complaint : qr/\Q$complaint\E/;
	like(complaints(), qr/^could not use trust file "\Q$file\E": $expected.*$/, '... and the log says it in one line');
}

replace_file($file, $good, 0666);
is(verdicts(), 'untrusted_issuer untrusted_issuer', 'refused: a file that everybody may write');
like(complaints(), qr/everybody may write it$/, '... and said');
replace_file($file, $good, 0000);
is(verdicts(), 'untrusted_issuer untrusted_issuer', 'refused: a file that the server may not read');
like(complaints(), qr/the server may not read it$/, '... and said');
unlink $file or die $!;
mkdir $file or die $!;
is(verdicts(), 'untrusted_issuer untrusted_issuer', 'refused: a folder');
like(complaints(), qr/it is not a regular file$/, '... and said');
rmdir $file or die $!;
mkfifo($file, 0600) or die $!;
is(verdicts(), 'untrusted_issuer untrusted_issuer', 'refused: a FIFO, which stops nobody');
like(complaints(), qr/it is not a regular file$/, '... and said');
unlink $file or die $!;
symlink '/dev/zero', $file or die $!;
is(verdicts(), 'untrusted_issuer untrusted_issuer', 'refused: a device');
unlink $file or die $!;
complaints();

# What is skipped
replace_file($file, document(issuer('https://a.example', jwks => { keys => [
	{ kty => 'AKP', alg => 'ML-DSA-44', pub => 'AA', kid => 'x' }, $public{two}, { %{ $public{one} }, use => 'enc', kid => 'e' } ], other => 1 })));
is(verdicts(), 'unknown_key valid', 'keys that are not for us are skipped');
like(complaints(), qr/^keys of trust file "\Q$file\E" are skipped: issuer 1: key 1: the kty or crv of the JWK is not supported$/, '... and the log says which is the first, and why');
replace_file($file, document(issuer('https://h.example', jwks => { keys => [ secret_jwk($secret, 'k') ] })), 0644);
my $hmac = hmac_token($secret, '{"alg":"HS256","kid":"k"}', claims(iss => '"https://h.example"'));
my $judge_hmac = "SELECT coalesce(reason, 'valid') FROM pindah_inspect_jwt('$hmac')";
is($node->safe_psql('postgres', $judge_hmac), 'valid', 'a secret in a file that all can read works');
like(complaints(), qr/holds a secret that every user of this machine can read/, '... but is complained of');
replace_file($file, document(issuer('https://h.example', jwks => { keys => [ secret_jwk($secret, 'k') ] })), 0600);
is($node->safe_psql('postgres', $judge_hmac), 'valid', 'a secret in a file of the server alone');
is(complaints(), '', '... needs no word');

#
# A session that stays
#
my $session = $node->background_psql('postgres', on_error_stop => 0);
my $ask = sub { return $session->query_safe($_[0]) };
my $later = sub { sleep 1.1; return $ask->($_[0]) };
replace_file($file, $good);
is($ask->($verdicts), 'valid unknown_key', 'a session reads the file');
replace_file($file, document(issuer('https://a.example', jwks => { keys => [ $public{two} ] })));
is($later->($verdicts), 'unknown_key valid', 'another file in its place counts a second later');
replace_file($file, '{');
complaints();
is($later->($verdicts), 'unknown_key valid', 'a broken one leaves the last good state');
$later->('SELECT 1') for 1 .. 2;
is($later->($verdicts), 'unknown_key valid', '... which stays');
is(complaints(), "could not use trust file \"$file\": it is not well-formed JSON", '... and is told once');
unlink $file or die $!;
is($later->($verdicts), 'unknown_key valid', 'so does one that vanishes');
is(complaints(), "could not use trust file \"$file\": it is not there", '... which is told too');
replace_file($file, $good);
is($later->($verdicts), 'valid unknown_key', 'one that comes back counts');
is(complaints(), "trust file \"$file\" is in order again", '... and is told');

$ask->("SET pindah.token = '$token{one}'");
is($ask->('SELECT pindah_user_id()'), 'of-one', 'an identity by the file');
replace_file($file, document(issuer('https://a.example', jwks => { keys => [ $public{two} ] })));
is($later->("SELECT pindah_whoami()->>'reason'"), 'unknown_key', '... ends when the file no longer has its key');
replace_file($file, $good);
is($later->('SELECT pindah_user_id()'), 'of-one', '... and is back with it');
is($ask->("BEGIN; SELECT pindah_user_id()"), 'of-one', 'in a transaction');
replace_file($file, document());
is($later->("SELECT pindah_whoami()->>'reason'"), 'untrusted_issuer', '... a change counts as well');
$ask->('COMMIT');

# One statement is judged by one trust, however long it takes
replace_file($file, $good);
is($later->($verdicts), 'valid unknown_key', 'before a long statement');
replace_file("$file.next", document(issuer('https://a.example', jwks => { keys => [ $public{two} ] })));
is($ask->(<<"SQL"), '', 'a file that changes in the middle of a statement changes nothing in it');
DO \$\$ DECLARE verdicts text; BEGIN
	COPY (SELECT 1) TO PROGRAM 'cat > /dev/null; mv -f $file.next $file';
	PERFORM pg_sleep(1.1);
	verdicts := ($verdicts);
	IF verdicts <> 'valid unknown_key' THEN RAISE '%', verdicts; END IF;
END \$\$
SQL
is($ask->($verdicts), 'unknown_key valid', '... but in the next');

# In place, with the same length
replace_file($file, document(issuer('https://a.example', jwks => { keys => [ $public{one} ] })));
is($later->($verdicts), 'valid unknown_key', 'again in order');
sleep 3.1;
is($ask->($verdicts), 'valid unknown_key', 'a look at a file that is old');
open my $out, '+<', $file or die $!;
print $out $json->encode(document(issuer('https://a.example', jwks => { keys => [ { %{ $public{two} }, kid => $public{two}{kid} } ] })));
close $out;
is($later->($verdicts), 'unknown_key valid', 'written over in place, with the same length');

#
# What the advisor says of it
#
$node->safe_psql('postgres', 'CREATE ROLE deployer LOGIN; GRANT SELECT ON pindah.advisor TO deployer');
sub advice
{
	my ($user) = @_;
	return $node->safe_psql('postgres', q{SELECT string_agg(name || ' ' || level || ': ' || detail, '; ' ORDER BY name) FROM pindah.advisor WHERE detail ~ 'trust file'},
		extra_params => [ '-U', $user ]);
}
my $owner = $node->safe_psql('postgres', 'SELECT current_user');
replace_file($file, document(issuer('https://a.example', audience => ['erp'], jwks => { keys => [ @public{qw(one two)} ] })));
is(advice($owner), '', 'the advisor is content with a good file');
replace_file($file, '{');
is(advice('deployer'), '', 'a broken one is nothing for those who may not see pindah.trust, and no error');
is(advice($owner), 'trust_file_broken WARN: trust file: it is not well-formed JSON', '... and told to those who may');
is($later->('SELECT detail FROM pindah.lint_trust_file_broken'), 'trust file: it is not well-formed JSON', '... once, also in a session with the last good state');
$node->safe_psql('postgres', 'GRANT pg_monitor TO deployer');
is(advice('deployer'), advice($owner), '... as to members of pg_monitor');
replace_file($file, document(issuer('https://a.example', jwks => { keys => [ @public{qw(one two)} ] }), issuer('', audience => ['erp'], jwks => { keys => [] })));
is(advice($owner), q{issuer_without_audience WARN: issuer 'https://a.example' of the trust file: no audience}, 'an issuer of the file without audience');
is($node->safe_psql('postgres', 'BEGIN;' . trust('https://a.example', [ $public{two} ], audience => ['erp']) . 'SELECT count(*) FROM pindah.lint_issuer_without_audience; ROLLBACK') =~ s/\s//gr, '0', '... unless the tables name it');

#
# Key sets beside it, switched as Kubernetes does
#
mkdir "$folder/$_" or die $! for qw(..1 ..2);
replace_file("$folder/..1/jwks.json", { keys => [ $public{one} ] });
replace_file("$folder/..1/trust.json", document(issuer('https://a.example', jwks_file => 'jwks.json')));
replace_file("$folder/..2/jwks.json", { keys => [ $public{two} ] });
replace_file("$folder/..2/trust.json", document(issuer('https://a.example', jwks_file => 'jwks.json')));
unlink $file or die $!;
symlink '..1', "$folder/..data" or die $!;
symlink '..data/trust.json', $file or die $!;
symlink '..data/jwks.json', "$folder/jwks.json" or die $!;
is($later->($verdicts), 'valid unknown_key', 'symbolic links to a folder of the day');
symlink '..2', "$folder/..data.new" or die $!;
rename "$folder/..data.new", "$folder/..data" or die $!;
is($later->($verdicts), 'unknown_key valid', '... are switched all at once');
complaints();
unlink "$folder/..2/jwks.json" or die $!;
is($later->($verdicts), 'unknown_key valid', 'a jwks_file that vanishes leaves the last good state');
is(complaints(), "could not use trust file \"$file\": issuer 1: its jwks_file: it is not there", '... and is told');
replace_file("$folder/..2/jwks.json", { keys => [ $public{one} ] });
is($later->($verdicts), 'valid unknown_key', 'one that comes back counts, though the trust file is the same');
unlink $file or die $!;
replace_file($file, document(issuer('https://a.example', jwks_file => "$folder/..1/jwks.json")));
is($later->($verdicts), 'valid unknown_key', 'an absolute path');

#
# The tables win
#
sub in_new_session
{
	my ($sql) = @_;
	$node->psql('postgres', $sql, stderr => \my $stderr, on_error_stop => 0);
	return $stderr =~ s/^psql:<stdin>:\d+: //gmr =~ s/\n(?!HINT).*//gr;
}
is(in_new_session("SELECT pindah_distrust_issuer('https://a.example')"), <<'SAID' =~ s/\n\z//r, 'what the file alone trusts is not distrusted in the tables');
ERROR:  issuer "https://a.example" is trusted by the trust file alone
HINT:  Take it out of the file, or refuse its tokens in this database: call pindah_trust_issuer() without keys.
SAID
is(in_new_session("SELECT pindah_revoke_key('https://a.example', 'one')"), <<'SAID' =~ s/\n\z//r, '... nor its keys revoked');
ERROR:  issuer "https://a.example" has no key "one"
HINT:  The trust file has it: take it out of there.
SAID
is(in_new_session("BEGIN; SELECT pindah_revoke_user('https://a.example', 'mallory'); ROLLBACK"), '', '... but its users are, in a session that has not looked at the file either');
like(in_new_session(trust('https://a.example', [ $public{two} ])), qr/^NOTICE:  what the trust file says of issuer "https:\/\/a.example" counts for nothing in this database from now on$/m, 'who names an issuer of the file in the tables is told what that means');
is(in_new_session(trust('https://a.example', [ $public{two} ], audience => ['x']) . "UPDATE pindah.issuers SET audience = NULL"), '', '... once');
is($ask->($verdicts), 'unknown_key valid', 'the tables name the issuer: their keys alone');
$node->safe_psql('postgres', "SELECT pindah_revoke_key('https://a.example', 'two')");
is($ask->($verdicts), 'unknown_key revoked', '... also when they have none that counts');
is(in_new_session('BEGIN;' . trust('https://a.example', [ $public{one} ]) . "SELECT pindah_revoke_key('https://a.example', 'one'); ROLLBACK"), <<'SAID' =~ s/\n\z//r, 'a key that both have is revoked here');
WARNING:  the trust file has a key of this kid: it counts for logins by OAuth, and in other databases
HINT:  Take it out of the file as well.
SAID
is(in_new_session("SELECT pindah_distrust_issuer('https://a.example')"), <<'SAID' =~ s/\n\z//r, 'who distrusts an issuer of the file is told that this does not end it');
WARNING:  issuer "https://a.example" is trusted by the trust file from now on
HINT:  Take it out of the file, or refuse its tokens in this database: call pindah_trust_issuer() without keys.
SAID
is($ask->($verdicts), 'valid unknown_key', 'distrusted in the tables: the file counts again');
$node->safe_psql('postgres', 'DROP EXTENSION pindah_auth');
is($ask->('SHOW pindah.user_id'), '', 'without the extension nobody is trusted, by the file either');
$node->safe_psql('postgres', 'CREATE EXTENSION pindah_auth');

#
# The setting
#
$node->safe_psql('postgres', 'CREATE ROLE mallory LOGIN; CREATE ROLE auditor LOGIN IN ROLE pg_read_all_settings');
replace_file("$folder/evil.json", document(issuer('https://evil.example', jwks => { keys => [ $public{one} ] })));
my ($stdout, $stderr);
for my $way ([ "SET pindah.trust_file = '$folder/evil.json'; SELECT pindah_user_id()" ],
	[ 'SELECT pindah_user_id()', "-c pindah.trust_file=$folder/evil.json" ])
{
	local $ENV{PGOPTIONS} = $way->[1] // '';
	$node->psql('postgres', $way->[0], extra_params => [ '-U', 'mallory' ], stdout => \$stdout, stderr => \$stderr);
	like($stderr, qr/permission denied to set parameter "pindah.trust_file"|cannot be changed now/, 'a session cannot bring its own: ' . ($way->[1] // 'SET'));
}
$node->psql('postgres', "SELECT pindah_user_id(); SET pindah.trust_file = '$folder/evil.json'", extra_params => [ '-U', 'mallory' ], stderr => \$stderr);
like($stderr, qr/cannot be changed now/, '... when the library is loaded either');
$node->psql('postgres', 'SELECT pindah_user_id(); SHOW pindah.trust_file', extra_params => [ '-U', 'mallory' ], stderr => \$stderr);
like($stderr, qr/must be superuser|permission denied/, 'nobody sees where it lies');
is((split /\n/, $node->safe_psql('postgres', 'SELECT pindah_user_id(); SHOW pindah.trust_file', extra_params => [ '-U', 'auditor' ]))[-1], $file, '... but who may see all settings');
$ask->('RESET pindah.token');
$node->adjust_conf('postgresql.conf', 'pindah.trust_file', "'$folder/evil.json'");
$node->reload;
my $evil = $json->decode($json->encode(mint('jose', [ { alg => 'ES256', key => $minted->{keys}{one}{private}, claims => { iss => 'https://evil.example', sub => 'x', exp => time() + 60 } } ])))->{tokens}[0];
$node->poll_query_until('postgres', "SELECT valid FROM pindah_inspect_jwt('$evil')");
is($later->("SELECT coalesce(reason, 'valid') FROM pindah_inspect_jwt('$evil')"), 'valid', 'the administrator names another file: it counts after a reload');
is($ask->($verdicts), 'untrusted_issuer untrusted_issuer', '... and the one of before no longer');
$node->adjust_conf('postgresql.conf', 'pindah.trust_file', "''");
$node->reload;
$node->poll_query_until('postgres', "SELECT NOT valid FROM pindah_inspect_jwt('$evil')");
is($later->("SELECT coalesce(reason, 'valid') FROM pindah_inspect_jwt('$evil')"), 'untrusted_issuer', 'no file: nobody by it');
$session->quit;

#
# Preloaded: new sessions inherit the last good state
#
replace_file($file, $good);
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pindah_auth'\npindah.trust_file = '$file'\n");
$node->restart;
is(verdicts(), 'valid unknown_key', 'preloaded: the file is believed');
replace_file($file, '{');
is(verdicts(), 'valid unknown_key', '... and a new session while it is broken has the last good state');
$node->reload;
is(verdicts(), 'valid unknown_key', '... after a reload too');
replace_file($file, document(issuer('https://a.example', jwks => { keys => [ $public{two} ] })));
is(verdicts(), 'unknown_key valid', 'a good one counts at once in a new session');
$node->reload;
ok($node->poll_query_until('postgres', "SELECT pg_sleep(0.1) IS NOT NULL"), 'reloaded');
replace_file($file, '{"issuers": [{"issuer": "' . $PindahTest::CANARY . '", "jwks": {"keys": [' . $json->encode(secret_jwk('short', 'k')) . ']}}]}');
is(verdicts(), 'unknown_key valid', 'a reload makes it the state that new sessions inherit');
replace_file($file, '{');
$node->restart;
is(verdicts(), 'untrusted_issuer untrusted_issuer', 'a restart with a broken file: the server starts, nobody is trusted by it');
replace_file($file, $good);
is(verdicts(), 'valid unknown_key', '... until it is in order');

my $log = slurp_file($node->logfile);
unlike($log, qr/\Q$PindahTest::CANARY\E|\Q$public{one}{x}\E|\Q@{[ encode_base64url($secret) ]}\E/, 'nothing that stands in a file is in the log');
unlike($log, qr/PANIC|TRAP|terminated by signal|FATAL:  (?!permission denied to set|terminating connection due to administrator)/, 'nothing broke');

$node->stop;
done_testing();
