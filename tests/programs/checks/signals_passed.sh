# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# A signal sent to `tulou run` reaches its guests; the status tells how they ended.
. "$(dirname "$CASES")/books.sh"
for signal in TERM HUP USR1; do
	rm -f ready
	start hold 1 "$PWD/ready"
	await has_lines ready 1
	kill -$signal "$run"
	status=0
	wait "$run" || status=$?
	[ $status = $((128 + $(kill -l $signal))) ] || fail "SIG$signal gives $status"
done
start bash -c 'trap "exit 9" USR1; echo $$ > ready2; while :; do sleep 0.01; done'
await has_lines ready2 1
kill -USR1 "$run"
status=0
wait "$run" || status=$?
[ $status = 9 ] || fail "a handler's exit gives $status"
