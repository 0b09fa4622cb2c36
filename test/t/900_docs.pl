# Every statement in the documentation does what the documentation says, and
# the reference leaves nothing out.
#
# In README.md and doc/*.md:
#
# - the ```sql blocks of a file run in order, in one session, as a superuser,
#   in a fresh database "erp" that test/docs/prelude.sql has filled;
# - a statement must succeed without a warning, unless its last line ends in
#   "-- ERROR 28000" or "-- WARNING 25P01" (any SQLSTATE);
# - a ```text block right below is what psql prints of the block above, where
#   "…" stands for anything in a line, and a line of "…" for any lines;
# - <!-- test: … --> holds statements and psql commands that readers do not
#   see; <!-- test: run --> lets the sh or python block below it run, when all
#   SQL of the file has; <!-- test: skip, because … --> leaves a block out;
# - eyJ…name, 0vx7…name and the like stand for the token or key "name" below.
use strict;
use warnings;
use utf8;

use Encode qw(decode_utf8 encode_utf8);
use FindBin;
use lib "$FindBin::RealBin/../kit";
use IPC::Run qw(run);
use PindahTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $root = "$FindBin::RealBin/../..";
my @documents = ('README.md', map { s/^\Q$root\E\///r } sort glob "$root/doc/*.md");
my $now = time;

#
# The tokens and keys that the documents speak of
#

my $school = '7c9e6679-7425-40de-944b-e07fc1f90ae7';
my $hardware = '1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed';

# Claims as ASP.NET Core writes them; the arguments change some.
sub aspnet
{
	my (%more) = @_;
	my %claims = (
		iss => 'https://api.example.com', aud => 'erp',
		nameid => '4711', unique_name => 'Tariro Moyo', email => 'tariro@example.com',
		role => 'Accountant', OrganisationId => $school,
		Permission => [ 'accounting:invoices:view', 'accounting:invoices:create' ],
		nbf => $now, iat => $now, exp => $now + 3600, %more);
	delete $claims{$_} for grep { !defined $claims{$_} } keys %claims;
	return \%claims;
}

my %jobs = (
	accountant => { alg => 'RS256', key => 'api-1', claims => aspnet() },
	laptop => { alg => 'RS256', key => 'api-1', claims => aspnet(jti => '5f0c-laptop') },
	fresh => { alg => 'RS256', key => 'api-1', claims => aspnet(exp => $now + 7200) },
	clerk => { alg => 'RS256', key => 'api-1',
		claims => aspnet(nameid => '4712', Permission => 'stock:movements:view') },
	manager => { alg => 'RS256', key => 'api-1',
		claims => aspnet(nameid => '9001', OrganisationId => $hardware, Permission => '*:*:*') },
	auditor => { alg => 'RS256', key => 'api-1',
		claims => aspnet(nameid => '4713', Permission => '*:*:view') },
	'no-organisation' => { alg => 'RS256', key => 'api-1', claims => aspnet(OrganisationId => undef) },
	'odd-organisation' => { alg => 'RS256', key => 'api-1', claims => aspnet(OrganisationId => '42') },
	expired => { alg => 'RS256', key => 'api-1', claims => aspnet(exp => $now - 3600) },
	'other-audience' => { alg => 'RS256', key => 'api-1', claims => aspnet(aud => 'shop') },
	'api-2' => { alg => 'ES256', key => 'api-2', claims => aspnet() },
	# Signed with the text that README.md has for Jwt:Key.
	aspnet => { alg => 'HS256', claims => aspnet(iss => 'https://aspnet.example.com'),
		key => { kty => 'oct', kid => 'hs-1',
			k => encode_base64url('the text of Jwt:Key, at least 32 bytes') } },
	keycloak => { alg => 'RS256', key => 'kc-1', header => { kid => 'kc-1' },
		claims => { iss => 'https://login.example.com', sub => 'f3a1', preferred_username => 'tariro',
			tenant => $school, scopes => [ 'accounting:invoices:view' ], exp => $now + 3600 } },
);
my @names = sort keys %jobs;
my $minted = mint('pyjwt', [ @jobs{@names} ]);
my %value;    # what a placeholder's name stands for
@value{@names} = @{ $minted->{tokens} };

sub key_member
{
	my ($kid, $member) = @_;
	return $minted->{keys}{$kid}{public}{$member};
}
$value{'api-1-n'} = key_member('api-1', 'n');
$value{'api-2-x'} = key_member('api-2', 'x');
$value{'api-2-y'} = key_member('api-2', 'y');
$value{'kc-1-n'} = key_member('kc-1', 'n');

# Tokens that a library would not make: altered by hand, and with the alg that
# ASP.NET writes for SecurityAlgorithms.HmacSha256Signature.
{
	my ($header, $payload, $signature) = segments($value{accountant});
	(my $claims = decode_base64url($payload)) =~ s/$school/$hardware/;
	$value{forged} = join_token($header, encode_base64url($claims), $signature);
	$value{'alg-uri'} = join_token(
		encode_base64url('{"alg":"http://www.w3.org/2001/04/xmldsig-more#hmac-sha256","typ":"JWT"}'),
		$payload, $signature);
}

# A token that expires while its document is tested: after the clock skew of
# 30 seconds, of which six are left.
sub mint_ending
{
	my $job = { alg => 'RS256', key => { %{ $minted->{keys}{'api-1'}{private} }, kid => 'api-1' },
		claims => aspnet(exp => time - 24) };
	return mint('pyjwt', [$job])->{tokens}[0];
}

#
# Reading the documents
#

sub fill_in
{
	my ($text, $where) = @_;
	$text =~ s{\w+…([a-z][\w-]*)}{$value{$1} // die "$where: nothing is called $1"}ge;
	return $text;
}

# The statements of a piece of SQL, each with what is expected of it.  Lines
# that begin with a backslash are psql's.
sub statements
{
	my ($sql, $where) = @_;
	my @statements;
	while ($sql =~ /\G\s*(?:
			(?<command>\\[^\n]*)
			| (?<comment>--[^\n]*)
			| (?<statement>(?: '(?:[^']|'')*' | "[^"]*" | (?<tag>\$\w*\$).*?\k<tag> | --[^\n]* | [^;'"] )+?) ;
			  (?:[ \t]*--[ ](?<kind>ERROR|WARNING)[ ](?<state>\w{5})\b[^\n]*)?
		)/gcsx)
	{
		next if defined $+{comment};
		my $expected = defined $+{kind} ? "$+{kind} $+{state}" : 'success';
		my $text = $+{command} // $+{statement};
		push @statements, {
			name => "$where: " . substr($text =~ s/\n.*//sr, 0, 60),
			text => fill_in($text, $where),
			expected => $expected };
	}
	die "$where: cannot read the SQL from here: " . substr($sql, pos($sql) // 0)
	  if substr($sql, pos($sql) // 0) =~ /\S/;
	return @statements;
}

# The blocks and test comments of a document, in order.
sub read_document
{
	my ($name) = @_;
	my $text = decode_utf8(slurp_file("$root/$name"));
	my (@blocks, $mode);
	my $skipped = 0;
	while ($text =~ /<!-- \s test: \s (?<test>.*?) \s* -->
			| ^(?<indent>[ ]*) ``` (?<language>\w*) \n (?<body>.*?) ^\g{indent} ``` $/gmsx)
	{
		my ($start, $end, $test, $kind, $body, $indent) =
		  ($-[0], $+[0], @+{qw(test language body indent)});
		my $where = "$name:" . (1 + (substr($text, 0, $start) =~ tr/\n//));
		if (defined $test)
		{
			if ($test =~ /^(run|skip)\b/) { $mode = $1 }
			else { push @blocks, { kind => 'sql', where => $where, body => $test } }
			next;
		}
		$body =~ s/^$indent//gm;
		if ($kind eq 'text')
		{
			my $after = @blocks ? $blocks[-1]{end} : undef;
			$blocks[-1]{output} = $body
			  if defined $after && substr($text, $after, $start - $after) !~ /\S/;
		}
		elsif (($kind eq 'sql' && ($mode // '') ne 'skip') || ($mode // '') eq 'run')
		{
			push @blocks, { kind => $kind, where => $where, body => $body, end => $end };
		}
		else { $skipped += $kind eq 'sql' }
		$mode = undef;
	}
	# Nothing that looks like SQL is passed over unnoticed.
	my $fences = () = $text =~ /^ *```sql\b/gm;
	my $seen = grep { $_->{kind} eq 'sql' && defined $_->{end} } @blocks;
	is($seen + $skipped, $fences, "$name: every sql block was read");
	return ($text, @blocks);
}

#
# Running them
#

# What a reader sees in psql: no SQLSTATE, no source location; and, lest the
# width of a column matter, no empty lines and no long runs of spaces or dashes.
# PostgreSQL 18 prints row counts of EXPLAIN with two decimals.
sub as_shown
{
	my ($text) = @_;
	return join "\n", grep { /\S/ && !/^LOCATION:/ }
	  map { s/^psql:<stdin>:\d+: //r =~ s/^(ERROR|WARNING|NOTICE|FATAL):  \w{5}: /$1:  /r
		=~ s/(rows=\d+)\.00/$1/r =~ s/[ \t]+/ /gr =~ s/--+/--/gr =~ s/ $//r }
	  split /\n/, $text;
}

# Does an output look as the document says, with "…" for what may vary?
sub looks_like
{
	my ($output, $shown) = @_;
	my $pattern = join '', map { /^\s*…\s*$/ ? '(?:[^\n]*\n)*' : join('[^\n]*', map { quotemeta } split /…/, $_, -1) . '\n' }
	  split /\n/, as_shown($shown);
	return "$output\n" =~ /\A$pattern\z/;
}

# What became of a statement, in the words of the documents.
sub outcome
{
	my ($complaint) = @_;
	return "$1 $2" if $complaint =~ /(ERROR|FATAL):  (\w{5}):/;
	return "$1 $2" if $complaint =~ /(WARNING):  (\w{5}):/;
	return $complaint eq '' || $complaint =~ /NOTICE:  / ? 'success' : $complaint;
}

sub compare_output
{
	my ($block, $output) = @_;
	return unless defined $block->{output};
	ok(looks_like($output, $block->{output}), "$block->{where}: the output is as shown")
	  or diag(encode_utf8("printed:\n$output\nshown:\n$block->{output}"));
	return;
}

sub run_sql_blocks
{
	my ($node, @blocks) = @_;
	my @all;
	for my $block (@blocks)
	{
		$block->{statements} = [ statements($block->{body}, $block->{where}) ];
		push @all, @{ $block->{statements} };
	}
	my @results = run_sql(
		$node,
		# A psql command ends with its line; the bare semicolon after it is nothing.
		[ map { encode_utf8($_->{text} =~ /^\\/ ? "$_->{text}\n" : $_->{text}) } @all ],
		dbname => 'erp', setup => "\\pset format aligned\n\\pset tuples_only off\n");

	for my $block (@blocks)
	{
		my @shown;
		for my $statement (@{ $block->{statements} })
		{
			my ($printed, $complaint) = map { decode_utf8($_) } @{ shift @results };
			is(outcome($complaint), $statement->{expected}, encode_utf8($statement->{name}))
			  or diag($complaint);
			push @shown, as_shown($complaint), as_shown($printed);
		}
		compare_output($block, join "\n", grep { $_ ne '' } @shown);
	}
	return;
}

# Run a sh or python block against the same database.
sub run_program_block
{
	my ($node, $block) = @_;
	my %command = (
		sh => [ 'bash', '-euo', 'pipefail', '-c' ],
		python => [ '/usr/bin/python3', '-c' ]);
	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGUSER => 'app',
		PGDATABASE => 'erp', PSQLRC => '/dev/null', PYTHONIOENCODING => 'UTF-8');
	my ($in, $out) = ('', '');
	my $good = run([ @{ $command{ $block->{kind} } }, encode_utf8(fill_in($block->{body}, $block->{where})) ],
		\$in, '>&', \$out);
	ok($good, "$block->{where}: the $block->{kind} block runs") or diag($out);
	compare_output($block, as_shown(decode_utf8($out)));
	return;
}

my $node = start_node('docs');
$node->safe_psql('template1', slurp_file("$root/test/docs/prelude.sql"));

my %text;
for my $document (@documents)
{
	($text{$document}, my @blocks) = read_document($document);
	$node->safe_psql('postgres', 'DROP DATABASE IF EXISTS erp');
	$node->safe_psql('postgres', 'CREATE DATABASE erp');
	$value{ending} = mint_ending() if $text{$document} =~ /…ending\b/;
	run_sql_blocks($node, grep { $_->{kind} eq 'sql' } @blocks);
	run_program_block($node, $_) for grep { $_->{kind} ne 'sql' } @blocks;
}

#
# The reference leaves nothing out
#

my $reference = $text{'doc/reference.md'};

# Do all of some strings stand in the reference?
sub all_mentioned
{
	my ($what, @strings) = @_;
	my %missing = map { $_ => 1 } grep { index($reference, $_) < 0 } @strings;
	cmp_ok(scalar @strings, '>', 0, "there is some $what");
	is(encode_utf8(join "\n", sort keys %missing), '', "doc/reference.md has every $what");
	return;
}

sub query
{
	my ($sql) = @_;
	return split /\n/, $node->safe_psql('complete', $sql);
}

sub source
{
	return join "\n", map { decode_utf8(slurp_file($_)) } grep { !/--/ } map { glob "$root/$_" } @_;
}

$node->safe_psql('postgres', 'CREATE DATABASE complete');
$node->safe_psql('complete', q{
	CREATE EXTENSION pindah_auth;
	SELECT pindah_protect_table('invoices', permission => 'a:b');
	SELECT pindah_protect_table('currencies', shared => true)});

# Each public function: its signature in a heading or a table row, and there,
# or below the heading, what the catalogue says about it.
my @functions = query(q{
	SELECT n.nspname, p.proname,
		regexp_replace(pg_get_function_arguments(p.oid), '::(timestamp with time zone|[a-z]+)(\[\])?', '', 'g'),
		pg_get_function_result(p.oid),
		concat_ws(', ',
			CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
			CASE p.proparallel WHEN 's' THEN 'parallel safe' ELSE 'parallel unsafe' END,
			CASE WHEN p.proleakproof THEN 'leakproof' END,
			CASE WHEN p.proisstrict AND p.pronargs > 0 THEN 'strict' END,
			CASE WHEN has_function_privilege('app', p.oid, 'EXECUTE') THEN 'everybody' ELSE 'closed' END)
	FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
		JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
		JOIN pg_extension e ON d.refobjid = e.oid AND e.extname = 'pindah_auth'
	ORDER BY 1, 2, 3});
my @lines = split /\n/, $reference;
my (%exists, @helpers);
for my $row (@functions)
{
	my ($schema, $name, $arguments, $result, $properties) = split /\|/, $row;
	if ($schema eq 'pindah') { push @helpers, "$schema.$name("; next }
	$exists{$name} = 1;
	my @arguments = split /, /, $arguments;
	my @out = map { s/^OUT //r } grep { /^OUT / } @arguments;
	$result = '(' . join(', ', @out) . ')' if @out;
	my $signature = "`$name(" . join(', ', grep { !/^OUT / } @arguments) . ") → $result`";
	my ($found) = grep { index($lines[$_], $signature) >= 0 && $lines[$_] =~ /^[#|]/ } 0 .. $#lines;
	my $described = defined $found
	  && ($lines[$found] =~ /^\|/ ? $lines[$found] : join "\n", @lines[ $found .. $found + 2 ]);
	ok($described && index(lc $described, $properties) >= 0, encode_utf8("doc/reference.md has $signature: $properties"));
}
all_mentioned('helper', @helpers);

# No document speaks of a function that is not there.
for my $document (@documents)
{
	my %unknown = map { $_ => 1 } grep { !$exists{$_} } $text{$document} =~ /\b(pindah_(?!auth\b)[a-z_]+)\(/g;
	is(encode_utf8(join ' ', sort keys %unknown), '', "$document names existing functions only");
}

# The settings, with the defaults of those that can be set.
all_mentioned('setting', map { "`$_`" } source('src/*.c') =~ /"(pindah\.[a-z_]+)"/g);
for my $row (query(q{
	LOAD 'pindah_auth';
	SELECT name, boot_val, unit FROM pg_settings WHERE name LIKE 'pindah.%' AND context <> 'internal'}))
{
	my ($name, $default, $unit) = split /\|/, $row;
	my ($section) = $reference =~ /^### `\Q$name\E`\n(.*?)(?=^#|\z)/ms;
	my $shown = $default eq '' ? 'empty' : "`\Q$default\E`";
	like($section // '', qr/The\s+default\s+is\s+$shown/, "doc/reference.md has the default of $name");
}

# Columns, policies, verdicts and messages.
for my $row (query(q{
	SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r'
	WHERE c.relnamespace = 'pindah'::regnamespace AND a.attnum > 0}))
{
	my ($table, $column) = split /\|/, $row;
	my ($section) = $reference =~ /^### `pindah\.\Q$table\E`\n(.*?)(?=^#|\z)/ms;
	like($section // '', qr/^\|[^|]*`\Q$column\E`/m, "doc/reference.md has the column $column of pindah.$table");
}
all_mentioned('policy', map { "`$_`" } query(q{SELECT polname FROM pg_policy}));

# Each verdict has a row of its own: reason, sentence, hint.
my $verdicts = source('src/verdict.h') =~ s/\\\n//gr;
my @rows;
for my $strings ($verdicts =~ /\bV\((\w+(?:,\s*"(?:[^"\\]|\\.)*")+)\)/g)
{
	next if $strings =~ /^\w+_OK/;
	my @strings = map { s/\\(.)/$1/gr } $strings =~ /"((?:[^"\\]|\\.)*)"/g;
	$strings[0] = "`$strings[0]`" if $strings =~ /^TOKEN/;
	push @rows, '| ' . join(' | ', @strings) . ' |';
}
all_mentioned('verdict', @rows);

# So has what can be wrong with an HTTP request: status, reason, sentence, hint.
my $refusals = source('src/http_error.h') =~ s/\\\n//gr;
for my $refusal ($refusals =~ /\bV\((HTTP_\w+(?:,\s*(?:"(?:[^"\\]|\\.)*"|\d+|NULL))+)\)/g)
{
	next if $refusal =~ /^HTTP_OK/;
	my ($reason, $status, $sentence, $hint) = map { s/\\(.)/$1/gr }
	  $refusal =~ /^\w+,\s*"(\w+)",\s*(\d+),\s*(?:"\w*"|NULL),\s*"((?:[^"\\]|\\.)*)",\s*"((?:[^"\\]|\\.)*)"$/;
	my $row = "| $status | `$reason` | $sentence | $hint |";
	ok(index($text{'doc/postgrest.md'}, $row) >= 0, encode_utf8("doc/postgrest.md has $row"));
}

my @messages = (
	source('src/*.c') =~ /errmsg\("((?:[^"\\]|\\.)*)"/g,
	map { s/''/'/gr } source('sql/*.sql') =~ /RAISE \w+ '((?:[^']|'')*)'/g);
all_mentioned('message', map { s/%[sd]?/…/gr }
	map { s/\\(.)/$1/gr } grep { !/^%s: %s$|^out of memory$|as a trigger$/ } @messages);

my @states = (source('sql/*.sql') =~ /ERRCODE = '(\w{5})'/g);
all_mentioned('SQLSTATE', map { "`$_`" } @states);

# The picture of the rooms has all of them.
my @homeless = grep { index($text{'doc/design.md'}, $_) < 0 } map { m{([^/]+)$} } glob "$root/src/*.c";
is("@homeless", '', 'doc/design.md has every room');

# Links to files of the project lead somewhere.
for my $document (@documents)
{
	my ($folder) = $document =~ m{^(.*/)?};
	my @broken = grep { !-e "$root/" . ($folder // '') . $_ }
	  $text{$document} =~ /\]\((?!https?:|#)([^)#]+)/g;
	is("@broken", '', "the links of $document lead somewhere");
}

done_testing();
