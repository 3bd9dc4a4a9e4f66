#!/bin/bash
# SPDX-License-Identifier: MIT
# model.sh - check the protocol of deaths (src/base/journal.pml) with spin: it holds, and each broken variant of it is found.
set -eu
command -v spin > /dev/null || { echo "skipped: spin is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failures=0

# try VARIANT WITH: prints spin's count of errors and of states
try()
{
	spin -DVARIANT="$1" -DWITH="$2" -a "$TULOU_SOURCE/src/base/journal.pml" > spin.out || { cat spin.out; exit 1; }
	"${CC:-cc}" -O1 -w -DSAFETY -DCOLLAPSE -DMEMLIM=2000 -o pan pan.c
	./pan -m100000 -w22 > pan.out
	sed -n 's/.*errors: \([0-9]*\).*/\1/p; s/ *\([0-9.e+]*\) states, stored.*/\1/p' pan.out | tr '\n' ' '
	if grep -q 'max search depth too small' pan.out; then echo 'depth too small'; else echo; fi
}

for with in 2 3; do
	read -r errors states rest < <(try 0 $with)
	echo "protocol, two deaths, with task $with: $states states, $errors errors $rest"
	[ "$errors$rest" = 0 ] || failures=$((failures + 1))
done
for variant in 1 2 3 4 5 6 7 8 9 10; do
	found=
	for with in 2 3; do
		read -r errors states rest < <(try $variant $with)
		[ "$errors" = 0 ] || { found=yes; break; }
	done
	echo "variant $variant: ${found:-NOT} found, with task $with, $states states"
	[ -n "$found" ] || failures=$((failures + 1))
done
exit $((failures > 0))
