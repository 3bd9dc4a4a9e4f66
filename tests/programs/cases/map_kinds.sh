# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The rarer kinds of mappings and moves.
status run map_kinds
together map_kinds + map_threads
