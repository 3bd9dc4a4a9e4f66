# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# 15,000 signals of all kinds against four threads that map and unmap through patched sites; handlers that jump away.
status run patched_signals
