# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# System V shared memory: addresses, parts, counts, rights, removal; also beside another process that does the same.
need ipcs
status run sysv
together sysv + sysv
