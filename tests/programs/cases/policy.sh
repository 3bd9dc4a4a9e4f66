# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# NUMA policies of ranges and pages.
status run policy
together policy beside + map_threads
