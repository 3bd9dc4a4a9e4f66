# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# prctl about memory: names, strings, auxv, memory-deny-write-execute; beside another process too.
status run prctl
together prctl + prctl + hosted "$GUESTS/hosted"
