# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# The rules of calls about processes, one by one; beside another process too.
status run process_rules "$PWD"
together process_rules "$PWD" + hosted "$GUESTS/hosted"
