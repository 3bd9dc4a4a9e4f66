# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# /proc/self/maps: format, order, names, changes; nobody else's areas, also with a neighbour.
status run maps
together maps + map_threads
status run sh -c 'maps; exec maps'
