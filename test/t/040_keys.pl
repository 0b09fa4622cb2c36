# Every reason to refuse a key at load, through each door by which keys come:
# pindah_verify_jws(), pindah_add_key() and pindah_trust_issuer().
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../kit";
use JSON::PP;
use Math::BigInt;
use PindahTest;
use Test::More;

my $json = JSON::PP->new->utf8->canonical;

sub random_bytes
{
	my ($count) = @_;
	open my $random, '<:raw', '/dev/urandom' or die $!;
	read($random, my $bytes, $count) == $count or die 'no random bytes';
	return $bytes;
}

# A number of so many bits without small factors, which is what a modulus
# looks like to who cannot factor it.
sub modulus
{
	my ($bits) = @_;
	while (1)
	{
		my $bytes = random_bytes(int(($bits + 7) / 8));
		my $top = ($bits - 1) % 8;
		substr($bytes, 0, 1) = chr((ord($bytes) & ((1 << $top) - 1)) | (1 << $top));
		substr($bytes, -1) = chr(ord(substr $bytes, -1) | 1);
		return $bytes if $bits > 5000 || !has_small_factor($bytes);
	}
}

sub has_small_factor
{
	my ($bytes) = @_;
	my $n = Math::BigInt->from_hex(unpack 'H*', $bytes);
	for my $candidate (3 .. 751)
	{
		return 1 if $candidate % 2 && $n % $candidate == 0;
	}
	return 0;
}

sub b64
{
	return encode_base64url($_[0]);
}

#
# Good keys of each kind
#

my $minted = mint('pyjwt',
	[ map { { alg => $_, key => $_, claims => {} } } qw(HS256 HS384 HS512 RS256 ES256 ES384 ES512 ES256K Ed25519 Ed448) ]);
my %good = map { $_ => $minted->{keys}{$_}{public} } keys %{ $minted->{keys} };
my %private = map { $_ => $minted->{keys}{$_}{private} } keys %{ $minted->{keys} };
my %token = (HS256 => $minted->{tokens}[0]);

my ($rsa1024, $rsa3, $rsa2047, $rsa4096, $roca) = forge_crypto(
	{ make => 'rsa', bits => 1024, e => 65537 },
	{ make => 'rsa', bits => 2048, e => 3 },
	{ make => 'rsa', bits => 2047, e => 65537 },
	{ make => 'rsa', bits => 4096, e => 65537 },
	{ make => 'roca', bits => 2048 });
delete @$_{qw(d p q dp dq qi)} for $rsa1024, $rsa3, $rsa2047, $rsa4096, $roca;

# A good key with members changed; undef takes one away.
sub changed
{
	my ($alg, %changes) = @_;
	my %jwk = (%{ $good{$alg} }, %changes);
	delete $jwk{$_} for grep { !defined $jwk{$_} } keys %jwk;
	return \%jwk;
}

sub flipped
{
	my ($alg, $member, $byte) = @_;
	my $bytes = decode_base64url($good{$alg}{$member});
	substr($bytes, $byte // -1, 1) = chr(ord(substr $bytes, $byte // -1, 1) ^ 1);
	return b64($bytes);
}

my @bad;    # description, JWK
my @fine;
my @skipped;    # an error alone, skipped in a set

push @fine, map { [ "a key for $_", $good{$_} ] } sort keys %good;
push @fine,
  [ 'RSA of 4096 bits', $rsa4096 ],
  [ 'RSA with e = 2^32 - 1', changed('RS256', e => b64("\xff\xff\xff\xff")) ],
  [ 'RSA with a leading zero byte in e', changed('RS256', e => b64("\0\1\0\1")) ],
  [ "a secret longer than the hash's block", changed('HS256', k => b64(random_bytes(200))) ],
  [ 'key_ops with verify', changed('ES256', key_ops => ['verify']) ],
  [ 'key_ops with verify and sign', changed('ES256', key_ops => [ 'sign', 'verify' ]) ],
  [ 'neither use nor alg nor kid', changed('ES256', use => undef, alg => undef, kid => undef) ],
  [ 'members that nobody knows', changed('ES256', x5c => ['MIIB'], exp => 1, nbf => { a => 1 }) ],
  [ 'a kid of 256 bytes', changed('ES256', kid => 'k' x 256) ];

# RSA
push @bad,
  [ 'RSA of 1024 bits', $rsa1024 ],
  [ 'RSA of 2047 bits', $rsa2047 ],
  [ 'RSA of 16385 bits', changed('RS256', n => b64(modulus(16385))) ],
  [ 'RSA of 65536 bits', changed('RS256', n => b64(modulus(65536))) ],
  [ 'RSA with e = 3', $rsa3 ],
  [ 'RSA with e = 1', changed('RS256', e => b64("\1")) ],
  [ 'RSA with e = 0', changed('RS256', e => b64("\0")) ],
  [ 'RSA with e = 65535', changed('RS256', e => b64("\xff\xff")) ],
  [ 'RSA with e = 65536', changed('RS256', e => b64("\1\0\0")) ],
  [ 'RSA with e = 65538', changed('RS256', e => b64("\1\0\2")) ],
  [ 'RSA with e = 2^32 + 1', changed('RS256', e => b64("\1\0\0\0\1")) ],
  [ 'RSA with e = 2^64 + 65537', changed('RS256', e => b64("\1\0\0\0\0\0\1\0\1")) ],
  [ 'RSA with e of 2048 bits', changed('RS256', e => b64(modulus(2048))) ],
  [ 'RSA with a ROCA modulus (CVE-2017-15361)', $roca ],
  [ 'RSA with an even modulus', changed('RS256', n => flipped('RS256', 'n')) ],
  [ 'RSA with a modulus of zeros', changed('RS256', n => b64("\0" x 256)) ],
  [ 'RSA of 1024 bits behind zeros', { %$rsa1024, n => b64(("\0" x 128) . decode_base64url($rsa1024->{n})) } ],
  [ 'RSA without n', changed('RS256', n => undef) ],
  [ 'RSA without e', changed('RS256', e => undef) ];

# EC
my %field = (ES256 => 32, ES384 => 48, ES512 => 66, ES256K => 32);
for my $alg (sort keys %field)
{
	my ($x, $y) = map { decode_base64url($good{$alg}{$_}) } qw(x y);
	push @bad,
	  [ "$alg: y off the curve", changed($alg, y => flipped($alg, 'y')) ],
	  [ "$alg: x off the curve", changed($alg, x => b64("\0" x $field{$alg})) ],
	  [ "$alg: the point (0, 0)", changed($alg, x => b64("\0" x $field{$alg}), y => b64("\0" x $field{$alg})) ],
	  [ "$alg: coordinates beyond the field", changed($alg, x => b64("\xff" x $field{$alg})) ],
	  [ "$alg: x and y exchanged", changed($alg, x => $good{$alg}{y}, y => $good{$alg}{x}) ],
	  [ "$alg: x one byte short", changed($alg, x => b64(substr $x, 1)) ],
	  [ "$alg: x one byte long", changed($alg, x => b64("\0$x")) ],
	  [ "$alg: y one byte short", changed($alg, y => b64(substr $y, 0, -1)) ],
	  [ "$alg: y one byte long", changed($alg, y => b64("$y\0")) ],
	  [ "$alg: without x", changed($alg, x => undef) ],
	  [ "$alg: without y", changed($alg, y => undef) ];
}
push @bad,
  [ 'a point of P-256 as one of secp256k1', changed('ES256', crv => 'secp256k1', alg => 'ES256K') ],
  [ 'ES256 on P-384', changed('ES384', alg => 'ES256') ],
  [ 'ES256 on secp256k1', changed('ES256K', alg => 'ES256') ],
  [ 'ES256K on P-256', changed('ES256', alg => 'ES256K') ],
  [ 'ES512 on P-256', changed('ES256', alg => 'ES512') ];

# OKP
for ([ Ed25519 => 32 ], [ Ed448 => 57 ])
{
	my ($alg, $size) = @$_;
	push @bad,
	  [ "$alg: x one byte short", changed($alg, x => b64(random_bytes($size - 1))) ],
	  [ "$alg: x one byte long", changed($alg, x => b64(decode_base64url($good{$alg}{x}) . "\0")) ],
	  [ "$alg: x empty", changed($alg, x => '') ],
	  [ "$alg: without x", changed($alg, x => undef) ];
}
push @bad,
  [ 'the length of Ed448 for Ed25519', changed('Ed448', crv => 'Ed25519', alg => 'EdDSA') ],
  [ 'the length of Ed25519 for Ed448', changed('Ed25519', crv => 'Ed448', alg => 'EdDSA') ],
  [ 'Ed448 on Ed25519', changed('Ed25519', alg => 'Ed448') ],
  [ 'ES256 on Ed25519', changed('Ed25519', alg => 'ES256') ],
  [ 'EdDSA on P-256', changed('ES256', alg => 'EdDSA') ];

# Points of small order, by y: under these anybody can make a signature.
{
	my $p448 = Math::BigInt->new(2)**448 - Math::BigInt->new(2)**224 - 1;
	my $p25519 = Math::BigInt->new(2)**255 - 19;
	my @order8 = map { Math::BigInt->from_hex($_) }
	  '05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826', '7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7';
	for ([ Ed25519 => 32, 0, 1, $p25519 - 1, $p25519, $p25519 + 1, @order8 ],
		[ Ed448 => 57, 0, 1, $p448 - 1, $p448, $p448 + 1 ])
	{
		my ($alg, $size, @y) = @$_;
		for my $y (@y)
		{
			my $hex = substr Math::BigInt->new($y)->as_hex, 2;
			my $x = reverse pack 'H*', ('0' x (2 * $size - length $hex)) . $hex;
			push @bad, [ "$alg: a point of small order, y = $hex", changed($alg, x => b64($x)) ];
			substr($x, -1) = chr(ord(substr $x, -1) | 0x80);
			push @bad, [ "$alg: a point of small order, y = $hex, the other sign", changed($alg, x => b64($x)) ];
		}
	}
}

# oct
for ([ HS256 => 32 ], [ HS384 => 48 ], [ HS512 => 64 ])
{
	my ($alg, $size) = @$_;
	push @bad, [ "$alg: a secret of $_ bytes", changed($alg, k => b64(random_bytes($_))) ] for 1, 16, $size - 1;
	push @bad, [ "$alg: an empty secret", changed($alg, k => '') ], [ "$alg: without k", changed($alg, k => undef) ];
	push @fine, [ "$alg: a secret of $size bytes", changed($alg, k => b64(random_bytes($size))) ];
}
push @bad, [ "without alg: a secret of 31 bytes", changed('HS256', alg => undef, k => b64(random_bytes(31))) ];

# Families that do not go together
push @bad,
  [ 'HS256 with RSA', changed('RS256', alg => 'HS256') ],
  [ 'RS256 with oct', changed('HS256', alg => 'RS256') ],
  [ 'ES256 with RSA', changed('RS256', alg => 'ES256') ],
  [ 'RS256 with EC', changed('ES256', alg => 'RS256') ],
  [ 'HS256 with OKP', changed('Ed25519', alg => 'HS256') ],
  [ 'PS256 with oct', changed('HS256', alg => 'PS256') ];

# A JWK that holds the numbers of two kinds of keys is a key of neither.
my %both = (%{ $good{HS256} }, %{ $good{RS256} });
push @bad,
  [ 'HS256 with RSA and a secret', { %both, kty => 'RSA', alg => 'HS256' } ],
  [ 'RS256 with oct and a modulus', { %both, kty => 'oct', alg => 'RS256' } ],
  [ 'HS256 with EC and a secret', { %both, %{ $good{ES256} }, alg => 'HS256' } ],
  [ 'ES256 with oct and a point', { %both, %{ $good{ES256} }, kty => 'oct' } ],
  [ 'EdDSA with EC and x', { %{ $good{Ed25519} }, kty => 'EC', alg => 'EdDSA', crv => 'P-256', y => $good{ES256}{y} } ];

# Spelling
my $x = $good{ES256}{x};
push @bad,
  [ 'base64url with padding', changed('ES256', x => "$x=") ],
  [ 'base64 with + and /', changed('HS256', k => ('+/' x 30)) ],
  [ 'base64url with a blank', changed('ES256', x => " $x") ],
  [ 'base64url with spare bits', changed('HS256', k => ('A' x 42) . 'B') ],
  [ 'a number for x', changed('ES256', x => 17) ],
  [ 'a list for k', changed('HS256', k => [ $good{HS256}{k} ]) ],
  [ 'kid is a number', changed('ES256', kid => 1) ],
  [ 'kid is empty', changed('ES256', kid => '') ],
  [ 'kid of 257 bytes', changed('ES256', kid => 'k' x 257) ];

# Keys that are not for us
push @skipped,
  [ 'use is enc', changed('RS256', use => 'enc') ],
  [ 'use is SIG', changed('RS256', use => 'SIG') ],
  [ 'use is a list', changed('RS256', use => ['sig']) ],
  [ 'key_ops without verify', changed('ES256', key_ops => ['sign']) ],
  [ 'key_ops for encryption', changed('RS256', key_ops => [ 'encrypt', 'wrapKey' ], use => undef) ],
  [ 'key_ops empty', changed('ES256', key_ops => []) ],
  [ 'key_ops a string', changed('ES256', key_ops => 'verify') ],
  [ 'kty unknown', changed('ES256', kty => 'AKP') ],
  [ 'kty in small letters', changed('ES256', kty => 'ec') ],
  [ 'kty absent', changed('ES256', kty => undef) ],
  [ 'kty a number', changed('ES256', kty => 1) ],
  [ 'crv unknown', changed('ES256', crv => 'P-192') ],
  [ 'crv for key agreement', changed('Ed25519', crv => 'X25519', alg => undef) ],
  [ 'crv absent', changed('ES256', crv => undef) ],
  [ 'crv of OKP with kty EC', changed('ES256', crv => 'Ed25519', alg => undef) ],
  [ 'crv of EC with kty OKP', changed('Ed25519', crv => 'P-256', alg => undef) ],
  [ 'alg none', changed('HS256', alg => 'none') ],
  [ 'alg empty', changed('HS256', alg => '') ],
  [ 'alg in small letters', changed('HS256', alg => 'hs256') ],
  [ 'alg for encryption', changed('RS256', alg => 'RSA-OAEP') ],
  [ 'alg a number', changed('HS256', alg => 256) ];

my $node = start_node('keys');
my $issuer = 'https://issuer.example';

# Ask all three doors about each key.  An error must be 22023, have a hint, and
# show nothing of the key.
my (@statements, @asked);
for my $case ((map { [ @$_, 'bad' ] } @bad), (map { [ @$_, 'skipped' ] } @skipped), (map { [ @$_, 'fine' ] } @fine))
{
	my ($what, $jwk, $kind) = @$case;
	my $text = sql_text($json->encode($jwk));
	push @asked, map { [ $what, $jwk, $kind, $_ ] } 'verify_jws', 'add_key', 'trust_issuer', 'trusted';
	push @statements,
	  "SELECT pindah_verify_jws(" . sql_text($token{HS256}) . ", $text)",
	  [ 'BEGIN', trust($issuer, []), "SELECT pindah_add_key('$issuer', $text)", 'ROLLBACK' ],
	  [ 'BEGIN', trust($issuer, [$jwk]), 'COMMIT' ],
	  [
		"SELECT count(*) FROM pindah.keys WHERE issuer = '$issuer'",
		"DELETE FROM pindah.keys WHERE issuer = '$issuer'",
		"DELETE FROM pindah.issuers WHERE issuer = '$issuer'"
	  ];
}
my @results = run_sql($node, \@statements);
for my $i (0 .. $#asked)
{
	my ($what, $jwk, $kind, $door) = @{ $asked[$i] };
	my ($printed, $complaint) = @{ $results[$i] };
	my ($state) = $complaint =~ /ERROR:  (\w{5}):/;
	my $got = $state // ($complaint =~ /NOTICE:/ ? 'a notice' : 'no error');
	my $expected = 'no error';

	if ($door eq 'trusted')
	{
		is((split /\n/, $printed)[0], $kind eq 'fine' ? 1 : 0, "$what: " . ($kind eq 'fine' ? 'stored' : 'not stored'));
		next;
	}
	$expected = '22023' if $kind eq 'bad' || $kind eq 'skipped';
	$expected = 'a notice' if $kind eq 'skipped' && $door eq 'trust_issuer';
	$got .= ' without a hint' if defined $state && $complaint !~ /^HINT:/m;
	for my $member (grep { defined && !ref && length > 15 } @$jwk{qw(n x y k)})
	{
		$got .= ' that shows the key' if index($complaint, $member) >= 0;
	}
	is($got, $expected, "$what: $expected from $door");
}

#
# Sets
#

sub kids
{
	my ($set, $before) = @_;
	my ($result) = run_sql(
		$node,
		[
			[
				'BEGIN', $before // (), trust($issuer, $set), 'COMMIT',
				"SELECT string_agg(kid, ',' ORDER BY kid COLLATE \"C\") FROM pindah.keys WHERE issuer = '$issuer'",
				"SELECT pindah_distrust_issuer('$issuer')"
			]
		]);
	my ($state) = $result->[1] =~ /ERROR:  (\w{5}):/;
	my @notices = $result->[1] =~ /NOTICE:/g;
	my ($kids) = grep { /\S/ } split /\n/, $result->[0];
	return join ' ', $state // 'no error', scalar(@notices), $kids // '';
}

is(kids([ @good{qw(RS256 ES256 Ed25519)} ]), 'no error 0 ES256,Ed25519,RS256', 'a set of asymmetric keys');
is(kids([ @good{qw(HS256 HS512)} ]), 'no error 0 HS256,HS512', 'a set of symmetric keys');
like(kids([ @good{qw(RS256 HS256)} ]), qr/^22023 0/, 'a mixed set is refused whole');
like(kids([ @good{qw(HS256 ES256)} ]), qr/^22023 0/, 'a mixed set is refused whole, the other way round');
like(kids([ @good{qw(ES256 Ed25519 RS256 HS512)} ]), qr/^22023 0/, 'one secret among many public keys');
like(kids([ $good{ES256}, changed('RS256', kid => 'ES256') ]), qr/^22023 0/, 'one kid twice');
like(kids([ $good{ES256}, $good{ES256} ]), qr/^22023 0/, 'one key twice');
like(kids([ $good{ES256}, $rsa1024 ]), qr/^22023 0/, 'a weak key in a set: refused whole');
is(kids([ $good{ES256}, map { $_->[1] } @skipped ]), 'no error ' . @skipped . ' ES256',
	'keys that are not for us are skipped, each with a notice');
is( kids([ $good{ES256}, changed('RS256', kid => 'ES256', use => 'enc') ]),
	'no error 1 ES256', 'a kid that a skipped key has too');
is(kids([]), 'no error 0 ', 'an empty set');

my @forms = (
	[ 'a set that is no object', '[]' ],
	[ 'a set without keys', '{}' ],
	[ 'a key instead of a set', $json->encode($good{ES256}) ],
	[ 'keys that are no array', '{"keys":{}}' ],
	[ 'keys that are null', '{"keys":null}' ],
	[ 'a set of strings', '{"keys":["x"]}' ],
	[ 'a set of null', '{"keys":[null]}' ]);
@results = run_sql($node, [ map { "SELECT pindah_trust_issuer('$issuer', " . sql_text($_->[1]) . ')' } @forms ]);
like($results[$_][1], qr/ERROR:  22023:/, $forms[$_][0]) for 0 .. $#forms;
is($node->safe_psql('postgres', 'SELECT count(*) FROM pindah.issuers'), '0', 'nothing is left of what was refused');

#
# Keys one by one
#

sub add_key
{
	my ($jwk) = @_;
	return "SELECT pindah_add_key('$issuer', " . sql_text($json->encode($jwk)) . ')';
}

@results = run_sql(
	$node,
	[
		add_key($good{ES256}),
		trust($issuer, [ $good{ES256} ]),
		add_key($good{HS256}),
		add_key($good{Ed25519}),
		"SELECT pindah_add_key('$issuer', '[]')",
		"SELECT pindah_add_key('$issuer', '\"x\"')",
		"SELECT pindah_add_key('$issuer', " . sql_text($json->encode({ keys => [ $good{RS256} ] })) . ')',
		"SELECT pindah_add_key('$issuer', " . sql_text($json->encode($good{RS256})) . ", 'x')",
		"SELECT string_agg(kid, ',' ORDER BY kid COLLATE \"C\") FROM pindah.keys"
	]);
like($results[0][1], qr/ERROR:  42704:/, 'no key for an issuer that is not trusted');
like($results[2][1], qr/ERROR:  22023:/, 'no secret beside a public key');
is("@{ $results[3] }", 'Ed25519 ', 'pindah_add_key() returns the kid');
like($results[4][1], qr/ERROR:  22023:/, 'an array is no key');
like($results[5][1], qr/ERROR:  22023:/, 'a string is no key');
like($results[6][1], qr/ERROR:  22023:/, 'a set is no key');
like($results[7][1], qr/ERROR:  22023:/, 'an unknown state');
is($results[8][0], 'ES256,Ed25519', 'the keys that were added are there and no other');

# RFC 7638 section 3.1: the thumbprint of the RFC's own key.
my $rfc7638 = {
	kty => 'RSA',
	n => '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw',
	e => 'AQAB',
	alg => 'RS256'
};
# RFC 8037 appendix A.3.
my $rfc8037 = { kty => 'OKP', crv => 'Ed25519', x => '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' };
my $ec = changed('ES384', kid => undef, use => undef);
@results = run_sql($node, [ map { add_key($_) } $rfc7638, $rfc8037, $ec ]);
is($results[0][0], 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs', 'without kid: the thumbprint of RFC 7638');
is($results[1][0], 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k', 'without kid: the thumbprint of RFC 8037');
{
	require Digest::SHA;
	my %required = map { $_ => $ec->{$_} } qw(crv kty x y);
	is($results[2][0], b64(Digest::SHA::sha256($json->encode(\%required))), 'without kid: the thumbprint of an EC key');
}

#
# What is stored of a key
#

my @private = grep { defined } map { @$_{qw(d p q dp dq qi)} } @private{qw(RS256 ES256 Ed25519)};
cmp_ok(scalar @private, '==', 8, 'there are private members to drop');
run_sql($node, [], setup => trust('https://private.example', [ @private{qw(RS256 ES256)} ])
	  . "SELECT pindah_add_key('https://private.example', " . sql_text($json->encode($private{Ed25519})) . ");\n");
is($node->safe_psql('postgres', "SELECT count(*) FROM pindah.keys WHERE issuer = 'https://private.example'"),
	'3', 'private JWKs of an issuer are taken');
my $dump = '';
PostgreSQL::Test::Utils::run_log(
	[ 'pg_dump', '-d', $node->connstr('postgres'), '--inserts' ], '>', \$dump);
like($dump, qr/\Q$good{ES256}{x}\E/, 'the public half is in a dump of the database');
is(scalar(grep { index($dump, $_) >= 0 } @private), 0, 'no private member is anywhere in the database');
is( $node->safe_psql('postgres',
		"SELECT count(*) FROM pindah.keys WHERE jwk ?| ARRAY['d','p','q','dp','dq','qi','oth']"),
	'0', 'pindah.keys has no private member');

#
# pindah_verify_jws() says no, and raises nothing, for what is not signed so
#

my ($hs, $key) = ($token{HS256}, sql_text($json->encode($good{HS256})));
my @not = (
	[ 'another key', $hs, $json->encode(changed('HS256', k => b64(random_bytes(32)))) ],
	[ 'a key with another algorithm', $hs, $json->encode($good{HS512}) ],
	[ 'a public key', $hs, $json->encode($good{RS256}) ],
	[ 'the empty string', '', undef ],
	[ 'no JWS', 'x', undef ],
	[ 'two segments', $hs =~ s/\.[^.]*\z//r, undef ],
	[ 'a blank behind', "$hs ", undef ],
	[ 'an unknown alg', hmac_token('k' x 32, '{"alg":"HS257"}', '{}'), undef ],
	[ 'alg none', 'eyJhbGciOiJub25lIn0.e30.AA', undef ],
	[ 'crit', hmac_token(decode_base64url($good{HS256}{k}), '{"alg":"HS256","crit":["x"]}', '{}'), undef ],
	[ 'b64', hmac_token(decode_base64url($good{HS256}{k}), '{"alg":"HS256","b64":true}', '{}'), undef ],
	[ 'a name twice in the header', hmac_token(decode_base64url($good{HS256}{k}), '{"alg":"HS256","x":1,"x":1}', '{}'), undef ],
	[ 'a header that is no JSON', hmac_token(decode_base64url($good{HS256}{k}), 'HS256', '{}'), undef ]);
@results = run_sql($node,
	[ map { 'SELECT pindah_verify_jws(' . sql_text($_->[1]) . ', ' . (defined $_->[2] ? sql_text($_->[2]) : $key) . ')' } @not ]);
is("@{ $results[$_] }", 'f ', "pindah_verify_jws: $not[$_][0]") for 0 .. $#not;
@results = run_sql(
	$node,
	[
		map { 'SELECT pindah_verify_jws(' . sql_text(hmac_token(decode_base64url($good{HS256}{k}), '{"alg":"HS256"}', $_)) . ", $key)" }
		  'text', "\xff\0\1", '{"a":1,"a":1}', '1', ''
	]);
is("@{ $results[$_] }", 't ', "pindah_verify_jws: any payload ($_)") for 0 .. 4;
is($node->safe_psql('postgres', "SELECT pindah_verify_jws(NULL, NULL) IS NULL"), 't', 'pindah_verify_jws: NULL for NULL');

done_testing();
