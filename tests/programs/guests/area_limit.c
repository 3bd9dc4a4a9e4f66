/* SPDX-License-Identifier: MIT */
/*
 * area_limit - maps single pages until the kernel allows no more areas (vm.max_map_count), then calls whatever would make one more:
 * ENOMEM, and nothing is changed; what needs none works. When some are gone, all works again.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "expect.h"

enum { PAGE = 4096, MOST = 70000, PAGES = 16, LEAST = 60000 };

static char *at; /* PAGES pages, page i begins with 'a' + i */

static char *map(size_t pages, int prot)
{
	return mmap(NULL, pages * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static size_t limit(void)
{
	FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
	size_t value = 0;

	EXPECT(file && fscanf(file, "%zu", &value) == 1 && fclose(file) == 0);
	return value;
}

static void expect_unchanged(void)
{
	unsigned char seen[PAGES];

	for (int i = 0; i < PAGES; i++) {
		EXPECT(at[i * PAGE] == 'a' + i);
		at[i * PAGE] = (char)('a' + i);
	}
	EXPECT(mincore(at, PAGES * PAGE, seen) == 0);
	for (int i = 0; i < PAGES; i++)
		EXPECT(seen[i] & 1);
}

/* One page in the middle would make three areas of one. */
static void expect_refused(void)
{
	char *middle = at + 4 * PAGE;

	EXPECT(map(1, PROT_READ | PROT_WRITE) == MAP_FAILED && errno == ENOMEM);
	expect_unchanged();
	EXPECT(mprotect(middle, PAGE, PROT_READ) == -1 && errno == ENOMEM);
	expect_unchanged();
	EXPECT(mmap(middle, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED && errno == ENOMEM);
	expect_unchanged();
	EXPECT(mremap(middle, PAGE, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED && errno == ENOMEM);
	expect_unchanged();
	EXPECT(mremap(middle, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP) == MAP_FAILED && errno == ENOMEM);
	expect_unchanged();
	EXPECT(mlock(middle, PAGE) == -1 && errno == ENOMEM);
	expect_unchanged();
	printf("refused\n");
}

static void expect_works(void)
{
	EXPECT(msync(at, PAGES * PAGE, MS_ASYNC) == 0);
	EXPECT(madvise(at, PAGES * PAGE, MADV_WILLNEED) == 0);
	EXPECT(madvise(at + PAGE, PAGE, MADV_DONTNEED) == 0 && at[PAGE] == 0);
	at[PAGE] = 'b';
	expect_unchanged();
	printf("works\n");
}

static void expect_child(void)
{
	int status;
	pid_t pid = fork();

	EXPECT(pid >= 0);
	if (pid == 0) {
		expect_unchanged();
		_exit(7);
	}
	EXPECT(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7);
	printf("forked\n");
}

int main(void)
{
	static char *filler[MOST];
	size_t count = 0;

	if (limit() >= MOST) {
		printf("too many areas to fill\n");
		return 0;
	}
	at = map(PAGES, PROT_READ | PROT_WRITE);
	EXPECT(at != MAP_FAILED);
	for (int i = 0; i < PAGES; i++)
		at[i * PAGE] = (char)('a' + i);
	while ((filler[count] = map(1, count % 2 ? PROT_READ : PROT_NONE)) != MAP_FAILED)
		EXPECT(++count < MOST);
	EXPECT(errno == ENOMEM && count > LEAST);
	expect_refused();
	expect_works();
	expect_child();
	for (size_t i = 0; i < count; i += 3)
		EXPECT(munmap(filler[i], PAGE) == 0);
	EXPECT(mprotect(at + 4 * PAGE, PAGE, PROT_READ) == 0 && mprotect(at + 4 * PAGE, PAGE, PROT_READ | PROT_WRITE) == 0);
	expect_unchanged();
	EXPECT(map(1, PROT_READ) != MAP_FAILED);
	EXPECT(munmap(at, PAGES * PAGE) == 0);
	printf("again\n");
	return 0;
}
