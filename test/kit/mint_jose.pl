#!/usr/bin/perl
# Mint tokens with Debian's command line tool "jose" (the C library libjose),
# a third opinion that shares no code with the other two.  README.md has the
# protocol.  The tool knows no EdDSA and no ES256K: those jobs are skipped.
use strict;
use warnings;

use File::Temp qw(tempdir);
use JSON::PP;

my $json = JSON::PP->new->utf8->canonical;
my $dir = tempdir(CLEANUP => 1);
my %keys;

sub spew
{
	my ($name, $text) = @_;
	open my $out, '>', "$dir/$name" or die "$dir/$name: $!";
	print $out $text;
	close $out or die "$dir/$name: $!";
	return "$dir/$name";
}

# Run the tool and return what it printed; die with its complaint.
sub tool
{
	my @command = map { "'$_'" } 'jose', @_;
	my $printed = `@command 2>$dir/complaint`;
	return $printed if $? == 0 && length $printed;
	open my $in, '<', "$dir/complaint" or die "$dir/complaint: $!";
	local $/;
	my $complaint = <$in> // '';
	$complaint =~ s/\s+/ /g;
	die "jose refused: $complaint\n";
}

sub make_key
{
	my ($alg, $kid) = @_;
	my $template = spew('template', $json->encode({ alg => $alg, kid => $kid }));
	my $private = $json->decode(tool('jwk', 'gen', '-i', $template, '-o', '-'));
	die "jose made no key for $alg\n" unless $private->{kty};
	return { private => $private, public => public_half($private) };
}

# The tool's own "jwk pub" takes the secret of an oct key away, rightly; the
# one who verifies needs it.
sub public_half
{
	my ($private) = @_;
	return $private if $private->{kty} eq 'oct';
	return $json->decode(
		tool('jwk', 'pub', '-i', spew('private', $json->encode($private)), '-o', '-'));
}

sub key_of
{
	my ($job) = @_;
	if (ref $job->{key})
	{
		my $jwk = $job->{key};
		$keys{ $jwk->{kid} } //= { private => $jwk, public => public_half($jwk) };
		return ($jwk->{kid}, $keys{ $jwk->{kid} });
	}
	$keys{ $job->{key} } //= make_key($job->{alg}, $job->{key});
	return ($job->{key}, $keys{ $job->{key} });
}

sub mint
{
	my ($job) = @_;
	my ($kid, $key) = key_of($job);
	return undef unless exists $job->{claims} || exists $job->{payload};
	my %header = (alg => $job->{alg}, typ => 'JWT', kid => $kid, %{ $job->{header} // {} });
	delete $header{$_} for grep { !defined $header{$_} } keys %header;
	# The tool signs under no other algorithm than the one in the key.
	my %private = (%{ $key->{private} }, alg => $job->{alg});
	my $payload = spew('payload', $job->{payload} // $json->encode($job->{claims}));
	return tool('jws', 'sig', '-c', '-o', '-', '-I', $payload,
		'-k', spew('key', $json->encode(\%private)),
		'-s', spew('signature', $json->encode({ protected => \%header })));
}

my $jobs = $json->decode(do { local $/; <STDIN> });
my (@tokens, @skipped);

for my $index (0 .. $#$jobs)
{
	my $token = eval { mint($jobs->[$index]) };
	push @skipped, { job => $index, alg => $jobs->[$index]{alg}, why => $@ =~ s/\s+$//r }
	  if $@;
	push @tokens, $token;
}

print $json->encode({
	library => 'libjose (jose tool)',
	tokens => \@tokens,
	keys => \%keys,
	skipped => \@skipped });
