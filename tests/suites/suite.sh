# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# suite.sh - run other people's tests natively and under `tulou run`, and compare. Sourced by the suites.
#
# Environment: TULOU, TULOU_BUILD, TULOU_SOURCE, TULOU_OPTIONS and TULOU_MORE_OPTIONS (of `tulou run`); TULOU_SUITES=long asks for the long form. TOOLS
# (contain, native_run) are taken from the build. TULOU_SUITES_KEEP=1 keeps the outputs.
# Status of a suite: 0 all as expected, 1 something differs, 77 nothing to compare (with the reason).
set -u
TULOU_BUILD=$(readlink -f "$TULOU_BUILD")
TULOU=$(readlink -f "$TULOU")
TOOLS=$TULOU_BUILD/tests/programs/tools
suites=$TULOU_SOURCE/tests/suites
form=${TULOU_SUITES:-short}
keep=${TULOU_SUITES_KEEP:-}
# shellcheck source=tests/programs/side.sh
. "$TULOU_SOURCE/tests/programs/side.sh"

top=$(mktemp -d "${TMPDIR:-/tmp}/tulou-suite.XXXXXX") || exit 125
# shellcheck disable=SC2329 # called by the trap
suite_cleanup()
{
	if [ -n "$keep" ]; then echo "kept: $top"; else chmod -R u+rwX "$top"; rm -rf "$top"; fi
}
trap suite_cleanup EXIT
same=0 off=0 listed=0 wrong=0

# skip REASON: the whole suite cannot run here
skip()
{
	echo "skipped: $1" >&2
	exit 77
}

# run_side SIDE SECONDS COMMAND…: its output and status stand in $pair/SIDE.{output,status,left}, its seconds in $elapsed
run_side()
{
	local side=$1 seconds=$2 runner=$TOOLS/native_run status=0 began=$EPOCHREALTIME
	shift 2
	[ "$side" = tulou ] && runner=$TULOU
	contained "$pair" "$side" "$seconds" -- env -C "${directory:-.}" "$runner" run $([ "$side" = tulou ] && echo "${TULOU_OPTIONS:-} ${TULOU_MORE_OPTIONS:-}") -- "$@" \
		> "$pair/$side.output" 2>&1 || status=$?
	echo "$status" > "$pair/$side.status"
	contained_end "$pair" "$side"
	elapsed=$(LC_ALL=C awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
}

# differs FILTER: what the two sides differ in, as text; empty when they agree
differs()
{
	local what
	for what in status left; do
		cmp -s "$pair/native.$what" "$pair/tulou.$what" || diff -u --label "native $what" --label "tulou $what" "$pair/native.$what" "$pair/tulou.$what"
	done
	"$1" < "$pair/native.output" > "$pair/native.result"
	"$1" < "$pair/tulou.output" > "$pair/tulou.result"
	cmp -s "$pair/native.result" "$pair/tulou.result" || diff -u --label native --label tulou "$pair/native.result" "$pair/tulou.result"
}

# both NAME SECONDS FILTER COMMAND…: run the two sides; sets native, tulou (seconds), status and what (the differences)
both()
{
	local name=$1 seconds=$2 filter=$3
	shift 3
	pair=$top/$(printf %s "$name" | tr -c '[:alnum:].-' _)
	rm -rf "$pair"
	mkdir "$pair" || exit 125
	run_side native "$seconds" "$@"
	native=$elapsed status=$(cat "$pair/native.status")
	run_side tulou "$seconds" "$@"
	tulou=$elapsed
	what=$(differs "$filter")
}

# alike DIRECTORY SIDE DIRECTORY SIDE: did the two end alike?
alike()
{
	local which
	for which in status left result; do
		cmp -s "$1/$2.$which" "$3/$4.$which" || return 1
	done
}

# unsteady: natively one of the last two tries ended like one of them under Tulou, and the other did not
unsteady()
{
	! alike "$pair" native "$pair.first" native && { alike "$pair" native "$pair.first" tulou || alike "$pair.first" native "$pair" tulou; }
}

# compare NAME SECONDS FILTER REASON COMMAND…: both sides, in $directory; one row of the table. With a REASON they are known to
# differ: then it is wrong when they no longer do. What differs without one gets two more tries, for the sake of tests with tight times; what is
# unsteady natively is equal when Tulou did as Linux did in one of two.
compare()
{
	local name=$1 seconds=$2 filter=$3 reason=$4 native tulou status what verdict again try=
	shift 4
	both "$name" "$seconds" "$filter" "$@"
	for again in second third; do
		[ -n "$what" ] && [ -z "$reason" ] || break
		head -60 <<< "$what" | sed "s/^/    before the $again try: /"
		try=", $again try"
		rm -rf "$pair.first"
		mv "$pair" "$pair.first"
		both "$name" "$seconds" "$filter" "$@"
		if [ -n "$what" ] && unsteady; then
			what='' try=', unsteady natively'
		fi
	done
	if [ "$status" = 124 ]; then
		verdict='no end natively' wrong=$((wrong + 1))
	elif [ -n "$what" ] && [ -n "$reason" ]; then
		verdict='differs, as listed' listed=$((listed + 1)) what=
	elif [ -n "$what" ]; then
		verdict='DIFFERS' wrong=$((wrong + 1))
	elif [ -n "$reason" ]; then
		verdict='EQUAL, but listed as different' wrong=$((wrong + 1))
	elif [ "$status" = 0 ]; then
		verdict='equal' same=$((same + 1))
	elif [ "$status" = 4 ]; then
		verdict='equal: skips itself' off=$((off + 1))
	else
		verdict='equal: fails natively' off=$((off + 1))
	fi
	printf '%-44s %4s %6s s %4s %6s s  %s\n' "$name" "$status" "$native" "$(cat "$pair/tulou.status")" "$tulou" "$verdict$try"
	[ -z "$what" ] || head -60 <<< "$what" | sed 's/^/    /'
	[ -n "$keep" ] || rm -rf "$pair" "$pair.first"
}

# suite_end: the sum, and the status of the suite
suite_end()
{
	echo "$same equal, $off equal but failing or skipped on both sides, $listed different as listed, $wrong wrong"
	[ $((same + off + listed + wrong)) -gt 0 ] || skip 'nothing to compare'
	[ $wrong -eq 0 ]
	exit
}
