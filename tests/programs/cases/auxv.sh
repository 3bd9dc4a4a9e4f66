# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The auxiliary vector, the first stack, the vdso's clock. By path: AT_EXECFN is what was given to execve.
run "$GUESTS/auxv" | sort
