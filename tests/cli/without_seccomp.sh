# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# A kernel (or container) that has no seccomp filters: 125 and one line that says so; nothing is run unmanaged.
tulou_only
. "$CLI/expect.sh"
for error in ENOSYS EINVAL; do
	status=0
	"$HELPERS/without_seccomp" $error "$TULOU" run -- echo unmanaged > out 2> err || status=$?
	if [ $status = 77 ]; then
		cat err >&2
		exit 77
	fi
	judge $status 125 seccomp "with $error"
done
# The simulation itself disturbs nobody else.
[ "$("$HELPERS/without_seccomp" ENOSYS echo fine)" = fine ] || fail 'the simulation breaks echo'
expect_done
