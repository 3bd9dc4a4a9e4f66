/* SPDX-License-Identifier: MIT */
/*
 * signal_change - one thread raises a signal, another keeps changing what the process does with it: every signal meets one of the
 * actions, whole, or is ignored. And a signal whose frame does not fit on the alternate stack is a SIGSEGV.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>
#include "expect.h"

enum { ROUNDS = 4000, RAISED = 4000, STACK = 65536, SIZE_LEAST = 2048 };

static atomic_int seen[2];
static atomic_bool done;
static sigjmp_buf too_small;

/* The handler that blocks `inside` must find it blocked, and not the other's. */
static void check_mask(int inside, int outside)
{
	sigset_t now;

	EXPECT(pthread_sigmask(SIG_SETMASK, NULL, &now) == 0);
	EXPECT(sigismember(&now, inside) && !sigismember(&now, outside));
}

static void first(int number)
{
	EXPECT(number == SIGUSR1);
	check_mask(SIGHUP, SIGWINCH);
	seen[0]++;
}

static void second(int number, siginfo_t *info, void *context)
{
	(void)context;
	EXPECT(number == SIGUSR1 && info->si_signo == SIGUSR1);
	check_mask(SIGWINCH, SIGHUP);
	seen[1]++;
}

static void *raiser(void *arg)
{
	stack_t stack = {.ss_sp = arg, .ss_size = STACK};

	EXPECT(sigaltstack(&stack, NULL) == 0);
	for (int i = 0; i < RAISED || !done; i++)
		EXPECT(raise(SIGUSR1) == 0);
	stack.ss_flags = SS_DISABLE;
	EXPECT(sigaltstack(&stack, NULL) == 0);
	return NULL;
}

static void changes(void)
{
	struct sigaction actions[] = {{.sa_handler = first, .sa_flags = SA_ONSTACK},
		{.sa_sigaction = second, .sa_flags = SA_ONSTACK | SA_SIGINFO}, {.sa_handler = SIG_IGN}, {.sa_handler = first}};
	pthread_t thread;
	void *stack = malloc(STACK);

	sigaddset(&actions[0].sa_mask, SIGHUP);
	sigaddset(&actions[1].sa_mask, SIGWINCH);
	sigaddset(&actions[3].sa_mask, SIGHUP);
	EXPECT(sigaction(SIGUSR1, &actions[0], NULL) == 0);
	EXPECT(pthread_create(&thread, NULL, raiser, stack) == 0);
	for (int i = 0; i < ROUNDS || !seen[0] || !seen[1]; i++)
		EXPECT(sigaction(SIGUSR1, &actions[i % 4], NULL) == 0);
	done = true;
	EXPECT(pthread_join(thread, NULL) == 0);
	free(stack);
}

static void segv(int number)
{
	siglongjmp(too_small, number);
}

static void fits(int number)
{
	(void)number;
}

/* Sizes around what the frame takes, which is the processor's matter: from some size on it fits. */
static void small_stack(void)
{
	static char room[STACK];
	struct sigaction action = {.sa_handler = segv};
	size_t smallest = 0;

	EXPECT(sigaction(SIGSEGV, &action, NULL) == 0);
	action = (struct sigaction){.sa_handler = fits, .sa_flags = SA_ONSTACK};
	EXPECT(sigaction(SIGUSR1, &action, NULL) == 0);
	for (size_t size = SIZE_LEAST; size < STACK; size += 16) {
		stack_t stack = {.ss_sp = room, .ss_size = size};
		EXPECT(sigaltstack(&stack, NULL) == 0);
		if (!sigsetjmp(too_small, 1)) {
			raise(SIGUSR1);
			if (!smallest)
				smallest = size;
		} else {
			EXPECT(!smallest);
		}
	}
	printf("fits from %zu on\n", smallest);
	action.sa_handler = SIG_DFL;
	EXPECT(sigaction(SIGUSR1, &action, NULL) == 0);
}

int main(void)
{
	changes();
	printf("both handlers ran\n");
	fflush(stdout);
	small_stack();
}
