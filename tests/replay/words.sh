#!/bin/bash
# SPDX-License-Identifier: MIT
# What it is asked, and what it answers: options, files that are none, logs that are broken.
set -u
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory" || exit 1
failed=0
expect() # STATUS PATTERN ARGUMENT…
{
	local status=0 wanted=$1 pattern=$2
	shift 2
	"$TULOU" replay "$@" > out 2> err || status=$?
	[ $status -eq "$wanted" ] && cat out err | grep -qE -- "$pattern" && return
	echo "FAILED: replay $*: status $status, not $wanted, or no '$pattern' in:"
	cat out err
	failed=1
}

one_line()
{
	[ "$(wc -l < err)" -eq 1 ] && [ ! -s out ] && return
	echo "FAILED: more than one line for: $*"
	failed=1
}

printf '%s\n' '1 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000000000' \
	'1 munmap(0x7f0000000000, 4096) = -1 EINVAL (Invalid argument)' 'this is no call' '1 openat(3, "a") = 4' '1 munmap(0x7f' > log
printf '1 brk(NULL) = 0x5555' > half
: > empty
expect 1 'no-such-file: No such file' no-such-file; one_line no-such-file
expect 1 'Is a directory' .; one_line directory
expect 1 'not an strace log' empty; one_line empty
expect 1 'not an strace log' /bin/true; one_line /bin/true
expect 1 'not an strace log' half
expect 125 'no log named' --verify; one_line no log
expect 125 'more than one' log log; one_line two logs
expect 125 'no-such-option' --no-such-option log; one_line option
expect 125 "host 'round'" --host round log; one_line host
expect 125 'missing.*--repeat' --repeat; one_line repeat
for repeat in 0 -1 x 1x 99999999999; do
	expect 125 "'$repeat'" --repeat $repeat log; one_line repeat $repeat
done
expect 0 'Usage' --help
expect 0 '5 lines, 2 calls of the manager' log
expect 0 '1  openat: not a call that is replayed' log
expect 0 '1  lines cut in the middle' log
expect 0 '1  lines that are not strace' log
expect 1 '^line 2: munmap\(0x7f0000000000, 0x1000\): the log says EINVAL, the manager 0x0$' --verify log
expect 1 '^line 2: ' --verify --repeat 3 log
[ "$(grep -c '^line' out)" -eq 1 ] || { echo 'FAILED: repeated differences'; failed=1; }
expect 0 '15 lines, 6 calls of the manager' --repeat 3 log
expect 0 'munmap +1 +0' --stats log
for _ in $(seq 30); do sed -n 2p log; done > many
expect 1 '30 differ' --verify many
[ "$(grep -c '^line' out)" -eq 20 ] || { echo 'FAILED: not the first 20 differences'; failed=1; }
{ head -c 600000 /dev/zero | tr '\0' x; echo; sed -n 1p log; } > wide
expect 0 '2 lines, 1 calls of the manager' wide
"$TULOU" replay - < log > out 2> err || { echo 'FAILED: standard input'; failed=1; }
grep -q '5 lines' out || { echo 'FAILED: standard input is not read'; failed=1; }
"$TULOU" replay log > /dev/full 2> err && { echo 'FAILED: a full disk goes unnoticed'; failed=1; }
expect 0 'calls of the manager' log
[ ! -s err ] || { echo 'FAILED: progress, and no terminal'; failed=1; }
exit $failed
