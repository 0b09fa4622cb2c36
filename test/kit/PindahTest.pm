# What the TAP tests share: a cluster with the extension in it, tokens minted
# by libraries that are not ours, tokens forged byte by byte under a secret
# that is trusted, and one way of asking the server what it makes of them.
package PindahTest;

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256 hmac_sha384 hmac_sha512);
use Encode qw(encode_utf8);
use Exporter 'import';
use File::Basename qw(dirname);
use IPC::Run qw(run);
use JSON::PP;
use MIME::Base64 qw(encode_base64url decode_base64url);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(
  start_node sql_text trust run_sql judge accepted refused nothing_leaked
  mint libraries forge_crypto public_jwks
  replace_file new_secret secret_jwk hmac_token claims object segments join_token
  encode_base64url decode_base64url $CANARY
);

# Stands in every payload that claims() makes, and must never be logged or
# shown in an error.
our $CANARY = 'canary-5e1f0c';

my $kit = dirname(__FILE__);
my $json = JSON::PP->new->utf8->canonical;
my %hmac = (HS256 => \&hmac_sha256, HS384 => \&hmac_sha384, HS512 => \&hmac_sha512);

#
# Servers
#

# Start a cluster and create the extension.  Statements are logged as a server
# logs them that its owner has not told otherwise: those that fail.
sub start_node
{
	my ($name, $conf) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
	$node->append_conf('postgresql.conf', "log_statement = none\n" . ($conf // ''));
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION pindah_auth');
	return $node;
}

# A string as an SQL literal.
sub sql_text
{
	my ($text) = @_;
	return 'NULL' unless defined $text;
	return "'" . ($text =~ s/'/''/gr) . "'";
}

# A list as an SQL array of text.
sub sql_array
{
	my ($list) = @_;
	return 'NULL' unless defined $list;
	return 'ARRAY[' . join(',', map { sql_text($_) } @$list) . ']::text[]';
}

# Statement that trusts an issuer; keys are JWKs, options audience,
# organisations and claim_map.
sub trust
{
	my ($issuer, $keys, %options) = @_;
	return sprintf "SELECT pindah_trust_issuer(%s, %s, %s, %s, %s);\n",
	  sql_text($issuer),
	  sql_text($json->encode({ keys => $keys })),
	  sql_array($options{audience}),
	  sql_array($options{organisations}),
	  sql_text($options{claim_map} && $json->encode($options{claim_map}));
}

# Run statements in one session, the failed ones too, and return what each
# printed as [stdout, stderr].  Statements are strings or [several, strings].
sub run_sql
{
	my ($node, $statements, %options) = @_;
	my $script = "\\set VERBOSITY verbose\n" . ($options{setup} // '');
	for my $i (0 .. $#$statements)
	{
		my $each = ref $statements->[$i] ? $statements->[$i] : [ $statements->[$i] ];
		$script .= "\\echo <<<$i>>>\n\\warn <<<$i>>>\n" . join('', map { "$_;\n" } @$each);
	}
	$script .= "\\echo <<<end>>>\n\\warn <<<end>>>\n";

	local $ENV{PGCLIENTENCODING} = 'UTF8';
	my ($stdout, $stderr) = ('', '');
	$node->psql(
		$options{dbname} // 'postgres', $script,
		stdout => \$stdout,
		stderr => \$stderr,
		on_error_stop => 0);
	my @printed = _pieces($stdout);
	my @complaints = _pieces($stderr);
	# What comes before the first mark is the complaint of the setup.
	die "the setup failed: $complaints[0]" if $complaints[0] =~ /ERROR|FATAL/;
	die "the session broke off:\n$stderr" unless "$stdout\n" =~ /^<<<end>>>$/m;
	return map { [ $printed[ $_ + 1 ], $complaints[ $_ + 1 ] ] } 0 .. $#$statements;
}

sub _pieces
{
	my ($text) = @_;
	return map { s/\s+\z//r } split /^<<<(?:\d+|end)>>>\n?/m, $text, -1;
}

#
# Verdicts
#

# Say in one line what the server made of an error: the SQLSTATE and reason,
# and whatever should not be there.
sub _error
{
	my ($complaint, $token) = @_;
	return 'no error' if $complaint eq '';
	my ($state) = $complaint =~ /ERROR:  (\w{5}): / or return $complaint;
	my ($detail) = $complaint =~ /^DETAIL:  (.*)$/m;
	my $said = "$state " . ($detail // 'no detail');
	$said .= ' and no hint' unless $complaint =~ /^HINT:  /m;
	$said .= ' and shows the token' if _shows($complaint, $token);
	return $said;
}

# Does a text hold a token, a segment of one, or a claim?
sub _shows
{
	my ($text, $token) = @_;
	return 1 if index($text, $CANARY) >= 0;
	return grep { length >= 16 && index($text, $_) >= 0 } $token, split /\./, $token, -1;
}

my @shown;    # every token judged since the last nothing_leaked()

# Ask the server for its verdict on tokens, one session for all.  A case is
# [description, token, reason], the reason undef for a token that is valid,
# and then perhaps { user_id => …, organisation_id => …, hint => qr/…/ }.
#
# All three ways in are tried: pindah_inspect_jwt(), SET pindah.token and
# pindah_verify_jwt(), and after the last two whether there is an identity.
sub judge
{
	my ($node, $cases, %options) = @_;
	my @fields = qw(user_id organisation_id user_name email roles permissions);
	my $row = join ', ', map { "'$_', to_jsonb(pindah_$_())" } @fields;
	my $who = "SELECT jsonb_build_object($row)";
	my @statements;

	for my $case (@$cases)
	{
		my $literal = sql_text($case->[1]);
		push @statements,
		  "RESET pindah.token",
		  "SELECT row_to_json(i) FROM pindah_inspect_jwt($literal) i",
		  "SET pindah.token = $literal", $who, "RESET pindah.token",
		  "SELECT pindah_verify_jwt($literal, false)", $who;
		push @shown, $case->[1] if defined $case->[2];
	}
	my @results = run_sql($node, \@statements, %options);

	for my $case (@$cases)
	{
		my ($description, $token, $reason, $more) = @$case;
		my (undef, $inspect, $set, $who1, undef, $verify, $who2) = splice @results, 0, 7;
		_judge_one($description, $token, $reason, $more // {},
			$inspect, $set, $who1, $verify, $who2);
	}
	return;
}

sub _judge_one
{
	my ($description, $token, $reason, $more, $inspect, $set, $who1, $verify, $who2) = @_;
	my ($got, $expected);
	my $found = $inspect->[0] eq '' ? {} : $json->decode($inspect->[0]);
	my ($first, $second) = map { _identity($_->[0]) } $who1, $who2;

	if (defined $reason)
	{
		$expected = join '; ', "inspect: $reason",
		  "SET: 28000 reason: $reason", 'no identity',
		  "verify: 28000 reason: $reason", 'no identity';
		$got = join '; ',
		  'inspect: ' . ($found->{valid} ? 'valid' : $found->{reason} // $inspect->[1]),
		  'SET: ' . _error($set->[1], $token),
		  (defined $first->{user_id} ? 'an identity' : 'no identity'),
		  'verify: ' . _error($verify->[1], $token),
		  (defined $second->{user_id} ? 'an identity' : 'no identity');
		$got .= '; no such hint' if $more->{hint} && $set->[1] !~ $more->{hint};
		is($got, $expected, "refused: $description");
		return;
	}

	my @wanted = grep { $_ ne 'claims' } sort keys %$more;
	my %wanted = map { $_ => $more->{$_} } @wanted;
	$expected = join '; ', 'inspect: valid', 'SET: no error', $json->encode(\%wanted),
	  'verify: no error', $json->encode(\%wanted);
	$got = join '; ',
	  'inspect: ' . ($found->{valid} && !defined $found->{reason} ? 'valid' : $found->{reason} // $inspect->[1]),
	  'SET: ' . _error($set->[1], $token),
	  $json->encode({ map { $_ => $first->{$_} } @wanted }),
	  'verify: ' . _error($verify->[1], $token),
	  $json->encode({ map { $_ => $second->{$_} } @wanted });
	$got .= '; no user' unless defined $first->{user_id} && defined $second->{user_id};
	if ($more->{claims})
	{
		my $claims = eval { $json->encode($json->decode($verify->[0])) } // $verify->[0];
		$got .= "; claims: $claims";
		$expected .= '; claims: ' . $json->encode($more->{claims});
	}
	is($got, $expected, "accepted: $description");
	return;
}

sub _identity
{
	my ($text) = @_;
	return {} if $text eq '';
	return $json->decode($text);
}

# Assert that one token is refused for a reason.
sub refused
{
	my ($node, $token, $reason, $description, %options) = @_;
	judge($node, [ [ $description // $reason, $token, $reason ] ], %options);
	return;
}

# Assert that one token is accepted.
sub accepted
{
	my ($node, $token, $description, %options) = @_;
	judge($node, [ [ $description // 'a good token', $token, undef ] ], %options);
	return;
}

# Assert that nothing of the tokens that were refused so far is in the
# server's log.
sub nothing_leaked
{
	my ($node) = @_;
	my $log = slurp_file($node->logfile);
	my %logged = map { $_ => 1 } $log =~ /([A-Za-z0-9_-]{16,})/g;
	my @leaked = grep {
		grep { $logged{$_} } split /[^A-Za-z0-9_-]/
	} @shown;

	cmp_ok(scalar @shown, '>', 0, 'there was something to leak');
	is(scalar @leaked, 0, 'no part of a refused token is in the server log');
	unlike($log, qr/\Q$CANARY\E/, 'no claim of a token is in the server log');
	@shown = ();
	return;
}

#
# Files
#

# Put a file in its place as a careful writer does: all at once.  What is not
# text is written as JSON; nobody else may read it, unless a mode says so.
sub replace_file
{
	my ($path, $text, $mode) = @_;
	open my $out, '>:raw', "$path.new" or die "$path.new: $!";
	print $out ref $text ? $json->encode($text) : $text;
	close $out or die "$path.new: $!";
	chmod $mode // 0600, "$path.new" or die "$path.new: $!";
	rename "$path.new", $path or die "$path: $!";
	return;
}

#
# Libraries
#

my %minters = (
	jose => [ 'node', "$kit/mint.mjs" ],
	pyjwt => [ '/usr/bin/python3', "$kit/mint.py" ],
	libjose => [ $^X, "$kit/mint_jose.pl" ]);

# The names that mint() knows.
sub libraries
{
	return sort keys %minters;
}

sub _ask
{
	my ($command, $question) = @_;
	my ($in, $out, $err) = ($json->encode($question), '', '');
	run($command, \$in, \$out, \$err) or die "@$command failed: $err";
	return $json->decode($out);
}

# Let a library sign jobs; the protocol stands in README.md.
sub mint
{
	my ($library, $jobs) = @_;
	if ($library eq 'jose' && !-d "$kit/node_modules")
	{
		system("$kit/prepare") == 0 or die "test/kit/prepare failed";
	}
	return _ask($minters{$library}, $jobs);
}

# Let forge.py make weak keys and odd signatures.
sub forge_crypto
{
	my (@requests) = @_;
	return @{ _ask([ '/usr/bin/python3', "$kit/forge.py" ], \@requests) };
}

# The public JWKs of what mint() returned, all or those of the names given.
sub public_jwks
{
	my ($minted, @names) = @_;
	@names = sort keys %{ $minted->{keys} } unless @names;
	return [ map { $minted->{keys}{$_}{public} } @names ];
}

#
# Tokens made by hand, with a valid HMAC
#

# Random bytes for a secret, enough for every HMAC algorithm.
sub new_secret
{
	open my $random, '<:raw', '/dev/urandom' or die $!;
	read($random, my $bytes, 64) == 64 or die 'no random bytes';
	return $bytes;
}

# The JWK of a secret.
sub secret_jwk
{
	my ($secret, $kid, %more) = @_;
	return { kty => 'oct', k => encode_base64url($secret), kid => $kid, alg => 'HS256', %more };
}

# Sign any two byte strings.  Options: alg, and header64 and payload64 to
# replace what base64url makes of the bytes.
sub hmac_token
{
	my ($secret, $header, $payload, %options) = @_;
	my $input = join '.',
	  $options{header64} // encode_base64url($header),
	  $options{payload64} // encode_base64url($payload);
	return "$input." . encode_base64url($hmac{ $options{alg} // 'HS256' }->($input, $secret));
}

# The text of a JSON object from names and values that are JSON texts
# themselves; undef takes a member away, the last of a name counts.
sub object
{
	my (@members) = @_;
	my (%value, @order);
	while (my ($name, $value) = splice @members, 0, 2)
	{
		push @order, $name unless exists $value{$name};
		$value{$name} = $value;
	}
	return '{' . join(',', map { qq("$_":$value{$_}) } grep { defined $value{$_} } @order) . '}';
}

# A payload that is right but for what the arguments change, as in object().
sub claims
{
	my (@members) = @_;
	return object(
		iss => '"https://issuer.example"',
		sub => '"user-1"',
		OrganisationId => '"organisation-1"',
		exp => time() + 3600,
		note => qq("$CANARY"),
		@members);
}

# A token as its three segments, and back.
sub segments
{
	my ($token) = @_;
	return split /\./, $token, -1;
}

sub join_token
{
	return join '.', @_;
}

1;
