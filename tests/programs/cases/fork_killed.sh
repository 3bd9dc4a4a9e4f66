# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Neighbours that are killed in the middle of a fork.
status run fork_killed
