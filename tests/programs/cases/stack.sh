# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Deep recursion, overflow caught and not, in the main thread and in another.
for how in deep caught overflow thread; do
	status run stack $how
done
