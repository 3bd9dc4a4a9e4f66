# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Words that tulou does not understand: 125, and one line that says which. Help and version go to stdout, with 0.
tulou_only
. "$CLI/expect.sh"
expect 125 'command|usage|--help'
expect 125 'no-such-command' no-such-command
expect 125 'no-such-option' --no-such-option
expect 125 'program|usage' run
expect 125 'program|usage' run --
expect 125 'program|usage' run --strict --
expect 125 'no-such-option' run --no-such-option -- true
expect 125 'Z' run -Z -- true
expect 125 'program|\+' run -- + true
expect 125 'program|\+' run -- true +
expect 125 'program|\+' run -- true + + true
expect 125 'no-such-option' map --no-such-option
expect 125 'abc' map abc
expect 125 'argument|most|2' map 1 2

for words in --help 'run --help' 'map --help' --version; do
	# shellcheck disable=SC2086 # words
	"$TULOU" $words > out 2> err || fail "$words ends with $?"
	[ -s out ] || fail "$words prints nothing"
	[ ! -s err ] || fail "$words writes to stderr: $(cat err)"
done
"$TULOU" --version | grep -qE '^tulou [0-9]+\.[0-9]+' || fail "version: $("$TULOU" --version)"
"$TULOU" --help | grep -q 'run' || fail 'help does not name run'
"$TULOU" --help | awk 'length > 130 { exit 1 }' || fail 'help is wider than 130 columns'
status=0
"$TULOU" --help > /dev/full 2> err || status=$?
: > out
judge $status 125 'space|write' 'tulou --help > /dev/full'
# Options end at the program's name: what follows is the program's.
[ "$("$TULOU" run -- echo --help -- -v)" = '--help -- -v' ] || fail 'options after -- are not the program'"'"'s'
expect_done
