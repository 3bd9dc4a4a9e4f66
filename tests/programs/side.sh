# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# side.sh - run a command once, contained: what `compare`, `check` and the suites share. Sourced.
#
# Needs TOOLS (contain, native_run). Whoever sources it may set `keep`, to keep what a side left in its directory.

# contained TOP SIDE SECONDS [VARIABLE=VALUE…] -- COMMAND ARGS…: in a fresh directory TOP/work, without the caller's environment,
# within limits. Standard output and error go to where the caller's go; processes left behind are listed in TOP/SIDE.left. The
# status is the command's, 124 after SECONDS.
contained()
{
	local top=$1 side=$2 seconds=$3 variables=() status=0
	shift 3
	while [ "$1" != -- ]; do
		variables+=("$1")
		shift
	done
	shift
	mkdir "$top/work" || return 125
	(
		cd "$top/work" || exit 125
		ulimit -c 0
		ulimit -S -s 8192
		ulimit -f 1048576 # KiB: what runs wild must not fill the machine
		exec env -i PATH="${GUESTS:+$GUESTS:}/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" HOME="$top/work" TMPDIR="$top/work" LC_ALL=C TZ=UTC0 \
			SIDE="$side" "${variables[@]}" "$TOOLS/contain" "$seconds" "$top/$side.left" "$@"
	) < /dev/null || status=$?
	return $status
}

# contained_end TOP SIDE: what `contained` left in TOP/work goes
contained_end()
{
	chmod -R u+rwX "$1/work"
	if [ -n "${keep:-}" ]; then mv "$1/work" "$1/$2.work"; else rm -rf "$1/work"; fi
}
