#!/bin/bash
# SPDX-License-Identifier: MIT
# A log of some 50 MB, threads and children coming and going: the memory that it takes does not depend on its length.
set -u
# A sanitizer's shadow is larger than any limit.
grep -q "^TULOU_SANITIZE:STRING=$" "$TULOU_BUILD/CMakeCache.txt" || exit 77
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
awk 'BEGIN {
	anon = "PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0"
	print "1     execve(\"/bin/x\", [\"x\"], 0x7ffe /* 1 var */) = 0"
	print "1     brk(NULL) = 0x555555559000"
	for (i = 0; i < 90000; i++) {
		pid = 2 + i % 60000
		at = sprintf("0x7f%07x000", i % 1000 * 16)
		printf "1     mmap(NULL, 16384, %s) = %s\n", anon, at
		printf "1     mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 3</srv/file/number/%d>, 0) = 0x7e0000000000\n", i
		printf "1     clone3({flags=CLONE_VM|CLONE_THREAD, stack=0x7f0000000000, stack_size=0xfff80} <unfinished ...>\n"
		printf "%-5d mprotect(%s, 8192, PROT_READ <unfinished ...>\n", pid, at
		printf "1     <... clone3 resumed> => {parent_tid=[%d]}, 88) = %d\n", pid, pid
		printf "%-5d <... mprotect resumed>) = 0\n", pid
		printf "%-5d openat(AT_FDCWD, \"/srv/file/number/%d\", O_RDONLY) = -1 ENOENT (No such file or directory)\n", pid, i
		printf "%-5d exit(0) = ?\n%-5d +++ exited with 0 +++\n", pid, pid
		printf "1     munmap(%s, 16384) = 0\n1     munmap(0x7e0000000000, 4096) = 0\n", at
		if (i % 1000 == 0)
			printf "1     fork() = 70000\n70000 munmap(0x7e0000000000, 4096) = 0\n70000 exit_group(0) = ?\n70000 +++ exited with 0 +++\n"
	}
}' > "$directory/log"
size=$(stat -c %s "$directory/log")
[ "$size" -gt 48000000 ] || { echo "the log has only $size bytes"; exit 1; }
(
	ulimit -v 65536
	"$TULOU_BUILD/tulou-replay" --verify --stats "$directory/log"
) > "$directory/out" 2>&1 || { echo "status $?"; head -40 "$directory/out"; exit 1; }
grep -q ' 0 differ' "$directory/out" && grep -q ' 90000  openat: not a call' "$directory/out" && exit 0
head -40 "$directory/out"
exit 1
