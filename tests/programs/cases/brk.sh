# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# brk and sbrk, in a relocatable and in a fixed static program.
status run brk
status run brk-fixed
together brk + brk
