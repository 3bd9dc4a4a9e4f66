# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# clone3 itself: libc falls back from it, other programs do not.
status run clone3
