# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# expect.sh - for tests of messages.

# expect STATUS PATTERN ARGS…: `tulou ARGS…` ends with STATUS, prints nothing on stdout, and on stderr exactly one line, which begins
# with "tulou: " and matches PATTERN (extended, without regard to case). All failures are counted; `expect_done` ends the test.
failures=0
expect()
{
	local status=0 expected=$1 pattern=$2
	shift 2
	"$TULOU" "$@" > out 2> err || status=$?
	judge "$status" "$expected" "$pattern" "tulou $*"
}

judge()
{
	local status=$1 expected=$2 pattern=$3 what=$4 why=
	[ "$status" = "$expected" ] || why="status $status, not $expected"
	[ ! -s out ] || why="$why; writes to stdout"
	[ "$(wc -l < err)" = 1 ] || why="$why; $(wc -l < err) lines on stderr"
	grep -q '^tulou: ' err || why="$why; the message does not begin with 'tulou: '"
	grep -qiE -- "$pattern" err || why="$why; the message does not match '$pattern'"
	if [ -n "$why" ]; then
		echo "$what: $why"
		sed 's/^/    /' err | head -n 5
		failures=$((failures + 1))
	fi
}

expect_done()
{
	[ $failures = 0 ] || fail "$failures of the above"
}
