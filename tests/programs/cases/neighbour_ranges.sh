# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Calls that name another process's memory find nothing there.
status run neighbour_ranges
