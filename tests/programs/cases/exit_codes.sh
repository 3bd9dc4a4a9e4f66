# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Every way to end, as a shell sees it; and the status of a run is its first program's.
for how in return _exit exit-thread last-thread exit-syscall segv abort pipe trap alarm 1 2 6 9 10 12 13 14 15 31 34 64; do
	status run die $how
done
together die return + die 9
together die 9 + die return
status run sh -c 'die segv; echo $?; die 9; echo $?; die return; echo $?; exit 12'
