# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Programs that trace others: a child that asks for it, by fork and by vfork; and gdb, told of the traps' signal, stops at a breakpoint.
status run traced "$GUESTS/traced"
cat > debugged.c <<'END'
#include <stdio.h>
int twice(int x) { return 2 * x; }
int main(void) { printf("%d\n", twice(4)); return 3; }
END
if command -v gdb > /dev/null; then
	gcc -g -O0 -no-pie -fno-pie debugged.c -o debugged
	run gdb -nx -batch -ex 'handle SIGSYS nostop noprint pass' -ex 'break twice' -ex run -ex backtrace -ex continue \
		./debugged 2>&1 | grep -v -e '^\[' -e 'libthread_db'
fi
