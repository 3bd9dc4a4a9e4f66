# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# madvise, mincore, mlock and their like.
status run memory_calls
together memory_calls + memory_calls
