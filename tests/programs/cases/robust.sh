# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Robust mutexes of processes that exit, are killed, or exec.
status run robust
