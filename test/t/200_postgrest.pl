# PostgREST: the same statements, in the same order, that it sends for an HTTP
# request (test/clients/postgrest.py), and what it makes of the outcome.  Where
# a real postgrest is on PATH, the same requests go to it over HTTP.
#
# How one would break it, each of which is tried below:
#
# - a token that is forged, expired, cut, quoted, percent-encoded, empty or as
#   large as can be; in each place that may carry one; two of them; in headers
#   that are no strings, no object, or not there
# - a cookie that a browser sends for another site, with every method; a GET
#   that changes something; another site that sets a cookie (login CSRF)
# - an identity that stays on a connection for the next request
# - SQL of the client before the pre-request, after it, and the pre-request
#   again with somebody else's token
# - functions in the schema that the request puts first in the search_path
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../kit";
use IPC::Run qw(run start finish);
use PindahTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $json = JSON::PP->new->utf8->canonical;
my $secret = new_secret();
my ($school, $hardware) =
  ('7c9e6679-7425-40de-944b-e07fc1f90ae7', '1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed');
my $all = '["accounting:invoices:*"]';

# A token of the school's accountant, changed by the arguments.
sub token
{
	return hmac_token($secret, '{"alg":"HS256","kid":"k"}',
		claims(OrganisationId => qq("$school"), Permission => $all, @_));
}

my $alice = token();
my $bob = token(sub => '"user-2"', OrganisationId => qq("$hardware"));
my $clerk = token(sub => '"user-3"', Permission => '["stock:items:view"]');
my $expired = token(exp => time() - 3600);
my $forged = hmac_token(new_secret(), '{"alg":"HS256","kid":"k"}', claims());
my $large = token(filler => '"' . 'x' x 20_000 . '"');
my $wide = token(filler => '"' . 'x' x 4000 . '"');

my $node = PostgreSQL::Test::Cluster->new('postgrest');
$node->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', 'log_statement = none');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pindah_auth;'
	  . trust('https://issuer.example', [ secret_jwk($secret, 'k') ]) . <<"SQL");
CREATE ROLE web_anon;
CREATE ROLE web_user;
CREATE ROLE authenticator LOGIN NOINHERIT;
GRANT web_anon, web_user TO authenticator;
ALTER ROLE authenticator SET pindah.session_identity = off;
ALTER ROLE authenticator SET pindah.allowed_origins = 'https://app.example, https://other.example:8443';
CREATE ROLE careless LOGIN NOINHERIT;
GRANT web_anon, web_user TO careless;

CREATE SCHEMA api;
GRANT USAGE ON SCHEMA api TO web_anon, web_user;
CREATE TABLE api.invoices (id int PRIMARY KEY, organisation_id uuid NOT NULL, number text);
INSERT INTO api.invoices VALUES (1, '$school', 'S-1'), (2, '$school', 'S-2'), (11, '$hardware', 'H-1');
SELECT pindah_protect_table('api.invoices', permission => 'accounting:invoices');
GRANT SELECT, INSERT, UPDATE, DELETE ON api.invoices TO web_anon, web_user;

CREATE FUNCTION api.whoami() RETURNS jsonb STABLE LANGUAGE sql BEGIN ATOMIC SELECT pindah_whoami(); END;
CREATE FUNCTION api.number_of_invoices() RETURNS bigint STABLE LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM api.invoices; END;
CREATE FUNCTION api.touch() RETURNS int VOLATILE LANGUAGE sql
	BEGIN ATOMIC UPDATE api.invoices SET number = number WHERE id = 1 RETURNING id; END;
CREATE FUNCTION api.approve() RETURNS text VOLATILE LANGUAGE plpgsql
	AS \$\$ BEGIN PERFORM pindah_require_permission('accounting:invoices:approve'); RETURN 'done'; END \$\$;
CREATE FUNCTION api.sign_in(token text) RETURNS text VOLATILE LANGUAGE plpgsql
	AS \$\$ BEGIN PERFORM pindah_set_cookie(token); RETURN 'welcome'; END \$\$;
CREATE FUNCTION api.sign_out() RETURNS text VOLATILE LANGUAGE plpgsql
	AS \$\$ BEGIN PERFORM set_config('response.headers', '[{"Cache-Control": "no-store"}]', true);
	PERFORM pindah_clear_cookie(); RETURN 'bye'; END \$\$;
CREATE FUNCTION api.refuse(reason text, retry text) RETURNS text VOLATILE LANGUAGE plpgsql
	AS \$\$ BEGIN PERFORM pindah_raise_http_error(reason, retry::int); RETURN 'not refused'; END \$\$;

-- What an attacker who may create functions in the API's schema would leave.
CREATE FUNCTION api.pindah_pre_request() RETURNS void LANGUAGE plpgsql
	AS \$\$ BEGIN RAISE EXCEPTION 'the wrong pre-request'; END \$\$;
CREATE FUNCTION api.current_setting(text, boolean) RETURNS text LANGUAGE sql AS \$\$ SELECT 'forged' \$\$;
CREATE FUNCTION api.always(text, text) RETURNS boolean LANGUAGE sql AS \$\$ SELECT true \$\$;
CREATE OPERATOR api.= (LEFTARG = text, RIGHTARG = text, FUNCTION = api.always);
SQL
$node->backup('base');

#
# Asking
#

my @cases;    # [name, request, expectation], tried together

# Remember a request, and what should become of it: status; code, a member of
# the body; body, as it is or a pattern; headers, by name, undef for none.
sub request
{
	my ($name, $line, $options, %expected) = @_;
	my ($method, $path) = split / /, $line;
	my %request = (method => $method, path => $path, headers => {}, %$options);
	push @cases, [ $name, \%request, \%expected ];
	return;
}

# Say in one line what is wrong with an answer; nothing if it is as expected.
sub difference
{
	my ($answer, $expected) = @_;
	my $body = $answer->{body};
	my ($code, $details) = map { $_ // 'none' } ref $body eq 'HASH' ? @$body{qw(code details)} : (undef, undef);
	my @wrong;
	push @wrong, "status $answer->{status} ($answer->{sqlstate})"
	  if $answer->{status} != $expected->{status};
	push @wrong, "code $code"
	  if defined $expected->{code} && $code ne $expected->{code};
	push @wrong, "details $details"
	  if defined $expected->{code} && $expected->{code} =~ /^[a-z]/ && $details ne "reason: $expected->{code}";
	if (exists $expected->{ids})
	{
		my $ids = ref $body eq 'ARRAY' ? join(' ', map { $_->{id} } @$body) : 'no rows';
		push @wrong, "rows $ids" if $ids ne $expected->{ids};
	}
	if (exists $expected->{user})
	{
		my $user = ref $body eq 'HASH' ? $body->{user_id} // $body->{reason} : undef;
		push @wrong, 'user ' . ($user // 'unknown') if ($user // '') ne $expected->{user};
	}
	push @wrong, 'body ' . $json->allow_nonref->encode($body)
	  if exists $expected->{body} && $json->allow_nonref->encode($body) !~ $expected->{body};
	for my $name (sort keys %{ $expected->{headers} // {} })
	{
		my ($got, $wanted) = ($answer->{headers}{$name}, $expected->{headers}{$name});
		my $good = defined $wanted ? defined $got && $got =~ $wanted : !defined $got;
		push @wrong, "$name: " . ($got // 'missing') unless $good;
	}
	push @wrong, "printed @{$answer->{notices}}" if @{ $answer->{notices} };
	return join '; ', @wrong;
}

sub client
{
	my ($requests, @arguments) = @_;
	my ($in, $out, $err) = ($json->encode($requests), '', '');
	run([ '/usr/bin/python3', "$FindBin::Bin/../clients/postgrest.py", @arguments ],
		\$in, \$out, \$err)
	  or die "postgrest.py failed: $err";
	return @{ $json->decode($out) };
}

# Try everything that was remembered, over one connection, and forget it.
sub try_requests
{
	my ($how, $server, $user, @arguments) = @_;
	my @answers = client([ map { $_->[1] } @cases ],
		$server->connstr('postgres') . " user=$user", @arguments);
	for my $i (0 .. $#cases)
	{
		is(difference($answers[$i], $cases[$i][2]), '', "$how: $cases[$i][0]");
	}
	return;
}

my $invalid = qr/^Bearer error="invalid_token", error_description="[^"\\]+"$/;
my $bad_request = qr/^Bearer error="invalid_request", error_description="[^"\\]+"$/;
my $cleared = qr/^__Host-pindah=; Max-Age=0; Path=\/; Secure; HttpOnly; SameSite=Strict$/;

# The places that may carry a token.
my %carriers = (
	'x-pindah-token' => sub { return { headers => { 'X-Pindah-Token' => $_[0] } } },
	Authorization => sub { return { headers => { Authorization => "Bearer $_[0]" }, role => 'web_user' } },
	cookie => sub { return { headers => { Cookie => "theme=dark; __Host-pindah=$_[0]; a=b", 'Sec-Fetch-Site' => 'same-origin' } } },
);

#
# Tokens that are refused
#
my @bad = (
	[ $forged, 'bad_signature' ], [ $expired, 'expired' ], [ $large, 'too_large' ],
	[ "$alice.", 'malformed' ], [ substr($alice, 0, -2), 'malformed' ],
	[ ($alice =~ s/\./%2E/r), 'malformed', 'percent-encoded' ],
	[ qq("$alice"), 'malformed', 'quoted' ],
	[ '', 'malformed', 'empty' ]);
for my $carrier (sort keys %carriers)
{
	for (@bad)
	{
		my ($token, $reason, $name) = @$_;
		# These are not of RFC 6750's form, and so no token at all.
		next if $carrier eq 'Authorization' && defined $name;
		for my $line ('GET /invoices', 'POST /rpc/touch')
		{
			request("$carrier, $line: " . ($name // $reason), $line, $carriers{$carrier}->($token),
				status => 401, code => $reason,
				headers => { 'www-authenticate' => $invalid,
					'set-cookie' => $carrier eq 'cookie' ? $cleared : undef, 'retry-after' => undef });
		}
	}
}
for my $header ('', 'Bearer', 'Bearer ', 'Basic dXNlcjpwYXNz', "JWT $alice", "Bearer$alice", "Bearer\t$alice",
	"Bearer $alice $alice", "Bearer $alice, Bearer $bob", "Bearer $alice,", qq(Bearer "$alice"), "Bearer token=$alice;x=1", $alice)
{
	request('Authorization: ' . substr($header, 0, 12), 'GET /invoices', { headers => { Authorization => $header } },
		status => 400, code => 'malformed_request', headers => { 'www-authenticate' => $bad_request });
}
request("Authorization: a token that is none", 'GET /invoices', { headers => { Authorization => 'Bearer hello' } },
	status => 401, code => 'malformed', headers => { 'www-authenticate' => $invalid });

# Two that are not the same: also when one of them is good.
for my $pair ([ $alice, $bob ], [ $alice, $forged ], [ $expired, $alice ], [ $alice, '' ], [ "$alice ", $alice ])
{
	my ($one, $two) = @$pair;
	my %cookie = (Cookie => "__Host-pindah=$two", 'Sec-Fetch-Site' => 'same-origin');
	request('two tokens: x-pindah-token and cookie', 'GET /invoices',
		{ headers => { 'X-Pindah-Token' => $one, %cookie } }, status => 400, code => 'ambiguous_token');
	next if $one =~ / /;
	request('two tokens: Authorization and cookie', 'GET /invoices',
		{ headers => { Authorization => "Bearer $one", %cookie } }, status => 400, code => 'ambiguous_token');
	request('two tokens: x-pindah-token and Authorization', 'GET /invoices',
		{ headers => { 'X-Pindah-Token' => $two, Authorization => "Bearer $one" } },
		status => 400, code => 'ambiguous_token', headers => { 'www-authenticate' => $bad_request });
}

# Headers and cookies that PostgREST would not write.
for my $headers ('nonsense', '[]', '"x"', '7', '{"x-pindah-token": 7}', '{"authorization": ["Bearer x"]}',
	'{"x-pindah-token": null}', '{"x-pindah-token": {"a": 1}}', qq({"x-pindah-token": "$alice", "x-pindah-token": "$bob"}),
	qq({"x-pindah-token": "$alice"} {}), '{"x-pindah-token": "\u0000"}', '{"a": ' . '[' x 100 . ']' x 100 . '}')
{
	request('request.headers: ' . substr($headers, 0, 30), 'GET /invoices', { settings => { 'request.headers' => $headers } },
		status => 400, code => 'malformed_request');
}
for my $cookies ('nonsense', '[]', '{"__Host-pindah": ["x"]}', qq({"__Host-pindah": "$alice", "__Host\\u002dpindah": "$bob"}))
{
	request("request.cookies: " . substr($cookies, 0, 30), 'GET /invoices', { settings => { 'request.cookies' => $cookies } },
		status => 400, code => 'malformed_request');
}

#
# Nobody
#
for my $settings ({}, { 'request.headers' => '', 'request.cookies' => '' }, { 'request.headers' => undef, 'request.cookies' => undef })
{
	request('no token: nobody', 'GET /rpc/whoami', { settings => $settings }, status => 200, user => 'absent');
	request('no token: no rows', 'GET /invoices', { settings => $settings }, status => 200, ids => '');
}
request('no token: nothing is written', 'POST /invoices', { body => qq({"id": 5, "organisation_id": "$school"}) },
	status => 401, code => '42501');
request('a cookie of another name', 'GET /rpc/whoami', { headers => { Cookie => "pindah=$alice; __host-pindah=$alice" } },
	status => 200, user => 'absent');
request('a header of another name', 'GET /rpc/whoami', { headers => { 'X-Pindah' => $alice } }, status => 200, user => 'absent');

#
# Every method, carrier and isolation level; each tenant has its own rows, and
# after each request comes one of nobody over the same connection.
#
my $id = 100;
for my $isolation ('READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE')
{
	for my $carrier (sort keys %carriers)
	{
		my %alice = (%{ $carriers{$carrier}->($alice) }, isolation => $isolation);
		my %bob = (%{ $carriers{$carrier}->($bob) }, isolation => $isolation);
		my %clerk = (%{ $carriers{$carrier}->($clerk) }, isolation => $isolation);
		my $name = "$isolation, $carrier";
		$id++;
		request("$name: GET", 'GET /invoices', \%alice, status => 200, ids => '1 2');
		request("$name: GET by another tenant", 'GET /invoices', \%bob, status => 200, ids => '11');
		request("$name: GET without the permission", 'GET /invoices', \%clerk, status => 200, ids => '');
		request("$name: HEAD", 'HEAD /invoices', \%alice, status => 200);
		request("$name: POST", 'POST /invoices', { %alice, body => qq({"id": $id, "organisation_id": "$school"}) }, status => 201, ids => $id);
		request("$name: POST for another tenant", 'POST /invoices', { %alice, body => qq({"id": 99, "organisation_id": "$hardware"}) },
			status => $alice{role} ? 403 : 401, code => '42501');
		request("$name: PATCH", "PATCH /invoices?id=eq.$id", { %alice, body => '{"number": "new"}' }, status => 200, ids => $id);
		request("$name: PATCH of another tenant's", "PATCH /invoices?id=eq.$id", { %bob, body => '{"number": "mine"}' }, status => 200, ids => '');
		request("$name: PUT", "PUT /invoices?id=eq.$id",
			{ %alice, body => qq({"id": $id, "organisation_id": "$school", "number": "put"}) }, status => 200, ids => $id);
		request("$name: DELETE of another tenant's", "DELETE /invoices?id=eq.$id", \%bob, status => 200, ids => '');
		request("$name: DELETE", "DELETE /invoices?id=eq.$id", \%alice, status => 200, ids => $id);
		request("$name: RPC by POST", 'POST /rpc/touch', \%alice, status => 200, body => qr/^1$/);
		request("$name: RPC by POST, stable, so READ ONLY", 'POST /rpc/number_of_invoices', \%alice, status => 200, body => qr/^2$/);
		request("$name: RPC by GET", 'GET /rpc/whoami', \%alice, status => 200, user => 'user-1');
		request("$name: RPC by GET that writes", 'GET /rpc/touch', \%alice, status => 405, code => '25006');
		request("$name: RPC that requires a permission", 'POST /rpc/approve', \%alice, status => 200, body => qr/done/);
		request("$name: RPC that requires another", 'POST /rpc/approve', \%clerk, status => $clerk{role} ? 403 : 401, code => '42501');
		request("$name: nobody is left", 'GET /rpc/whoami', {}, status => 200, user => 'absent');
	}
}
request('the scheme in any case', 'GET /rpc/whoami', { headers => { authorization => "bEARER   $alice" } }, status => 200, user => 'user-1');
request('the same token three times', 'GET /rpc/whoami',
	{ headers => { Authorization => "Bearer $alice", 'X-Pindah-Token' => $alice, Cookie => "__Host-pindah=$alice" } },
	status => 200, user => 'user-1');
request('headers that are large, and none of ours', 'GET /rpc/whoami',
	{ headers => { 'X-Pindah-Token' => $alice, map { ("x-$_" => 'y' x 400) } 1 .. 60 } }, status => 200, user => 'user-1');

#
# Cookies and other sites
#
my %cookie = (Cookie => "__Host-pindah=$alice");
my %from = (
	'another site' => { 'Sec-Fetch-Site' => 'cross-site', Origin => 'https://evil.example' },
	'a sibling' => { 'Sec-Fetch-Site' => 'same-site', Origin => 'https://blog.example' },
	'a browser without Sec-Fetch-Site' => { Origin => 'https://evil.example' },
	'an origin like an allowed one' => { Origin => 'https://app.example.evil.example' },
	'an allowed host without TLS' => { Origin => 'http://app.example' },
	'an allowed host on another port' => { Origin => 'https://app.example:8443' },
	'an opaque origin' => { 'Sec-Fetch-Site' => 'cross-site', Origin => 'null' },
	'another site that CORS lets send headers' => { 'Sec-Fetch-Site' => 'cross-site', Origin => 'https://evil.example', 'X-Pindah-CSRF' => '1' },
	'another site, Origin stripped' => { 'Sec-Fetch-Site' => 'cross-site', 'X-Pindah-CSRF' => '1' },
	'nowhere' => { 'Sec-Fetch-Site' => 'none' },
	'no browser, without the header' => {},
	'an odd Sec-Fetch-Site' => { 'Sec-Fetch-Site' => 'same-origin, cross-site' },
	'an empty origin' => { Origin => '' });
my @writes = (
	[ 'POST /invoices', qq({"id": 77, "organisation_id": "$school"}) ], [ 'PATCH /invoices?id=eq.1', '{"number": "x"}' ],
	[ 'PUT /invoices?id=eq.1', qq({"id": 1, "organisation_id": "$school"}) ], [ 'DELETE /invoices?id=eq.1', undef ],
	[ 'POST /rpc/touch', undef ], [ 'POST /rpc/whoami', undef ]);
for my $site (sort keys %from)
{
	for (@writes)
	{
		my ($line, $body) = @$_;
		request("$line from $site", $line, { headers => { %cookie, %{ $from{$site} } }, body => $body },
			status => 403, code => 'cross_site', headers => { 'set-cookie' => undef });
	}
	request("GET from $site", 'GET /invoices', { headers => { %cookie, %{ $from{$site} } } }, status => 200, ids => '1 2');
	request("HEAD from $site", 'HEAD /invoices', { headers => { %cookie, %{ $from{$site} } } }, status => 200);
	request("GET that writes, from $site", 'GET /rpc/touch', { headers => { %cookie, %{ $from{$site} } } }, status => 405, code => '25006');
	request("a header with the token besides, from $site", 'POST /rpc/touch',
		{ headers => { %cookie, %{ $from{$site} }, 'X-Pindah-Token' => $alice } }, status => 200, body => qr/^1$/);
	request("another site cannot set a cookie, from $site", 'POST /rpc/sign_in',
		{ headers => $from{$site}, body => qq({"token": "$bob"}) }, status => 403, code => 'cross_site', headers => { 'set-cookie' => undef });
}
request('a method that says it is safe, in a transaction that is not', 'PATCH /invoices?id=eq.1',
	{ headers => \%cookie, body => '{"number": "x"}', settings => { 'request.method' => 'GET' } }, status => 403, code => 'cross_site');
request('a method in lower case', 'GET /invoices', { headers => \%cookie, settings => { 'request.method' => 'get' } },
	status => 403, code => 'cross_site');
request('Origin that is no string', 'POST /rpc/touch',
	{ settings => { 'request.cookies' => qq({"__Host-pindah": "$alice"}), 'request.headers' => '{"origin": ["https://app.example"]}' } },
	status => 400, code => 'malformed_request');
my %ours = (
	'this origin' => { 'Sec-Fetch-Site' => 'same-origin' },
	'an allowed origin' => { 'Sec-Fetch-Site' => 'same-site', Origin => 'https://app.example' },
	'an allowed origin of another site' => { 'Sec-Fetch-Site' => 'cross-site', Origin => 'https://other.example:8443' },
	'an allowed origin, without Sec-Fetch-Site' => { Origin => 'https://app.example' },
	'a program with the header' => { 'X-Pindah-CSRF' => '1' });
for my $site (sort keys %ours)
{
	request("POST from $site", 'POST /rpc/touch', { headers => { %cookie, %{ $ours{$site} } } }, status => 200, body => qr/^1$/);
	request("signing in from $site", 'POST /rpc/sign_in', { headers => $ours{$site}, body => qq({"token": "$bob"}) },
		status => 200, body => qr/welcome/, headers => { 'set-cookie' =>
			qr/^__Host-pindah=\Q$bob\E; Max-Age=3[456]\d\d; Path=\/; Secure; HttpOnly; SameSite=Strict$/ });
}
my %here = %{ $ours{'this origin'} };
for ([ $forged, 'bad_signature' ], [ $expired, 'expired' ], [ "$alice; Domain=evil.example", 'malformed' ], [ '', 'malformed' ])
{
	my ($token, $reason) = @$_;
	request("no cookie for a token that is refused: $reason", 'POST /rpc/sign_in', { headers => \%here, body => $json->encode({ token => $token }) },
		status => 401, code => $reason, headers => { 'set-cookie' => undef });
}
request('nor for none', 'POST /rpc/sign_in', { headers => \%here, body => '{"token": null}' }, status => 401, code => 'malformed');
request('nor for one that no browser would keep', 'POST /rpc/sign_in', { headers => \%here, body => qq({"token": "$wide"}) },
	status => 500, code => '54000', body => qr/too large for a cookie/);
request('signing out', 'POST /rpc/sign_out', { headers => { %cookie, %here } },
	status => 200, headers => { 'set-cookie' => $cleared, 'cache-control' => qr/^no-store$/ });
request('response headers that are no array', 'POST /rpc/sign_in',
	{ headers => \%here, body => qq({"token": "$alice"}), settings => { 'response.headers' => '{"a": "b"}' } },
	status => 400, code => '22023', body => qr/response\.headers is not a JSON array/);
request('response headers that are no JSON', 'POST /rpc/sign_in',
	{ headers => \%here, body => qq({"token": "$alice"}), settings => { 'response.headers' => "[$PindahTest::CANARY" } },
	status => 400, code => '22023', body => qr/response\.headers is not a JSON array(?!.*canary)/);

#
# SQL of the client, and what the request puts into the search_path
#
my $bobs_headers = $json->encode({ 'x-pindah-token' => $bob });
request('an identity set before the pre-request is not the request\'s', 'GET /rpc/whoami',
	{ before => "SET LOCAL pindah.token = '$bob'" }, status => 200, user => 'absent');
request('... nor does it go before the request\'s', 'GET /invoices',
	{ before => "SET LOCAL pindah.token = '$bob'", headers => { 'X-Pindah-Token' => $alice } }, status => 200, ids => '1 2');
request('headers set by SQL carry nobody but a token\'s owner', 'GET /invoices',
	{ before => q(SELECT set_config('request.headers', '{"x-pindah-token": "eyJ.eyJ.x", "x-user": "user-1"}', true)) },
	status => 401, code => 'malformed');
request('the pre-request again, with another token: that one\'s rows only', 'GET /invoices',
	{ headers => { 'X-Pindah-Token' => $alice },
		after => "WITH h AS MATERIALIZED (SELECT set_config('request.headers', '$bobs_headers', true)) SELECT public.pindah_pre_request() FROM h" },
	status => 200, ids => '11');
request('the pre-request again, with a token that is refused', 'GET /invoices',
	{ headers => { 'X-Pindah-Token' => $alice },
		after => qq(WITH h AS MATERIALIZED (SELECT set_config('request.headers', '{"x-pindah-token": "$forged"}', true)) SELECT public.pindah_pre_request() FROM h) },
	status => 401, code => 'bad_signature');
request('a role set afterwards has the same user', 'GET /rpc/whoami',
	{ headers => { 'X-Pindah-Token' => $alice }, after => 'SET LOCAL ROLE web_user' }, status => 200, user => 'user-1');

#
# Errors for functions of one's own
#
request('throttled', 'POST /rpc/refuse', { body => '{"reason": "throttled", "retry": 7}' },
	status => 429, code => 'throttled', headers => { 'retry-after' => qr/^7$/, 'www-authenticate' => undef })
  if slurp_file("$FindBin::Bin/../../src/verdict.h") =~ /TOKEN_THROTTLED/;
request('wrong password', 'POST /rpc/refuse', { body => '{"reason": "invalid_credentials", "retry": null}' },
	status => 401, code => 'invalid_credentials', headers => { 'retry-after' => undef, 'www-authenticate' => qr/^Bearer$/ });
request('missing permission', 'POST /rpc/refuse', { body => '{"reason": "missing_permission", "retry": null}' },
	status => 403, code => 'missing_permission', headers => { 'www-authenticate' => qr/^Bearer error="insufficient_scope"/ });
for my $reason (qw(malformed too_large unsupported_algorithm untrusted_issuer unknown_key bad_signature expired
	not_yet_valid wrong_audience wrong_type missing_claim invalid_claim untrusted_organisation revoked))
{
	request("the reason $reason", 'POST /rpc/refuse', { body => qq({"reason": "$reason", "retry": null}) },
		status => 401, code => $reason, headers => { 'www-authenticate' => $invalid });
}
request("no reason: $_", 'POST /rpc/refuse', { body => qq({"reason": $_, "retry": null}) }, status => 400, code => '22023')
  for 'null', '""', '"unknown"';

my @requests = @cases;
try_requests('prepared', $node, 'authenticator');
try_requests('unprepared', $node, 'authenticator', 'unprepared');
is($node->safe_psql('postgres', 'SELECT id, number FROM api.invoices ORDER BY id'), "1|S-1\n2|S-2\n11|H-1",
	'nothing was written that should not have been');

#
# Where identities could outlive a transaction, no request inherits one
#
@cases = ();
request('a session\'s identity is not the request\'s', 'GET /rpc/whoami',
	{ before => "SET pindah.token = '$bob'" }, status => 200, user => 'absent');
request('... nor the next one\'s', 'GET /rpc/whoami', {}, status => 200, user => 'absent');
request('... nor its rows', 'GET /invoices', {}, status => 200, ids => '');
request('... nor is it in the way of a token', 'GET /invoices', { headers => { 'X-Pindah-Token' => $alice } }, status => 200, ids => '1 2');
try_requests('session_identity on', $node, 'careless');

#
# Settings
#
@cases = ();
$node->safe_psql('postgres', q(ALTER ROLE authenticator SET pindah.anonymous_requests = off; ALTER ROLE authenticator SET pindah.cookie_name = 'erp'));
request('anonymous_requests = off', 'GET /rpc/whoami', {}, status => 401, code => 'missing_token', headers => { 'www-authenticate' => qr/^Bearer$/, 'set-cookie' => undef });
request('... the former cookie is not looked at', 'GET /rpc/whoami', { headers => \%cookie }, status => 401, code => 'missing_token');
request('... the cookie of another name is', 'GET /rpc/whoami', { headers => { Cookie => "erp=$alice" } }, status => 200, user => 'user-1');
request('... and cleared by its name', 'GET /rpc/whoami', { headers => { Cookie => "erp=$expired" } }, status => 401, code => 'expired', headers => { 'set-cookie' => qr/^erp=; Max-Age=0;/ });
try_requests('settings', $node, 'authenticator');
$node->safe_psql('postgres', q(ALTER ROLE authenticator RESET pindah.anonymous_requests; ALTER ROLE authenticator RESET pindah.cookie_name));

for my $bad (q(cookie_name = 'a b'), q(cookie_name = ''), q(cookie_name = 'a;b'), q(cookie_name = 'a=b'), qq(cookie_name = 'a\xc3\xa9'),
	map { "allowed_origins = '$_'" } 'app.example', 'https://app.example/', 'https://App.example', 'null', '*', 'https://', 'ftp://app.example', 'https://a.example https://b.example/x')
{
	my ($error) = run_sql($node, [ "LOAD 'pindah_auth'; SET pindah.$bad" ]);
	like($error->[1], qr/ERROR:  22023: invalid value for parameter "pindah\./, "refused: $bad");
}
for my $setting ("cookie_name = 'a'", "allowed_origins = 'https://evil.example'", 'anonymous_requests = on')
{
	for my $load ('', "SELECT pindah_whoami();")
	{
		my $err;
		$node->psql('postgres', "$load SET pindah.$setting; SELECT public.pindah_pre_request()",
			stderr => \$err, extra_params => [ '-U', 'authenticator' ], on_error_stop => 0);
		like($err, qr/permission denied to set parameter/, "a plain role cannot set pindah.$setting");
	}
}

#
# No request to answer
#
my @plain = run_sql($node, [
	[ 'BEGIN', "SELECT pindah_pre_request(), pindah_whoami()->>'reason'", 'COMMIT' ],
	"SELECT pindah_set_cookie('$alice')", 'SELECT pindah_clear_cookie()',
	"SELECT pindah_raise_http_error('expired')", "SELECT pindah_raise_http_error('missing_permission')", "SELECT pindah_raise_http_error('ambiguous_token')" ]);
is($plain[0][0], '|absent', 'without a request the pre-request signs nobody in');
like($plain[$_][1], qr/ERROR:  55000: there is no HTTP request to answer/, 'without a request there is no cookie') for 1, 2;
like($plain[3][1], qr/ERROR:  28000: token refused: the token has expired\nDETAIL:  reason: expired\nHINT:/, 'without a request a refusal is a plain 28000');
like($plain[4][1], qr/ERROR:  42501: the identity lacks a permission\nDETAIL:  reason: missing_permission\nHINT:/, '... or a plain 42501');
like($plain[5][1], qr/ERROR:  22023: the request carries two tokens/, '... or a plain 22023');

#
# A token that expires between the pre-request and the query: 28000, which
# PostgREST makes 403 of.  The next request gets its 401.
#
@cases = ();
my $ending = token(exp => time() - 28);
request('a token that expires in the middle of a request', 'GET /invoices',
	{ headers => { 'X-Pindah-Token' => $ending }, after => 'SELECT pg_catalog.pg_sleep(3)' }, status => 403, code => '28000', body => qr/reason: expired/);
request('... and the next request', 'GET /invoices', { headers => { 'X-Pindah-Token' => $ending } }, status => 401, code => 'expired');
try_requests('ending', $node, 'authenticator');

#
# A token that is taken back, on a connection that has verified it before
#
$node->safe_psql('postgres', <<"SQL");
CREATE FUNCTION api.take_back(jti text) RETURNS text VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	LANGUAGE sql BEGIN ATOMIC SELECT public.pindah_revoke_token('https://issuer.example', jti); SELECT 'taken'; END;
SQL
@cases = ();
my $lost = $carriers{cookie}->(token(jti => '"lost"'));
request('a token before it is taken back', 'GET /invoices', $lost, status => 200, ids => '1 2');
request('... taken back', 'POST /rpc/take_back', { headers => { 'X-Pindah-Token' => $alice }, body => '{"jti": "lost"}' }, status => 200);
request('... and after', 'GET /invoices', $lost, status => 401, code => 'revoked',
	headers => { 'www-authenticate' => $invalid, 'set-cookie' => $cleared });
request('... others go on', 'GET /invoices', { headers => { 'X-Pindah-Token' => $alice } }, status => 200, ids => '1 2');
try_requests('revoked', $node, 'authenticator');

#
# A hot standby
#
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
@cases = ();
for my $carrier (sort keys %carriers)
{
	request("$carrier: GET", 'GET /invoices', $carriers{$carrier}->($alice), status => 200, ids => '1 2');
	request("$carrier: RPC by POST, stable", 'POST /rpc/number_of_invoices', $carriers{$carrier}->($bob), status => 200, body => qr/^1$/);
	request("$carrier: refused", 'GET /invoices', $carriers{$carrier}->($forged), status => 401, code => 'bad_signature');
	request("$carrier: nobody is left", 'GET /rpc/whoami', {}, status => 200, user => 'absent');
}
try_requests('standby', $standby, 'authenticator');
$standby->stop;

#
# The real one
#
SKIP:
{
	my ($postgrest) = grep { -x } map { "$_/postgrest" } split /:/, $ENV{PATH};
	skip 'there is no postgrest on PATH', 1 unless defined $postgrest;

	my $port = PostgreSQL::Test::Cluster::get_free_port();
	my $config = PostgreSQL::Test::Utils::tempdir() . '/postgrest.conf';
	my $jwks = $json->encode({ keys => [ secret_jwk($secret, 'k') ] }) =~ s/"/\\"/gr;
	append_to_file($config, <<"CONF");
db-uri = "postgresql:///postgres?host=${\$node->host}&port=${\$node->port}&user=authenticator"
db-schemas = "api"
db-extra-search-path = "public"
db-anon-role = "web_anon"
db-pre-request = "public.pindah_pre_request"
db-pool = 1
jwt-secret = "$jwks"
jwt-role-claim-key = ".database_role"
server-host = "127.0.0.1"
server-port = $port
CONF
	my ($out, $err) = ('', '');
	my $server = start([ $postgrest, $config ], '<', \undef, '>', \$out, '2>', \$err);
	my $url = "http://127.0.0.1:$port";
	for (1 .. 100)
	{
		last if eval { (client([ { method => 'GET', path => '/invoices' } ], 'x', $url))[0]{status} == 200 };
		select undef, undef, undef, 0.1;
	}
	# Only what comes by HTTP; a token that PostgREST itself refuses in
	# Authorization never gets here.
	my @plain_http = grep {
		my ($request, $expected) = @{$_}[ 1, 2 ];
		!(grep { exists $request->{$_} } qw(settings before after isolation role))
		  && !(exists $request->{headers}{Authorization} && $expected->{status} != 200)
	} @requests;
	my @answers = client([ map { $_->[1] } @plain_http ], 'x', $url);
	is(difference($answers[$_], $plain_http[$_][2]), '', "postgrest: $plain_http[$_][0]") for 0 .. $#plain_http;
	$server->kill_kill;
}

my $log = slurp_file($node->logfile);
for my $token ($alice, $bob, $clerk, $expired, $forged)
{
	my ($signature) = (segments($token))[2];
	ok(index($log, $signature) < 0, 'no token is in the log');
}
unlike($log, qr/\Q$PindahTest::CANARY\E/, 'no claim is in the log');

$node->stop;
done_testing();
