# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# An instance that began with a fork has a supervisor of its own, which nobody else needs: killed again and again with SIGKILL, wherever it
# is, it is followed by another one, and the guests, which come and go and are killed too, notice nothing.
tulou_only

# The supervisors in the run's instances, which answer at a socket each; the run's own is `tulou run` itself.
supervisors()
{
	sed -n 's|.*@tulou/||p' /proc/net/unix | sort -u | while read -r pid; do
		[ "$pid" != "$run" ] && [ "$(readlink "/proc/$pid/cwd" 2> /dev/null)" = "$PWD" ] && echo "$pid"
	done
}

start bash -c "(kills-static driver ${KILLS:-300} 60 '$PWD/stop'); exit \$?" > output
killed=0
while [ ! -e stop ] && kill -0 "$run" 2> /dev/null; do
	for pid in $(supervisors); do
		kill -9 "$pid" 2> /dev/null && killed=$((killed + 1))
	done
	sleep 0.05
done
wait "$run" || fail "the run ends with $?: $(cat output)"
echo "$(cat output), $killed supervisors killed"
[ "$killed" -ge 3 ] || fail "only $killed supervisors came to be killed"
