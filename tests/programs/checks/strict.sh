# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# --strict refuses whatever would need a second instance: a fork by copy, a second program at the same fixed address. It says so,
# and what can be done in one address space still works.
tulou_only
strict() { "$TULOU" run --strict -- "$@"; }

strict true || fail 'true alone'
[ "$(strict echo words)" = words ] || fail 'echo alone'
strict hosted "$GUESTS/hosted" > output || fail "hosted: threads and posix_spawn need one instance only: $(cat output)"

# A fork whose child goes on by itself has to be a copy.
status=0
strict perl -e 'my $pid = fork; if (!defined $pid) { print STDERR "refused: $!\n"; exit 40 } if (!$pid) { sleep 0.01; exit 0 } wait; exit 0' \
	2> messages || status=$?
[ $status != 0 ] || fail 'a fork by copy went through'
[ -s messages ] || fail 'a fork by copy was refused without a word'
grep -q 'tulou' messages || fail "no message of tulou: $(cat messages)"

# Two programs at one fixed address.
if [ -x /usr/bin/python3 ]; then
	mkfifo fifo
	status=0
	strict /usr/bin/python3 -c 'open("fifo").read()' + /usr/bin/python3 -c 'open("fifo", "w").write("x")' 2> messages &
	strict=$!
	await grep -q tulou messages
	# The first one may still wait for the other; end it.
	if kill -0 $strict 2> /dev/null; then
		: 3<> fifo
		kill -TERM $strict 2> /dev/null || true
	fi
	wait $strict && fail 'two programs at one address went through'
fi
exit 0
