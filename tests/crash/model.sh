#!/bin/bash
# SPDX-License-Identifier: MIT
# model.sh - check the protocols of deaths (src/base/journal.pml) and of neighbours (src/vm/border.pml) with spin: they hold, and each
# broken variant of them is found.
set -eu
command -v spin > /dev/null || { echo "skipped: spin is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failures=0

# try MODEL VARIANT DEFINITION…: prints spin's count of errors and of states
try()
{
	local model=$TULOU_SOURCE/src/$1 variant=$2
	shift 2
	spin -DVARIANT="$variant" "$@" -a "$model" > spin.out || { cat spin.out; exit 1; }
	"${CC:-cc}" -O1 -w -DSAFETY -DCOLLAPSE -DMEMLIM=2000 -o pan pan.c
	./pan -m100000 -w22 > pan.out
	sed -n 's/.*errors: \([0-9]*\).*/\1/p; s/ *\([0-9.e+]*\) states, stored.*/\1/p' pan.out | tr '\n' ' '
	if grep -q 'max search depth too small' pan.out; then echo 'depth too small'; else echo; fi
}

# holds MODEL DEFINITION…
holds()
{
	local model=$1
	shift
	read -r errors states rest < <(try "$model" 0 "$@")
	echo "$model $*: $states states, $errors errors $rest"
	[ "$errors$rest" = 0 ] || failures=$((failures + 1))
}

# finds MODEL VARIANT DEFINITION…: with one of the definitions
finds()
{
	local model=$1 variant=$2 found='NOT found' with
	shift 2
	for with in "$@"; do
		read -r errors states rest < <(try "$model" "$variant" "$with")
		[ "$errors" = 0 ] || { found=found; break; }
	done
	echo "$model variant $variant: $found, $with, $states states"
	[ "$found" = found ] || failures=$((failures + 1))
}

holds base/journal.pml -DWITH=2
holds base/journal.pml -DWITH=3
for variant in 1 2 3 4 5 6 7 8 9 10; do
	finds base/journal.pml $variant -DWITH=2 -DWITH=3
done
holds vm/border.pml -DCALLERS=3 -DDEATHS=1
holds vm/border.pml -DCALLERS=4 -DDEATHS=1
for variant in 1 2 3 4 5 6 7 8 9; do
	finds vm/border.pml $variant -DCALLERS=3
done
exit $((failures > 0))
