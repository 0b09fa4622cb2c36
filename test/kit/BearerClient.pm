# A client that authenticates by SASL OAUTHBEARER (RFC 7628) with any token it
# is told to, good or bad: libpq gets its tokens from an issuer only.
package BearerClient;

use strict;
use warnings;

use IO::Socket::UNIX;

# Connect to a node with user, dbname, token and perhaps options; returns
# (session, undef) or (undef, the error in one line).
sub connect
{
	my ($class, $node, %want) = @_;
	my $self = bless { socket => IO::Socket::UNIX->new(Peer => $node->host . '/.s.PGSQL.' . $node->port) }, $class;
	die "no connection: $!" unless $self->{socket};
	$self->{socket}->autoflush(1);

	my %start = (user => $want{user}, database => $want{dbname} // 'postgres',
		map { $_ => $want{$_} } grep { defined $want{$_} } qw(options));
	my $packet = pack('N', 196608) . join('', map { "$_\0$start{$_}\0" } sort keys %start) . "\0";
	print { $self->{socket} } pack('N', 4 + length $packet) . $packet;

	while (my ($type, $body) = $self->_message)
	{
		return (undef, _words($body)) if $type eq 'E';
		return ($self, undef) if $type eq 'Z';
		next unless $type eq 'R';
		my ($request) = unpack 'N', $body;
		if ($request == 10)
		{
			my $first = "n,,\1auth=Bearer $want{token}\1\1";
			$self->_send('p', "OAUTHBEARER\0" . pack('N', length $first) . $first);
		}
		# The server says what it wants; RFC 7628 3.2.3 lets one byte follow.
		elsif ($request == 11) { $self->_send('p', "\1") }
	}
	return (undef, 'the server closed the connection');
}

# Run statements; the rows as psql -At prints them, and each error in one line.
sub query
{
	my ($self, $sql) = @_;
	my @lines;
	$self->_send('Q', "$sql\0");
	while (my ($type, $body) = $self->_message)
	{
		if ($type eq 'E') { push @lines, _words($body); return join "\n", @lines if $lines[-1] =~ /^FATAL/ }
		last if $type eq 'Z';
		next unless $type eq 'D';
		my ($count, @fields) = unpack 'n', $body;
		my $at = 2;
		for (1 .. $count)
		{
			my $length = unpack 'l>', substr $body, $at, 4;
			push @fields, $length < 0 ? '' : substr $body, $at + 4, $length;
			$at += 4 + ($length < 0 ? 0 : $length);
		}
		push @lines, join '|', @fields;
	}
	return join "\n", @lines;
}

sub close
{
	my ($self) = @_;
	$self->_send('X', '');
	return CORE::close $self->{socket};
}

sub _send
{
	my ($self, $type, $body) = @_;
	return print { $self->{socket} } $type . pack('N', 4 + length $body) . $body;
}

sub _message
{
	my ($self) = @_;
	my $head = $self->_bytes(5) // return;
	my ($type, $length) = unpack 'aN', $head;
	return ($type, $self->_bytes($length - 4));
}

sub _bytes
{
	my ($self, $wanted) = @_;
	my $bytes = '';
	while (length $bytes < $wanted)
	{
		read($self->{socket}, $bytes, $wanted - length $bytes, length $bytes) or return;
	}
	return $bytes;
}

# "FATAL 28000 message (detail)" of an error.
sub _words
{
	my ($body) = @_;
	my %field = map { substr($_, 0, 1) => substr($_, 1) } grep { length } split /\0/, $body;
	return "$field{V} $field{C} $field{M}" . (defined $field{D} ? " ($field{D})" : '');
}

1;
