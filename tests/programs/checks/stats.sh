# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# `tulou run --stats`: calls from patched sites and traps, each with its reason; --no-patch traps all.
tulou_only

# column CALL NUMBER
column()
{
	awk -v c="$1" -v n="$2" '$1 == c { print $n }' err
}

"$TULOU" run --stats -- map_threads > out 2> err || fail "map_threads ends with $?: $(cat err)"
patched=$(column mmap 2) trapped=$(column mmap 3)
if grep -q 'no decoder' err; then
	[ "$patched" = 0 ] || fail "calls from patched sites without a decoder: $(cat err)"
else
	[ "$patched" -gt $((2 * trapped)) ] || fail "most mmap should come from patched sites: $(cat err)"
fi
grep -q '^exit_group .* not often enough: 1;' err || fail "exit_group has no reason: $(cat err)"
all=$((patched + trapped))

# Calls that make threads, and a function with more than one site.
"$TULOU" run --stats -- threads > out 2> err || fail "threads ends with $?: $(cat err)"
for call in clone3 rt_sigprocmask; do
	grep -q 'no decoder' err || [ "$(column $call 2)" -gt "$((2 * $(column $call 3)))" ] ||
		fail "most $call should come from patched sites: $(cat err)"
done

# In each libc, linked either way: its functions are found by unwind tables, exported symbols, or the file's own.
for program in map_threads-static map_threads-musl map_threads-musl-static; do
	command -v "$program" > /dev/null || continue
	"$TULOU" run --stats -- "$program" > out 2> err || fail "$program ends with $?: $(cat err)"
	grep -q 'no decoder' err || [ "$(column mmap 2)" -gt "$((2 * $(column mmap 3)))" ] ||
		fail "most mmap of $program should come from patched sites: $(cat err)"
done

"$TULOU" run --no-patch --stats -- map_threads > out 2> err || fail "map_threads ends with $?: $(cat err)"
[ "$(column mmap 2)" = 0 ] || fail "--no-patch patches: $(cat err)"
grep -q "^mmap .* not patching: $(column mmap 3);\$" err || fail "--no-patch has no reason: $(cat err)"
[ "$(column mmap 3)" -gt $((all / 2)) ] || fail "calls were lost: $all with, $(cat err)"

"$TULOU" run --patch-after=0 -- true 2> err && fail '--patch-after=0 is accepted'
grep -q 'not a number from 1' err || fail "--patch-after=0: $(cat err)"
