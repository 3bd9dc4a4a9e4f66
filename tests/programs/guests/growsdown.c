/* SPDX-License-Identifier: MIT */
/*
 * growsdown - MAP_GROWSDOWN as the kernel has it: grows on faults (also on those inside system calls), stops at its gap and at
 * RLIMIT_STACK, gives way, is cut, moved, forked. Prints what it sees, in pages from a base.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "expect.h"

enum { P = 4096, PAGES = 8000, PRIVATE = MAP_PRIVATE | MAP_ANONYMOUS, RW = PROT_READ | PROT_WRITE };

static sigjmp_buf back;
static char *base;
static volatile int touching;

static void handler(int signal, siginfo_t *info, void *context)
{
	(void)context;
	EXPECT(touching);
	touching = 0;
	printf("signal %d code %d at %ld\n", signal, info->si_code, ((char *)info->si_addr - base) / P);
	siglongjmp(back, 1);
}

static void touch(long page)
{
	if (sigsetjmp(back, 1))
		return;
	touching = 1;
	*(volatile char *)(base + page * P) = 1;
	touching = 0;
	printf("touched %ld\n", page);
}

static void map(long page, long pages, int prot, int flags)
{
	char *at = mmap(base + page * P, (size_t)pages * P, prot, PRIVATE | flags, -1, 0);

	if (at == MAP_FAILED)
		printf("map %ld: errno %d\n", page, errno);
	else if (at == base + page * P)
		printf("map %ld: there\n", page);
	else
		printf("map %ld: elsewhere, %d\n", page, munmap(at, (size_t)pages * P));
}

static void move(long page, long pages, long to)
{
	char *at = mremap(base + page * P, (size_t)pages * P, (size_t)pages * P, MREMAP_MAYMOVE | MREMAP_FIXED, base + to * P);

	printf("move %ld: %ld\n", page, at == MAP_FAILED ? -errno : (at - base) / P);
}

static void show(void)
{
	unsigned long start, end;
	char line[300], perms[5];
	FILE *maps = fopen("/proc/self/maps", "r");

	EXPECT(maps);
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %4s", &start, &end, perms) == 3 && end > (unsigned long)base &&
			start < (unsigned long)base + PAGES * (unsigned long)P)
			printf("  %ld+%ld %s\n", (long)(start - (unsigned long)base) / P, (long)(end - start) / P, perms);
	}
	fclose(maps);
}

static void gaps(void)
{
	map(3000, 16, RW, MAP_FIXED | MAP_GROWSDOWN);
	touch(2999);
	touch(2000);
	map(1900, 1, RW, 0);
	map(2000 - 256, 1, RW, 0);
	map(2000 - 257, 1, RW, 0);
	touch(1999);
	show();
	EXPECT(munmap(base + 1743 * P, P) == 0);
	map(1899, 1, RW, MAP_FIXED_NOREPLACE);
	map(2000, 1, RW, MAP_FIXED_NOREPLACE);
	map(1500, 1, PROT_NONE, MAP_FIXED);
	EXPECT(munmap(base + 1899 * P, P) == 0);
	touch(1600);
	touch(1501);
	show();
	EXPECT(munmap(base + 1500 * P, 10 * P) == 0);
	touch(1400);
	touch(900); /* RLIMIT_STACK */
	show();
}

static void perms(void)
{
	printf("down %d\n", mprotect(base + 3010 * P, P, PROT_READ | PROT_GROWSDOWN));
	show();
	printf("below %d\n", mprotect(base + 1300 * P, P, RW | PROT_GROWSDOWN));
	printf("reaching %d\n", mprotect(base + 1300 * P, 200 * P, RW | PROT_GROWSDOWN));
	show();
}

static void moves(void)
{
	struct rlimit limit;

	EXPECT(getrlimit(RLIMIT_STACK, &limit) == 0);
	limit.rlim_cur = limit.rlim_max;
	EXPECT(setrlimit(RLIMIT_STACK, &limit) == 0);
	touch(1000);
	move(1000, 400, 5000);
	show();
	touch(4990);
	move(4990, 16, 900);
	touch(890);
	touch(5005);
	show();
}

/* Faults of the kernel on the process's behalf grow it too; the copy of a fork has what has grown, and grows by itself. */
static void calls(void)
{
	char *low = base + 880 * P;
	int fds[2], status;
	pid_t child;

	EXPECT(pipe(fds) == 0 && write(fds[1], "grown", 5) == 5);
	EXPECT(read(fds[0], low, 5) == 5 && memcmp(low, "grown", 5) == 0);
	show();
	fflush(stdout);
	child = fork();
	EXPECT(child >= 0);
	if (!child) {
		EXPECT(memcmp(low, "grown", 5) == 0);
		touch(870);
		show();
		EXPECT(munmap(base + 875 * P, 10 * P) == 0);
		show();
		fflush(stdout);
		_exit(0);
	}
	EXPECT(waitpid(child, &status, 0) == child && status == 0);
	EXPECT(madvise(low, P, MADV_DONTNEED) == 0 && *low == 0);
	EXPECT(msync(low, P, MS_ASYNC) == 0 && mlock(low, P) == 0 && munlock(low, P) == 0);
	EXPECT(munmap(base, PAGES * (size_t)P) == 0);
	show();
}

static void anywhere(void)
{
	char *at = mmap(NULL, 4 * P, RW, PRIVATE | MAP_GROWSDOWN | MAP_STACK, -1, 0);

	EXPECT(at != MAP_FAILED);
	*at = 1;
	EXPECT(munmap(at, 4 * P) == 0);
	EXPECT(mmap(NULL, P, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0) == MAP_FAILED && errno == EINVAL);
}

int main(void)
{
	static char stack[65536];
	stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	struct rlimit limit;

	EXPECT(getrlimit(RLIMIT_STACK, &limit) == 0);
	limit.rlim_cur = 8 << 20;
	EXPECT(setrlimit(RLIMIT_STACK, &limit) == 0);
	EXPECT(sigaltstack(&alternate, NULL) == 0 && sigaction(SIGSEGV, &action, NULL) == 0);
	base = mmap(NULL, PAGES * (size_t)P, PROT_NONE, PRIVATE, -1, 0);
	EXPECT(base != MAP_FAILED && munmap(base, PAGES * (size_t)P) == 0);
	gaps();
	perms();
	moves();
	calls();
	anywhere();
	puts("done");
	return 0;
}
