# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Anonymous, memfd, POSIX and System V shared memory.
status run shared_memory "$GUESTS/shared_memory"
