# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# make -j over and over: processes at fixed addresses that start instances of their own while others are spawned, exec and end.
need make gcc
for k in 1 2 3 4 5 6; do
	echo "long f$k(int n) { return n * $k; }" > "f$k.c"
done
printf 'all: f1.o f2.o f3.o f4.o f5.o f6.o\n%%.o: %%.c\n\t@gcc -g0 -O2 -c $<\n' > Makefile
for round in 1 2 3 4 5; do
	rm -f -- *.o
	status run make -j3
done
mkdir other
cp Makefile ./*.c other
together make -s -j3 -B + make -s -C other -j3
