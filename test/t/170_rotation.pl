# Keys that are made here: tokens that other libraries verify, rotation under
# load without a refused token, and private keys that nobody else gets.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../kit";
use IPC::Run qw(start pump finish timeout);
use JSON::PP;
use PindahTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $json = JSON::PP->new->utf8->canonical;
my $kit = "$FindBin::RealBin/../kit";
my @algorithms = qw(HS256 HS384 HS512 RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 ES256K EdDSA Ed25519 Ed448);
my $node = start_node('rotation', "pindah.algorithms = '" . join(',', @algorithms) . "'\n");
my $claims = q('{"sub": "ann", "aud": "erp"}');

# A verifier outside that answers line by line.
sub verifier
{
	my ($command) = @_;
	my %it = (in => '', out => '');
	$it{run} = start($command, \$it{in}, \$it{out}, timeout(120));
	return \%it;
}

sub ask
{
	my ($verifier, @questions) = @_;
	$verifier->{out} = '';
	$verifier->{in} .= $json->encode($_) . "\n" for @questions;
	pump $verifier->{run} until ($verifier->{out} =~ tr/\n//) >= @questions;
	return split /\n/, $verifier->{out};
}

my %verifiers = (jose => [ 'node', "$kit/verify.mjs" ], pyjwt => [ '/usr/bin/python3', "$kit/verify.py" ]);
mint('jose', []);    # fetches the npm packages, if need be
my %verifier = map { $_ => verifier($verifiers{$_}) } keys %verifiers;

#
# Every algorithm, verified elsewhere
#
# Ten keys of 3072 bits take a while; each RSA algorithm has one, not two.
my @made = map { [ $_, "https://$_.example" ] } @algorithms;
for (@made)
{
	my ($algorithm, $issuer) = @$_;
	my $set = $node->safe_psql('postgres', <<"SQL");
SELECT pindah_trust_issuer('$issuer') \\g /dev/null
SELECT pindah.make_key('$issuer', '$algorithm', 'active') \\g /dev/null
SELECT pindah_issue_jwt($claims, issuer => '$issuer');
SELECT CASE WHEN '$algorithm' LIKE 'HS%'
	THEN jsonb_build_object('keys', jsonb_agg(jwk || jsonb_build_object('kid', kid))) ELSE pindah_jwks('$issuer') END
	FROM pindah.keys WHERE issuer = '$issuer';
SQL
	my ($token, $jwks) = split /\n/, $set;
	my ($header, $payload, $signature) = segments($token);
	my $bytes = decode_base64url($signature);
	substr($bytes, 0, 1) = chr(ord(substr $bytes, 0, 1) ^ 1);
	my $forged = join_token($header, $payload, encode_base64url($bytes));
	for my $name (sort keys %verifier)
	{
		if ($name eq 'jose' && $algorithm eq 'Ed448')
		{
			pass("$algorithm: jose does not know it");
			next;
		}
		my @said = ask($verifier{$name}, { jwks => $json->decode($jwks) },
			{ token => $forged, issuer => $issuer }, { token => $token, issuer => $issuer });
		is($said[2], 'ok', "$algorithm: $name verifies a token that was signed here");
		isnt($said[1], 'ok', "... and not a forged one");
	}
}
$node->safe_psql('postgres', 'DELETE FROM pindah.issuers');

#
# Rotation under load
#
$node->append_conf('postgresql.conf', "pindah.access_token_lifetime = 10\npindah.clock_skew = 0\n");
$node->reload;
$node->safe_psql('postgres', <<'SQL');
SELECT pindah_trust_issuer('home', audience => '{erp}');
SELECT pindah_create_key('home');
CREATE UNLOGGED TABLE issued (id bigserial PRIMARY KEY, at timestamptz DEFAULT clock_timestamp(), token text);
CREATE UNLOGGED TABLE refused (reason text, detail text);
CREATE UNLOGGED TABLE judged (n bigint);
SQL
# Issue a token, take it on, judge tokens that others were issued a moment ago.
my $script = $node->basedir . '/load.sql';
append_to_file($script, <<"SQL");
INSERT INTO issued (token) VALUES (pindah_issue_jwt($claims)) RETURNING token \\gset
SELECT pindah_verify_jwt(:token, false) IS NOT NULL;
WITH recent AS MATERIALIZED (SELECT token FROM issued WHERE at > clock_timestamp() - interval '3 seconds' ORDER BY id DESC LIMIT 20),
	judged AS MATERIALIZED (SELECT i.* FROM recent, pindah_inspect_jwt(token) i),
	bad AS (INSERT INTO refused SELECT reason, detail FROM judged WHERE NOT valid)
INSERT INTO judged SELECT count(*) FROM judged;
SELECT pindah_user_id();
SQL
my ($in, $bench) = ('', '');
my $load = start([ 'pgbench', '-n', '-M', 'extended', '-c', 4, '-T', 9, '-f', $script, $node->connstr('postgres') ],
	\$in, '>&', \$bench, timeout(120));
my ($rotations, $outside, $last, @failed) = (0, 0, 0);
my $end = time() + 8;
while (time() < $end)
{
	# The verifier gets the set before the rotation, and none after it.
	ask($verifier{jose}, { jwks => $json->decode($node->safe_psql('postgres', q{SELECT pindah_jwks('home')})) });
	$node->safe_psql('postgres', q{SELECT pindah_rotate_key('home', '12 seconds')});
	$rotations++;
	sleep 0.2;
	my @tokens = split /\n/, $node->safe_psql('postgres',
		"SELECT id || ' ' || token FROM issued WHERE id > $last ORDER BY id DESC LIMIT 100");
	next unless @tokens;
	($last) = $tokens[0] =~ /^(\d+)/;
	my @said = ask($verifier{jose}, map { { token => s/^\d+ //r, issuer => 'home' } } @tokens);
	$outside += @said;
	push @failed, grep { $_ ne 'ok' } @said;
}
finish $load;
is($load->result(0), 0, 'the sessions met no error') or diag($bench);
my ($issued, $judged) = split /\|/, $node->safe_psql('postgres', 'SELECT (SELECT count(*) FROM issued), (SELECT sum(n) FROM judged)');
cmp_ok($rotations, '>=', 5, 'the key was rotated');
cmp_ok($issued, '>', 50, 'tokens were issued meanwhile');
is($node->safe_psql('postgres', "SELECT count(*) FROM refused"), '0', 'not one was refused here')
  or diag($node->safe_psql('postgres', 'SELECT reason, detail, count(*) FROM refused GROUP BY 1, 2'));
is("@failed", '', 'nor by jose with the key set of before the rotation');
my $keys = $node->safe_psql('postgres', q{SELECT count(DISTINCT header->>'kid') FROM issued, pindah_inspect_jwt(token)});
cmp_ok($keys, '>=', 5, '... though they were signed by many keys');
note("$rotations rotations, $issued tokens issued and $judged judged by 4 sessions, $outside by jose, signed by $keys keys: none refused");
is($node->safe_psql('postgres', q{SELECT string_agg(state || ' ' || n, ', ' ORDER BY state) FROM
	(SELECT state, count(*) AS n FROM pindah.keys k JOIN pindah.signing_keys USING (issuer, kid) GROUP BY 1) s}),
	'active 1, next 1', 'no private part is left but of the key that signs and the next');

#
# Two rotations at once are one; an old snapshot signs with the key of now
#
my $first = $node->background_psql('postgres', on_error_stop => 0);
my $old = $node->background_psql('postgres', on_error_stop => 0);
my $kid = q{SELECT header->>'kid' FROM pindah_inspect_jwt(pindah_issue_jwt('{"sub": "ann", "aud": "erp"}'))};
$old->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pindah.keys');
my $before = $node->safe_psql('postgres', $kid);
$first->query_safe('BEGIN');
my ($active) = $first->query_safe(q{SELECT pindah_rotate_key('home')}) =~ /([\w-]{43})/;
my ($second_out, $second_err) = ('', '');
my $second = start([ 'psql', '-XAt', '-c', q{SELECT pindah_rotate_key('home')}, $node->connstr('postgres') ], \undef, \$second_out, \$second_err, timeout(60));
$node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%pindah_rotate_key%'});
is($node->safe_psql('postgres', $kid), $before, 'until a rotation commits, the old key signs');
$first->query_safe('COMMIT');
finish $second;
is($second_out, "$active\n", 'who rotates at the same time gets the key of the first');
like($second_err, qr/NOTICE:  another session has rotated the key meanwhile/, '... and is told');
is($old->query_safe($kid), $active, 'a transaction with an old snapshot signs with the key of now');
$_->quit for $first, $old;

#
# The passphrase
#
my $file = $node->basedir . '/passphrase';
my ($one, $two) = ('first passphrase, ' . encode_base64url(new_secret()), 'second passphrase, ' . encode_base64url(new_secret()));

sub passphrase_file
{
	my ($text, $mode) = @_;
	unlink $file;
	return unless defined $text;
	append_to_file($file, $text);
	chmod $mode // 0600, $file;
	return;
}

# The SQLSTATE and message of a statement in a new session, or what it prints.
sub try
{
	my ($statement) = @_;
	my ($result) = run_sql($node, [$statement]);
	return $result->[1] =~ /ERROR:  (\w{5}: .*)/ ? $1 : $result->[0] . ($result->[1] =~ /WARNING:  (\w{5})/ ? " $1" : '');
}

my $create = q{SELECT pindah_create_key('home') IS NOT NULL};
my $issue = "SELECT pindah_issue_jwt($claims) IS NOT NULL";
$node->append_conf('postgresql.conf', "pindah.key_passphrase_file = '$file'\n");
$node->reload;
$node->poll_query_until('postgres', q{SELECT pindah_user_id() IS NULL AND current_setting('pindah.key_passphrase_file') <> ''});
is(try($issue), 't', 'keys in clear sign without the file');
is(try($create), 'F0000: the file of pindah.key_passphrase_file cannot be read', 'no file: no new key');
my @bad = (
	[ 'readable by the group', "$one\n", 0640, 'is not private' ],
	[ 'readable by everybody', "$one\n", 0604, 'is not private' ],
	[ 'empty', '', 0600, 'shorter than 16 bytes' ],
	[ 'too short', "fifteen letters\n", 0600, 'shorter than 16 bytes' ],
	[ 'an empty first line', "\n$one\n", 0600, 'shorter than 16 bytes' ],
	[ 'an empty line between', "$one\n\n$two\n", 0600, 'shorter than 16 bytes' ],
	[ 'nine lines', "$one\n" x 9, 0600, 'more than 8' ],
	[ 'a NUL', "$one\0$two\n", 0600, 'is not a passphrase' ],
	[ 'too long', 'x' x 5000, 0600, 'is not a passphrase' ]);
for (@bad)
{
	my ($what, $text, $mode, $said) = @$_;
	passphrase_file($text, $mode);
	like(try($create), qr/^F0000: .*\Q$said\E/, "a file that is $what");
}
passphrase_file("$one\n");
my $in_clear = q{SELECT level || ' ' || remediation FROM pindah.lint_signing_key_in_clear};
is(try($in_clear), 'WARN SELECT public.pindah_reencrypt_keys();', 'the advisor tells of keys in clear');
is(try('SELECT pindah_reencrypt_keys()'), '2', 'the keys are encrypted');
is(try($in_clear), '', '... and the advisor is content');
my $sealed = q{SELECT string_agg(DISTINCT split_part(private_key, E'\n', 1), ',') FROM pindah.signing_keys};
is(try($sealed), '-----BEGIN ENCRYPTED PRIVATE KEY-----', '... all of them');
is(try($issue), 't', 'an encrypted key signs');
is(try(q{SELECT pindah_rotate_key('home') IS NOT NULL}), 't', '... and is rotated');
is(try($sealed), '-----BEGIN ENCRYPTED PRIVATE KEY-----', '... new ones are encrypted too');
passphrase_file($two);
like(try($issue), qr/^55000: the private key of the issuer is not here, or cannot be decrypted/, 'with another passphrase it does not sign');
like(try('SELECT pindah_reencrypt_keys()'), qr/^F0000: a private key cannot be decrypted/, '... and cannot be encrypted again');
passphrase_file("$two\n" x 8);
my $began = time;
like(try($issue), qr/^55000: /, '... nor with eight');
cmp_ok(time - $began, '<', 5, '... each of which is tried once, and not until a rotation is heard of');
passphrase_file("$two\n$one\n");
is(try($issue), 't', 'any line decrypts');
is(try('SELECT pindah_reencrypt_keys()'), '2', 'the first encrypts');
passphrase_file("$two\n");
is(try($issue), 't', 'the passphrase is changed');
passphrase_file("$one\n");
is(try(q{SELECT pindah_rotate_key('home') IS NOT NULL}), 't 01000', 'with the passphrase lost, a rotation begins anew, with a warning');
is(try($issue), 't', '... and signs');
# OpenSSL by itself reads what we have written.
my $pem = $node->basedir . '/key.pem';
$node->safe_psql('postgres', "COPY (SELECT regexp_split_to_table(private_key, E'\\n') FROM pindah.signing_keys s JOIN pindah.keys USING (issuer, kid) WHERE state = 'active') TO '$pem'");
command_ok([ 'openssl', 'pkey', '-in', $pem, '-passin', "file:$file", '-noout', '-check' ], 'openssl reads the private key');
command_fails([ 'openssl', 'pkey', '-in', $pem, '-passin', 'pass:another', '-noout' ], '... with its passphrase only');
unlink $pem;

#
# What others see
#
my ($settings_out, $settings_err);
$node->safe_psql('postgres', 'CREATE ROLE app LOGIN');
for my $setting ('pindah.access_token_lifetime=999999', 'pindah.key_passphrase_file=/dev/null')
{
	local $ENV{PGOPTIONS} = "-c $setting";
	$node->psql('postgres', 'SELECT pindah_user_id()', extra_params => [ '-U', 'app' ], stderr => \$settings_err);
	like($settings_err, qr/FATAL:  permission denied to set parameter|cannot be changed/, "$setting is not for everybody");
}
my $dump = $node->basedir . '/dump.sql';
command_ok([ 'pg_dump', '-f', $dump, $node->connstr('postgres') ], 'pg_dump');
unlike(slurp_file($dump), qr/PRIVATE KEY/, 'a dump holds no private key');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $node->connstr('restored') ], 'restored');
my ($result) = run_sql($node, [$issue], dbname => 'restored');
like($result->[1], qr/ERROR:  55000: the private key of the issuer is not here/, 'restored, nothing signs');
my $incomplete = q{SELECT remediation FROM pindah.lint_signing_incomplete};
is($node->safe_psql('restored', $incomplete), q{SELECT public.pindah_rotate_key('home');}, '... which the advisor tells');
($result) = run_sql($node, [ [ q{SELECT pindah_rotate_key('home') IS NOT NULL}, $issue, $incomplete ] ], dbname => 'restored');
is($result->[0], "t\nt", '... until the key is rotated once');

my $log = slurp_file($node->logfile);
unlike($log, qr/\Q$one\E|\Q$two\E/, 'no passphrase is in the server log');
unlike($log, qr/PRIVATE KEY/, 'no private key is in the server log');
close_pumped($_) for values %verifier;

sub close_pumped
{
	my ($verifier) = @_;
	$verifier->{run}->kill_kill;
	return;
}

$node->stop;
done_testing();
