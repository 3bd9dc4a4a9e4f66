#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Linux's own tests, unpacked from Debian's linux-source package and built in the build directory; nothing when that is done. None
# of it is copied into our tree. What does not compile here is missing, and its row is skipped with a word.
set -u
shopt -s nullglob
archives=(/usr/src/linux-source-6.*.tar.xz)
[ ${#archives[@]} -gt 0 ] || { echo "skipped: the package linux-source-6.1 is not installed (tools/install-deps suites)" >&2; exit 77; }
archive=${archives[0]}
version=$(basename "$archive" .tar.xz)
selftests=tools/testing/selftests
place=$TULOU_BUILD/suites/linux
list=$TULOU_SOURCE/tests/suites/linux-tests.md
stamp="$(stat -c '%n %s %Y' "$archive") $(sha256sum < "$list")"
[ "$(cat "$place/stamp" 2> /dev/null)" = "$stamp" ] && exit 0

rm -rf "$place"
mkdir -p "$place/source" || exit 1
# Some tests include headers of the kernel itself.
tar -xJf "$archive" -C "$place/source" --strip-components=1 \
	"$version"/{$selftests,mm/gup_test.h,arch/x86/include/asm/desc_defs.h,include/vdso,tools/include} || exit 1
chmod -R a+rX "$place"

directories=$(sed -n 's/^| \([a-zA-Z0-9_-]*\)\/.*/\1/p' "$list" | sort -u)
for directory in $directories; do
	mkdir -p "$place/$directory"
	make -k -j2 -C "$place/source/$selftests/$directory" OUTPUT="$place/$directory" KHDR_INCLUDES="-isystem $place/source" \
		> "$place/$directory.log" 2>&1 || echo "$directory: not everything compiles, see $place/$directory.log"
done
find "$place" -path "$place/source" -prune -o -type f -perm /111 -print | wc -l | sed "s/$/ programs/"
echo "$stamp" > "$place/stamp"
