# Trust that comes, goes and travels: other sessions, a standby, dumps, the
# extension dropped and created, tables that somebody else has put there.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../kit";
use PindahTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $secret = new_secret();
my $issuer = 'https://issuer.example';
my $token = hmac_token($secret, '{"alg":"HS256","kid":"k"}', claims());
my $trust = trust($issuer, [ secret_jwk($secret, 'k') ]);
my $judge = "SELECT coalesce(reason, 'valid') FROM pindah_inspect_jwt('$token')";
my $who = "SELECT pindah_user_id()";

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->start;

#
# Tables of the same names that are not the extension's
#
$node->safe_psql('postgres', 'CREATE ROLE mallory LOGIN; GRANT CREATE ON DATABASE postgres TO mallory');
my $key = sql_text(JSON::PP->new->encode(secret_jwk($secret, 'k')));
my $fake = <<"SQL";
CREATE SCHEMA pindah;
CREATE TABLE pindah.issuers (issuer text, audience text[], organisations text[], claim_map jsonb);
CREATE TABLE pindah.keys (issuer text, kid text, state text, jwk jsonb);
INSERT INTO pindah.issuers VALUES ('$issuer');
INSERT INTO pindah.keys VALUES ('$issuer', 'k', 'active', $key);
SQL
my $err;
$node->psql('postgres', "$fake LOAD '\$libdir/pindah_auth'; SET pindah.token = '$token'; SHOW pindah.user_id",
	extra_params => [ '-U', 'mallory' ], stderr => \$err, on_error_stop => 0);
like($err, qr/access to file .* is not allowed|access to library .* is not allowed|permission denied/, 'a plain role cannot load the library by its path');
$node->safe_psql('postgres', "ALTER ROLE mallory SET session_preload_libraries = 'pindah_auth'");
my $out;
$node->psql('postgres', "SET pindah.token = '$token'; SHOW pindah.user_id",
	extra_params => [ '-U', 'mallory' ], stdout => \$out, stderr => \$err, on_error_stop => 0);
like($err, qr/token refused: the issuer of the token is not trusted/, 'tables that only look like the extension\'s are trusted in nothing');
is($out, '', '... and nobody is signed in');
$node->psql('postgres', 'CREATE EXTENSION pindah_auth', stderr => \$err);
like($err, qr/schema "pindah" already exists/, 'the extension does not move into a schema that is there');
$node->safe_psql('postgres', 'DROP SCHEMA pindah CASCADE; ALTER ROLE mallory RESET session_preload_libraries; CREATE EXTENSION pindah_auth');

#
# Another session's changes, while this one stays
#
$node->safe_psql('postgres', $trust);
my $session = $node->background_psql('postgres', on_error_stop => 0);
my $reply = sub { return $session->query_safe($_[0]) };
$reply->("SET pindah.token = '$token'");
is($reply->($who), 'user-1', 'a session takes a token');
$node->safe_psql('postgres', "UPDATE pindah.issuers SET claim_map = '{\"user_id\": \"note\"}'");
is($reply->($who), $PindahTest::CANARY, 'another session changes the claim map: the identity follows');
$node->safe_psql('postgres', 'UPDATE pindah.issuers SET claim_map = NULL');
$node->safe_psql('postgres', 'DROP EXTENSION pindah_auth');
is($reply->("SHOW pindah.user_id"), '', 'the extension is dropped: nobody is signed in');
$node->safe_psql('postgres', "CREATE EXTENSION pindah_auth; $trust");
is($reply->($who), 'user-1', 'created again, with the same trust: signed in again');
$node->safe_psql('postgres', "BEGIN; SELECT pindah_revoke_key('$issuer', 'k'); ROLLBACK");
is($reply->($who), 'user-1', 'a revocation that was rolled back does not count');

#
# A standby
#
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
my $reader = $standby->background_psql('postgres', on_error_stop => 0);
$reader->query_safe("SET pindah.token = '$token'");
is($reader->query_safe($who), 'user-1', 'a hot standby verifies tokens');
is($reader->query_safe("BEGIN ISOLATION LEVEL REPEATABLE READ; $who"), 'user-1', '... in a transaction');
$node->safe_psql('postgres', "SELECT pindah_revoke_key('$issuer', 'k')");
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is($reader->query_safe("SELECT pindah_whoami()->>'reason'"), 'revoked', 'a revocation holds there as soon as it is replayed, in the middle of a transaction');
$reader->query_safe('ROLLBACK');
is($standby->safe_psql('postgres', $judge), 'revoked', '... and for new sessions');
$node->safe_psql('postgres', "UPDATE pindah.keys SET state = 'active'");
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is($reader->query_safe($who), 'user-1', 'trust given back is replayed as well');
$standby->promote;
is($reader->query_safe($who), 'user-1', 'a promoted standby goes on');
$reader->quit;
$standby->stop;
$session->quit;

#
# Dump and restore
#
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE doc (id integer, "OrganisationId" text NOT NULL);
INSERT INTO doc VALUES (1, 'organisation-1'), (2, 'organisation-2');
CREATE ROLE app LOGIN; GRANT SELECT ON doc TO app;
SELECT pindah_protect_table('doc');
SELECT pindah_trust_issuer('other', audience => '{a,b}', organisations => '{7}', claim_map => '{"email": "mail"}');
SQL
my $dump = $node->basedir . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, 'postgres' ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '-q', '-d', 'restored', '-f', $dump ], 'restored');
for my $what ('SELECT issuer, audience, organisations, claim_map, created_at FROM pindah.issuers ORDER BY issuer',
	'SELECT * FROM pindah.keys', 'SELECT polname, pg_get_expr(polqual, polrelid), obj_description(oid, \'pg_policy\') FROM pg_policy ORDER BY polname')
{
	is($node->safe_psql('restored', $what), $node->safe_psql('postgres', $what), "the same after it: $what");
}
is($node->safe_psql('restored', "SET ROLE app; SET pindah.token = '$token'; SELECT id FROM doc"), '1', 'a restored database believes the same tokens and shows the same rows');
like(slurp_file($dump), qr/\Q@{[ secret_jwk($secret, 'k')->{k} ]}\E/, 'a dump holds HMAC secrets, as the documentation says');
is($node->safe_psql('restored', "SELECT count(*) FROM pg_trigger WHERE tgrelid IN ('pindah.issuers'::regclass, 'pindah.keys'::regclass) AND NOT tgisinternal AND tgenabled = 'A'"), '4', 'the triggers fire ALWAYS');

#
# Logical replication applies rows, not statements
#
$node->safe_psql('postgres', "ALTER SYSTEM SET wal_level = logical");
$node->restart;
my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$subscriber->start;
$subscriber->safe_psql('postgres', 'CREATE EXTENSION pindah_auth');
$node->safe_psql('postgres', 'CREATE PUBLICATION trust FOR TABLE pindah.issuers, pindah.keys, pindah.revocations');
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION trust CONNECTION " . sql_text($node->connstr("postgres")) . " PUBLICATION trust");
$subscriber->wait_for_subscription_sync($node, 'trust') if $subscriber->can('wait_for_subscription_sync');
$subscriber->poll_query_until('postgres', 'SELECT count(*) = 1 FROM pindah.keys');
$session = $subscriber->background_psql('postgres', on_error_stop => 0);
$session->query_safe("SET pindah.token = '$token'");
is($session->query_safe($who), 'user-1', 'replicated trust is believed');
$node->safe_psql('postgres', "SELECT pindah_revoke_key('$issuer', 'k')");
$node->wait_for_catchup('trust');
is($session->query_safe("SELECT pindah_whoami()->>'reason'"), 'revoked', 'a replicated revocation reaches sessions');
$node->safe_psql('postgres', "UPDATE pindah.keys SET state = 'active'");
$node->wait_for_catchup('trust');
is($session->query_safe($who), 'user-1', '... and a key that is given back');
$node->safe_psql('postgres', "SELECT pindah_revoke_user('$issuer', 'user-1')");
$node->wait_for_catchup('trust');
is($session->query_safe("SELECT pindah_whoami()->>'detail'"), 'the tokens of the user have been revoked', '... and a user who is revoked');
$node->safe_psql('postgres', 'DELETE FROM pindah.revocations');
$node->wait_for_catchup('trust');
is($session->query_safe($who), 'user-1', '... until the entry is gone');
$session->quit;
$subscriber->stop;

$node->stop;
done_testing();
