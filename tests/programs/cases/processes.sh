# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Instances that are born while they are used: forked children that each start many programs, from several threads at once.
need /usr/bin/python3
cat > work.py <<'END'
import os, subprocess, sys, threading

def start(count):
    for i in range(count):
        status = subprocess.call(["sh", "-c", "exit %d" % (i % 7)] if i % 3 else ["true"])
        assert status == (i % 7 if i % 3 else 0), (i, status)

def instance():
    threads = [threading.Thread(target=start, args=(12,)) for _ in range(4)]
    for t in threads: t.start()
    for t in threads: t.join()

children = []
for i in range(3):
    child = os.fork()
    if child == 0:
        try:
            instance()
        except BaseException as error:
            print(error, file=sys.stderr)
            os._exit(1)
        os._exit(50 + i)
    children.append(child)
instance()
print([os.waitpid(child, 0)[1] >> 8 for child in children])
END
for round in 1 2 3; do
	status run /usr/bin/python3 -B work.py
done
status run sh -c 'for i in 1 2 3 4; do (for j in 1 2 3 4 5 6; do expr $i "*" $j > out.$i.$j; done) & done; wait; cat out.*'
