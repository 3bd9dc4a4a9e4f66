# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Arguments and environment arrive as they were given.
status run env -i "$GUESTS/show"
status run env -i A=1 EMPTY= 'B=two words' "$GUESTS/show" '' 'a b' '*' -- +x
run env -i bash -c 'exec -a "another name" "$0" x' "$GUESTS/show" | head -n 2
status run big_environment "$GUESTS/big_environment"
