# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What stays with a process (docs/deviations.md, R1): a stray access reads zeros, for some seconds; with --exact it faults at once.
tulou_only

# stray EXPECTED [option] [seconds]
stray()
{
	"$TULOU" run ${2:+"$2"} -- resident stray ${3:+"$3"} > out || fail "stray $*: $?"
	[ "$(cat out)" = "$1" ] || fail "stray $*: $(cat out)"
}
stray zeros
stray zeros --resident
stray fault --exact
stray fault '' 7
"$TULOU" run --exact -- resident > out || fail "exact: $?"
"$TULOU" run --resident --check=3 -- resident > out || fail "resident: $?"
