/* SPDX-License-Identifier: MIT */
/*
 * map_kinds - the rarer kinds of mappings and moves, as the kernel that runs has them: remap_file_pages, mremap of several mappings,
 * MAP_DROPPABLE, MAP_SYNC, MAP_UNINITIALIZED, MAP_HUGETLB (no huge page is needed), files of huge pages, shadow stacks. Prints what
 * it sees, in pages from a base.
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "expect.h"

#define P         4096L
#define HUGE      (2L << 20)
#define DROPPABLE 8
#define RW        (PROT_READ | PROT_WRITE)

enum { PRIVATE = MAP_PRIVATE | MAP_ANONYMOUS, PAGES = 1000, TO = MREMAP_MAYMOVE | MREMAP_FIXED, MAP_SHADOW_STACK = 453 };

static char *base;

static void say(const char *what, long result)
{
	printf("%s: %s%ld\n", what, result < 0 ? "errno " : "", result < 0 ? (long)errno : result);
}

static void say_map(const char *what, void *at, size_t size)
{
	say(what, at == MAP_FAILED ? -1 : 0);
	if (at != MAP_FAILED)
		EXPECT(munmap(at, size) == 0);
}

static void map(long page, long pages, int prot)
{
	EXPECT(mmap(base + page * P, (size_t)(pages * P), prot, PRIVATE | MAP_FIXED, -1, 0) == base + page * P);
}

static void map_file(long page, long pages, int prot, int flags, int fd)
{
	EXPECT(mmap(base + page * P, (size_t)(pages * P), prot, flags | MAP_FIXED, fd, 0) == base + page * P);
}

static void show(void)
{
	unsigned long start, end, offset;
	char line[300], perms[5];
	FILE *maps = fopen("/proc/self/maps", "r");

	EXPECT(maps);
	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %4s %lx", &start, &end, perms, &offset) == 4 && start >= (unsigned long)base &&
			start < (unsigned long)(base + PAGES * P))
			printf("  %ld+%ld %s @%ld\n", (long)(start - (unsigned long)base) / P, (long)(end - start) / P, perms,
				(long)offset / P);
	fclose(maps);
}

/* ---- mremap of several mappings ------------------------------------------------------------------------------------------ */

static void move(long page, long pages, long new_pages, int flags, long to)
{
	char *at = mremap(base + page * P, (size_t)(pages * P), (size_t)(new_pages * P), flags, base + to * P);

	say("move", at == MAP_FAILED ? -1 : (at - base) / P);
	show();
}

static void three(void)
{
	EXPECT(munmap(base, PAGES * P) == 0);
	map(10, 2, RW);
	map(12, 2, PROT_READ);
	map(16, 2, RW);
	base[10 * P] = 1;
	base[16 * P] = 2;
}

static void moves(int fd)
{
	three();
	map(203, 2, PROT_EXEC);
	move(10, 8, 8, TO, 200);
	move(198, 10, 10, TO, 300);
	move(206, 10, 10, TO, 300);
	three();
	move(30, 4, 4, TO, 300);
	move(10, 8, 8, MREMAP_MAYMOVE, 0);
	move(10, 4, 6, TO, 300);
	move(10, 4, 3, TO, 300);
	move(10, 8, 8, TO, 12);
	move(10, 8, 8, TO | MREMAP_DONTUNMAP, 300);
	three();
	move(10, 8, 1, TO, 300);
	EXPECT(munmap(base, PAGES * P) == 0);
	map(10, 2, RW);
	map_file(12, 2, RW, MAP_SHARED, fd);
	map(14, 2, PROT_READ);
	map_file(16, 1, RW, MAP_PRIVATE, fd);
	move(10, 7, 7, TO, 100);
	EXPECT(munmap(base, PAGES * P) == 0);
}

/* ---- remap_file_pages ---------------------------------------------------------------------------------------------------- */

static void remap(long page, long pages, int prot, unsigned long offset, int flags)
{
	say("remap", syscall(SYS_remap_file_pages, base + page * P, pages * P, prot, offset, flags));
	show();
}

static void remaps(int fd)
{
	map_file(10, 10, RW, MAP_SHARED, fd);
	remap(12, 2, 0, 50, 0);
	printf("%d %d %d\n", base[11 * P], base[12 * P], base[14 * P]);
	remap(12, 2, PROT_READ, 50, 0);
	remap(30, 2, 0, 50, 0);
	remap(10, 10, 0, 0, 0);
	remap(10, 0, 0, 0, 0);
	remap(18, 4, 0, 1, 0);
	remap(10, 1, 0, -1ul, 0);
	remap(10, 2, 0, 0xffffffffffffe, 0);
	remap(10, 1, 0, 1ul << 52, 0);
	remap(10, 1, 0, 200, MAP_NONBLOCK);
	EXPECT(mprotect(base + 15 * P, P, PROT_READ) == 0);
	remap(14, 3, 0, 30, 0);
	map(40, 2, RW);
	remap(40, 1, 0, 2, 0);
	map_file(40, 2, RW, MAP_PRIVATE, fd);
	remap(40, 1, 0, 2, 0);
	map_file(40, 4, RW, MAP_SHARED | MAP_ANONYMOUS, -1);
	base[43 * P] = 9;
	remap(40, 1, 0, 3, 0);
	printf("%d\n", base[40 * P]);
	EXPECT(munmap(base, PAGES * P) == 0);
}

/* ---- kinds --------------------------------------------------------------------------------------------------------------- */

static void kind(const char *what, size_t size, int flags, int fd)
{
	say_map(what, mmap(NULL, size, RW, flags, fd, 0), size < (size_t)P ? (size_t)P : size);
}

static void droppable(void)
{
	char *at = mmap(NULL, 4 * P, RW, DROPPABLE | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t child;

	say("droppable", at == MAP_FAILED ? -1 : 0);
	if (at == MAP_FAILED)
		return;
	at[0] = 1;
	say("keep on fork", madvise(at, P, MADV_KEEPONFORK));
	say("dump", madvise(at, P, MADV_DODUMP));
	say("free", madvise(at, P, MADV_FREE));
	say("read-only", mprotect(at, P, PROT_READ));
	fflush(stdout);
	child = fork();
	EXPECT(child >= 0);
	if (!child)
		_exit(at[0]);
	EXPECT(waitpid(child, &status, 0) == child && status == 0);
	EXPECT(munmap(at, 4 * P) == 0);
	kind("droppable, locked", P, DROPPABLE | MAP_ANONYMOUS | MAP_LOCKED, -1);
	kind("droppable, huge", P, DROPPABLE | MAP_ANONYMOUS | MAP_HUGETLB, -1);
	kind("droppable, grows", P, DROPPABLE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1);
}

static void kinds(int fd)
{
	droppable();
	kind("droppable file", P, DROPPABLE, fd);
	kind("type 4", P, 4 | MAP_ANONYMOUS, -1);
	kind("type 9", P, 9 | MAP_ANONYMOUS, -1);
	kind("sync", P, PRIVATE | MAP_SYNC, -1);
	kind("sync file", P, MAP_SHARED | MAP_SYNC, fd);
	kind("sync file, validated", P, MAP_SHARED_VALIDATE | MAP_SYNC, fd);
	kind("uninitialized", P, PRIVATE | 0x4000000, -1);
	for (long flags = 0; flags < 3; flags++)
		say("shadow stack", syscall(MAP_SHADOW_STACK, 0L, P, flags));
}

/* ---- huge pages: reserving none, none are needed ------------------------------------------------------------------------- */

static void huge_kinds(int fd)
{
	enum { HUGE_KIND = PRIVATE | MAP_HUGETLB | MAP_NORESERVE };

	kind("huge", HUGE, HUGE_KIND, -1);
	kind("huge, of 2 MiB", HUGE, HUGE_KIND | 21 << 26, -1);
	kind("huge, of 4 MiB", HUGE, HUGE_KIND | 22 << 26, -1);
	kind("huge, nothing", 0, HUGE_KIND, -1);
	kind("huge, all", -1ul, HUGE_KIND, -1);
	kind("huge, grows", HUGE, HUGE_KIND | MAP_GROWSDOWN, -1);
	kind("huge of a file that is not", HUGE, MAP_SHARED | MAP_HUGETLB, fd);
	say_map("huge, at a small page", mmap(base + P, HUGE, RW, HUGE_KIND | MAP_FIXED, -1, 0), HUGE);
}

static void huge_file(void)
{
	int fd = memfd_create("huge", MFD_HUGETLB);
	char *at, *moved;

	say("huge file", fd < 0 ? -1 : 0);
	if (fd < 0)
		return;
	EXPECT(ftruncate(fd, 2 * HUGE) == 0);
	say_map("at a small offset", mmap(NULL, HUGE, RW, MAP_PRIVATE | MAP_NORESERVE, fd, P), HUGE);
	at = mmap(NULL, HUGE + P, RW, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
	EXPECT(at != MAP_FAILED);
	printf("aligned: %d\n", !((unsigned long)at % HUGE));
	say("unmap a page", munmap(at, P));
	say("unmap from a page on", munmap(at + P, HUGE));
	say("a mapping over a page", mmap(at, P, RW, PRIVATE | MAP_FIXED, -1, 0) == MAP_FAILED ? -1 : 0);
	say("protect a page", mprotect(at, P, PROT_READ));
	say("protect", mprotect(at + HUGE, HUGE, PROT_READ));
	say("advise a page", madvise(at, P, MADV_DONTFORK));
	say("lock", mlock(at, P));
	say("unlock", munlock(at, P));
	say("grow", mremap(at, HUGE, 2 * HUGE, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0);
	moved = mremap(at, P, P, MREMAP_MAYMOVE | MREMAP_FIXED, at + 8 * HUGE);
	say("move", moved == MAP_FAILED ? -1 : (moved - at) / HUGE);
	say("shrink", mremap(at + HUGE, HUGE, P, 0) == MAP_FAILED ? -1 : 0);
	EXPECT(munmap(at, 2 * HUGE) == 0 && munmap(at + 8 * HUGE, HUGE) == 0 && close(fd) == 0);
}

/* Low hints, and those below what a hint may name. */
static void hints(int fd)
{
	for (long hint = P; hint < 0x40000; hint += 3 * P)
		for (int file = 0; file < 2; file++) {
			char *at = mmap((void *)(hint + 1), P, RW, file ? MAP_SHARED : PRIVATE, file ? fd : -1, 0);

			EXPECT(at != MAP_FAILED);
			printf("hint %lx: %lx\n", hint, (long)at < 0x100000 ? (long)at : -1);
			EXPECT(munmap(at, P) == 0);
		}
}

int main(void)
{
	int fd = memfd_create("file", 0);

	EXPECT(fd >= 0 && ftruncate(fd, 100 * P) == 0);
	for (int page = 0; page < 100; page++)
		EXPECT(pwrite(fd, &page, 1, page * P) == 1);
	base = mmap(NULL, PAGES * P, PROT_NONE, PRIVATE, -1, 0);
	EXPECT(base != MAP_FAILED && munmap(base, PAGES * P) == 0);
	moves(fd);
	remaps(fd);
	kinds(fd);
	hints(fd);
	huge_kinds(fd);
	huge_file();
	return 0;
}
