# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The image cache serves, says so, leaks nothing, and goes when it is not used; --no-image-cache is without.
tulou_only
. "$(dirname "$CASES")/books.sh"

"$TULOU" run --stats -- images many 100 > out 2> err || fail "images ends with $?: $(cat err)"
hits=$(sed -n 's/^image cache: programs \([0-9]*\) hits.*/\1/p' err)
libraries=$(sed -n 's/^image cache:.* libraries \([0-9]*\) hits.*/\1/p' err)
[ "${hits:-0}" -ge 95 ] || fail "100 programs and $hits hits: $(cat err)"
[ "${libraries:-0}" -ge 95 ] || fail "100 programs and $libraries hits of libraries: $(cat err)"

"$TULOU" run --no-image-cache --stats -- images many 3 > out 2> err || fail "images ends with $?: $(cat err)"
grep -q '^image cache:' err && fail "there is a cache: $(cat err)"

# What it holds after many, and when they are long gone: nothing but the one who waits is in the books.
areas()
{
	wc -l < "/proc/$run/maps"
}
resident()
{
	awk '/^VmRSS/ { print $2 }' "/proc/$run/status"
}
alone()
{
	kill -0 "$run" || fail "the run has ended"
	[ "$(books "$holder" | cut -d ' ' -f 1)" = 1 ]
}
# after COUNT: prints areas and KiB of an instance that has seen so many programs
after()
{
	start hold 1 "$PWD/ready$1" + images many "$1" > "out$1"
	await has_lines "ready$1" 1
	holder=$(cat "ready$1")
	await grep -q many "out$1"
	await alone
	echo "$(areas) $(resident)"
	kill "$holder"
	wait "$run"
}
few=$(after 200)
many=$(after 2000)
# A page for each would be 7,200 KiB. Where the supervisor is late, some dozens of slots are in use at once, and their pages stay.
[ "${many% *}" -le $((${few% *} + 4)) ] || fail "areas and KiB after 200 programs: $few, after 2000: $many"
[ "${many#* }" -le $((${few#* } + 4096)) ] || fail "areas and KiB after 200 programs: $few, after 2000: $many"
