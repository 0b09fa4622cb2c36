# pg_upgrade to a newer major version: trust, revocations, signing keys and
# protected tables come along, and go on as they were.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../kit";
use PindahTest;
use PostgreSQL::Test::Utils;
use Test::More;

# Only the older server needs these, and would not find them.
$ENV{LD_LIBRARY_PATH} = $ENV{OLD_LIBRARIES};

my $secret = new_secret();
my $issuer = 'https://issuer.example';
my %token = map { my ($user, $tenant) = @$_;
	$user => hmac_token($secret, '{"alg":"HS256","kid":"k"}',
		claims(sub => qq("$user"), OrganisationId => qq("$tenant"), iat => time() - 60, Permission => '"accounting:invoices:view"')) }
	[ ann => 'a' ], [ bob => 'b' ], [ eve => 'a' ];

my $old = PostgreSQL::Test::Cluster->new('old', install_path => $ENV{OLD_INSTALL});
my @init = (extra => [ '--encoding=UTF8', '--locale=C' ]);
$old->init(@init);
$old->start;
$old->safe_psql('postgres', 'CREATE ROLE app LOGIN; CREATE EXTENSION pindah_auth;' . trust($issuer, [ secret_jwk($secret, 'k') ], audience => undef) . <<"SQL");
ALTER DATABASE postgres SET session_preload_libraries = 'pindah_auth';
ALTER ROLE app SET pindah.session_identity = on;
CREATE TABLE invoices (id integer PRIMARY KEY, organisation_id text NOT NULL);
INSERT INTO invoices SELECT i, CASE i % 2 WHEN 0 THEN 'a' ELSE 'b' END FROM generate_series(1, 10) i;
GRANT SELECT, INSERT ON invoices TO app;
SELECT pindah_protect_table('invoices', permission => 'accounting:invoices');
CREATE TABLE sales (id integer, organisation_id text NOT NULL) PARTITION BY LIST (organisation_id);
CREATE TABLE sales_a PARTITION OF sales FOR VALUES IN ('a');
INSERT INTO sales VALUES (1, 'a');
GRANT SELECT ON sales, sales_a TO app;
SELECT pindah_protect_table('sales');
SELECT pindah_revoke_user('$issuer', 'eve');
SELECT pindah_trust_issuer('signer');
SELECT pindah_create_key('signer');
SQL
my $signed = $old->safe_psql('postgres', q(SELECT pindah_issue_jwt('{"sub": "sam", "OrganisationId": "b", "Permission": "accounting:invoices:view"}', '1 hour', 'signer')));
$token{sam} = $signed;

# What a server says of trust, tables and tokens.
sub told_by
{
	my ($node) = @_;
	my %answers;
	for my $what ('SELECT * FROM pindah.issuers ORDER BY 1', 'SELECT * FROM pindah.keys ORDER BY 1, 2', 'SELECT * FROM pindah.revocations ORDER BY 1, 2, 3',
		q(SELECT polrelid::regclass, polname, polcmd, polpermissive, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid), obj_description(oid, 'pg_policy') FROM pg_policy ORDER BY 1, 2),
		'SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class WHERE relrowsecurity ORDER BY 1',
		q(SELECT setconfig FROM pg_db_role_setting ORDER BY 1),
		q(SELECT extname, extversion, extconfig::regclass[] FROM pg_extension WHERE extname = 'pindah_auth'),
		q(SELECT tgrelid::regclass, tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2),
		q(SELECT evtname, evtenabled FROM pg_event_trigger))
	{
		$answers{$what} = $node->safe_psql('postgres', $what);
	}
	for my $user (sort keys %token)
	{
		my ($out, $err) = ('', '');
		$node->psql('postgres', "SET pindah.token = '$token{$user}'; SELECT pindah_user_id(), (SELECT array_agg(id ORDER BY id) FROM invoices), (SELECT count(*) FROM sales), (SELECT count(*) FROM sales_a)",
			extra_params => [ '-U', 'app' ], stdout => \$out, stderr => \$err);
		$answers{$user} = $out . ($err =~ /(reason: \w+)/ ? $1 : '');
	}
	return \%answers;
}
my $before = told_by($old);
like($before->{ann}, qr/^ann\|\{2,4,6,8,10\}\|1\|1$/, 'before: a user sees the rows of the tenant');
like($before->{sam}, qr/^sam\|\{1,3,5,7,9\}\|0\|0$/, '... with a token that was signed here, too');
is($before->{eve}, 'reason: revoked', '... a revoked one sees nothing');
$old->stop;

my $new = PostgreSQL::Test::Cluster->new('new');
$new->init(@init);
chdir ${PostgreSQL::Test::Utils::tmp_check};
command_ok(
	[ 'pg_upgrade', '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', "$ENV{OLD_INSTALL}/bin", '-B', $new->config_data('--bindir'),
		'-s', $new->host, '-p', $old->port, '-P', $new->port ], 'pg_upgrade');
$new->start;
my $after = told_by($new);
is($after->{$_}, $before->{$_}, "the same after it: $_") for sort keys %$before;

my ($out, $err) = ('', '');
$new->psql('postgres', "SET pindah.token = '$token{ann}'; INSERT INTO invoices VALUES (100, 'b')", extra_params => [ '-U', 'app' ], stderr => \$err);
like($err, qr/row-level security/, 'a row of another tenant is not written');
$new->safe_psql('postgres', "SELECT pindah_revoke_user('$issuer', 'bob')");
is($new->safe_psql('postgres', "SELECT reason FROM pindah_inspect_jwt('$token{bob}')"), 'revoked', 'revocation goes on');
$new->safe_psql('postgres', q(SELECT pindah_rotate_key('signer')));
is($new->safe_psql('postgres', "SELECT valid FROM pindah_inspect_jwt('$token{sam}')"), 't', 'a key that came along retires in order');
is($new->safe_psql('postgres', q(SELECT valid FROM pindah_inspect_jwt(pindah_issue_jwt('{"sub": "sam"}', '1 hour', 'signer')))), 't', '... and its successor signs');
$new->safe_psql('postgres', "CREATE TABLE sales_b PARTITION OF sales FOR VALUES IN ('b'); GRANT SELECT ON sales_b TO app");
is($new->safe_psql('postgres', "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE relname = 'sales_b'"), 't', 'a partition that comes later is protected');

$new->stop;
done_testing();
