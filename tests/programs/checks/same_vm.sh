# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# kcmp(KCMP_VM): any two guests of one run share their address space; natively they do not.
mkfifo fifo
expected=same
[ "$SIDE" = native ] && expected=different
for i in 1 2 3; do
	answer=$(run same_vm hold fifo + same_vm compare fifo) || fail "round $i ends with $?"
	[ "$answer" = $expected ] || fail "hold + compare: $answer"
done
# With others around, and in another order.
answer=$(run same_vm compare fifo + true + same_vm hold fifo) || fail 'three programs'
[ "$answer" = $expected ] || fail "compare + true + hold: $answer"
# A spawned child shares too.
answer=$(run perl -e 'exec "same_vm", "hold", "fifo"' + same_vm compare fifo) || fail 'after exec'
[ "$answer" = $expected ] || fail "after exec: $answer"
