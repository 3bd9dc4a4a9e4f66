# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# `tulou map`: nothing to show; a process that is no guest; the chart of an instance with all of its processes and areas, for each of
# its pids and for the supervisor's.
tulou_only
. "$CLI/expect.sh"
. "$(dirname "$CASES")/books.sh"
expect 1 "$$" map $$
expect 1 999999999 map 999999999
expect 1 "process 0 is" map 0

mkfifo go
start bash -c 'echo $$ > ready; read -r line < go' + hold 8 "$PWD/ready2"
await has_lines ready 1
await has_lines ready2 1
for pid in $(cat ready ready2) "$run"; do
	"$TULOU" map "$pid" > map-output 2> err || fail "tulou map $pid ends with $?: $(cat err)"
	for other in $(cat ready ready2); do
		grep -qE "(^|[^0-9])$other([^0-9]|\$)" map-output || fail "tulou map $pid does not name $other"
	done
	grep -q hold map-output || fail "tulou map $pid does not name the program"
	# Every line as wide as the next, in columns; the addresses ascend.
	perl -CSD -ne 'chomp; if (/^[│┌└]/) { $w //= length; die "ragged: $_\n" if length != $w }
		if (/0x([0-9a-f]{12})-0x([0-9a-f]{12}) .*  [r-][w-][x-][ps]/) {
			die "not ascending: $_\n" if $last and hex $1 < $last; $last = hex $2; die "empty: $_\n" if hex $1 >= hex $2 }' map-output ||
		fail "tulou map $pid"
done
said=$(books "$run") || fail "no totals: $(head -n 8 map-output)"
[ "${said%% *}" = 2 ] && [ "${said##* }" -ge $((8 << 20)) ] || fail "2 processes, one with 8 MiB: $said"
# Without a pid: this instance among all.
"$TULOU" map > map-output || fail "tulou map ends with $?"
grep -qE "(^|[^0-9])$(cat ready2)([^0-9]|\$)" map-output || fail 'tulou map does not show the instance'
# Another user's requests are not answered.
if [ "$(id -u)" != 0 ] || ! setpriv --reuid 65534 --clear-groups true 2> /dev/null; then
	:
elif setpriv --reuid 65534 --regid 65534 --clear-groups "$TULOU" map "$run" > out 2> err; then
	fail "nobody may look into root's instance: $(head -n 3 out)"
fi
kill -9 "$(cat ready2)"
echo go > go
wait "$run" || fail "the run ends with $?"
expect 1 "$run" map "$run"

"$TULOU" run --map-at-exit -- true > out 2> err || fail "--map-at-exit ends with $?"
grep -q 'in VMAs' err || fail "--map-at-exit shows nothing: $(cat out err)"
[ ! -s out ] || fail '--map-at-exit writes to stdout'
expect_done
