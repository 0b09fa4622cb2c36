# A Citus cluster of a coordinator and two workers: an identity taken on in the
# coordinator is verified once more by each worker, whose policies decide.  Runs
# where Citus is installed; what can be tested without it is in
# test/t/260_citus.pl.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../kit";
use PindahTest;
use PostgreSQL::Test::Utils;
use Test::More;

chomp(my $libraries = `$ENV{PG_CONFIG} --pkglibdir`);
plan skip_all => 'Citus is not installed' unless -e "$libraries/citus.so";

my $secret = new_secret();
my $issuer = 'https://issuer.example';
my %token = map { my $tenant = $_;
	$tenant => hmac_token($secret, '{"alg":"HS256","kid":"k"}', claims(OrganisationId => $tenant, sub => qq("user-$tenant"))) } 1 .. 8;

# Trust on every node, and the extension.
my @nodes = map {
	my $node = PostgreSQL::Test::Cluster->new($_);
	$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
	$node->append_conf('postgresql.conf', <<"CONF");
shared_preload_libraries = 'citus,pindah_auth'
listen_addresses = '127.0.0.1'
citus.propagate_set_commands = 'local'
citus.node_conninfo = 'sslmode=prefer'
CONF
	$node->append_conf('pg_hba.conf', 'host all all 127.0.0.1/32 trust');
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION citus; CREATE EXTENSION pindah_auth;' . trust($issuer, [ secret_jwk($secret, 'k') ]));
	$node;
} qw(coordinator worker1 worker2);
my $coordinator = $nodes[0];
$coordinator->safe_psql('postgres', "SELECT citus_set_coordinator_host('127.0.0.1', " . $coordinator->port . ')');
$coordinator->safe_psql('postgres', "SELECT citus_add_node('127.0.0.1', " . $_->port . ')') for @nodes[ 1, 2 ];

$coordinator->safe_psql('postgres', <<'SQL');
CREATE ROLE app LOGIN;
CREATE TABLE invoices ("OrganisationId" bigint NOT NULL, id bigint, amount numeric, PRIMARY KEY ("OrganisationId", id));
SELECT pindah_protect_table('invoices');
SELECT create_distributed_table('invoices', 'OrganisationId');
INSERT INTO invoices SELECT tenant, id, id FROM generate_series(1, 8) tenant, generate_series(1, 10) id;
GRANT SELECT, INSERT, UPDATE, DELETE ON invoices TO app;
SQL

# What app gets to see, as "rows|tenants".
sub seen
{
	my ($taking, $err) = @_;
	my $out;
	$coordinator->psql('postgres', "BEGIN; $taking; SELECT 'seen ' || count(*) || '|' || count(DISTINCT \"OrganisationId\") FROM invoices; COMMIT",
		extra_params => [ '-U', 'app' ], stdout => \$out, stderr => \$err, on_error_stop => 0);
	return $out =~ /^seen (.*)$/m ? $1 : "nothing: $err";
}

is(seen('SELECT 1'), '0|0', 'nobody sees no rows');
is(seen("SELECT set_config('pindah.token', '$token{1}', true)"), '0|0', 'a setting that Citus does not propagate shows no rows');
for my $tenant (1 .. 8)
{
	is(seen("SELECT count(pindah_verify_jwt('$token{$tenant}'))"), '10|1', "tenant $tenant sees its own rows");
	is(seen("SET LOCAL pindah.token = '$token{$tenant}'"), '10|1', "... and by SET LOCAL");
}
my ($out, $err);
$coordinator->psql('postgres', "BEGIN; SELECT count(pindah_verify_jwt('$token{1}')); INSERT INTO invoices VALUES (2, 99, 1)",
	extra_params => [ '-U', 'app' ], stderr => \$err);
like($err, qr/row-level security/, 'a row of another tenant is not written');
is(seen('SELECT 1'), '0|0', 'at COMMIT all nodes have forgotten');

# A node that does not trust refuses, without the token in its error.
$nodes[1]->safe_psql('postgres', "SELECT pindah_distrust_issuer('$issuer')");
$coordinator->psql('postgres', "BEGIN; SELECT count(pindah_verify_jwt('$token{1}')); SELECT count(*) FROM invoices",
	extra_params => [ '-U', 'app' ], stdout => \$out, stderr => \$err);
like($err, qr/not trusted/, 'a worker without the trust refuses');
is(index($err, $token{1}), -1, '... and does not tell the token');

$_->stop for @nodes;
done_testing();
