# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# SIGSYS as any other signal.
status run signal_sys
status run die 31
