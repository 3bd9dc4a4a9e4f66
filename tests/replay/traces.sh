#!/bin/bash
# SPDX-License-Identifier: MIT
# Every recorded log, on all three hosts: no answer differs but those that the host's contract allows, which only flat has. Then one answer of each is falsified, and must be found.
set -u
traces=$TULOU_SOURCE/tests/traces
out=$(mktemp) log=$(mktemp)
trap 'rm -f "$out" "$log"' EXIT
failed=0
fail()
{
	echo "FAILED: $*"
	head -30 "$out"
	failed=1
}

count=0
for trace in "$traces"/*.strace; do
	name=$(basename "$trace" .strace)
	count=$((count + 1))
	for host in sim flat linux; do
		# The whole pool is checked after every call where that is no matter of minutes.
		check=1
		[ "$(wc -l < "$trace")" -lt 2000 ] && check=3
		"$TULOU" replay --host $host --check $check --verify --stats "$trace" > "$out" 2>&1 || fail "$name on $host"
		grep -qE '^[1-9][0-9]* answers compared, 0 differ$' "$out" || fail "$name on $host: nothing compared"
		grep -q 'by this host' "$out" && [ $host != flat ] && fail "$name: $host refuses what it should not"
	done
	grep -qE 'cut in the middle|not strace|never resumed|not in the log|processes assumed' "$out" && fail "$name: not understood to the end"

	# The last munmap or mprotect that succeeded is said to have failed.
	line=$(grep -nE '^[0-9]+ +(munmap|mprotect)\(.*\) += 0$' "$trace" | tail -n 1 | cut -d: -f1)
	sed -E "${line}s/= 0\$/= -1 EACCES (Permission denied)/" "$trace" > "$log"
	"$TULOU" replay --verify "$log" > "$out" 2>&1 && fail "$name: a false answer was not found"
	grep -qE "^line $line: (munmap|mprotect)\(.*the log says EACCES, the manager 0x0" "$out" || fail "$name: line $line is not named"
done
[ $count -eq 13 ] || fail "$count traces, not 13"
exit $failed
