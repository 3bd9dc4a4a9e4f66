# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Few descriptors: what cannot be watched is not run, and says so; what runs is never taken for dead.
tulou_only
for most in 4 5 6 7 8; do
	status=0
	(ulimit -n $most && exec "$TULOU" run -- /bin/sh -c 'sleep 0.2; /bin/true; exit 3') > /dev/null 2> said || status=$?
	case $status in
	3) ;;
	126 | 137) grep -q 'Too many open files' said || fail "with $most descriptors: $status, and says '$(cat said)'" ;;
	*) fail "with $most descriptors: $status" ;;
	esac
	echo "$most: $status"
done > statuses
grep -q '^8: 3' statuses || fail "8 descriptors are not enough: $(cat statuses)"
# The soft limit is the programs', not the supervisor's.
(ulimit -S -n 12 && exec "$TULOU" run -- bash -c 'for i in $(seq 40); do sleep 0.2 & done; wait; ulimit -S -n') > limit || fail "40 beside each other: $?"
[ "$(cat limit)" = 12 ] || fail "the program's limit is $(cat limit)"
