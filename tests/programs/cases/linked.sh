# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# One C program, linked in every way: dynamic, not relocatable, static, static and relocatable.
for kind in hosted hosted-fixed hosted-static hosted-static-pie; do
	need "$kind"
	status run "$kind" "$GUESTS/$kind"
done
