# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Masks: everything blocked, jumps out of handlers, edits by handlers, inheritance.
status run signal_mask
# What is ignored from the start is told, and its default is one again.
(
	trap '' USR1
	status run signal_mask initial
	status run bash -c 'signal_mask initial; signal_mask initial'
)
