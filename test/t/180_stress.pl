# Fifty sessions verify while trust changes twenty times a second: no token is
# wrongly accepted or refused, nothing deadlocks, no session grows.  How that is
# judged stands in test/stress/stress.py; "make stress" runs it for longer.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../kit";
use IPC::Run qw(run);
use PindahTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $seconds = $ENV{STRESS_SECONDS} // 8;
my $node = start_node('stress', "shared_preload_libraries = 'pindah_auth'\nmax_connections = 80\n");

local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => 'postgres');
my $out = '';
run([ '/usr/bin/python3', "$FindBin::Bin/../stress/stress.py", '--seconds', $seconds ], '>&', \$out);
note($out);
diag($out) if $ENV{STRESS_SECONDS};
my %figure = $out =~ /^([^:\n]+): ([\d.]+)$/mg;

is($figure{problems}, 0, 'no token was wrongly accepted or refused, and nothing deadlocked') or diag($out);
cmp_ok($figure{accepted} // 0, '>', 100, 'tokens were accepted');
cmp_ok($figure{refused} // 0, '>', 10, '... and refused');
cmp_ok($figure{changes} // 0, '>', $seconds * 5, 'trust changed all the time');
cmp_ok($figure{rotations} // 0, '>', 0, '... keys that sign among it');
cmp_ok($figure{'largest growth of a session, kB'} // 1e9, '<', 2048, 'no session grew');
unlike(slurp_file($node->logfile), qr/deadlock detected|PANIC|terminated by signal/, 'the server took no harm');

$node->stop;
done_testing();
