# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Seen from outside with strace: every address in the pool was chosen by the manager. A successful mmap has MAP_FIXED (or
# MAP_FIXED_NOREPLACE), or lies outside the pool; an mremap stays in place or names its target; nobody moves the kernel's break. But for one
# page that is mapped before there is a pool, to see how low a hint may be, and unmapped again.
tulou_only
need strace
strace -o log -e trace=memory true 2> /dev/null || { echo 'skipped: strace cannot trace here' >&2; exit 77; }
run_traced() { strace -f -o "$1" -e trace=memory "$TULOU" run -- "${@:2}" > /dev/null; }

run_traced log hosted "$GUESTS/hosted" || fail "hosted under strace ends with $?"
run_traced log2 map_threads + brk + malloc_stress || fail "three programs under strace end with $?"
run_traced log3 sh -c 'seq 1 100 | sort -n | tail -n 1; hosted "$GUESTS/hosted"' || fail "a shell under strace ends with $?"

cat > judge.awk <<'END'
# The pool is [4096, 0x700000000000); hexadecimal digits of equal length compare as text. Of a call that was trapped, and so never
# made, strace shows the call's number as its result: less than 4096.
function in_pool(address) {
	sub(/^0x/, "", address)
	if (length(address) < 4)
		return 0
	return length(address) < 12 || (length(address) == 12 && address < "700000000000")
}
function bad(why) { print FILENAME ": " why ": " $0; failed = 1 }
# strace cuts a call in two when another task speaks in between: join the halves by pid.
/<unfinished \.\.\.>/ { pid = $1; sub(/ *<unfinished \.\.\.>.*/, ""); half[pid] = $0; next }
/<\.\.\. [a-z0-9_]+ resumed>/ { pid = $1; rest = $0; sub(/.*resumed>/, "", rest); $0 = half[pid] rest }
# A page that is given back at once: where does the kernel put hints that are too low?
/ mmap\(0x[0-9a-f]+, 4096, PROT_NONE, MAP_PRIVATE\|MAP_ANONYMOUS, -1, 0\)/ { next }
/ mmap\(/ && /= 0x/ {
	result = $NF
	if (in_pool(result)) {
		count++
		probe = $0 ~ /, 4096, PROT_NONE, MAP_PRIVATE\|MAP_ANONYMOUS, -1, 0\)/ && !probes[FILENAME]++
		if ($0 !~ /MAP_FIXED/ && !probe) bad("a mmap in the pool without MAP_FIXED")
	}
}
/ mremap\(/ && /= 0x/ {
	from = $0
	sub(/.* mremap\(/, "", from)
	sub(/,.*/, "", from)
	if (in_pool($NF) && $0 !~ /MREMAP_FIXED/ && $NF != from) bad("a mremap that the kernel placed")
}
/ brk\(0x/ { asked = $0; sub(/.* brk\(/, "", asked); sub(/\).*/, "", asked); if (asked == $NF) bad("the kernel moved a break") }
END {
	# A dynamic program with its libraries makes about ten; threads and allocators some more, or fewer where they share an arena.
	if (count < 15) { print FILENAME ": only " count " mmaps in the pool: this is no log of guests"; failed = 1 }
	exit failed
}
END
for log in log log2 log3; do
	awk -f judge.awk $log > verdict || { head -n 20 verdict >&2; fail "$log"; }
done
