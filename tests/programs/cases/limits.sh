# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Resource limits of one process do not meet its neighbours.
status run limits "$GUESTS/limits"
together limits "$GUESTS/limits" + malloc_stress
status run sh -c 'ulimit -v 400000; ulimit -v; exec hosted "$GUESTS/hosted"'
status run sh -c 'ulimit -s 1024; exec die return'
# execve needs no descriptor; a program that opens its libraries does.
status run sh -c 'ulimit -S -n 0; exec brk-fixed'
status run sh -c 'ulimit -S -n 0; exec hosted-static-pie 2>&1'
status run sh -c 'ulimit -S -n 0; exec die return'
