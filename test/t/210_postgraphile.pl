# PostGraphile 5 as a thin API over HTTP, with tokens that npm's jose signs:
# two tenants over one pool of four connections, and what clients get to see
# of a token or a request that is refused.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../kit";
use IPC::Run qw(run start finish pump timeout);
use PindahTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $folder = "$FindBin::Bin/../clients/postgraphile";
system("$folder/prepare") == 0 or die 'PostGraphile could not be installed';

my $json = JSON::PP->new->utf8->canonical;
my ($school, $hardware) =
  ('7c9e6679-7425-40de-944b-e07fc1f90ae7', '1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed');
my $issuer = 'https://issuer.example';

#
# Tokens
#
sub job
{
	my (%claims) = @_;
	my $key = delete $claims{key} // 'k';
	return { alg => 'ES256', key => $key, header => { kid => 'k' }, claims => {
		iss => $issuer, sub => 'alice', OrganisationId => $school, exp => time() + 3600,
		note => $PindahTest::CANARY, Permission => [ 'accounting:invoices:view', 'accounting:invoices:create' ], %claims } };
}
my %jobs = (
	alice => job(), bob => job(sub => 'bob', OrganisationId => $hardware),
	clerk => job(sub => 'clerk', Permission => 'stock:items:view'),
	expired => job(exp => time() - 3600), forged => job(key => 'other', OrganisationId => $hardware));
my @names = sort keys %jobs;
my $minted = mint('jose', [ @jobs{@names} ]);
my %token;
@token{@names} = @{ $minted->{tokens} };

#
# The database
#
my $node = start_node('postgraphile');
$node->safe_psql('postgres', trust($issuer, public_jwks($minted, 'k')) . <<"SQL");
CREATE ROLE graphql;
CREATE ROLE graphile LOGIN NOINHERIT;
GRANT graphql TO graphile;
ALTER ROLE graphile SET pindah.session_identity = off;
ALTER ROLE graphile SET session_preload_libraries = 'pindah_auth';
CREATE SCHEMA erp;
GRANT USAGE ON SCHEMA erp TO graphql;
CREATE TABLE erp.invoices (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	"OrganisationId" uuid NOT NULL,
	number text NOT NULL);
CREATE TABLE erp.invoice_lines (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	invoice_id bigint NOT NULL REFERENCES erp.invoices,
	item text NOT NULL);
INSERT INTO erp.invoices ("OrganisationId", number)
	SELECT o::uuid, left(o, 1) || '-' || n FROM generate_series(1, 20) n, unnest('{$school, $hardware}'::text[]) o;
INSERT INTO erp.invoice_lines (invoice_id, item) SELECT id, 'line of ' || number FROM erp.invoices;
SELECT pindah_protect_table('erp.invoices', permission => 'accounting:invoices');
SELECT pindah_protect_table('erp.invoice_lines', parent => 'erp.invoices', foreign_key => 'invoice_id');
CREATE FUNCTION erp.who() RETURNS text STABLE LANGUAGE sql BEGIN ATOMIC SELECT pindah_user_id(); END;
CREATE FUNCTION erp.approve() RETURNS text VOLATILE LANGUAGE plpgsql
	AS \$\$ BEGIN PERFORM pindah_require_permission('accounting:invoices:approve'); RETURN 'done'; END \$\$;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA erp TO graphql;
SQL

#
# The API
#
my ($printed, $complaints) = ('', '');
my $url = 'postgresql:///postgres?host=' . $node->host . '&port=' . $node->port . '&user=graphile';
local $ENV{DATABASE_URL} = $url;
local $ENV{GRAPHILE_ENV} = 'production';
my $input = '';
my $server = start([ 'node', "$folder/server.mjs" ], '<', \$input, '>', \$printed, '2>', \$complaints, timeout(60));
pump $server until $printed =~ /^port (\d+)$/m || !$server->pumpable;
my ($port) = $printed =~ /^port (\d+)$/m or die "PostGraphile did not start: $complaints";

# Send requests at once: [authorization, query, variables].
sub ask
{
	my (@requests) = @_;
	my $in = $json->encode([ map { {
		defined $_->[0] ? (authorization => $_->[0]) : (), query => $_->[1], variables => $_->[2] // {} } } @requests ]);
	my ($out, $err) = ('', '');
	run([ 'node', "$folder/ask.mjs", "http://127.0.0.1:$port/graphql" ], \$in, \$out, \$err) or die "ask.mjs failed: $err";
	return @{ $json->decode($out) };
}

my $invoices = '{ who allInvoices { nodes { rowId organisationId number invoiceLinesByInvoiceId { nodes { item } } } } }';
my $create = 'mutation ($org: UUID!) { createInvoice(input: { invoice: { organisationId: $org, number: "new" } }) { invoice { organisationId } } }';
my $approve = 'mutation { approve(input: {}) { result } }';

# The only error of an answer, as code and reason.
sub error_of
{
	my ($answer) = @_;
	my @errors = @{ $answer->{body}{errors} // [] };
	return 'no error' unless @errors;
	my $extensions = $errors[0]{extensions} // {};
	return join ' ', $extensions->{code} // "masked: $errors[0]{message}", $extensions->{reason} // ();
}

# What an answer to $invoices shows: who, how many rows, of whom.
sub seen
{
	my ($answer) = @_;
	return error_of($answer) if $answer->{body}{errors};
	my $data = $answer->{body}{data};
	my %tenants;
	for my $row (@{ $data->{allInvoices}{nodes} })
	{
		$tenants{ $row->{organisationId} }++;
		# A line is found through its invoice, whose number it has.
		my @items = map { $_->{item} } @{ $row->{invoiceLinesByInvoiceId}{nodes} };
		$tenants{"items @items"}++ if "@items" ne "line of $row->{number}";
	}
	return join ' ', $data->{who} // 'nobody', map { "$_: $tenants{$_}" } sort keys %tenants;
}

#
# Refusals
#
my %refused = (
	"Bearer $token{expired}" => 'UNAUTHENTICATED expired',
	"Bearer $token{forged}" => 'UNAUTHENTICATED bad_signature',
	'Bearer nonsense' => 'UNAUTHENTICATED malformed',
	'Basic dXNlcjpwYXNz' => 'UNAUTHENTICATED malformed',
	'Bearer' => 'UNAUTHENTICATED malformed',
	"Bearer $token{alice} $token{bob}" => 'UNAUTHENTICATED malformed');
my @refused = sort keys %refused;
my @answers = ask(map { [ $_, $invoices ] } @refused);
for my $i (0 .. $#refused)
{
	my $name = substr $refused[$i], 0, 20;
	is(seen($answers[$i]), $refused{ $refused[$i] }, "refused: $name");
	ok(!grep({ defined } values %{ $answers[$i]{body}{data} // {} }), "... and nothing of the answer is there: $name");
}
my $said = $json->encode(\@answers);
ok(index($said, (segments($token{$_}))[2]) < 0, "no answer shows the $_ token") for qw(expired forged);
unlike($said, qr/\Q$PindahTest::CANARY\E/, 'no answer shows a claim');

is(seen(ask([ undef, $invoices ])), 'nobody', 'without a token there is nobody, and no rows');
is(seen(ask([ "Bearer $token{clerk}", $invoices ])), 'clerk', 'without the permission there are no rows');
my $forbidden = (ask([ "Bearer $token{clerk}", $create, { org => $school } ]))[0];
is(error_of($forbidden), 'FORBIDDEN', '... and nothing is written');
is(error_of(ask([ "Bearer $token{alice}", $create, { org => $hardware } ])), 'FORBIDDEN', 'nothing is written for another tenant');
is(error_of(ask([ "Bearer $token{alice}", $approve ])), 'FORBIDDEN', 'a function that requires a permission');
is(error_of(ask([ undef, $create, { org => $school } ])), 'FORBIDDEN', 'nothing is written by nobody');
like(error_of(ask([ "Bearer $token{alice}", 'mutation { deleteInvoiceByRowId(input: { rowId: "2" }) { deletedInvoiceNodeId } }' ])),
	qr/^masked/, "another tenant's row is not there to be deleted");
is($node->safe_psql('postgres', 'SELECT count(*) FROM erp.invoices'), '40', 'nothing was written');

is(seen(ask([ "Bearer $token{alice}", $invoices ])), "alice $school: 20", 'one tenant');
is(seen(ask([ "bearer  $token{bob}", $invoices ])), "bob $hardware: 20", 'the other');
my $created = (ask([ "Bearer $token{alice}", $create, { org => $school } ]))[0];
is($created->{body}{data}{createInvoice}{invoice}{organisationId}, $school, 'a row is written for the own tenant') or diag($json->encode($created));
$node->safe_psql('postgres', q(DELETE FROM erp.invoices WHERE number = 'new'));

#
# Both tenants, strangers and nobody, 50 at once over four connections
#
my @wanted = (
	[ "Bearer $token{alice}", "alice $school: 20" ], [ "Bearer $token{bob}", "bob $hardware: 20" ],
	[ "Bearer $token{alice}", "alice $school: 20" ], [ "Bearer $token{bob}", "bob $hardware: 20" ],
	[ "Bearer $token{alice}", "alice $school: 20" ], [ "Bearer $token{bob}", "bob $hardware: 20" ],
	[ undef, 'nobody' ], [ "Bearer $token{forged}", 'UNAUTHENTICATED bad_signature' ],
	[ "Bearer $token{clerk}", 'clerk' ], [ "Bearer $token{expired}", 'UNAUTHENTICATED expired' ]);
for my $round (1 .. 4)
{
	my @asked = map { $wanted[ $_ % @wanted ] } 0 .. 49;
	my @got = map { seen($_) } ask(map { [ $_->[0], $invoices ] } @asked);
	my @wrong = grep { $got[$_] ne $asked[$_][1] } 0 .. $#asked;
	is(scalar @wrong, 0, "round $round: each of 50 requests at once has its own tenant's rows")
	  or diag("$asked[$wrong[0]][1] saw $got[$wrong[0]]");
}
cmp_ok($node->safe_psql('postgres', q(SELECT count(*) FROM pg_stat_activity WHERE usename = 'graphile')),
	'<=', 5, '... over four connections, and perhaps one that listens');

#
# What is left behind
#
finish $server;
my $log = slurp_file($node->logfile);
for my $name (@names)
{
	my $signature = (segments($token{$name}))[2];
	ok(index($log, $signature) < 0, "the $name token is not in the server's log");
	ok(index($complaints, $signature) < 0, "... nor in that of the API");
}
unlike("$log$complaints", qr/\Q$PindahTest::CANARY\E/, 'no claim is in a log');

# The documentation shows the preset that was tried here.
my ($shown) = slurp_file("$FindBin::Bin/../../doc/postgraphile.md") =~ /^```js\n(.*?)^```$/ms;
is($shown // '', slurp_file("$folder/preset.mjs"), 'doc/postgraphile.md shows this preset');

$node->stop;
done_testing();
