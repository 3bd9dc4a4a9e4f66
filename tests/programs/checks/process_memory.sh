# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# --process-memory bounds each process, whatever the others have; at the limit a program gets ENOMEM and goes on.
tulou_only
need /usr/bin/python3

cat > most.py <<'END'
import resource, subprocess, sys
try:
    bytearray(400 << 20)
    sys.exit("400 MiB fit")
except MemoryError:
    pass
bytearray(150 << 20)
assert resource.getrlimit(resource.RLIMIT_AS)[0] == 300 << 20
assert subprocess.run(["sh", "-c", "ulimit -v"], capture_output=True).stdout == b"307200\n"
END
"$TULOU" run --process-memory=300M -- /usr/bin/python3 most.py || fail "alone: $?"
"$TULOU" run --process-memory=300M -- sh -c '/usr/bin/python3 most.py & /usr/bin/python3 most.py && wait $!' || fail "two at once: $?"
for bad in 0 x 3x -1 99999999999T ''; do
	"$TULOU" run "--process-memory=$bad" -- true 2> message
	[ $? = 125 ] || fail "'$bad' is taken"
	grep -q "^tulou: run: not a size.*--process-memory=$bad" message || fail "'$bad': $(cat message)"
done
