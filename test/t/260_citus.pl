# What is done where Citus is: the token is sent on by a statement, once, quoted
# rightly, and only when it is good.  Citus itself is not needed: an entry in
# pg_extension stands for it, and pg_stat_statements tells what was run.
# test/citus has what needs the real one.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../kit";
use PindahTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $secret = new_secret();
my $issuer = 'https://issuer.example';
# With a space in front, it does not begin as tokens do that are kept out of
# pg_stat_statements.
my $token = hmac_token($secret, ' {"alg":"HS256","kid":"k"}', claims());
my $forged = hmac_token(new_secret(), '{"alg":"HS256","kid":"k"}', claims());

my $node = start_node('citus', "shared_preload_libraries = 'pg_stat_statements'\npg_stat_statements.track = all\n");
$node->safe_psql('postgres', 'CREATE EXTENSION pg_stat_statements; CREATE ROLE app LOGIN;' . trust($issuer, [ secret_jwk($secret, 'k') ]));

# Statements of a transaction as app, and the SET LOCALs that they led to.
sub statements_of
{
	my ($sql, $citus) = @_;
	my ($out, $err) = ('', '');
	$node->safe_psql('postgres', 'SELECT pg_stat_statements_reset()');
	$node->psql('postgres', ($citus ? "SET citus.propagate_set_commands = 'local';" : '') . "BEGIN; $sql; COMMIT",
		extra_params => [ '-U', 'app' ], stdout => \$out, stderr => \$err, on_error_stop => 0);
	my $ran = $node->safe_psql('postgres', "SELECT calls, query FROM pg_stat_statements WHERE query LIKE 'SET LOCAL pindah.token%'");
	return ($ran, $err, $out);
}

my ($ran, $err, $out) = statements_of("SELECT pindah_verify_jwt('$token')", 1);
is($ran, '', 'a setting of Citus that anybody can make does not stand for Citus');
$node->safe_psql('postgres', <<'SQL');
SET allow_system_table_mods = on;
INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
	SELECT 999999, 'citus', 10, oid, false, '0' FROM pg_namespace WHERE nspname = 'pg_catalog';
SQL
($ran) = statements_of("SELECT pindah_verify_jwt('$token')", 0);
is($ran, '', 'nor does the extension, where its library is not loaded');

($ran, $err, $out) = statements_of("SELECT pindah_verify_jwt('$forged')", 1);
is($ran, '', 'a forged token is not sent on');
like($err, qr/token refused: the signature/, '... but refused as ever');
unlike($err, qr/CONTEXT|\Q$forged\E/, '... without its text');

($ran, $err, $out) = statements_of("SELECT count(pindah_verify_jwt('$token')); SELECT pindah_user_id()", 1);
# From 18 on pg_stat_statements shows no constants of such a statement.
my $shown = $node->pg_version >= 18 ? '$1' : "'$token'";
is($ran, "1|SET LOCAL pindah.token = $shown", 'a good one is, by a statement that Citus propagates');
is($err, '', '... which says nothing');
like($out, qr/^user-1$/m, '... and the identity is there');
($ran) = statements_of("SELECT pindah_verify_jwt('$token', false); RESET pindah.token", 1);
is($ran, '', 'not for the session: Citus propagates no SET');
($ran, $err) = statements_of("SAVEPOINT s; SELECT pindah_verify_jwt('$token'); ROLLBACK TO s; SELECT 1 / (pindah_user_id() IS NULL)::int", 1);
is($err, '', 'a rolled back savepoint takes it back');
($ran, $err) = statements_of("SELECT pindah_verify_jwt('a''b\\c')", 1);
is($ran, '', 'what is no token never gets into a statement');
($ran, $err) = statements_of("SET TRANSACTION READ ONLY; SELECT count(pindah_verify_jwt('$token')); SELECT pindah_user_id()", 1);
is($err, '', 'works in a READ ONLY transaction');

$node->safe_psql('postgres', "SET allow_system_table_mods = on; DELETE FROM pg_extension WHERE extname = 'citus'");
$node->stop;
done_testing();
