#!/bin/sh
# SPDX-License-Identifier: MIT
#
# mutants.sh - do the tests find the faults that the original had?
#
#   mutants.sh [NAME ...]
#
# Each mutants/NAME.patch puts one fault back into a copy of src/. Its head says what the fault is and which test must find it:
#
#   fault: one line
#   find: arguments of the test program, e.g. random_compare --host sim
#   sees: a regular expression for the line that names the call, so that it is this fault that was found
#
# The copy is built without sanitizers (a fault should be found by what it answers), and the test must end with status 1, which
# both programs keep for a difference. A patch that no longer applies, or a mutant that nobody finds, fails this script.
#
# Faults of the original that have no mutant, since no answer shows them: the vector of free ranges that is scanned first-fit, the
# set of chunks that every call walks, the areas that mremap merges first, zeroing and file I/O under the global lock (all of them
# cost time only), and locks dropped half-way in mremap (only threads see it; both programs here have one).
#
# Environment: TULOU_SOURCE (the tree), TULOU_BUILD (where to build), CC.
set -eu

: "${TULOU_SOURCE:?}" "${TULOU_BUILD:?}"
cc=${CC:-cc}
here=$TULOU_SOURCE/tests/random
work=$TULOU_BUILD/mutants
failures=0

compile() { # ROOT OBJECTS: what changed since the last time
	(
		cd "$1"
		for file in src/base/*.c src/vm/*.c src/vm/calls/*.c src/inspect/*.c src/host/sim/*.c src/host/linux/*.c; do
			object=$2/$(echo "${file%.c}" | tr / -).o
			[ "$file" = src/base/mem.c ] || [ "$object" -nt "$file" ] || echo "$file $object"
		done | xargs -r -P 2 -L 1 sh -c \
			"$cc"' -std=gnu11 -O1 -g -D_GNU_SOURCE -DTULOU_CHECK_LEVEL_DEFAULT=0 -Iinclude -Isrc -c "$1" -o "$2"' sh
	)
}

programs() { # OBJECTS OUT PROGRAM…: test programs on these objects
	objects=$1 out=$2
	shift 2
	for program; do
		"$cc" -o "$out/$program" "$work/tests/$program"/*.o -Wl,--start-group "$objects"/*.o -Wl,--end-group -lpthread
	done
}

tests_compile() { # the test programs' own objects, once
	for program in random_compare random_processes; do
		mkdir -p "$work/tests/$program"
	done
	for file in "$here"/*.c; do
		case $(basename "$file") in
		random_processes.c | processes_model.c) into=random_processes ;;
		*) into=random_compare ;;
		esac
		"$cc" -std=gnu11 -O1 -g -D_GNU_SOURCE -I"$TULOU_SOURCE/include" -I"$TULOU_SOURCE/src" -c "$file" \
			-o "$work/tests/$into/$(basename "$file" .c).o"
	done
}

copy_fresh() { # DIRECTORY: the tree as it is, with the time stamps it has
	rm -rf "$1"
	mkdir -p "$1"
	cp -pR "$TULOU_SOURCE/src" "$TULOU_SOURCE/include" "$1"
}

mutant_try() { # NAME
	patch=$here/mutants/$1.patch
	tree=$work/$1
	find=$(sed -n 's/^find: //p' "$patch")
	sees=$(sed -n 's/^sees: //p' "$patch")

	copy_fresh "$tree"
	if ! patch -d "$tree" -p1 -s -F0 <"$patch" >"$work/$1.log" 2>&1; then
		echo "mutant $1: the patch no longer applies: bring it up to date"
		cat "$work/$1.log"
		return 1
	fi
	# A changed header changes them all.
	mkdir "$tree/objects"
	if ! sed -n 's/^+++ b\/\([^	]*\).*/\1/p' "$patch" | grep -q '\.h$'; then
		cp -p "$work/objects"/*.o "$tree/objects"
		sed -n 's/^+++ b\/\([^	]*\).*/\1/p' "$patch" | while read -r file; do
			rm -f "$tree/objects/$(echo "${file%.c}" | tr / -).o"
		done
	fi
	if ! compile "$tree" "$tree/objects" >"$work/$1.log" 2>&1 || ! programs "$tree/objects" "$tree" "${find%% *}" >>"$work/$1.log" 2>&1; then
		echo "mutant $1: does not build"
		cat "$work/$1.log"
		return 1
	fi
	status=0
	# shellcheck disable=SC2086 # arguments are words
	timeout 300 "$tree/${find%% *}" ${find#* } >"$work/$1.log" 2>&1 || status=$?
	if [ "$status" -ne 1 ]; then
		echo "mutant $1 NOT FOUND by '$find' (status $status): $(sed -n 's/^fault: //p' "$patch")"
		tail -n 5 "$work/$1.log"
		return 1
	fi
	if ! sed -n '/<-- HERE/p; /^random_processes: run/p' "$work/$1.log" | tee "$work/$1.line" | grep -Eq "$sees"; then
		echo "mutant $1: '$find' found something else than '$sees':"
		cat "$work/$1.log"
		return 1
	fi
	echo "mutant $1 found: $(sed -n 's/^fault: //p' "$patch")"
	cat "$work/$1.line"
	rm -rf "$tree"
}

mkdir -p "$work/objects"
tests_compile
copy_fresh "$work/plain"
rm -f "$work/objects"/*.o
compile "$work/plain" "$work/objects"
programs "$work/objects" "$work/plain" random_compare random_processes

# The tree as it is must pass, or "found" would mean nothing.
"$work/plain/random_compare" --host sim --calls 2000 --no-cells >"$work/plain.log" || { cat "$work/plain.log"; exit 1; }
"$work/plain/random_processes" --runs 1 >"$work/plain.log" || { cat "$work/plain.log"; exit 1; }

[ $# -gt 0 ] || set -- $(cd "$here/mutants" && ls ./*.patch | sed 's/^\.\///; s/\.patch$//')
for name; do
	mutant_try "$name" || failures=$((failures + 1))
done
echo "$# mutants, $failures not found"
[ "$failures" -eq 0 ]
