# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# One of several processes is killed with SIGKILL, some of them inside memory calls: the others live on and are right, the dead ones'
# memory is back, new programs can be placed, the run's status is the first program's.
tulou_only
. "$(dirname "$CASES")/books.sh"
start hold 16 "$PWD/ready"
await has_lines ready 1
lone=$(books "$(cat ready)")
kill -9 "$(cat ready)"
status=0
wait "$run" || status=$?
[ $status = 137 ] || fail "a killed first program gives $status"
[ "${lone##* }" -ge $((16 << 20)) ] || fail "16 MiB held, $lone shown"

for round in 1 2 3 4 5 6 7 8 9 10; do
	rm -f ready pid go output
	mkfifo go
	start bash -c 'echo $$ > pid; read -r line < go; exec map_threads > output' + hold 8 "$PWD/ready" + hold churn 8 "$PWD/ready" \
		+ hold churn 4 "$PWD/ready"
	exec 3<> go
	await has_lines pid 1
	await has_lines ready 3
	while read -r pid; do
		kill -9 "$pid"
	done < ready
	survivor=$(cat pid)
	# One process is left, and little memory: a shell's.
	alone()
	{
		kill -0 "$run" || fail "round $round: the run has ended"
		[ "$(books "$survivor" | cut -d ' ' -f 1)" = 1 ]
	}
	await alone
	left=$(books "$survivor")
	[ "${left##* }" -lt $((20 << 20)) ] || fail "round $round: left are $left"
	echo go >&3 # kept open: what nobody has read yet would be lost with the last descriptor
	wait "$run" || fail "round $round: the survivor ends with $?: $(cat output)"
	exec 3>&-
	grep -q verified output || fail "round $round: the survivor says $(cat output)"
done
