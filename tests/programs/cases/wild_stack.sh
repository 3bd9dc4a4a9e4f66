# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# System calls that are made with a stack pointer that points to nowhere.
status run wild_stack
