# Expiry is enforced at every use, against the start of the statement.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../kit";
use PindahTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $secret = new_secret();
my $node = start_node('expiry', "pindah.clock_skew = 0\n");
$node->safe_psql('postgres', trust('https://issuer.example', [ secret_jwk($secret, 'k') ]) . <<'SQL');
CREATE ROLE app LOGIN;
CREATE TABLE t (id integer, "OrganisationId" text NOT NULL);
INSERT INTO t SELECT g, 'organisation-' || g % 2 FROM generate_series(1, 1000) g;
GRANT ALL ON t TO app;
SELECT pindah_protect_table('t');
CREATE FUNCTION later(seconds float) RETURNS text LANGUAGE plpgsql AS
	$$ BEGIN PERFORM pg_sleep(seconds); RETURN pindah_user_id(); END $$;
CREATE FUNCTION asked() RETURNS text LANGUAGE plpgsql AS
	$$ BEGIN RETURN pindah_user_id() || pindah_has_permission('a:b:c'); END $$;
SQL

my $lifetime = 4;
my $token = hmac_token($secret, '{"alg":"HS256"}', claims(exp => time() + $lifetime));
my @results = run_sql($node, [
	"SET pindah.token = '$token'",
	'SELECT pindah_user_id(), count(*) FROM t',
	'PREPARE p AS SELECT count(*), pindah_user_id() FROM t',
	[ "SET plan_cache_mode = force_generic_plan", 'EXECUTE p' ],
	[ 'BEGIN', 'DECLARE c CURSOR FOR SELECT id FROM t', 'FETCH 1 FROM c', 'SELECT asked()', "SELECT later($lifetime)" ],
	# From here on the token has expired; still the same transaction.
	'SAVEPOINT s',
	[ 'SELECT pindah_user_id()', 'ROLLBACK TO s' ],
	[ "SELECT pindah_has_permission('a:b:c')", 'ROLLBACK TO s' ],
	[ 'SELECT asked()', 'ROLLBACK TO s' ],
	[ 'SELECT count(*) FROM t', 'ROLLBACK TO s' ],
	[ "INSERT INTO t (id) VALUES (1)", 'ROLLBACK TO s' ],
	[ 'EXECUTE p', 'ROLLBACK TO s' ],
	"SELECT current_setting('pindah.user_id') = ''",
	"SELECT pindah_whoami()->>'reason'",
	[ 'FETCH 1 FROM c', 'ROLLBACK' ],
	'SELECT pindah_user_id()',
	"SET pindah.token = '$token'",
	"SELECT reason FROM pindah_inspect_jwt('$token')",
	'RESET pindah.token',
	'SELECT pindah_user_id() IS NULL' ],
	setup => "SET ROLE app;\n");

like($results[0][1], qr/^$/, 'the token is taken while it is good');
is($results[1][0], 'user-1|500', 'and the identity in force');
is($results[3][0], '500|user-1', 'a prepared statement answers');
like($results[4][0], qr/^user-1false\nuser-1$/m, 'a statement that began in time is answered to its end');
my %use = (6 => 'an accessor', 7 => 'pindah_has_permission', 8 => 'a call site in PL/pgSQL that answered before',
	9 => 'a policy', 10 => 'a policy at INSERT', 11 => 'a prepared generic plan', 15 => 'the next transaction');
for my $use (sort { $a <=> $b } keys %use)
{
	like($results[$use][1], qr/ERROR:  28000: .*expired.*DETAIL:  reason: expired.*HINT/s, "expired: $use{$use} raises 28000");
}
is($results[12][0], 't', 'expired: the settings read as empty');
is($results[13][0], 'expired', 'expired: pindah_whoami tells');
like($results[14][1], qr/ERROR:  28000.*reason: expired/s, 'expired: a cursor of before does not go on');
like($results[16][1], qr/ERROR:  28000.*reason: expired/s, 'expired: the token is refused, though it was verified before');
is($results[17][0], 'expired', 'expired: so says pindah_inspect_jwt');
is($results[19][0], 't', 'cleared: there is nobody');

# The skew works for the token, at both ends and in use.
$token = hmac_token($secret, '{"alg":"HS256"}', claims(exp => time() - 10, nbf => time() + 10, iat => time() + 10));
my ($out) = run_sql($node, [ [ 'SET pindah.clock_skew = 20', "SET pindah.token = '$token'", 'SELECT pindah_user_id()' ] ]);
is($out->[0], 'user-1', 'clock_skew: ten seconds off at both ends');
@results = run_sql($node, [ [ 'SET pindah.clock_skew = 20', "SET pindah.token = '$token'" ], [ 'SET pindah.clock_skew = 1', 'SELECT pindah_user_id()' ] ]);
like($results[1][1], qr/28000.*reason: (expired|not_yet_valid)/s, 'clock_skew: a change of the setting counts at once');

# A procedure that commits is one statement of the client.
$token = hmac_token($secret, '{"alg":"HS256"}', claims(exp => time() + 2));
@results = run_sql($node, [
	"SET pindah.token = '$token'",
	"DO \$\$ BEGIN PERFORM pg_sleep(2.1); COMMIT; RAISE NOTICE 'still %', pindah_user_id(); END \$\$",
	'SELECT pindah_user_id()' ]);
like($results[1][1], qr/still user-1/, 'a statement that commits inside is one statement');
like($results[2][1], qr/28000.*reason: expired/s, 'and the next one is another');

$node->stop;
done_testing();
