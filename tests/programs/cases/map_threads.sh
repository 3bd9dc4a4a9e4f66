# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# 64 threads that map, fill, move, protect and unmap; every page is verified at the end.
status run map_threads
together map_threads + map_threads
