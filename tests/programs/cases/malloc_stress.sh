# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Eight threads that exchange blocks of 1 byte to 4 MiB; alone and beside another.
status run malloc_stress
together malloc_stress + malloc_stress
