# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Deep recursion, overflow caught and not, in the main thread and in another; growth, as the limit is at that moment.
for how in deep caught overflow thread; do
	status run stack $how
done
status run stack_growth
status run sh -c 'ulimit -S -s 256; exec stack_growth'
status run sh -c 'ulimit -S -s unlimited; exec stack_growth'
together stack_growth + stack_growth
