# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Every kind of descriptor, seals, POSIX shared memory, memory policies.
status run file_kinds
