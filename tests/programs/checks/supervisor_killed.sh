# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# `tulou run` itself is killed with SIGKILL: its guests end.
tulou_only
. "$(dirname "$CASES")/books.sh"
start hold 4 "$PWD/ready" + hold churn 4 "$PWD/ready"
await has_lines ready 2
kill -9 "$run"
wait "$run"
gone() { while read -r pid; do [ ! -e "/proc/$pid" ] || grep -q '^State:.Z' "/proc/$pid/status" 2> /dev/null || return 1; done < ready; }
await gone
