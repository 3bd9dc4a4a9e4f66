# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# A program forks, the child spawns, the grandchild is killed with SIGKILL: its memory is back within 100 ms, as `tulou map` shows.
# Five rounds: all must come back, the quickest within the promise (the machine may be busy with something else meanwhile).
tulou_only
. "$(dirname "$CASES")/books.sh"
mkfifo go
start hold tree 64 "$PWD/ready" "$PWD/go"
exec 3<> go
await has_lines ready 1
child=$(sed -n 1p ready)

# grandchild: have the next one spawned; $grandchild is its pid
lines=1
grandchild()
{
	echo go >&3
	await has_lines ready $((lines + 1))
	grandchild=$(tail -n 1 ready)
}

# reaped: wait until the child has reaped the killed grandchild
reaped()
{
	await has_lines ready $((lines += 2))
	[ "$(tail -n 1 ready)" = 'reaped 9' ] || fail "the child says: $(tail -n 1 ready)"
}

# The first time is not measured: a forked child has an instance of its own, with a supervisor once it has created a process.
grandchild
kill -9 "$grandchild"
reaped
quickest=5000
for round in 1 2 3 4 5; do
	before=$(books "$child") || fail "tulou map $child shows nothing: $(cat map-output)"
	grandchild
	during=$(books "$child") || fail "tulou map $child with the grandchild"
	[ $((${during##* } - ${before##* })) -ge $((60 << 20)) ] || fail "the grandchild's 64 MiB do not show: $before, then $during"
	[ "${during%% *}" = $((${before%% *} + 1)) ] || fail "processes: $before, then $during"
	kill -9 "$grandchild"
	took=$(back "$child" "$before") || fail "round $round: $before before, $(books "$child") 5 s after the kill"
	[ "$took" -lt $quickest ] && quickest=$took
	reaped
done
exec 3>&-
wait "$run" || fail "the run ends with $?"
[ $quickest -le 100 ] || fail "the quickest of 5 took $quickest ms"
echo "memory is back within $quickest ms"
