/* SPDX-License-Identifier: MIT */
/* brk - the heap by brk and sbrk: byte-granular results, zeroes after a shrink and a new growth, contents kept, limits. */
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include "expect.h"

enum { PAGE = 4096, GROWTH = 300 * PAGE };

static char *raw_brk(void *to)
{
	return (char *)syscall(SYS_brk, to);
}

static void check_growth(char *start)
{
	EXPECT(raw_brk(start + 1) == start + 1);
	start[0] = 1;
	EXPECT(raw_brk(start + GROWTH) == start + GROWTH);
	for (char *at = start + PAGE; at < start + GROWTH; at++)
		EXPECT(*at == 0);
	memset(start, 0x5a, GROWTH);
	EXPECT(raw_brk(start + 10 * PAGE + 5) == start + 10 * PAGE + 5);
	EXPECT(raw_brk(start + GROWTH) == start + GROWTH);
	EXPECT(start[10 * PAGE + 4] == 0x5a);
	for (char *at = start + 11 * PAGE; at < start + GROWTH; at++)
		EXPECT(*at == 0);
	EXPECT(raw_brk(start) == start);
	EXPECT(raw_brk(start + 1) == start + 1);
	EXPECT(start[0] == 0);
	EXPECT(raw_brk(start) == start);
}

static void check_limits(char *start)
{
	struct rlimit limit = {.rlim_cur = 8 << 20, .rlim_max = RLIM_INFINITY};
	char *wall;

	EXPECT(raw_brk(NULL) == start);
	EXPECT(raw_brk((void *)(PAGE * 16)) == start);
	EXPECT(raw_brk((void *)-1L) == start);
	EXPECT(setrlimit(RLIMIT_DATA, &limit) == 0);
	EXPECT(raw_brk(start + (64 << 20)) == start);
	EXPECT(raw_brk(start + (1 << 20)) == start + (1 << 20));
	limit.rlim_cur = RLIM_INFINITY;
	EXPECT(setrlimit(RLIMIT_DATA, &limit) == 0);
	wall = start + (4 << 20);
	wall = mmap((void *)((uintptr_t)wall & -(uintptr_t)PAGE), PAGE, PROT_READ,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	EXPECT(wall != MAP_FAILED);
	EXPECT(raw_brk(wall + 2 * PAGE) == start + (1 << 20));
	EXPECT(munmap(wall, PAGE) == 0);
	EXPECT(raw_brk(wall + 2 * PAGE) == wall + 2 * PAGE);
	EXPECT(raw_brk(start) == start);
}

static void check_sbrk(void)
{
	char *start = sbrk(0), *block = sbrk(100);

	EXPECT(block == start && sbrk(0) == start + 100);
	memset(block, 1, 100);
	EXPECT(sbrk(-100) == start + 100 && sbrk(0) == start);
	for (int i = 0; i < 1000; i++)
		EXPECT(sbrk(PAGE) == start + i * PAGE);
	start[999 * PAGE] = 1;
	EXPECT(sbrk(-1000 * PAGE) != (void *)-1);
}

int main(void)
{
	char *start;

	/* Everything is said with write at the end: stdio would allocate, and malloc moves the break. */
	start = raw_brk(NULL);
	check_growth(start);
	check_limits(start);
	check_sbrk();
	puts("brk is as it should be");
	return 0;
}
