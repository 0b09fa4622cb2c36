# A token of one issuer never passes with a key of another, wherever the two
# are named and however alike their keys look; each issuer has its own
# audience, tenants and claim names.  And what the view pindah.trust tells.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../kit";
use JSON::PP;
use PindahTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $json = JSON::PP->new->utf8->canonical;
my $node = PostgreSQL::Test::Cluster->new('issuer_bound');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
my $file = $node->basedir . '/trust.json';
my $key_file = $node->basedir . '/jwks.json';

#
# Issuers with a key each, all of the same kid and algorithm
#
my @names = map { "https://$_.example" } qw(table-1 table-2 file-1 file-2);
my $keys = mint('jose', [ map { { alg => 'ES256', key => $_ } } @names ])->{keys};
my %secret = map { $_ => new_secret() } @names;
my @pairs = map { my $signer = $_; map { [ $signer, $_ ] } @names } @names;
my @jobs;
for my $kid ('k', undef)
{
	push @jobs, map { { alg => 'ES256', key => $keys->{ $_->[0] }{private},
		header => { kid => $kid }, claims => { iss => $_->[1], sub => 'u', exp => time() + 3600 } } } @pairs;
}
my @tokens = @{ mint('jose', \@jobs)->{tokens} };
my %set = map { $_ => [ { %{ $keys->{$_}{public} }, kid => 'k' } ] } @names;

# The secrets of HMAC issuers, which go by the same names with another scheme.
my %hmac_set = map { s/https/hmac/r => [ secret_jwk($secret{$_}, 'k') ] } @names;
my %other = (
	'' => [ secret_jwk($secret{ $names[0] }, 'k') ],
	audience => [ secret_jwk($secret{ $names[1] }, 'k') ],
	tenants => [ secret_jwk($secret{ $names[2] }, 'k') ],
	map => [ secret_jwk($secret{ $names[3] }, 'k') ],
	"\xc3\xa9cole" => [ secret_jwk($secret{ $names[0] }, "cl\xc3\xa9") ]);
my %more = (
	audience => { audience => [ 'erp', 'hr' ] },
	tenants => { organisations => [ 'organisation-1', '7' ] },
	map => { claim_map => { user_id => 'login', organisation_id => [ 'tenant', 'org' ] } });

sub entry { my ($name, $set, %also) = @_; return { issuer => $name, jwks => { keys => $set }, %also } }

my @entries = (
	(map { entry($_, $set{$_}) } $names[2]),
	{ issuer => $names[3], jwks_file => 'jwks.json' },
	(map { entry($_, $hmac_set{$_}) } map { s/https/hmac/r } @names[ 2, 3 ]),
	(map { entry($_, $other{$_}, %{ $more{$_} // {} }) } '', qw(audience tenants map)),
	entry('nobody', $other{audience}, audience => [], organisations => []));
replace_file($key_file, { keys => $set{ $names[3] } });
# As Python and .NET write it: what is not ASCII is escaped.
my $document = JSON::PP->new->ascii->canonical->encode({ issuers => [ @entries,
	{ issuer => "\x{e9}cole", audience => "\x{e9}", organisations => ["\x{1f3eb}\x{e9}"], jwks => { keys => [ secret_jwk($secret{ $names[0] }, "cl\x{e9}") ] } } ] });
replace_file($file, $document);

$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pindah_auth'\npindah.trust_file = '$file'\nlog_statement = none\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pindah_auth');
$node->safe_psql('postgres', join '', map { trust($_, $set{$_}), trust(s/https/hmac/r, $hmac_set{ s/https/hmac/r }) } @names[ 0, 1 ]);

my @cases;
for my $i (0 .. $#tokens)
{
	my ($signer, $issuer) = @{ $pairs[ $i % @pairs ] };
	push @cases, [ ($i < @pairs ? '' : 'without kid, ') . "signed by $signer, iss $issuer", $tokens[$i],
		$signer eq $issuer ? undef : 'bad_signature' ];
}
for my $pair (@pairs)
{
	my ($signer, $issuer) = map { s/https/hmac/r } @$pair;
	push @cases, [ "HS256, signed by $signer, iss $issuer",
		hmac_token($secret{ $pair->[0] }, '{"alg":"HS256","kid":"k"}', claims(iss => qq("$issuer"))),
		$signer eq $issuer ? undef : 'bad_signature' ];
}
judge($node, \@cases);

# The public key as an HMAC secret, to an issuer of the file
my $public = $json->encode($set{ $names[2] }[0]);
refused($node, hmac_token($public, '{"alg":"HS256","kid":"k"}', claims(iss => qq("$names[2]"))), 'unsupported_algorithm', 'a public key of the file as an HMAC secret');

#
# The name of an issuer
#
my $sign = sub { my ($name, @claims) = @_; hmac_token($secret{$name}, '{"alg":"HS256","kid":"k"}', claims(@claims)) };
judge($node, [
	[ 'no iss, and an issuer of the empty name', $sign->($names[0], iss => undef), undef ],
	[ 'the empty iss is the same', $sign->($names[0], iss => '""'), undef ],
	[ 'iss null', $sign->($names[0], iss => 'null'), 'invalid_claim' ],
	[ 'no iss, signed by a named issuer', $sign->($names[1], iss => undef), 'bad_signature' ],
	[ 'a named issuer, signed by the one without name', $sign->($names[0], iss => '"audience"'), 'bad_signature' ],
	map { [ "no such issuer: $_", $sign->($names[2], iss => qq("$_")), 'untrusted_issuer' ] }
	  'tenants/', 'tenant', 'Tenants', ' tenants', 'tenants ', "tenants\\t", 'https://file-1.example/', 'hmac://file-1.exampl' ]);

#
# What an issuer of the file may say
#
judge($node, [
	[ 'no audience', $sign->($names[1], iss => '"audience"'), 'missing_claim' ],
	[ 'another audience', $sign->($names[1], iss => '"audience"', aud => '"erp/"'), 'wrong_audience' ],
	[ 'an audience of a list', $sign->($names[1], iss => '"audience"', aud => '["x","hr"]'), undef ],
	[ 'an issuer of no audience', $sign->($names[1], iss => '"nobody"', aud => '""'), 'wrong_audience' ],
	[ 'an audience where none is asked for', $sign->($names[2], iss => '"tenants"', aud => '"x"'), undef ],
	[ 'a tenant of another issuer', $sign->($names[2], iss => '"tenants"', OrganisationId => '"organisation-2"'), 'untrusted_organisation' ],
	[ 'no tenant', $sign->($names[2], iss => '"tenants"', OrganisationId => undef), 'untrusted_organisation' ],
	[ 'a tenant that is a number', $sign->($names[2], iss => '"tenants"', OrganisationId => '7'), undef, { organisation_id => '7' } ],
	[ 'the usual claims, which the map replaces', $sign->($names[3], iss => '"map"'), 'missing_claim' ],
	[ 'the claims of the map', $sign->($names[3], iss => '"map"', login => '"mine"', org => '"o"'), undef, { user_id => 'mine', organisation_id => 'o' } ],
	[ 'the claims of another issuer\'s map', $sign->($names[2], iss => '"tenants"', login => '"mine"', org => '"o"'), undef, { user_id => 'user-1', organisation_id => 'organisation-1' } ],
	[ 'names that are not ASCII', hmac_token($secret{ $names[0] }, qq({"alg":"HS256","kid":"cl\xc3\xa9"}), claims(iss => qq("\xc3\xa9cole"), aud => '"\\u00e9"', OrganisationId => qq("\xf0\x9f\x8f\xab\xc3\xa9"))), undef ] ]);
nothing_leaked($node);

# In a database of another encoding: what it can express counts, what it cannot is left out
$node->safe_psql('postgres', "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0; CREATE DATABASE plain ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0");
$node->safe_psql($_, 'CREATE EXTENSION pindah_auth') for qw(latin plain);
my $school = sub { hmac_token($secret{ $names[0] }, qq({"alg":"HS256","kid":"cl\xc3\xa9"}), claims(iss => qq("\xc3\xa9cole"), aud => qq("\xc3\xa9"), OrganisationId => $_[0])) };
my @results = run_sql($node, [ map { "SELECT coalesce(reason, 'valid') FROM pindah_inspect_jwt('$_')" }
	$school->(qq("\xf0\x9f\x8f\xab\xc3\xa9")), $school->('"x"'), $sign->($names[2], iss => '"tenants"') ], dbname => 'latin');
is(join(' ', map { $_->[0] } @results), 'malformed untrusted_organisation valid', 'LATIN1: the issuer is known, its tenant of other characters is nobody\'s');
@results = run_sql($node, [ map { "SELECT coalesce(reason, 'valid') FROM pindah_inspect_jwt('$_')" } $school->('"x"'), $sign->($names[2], iss => '"tenants"') ], dbname => 'plain');
is(join(' ', map { $_->[0] } @results), 'malformed valid', 'SQL_ASCII: only ASCII');

#
# The view
#
$node->safe_psql('postgres', 'CREATE ROLE app LOGIN; CREATE ROLE monitor LOGIN IN ROLE pg_monitor');
my $stderr;
for my $what ('FROM pindah.trust', 'FROM pindah.trust_file_keys()', "pindah.key_use(true, 'a', 'b')")
{
	$node->psql('postgres', "SELECT $what", extra_params => [ '-U', 'app' ], stderr => \$stderr);
	like($stderr, qr/permission denied/, "closed: $what");
}
my $view = "SELECT issuer, source, kid, algorithm, state, in_force, uses > 0, last_used > now() - interval '1 minute', age >= '0', path FROM pindah.trust WHERE issuer ~ '^https' ORDER BY 1, 2";
is($node->safe_psql('postgres', $view, extra_params => [ '-U', 'monitor' ]), join("\n",
	"$names[2]|file|k|ES256|active|t|t|t|t|$file",
	"$names[3]|file|k|ES256|active|t|t|t|t|$key_file",
	"$names[0]|table|k|ES256|active|t|t|t|t|",
	"$names[1]|table|k|ES256|active|t|t|t|t|"), 'the view shows every key, where it comes from and that it was used');
my $everything = $node->safe_psql('postgres', 'SELECT * FROM pindah.trust');
is(scalar(grep { index($everything, encode_base64url($_)) >= 0 } values %secret), 0, '... and no secret');
my $uses = "SELECT uses FROM pindah.trust WHERE issuer = '$names[2]'";
my $before = $node->safe_psql('postgres', $uses);
$node->safe_psql('postgres', "SELECT pindah_inspect_jwt('$tokens[10]')") for 1 .. 3;
$node->safe_psql('postgres', "SELECT pindah_inspect_jwt('$tokens[8]')");
is($node->safe_psql('postgres', $uses), $before + 3, 'what is verified counts, over all sessions; what is refused does not');
is($node->safe_psql('latin', "SELECT string_agg(DISTINCT source, ',') FROM pindah.trust"), 'file', 'another database has its own tables');
is($node->safe_psql('postgres', "SELECT count(*) FROM pindah.trust WHERE issuer = 'audience' AND audience = '{erp,hr}' AND organisations IS NULL"), '1', 'the view shows audiences');
is($node->safe_psql('postgres', "SELECT organisations FROM pindah.trust WHERE issuer = 'tenants'"), '{7,organisation-1}', '... and tenants');

# One name in both: the tables win, wholly
$node->safe_psql('postgres', trust('audience', $other{map}, organisations => ['9']));
judge($node, [
	[ 'the key of the file, no longer', $sign->($names[1], iss => '"audience"', aud => '"erp"', OrganisationId => '"9"'), 'bad_signature' ],
	[ 'the key of the tables, and no audience', $sign->($names[3], iss => '"audience"', OrganisationId => '"9"'), undef ],
	[ 'the tenants of the tables', $sign->($names[3], iss => '"audience"', aud => '"erp"'), 'untrusted_organisation' ] ]);
is($node->safe_psql('postgres', "SELECT source, state, in_force FROM pindah.trust WHERE issuer = 'audience' ORDER BY 1"), "file|shadowed|f\ntable|active|t", 'the view says which one counts');
$node->safe_psql('postgres', "SELECT pindah_revoke_key('audience', 'k')");
is($node->safe_psql('postgres', "SELECT source, state, in_force FROM pindah.trust WHERE issuer = 'audience' ORDER BY 1"), "file|shadowed|f\ntable|revoked|f", '... and that a revoked key does not');

# A file that is broken, and one that is gone
replace_file($file, '{');
is($node->safe_psql('postgres', "SELECT DISTINCT last_error, error_at > loaded_at, loaded_at > now() - interval '1 hour' FROM pindah.trust WHERE source = 'file'"), 'it is not well-formed JSON|t|t', 'a broken file: the last good state, and what is wrong');
$node->restart;
is($node->safe_psql('postgres', "SELECT issuer, kid, in_force, path, last_error FROM pindah.trust WHERE source = 'file'"), "||f|$file|it is not well-formed JSON", 'a broken file from the start: a row that says so');
replace_file($file, { issuers => [ { issuer => 'empty', jwks => { keys => [] } } ] });
is($node->safe_psql('postgres', "SELECT issuer, kid, state, in_force, path, last_error FROM pindah.trust WHERE source = 'file'"), "empty|||f|$file|", 'an issuer without keys');
$node->adjust_conf('postgresql.conf', 'pindah.trust_file', "''");
$node->restart;
is($node->safe_psql('postgres', "SELECT count(*) FROM pindah.trust WHERE source = 'file'"), '0', 'no file, no row');

$node->stop;
done_testing();
