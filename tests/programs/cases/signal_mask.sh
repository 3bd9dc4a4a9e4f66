# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Masks: everything blocked, jumps out of handlers, edits by handlers, inheritance.
status run signal_mask
