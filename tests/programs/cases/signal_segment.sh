# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# A handler that returns into 32-bit code, and a signal that comes there.
status run signal_segment
