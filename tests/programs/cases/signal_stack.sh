# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Alternate stacks, nested handlers, queued signals, SA_RESETHAND.
status run signal_stack
