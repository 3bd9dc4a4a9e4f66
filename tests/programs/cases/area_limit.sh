# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# All areas that the kernel allows in an address space.
status run area_limit "$GUESTS/area_limit"
