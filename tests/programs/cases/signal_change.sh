# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# sigaction while other threads get the signal; a frame that does not fit on the alternate stack.
status run signal_change
