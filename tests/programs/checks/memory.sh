# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# --memory bounds what all processes together commit: at the limit a program gets ENOMEM and goes on, and its neighbour too. What is
# only reserved costs nothing, what is given back can be had again, and death gives back everything.
tulou_only
need /usr/bin/python3

cat > most.py <<'END'
import ctypes, mmap, sys
def big(megabytes):
    try:
        return bytearray(megabytes << 20)
    except MemoryError:
        return None
assert big(400) is None
for i in range(3):
    block = big(150)
    assert block is not None, i
    del block
# a reservation of 64 GiB without access, and one without reserve
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
none = libc.mmap(None, 64 << 30, 0, 0x22, -1, 0)
free = libc.mmap(None, 64 << 30, 3, 0x4022, -1, 0)
assert none != 2**64 - 1 and free != 2**64 - 1
# a part taken into use is committed, in place or over it
assert libc.mprotect(none, 100 << 20, 3) == 0
assert libc.mprotect(none + (100 << 20), 200 << 20, 3) == -1 and ctypes.get_errno() == 12
assert libc.mmap(none + (1 << 30), 200 << 20, 3, 0x32, -1, 0) == 2**64 - 1 and ctypes.get_errno() == 12
assert libc.mmap(none, 100 << 20, 3, 0x32, -1, 0) == none
# shared anonymous memory counts
try:
    mmap.mmap(-1, 250 << 20)
    sys.exit("250 MiB shared fit")
except OSError as error:
    assert error.errno == 12
END
"$TULOU" run --memory=300M -- /usr/bin/python3 most.py || fail "alone: $?"

# Two at once: the second finds what the first has left, also after the first was killed.
"$TULOU" run --memory=300M -- commit 200 commit 150 > out || fail "two: $?"
printf 'fits\nfull\nfits\n' | cmp - out || fail "two: $(cat out)"
"$TULOU" run --memory=300M -- commit 150 killed > out || fail "killed: $?"
printf 'full\nagain\n' | cmp - out || fail "killed: $(cat out)"

# Over an execve that leaves for an instance of its own, the limit stays.
"$TULOU" run --memory=300M -- /usr/bin/python3 -c 'import os, sys; os.setuid(0); os.execv(sys.executable, [sys.executable, "most.py"])' ||
	fail "another instance: $?"
"$TULOU" run --memory=none -- /usr/bin/python3 -c 'bytearray(1 << 30)' || fail "none: $?"
for bad in 0 x 3x -1 99999999999T ''; do
	"$TULOU" run "--memory=$bad" -- true 2> message
	[ $? = 125 ] || fail "'$bad' is taken"
	grep -q "^tulou: run: not a size.*--memory=$bad" message || fail "'$bad': $(cat message)"
done
