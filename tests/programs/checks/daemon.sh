# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# A guest leaves a daemon behind: the run returns with the guest's status, the daemon lives on, and ends when it is told to.
. "$(dirname "$CASES")/books.sh"
mkfifo go
status=0
run perl -e 'use POSIX; my $p = fork; if ($p) { waitpid $p, 0; exit 6 } POSIX::setsid(); fork and exit 0;
	open STDOUT, ">", "/dev/null"; open STDERR, ">", "/dev/null"; my @memory = (1) x 100000;
	open my $ready, ">", "ready" or die; print $ready "$$\n"; close $ready;
	open my $go, "<", "go" or die; my $line = <$go>; open my $end, ">", "end" or die; print $end scalar(@memory), "\n"; close $end;' || status=$?
[ "$SIDE" = native ] || [ $status = 6 ] || fail "the run ends with $status"
await has_lines ready 1
kill -0 "$(cat ready)" || fail 'the daemon died with the run'
echo go > go
await has_lines end 1
[ "$(cat end)" = 100000 ] || fail "the daemon wrote $(cat end)"
