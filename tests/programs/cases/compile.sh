# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# gcc (a driver that runs cc1, as and collect2, all at fixed addresses) and make, on a program of several files.
need gcc make ar
cat > main.c <<'END'
#include <stdio.h>
#include "sum.h"
int main(int argc, char **argv) { (void)argv; printf("%ld\n", sum(1000) + product(argc)); return 5; }
END
echo 'long sum(int n); long product(int n);' > sum.h
cat > sum.c <<'END'
#include "sum.h"
long sum(int n) { long s = 0; for (int i = 0; i <= n; i++) s += i; return s; }
END
cat > product.c <<'END'
#include "sum.h"
long product(int n) { return n <= 1 ? 1 : n * product(n - 1); }
END
printf 'program: main.o libsum.a\n\tgcc -o $@ main.o libsum.a\nlibsum.a: sum.o product.o\n\tar rcsD $@ $^\n%%.o: %%.c sum.h\n\tgcc -O2 -c $<\nclean:\n\trm -f *.o *.a program\n' > Makefile
status run gcc -O2 -g0 -o direct main.c sum.c product.c
status run ./direct 1 2 3
status run make -j2 program > /dev/null
status run ./program
status run make program
status run make clean
status run make no-such-target
echo 'int broken(' > broken.c
status run gcc -c broken.c
if command -v g++ > /dev/null; then
	printf '#include <iostream>\n#include <vector>\nint main() { std::vector<int> v(3, 7); std::cout << v.size() << "\\n"; }\n' > main.cc
	status run g++ -pipe -O1 -o cxx main.cc
	status run ./cxx
fi
rm -f direct cxx
