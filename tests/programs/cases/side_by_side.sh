# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Several programs in one run; two pythons are linked at the same fixed address, so that the second needs an instance of its own.
need /usr/bin/python3
code='import sys; open(sys.argv[1], "w").write(str(sum(i * i for i in range(200000))))'
together /usr/bin/python3 -c "$code" one + /usr/bin/python3 -c "$code" two
together sh -c 'seq 1 1000 > three; exit 4' + sh -c 'seq 1 2000 > four; exit 5'
together true + false + true
together false + true
together sh -c 'kill -TERM $$' + true
mkfifo fifo
together sh -c 'seq 1 100000 > fifo' + sh -c 'sort -rn fifo | head -n 2 > sorted'
together sh -c 'exec hosted "$GUESTS/hosted" > five' + sh -c 'exec map_threads > six' + sh -c 'exec spawn "$GUESTS/spawn" > seven'
rm fifo
