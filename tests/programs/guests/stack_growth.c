/* SPDX-License-Identifier: MIT */
/*
 * stack_growth - the main stack as Linux has it: a piece at first, grown by being touched, by system calls too, up to RLIMIT_STACK as
 * it is at that moment, in copies and after exec; it leaves its gap to mappings below. Prints sizes in steps of 64 KiB, so that what the
 * environment takes, and the up to 8 KiB by which Linux moves the stack at random, do not show.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "expect.h"

enum { STEP = 65536, KIB = 1024, MIB = 1024 * KIB };

static sigjmp_buf jump;
static char *top;
static volatile long depth;

static void handler(int number, siginfo_t *info, void *context)
{
	(void)context;
	depth = top - (char *)info->si_addr;
	printf("signal %d, code %d, ", number, info->si_code);
	siglongjmp(jump, 1);
}

static __attribute__((noinline)) int descend(long size)
{
	volatile char frame[2 * KIB];

	frame[0] = 1;
	return size > 0 ? descend(size - (long)sizeof(frame)) + frame[0] : 0;
}

static long rounded(long size)
{
	return (size + STEP / 2) / STEP * STEP / KIB;
}

static void overflow(const char *when)
{
	if (!sigsetjmp(jump, 1))
		descend(1l << 40);
	printf("%s: %ld KiB\n", when, rounded(depth));
	fflush(stdout);
}

static void limit_set(long size)
{
	struct rlimit limit;

	EXPECT(getrlimit(RLIMIT_STACK, &limit) == 0);
	limit.rlim_cur = (rlim_t)size;
	EXPECT(setrlimit(RLIMIT_STACK, &limit) == 0);
}

/* What /proc/self/maps says of it, in bytes. */
static long shown(void)
{
	unsigned long start = 0, end = 0;
	char line[300];
	FILE *maps = fopen("/proc/self/maps", "r");

	EXPECT(maps);
	while (fgets(line, sizeof(line), maps) && !strstr(line, "[stack]"))
		;
	EXPECT(sscanf(line, "%lx-%lx", &start, &end) == 2);
	fclose(maps);
	return (long)(end - start);
}

/* A piece at first; what the kernel writes far below makes it grow, for calls of all kinds. */
static void by_calls(void)
{
	char *low = (char *)((uintptr_t)__builtin_frame_address(0) & ~4095ul) - MIB;
	stack_t alternate;
	sigset_t *set = (sigset_t *)(low - 4);
	struct sigaction *action = (struct sigaction *)(low - 100 * KIB - 16);
	int fds[2];

	EXPECT(shown() < 300 * KIB);
	EXPECT(sigprocmask(SIG_BLOCK, NULL, set) == 0);
	printf("by a mask: %ld\n", shown() / MIB);
	EXPECT(sigaction(SIGSEGV, NULL, action) == 0 && action->sa_sigaction == handler);
	EXPECT(sigaltstack(NULL, (stack_t *)(low - 200 * KIB)) == 0 && sigaltstack(NULL, &alternate) == 0);
	EXPECT(((stack_t *)(low - 200 * KIB))->ss_sp == alternate.ss_sp);
	EXPECT(getrlimit(RLIMIT_STACK, (struct rlimit *)(low - 300 * KIB - 8)) == 0);
	EXPECT(pipe(fds) == 0 && write(fds[1], "grown", 5) == 5 && read(fds[0], low - 400 * KIB - 2, 5) == 5);
	EXPECT(memcmp(low - 400 * KIB - 2, "grown", 5) == 0);
	EXPECT(mincore(top - 4096 - ((uintptr_t)top & 4095), 4096, (unsigned char *)low - 540 * KIB) == 0);
	printf("by calls: %ld\n", (shown() - (top - low)) / (100 * KIB));
	/* a bad address is one, also near the stack */
	EXPECT(sigprocmask(SIG_BLOCK, NULL, (sigset_t *)(low - 64 * MIB)) == -1 && errno == EFAULT);
	EXPECT(close(fds[0]) == 0 && close(fds[1]) == 0);
}

/* A mapping below keeps its distance, and so does the stack. */
static void neighbour(void)
{
	char *start = top - (((uintptr_t)top & 4095) + shown() - 4096), *at = start - 3 * MIB;

	EXPECT(mmap(at, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == at);
	if (!sigsetjmp(jump, 1))
		descend(1l << 40);
	printf("gap: %ld KiB\n", rounded(top - depth - at));
	EXPECT(munmap(at, 4096) == 0);
}

/* All of the hole below the stack, up to its gap, can be mapped in one piece. */
static void hole(void)
{
	unsigned long start, end, below = 0;
	char line[300], *at;
	size_t size;
	FILE *maps = fopen("/proc/self/maps", "r");

	EXPECT(maps);
	while (fgets(line, sizeof(line), maps) && sscanf(line, "%lx-%lx", &start, &end) == 2 && !strstr(line, "[stack]"))
		below = end;
	fclose(maps);
	size = start - 256 * 4096ul - below;
	at = mmap((void *)below, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	EXPECT(at == (void *)below && munmap(at, size) == 0);
	puts("hole: filled");
}

static void *thread_overflow(void *arg)
{
	if (!sigsetjmp(jump, 1))
		descend((long)arg);
	puts("thread: ended");
	return NULL;
}

static void copies(void)
{
	pthread_t thread;
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	EXPECT(child >= 0);
	if (!child) {
		overflow("copy");
		limit_set(60 * MIB);
		overflow("copy, 60 MiB");
		_exit(0);
	}
	EXPECT(waitpid(child, &status, 0) == child && status == 0);
	EXPECT(pthread_create(&thread, NULL, thread_overflow, (void *)(long)MIB) == 0 && pthread_join(thread, NULL) == 0);
}

static void attributes(void)
{
	pthread_attr_t attributes;
	void *start;
	size_t size;

	EXPECT(pthread_getattr_np(pthread_self(), &attributes) == 0 && pthread_attr_getstack(&attributes, &start, &size) == 0);
	EXPECT((char *)start + size >= top && (char *)start < top);
	printf("glibc says: %ld KiB\n", rounded((long)size));
	EXPECT(pthread_attr_destroy(&attributes) == 0);
}

int main(int argc, char **argv)
{
	static char area[65536];
	stack_t alternate = {.ss_sp = area, .ss_size = sizeof(area)};
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	top = (char *)argv;
	EXPECT(sigaltstack(&alternate, NULL) == 0 && sigaction(SIGSEGV, &action, NULL) == 0);
	if (argc > 1) { /* again, with the limit of its parent */
		overflow("after exec");
		return 0;
	}
	limit_set(8 * MIB);
	attributes();
	by_calls();
	neighbour();
	hole();
	overflow("8 MiB");
	limit_set(40 * MIB);
	overflow("40 MiB");
	limit_set(MIB);
	overflow("1 MiB, but it has grown");
	copies();
	limit_set(3 * MIB);
	fflush(stdout);
	execl("/proc/self/exe", argv[0], "again", NULL);
	EXPECT(0);
}
