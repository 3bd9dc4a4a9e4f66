# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Seccomp filters of the program's own.
status run seccomp
status run seccomp_tasks
status run seccomp_random
