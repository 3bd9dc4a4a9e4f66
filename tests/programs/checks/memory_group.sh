# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Without --memory the limit is 7/8 of the control group's: a program hears ENOMEM before the group kills. Needs to make a group.
tulou_only

group=
case $(grep -E '^[0-9]+:([a-z_,]+,)?memory(,[a-z_,]+)?:|^0::' /proc/self/cgroup | sort -r | head -1) in
0::*) group=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup) file=memory.max ;;
*:*memory*) group=/sys/fs/cgroup/memory$(sed -n 's/^[0-9]*:[a-z_,]*memory[a-z_,]*://p' /proc/self/cgroup) file=memory.limit_in_bytes ;;
esac
group=$group/tulou-test-$$
if ! mkdir "$group" 2> /dev/null || ! { echo 200M > "$group/$file"; } 2> /dev/null; then
	rmdir "$group" 2> /dev/null
	echo "skipped: no control group for memory can be made" >&2
	exit 77
fi
trap 'rmdir "$group"' EXIT
(
	echo "$BASHPID" > "$group/cgroup.procs"
	exec "$TULOU" run -- commit 10 sh -c 'commit 140; commit 190'
) > out || fail "status $?: $(cat out)"
await eval '! [ -s "$group/cgroup.procs" ]'
printf 'fits\nfits\nfull\nfits\nfull\n' | cmp - out || fail "$(cat out)"
