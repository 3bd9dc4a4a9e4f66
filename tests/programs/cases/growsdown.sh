# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# MAP_GROWSDOWN: what grows, how far, what stops it and what gives way.
status run growsdown
together growsdown + map_threads
