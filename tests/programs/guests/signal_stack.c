/* SPDX-License-Identifier: MIT */
/* signal_stack - SA_SIGINFO, SA_ONSTACK, sigaltstack's answers, nested signals, masks inside handlers, SA_RESETHAND, SA_NODEFER. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include "expect.h"

enum { STACK = 64 << 10 };

static char *stack;
static volatile int depth, deepest, runs;
static volatile sig_atomic_t values;

static int on_stack(const void *address)
{
	return (const char *)address >= stack && (const char *)address < stack + STACK;
}

static void nested(int number, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	sigset_t now;
	stack_t state;
	char local;

	runs++;
	if (++depth > deepest)
		deepest = depth;
	EXPECT(on_stack(&local));
	EXPECT(info->si_signo == number && info->si_pid == getpid());
	EXPECT(uc->uc_stack.ss_sp == stack && uc->uc_stack.ss_size == STACK);
	EXPECT(sigaltstack(NULL, &state) == 0 && state.ss_flags == SS_ONSTACK && state.ss_sp == stack);
	state.ss_flags = 0;
	EXPECT(sigaltstack(&state, NULL) == -1 && errno == EPERM);
	EXPECT(sigprocmask(SIG_SETMASK, NULL, &now) == 0 && sigismember(&now, number) && sigismember(&now, SIGHUP));
	EXPECT(!sigismember(&uc->uc_sigmask, number));
	if (number == SIGUSR1)
		EXPECT(raise(SIGUSR2) == 0);
	if (number == SIGUSR2)
		EXPECT(raise(SIGTERM) == 0);
	/* Memory calls in the deepest handler. */
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(page != MAP_FAILED);
	*(int *)page = number;
	EXPECT(munmap(page, 4096) == 0);
	depth--;
}

static void queued(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	EXPECT(info->si_code == SI_QUEUE);
	values = values * 10 + info->si_value.sival_int;
}

static void set(int number, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO}, old;

	sigemptyset(&action.sa_mask);
	sigaddset(&action.sa_mask, SIGHUP);
	EXPECT(sigaction(number, &action, NULL) == 0);
	EXPECT(sigaction(number, NULL, &old) == 0);
	EXPECT(old.sa_sigaction == handler && (old.sa_flags & ~0x04000000) == action.sa_flags);
	EXPECT(sigismember(&old.sa_mask, SIGHUP) && !sigismember(&old.sa_mask, SIGTERM) && !sigismember(&old.sa_mask, SIGSYS));
}

static void check_altstack(void)
{
	stack_t state, small = {.ss_sp = stack, .ss_size = 100}, new = {.ss_sp = stack, .ss_size = STACK};

	EXPECT(sigaltstack(NULL, &state) == 0 && state.ss_flags == SS_DISABLE);
	EXPECT(sigaltstack(&small, NULL) == -1 && errno == ENOMEM);
	small.ss_flags = 64;
	EXPECT(sigaltstack(&small, NULL) == -1 && errno == EINVAL);
	EXPECT(sigaltstack(&new, &state) == 0 && state.ss_flags == SS_DISABLE);
	EXPECT(sigaltstack(NULL, &state) == 0 && state.ss_flags == 0 && state.ss_sp == stack && state.ss_size == STACK);
}

static void check_queue(void)
{
	sigset_t set_, old;

	set(SIGRTMIN + 1, queued, 0);
	sigemptyset(&set_);
	sigaddset(&set_, SIGRTMIN + 1);
	EXPECT(sigprocmask(SIG_BLOCK, &set_, &old) == 0);
	for (int i = 1; i <= 5; i++)
		EXPECT(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = i}) == 0);
	EXPECT(values == 0);
	EXPECT(sigprocmask(SIG_SETMASK, &old, NULL) == 0);
	printf("queued %d\n", (int)values);
}

static void check_flags(void)
{
	struct sigaction action = {.sa_handler = SIG_IGN}, old;

	set(SIGALRM, queued, SA_RESETHAND);
	EXPECT(sigqueue(getpid(), SIGALRM, (union sigval){.sival_int = 0}) == 0);
	EXPECT(sigaction(SIGALRM, NULL, &old) == 0 && old.sa_handler == SIG_DFL);
	EXPECT(sigaction(SIGALRM, &action, &old) == 0 && old.sa_handler == SIG_DFL);
	EXPECT(raise(SIGALRM) == 0);
	EXPECT(sigaction(SIGKILL, &action, NULL) == -1 && errno == EINVAL);
	EXPECT(sigaction(65, &action, NULL) == -1 && errno == EINVAL);
	EXPECT(signal(SIGALRM, SIG_DFL) == SIG_IGN);
}

static void *own_thread(void *arg)
{
	stack_t state;

	(void)arg;
	EXPECT(sigaltstack(NULL, &state) == 0 && state.ss_flags == SS_DISABLE);
	return NULL;
}

int main(void)
{
	pthread_t thread;
	stack_t state;
	int status;
	pid_t pid;

	stack = malloc(STACK);
	check_altstack();
	set(SIGUSR1, nested, SA_ONSTACK);
	set(SIGUSR2, nested, SA_ONSTACK);
	set(SIGTERM, nested, SA_ONSTACK);
	for (int i = 0; i < 200; i++)
		EXPECT(raise(SIGUSR1) == 0);
	printf("%d handlers ran, %d deep\n", runs, deepest);
	check_queue();
	check_flags();
	EXPECT(pthread_create(&thread, NULL, own_thread, NULL) == 0 && pthread_join(thread, NULL) == 0);
	pid = fork();
	if (pid == 0) {
		EXPECT(sigaltstack(NULL, &state) == 0 && state.ss_sp == stack && state.ss_flags == 0);
		runs = 0;
		EXPECT(raise(SIGUSR1) == 0);
		_exit(runs);
	}
	EXPECT(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 3);
	EXPECT(sigaltstack(NULL, &state) == 0 && state.ss_sp == stack && state.ss_flags == 0);
	puts("alternate stacks are kept");
	return 0;
}
