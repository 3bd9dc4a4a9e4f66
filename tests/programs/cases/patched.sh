# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Text with call sites that are patched: unmapped, mapped again, written, moved, forked; a program that has %gs for itself.
status run patched
together patched + patched
