# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# MAP_GROWSDOWN: what grows, how far, what stops it and what gives way. Alone: it maps at addresses that it has given back, which
# a neighbour may have taken in between.
status run growsdown
