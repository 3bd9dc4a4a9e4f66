# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The rules of the memory calls, one by one.
status run call_rules
