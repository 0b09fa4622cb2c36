# What a session keeps does not pass from one principal to the next: temporary
# objects, cursors WITH HOLD, lastval(), settings of the application, LISTEN.
# Each is shown to leak with pindah.session_state = keep, and not to otherwise.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../kit";
use PindahTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $secret = new_secret();
my $node = start_node('session_state', "session_preload_libraries = 'pindah_auth'\n");

sub token
{
	my ($organisation, @more) = @_;
	return hmac_token($secret, '{"alg":"HS256"}',
		claims(sub => qq("user of $organisation"), OrganisationId => qq("$organisation"), @more));
}
my ($ann, $bob) = (token('a'), token('b'));
my $ann_again = token('a', jti => '"another"', exp => time() + 7200);
my $ann_with_less = token('a', Permission => '["stock:items:view"]');

$node->safe_psql('postgres', trust('https://issuer.example', [ secret_jwk($secret, 'k') ]) . <<'SQL');
CREATE ROLE app LOGIN;
CREATE ROLE pool LOGIN;
ALTER ROLE pool SET pindah.session_identity = off;
CREATE TABLE notes (id integer, "OrganisationId" text NOT NULL, body text);
INSERT INTO notes VALUES (1, 'a', 'leak-of-a'), (2, 'a', 'leak-of-a, too'), (3, 'b', 'leak-of-b');
SELECT pindah_protect_table('notes');
CREATE SEQUENCE numbers START 4242;
CREATE FUNCTION bodies() RETURNS SETOF text LANGUAGE plpgsql AS
	$$ DECLARE r record; BEGIN FOR r IN SELECT body FROM notes LOOP RETURN NEXT r.body; END LOOP; END $$;
GRANT ALL ON notes TO app, pool;
GRANT USAGE ON SEQUENCE numbers TO app, pool;
SQL

# What a session is told, and the complaints.
my %policy_of;
sub session
{
	my ($role, $policy, @statements) = @_;
	$node->safe_psql('postgres', "ALTER ROLE $role SET pindah.session_state = $policy")
	  unless ($policy_of{$role} // '') eq $policy;
	$policy_of{$role} = $policy;
	my @results = run_sql($node, \@statements, setup => "\\connect - $role\n");
	return join("\n", map { $_->[0] } @results), join("\n", map { $_->[1] } @results);
}

# Kind, what makes it, what reads it; what is found when it leaks.
my @leftovers = (
	[ 'a temporary table', 'CREATE TEMP TABLE kept AS SELECT body FROM notes', 'SELECT body FROM kept' ],
	[ 'a table of SELECT INTO TEMP', 'SELECT body INTO TEMP kept FROM notes', 'SELECT body FROM kept' ],
	[ 'a temporary table ON COMMIT PRESERVE ROWS',
		'CREATE TEMP TABLE kept (body text) ON COMMIT PRESERVE ROWS; INSERT INTO kept SELECT body FROM notes',
		'COPY kept TO STDOUT' ],
	[ 'a temporary view', q{DO $$ BEGIN EXECUTE (SELECT format('CREATE TEMP VIEW kept AS SELECT %L::text', min(body)) FROM notes); END $$},
		'SELECT * FROM kept' ],
	[ 'a temporary function',
		q{DO $$ BEGIN EXECUTE (SELECT format('CREATE FUNCTION pg_temp.kept() RETURNS text LANGUAGE sql AS %L', 'SELECT ' || quote_literal(min(body))) FROM notes); END $$},
		'SELECT pg_temp.kept()' ],
	[ 'a temporary type', q{DO $$ BEGIN EXECUTE (SELECT format('CREATE TYPE pg_temp.kept AS ENUM (%L)', min(body)) FROM notes); END $$},
		q{SELECT enum_first(NULL::pg_temp.kept)} ],
	[ 'a temporary sequence', 'CREATE TEMP SEQUENCE kept START 4242', q{SELECT nextval('kept')}, '4242' ],
	[ 'lastval()', q{SELECT nextval('numbers') AS used}, 'SELECT lastval() AS kept', '42\d\d' ],
	[ 'currval()', q{SELECT nextval('numbers') AS used}, q{SELECT currval('numbers') AS kept}, '42\d\d' ],
	[ 'a setting of the application', q{SELECT 1 FROM (SELECT set_config('app.kept', min(body), false) FROM notes) s},
		q{SELECT current_setting('app.kept')} ],
	[ 'a setting that is local and of the session', q{SELECT 1 FROM (SELECT set_config('app.kept', min(body), false) FROM notes) s; SET LOCAL app.kept = 'local'},
		q{SELECT current_setting('app.kept')} ],
	[ 'a cursor WITH HOLD over a temporary table',
		'CREATE TEMP TABLE gone ON COMMIT DROP AS SELECT body FROM notes; DECLARE kept CURSOR WITH HOLD FOR SELECT body FROM gone',
		'FETCH ALL FROM kept' ],
	[ 'a cursor WITH HOLD over a function that loops', 'DECLARE kept CURSOR WITH HOLD FOR SELECT * FROM bodies()', 'FETCH ALL FROM kept' ],
	[ 'a cursor WITH HOLD over claims', q{DECLARE kept CURSOR WITH HOLD FOR SELECT 'leak-of-' || pindah_organisation_id()}, 'MOVE 0 FROM kept; FETCH ALL FROM kept' ],
	[ 'the statement of a cursor WITH HOLD', q{DECLARE kept CURSOR WITH HOLD FOR SELECT 'leak-of-a'}, 'SELECT statement FROM pg_cursors' ],
);

# The ways in which a session changes hands: role, before, after.
my @changes = (
	[ 'session_identity = off', 'pool', "BEGIN; SET LOCAL pindah.token = '$ann'", 'COMMIT' ],
	[ 'session_identity = off, a session token', 'pool', "BEGIN; SET pindah.token = '$ann'", 'COMMIT' ],
	[ 'SET LOCAL', 'app', "BEGIN; SET LOCAL pindah.token = '$ann'", 'COMMIT' ],
	[ 'SET LOCAL over a session token', 'app', "SET pindah.token = '$bob'; BEGIN; SET LOCAL pindah.token = '$ann'", 'COMMIT' ],
	[ 'SET, SET', 'app', "SET pindah.token = '$ann'; BEGIN", "COMMIT; SET pindah.token = '$bob'" ],
	[ 'SET, RESET', 'app', "SET pindah.token = '$ann'; BEGIN", 'COMMIT; RESET pindah.token' ],
	[ 'pindah_clear_identity() in the same transaction', 'app', "SET pindah.token = '$ann'; BEGIN", 'SELECT; SELECT FROM pindah_clear_identity(); COMMIT' ],
	[ 'SET in a subtransaction', 'app', "BEGIN; SAVEPOINT s; SET LOCAL pindah.token = '$ann'; RELEASE s", 'COMMIT' ],
	[ 'rolled back to a savepoint', 'app', "BEGIN; SET LOCAL pindah.token = '$ann'", "SAVEPOINT s; SET LOCAL pindah.token = '$bob'; ROLLBACK TO s; COMMIT" ],
	[ 'another one in between, and back', 'app', "SET pindah.token = '$bob'; BEGIN; SET LOCAL pindah.token = '$ann'", "SET pindah.token = '$bob'; COMMIT" ],
);

for my $change (@changes)
{
	my ($how, $role, $before, $after) = @$change;
	for my $leftover (@leftovers)
	{
		my ($kind, $make, $read, $found) = @$leftover;
		$found //= 'leak-of-a';
		my ($told, $complaints) = session($role, 'discard', $before, $make, $after, "SELECT 'read'; $read");
		unlike($told, qr/read\n.*$found/s, "$how: $kind is gone");
		unlike($complaints, qr/^(?:psql:\S+ )?(?!.*(?:not exist|not yet defined|unrecognized))ERROR.*/m, '... and nothing else was complained of');
		next unless $how eq $changes[0][0] || $how eq $changes[2][0] || $how eq $changes[4][0];
		($told, $complaints) = session($role, 'keep', $before, $make, $after, "SELECT 'read'; $read");
		like($told, qr/read\n.*$found/s, "... it leaks with pindah.session_state = keep");
	}
}

my ($told, $complaints);
# Refused over protected tables, where it is seen at once.
for my $policy ('keep', 'discard')
{
	($told, $complaints) = session('pool', $policy, "BEGIN; SET LOCAL pindah.token = '$ann'",
		'DECLARE kept CURSOR WITH HOLD FOR SELECT body FROM notes', 'COMMIT', 'FETCH ALL FROM kept');
	unlike($told, qr/leak/, "session_identity = off, $policy: a cursor WITH HOLD over a protected table");
}
for my $change (@changes[ 2 .. 9 ])
{
	my ($how, $role, $before, $after) = @$change;
	($told) = session($role, 'discard', $before, 'DECLARE kept CURSOR WITH HOLD FOR SELECT body FROM notes', $after, 'FETCH ALL FROM kept');
	unlike($told, qr/leak/, "$how: a cursor WITH HOLD over a protected table");
}

#
# LISTEN: where the session changes hands
#
for my $change (@changes[ 0, 4, 5 ])
{
	my ($how, $role, $before, $after) = @$change;
	($told) = session($role, 'discard', $before, 'LISTEN orders', $after, 'SELECT pg_listening_channels()');
	unlike($told, qr/orders/, "$how: LISTEN is gone");
	($told) = session($role, 'keep', $before, 'LISTEN orders', $after, 'SELECT pg_listening_channels()');
	like($told, qr/orders/, '... it stays with keep');
}

#
# After a rollback
#
for my $change (@changes[ 0, 2, 3 ])
{
	my ($how, $role, $before) = @$change;
	($told, $complaints) = session($role, 'discard', $before, "SELECT nextval('numbers') AS used", 'ROLLBACK', "SELECT 'read'; SELECT lastval()");
	unlike($told, qr/read\n.*42\d\d/s, "$how: lastval() is gone after a rollback");
	($told) = session($role, 'keep', $before, "SELECT nextval('numbers') AS used", 'ROLLBACK', "SELECT 'read'; SELECT lastval()");
	like($told, qr/read\n.*42\d\d/s, '... it leaks with keep');
}

#
# After a commit that fails when everything is already taken away: it is all
# back, and so is whose it is
#
my $unprepared = "PREPARE TRANSACTION 'none'";
for my $in ("RESET pindah.token", "SET pindah.token = '$bob'", "SET LOCAL pindah.token = '$bob'")
{
	for my $touch ('SELECT 1 AS touched', 'SELECT count(*) FROM kept')
	{
		for my $then ("SET pindah.token = '$bob'", 'RESET pindah.token')
		{
			($told, $complaints) = session('app', 'discard', "SET pindah.token = '$ann'; CREATE TEMP TABLE kept AS SELECT body FROM notes",
				"BEGIN; $in; $touch; $unprepared", $then, "SELECT 'read'; SELECT body FROM kept");
			like($complaints, qr/ERROR:  (?:55000: prepared transactions are disabled|0A000: cannot PREPARE)/, "a commit fails: $touch");
			unlike($told, qr/read\n.*leak-of-a/s, '... and what comes back does not pass to the next: ' . ($in . ', ' . $then =~ s/ =.*//r) =~ s/ =[^,]*//r);
		}
	}
}

#
# A trap: nobody makes a table that catches the rows of whoever comes next
#
my @trap = ('CREATE TEMP TABLE notes (id integer, "OrganisationId" text, body text)');
my @victim = ("BEGIN; SET LOCAL pindah.token = '$ann'; INSERT INTO notes VALUES (9, 'a', 'caught'); COMMIT");
($told) = session('pool', 'discard', @trap, @victim, 'SELECT body FROM pg_temp.notes');
unlike($told, qr/caught/, 'session_identity = off: a trap is gone before anybody comes');
is($node->safe_psql('postgres', "DELETE FROM notes WHERE body = 'caught' RETURNING id"), '9', '... and the row where it belongs');
($told) = session('pool', 'keep', @trap, @victim, 'SELECT body FROM pg_temp.notes');
like($told, qr/caught/, '... which catches with keep');
($told) = session('app', 'discard', @trap, @victim, 'SELECT body FROM pg_temp.notes');
unlike($told, qr/caught/, 'SET LOCAL: a trap goes with what it has caught');

#
# What stays
#
my $keeps = 'SELECT count(*) FROM kept; FETCH 1 FROM held; SELECT lastval() > 0; SHOW app.kept';
my $makes = "CREATE TEMP TABLE kept AS SELECT body FROM notes; SELECT nextval('numbers') > 0; SET app.kept = 'mine';"
  . 'BEGIN; DECLARE held CURSOR WITH HOLD FOR SELECT body FROM notes ORDER BY id; COMMIT';
my ($kept, $kept_but_lastval) = (qr/^2\nleak-of-a\nt\nmine$/m, qr/^2\nleak-of-a\nmine$/m);
($told) = session('app', 'discard', "SET pindah.token = '$ann'", $makes, "SET pindah.token = '$ann_again'", $keeps);
like($told, $kept, 'a fresh token of the same person: all of it stays');
($told) = session('app', 'discard', "SET pindah.token = '$ann'", $makes, "SET pindah.token = '$bob'; ROLLBACK", "SET pindah.token = '$ann'", $keeps);
unlike($told, $kept, 'another one in between, and back: it is gone');
($told) = session('app', 'discard', "SET pindah.token = '$ann'", $makes, "BEGIN; SET pindah.token = '$bob'; ROLLBACK", $keeps);
like($told, $kept_but_lastval, 'another one that was rolled back: tables and cursors stay');
($told) = session('app', 'discard', "SET pindah.token = '$ann'", $makes, "BEGIN; SET LOCAL pindah.token = '$bob'; SELECT count(*) FROM pg_class; COMMIT", $keeps);
like($told, $kept_but_lastval, 'a transaction of another one that does not touch it: tables and cursors stay');
($told) = session('app', 'discard', "SET pindah.token = '$ann'", $makes, "SET pindah.token = '$ann_with_less'", $keeps);
unlike($told, $kept, 'the same person with other permissions: it is gone');
($told) = session('app', 'discard', 'CREATE TEMP TABLE kept (body text)', "SET pindah.token = '$ann'; INSERT INTO kept SELECT body FROM notes", 'SELECT count(*) FROM kept');
like($told, qr/^2$/m, 'what nobody made passes to the first who signs in');
($told) = session('app', 'discard', 'CREATE TEMP TABLE kept (body text)', "SET pindah.token = '$ann'; INSERT INTO kept SELECT body FROM notes", 'RESET pindah.token', 'SELECT count(*) FROM kept');
unlike($told, qr/^2$/m, '... and goes with him');
($told) = session('app', 'discard', "SET pindah.token = '$ann'; RESET pindah.token", 'CREATE TEMP TABLE kept AS SELECT 1 AS trap', "SET pindah.token = '$bob'", "SELECT 'found ' || trap FROM kept");
unlike($told, qr/found/, 'what nobody made after somebody passes to none: it is the trap of him who signed out');
($told) = session('app', 'discard', "SELECT pg_advisory_lock(7)", "SET pindah.token = '$ann'; RESET pindah.token", "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()");
like($told, qr/^1$/m, 'advisory locks stay');
($told) = session('pool', 'discard', "BEGIN; SET LOCAL pindah.token = '$ann'; PREPARE p AS SELECT string_agg(body, '+') FROM notes; SET LOCAL plan_cache_mode = force_generic_plan; EXECUTE p; COMMIT",
	"BEGIN; SET LOCAL pindah.token = '$bob'; SET LOCAL plan_cache_mode = force_generic_plan; EXECUTE p; COMMIT", "EXECUTE p");
like($told, qr/^leak-of-a\+leak-of-a, too\n+leak-of-b\n*\z/m, 'prepared statements stay, and each principal sees his own rows');
($told) = session('pool', 'discard', "BEGIN; SET LOCAL pindah.token = '$ann'; CREATE TEMP TABLE t ON COMMIT DROP AS SELECT body FROM notes; SELECT count(*) FROM t; COMMIT",
	"BEGIN; SET LOCAL pindah.token = '$bob'; CREATE TEMP TABLE t ON COMMIT DELETE ROWS AS SELECT body FROM notes; SELECT 'bob' || count(*) FROM t; COMMIT");
like($told, qr/^2\n+bob1$/m, 'session_identity = off: temporary tables serve their transaction');
($told) = session('pool', 'discard', "SET application_name = 'worker'; SET client_encoding = 'UTF8'; SET TimeZone = 'Africa/Harare'", "BEGIN; SET LOCAL pindah.token = '$ann'; COMMIT", 'SHOW application_name; SHOW TimeZone');
like($told, qr/^worker\nAfrica\/Harare$/m, "session_identity = off: the server's own settings stay, a pooler relies on it");
$node->safe_psql('postgres', "ALTER ROLE pool SET app.kept = 'of the role'");
($told) = session('pool', 'discard', "SET app.kept = 'mine'", 'SHOW app.kept');
like($told, qr/^of the role$/m, 'a setting of the application goes back to what the role has');

$node->safe_psql('postgres', 'ALTER ROLE app SUPERUSER');
($told) = session('app', 'discard', "SET pindah.token = '$ann'", $makes, "SET pindah.token = '$bob'", $keeps);
like($told, qr/^3\nleak-of-a\nt\nmine$/m, 'a superuser, who sees all rows, keeps what he has');
$node->safe_psql('postgres', 'ALTER ROLE app NOSUPERUSER');

#
# Refused instead
#
for my $leftover (@leftovers[ 0 .. 6, 11 .. 14 ])
{
	my ($kind, $make, $read) = @$leftover;
	($told, $complaints) = session('pool', 'refuse', "BEGIN; SET LOCAL pindah.token = '$ann'", $make, 'COMMIT', "SELECT 'read'; $read");
	like($complaints, qr/ERROR:  55000: the session would keep (temporary objects|cursors WITH HOLD) for another identity\n.*HINT:  pindah.session_identity is off/s, "refuse: $kind");
	unlike($told, qr/read\n.*leak/s, '... and is not left');
}
($told, $complaints) = session('app', 'refuse', "SET pindah.token = '$ann'; CREATE TEMP TABLE kept AS SELECT body FROM notes", "SET pindah.token = '$bob'", 'SELECT pindah_organisation_id()', 'DISCARD ALL', "SET pindah.token = '$bob'; SELECT pindah_organisation_id()");
like($complaints, qr/ERROR:  55000: .*HINT:  Close or drop them/s, 'refuse: the session does not change hands');
like($told, qr/^a\n.*b$/ms, '... until everything is discarded');
($told, $complaints) = session('pool', 'refuse', "BEGIN; SET LOCAL pindah.token = '$ann'; CREATE TEMP TABLE t ON COMMIT DROP AS SELECT body FROM notes; SELECT count(*) FROM t; COMMIT");
is($complaints, '', 'refuse: temporary tables ON COMMIT DROP are welcome');

#
# Who may say so
#
($told, $complaints) = session('app', 'discard', 'SET pindah.session_state = keep', "SELECT set_config('pindah.session_state', 'keep', false)",
	'ALTER ROLE app SET pindah.session_state = keep', "CREATE FUNCTION pg_temp.f() RETURNS void LANGUAGE sql SET pindah.session_state = keep AS ''", 'SHOW pindah.session_state');
is(scalar(() = $complaints =~ /ERROR:  42501: permission denied to set parameter "pindah.session_state"/g), 4, 'only a superuser may keep');
like($told, qr/^discard$/m, '... and it stays as it is');

#
# Procedures that commit, and a library that is loaded in the middle
#
$node->safe_psql('postgres', <<'SQL');
CREATE PROCEDURE batches() LANGUAGE plpgsql AS $$
DECLARE r record; n integer := 0;
BEGIN
	CREATE TEMP TABLE batch (i integer);
	FOR r IN SELECT generate_series(1, 5) i LOOP n := n + r.i; COMMIT; END LOOP;
	RAISE NOTICE 'sum %', n;
	INSERT INTO batch VALUES (1);
END $$;
SQL
($told, $complaints) = session('pool', 'discard', 'CALL batches()');
like($complaints, qr/sum 15/, 'a loop of a procedure that commits goes on');
like($complaints, qr/relation "batch" does not exist/, '... and its temporary table ends with its transaction');
# Whoever may choose his name cannot choose one that is taken for another's: a
# hash that is only quick (PostgreSQL's own) has the same value for these two.
{
	my $user = sub { hmac_token($secret, '{"alg":"HS256"}', claims(sub => qq("$_[0]"), OrganisationId => '"a"')) };
	my ($first, $second) = map { $user->($_) } twins('https://issuer.example');
	my ($told) = session('app', 'discard', "SET pindah.token = '$first'", 'CREATE TEMP TABLE kept AS SELECT body FROM notes',
		"SET pindah.token = '$second'", 'SELECT length(pindah_user_id())', 'SELECT body FROM kept');
	is($told =~ s/\s+//gr, '24', 'a user whose name was computed gets nothing of another');
}

# Two names of 24 letters for users of an issuer, in an organisation of one
# letter, that hash_bytes_extended() does not tell apart: what the first half
# does to its state, the second half undoes.
sub twins
{
	my ($issuer) = @_;
	my $text = sub { my $varlena = pack('L<', (4 + length $_[0]) << 2) . $_[0]; $varlena . "\0" x (-length($varlena) % 8) };
	my $before = $text->($issuer) . pack('L<', (4 + 24) << 2);
	my $state = sub {
		my @state = ((0x9e3779b9 + 3923095 + length($before) - 4 + 32 + 8 + 16 + 16) & 0xffffffff) x 3;
		for my $block (unpack '(a12)*', $before . $_[0])
		{
			my @words = unpack 'L<3', $block;
			mix(\@state, \@words);
		}
		return @state;
	};
	my @halves = ('a user, who ', 'is nobody, 1');
	my @wanted = map { ($state->($halves[0]))[$_] + (unpack 'L<3', $halves[1])[$_] } 0 .. 2;
	for my $try (0 .. 999_999)
	{
		my $half = sprintf 'trial %06d', $try;
		my @state = $state->($half);
		my $rest = pack 'L<3', map { ($wanted[$_] - $state[$_]) & 0xffffffff } 0 .. 2;
		return join('', @halves), $half . $rest if $rest =~ /^[ !#-&(-\[\]-~]{12}$/;
	}
	die 'no twins';
}

sub mix
{
	my ($state, $words) = @_;
	my ($a, $b, $c) = map { ($state->[$_] + $words->[$_]) & 0xffffffff } 0 .. 2;
	for my $turns ([ 4, 6, 8 ], [ 16, 19, 4 ])
	{
		$a = turned($a - $c, $c, $turns->[0]);
		$c = ($c + $b) & 0xffffffff;
		$b = turned($b - $a, $a, $turns->[1]);
		$a = ($a + $c) & 0xffffffff;
		$c = turned($c - $b, $b, $turns->[2]);
		$b = ($b + $a) & 0xffffffff;
	}
	@$state = ($a, $b, $c);
}

sub turned
{
	my ($number, $by, $bits) = @_;
	return ($number & 0xffffffff) ^ (($by << $bits | $by >> (32 - $bits)) & 0xffffffff);
}

# A cursor of a procedure's second transaction is as old as the procedure.
($told) = session('app', 'discard', "SET pindah.token = '$ann'",
	"DO \$\$ BEGIN COMMIT; SET LOCAL pindah.token = '$bob'; EXECUTE 'DECLARE kept CURSOR WITH HOLD FOR SELECT body FROM notes'; COMMIT; END \$\$",
	"SELECT 'as ' || pindah_organisation_id()", 'FETCH ALL FROM kept');
like($told, qr/as a/, 'a procedure that was somebody else in its second transaction');
unlike($told, qr/leak-of-b/, '... leaves no cursor WITH HOLD');
$node->append_conf('postgresql.conf', "session_preload_libraries = ''");
$node->reload;
($told) = session('pool', 'discard', "BEGIN; DECLARE kept CURSOR WITH HOLD FOR SELECT * FROM bodies(); SET LOCAL pindah.token = '$ann'; COMMIT", 'FETCH ALL FROM kept');
unlike($told, qr/leak/, 'a cursor that was opened before the library was loaded, by its own rows, is gone');
($told) = session('pool', 'discard', 'CREATE TEMP TABLE notes (id integer, "OrganisationId" text, body text)', 'SELECT pindah_user_id()', "SELECT 'still ' || count(*) FROM pg_temp.notes");
unlike($told, qr/still/, 'a trap that was set before the library was loaded goes when it is');

$node->stop;
done_testing();
