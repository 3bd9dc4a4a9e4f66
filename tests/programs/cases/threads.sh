# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Short-lived threads, cancellation, keys, robust mutexes, directed signals.
status run threads
