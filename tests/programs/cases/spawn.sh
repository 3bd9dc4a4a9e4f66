# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# fork, vfork, posix_spawn, system, popen, daemons, wait.
status run spawn "$GUESTS/spawn"
