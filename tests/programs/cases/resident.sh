# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Blocks that come and go: zeros each time, gone for who asks; beside others that do the same.
status run resident
together resident + resident + map_threads
