# Every algorithm both ways: tokens of libraries that are not ours are
# accepted when they are right, and refused with any region altered.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../kit";
use Digest::SHA qw(hmac_sha256);
use Math::BigInt;
use PindahTest;
use Test::More;

my @default = qw(HS256 HS384 HS512 RS256 RS384 RS512 PS256 PS384 PS512 ES256 EdDSA Ed25519);
my @more = qw(ES384 ES512 ES256K Ed448);
my $all = join ',', @default, @more;
my $now = time();

# Orders of the groups, for signatures out of range.
my %order = (
	ES256 => 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
	ES384 => 'ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973',
	ES512 => '01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409',
	ES256K => 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141');
my $order25519 = Math::BigInt->new(
	'7237005577332262213973186563042994240857116359379907606001950938285454250989');
my $order448 = Math::BigInt->new(
	'181709681073901722637330951972001133588410340171829515070372549795146003961539585716195755291692375963310293709091662304773755859649779');

# The jobs that every library gets: one key an algorithm, two tokens, and a
# token of another key.
sub jobs
{
	my ($library) = @_;
	my @jobs;
	for my $alg (@default, @more, 'EdDSA/Ed448')
	{
		my ($name, $crv) = split m{/}, $alg;
		my $kid = "$library-$alg";
		my %claims = (
			iss => issuer_of($library, $name),
			sub => "user of $library",
			exp => $now + 3600,
			iat => $now,
			OrganisationId => "organisation $alg",
			Permission => [ 'stock:items:view', 'stock:items:edit' ],
			role => 'Clerk',
			unique_name => 'Siti',
			email => 'siti@example.com',
			note => $CANARY);
		my %job = (alg => $name, crv => $crv, claims => \%claims, header => {});
		# Making an RSA key takes long: one stranger does for them all.
		my $other = $name =~ /^[RP]S/ ? "$library/other" : "$kid/other";
		push @jobs, { %job, key => $kid }, { %job, key => $other, header => { kid => $kid } };
	}
	return \@jobs;
}

# Symmetric and asymmetric keys are not mixed in one set.
sub issuer_of
{
	my ($library, $alg) = @_;
	return "https://$library.example/" . ($alg =~ /^HS/ ? 'secret' : 'public');
}

# The token with one bit of the decoded bytes of a segment flipped.
sub flip
{
	my ($token, $segment, $byte, $bit) = @_;
	my @segments = segments($token);
	my $bytes = decode_base64url($segments[$segment]);
	my $at = $byte < 0 ? length($bytes) + $byte : $byte;
	substr($bytes, $at, 1) = chr(ord(substr $bytes, $at, 1) ^ (1 << ($bit // 0)));
	$segments[$segment] = encode_base64url($bytes);
	return join_token(@segments);
}

# The token with its header or payload text edited and the signature kept.
sub edit
{
	my ($token, $segment, $from, $to) = @_;
	my @segments = segments($token);
	my $text = decode_base64url($segments[$segment]);
	$text =~ s/$from/$to/ or die "no $from in $text";
	$segments[$segment] = encode_base64url($text);
	return join_token(@segments);
}

# The token with another signature.
sub resign
{
	my ($token, $signature) = @_;
	my ($header, $payload) = segments($token);
	return join_token($header, $payload, encode_base64url($signature));
}

sub signature_of
{
	return decode_base64url((segments($_[0]))[2]);
}

sub number_bytes
{
	my ($number, $size) = @_;
	my $hex = substr(Math::BigInt->new($number)->as_hex, 2);
	return pack 'H*', ('0' x (2 * $size - length $hex)) . $hex;
}

# What is refused for every algorithm: each region of the token altered.
sub altered_cases
{
	my ($what, $alg, $token, $other) = @_;
	my ($header, $payload) = segments($token);
	my $signature = signature_of($token);
	my $size = length $signature;
	my @cases;
	my $case = sub { push @cases, [ "$what, $_[0]", $_[1], $_[2] // 'bad_signature' ] };

	$case->('a member added to the header', edit($token, 0, qr/^\{/, '{"x":1,'));
	$case->('another typ in the header', edit($token, 0, qr/"JWT"/, '"at+jwt"'));
	$case->('a blank added to the header', edit($token, 0, qr/\}$/, ' }'));
	$case->('another kid in the header', edit($token, 0, qr/"kid": ?"/, '"kid":"x'), 'unknown_key');

	$case->('another user', edit($token, 1, qr/user of/, 'admin of'));
	$case->('another organisation', edit($token, 1, qr/organisation /, 'organization '));
	$case->('another permission', edit($token, 1, qr/items:edit/, 'items:*'));
	$case->('a later expiry', edit($token, 1, qr/"exp": ?1/, '"exp":2'));
	$case->('a blank before the payload', edit($token, 1, qr/^/, ' '));
	$case->('a blank after the payload', edit($token, 1, qr/$/, ' '));

	$case->("a bit of byte $_ of the signature flipped", flip($token, 2, $_))
	  for 0, int($size / 4), int($size / 2), int($size * 3 / 4), -1;
	$case->('the highest bit of the signature flipped', flip($token, 2, 0, 7));
	$case->('the highest bit of the last byte flipped', flip($token, 2, -1, 7));
	$case->('a byte cut off the signature', resign($token, substr $signature, 0, -1));
	$case->('the first byte of the signature cut off', resign($token, substr $signature, 1));
	$case->('half of the signature', resign($token, substr $signature, 0, $size / 2));
	$case->('one byte of signature', resign($token, "\0"));
	$case->('a zero byte after the signature', resign($token, "$signature\0"));
	$case->('a zero byte before the signature', resign($token, "\0$signature"));
	$case->('the signature twice', resign($token, $signature x 2));
	$case->('a signature of zeros', resign($token, "\0" x $size));
	$case->('a signature of ones', resign($token, "\xff" x $size));
	$case->('no signature', "$header.$payload.");
	$case->("another key's signature", $other);

	# Another name of an algorithm, the signature kept: the key has only one.
	my ($name) = split m{/}, $alg;
	for my $to ($name =~ /^HS/ ? qw(HS256 HS384 HS512)
		: $name =~ /^[RP]S/ ? qw(RS256 RS384 RS512 PS256 PS384 PS512 HS256)
		: $name =~ /^Ed/ ? qw(ES256 HS256)
		: qw(ES256 ES384 ES512 ES256K EdDSA HS256))
	{
		next if $to eq $name;
		$case->("$to written over $name", edit($token, 0, qr/"$name"/, qq("$to")),
			'unsupported_algorithm');
	}
	$case->("none written over $name", edit($token, 0, qr/"$name"/, '"none"'),
		'unsupported_algorithm');
	return @cases;
}

my $node = start_node('algorithms');
my $wide = "SET pindah.algorithms = '$all';\n";

my %minted;
my %libraries_of;    # by algorithm

for my $library (libraries())
{
	my $jobs = jobs($library);
	my $minted = $minted{$library} = mint($library, $jobs);
	diag("$minted->{library} skips $_->{alg}: $_->{why}")
	  for grep { $jobs->[ $_->{job} ]{key} !~ /other/ } @{ $minted->{skipped} };

	my %keys = (secret => [], public => []);
	my @cases;
	for (my $i = 0; $i < @$jobs; $i += 2)
	{
		my ($token, $other) = @{ $minted->{tokens} }[ $i, $i + 1 ];
		next unless defined $token;
		my $job = $jobs->[$i];
		my ($alg) = $job->{key} =~ /-(.*)/;
		push @{ $libraries_of{$alg} }, $library;
		push @{ $keys{ $alg =~ /^HS/ ? 'secret' : 'public' } },
		  $minted->{keys}{ $job->{key} }{public};
		push @cases,
		  [
			"$alg of $minted->{library}",
			$token, undef,
			{
				user_id => "user of $library",
				organisation_id => "organisation $alg",
				user_name => 'Siti',
				email => 'siti@example.com',
				roles => ['Clerk'],
				permissions => [ 'stock:items:view', 'stock:items:edit' ],
				claims => $job->{claims}
			}
		  ],
		  altered_cases("$alg of $library", $alg, $token, $other);
	}
	# Each as it is, before anybody trusts the issuer.
	judge($node, [ map { [ "$_->[0], untrusted", $_->[1], 'untrusted_issuer' ] } grep { !defined $_->[2] } @cases ],
		setup => $wide);
	run_sql($node, [], setup => join '', map { trust("https://$library.example/$_", $keys{$_}) } keys %keys);
	judge($node, \@cases, setup => $wide);
}

for my $alg (@default, @more, 'EdDSA/Ed448')
{
	cmp_ok(scalar @{ $libraries_of{$alg} // [] }, '>=', $alg eq 'Ed448' ? 1 : 2,
		"$alg was minted by libraries that are not ours: @{ $libraries_of{$alg} // [] }");
}

# The token of one library for one algorithm.
sub token_of
{
	my ($library, $alg) = @_;
	my $jobs = jobs($library);
	my ($i) = grep { $jobs->[$_]{key} eq "$library-$alg" } 0 .. $#$jobs;
	return $minted{$library}{tokens}[$i];
}

sub jwk_of
{
	my ($library, $alg, $half) = @_;
	return $minted{$library}{keys}{"$library-$alg"}{ $half // 'private' };
}

#
# The allow-list
#

judge(
	$node,
	[
		(map { [ "$_ is allowed by default", token_of('pyjwt', $_), undef ] } @default),
		(map { [ "$_ is not allowed by default", token_of('pyjwt', $_), 'unsupported_algorithm' ] } @more)
	]);
is( $node->safe_psql(
		'postgres',
		"LOAD 'pindah_auth'; SELECT boot_val FROM pg_settings WHERE name = 'pindah.algorithms'"),
	join(',', @default),
	'the default allow-list is that of the contract');
judge(
	$node,
	[
		[ 'a list of one allows that one', token_of('pyjwt', 'ES256'), undef ],
		map { [ "$_ is not in a list of ES256", token_of('pyjwt', $_), 'unsupported_algorithm' ] }
		  qw(HS256 RS256 PS256 ES384 ES256K EdDSA Ed25519)
	],
	setup => "SET pindah.algorithms = 'ES256';");
judge(
	$node,
	[
		map { [ "an empty list allows nothing, not $_", token_of('pyjwt', $_), 'unsupported_algorithm' ] }
		  qw(HS256 ES256 EdDSA)
	],
	setup => "SET pindah.algorithms = '';");

#
# ECDSA: exactly two numbers of the field's length, 0 < r, s < n
#

my @requests;
my @cases;
for my $alg (sort keys %order)
{
	my $token = token_of('pyjwt', $alg);
	my $signature = signature_of($token);
	my $size = length($signature) / 2;
	my ($r, $s) = (substr($signature, 0, $size), substr($signature, $size));
	my $n = Math::BigInt->from_hex($order{$alg});
	my $zero = "\0" x $size;
	my $order = number_bytes($n, $size);
	my $case = sub { push @cases, [ "$alg with $_[0]", resign($token, $_[1]), 'bad_signature' ] };

	$case->('r = 0', $zero . $s);
	$case->('s = 0', $r . $zero);
	$case->('r = s = 0 (CVE-2022-21449)', $zero x 2);
	$case->('r = n', $order . $s);
	$case->('s = n', $r . $order);
	$case->('r = s = n', $order x 2);
	$case->('r and s exchanged', $s . $r);
	$case->('r = s = 1', number_bytes(1, $size) x 2);
	for my $which ('r', 's')
	{
		my $sum = Math::BigInt->from_hex(unpack 'H*', $which eq 'r' ? $r : $s) + $n;
		my $hex = substr $sum->as_hex, 2;
		next if length $hex > 2 * $size;
		my $beyond = number_bytes($sum, $size);
		$case->("$which + n", $which eq 'r' ? $beyond . $s : $r . $beyond);
	}
	my ($header, $payload) = segments($token);
	push @requests, {
		sign => "$header.$payload",
		jwk => jwk_of('pyjwt', $alg),
		how => 'ecdsa-der',
		hash => { ES384 => 'SHA384', ES512 => 'SHA512' }->{$alg} // 'SHA256',
		name => "$alg in DER"
	};
}

#
# RSA: PKCS #1 v1.5 with the very DigestInfo, PSS with a salt of the hash's length
#

my %hash = (256 => 'SHA256', 384 => 'SHA384', 512 => 'SHA512');
for my $bits (sort keys %hash)
{
	for my $family ('RS', 'PS')
	{
		my $token = token_of('pyjwt', "$family$bits");
		my ($header, $payload) = segments($token);
		my %request = (
			sign => "$header.$payload",
			jwk => jwk_of('pyjwt', "$family$bits"),
			hash => $hash{$bits});
		my $other = $bits == 256 ? 'SHA512' : 'SHA256';

		if ($family eq 'RS')
		{
			push @requests,
			  { %request, how => 'pss', salt => $bits / 8, name => "RS$bits signed as PS$bits" },
			  { %request, how => 'pkcs1', hash => $other, name => "RS$bits over $other" };
			next;
		}
		push @requests,
		  { %request, how => 'pkcs1', name => "PS$bits signed as RS$bits" },
		  { %request, how => 'pss', salt => $bits / 8, hash => $other, name => "PS$bits over $other" },
		  { %request, how => 'pss', salt => $bits / 8, mgf => $other, name => "PS$bits with MGF1 over $other" };
		push @requests, { %request, how => 'pss', salt => $_, name => "PS$bits with a salt of $_ bytes" }
		  for 0, 20, $bits / 8 - 1, $bits / 8 + 1, 256 - $bits / 8 - 2;
	}
}

{
	my $token = token_of('pyjwt', 'RS256');
	my ($header, $payload) = segments($token);
	my %request = (sign => "$header.$payload", jwk => jwk_of('pyjwt', 'RS256'), how => 'digestinfo');
	my $right = '3031300d060960864801650304020105000420';

	push @requests,
	  { %request, prefix => '302f300b0609608648016503040201' . '0420', name => 'RS256 without the NULL parameter' },
	  { %request, prefix => '', name => 'RS256 with a bare hash' },
	  { %request, prefix => '303130' . '0d060960864801650304020205000420', name => 'RS256 with the identifier of SHA-384' },
	  { %request, prefix => '308131300d060960864801650304020105000420', name => 'RS256 with a length in BER' },
	  { %request, prefix => $right, suffix => '00', name => 'RS256 with a byte after the hash' },
	  { %request, prefix => $right, filler => 8, name => 'RS256 with short padding and zeros behind (CVE-2006-4339)' },
	  { %request, prefix => '3033300f060960864801650304020105020000' . '0420', name => 'RS256 with another parameter' };
	# The same arithmetic with the right prefix is what RS256 is.
	push @requests, { %request, prefix => $right, name => 'RS256 by bare arithmetic', good => 1 };
}

my @signatures = forge_crypto(@requests);
for my $i (0 .. $#requests)
{
	push @cases,
	  [
		$requests[$i]{name}, "$requests[$i]{sign}.$signatures[$i]",
		$requests[$i]{good} ? undef : 'bad_signature'
	  ];
}

# A signature is as long as the modulus, and smaller than it.
for my $alg ('RS256', 'PS256')
{
	my $token = token_of('pyjwt', $alg);
	my ($header, $payload) = segments($token);
	my $jwk = jwk_of('pyjwt', $alg);
	my $n = Math::BigInt->from_hex(unpack 'H*', decode_base64url($jwk->{n}));
	my $sum = $n + Math::BigInt->from_hex(unpack 'H*', signature_of($token));
	push @cases,
	  [ "$alg with the modulus added to the signature", resign($token, number_bytes($sum, 257 - (length($sum->as_hex) <= 514))), 'bad_signature' ],
	  [ "$alg with a signature of the modulus", resign($token, decode_base64url($jwk->{n})), 'bad_signature' ],
	  [ "$alg with a signature of one", resign($token, number_bytes(1, 256)), 'bad_signature' ];

	# One signature in 256 begins with a zero byte; without it, it is one
	# byte too short, though it is the same number.
	my $short;
	for my $batch (1 .. 40)
	{
		my @inputs = map {
			join_token($header, encode_base64url(claims(
				iss => '"' . issuer_of('pyjwt', $alg) . '"', n => "$batch.$_")))
		} 1 .. 256;
		my @try = forge_crypto(
			map {
				{ sign => $_, jwk => $jwk, hash => 'SHA256', how => $alg eq 'RS256' ? 'pkcs1' : 'pss', salt => 32 }
			} @inputs);
		($short) = map { "$inputs[$_].$try[$_]" } grep { ord(decode_base64url($try[$_])) == 0 } 0 .. $#try;
		last if defined $short;
	}
	push @cases,
	  [ "$alg with a signature that begins with a zero byte", $short, undef ],
	  [ "$alg with that zero byte left out", resign($short, substr signature_of($short), 1), 'bad_signature' ];
}

#
# EdDSA: S is smaller than the order of the group (RFC 8032 section 5.1.7)
#

for ([ 'EdDSA', 32, $order25519 ], [ 'EdDSA/Ed448', 57, $order448 ])
{
	my ($alg, $size, $order) = @$_;
	my $token = token_of('pyjwt', $alg);
	my $signature = signature_of($token);
	my $number = Math::BigInt->from_hex(unpack 'H*', scalar reverse substr $signature, $size);
	my $beyond = substr($signature, 0, $size) . reverse number_bytes($number + $order, $size);
	push @cases, [ "$alg with the order added to S", resign($token, $beyond), 'bad_signature' ];
}

#
# A public key is no secret (CVE-2015-9235)
#

for my $alg ('RS256', 'PS256', 'ES256')
{
	my $public = jwk_of('pyjwt', $alg, 'public');
	my ($pem) = forge_crypto({ make => 'pem', jwk => $public });
	my %secrets = (
		'PEM' => $pem,
		'PEM without the last line feed' => $pem =~ s/\n\z//r,
		'JWK' => JSON::PP->new->canonical->encode($public));
	$secrets{'modulus'} = decode_base64url($public->{n}) if $public->{n};

	my ($header, $payload) = map { decode_base64url($_) } (segments(token_of('pyjwt', $alg)))[ 0, 1 ];
	$header =~ s/"$alg"/"HS256"/ or die;
	my $anonymous = $header =~ s/, ?"kid": ?"[^"]*"|"kid": ?"[^"]*", ?//r;
	isnt($anonymous, $header, 'the header loses its kid');
	for my $what (sort keys %secrets)
	{
		push @cases,
		  [ "HS256 under the $what of the $alg key", hmac_token($secrets{$what}, $header, $payload), 'unsupported_algorithm' ],
		  [ "HS256 under the $what of the $alg key, without kid", hmac_token($secrets{$what}, $anonymous, $payload), 'unknown_key' ];
	}
}

judge($node, \@cases, setup => $wide);
nothing_leaked($node);
done_testing();
