# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# prelude.sh - what every case and check can use. Sourced by `compare` and `check` in a fresh directory.
#
#   $TULOU    the program under test, or native_run, which takes the same words and runs natively
#   $GUESTS   the directory of the compiled C programs; first in PATH
#   $SIDE     native or tulou
#   $CASES    the directory of the cases (for data files)
#   $OPTIONS  options of `tulou run`, on that side

set -u

# run PROGRAM ARGS… [+ PROGRAM ARGS…]: as a guest (or natively, on the native side)
run()
{
	"$TULOU" run ${OPTIONS:-} -- "$@"
}

# start PROGRAM ARGS… [+ …]: run in the background; $run is the pid of $TULOU itself
start()
{
	"$TULOU" run ${OPTIONS:-} -- "$@" &
	run=$!
}

# status COMMAND…: run it and print its exit status
status()
{
	local status=0
	"$@" || status=$?
	echo "status $status: ${*:1:4}"
}

# together PROGRAM ARGS… + PROGRAM ARGS…: run them side by side; their output is sorted, since they write as they get to it
together()
{
	local status=0
	run "$@" > "$TMPDIR/.together" || status=$?
	sort "$TMPDIR/.together"
	rm -f "$TMPDIR/.together"
	echo "status $status: together ${*:1:4}"
}

# need PROGRAM…: skip the case (77) unless all are there
need()
{
	local program
	for program in "$@"; do
		if ! command -v "$program" > /dev/null; then
			echo "skipped: $program is not installed" >&2
			exit 77
		fi
	done
}

# tulou_only: skip the check when it runs natively, since it asks for what only Tulou has
tulou_only()
{
	if [ "$SIDE" = native ]; then
		echo "skipped: asks for what only tulou has" >&2
		exit 77
	fi
}

# fail MESSAGE…: end a check
fail()
{
	echo "FAILED: $*" >&2
	exit 1
}

# await COMMAND…: until it succeeds; a check's own timeout ends it otherwise
await()
{
	until "$@"; do
		sleep 0.01
	done
}
