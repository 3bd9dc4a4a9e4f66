/* SPDX-License-Identifier: MIT */
/*
 * stack - the main stack: recursion nearly to the limit of 8 MiB works; beyond it is SIGSEGV, caught on an alternate stack or
 * deadly; the same for a thread's.
 *
 *     stack deep | caught | overflow | thread
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include "expect.h"

enum { FRAME = 1024, DEEP = 7700 << 10 };

static sigjmp_buf jump;
static volatile uintptr_t lowest, fault;
static volatile int code;

/* Use at least `size` bytes of stack, and every page of it. */
static __attribute__((noinline)) int descend(long size)
{
	volatile char frame[FRAME];

	frame[0] = (char)size;
	lowest = (uintptr_t)frame;
	if (size <= 0)
		return frame[0];
	return descend(size - FRAME) + frame[0];
}

static void handler(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	code = info->si_code;
	fault = (uintptr_t)info->si_addr;
	siglongjmp(jump, 1);
}

static void catch_overflow(void)
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	stack_t stack = {.ss_sp = malloc(64 << 10), .ss_size = 64 << 10};
	uintptr_t top = (uintptr_t)__builtin_frame_address(0);

	EXPECT(sigaltstack(&stack, NULL) == 0 && sigaction(SIGSEGV, &action, NULL) == 0);
	for (int i = 0; i < 3; i++) {
		fault = 0;
		if (sigsetjmp(jump, 1) == 0)
			descend(1L << 30);
		EXPECT(fault != 0 && fault <= lowest && lowest - fault < 16384);
		printf("caught, code %d\n", code);
		EXPECT(top - fault > DEEP && top - fault < (8 << 20) + 4096);
	}
}

static void *overflow(void *arg)
{
	return (void *)(long)descend((long)arg);
}

int main(int argc, char **argv)
{
	struct rlimit limit;
	pthread_t thread;

	EXPECT(argc == 2 && getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur == 8 << 20);
	setvbuf(stdout, NULL, _IONBF, 0);
	if (strcmp(argv[1], "deep") == 0) {
		descend(DEEP);
		EXPECT(pthread_create(&thread, NULL, overflow, (void *)(long)DEEP) == 0 && pthread_join(thread, NULL) == 0);
		puts("deep enough");
	} else if (strcmp(argv[1], "caught") == 0) {
		catch_overflow();
	} else if (strcmp(argv[1], "overflow") == 0) {
		descend(1L << 30);
	} else {
		EXPECT(pthread_create(&thread, NULL, overflow, (void *)(1L << 30)) == 0);
		pthread_join(thread, NULL);
	}
	return 0;
}
