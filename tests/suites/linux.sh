#!/bin/bash
# SPDX-License-Identifier: MIT
#
# linux.sh [DIRECTORY…] - Linux's own tests (tools/testing/selftests), as linux-tests.md lists them: status and output must agree.

# They leave System V segments behind, of which a machine has only so many: those go with a namespace of their own, where that is allowed.
if [ -z "${SUITE_IPC-}" ] && unshare --ipc true 2> /dev/null; then
	SUITE_IPC=own exec unshare --ipc "$BASH" "$0" "$@"
fi

# shellcheck source=tests/suites/suite.sh
. "$TULOU_SOURCE/tests/suites/suite.sh"
place=$TULOU_BUILD/suites/linux
[ -f "$place/stamp" ] || skip "Linux's own tests are not built (the package linux-source-6.1, then linux_build.sh)"

# Addresses, times and process ids differ from run to run, and so does a copy of /proc/self/maps; TAP's sums do not.
numbers()
{
	sed -E -e '/^# [0-9a-f]+-[0-9a-f]+ [r-][w-][x-][ps] /d' -e 's/\b(0x)?[0-9a-f]{8,16}\b/ADDRESS/g; s/0x[0-9a-f]+/HEX/g' \
		-e '/^1\.\.|^# Totals/! s/[0-9]+(\.[0-9]+)?/N/g' -e 's/\[[0-9]+\]/[N]/g; s/[[:space:]]+/ /g'
}

# rows SECTION: "program arguments|second column" for each row of a section of the list
rows()
{
	awk -v section="## $1" -F ' *\\| *' '/^## / { on = $0 == section } on && /^\| [a-zA-Z0-9_-]+\// { print $2 "|" $3 }' "$suites/linux-tests.md"
}

wanted()
{
	[ $# -eq 1 ] && return 0
	local name=${1%%/*} one
	shift
	for one in "$@"; do
		[ "$one" = "$name" ] && return 0
	done
	return 1
}

# run_rows SECTION REASONS DIRECTORY…: with REASONS the second column says why the two differ, else when and as whom to run
run_rows()
{
	local section=$1 reasons=$2 command second program
	shift 2
	while IFS='|' read -r command second <&3; do
		wanted "$command" "$@" || continue
		case "$reasons,$second,$form" in
		,*long*,short) continue ;;
		esac
		program=${command%% *}
		if [ ! -x "$place/$program" ]; then
			echo "$program: not built here"
			continue
		fi
		directory=$place/${program%/*}
		as=
		case "$reasons,$second" in
		,*nobody*) [ "$(id -u)" != 0 ] || as='setpriv --reuid=65534 --regid=65534 --clear-groups' ;;
		esac
		# shellcheck disable=SC2086 # arguments
		compare "$command${as:+, as nobody}" 60 numbers "${reasons:+$second}" $as ./"${program##*/}" \
			$([ "$command" = "$program" ] || echo "${command#* }")
	done 3< <(rows "$section")
}

run_rows 'Compared' '' "$@"
run_rows 'Different' 1 "$@"
suite_end
