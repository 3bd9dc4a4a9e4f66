# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Threads, vforks and forks from patched call sites, with signals at every moment.
status run patched_tasks
