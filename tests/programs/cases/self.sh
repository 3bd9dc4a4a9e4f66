# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# /proc/self/exe and its exec, cmdline, environ, comm, auxv, statm, status; the lowest-descriptor rule.
status run self
status run "$GUESTS/self"
ln -s "$GUESTS/self" link
status run ./link
rm link
