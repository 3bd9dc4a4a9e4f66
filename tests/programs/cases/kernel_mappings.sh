# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# io_uring, io_setup, perf_event_open, userfaultfd: what the kernel maps by itself; also beside a process that maps much.
status run kernel_mappings
together kernel_mappings + kernel_mappings + map_threads
