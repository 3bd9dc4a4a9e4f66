# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# busybox: a static program of many applets that runs itself again for each; its shell with loops, pipes, subshells.
need busybox
status run busybox echo applet
status run busybox ls /usr/bin/env
status run busybox seq 1 3
run busybox seq 1 30000 | run busybox sort -n | run busybox tail -n 2
status run busybox sh -c 'for i in 1 2 3; do echo $i | sed s/2/two/; done; (cd /; pwd); echo $(seq 5 | wc -l)'
status run busybox sh -c 'i=0; while [ $i -lt 40 ]; do i=$(busybox expr $i + 1); done; echo $i; exit 9'
status run busybox sh -c 'busybox yes | busybox head -n 10000 | busybox md5sum'
status run busybox sh -c 'busybox true & wait $!; echo $?; busybox false; echo $?'
status run busybox awk 'BEGIN { for (i = 0; i < 200000; i++) a[i] = i * i; s = 0; for (i in a) s += a[i] % 7; print s }'
status run busybox tar --help > /dev/null 2>&1
status run busybox no-such-applet 2> /dev/null
status run busybox sh -c 'kill -9 $$'
