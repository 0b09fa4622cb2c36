# Every rule on the claims of a token: times, issuer, audience, user,
# organisation, names, roles and permissions.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../kit";
use PindahTest;
use Test::More;
use Time::HiRes qw(time);

my $secret = new_secret();
my $now = int time();
my @cases;

my $identity = 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims/';
my $role = 'http://schemas.microsoft.com/ws/2008/06/identity/claims/role';

# A token with good claims but for what the arguments change.
sub token
{
	my (@members) = @_;
	return hmac_token($secret, '{"alg":"HS256","typ":"JWT","kid":"k1"}', claims(@members));
}

sub bad
{
	my ($description, $token, $reason, %more) = @_;
	push @cases, [ $description, $token, $reason, \%more ];
}

sub good
{
	my ($description, $token, %more) = @_;
	push @cases, [ $description, $token, undef, \%more ];
}

# Clocks move while the tests run: nothing is closer to a limit than this.
my $slack = 600;

#
# exp
#

bad('exp: absent', token(exp => undef), 'missing_claim');
bad('exp: absent with nbf and iat', token(exp => undef, nbf => $now, iat => $now), 'missing_claim');
bad('exp: absent in name, "Exp" is another claim', token(exp => undef, Exp => $now + 3600), 'missing_claim');
bad('exp: long ago', token(exp => $now - 86400), 'expired');
bad('exp: a little more than the skew ago', token(exp => $now - 31), 'expired');
bad("exp: $_ is long ago", token(exp => $_), 'expired') for '0', '1', '1.5', '0.0', '1.50000000000000000000001', '1000000000';
good('exp: the last second of the year 9999', token(exp => '253402300799'));
good('exp: a decimal fraction', token(exp => ($now + 3600) . '.123456789012345678901234567890'));
bad("exp: $_ is not in 0 ... 253402300799", token(exp => $_), 'invalid_claim')
  for '-1', '-0', '-253402300799', '-0.5', '253402300800', $now * 1000, '9223372036854775807',
  '9223372036854775808', '18446744073709551616', '99999999999999999999999999999999', '9' x 400;
bad("exp: $_ has an exponent", token(exp => $_), 'invalid_claim')
  for '1e9', '1E10', '17e8', '1e11', '4e9', '4.1e9', '1e+10', '410000000000e-2', '4e308', '0e0';
bad("exp: $_ has an absurd exponent", token(exp => $_), 'malformed') for '1e309', '1e400', '1e-400', '1E99999999999';
bad("exp: $_ is not a number", token(exp => $_), 'invalid_claim')
  for '"' . ($now + 3600) . '"', '"123"', '""', '"never"', 'null', 'true', 'false', '[]', "[$now]", '{}', '{"exp":1}';

#
# nbf
#

good('nbf: absent', token());
good('nbf: now, as ASP.NET writes it', token(nbf => $now, iat => $now));
good('nbf: long ago', token(nbf => 0));
good('nbf: within the skew', token(nbf => $now + 25));
bad('nbf: later', token(nbf => $now + $slack), 'not_yet_valid');
bad('nbf: later, with a fraction', token(nbf => ($now + $slack) . '.5'), 'not_yet_valid');
bad('nbf: the last second of the year 9999', token(nbf => '253402300799'), 'not_yet_valid');
bad("nbf: $_", token(nbf => $_), 'invalid_claim')
  for '-1', '253402300800', '"0"', '"1"', 'null', 'true', '[]', '{}', '1e1', '0e0';
bad('nbf: an absurd exponent', token(nbf => '1e400'), 'malformed');

#
# iat
#

good("iat: $_", token(iat => $_)) for $now, $now - 86400, 0, $now + 20, "$now.5";
bad('iat: in the future', token(iat => $now + $slack), 'not_yet_valid');
good("iat: $_ is ignored, as it is no number", token(iat => $_))
  for '"' . $now . '"', '"' . ($now + $slack) . '"', '"2026-01-01T00:00:00Z"', '"-1"', 'null', 'true', '[]', '{}';
bad("iat: $_ is an unreadable number", token(iat => $_), 'invalid_claim')
  for '-1', '1e9', '253402300800', $now * 1000, '1e308';
bad('iat: an absurd exponent', token(iat => '1e400'), 'malformed');

#
# iss
#

good('iss: escaped', token(iss => '"https:\/\/issuer.e\u0078ample"'));
bad("iss: \"$_\"", token(iss => qq("$_")), 'untrusted_issuer')
  for 'https://issuer.example/', 'HTTPS://issuer.example', 'https://Issuer.example', ' https://issuer.example',
  'https://issuer.example ', 'https://issuer.exampl', 'https://issuer.example2', 'issuer.example', 'x', '%',
  "' OR true --";
bad("iss: $_", token(iss => $_), 'invalid_claim') for '1', 'null', 'true', '["https://issuer.example"]', '{}';
bad('iss: absent, and no issuer trusted for that', token(iss => undef), 'untrusted_issuer');
bad('iss: of an issuer that was distrusted', token(iss => '"https://gone.example"'), 'untrusted_issuer');

# The keys of one issuer say nothing for another.
{
	my $theirs = new_secret();
	my $of = sub {
		my ($key, $kid, $iss) = @_;
		return hmac_token($key, qq({"alg":"HS256"$kid}), claims(iss => qq("$iss")));
	};
	for ([ 'their kid', ',"kid":"b"', 'unknown_key' ], [ 'a kid that both have', ',"kid":"both"', 'bad_signature' ])
	{
		my ($what, $kid, $reason) = @$_;
		bad("iss: A signed by B, $what", $of->($theirs, $kid, 'https://a.example'), $reason);
	}
	bad('iss: A signed by B, no kid', $of->($theirs, '', 'https://c.example'), 'bad_signature');
	good('iss: B signed by B, its own kid', $of->($theirs, ',"kid":"b"', 'https://b.example'));
	good('iss: B signed by B, a kid that both have', $of->($theirs, ',"kid":"both"', 'https://b.example'));
	good('iss: A signed by A, a kid that both have', $of->($secret, ',"kid":"both"', 'https://a.example'));

	sub setup_of_both
	{
		return trust('https://a.example', [ map { secret_jwk($secret, $_) } 'a', 'both' ])
		  . trust('https://b.example', [ map { secret_jwk($theirs, $_) } 'b', 'both' ])
		  . trust('https://c.example', [ secret_jwk($secret, 'c') ]);
	}
}

#
# aud
#

my @api = (iss => '"https://audience.example"');
good("aud: $_", token(@api, aud => $_))
  for '"api"', '["api"]', '["x","api"]', '["api","x"]', '"https://api.example"', '["https://api.example"]',
  '["x","y","https://api.example"]', '"\u0061pi"';
bad('aud: absent', token(@api), 'missing_claim');
bad("aud: $_", token(@api, aud => $_), 'wrong_audience')
  for '"x"', '""', '["x"]', '[]', '["x","y"]', '"API"', '"api "', '" api"', '"ap"', '"apix"', '"api,x"', '"api x"',
  '"https://api.example/"', '["https://api.example/"]', '"https://API.example"', '"*"';
bad("aud: $_", token(@api, aud => $_), 'invalid_claim')
  for '1', 'null', 'true', '{}', '{"aud":"api"}', '["api",1]', '[null,"api"]', '[["api"]]', '["api",["api"]]', '["api",{}]';
good('aud: anything, when the issuer has no audience', token(aud => '"x"'));
good('aud: absent, when the issuer has no audience', token());
bad('aud: 1, though the issuer has no audience', token(aud => '1'), 'invalid_claim');
bad('aud: absent, when the issuer has an empty list of them', token(iss => '"https://nobody.example"'), 'missing_claim');
bad('aud: any, when the issuer has an empty list of them', token(iss => '"https://nobody.example"', aud => '"api"'), 'wrong_audience');

#
# The user
#

my @ids = ('sub', 'nameid', "${identity}nameidentifier", 'NameIdentifier');
for my $i (0 .. $#ids)
{
	good("user id: $ids[$i]", token(sub => undef, $ids[$i] => '"u"'), user_id => 'u');
	bad("user id: $ids[$i] is $_", token(sub => undef, $ids[$i] => $_), 'invalid_claim')
	  for '""', '1', 'null', 'true', '["u"]', '{}';
	for my $j ($i + 1 .. $#ids)
	{
		good("user id: $ids[$i] and $ids[$j] agree",
			token(sub => undef, $ids[$i] => '"u"', $ids[$j] => '"\u0075"'), user_id => 'u');
		bad("user id: $ids[$i] and $ids[$j] disagree",
			token(sub => undef, $ids[$i] => '"u"', $ids[$j] => '"v"'), 'invalid_claim');
		bad("user id: $ids[$j] beside $ids[$i] is empty",
			token(sub => undef, $ids[$i] => '"u"', $ids[$j] => '""'), 'invalid_claim');
	}
}
bad('user id: absent', token(sub => undef), 'missing_claim');
bad("user id: $_ is another claim", token(sub => undef, $_ => '"u"'), 'missing_claim')
  for 'Sub', 'NameId', 'user_id', 'uid', 'nameidentifier', "${identity}NameIdentifier", "${identity}name";
good('user id: of a blank', token(sub => '" "'), user_id => ' ');
good('user id: that looks like SQL', token(sub => q("' OR true; --")), user_id => q(' OR true; --));
good('user id: beyond ASCII', token(sub => qq("\xc3\xa9\xf0\x9f\x98\x80")), user_id => "\x{e9}\x{1f600}");

#
# Name and e-mail: the first present name of each list
#

my %lists = (
	user_name => [ 'unique_name', 'name', "${identity}name", 'Name' ],
	email => [ 'email', "${identity}emailaddress", 'Email' ]);
for my $claim (sort keys %lists)
{
	my @names = @{ $lists{$claim} };
	good("$claim: absent", token(), $claim => undef);
	for my $i (0 .. $#names)
	{
		good("$claim: $names[$i]", token($names[$i] => '"x"'), $claim => 'x');
		good("$claim: $names[$i] null counts as absent", token($names[$i] => 'null'), $claim => undef);
		bad("$claim: $names[$i] is $_", token($names[$i] => $_), 'invalid_claim') for '1', 'true', '["x"]', '{}';
		next if $i == 0;
		good("$claim: $names[$i - 1] comes before $names[$i]",
			token($names[$i] => '"x"', $names[ $i - 1 ] => '"y"'), $claim => 'y');
		good("$claim: $names[$i] when $names[$i - 1] is null",
			token($names[$i] => '"x"', $names[ $i - 1 ] => 'null'), $claim => 'x');
	}
}

#
# Roles and permissions
#

%lists = (
	roles => [ 'role', 'roles', $role, 'Role' ],
	permissions => [ 'Permission', 'permission', 'permissions' ]);
for my $claim (sort keys %lists)
{
	my @names = @{ $lists{$claim} };
	good("$claim: absent", token(), $claim => []);
	for my $i (0 .. $#names)
	{
		my $name = $names[$i];
		good("$claim: $name, a string", token($name => '"a:b:c"'), $claim => ['a:b:c']);
		good("$claim: $name, an array of one", token($name => '["a:b:c"]'), $claim => ['a:b:c']);
		good("$claim: $name, an array of several", token($name => '["a","b","c"]'), $claim => [ 'a', 'b', 'c' ]);
		good("$claim: $name, an empty array", token($name => '[]'), $claim => []);
		good("$claim: $name, null counts as absent", token($name => 'null'), $claim => []);
		good("$claim: $name is never split", token($name => '"a,b c;d"'), $claim => ['a,b c;d']);
		good("$claim: $name is never split in an array", token($name => '["a,b","c d"]'), $claim => [ 'a,b', 'c d' ]);
		bad("$claim: $name is $_", token($name => $_), 'invalid_claim')
		  for '1', 'true', '{}', '{"a":"b"}', '["a",1]', '["a",null]', '[null]', '["a",true]', '[["a"]]', '["a",["b"]]', '["a",{}]';
		next if $i == 0;
		good("$claim: $names[$i - 1] comes before $name",
			token($name => '["x"]', $names[ $i - 1 ] => '["y"]'), $claim => ['y']);
		good("$claim: an empty $names[$i - 1] comes before $name",
			token($name => '["x"]', $names[ $i - 1 ] => '[]'), $claim => []);
		good("$claim: $name when $names[$i - 1] is null",
			token($name => '["x"]', $names[ $i - 1 ] => 'null'), $claim => ['x']);
	}
}
bad('jti: a number', token(jti => '1'), 'invalid_claim');
good('jti: a string', token(jti => '"1"'));

#
# The organisation
#

my @organisations = qw(OrganisationId organisation_id organisationId);
my @none = (OrganisationId => undef);
good('organisation: absent', token(@none), organisation_id => undef);
for my $i (0 .. $#organisations)
{
	my $name = $organisations[$i];
	good("organisation: $name, $_->[0]", token(@none, $name => $_->[0]), organisation_id => $_->[1])
	  for [ '"o"', 'o' ], [ '17', '17' ], [ '"17"', '17' ], [ '0', '0' ], [ '-5', '-5' ],
	  [ '9223372036854775807', '9223372036854775807' ],
	  [ '123456789012345678901234567890', '123456789012345678901234567890' ],
	  [ '"6f9619ff-8b86-d011-b42d-00c04fc964ff"', '6f9619ff-8b86-d011-b42d-00c04fc964ff' ],
	  [ 'null', undef ], [ '" o "', ' o ' ];
	bad("organisation: $name is $_", token(@none, $name => $_), 'invalid_claim')
	  for '""', '1.5', '1.0', '1e3', '1E3', '10e-1', 'true', 'false', '[]', '["o"]', '{}', '{"id":"o"}';
	for my $j ($i + 1 .. $#organisations)
	{
		my $other = $organisations[$j];
		good("organisation: $name and $other agree", token(@none, $name => '"7"', $other => '7'), organisation_id => '7');
		good("organisation: $other when $name is null", token(@none, $name => 'null', $other => '7'), organisation_id => '7');
		bad("organisation: $name and $other disagree", token(@none, $name => '"7"', $other => '"8"'), 'invalid_claim');
		bad("organisation: $name 7 and $other 07 disagree", token(@none, $name => '7', $other => '"07"'), 'invalid_claim');
		bad("organisation: $other beside $name is empty", token(@none, $name => '"7"', $other => '""'), 'invalid_claim');
	}
}
good("organisation: $_ is another claim", token(@none, $_ => '"o"'), organisation_id => undef)
  for qw(organisationid ORGANISATIONID organizationId OrganizationId tenant);

my @limited = (iss => '"https://limited.example"', @none);
good("organisation: $_ is one of the issuer's", token(@limited, OrganisationId => $_)) for '"o1"', '"o2"', '17', '"17"';
bad("organisation: $_ is none of the issuer's", token(@limited, OrganisationId => $_), 'untrusted_organisation')
  for '"o3"', '"O1"', '"o1 "', '"o"', '"o1,o2"', '18', '"017"';
bad('organisation: absent, when the issuer has some', token(@limited), 'untrusted_organisation');
bad('organisation: null, when the issuer has some', token(@limited, OrganisationId => 'null'), 'untrusted_organisation');
bad('organisation: of a second name, none of the issuer\'s',
	token(@limited, organisationId => '"o3"'), 'untrusted_organisation');
bad('organisation: any, when the issuer has an empty list of them',
	token(@none, iss => '"https://nobody.example"', OrganisationId => '"o1"', aud => '"x"'), 'wrong_audience');
bad('organisation: any, when the issuer may speak for none',
	token(@none, iss => '"https://mute.example"', OrganisationId => '"o1"'), 'untrusted_organisation');

#
# A claim map replaces a list
#

my @mapped = (iss => '"https://mapped.example"', sub => undef, @none);
good('claim_map: its names count',
	token(@mapped, uid => '"u"', tenant => '"t"', scopes => '["a:b:c"]', groups => '"g"', nick => '"n"', mail => '"m"'),
	user_id => 'u', organisation_id => 't', permissions => ['a:b:c'], roles => ['g'], user_name => 'n', email => 'm');
bad('claim_map: the names it replaces do not count', token(@mapped, sub => '"u"'), 'missing_claim');
good('claim_map: no other name of a list that it replaces',
	token(@mapped, uid => '"u"', sub => '"v"', OrganisationId => '"o"', Permission => '"x:y:z"', role => '"r"', name => '"n"', email => '"m"'),
	user_id => 'u', organisation_id => undef, permissions => [], roles => [], user_name => undef, email => undef);
good('claim_map: a list of names',
	token(@mapped, uid => '"u"', tid => '"t"'), organisation_id => 't');
bad('claim_map: two names of a list disagree',
	token(@mapped, uid => '"u"', tid => '"t"', tenant => '"s"'), 'invalid_claim');
good('claim_map: a list that it does not replace stays',
	token(iss => '"https://halfmapped.example"', uid => '"x"', @none, tenant => '"t"', Permission => '"a:b:c"'),
	user_id => 'user-1', organisation_id => 't', permissions => ['a:b:c']);

#
# What is handed out is what was received
#

my @whole = (
	nested => '{"a":[true,{"b":null}]}',
	big => '12345678901234567890123',
	fraction => '0.1234567890123456789012345678901234567890',
	cents => '1.50',
	text => '"\u00e9\ud83d\ude00"');
good('claims are handed out whole', token(@whole), claims => JSON::PP->new->utf8->decode(claims(@whole)));

my $node = start_node('claims');
my $key = [ secret_jwk($secret, 'k1') ];
refused($node, token(), 'untrusted_issuer', 'good claims, before anybody trusts their issuer');
run_sql(
	$node,
	[],
	setup => join '',
	trust('https://issuer.example', $key),
	trust('https://gone.example', $key),
	"SELECT pindah_distrust_issuer('https://gone.example');\n",
	trust('https://audience.example', $key, audience => [ 'api', 'https://api.example' ]),
	trust('https://nobody.example', $key, audience => [], organisations => []),
	trust('https://mute.example', $key, organisations => []),
	trust('https://limited.example', $key, organisations => [ 'o2', 'o1', '17' ]),
	trust('https://halfmapped.example', $key, claim_map => { organisation_id => 'tenant' }),
	trust(
		'https://mapped.example',
		$key,
		claim_map => {
			user_id => 'uid',
			organisation_id => [ 'tenant', 'tid' ],
			permissions => ['scopes'],
			roles => ['groups'],
			user_name => 'nick',
			email => 'mail'
		}),
	setup_of_both());

# Times close to the limits are asked first, before the clock moves on.
judge(
	$node,
	[
		[ 'exp: within the skew of 30 seconds', token(exp => int(time) - 20), undef ],
		[ 'nbf: within the skew of 30 seconds', token(nbf => int(time) + 30), undef ],
		[ 'iat: within the skew of 30 seconds', token(iat => int(time) + 30), undef ]
	]);
judge($node, \@cases);

# Numbers as they were written: jsonb's numeric rounds nothing.
my ($numbers) = run_sql($node,
	[ "SELECT concat_ws(' ', c->>'big', c->>'fraction', c->>'cents') FROM pindah_verify_jwt(" . sql_text(token(@whole)) . ", false) c" ]);
is($numbers->[0], '12345678901234567890123 0.1234567890123456789012345678901234567890 1.50',
	'numbers in claims are handed out as they were written');

#
# Without iss, where '' is trusted
#

run_sql($node, [], setup => trust('', $key));
judge(
	$node,
	[
		[ "iss: absent, and '' is trusted", token(iss => undef), undef, { user_id => 'user-1' } ],
		[ "iss: unknown, though '' is trusted", token(iss => '"https://unknown.example"'), 'untrusted_issuer' ],
		[ "iss: null, though '' is trusted", token(iss => 'null'), 'invalid_claim' ],
		[ "iss: a blank, though '' is trusted", token(iss => '" "'), 'untrusted_issuer' ]
	]);

#
# The skew is a setting, and times are compared exactly
#

judge(
	$node,
	[
		[ 'clock_skew 0: exp two seconds ago', token(exp => int(time) - 2), 'expired' ],
		[ 'clock_skew 0: nbf soon', token(nbf => int(time) + 20), 'not_yet_valid' ],
		[ 'clock_skew 0: iat soon', token(iat => int(time) + 20), 'not_yet_valid' ],
		[ 'clock_skew 0: exp to come', token(exp => int(time) + 60), undef ]
	],
	setup => 'SET pindah.clock_skew = 0;');
judge(
	$node,
	[
		[ 'clock_skew 300: exp four minutes ago', token(exp => int(time) - 240), undef ],
		[ 'clock_skew 300: exp six minutes ago', token(exp => int(time) - 360), 'expired' ],
		[ 'clock_skew 300: nbf in four minutes', token(nbf => int(time) + 240), undef ],
		[ 'clock_skew 300: nbf in six minutes', token(nbf => int(time) + 360), 'not_yet_valid' ]
	],
	setup => 'SET pindah.clock_skew = 300;');

# Ask about a token at a given instant, which the server's own statement time
# proves to have been met; try again when the machine was too slow.
sub verdict_at
{
	my ($member, $fraction, $at, $until) = @_;
	for my $try (1 .. 5)
	{
		my $second = int(time) + 2;
		my ($result) = run_sql(
			$node,
			[
				[
					sprintf('SELECT pg_sleep(%s - extract(epoch FROM clock_timestamp()))', $second + $at),
					"SELECT concat_ws(' ', extract(epoch FROM statement_timestamp()), coalesce(reason, 'valid')) FROM pindah_inspect_jwt("
					  . sql_text(token($member => $second . $fraction)) . ')'
				]
			],
			setup => 'SET pindah.clock_skew = 0;');
		my ($asked, $verdict) = $result->[0] =~ /^(\d+\.\d+) (\w+)$/m or die $result->[0];
		return $verdict if $asked >= $second + $at && $asked < $second + $until;
	}
	return 'never asked in time';
}

is(verdict_at(exp => '.9', 0.1, 0.9), 'valid', 'exp: .9 is not cut down to .0');
is(verdict_at(exp => '.1', 0.2, 1.0), 'expired', 'exp: .1 is not rounded up to 1');
is(verdict_at(nbf => '.9', 0.1, 0.9), 'not_yet_valid', 'nbf: .9 is not cut down to .0');
is(verdict_at(nbf => '.1', 0.2, 1.0), 'valid', 'nbf: .1 is not rounded up to 1');

#
# A token that was verified before is judged by the trust and time of now
#

{
	my $good = token(x => '"' . 'x' x 1024 . '"');
	my $ends = int(time) + 3;
	my $short = token(exp => $ends);
	my @steps = (
		[ 'a token is taken', "SET pindah.token = '$good'", 'no error' ],
		[ 'and again', "SET pindah.token = '$good'", 'no error' ],
		[ '', "SET pindah.algorithms = 'RS256'" ],
		[ 'its algorithm is allowed no more', "SET pindah.token = '$good'", 'unsupported_algorithm' ],
		[ '', 'RESET pindah.algorithms' ],
		[ 'its algorithm is allowed again', "SET pindah.token = '$good'", 'no error' ],
		[ '', 'SET pindah.max_token_size = 1024' ],
		[ 'it is too large now', "SET pindah.token = '$good'", 'too_large' ],
		[ '', 'RESET pindah.max_token_size' ],
		[ '', "BEGIN; SELECT pindah_revoke_key('https://issuer.example', 'k1')" ],
		[ 'its key is revoked', "SET pindah.token = '$good'", 'revoked' ],
		[ '', 'ROLLBACK' ],
		[ 'its key is not revoked after all', "SET pindah.token = '$good'", 'no error' ],
		[ '', "BEGIN; SELECT pindah_distrust_issuer('https://issuer.example')" ],
		[ 'its issuer is distrusted', "SET pindah.token = '$good'", 'untrusted_issuer' ],
		[ '', 'ROLLBACK' ],
		[ '', 'SET pindah.clock_skew = 0' ],
		[ 'a token with little time is taken', "SET pindah.token = '$short'", 'no error' ],
		[ 'and its identity counts', 'SELECT pindah_user_id()', 'no error' ],
		[ '', "SELECT pg_sleep($ends.1 - extract(epoch FROM clock_timestamp()))" ],
		[ 'its identity counts no more', 'SELECT pindah_user_id()', 'expired' ],
		[ 'and it is taken no more', "SET pindah.token = '$short'", 'expired' ]);
	my @results = run_sql($node, [ map { $_->[1] } @steps ], setup => "LOAD 'pindah_auth';\n");
	for my $i (grep { $steps[$_][0] ne '' } 0 .. $#steps)
	{
		my ($verdict) = $results[$i][1] =~ /28000.*^DETAIL:  reason: (\w+)$/ms;
		is($verdict // ($results[$i][1] || 'no error'), $steps[$i][2], "verified before: $steps[$i][0]");
	}
}

nothing_leaked($node);
done_testing();
