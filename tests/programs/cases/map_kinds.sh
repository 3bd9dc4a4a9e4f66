# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The rarer kinds of mappings and moves. Alone, for the same reason as growsdown.
status run map_kinds
