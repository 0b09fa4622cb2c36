# Every rule on the form and the header of a token.  The tokens are forged
# byte by byte and signed with a secret that is trusted, so that the rule
# refuses them and not the signature.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../kit";
use Digest::SHA qw(hmac_sha256);
use IO::Select;
use IO::Socket::INET;
use PindahTest;
use Test::More;

my $secret = new_secret();
my @cases;

# The header of a good token but for what the arguments change.
sub head
{
	my (@members) = @_;
	return object(alg => '"HS256"', typ => '"JWT"', kid => '"k1"', @members);
}

# Tokens with a valid signature: of any bytes, of a payload, of a header.
sub token
{
	my ($header, $payload, %options) = @_;
	return hmac_token($secret, $header // head(), $payload // claims(), %options);
}

sub bad
{
	my ($description, $token, $reason, %more) = @_;
	push @cases, [ $description, $token, $reason // 'malformed', \%more ];
}

sub good
{
	my ($description, $token, %more) = @_;
	push @cases, [ $description, $token, undef, \%more ];
}

# A payload with one more member, its value JSON text.
sub with
{
	my ($value) = @_;
	return token(undef, claims(x => $value));
}

# A payload with text put before its last brace.
sub payload_ending
{
	my ($text) = @_;
	return claims() =~ s/\}\z/$text}/r;
}

# A signed token whose decoded segment (0 or 1) ends with spare bits set.
sub spare_bits
{
	my ($segment, $length) = @_;
	my @text = (head(), claims());
	$text[$segment] .= ' ' while length($text[$segment]) % 3 != $length;
	my $encoded = encode_base64url($text[$segment]);
	my $alphabet = join '', 'A' .. 'Z', 'a' .. 'z', 0 .. 9, '-', '_';
	substr($encoded, -1) = substr $alphabet, index($alphabet, substr $encoded, -1) + 1, 1;
	return token(@text, ($segment ? 'payload64' : 'header64') => $encoded);
}

my $good = token();
my ($header64, $payload64, $signature64) = segments($good);
good('a token without fault', $good, user_id => 'user-1', organisation_id => 'organisation-1');

#
# Sizes
#

# A token of exactly so many bytes.  No base64url has 4n + 1 characters: then
# a blank more in the header helps.
sub sized
{
	my ($size) = @_;
	for my $blanks (0 .. 2)
	{
		my $header = head() . ' ' x $blanks;
		my $room = $size - length(encode_base64url($header)) - length(".$signature64") - 1;
		next if $room % 4 == 1;
		my $filler = int($room * 3 / 4) - length(claims(x => '""'));
		return token($header, claims(x => '"' . 'x' x $filler . '"'));
	}
}

good('size: a token of pindah.max_token_size bytes', sized(16384));
bad('size: a token of one byte more', sized(16385), 'too_large');
bad('size: no look at the form of a token that is too large', 'x' x 16385, 'too_large');
bad('size: a megabyte of dots', '.' x 1048576, 'too_large');
bad('dots are looked for, not split at: 16384 of them', '.' x 16384);
good('header size: 4096 characters', token(head(x => '"' . 'x' x (3072 - length(head(x => '""'))) . '"')));
bad('header size: 4098 characters', token(head(x => '"' . 'x' x (3073 - length(head(x => '""'))) . '"')), 'too_large');
bad('header size: 12000 characters', token(head(x => '"' . 'x' x 9000 . '"')), 'too_large');

#
# Three segments
#

bad('segments: one', $header64);
bad('segments: one, the text "token"', 'token');
bad('segments: one dot', '.');
bad('segments: two dots', '..');
bad('segments: two', "$header64.$payload64");
bad('segments: four', "$good.x");
bad('segments: four, the last empty', "$good.");
bad('segments: four, the first empty', ".$good");
bad('segments: five, a JWE', join '.', $header64, 'AAAA', 'AAAA', 'AAAA', 'AAAA');
bad('segments: five of a signed token', "$good.AAAA.AAAA");
bad('segments: header empty', token(undef, undef, header64 => ''));
bad('segments: payload empty', token(undef, undef, payload64 => ''));
bad('segments: signature empty', "$header64.$payload64.", 'bad_signature');
bad('JSON serialisation, flattened',
	qq({"protected":"$header64","payload":"$payload64","signature":"$signature64"}));
bad('JSON serialisation, general',
	qq({"payload":"$payload64","signatures":[{"protected":"$header64","signature":"$signature64"}]}));
bad('JSON serialisation in three parts', qq({"a":"$header64.$payload64.$signature64"}));
bad("space before the token", " $good");
bad("space after the token", "$good ");
bad("a line feed after the token", "$good\n");
bad("a carriage return and line feed after the token", "$good\r\n");
bad("a tab before the token", "\t$good");
bad('"Bearer " before the token', "Bearer $good");
bad('quotes around the token', qq("$good"));
bad('a payload that is detached (RFC 7515 appendix F)', "$header64..$signature64");

#
# base64url
#

for my $segment (0 .. 2)
{
	my $name = (qw(header payload signature))[$segment];
	my @parts = ($header64, $payload64, $signature64);
	# With the altered text signed, where it can be.
	my $with = sub {
		my ($edit) = @_;
		my @new = @parts;
		$new[$segment] = $edit->($new[$segment]);
		return join_token(@new) if $segment == 2;
		return token(undef, undef, header64 => $new[0], payload64 => $new[1]);
	};
	bad("base64url: padding after the $name", $with->(sub { "$_[0]=" }));
	bad("base64url: double padding after the $name", $with->(sub { "$_[0]==" }));
	bad("base64url: a blank in the $name", $with->(sub { $_[0] =~ s/^(.{8})/$1 /r }));
	bad("base64url: a line feed in the $name", $with->(sub { $_[0] =~ s/^(.{8})/$1\n/r }));
	bad("base64url: a character beyond ASCII in the $name", $with->(sub { $_[0] =~ s/^(.{8})/$1\xc3\xa9/r }));
	bad("base64url: an asterisk in the $name", $with->(sub { $_[0] =~ s/^(.{8})./$1*/r }));
	bad("base64url: a percent escape in the $name", $with->(sub { $_[0] =~ s/^(.{8})/$1%41/r }));
	bad("base64url: length of 4n + 1 in the $name",
		$with->(sub { my $text = $_[0]; $text .= 'A' while length($text) % 4 != 1; $text }));
	bad("base64url: one character of $name", $with->(sub { 'A' }));
}

# The alphabet of plain base64 must not be understood: bytes that need it.
{
	my $payload = claims(x => '"' . '???>>>' x 3 . '"');
	$payload =~ s/\}\z/ }/ while encode_base64url($payload) !~ /-/ || encode_base64url($payload) !~ /_/;
	my $encoded = encode_base64url($payload);
	good('base64url: a payload with "-" and "_"', token(undef, $payload));
	bad('base64url: "+" for "-"', token(undef, $payload, payload64 => $encoded =~ tr/-/+/r));
	bad('base64url: "/" for "_"', token(undef, $payload, payload64 => $encoded =~ tr{_}{/}r));
}

for my $length (1, 2)
{
	bad("base64url: spare bits after $length of 3 bytes of header", spare_bits(0, $length));
	bad("base64url: spare bits after $length of 3 bytes of payload", spare_bits(1, $length));
}
{
	# The last character of 32 bytes has two spare bits.
	my $alphabet = join '', 'A' .. 'Z', 'a' .. 'z', 0 .. 9, '-', '_';
	for my $spare (1 .. 3)
	{
		my $last = substr $alphabet, index($alphabet, substr $signature64, -1) + $spare, 1;
		bad("base64url: one signature, one spelling (spare bits $spare)",
			"$header64.$payload64." . substr($signature64, 0, -1) . $last);
	}
}

#
# JSON objects, in both segments
#

my @bad_texts = (
	[ 'nothing but a blank', sub { ' ' } ],
	[ 'an array', sub { "[$_[0]]" } ],
	[ 'an empty array', sub { '[]' } ],
	[ 'a string', sub { '"' . ($_[0] =~ s/"/\\"/gr) . '"' } ],
	[ 'a number', sub { '17' } ],
	[ 'null', sub { 'null' } ],
	[ 'true', sub { 'true' } ],
	[ 'text that is not JSON', sub { "secret $CANARY" } ],
	[ 'an object cut off', sub { $_[0] =~ s/\}\z//r } ],
	[ 'a string cut off', sub { $_[0] =~ s/"[^"]*\}\z/"$CANARY/r } ],
	[ 'a second object behind', sub { $_[0] . '{}' } ],
	[ 'a brace behind', sub { $_[0] . '}' } ],
	[ 'a word behind', sub { $_[0] . ' x' } ],
	[ 'a comma before the brace', sub { $_[0] =~ s/\}\z/,}/r } ],
	[ 'a comma too many', sub { $_[0] =~ s/,/,,/r } ],
	[ 'a comment', sub { $_[0] =~ s/\}\z/\/* *\/}/r } ],
	[ 'single quotes', sub { $_[0] =~ s/\}\z/,'x':1}/r } ],
	[ 'a name without quotes', sub { $_[0] =~ s/\}\z/,x:1}/r } ],
	[ 'a byte order mark', sub { "\xef\xbb\xbf$_[0]" } ],
	[ 'UTF-16', sub { join '', map { "$_\0" } split //, $_[0] } ],
	[ 'a NUL behind', sub { "$_[0]\0" } ],
	[ 'a NUL before', sub { "\0$_[0]" } ]);

# Strings and names, what stands between the quotes.
my @bad_strings = (
	[ 'a NUL byte', "a\0b" ],
	[ 'an escaped NUL', 'a\u0000b' ],
	[ 'a tab', "a\tb" ],
	[ 'a line feed', "a\nb" ],
	[ 'an unknown escape', 'a\xb' ],
	[ 'a short escape', '\u12' ],
	[ 'an escape that is not hexadecimal', '\u12g4' ],
	[ 'a high surrogate alone', '\ud83d' ],
	[ 'a high surrogate and a letter', '\ud83dx' ],
	[ 'a low surrogate alone', '\ude00' ],
	[ 'surrogates in the wrong order', '\ude00\ud83d' ],
	[ 'two high surrogates', '\ud83d\ud83d' ],
	[ 'a byte 0xff', "\xff" ],
	[ 'a continuation byte alone', "\x80" ],
	[ 'a sequence cut off', "\xe2\x82" ],
	[ 'Latin-1', "caf\xe9" ],
	[ 'an overlong slash', "\xc0\xaf" ],
	[ 'an overlong NUL', "\xc0\x80" ],
	[ 'an overlong sequence of three', "\xe0\x80\xaf" ],
	[ 'a surrogate in UTF-8 (CESU-8)', "\xed\xa0\xbd\xed\xb8\x80" ],
	[ 'a character beyond U+10FFFF', "\xf4\x90\x80\x80" ],
	[ 'a sequence of five', "\xf8\x88\x80\x80\x80" ]);

my $deep = sub {
	my ($depth, $open, $close) = @_;
	return $open x $depth . '1' . $close x $depth;
};

# Values that make the whole malformed.
my @bad_values = (
	[ 'an array at depth 65', $deep->(64, '[', ']') ],
	[ 'an object at depth 65', $deep->(64, '{"x":', '}') ],
	[ 'a depth of 1000', $deep->(1000, '[', ']') ],
	[ 'an empty array at depth 65', '[' x 64 . ']' x 64 ],
	[ 'brackets that do not match', '[{]}' ],
	[ 'an array that ends like an object', '[1}' ],
	[ 'an array that does not end', '[1' ],
	[ 'an object that ends like an array', '{"a":1]' ],
	[ 'an array without a comma', '[1 2]' ],
	[ 'an array with a comma at its end', '[1,]' ],
	[ 'an array with a comma at its start', '[,1]' ],
	[ 'an array with two commas', '[1,,2]' ],
	[ 'an array with names', '["a":1]' ],
	[ 'an object without a comma', '{"a":1 "b":2}' ],
	[ 'an object with a comma at its end', '{"a":1,}' ],
	[ 'an object with a comma at its start', '{,"a":1}' ],
	[ 'an object without a colon', '{"a" 1}' ],
	[ 'an object with an equals sign', '{"a"=1}' ],
	[ 'an object with two colons', '{"a"::1}' ],
	[ 'an object with a name alone', '{"a"}' ],
	[ 'an object with a name and a colon', '{"a":}' ],
	[ 'a number as a name', '{1:1}' ],
	[ 'null as a name', '{null:1}' ],
	[ 'a name without its first quote', '{a":1}' ],
	[ 'a name with another first quote', '{\'a":1}' ],
	[ 'a name without its last quote', '{"a:1}' ],
	[ 'a string that a line feed ends', qq("a\n) ],
	[ 'a name that a line feed ends', qq({"a\n:1}) ],
	[ 'a string that an escape ends', '["\u0041","\x]' ],
	[ 'a string that an escaped NUL ends', '["\u0041","\u0000]' ],
	[ 'a string that a lone surrogate ends', '["\u0041","\ud83d]' ],
	[ 'two strings side by side', '"a" "b"' ],
	[ 'two numbers side by side', '1 2' ],
	[ 'a form feed for a blank', "[1,\f2]" ],
	[ 'a vertical tab for a blank', "[1,\x{0b}2]" ],
	[ 'a no-break space for a blank', "[1,\xc2\xa02]" ],
	[ 'a word too short', '[tru]' ],
	[ 'a word too long', '[nullx]' ],
	[ 'a word with a quote', '[true"]' ],
	[ 'a name twice below the top', '{"a":1,"a":1}' ],
	[ 'a name twice in an array', '[{"a":1,"a":2}]' ],
	[ 'a name twice, far apart', '{"a":1,' . join(',', map { qq("n$_":1) } 1 .. 100) . ',"a":2}' ],
	[ 'a name twice, escaped', '{"a":1,"\u0061":2}' ],
	[ 'a name twice, a slash escaped', '{"a/b":1,"a\/b":2}' ],
	[ 'a name twice, a character beyond the BMP escaped', qq({"\xf0\x9f\x98\x80":1,"\\ud83d\\ude00":2}) ],
	[ 'the empty name twice', '{"":1,"":2}' ],
	[ 'a name twice around a nested object', '{"a":{"b":1},"a":{"c":1}}' ],
	[ 'a name twice at depth 64', $deep->(62, '[', ']') =~ s/1/{"a":1,"a":1}/r ],
	[ '1e309', '1e309' ],
	[ '1E309', '1E309' ],
	[ '1e+309', '1e+309' ],
	[ '1e-309', '1e-309' ],
	[ '0e309', '0e309' ],
	[ '-1.5e400', '-1.5e400' ],
	[ '1e131071', '1e131071' ],
	[ '1e4294967297', '1e4294967297' ],
	[ '1e18446744073709551617', '1e18446744073709551617' ],
	[ '1e00000000000000000309', '1e00000000000000000309' ],
	[ 'an exponent too large in an array', '[1,1e309]' ],
	[ 'an exponent too large far down', '{"a":[{"b":[1e309]}]}' ],
	[ 'a number with a leading zero', '01' ],
	[ 'a number with a plus', '+1' ],
	[ 'a number without an integer part', '.5' ],
	[ 'a number without a fraction', '1.' ],
	[ 'a number without an exponent', '1e' ],
	[ 'a hexadecimal number', '0x10' ],
	[ 'a minus alone', '-' ],
	[ 'NaN', 'NaN' ],
	[ 'Infinity', 'Infinity' ],
	[ 'a number with a letter', '12a' ],
	[ 'nothing', '' ],
	[ 'True', 'True' ],
	[ 'undefined', 'undefined' ]);

for my $segment (0, 1)
{
	my $name = (qw(header payload))[$segment];
	my $make = sub {
		my ($text) = @_;
		return $segment ? token(undef, $text) : token($text);
	};
	my $base = sub { $segment ? claims(@_) : head(@_) };

	bad("$name: $_->[0]", $make->($_->[1]->($base->()))) for @bad_texts;
	for my $string (@bad_strings)
	{
		my ($what, $text) = @$string;
		bad("$name: $what in a string", $make->($base->(x => qq("$text"))));
		bad("$name: $what in a name", $make->($base->() =~ s/\}\z/,"$text":1}/r));
		bad("$name: $what in a string below the top", $make->($base->(x => qq([{"y":"$text"}]))));
	}
	bad("$name: $_->[0]", $make->($base->(x => $_->[1]))) for @bad_values;
}

# The same words where they are harmless.
good("payload: $_->[0]", with($_->[1])) for (
	[ 'an array at depth 64', $deep->(63, '[', ']') ],
	[ 'an object at depth 64', $deep->(63, '{"x":', '}') ],
	[ 'brackets in a string are no depth', '"' . '[{' x 100 . '\"' . '[{' x 100 . '"' ],
	[ 'many containers side by side', '[' . join(',', ('[]', '{}') x 100) . ']' ],
	[ 'one name on two levels', '{"a":{"a":{"a":[{"a":1},{"a":2}]}}}' ],
	[ 'names that differ in case', '{"a":1,"A":2}' ],
	[ 'names of which one begins the other', '{"aa":1,"a":2,"aaa":3,"":4}' ],
	[ 'a thousand names', '{' . join(',', map { qq("n$_":1) } 1 .. 1000) . '}' ],
	[ 'a pair of surrogates', '"\ud83d\ude00"' ],
	[ 'UTF-8 of two, three and four bytes', qq("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80") ],
	[ 'every escape', '"\"\\\\\/\b\f\n\r\t\u00e9"' ],
	[ '1e308', '1e308' ],
	[ '1e-308', '1e-308' ],
	[ '1E+0308', '1E+0308' ],
	[ 'an integer of 400 digits', '9' x 400 ],
	[ 'a fraction of 400 digits', '0.' . '9' x 400 ],
	[ 'minus zero', '-0' ],
	[ 'an exponent in a string', '"1e309"' ],
	[ 'white space', " \t\r\n[ \t\r\n1 \t\r\n] \t\r\n" ]);
good('header: a member that nobody knows', token(head(x => '{"y":[1,2,{"z":null}]}')));
good('white space around header and payload', token(" \r\n\t" . head() . "\n ", "\n " . claims() . " \r\n"));

# What ends a string, at every offset of the words that a reader may read at once.
for my $offset (0 .. 9)
{
	my ($before, $after) = ('x' x $offset, 'y' x 10);
	bad("payload: a control character at offset $offset of a string", token(undef, claims(name => qq("$before\x1f$after"))));
	bad("payload: a line feed at offset $offset of a name", token(undef, claims("$before\n$after" => '1')));
	good("payload: a quote at offset $offset of a string", token(undef, claims(name => qq("$before\\"$after"))),
		user_name => qq($before"$after));
	good("payload: a backslash at offset $offset of a string", token(undef, claims(name => qq("$before\\\\$after"))),
		user_name => qq($before\\$after));
	good("payload: a string of $offset characters", token(undef, claims(name => qq("$before"))), user_name => $before);
}
good('payload: the neighbours of what ends a string', token(undef, claims(name => qq(" !#[]~\x7f\xc2\x80\xc3\xbf !#[]~\x7f"))),
	user_name => " !#[]~\x7f\x{80}\x{ff} !#[]~\x7f");

# Claims and header members that are named twice, and would decide something.
for my $name (qw(iss sub exp OrganisationId))
{
	my ($value) = claims() =~ /"$name":("[^"]*"|\d+)/ or die;
	bad("payload: $name twice, the same", token(undef, payload_ending(qq(,"$name":$value))));
	bad("payload: $name twice, the first counts elsewhere", token(undef, payload_ending(qq(,"$name":"another"))));
	bad("payload: $name twice, the last counts elsewhere", token(undef, claims() =~ s/^\{/{"$name":"another",/r));
	my $escaped = sprintf '\u%04x%s', ord $name, substr $name, 1;
	bad("payload: $name twice, once escaped", token(undef, payload_ending(qq(,"$escaped":$value))));
}
for my $name (qw(alg typ kid))
{
	my ($value) = head() =~ /"$name":("[^"]*")/ or die;
	bad("header: $name twice, the same", token(head() =~ s/\}\z/,"$name":$value}/r));
	bad("header: $name twice, the first right", token(head() =~ s/\}\z/,"$name":"x"}/r));
	bad("header: $name twice, the last right", token(head() =~ s/^\{/{"$name":"x",/r));
}

#
# alg
#

bad('alg: absent', token(head(alg => undef)), 'unsupported_algorithm');
bad("alg: $_", token(head(alg => $_)), 'unsupported_algorithm') for 'null', '256', 'true', '["HS256"]', '{"alg":"HS256"}';
bad("alg: \"$_\"", token(head(alg => qq("$_"))), 'unsupported_algorithm')
  for 'none', 'None', 'NONE', 'nOnE', 'none ', '', ' ', 'hs256', 'Hs256', 'HS256 ', ' HS256', 'HS256,',
  'HS256,HS384', 'HS25', 'S256', 'HS2560', 'HS-256', 'HS1', 'HMAC', 'SHA256', 'A256GCM', 'dir',
  'RSA-OAEP', 'ES256K1', 'eddsa', 'Ed25519ph', '*', 'HS256\n';
bad("alg none, $_->[0]", join_token(encode_base64url($_->[1]), $payload64, $_->[2]), $_->[3])
  for [ 'no signature', '{"alg":"none"}', '', 'unsupported_algorithm' ],
  [ 'the signature kept', '{"alg":"none"}', $signature64, 'unsupported_algorithm' ],
  [ 'one byte of signature', '{"alg":"none","typ":"JWT","kid":"k1"}', 'AA', 'unsupported_algorithm' ];
bad("alg as a URI: $_", token(head(alg => qq("$_"))), 'unsupported_algorithm', hint => qr/HINT:.*HS256/)
  for 'http://www.w3.org/2001/04/xmldsig-more#hmac-sha256',
  'http://www.w3.org/2001/04/xmldsig-more#hmac-sha512';

#
# crit, b64, zip, cty
#

bad("crit: $_", token(head(crit => $_)))
  for '["exp"]', '["b64"]', '[]', 'null', '"exp"', 'true', '["alg"]', '["http://example.com/x"]';
bad("b64: $_", token(head(b64 => $_))) for 'false', 'true', 'null', '"false"';
bad('b64 with crit (RFC 7797)', token(head(b64 => 'false', crit => '["b64"]')));
bad("zip: $_", token(head(zip => $_))) for '"DEF"', '"none"', 'null';
bad("cty: $_", token(head(cty => qq("$_"))), 'wrong_type') for 'JWT', 'jwt', 'Jwt';
good('crit as a claim is no header', token(undef, claims(crit => '["exp"]', b64 => 'false', zip => '"DEF"')));

#
# typ
#

good('typ: absent', token(head(typ => undef)));
good("typ: $_", token(head(typ => qq("$_"))))
  for 'JWT', 'jwt', 'Jwt', 'at+jwt', 'AT+JWT', 'at+JWT', 'application/at+jwt', 'Application/AT+JWT';
bad("typ: \"$_\"", token(head(typ => qq("$_"))), 'wrong_type')
  for '', ' ', 'JWS', 'JOSE', 'JWE', 'JWTx', 'xJWT', 'JWT ', ' JWT', 'dpop+jwt', 'id+jwt', 'logout+jwt',
  'secevent+jwt', 'at+jwtx', 'application/jwt', 'application/at+jwt;x=1', 'application/', 'text/at+jwt';
bad("typ: $_", token(head(typ => $_)), 'wrong_type') for 'null', '1', 'true', '["JWT"]', '{}';

#
# kid
#

my $long = 'k' x 256;
my $bytes = "\xc3\xa9" x 128;
good('kid: of 256 bytes', token(head(kid => qq("$long"))));
good('kid: of 256 bytes, two a character', token(head(kid => qq("$bytes"))));
good('kid: escaped', token(head(kid => '"\u006b1"')));
bad('kid: of 257 bytes', token(head(kid => qq("k$long"))));
bad('kid: of 257 bytes and fewer characters', token(head(kid => qq("k$bytes"))));
bad("kid: $_", token(head(kid => $_))) for 'null', '1', 'true', '["k1"]', '{"kid":"k1"}';
bad("kid: \"$_\"", token(head(kid => qq("$_"))), 'unknown_key')
  for 'k', 'K1', 'k1 ', ' k1', 'k10', 'k2', 'k%', 'k_', "k1' OR ''='", '../../k1', '/dev/null', 'k1\n',
  substr($long, 1);
bad('kid: of another issuer', token(head(kid => '"elsewhere"')), 'unknown_key');
bad('kid: of a revoked key', token(head(kid => '"revoked"')), 'revoked');
bad('kid: absent, with more than one key that fits', token(head(kid => undef)), 'unknown_key');
bad('kid: of a key with another algorithm', token(head(alg => '"HS384"'), undef, alg => 'HS384'), 'unsupported_algorithm');
good('kid: absent, with one key that fits',
	token(head(kid => undef), claims(iss => '"https://one.example"')));
good('kid: absent, with one key of each algorithm',
	token(head(kid => undef), claims(iss => '"https://three.example"')));
good('kid: absent, with one key of each algorithm, the second',
	token(head(kid => undef, alg => '"HS384"'), claims(iss => '"https://three.example"'), alg => 'HS384'));
bad('kid: absent, with no key that fits',
	token(head(kid => undef, alg => '"HS384"'), claims(iss => '"https://one.example"'), alg => 'HS384'),
	'unknown_key');
bad('kid: absent, with no key at all',
	token(head(kid => undef), claims(iss => '"https://none.example"')), 'unknown_key');

#
# One algorithm a key: what a JWK without alg stands for
#

my %pair_of;
for my $library ('pyjwt')
{
	my @jobs;
	for ([ qw(rsa RS256) ], [ qw(p256 ES256) ], [ qw(p384 ES384) ], [ qw(p521 ES512) ],
		[ qw(koblitz ES256K) ], [ 'ed25519', 'EdDSA' ], [ 'ed448', 'EdDSA', 'Ed448' ])
	{
		my ($kid, $alg, $crv) = @$_;
		push @jobs, { alg => $alg, crv => $crv, key => $kid };
	}
	my $keys = mint($library, \@jobs)->{keys};
	# The keys again, now to sign under every name that the key type allows.
	my @sign;
	for ([ rsa => qw(RS256 RS384 RS512 PS256 PS384 PS512) ], [ p256 => 'ES256' ],
		[ p384 => 'ES384' ], [ p521 => 'ES512' ], [ koblitz => 'ES256K' ],
		[ ed25519 => qw(EdDSA Ed25519) ], [ ed448 => qw(EdDSA Ed448) ])
	{
		my ($kid, @algs) = @$_;
		for my $alg (@algs)
		{
			push @sign, {
				alg => $alg,
				key => $keys->{$kid}{private},
				claims => {
					iss => 'https://plain.example',
					sub => 'user-1',
					exp => time() + 3600,
					note => $CANARY
				}
			};
		}
	}
	my $signed = mint($library, \@sign);
	is_deeply($signed->{skipped}, [], "$library signs under every name");
	for my $i (0 .. $#sign)
	{
		my ($kid, $alg) = ($sign[$i]{key}{kid}, $sign[$i]{alg});
		my $token = $signed->{tokens}[$i];
		if ($kid eq 'rsa' && $alg ne 'RS256')
		{
			bad("an RSA key without alg is one for RS256, not $alg", $token, 'unsupported_algorithm');
		}
		else
		{
			good("a key $kid without alg is one for $alg", $token);
		}
	}
	$pair_of{$_} = { %{ $keys->{$_}{public} } } for keys %$keys;
	delete $_->{alg} for values %pair_of;
}

#
# Keys in the header are never followed and never trusted
#

my $listener = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1')
  or die "cannot listen: $!";
my $url = 'http://127.0.0.1:' . $listener->sockport . '/jwks.json';
my $theirs = new_secret();
my $their_jwk = JSON::PP->new->canonical->encode(secret_jwk($theirs, 'k1'));

for ([ jwk => $their_jwk ], [ jku => qq("$url") ], [ x5u => qq("$url") ], [ x5c => '["MIIB"]' ])
{
	my ($name, $value) = @$_;
	good("$name beside the right key is not looked at", token(head($name => $value)));
	bad("$name with the key of an attacker (CVE-2018-0114)",
		hmac_token($theirs, head($name => $value), claims()), 'bad_signature');
	bad("$name with the key of an attacker, without kid",
		hmac_token($theirs, head($name => $value, kid => undef), claims()), 'unknown_key');
	bad("$name with the key of an attacker, kid unknown",
		hmac_token($theirs, head($name => $value, kid => '"theirs"'), claims()), 'unknown_key');
	bad("$name with the key of an attacker, one key trusted",
		hmac_token($theirs, head($name => $value, kid => undef), claims(iss => '"https://one.example"')),
		'bad_signature');
}

#
# The order of the checks: of two faults the earlier one is named
#

my $expired = claims(exp => '1');
bad('order: the header comes before the payload', token(head(typ => '"x"'), 'no json'), 'wrong_type');
bad('order: alg comes before crit', token(head(alg => '"none"', crit => '["x"]')), 'unsupported_algorithm');
bad('order: crit comes before typ', token(head(typ => '"x"', crit => '["x"]')), 'malformed');
bad('order: the form of the payload comes before the issuer',
	token(undef, claims(iss => '"https://unknown.example"') . 'x'), 'malformed');
bad('order: the issuer comes before the key',
	token(head(kid => '"unknown"'), claims(iss => '"https://unknown.example"')), 'untrusted_issuer');
bad('order: the key comes before the signature',
	hmac_token($theirs, head(kid => '"unknown"'), claims()), 'unknown_key');
bad('order: the signature comes before the claims',
	hmac_token($theirs, head(), $expired), 'bad_signature');
bad('order: the signature comes before missing claims',
	hmac_token($theirs, head(), claims(exp => undef, sub => undef)), 'bad_signature');

#
# Now ask
#

my $node = start_node('token_form');
my @more_keys = map { secret_jwk($secret, $_) } 'k1', $long, $bytes, 'revoked';
utf8::decode($_->{kid}) for @more_keys;
my $setup = join '',
  trust('https://issuer.example', \@more_keys),
  "SELECT pindah_revoke_key('https://issuer.example', 'revoked');\n",
  trust('https://elsewhere.example', [ secret_jwk($secret, 'elsewhere') ]),
  trust('https://one.example', [ secret_jwk($secret, 'only') ]),
  trust('https://three.example',
	[ map { secret_jwk($secret, $_, alg => $_) } qw(HS256 HS384 HS512) ]),
  trust('https://none.example', []),
  trust('https://plain.example', [ map { $pair_of{$_} } sort keys %pair_of ]);
refused($node, $good, 'untrusted_issuer', 'a token without fault, before anybody trusts its issuer');
run_sql($node, [], setup => $setup);

judge($node, \@cases,
	setup => "SET pindah.algorithms = 'HS256,HS384,HS512,RS256,RS384,RS512,PS256,PS384,PS512,"
	  . "ES256,ES384,ES512,ES256K,EdDSA,Ed25519,Ed448';\n");

ok(!IO::Select->new($listener)->can_read(0.1), 'nobody asked for the keys that headers name');

# The empty string is no token for inspect, and no identity for SET.
is( $node->safe_psql('postgres', "SELECT valid, reason FROM pindah_inspect_jwt('')"),
	'f|malformed', 'the empty string is malformed');

# The size is a setting.
judge($node, [ [ 'size: raised', sized(20000), undef ] ], setup => 'SET pindah.max_token_size = 20000;');
{
	# jsonb has no room for such a number, and pindah_inspect_jwt() never raises.
	my $digits = sql_text(token(undef, claims(x => '0.' . '1' x 20000)));
	my @results = run_sql($node, [ 'SET pindah.max_token_size = 100000', "SELECT valid, header IS NULL, claims IS NULL FROM pindah_inspect_jwt($digits)", "SELECT FROM pindah_verify_jwt($digits, false)" ]);
	is($results[1][0] . $results[1][1], 't|f|t', 'size: a number that jsonb cannot hold is told of without the claims');
	like($results[2][1], qr/ERROR:  22000: the claims cannot be represented as jsonb/, '... and refused where they are wanted');
}
judge($node, [ [ 'size: lowered', sized(2000), 'too_large' ] ], setup => 'SET pindah.max_token_size = 1999;');

#
# Databases whose encoding is not UTF-8: a token is UTF-8 there too
#

for my $encoding (qw(LATIN1 SQL_ASCII EUC_JP))
{
	my $dbname = lc $encoding;
	$node->safe_psql('postgres',
		"CREATE DATABASE $dbname TEMPLATE template0 ENCODING '$encoding' LOCALE 'C'");
	$node->safe_psql($dbname, 'CREATE EXTENSION pindah_auth');
	run_sql($node, [], dbname => $dbname,
		setup => trust('https://issuer.example', [ secret_jwk($secret, 'k1') ]));
	my @encoded = (
		[ "$encoding: ASCII", $good, undef, { user_id => 'user-1' } ],
		[ "$encoding: invalid UTF-8", with(qq("\xff")), 'malformed' ],
		[ "$encoding: Latin-1 bytes", with(qq("caf\xe9")), 'malformed' ],
		[ "$encoding: overlong UTF-8", with(qq("\xc0\xaf")), 'malformed' ],
		[ "$encoding: invalid UTF-8 in the header", token(head(x => qq("\xff"))), 'malformed' ],
		[ "$encoding: an escaped NUL", with('"\u0000"'), 'malformed' ],
		[ "$encoding: a lone surrogate", with('"\ud83d"'), 'malformed' ],
		[ "$encoding: a name twice", with('{"a":1,"a":2}'), 'malformed' ],
		[ "$encoding: a character that it lacks", with(qq("\xf0\x9f\x98\x80")), 'malformed' ],
		[ "$encoding: a character that it lacks, escaped", with('"\ud83d\ude00"'), 'malformed' ],
		[ "$encoding: a character that it lacks in a name", with('{"\ud83d\ude00":1}'), 'malformed' ]);
	# What the encoding has is understood: a letter of Latin-1, one of EUC.
	push @encoded,
	  [ 'LATIN1: a character of it', token(undef, claims(sub => qq("caf\xc3\xa9"))), undef, { user_id => "caf\x{e9}" } ],
	  [ 'LATIN1: a character of it, escaped', token(undef, claims(sub => '"caf\u00e9"')), undef, { user_id => "caf\x{e9}" } ],
	  [ 'LATIN1: a name twice, once escaped', with(qq({"\xc3\xa9":1,"\\u00e9":2})), 'malformed' ]
	  if $encoding eq 'LATIN1';
	push @encoded,
	  [ 'EUC_JP: a character of it', token(undef, claims(sub => qq("\xe6\x9d\xb1"))), undef, { user_id => "\x{6771}" } ],
	  [ 'EUC_JP: a character of it, escaped', token(undef, claims(sub => '"\u6771"')), undef, { user_id => "\x{6771}" } ]
	  if $encoding eq 'EUC_JP';
	judge($node, \@encoded, dbname => $dbname);

	# pindah_verify_jws() says no to such a header, and raises nothing.
	my $jwk = sql_text(JSON::PP->new->encode(secret_jwk($secret, 'k1')));
	my @headers = (
		[ 'invalid UTF-8', head(x => qq("\xff")) ],
		[ 'a character that it lacks, escaped', head(x => '"\ud83d\ude00"') ],
		[ 'an escaped NUL', head(x => '"\u0000"') ]);
	my @answers = run_sql(
		$node,
		[ map { 'SELECT pindah_verify_jws(' . sql_text(hmac_token($secret, $_->[1], 'x')) . ", $jwk)" } @headers ],
		dbname => $dbname);
	is("@{ $answers[$_] }", 'f ', "$encoding: pindah_verify_jws, $headers[$_][0] in the header") for 0 .. $#headers;
}

nothing_leaked($node);
done_testing();
