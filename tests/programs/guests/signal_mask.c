/* SPDX-License-Identifier: MIT */
/*
 * signal_mask - memory calls with every signal blocked; masks read back as they were set; jumps out of handlers restore them; what a
 * handler writes into uc_sigmask becomes the mask.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include "expect.h"

static sigjmp_buf jump;
static volatile sig_atomic_t caught;
static sigset_t wanted;

static void use_memory(void)
{
	for (int i = 1; i < 200; i++) {
		size_t size = (size_t)i * 4096;
		char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		EXPECT(at != MAP_FAILED);
		at[size - 1] = 1;
		EXPECT(mprotect(at, size, PROT_READ) == 0 && munmap(at, size) == 0);
		free(malloc(size));
	}
}

static int same(const sigset_t *a, const sigset_t *b)
{
	for (int i = 1; i < NSIG; i++)
		if (sigismember(a, i) != sigismember(b, i))
			return 0;
	return 1;
}

static void check_all_blocked(void)
{
	sigset_t all, old, now, pending;

	sigfillset(&all);
	EXPECT(sigprocmask(SIG_SETMASK, &all, &old) == 0);
	use_memory();
	EXPECT(sigprocmask(SIG_SETMASK, NULL, &now) == 0);
	sigdelset(&all, SIGKILL);
	sigdelset(&all, SIGSTOP);
	EXPECT(same(&now, &all));
	EXPECT(raise(SIGUSR1) == 0 && raise(SIGTERM) == 0);
	EXPECT(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1) && sigismember(&pending, SIGTERM));
	use_memory();
	signal(SIGTERM, SIG_IGN);
	EXPECT(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1) && !sigismember(&pending, SIGTERM));
	EXPECT(caught == 0);
	EXPECT(sigprocmask(SIG_SETMASK, &old, &now) == 0 && same(&now, &all));
	EXPECT(caught == 1);
	EXPECT(sigprocmask(12345, &all, NULL) == -1 && errno == EINVAL);
	puts("all blocked, memory still works");
}

static void handler(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	(void)context;
	caught++;
}

static void jumping(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	(void)context;
	use_memory();
	siglongjmp(jump, 5);
}

static void editing(int number, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)number;
	(void)info;
	uc->uc_sigmask = wanted;
}

static void set(int number, void (*function)(int, siginfo_t *, void *))
{
	struct sigaction action = {.sa_sigaction = function, .sa_flags = SA_SIGINFO};

	sigfillset(&action.sa_mask);
	EXPECT(sigaction(number, &action, NULL) == 0);
	EXPECT(sigaction(number, NULL, &action) == 0 && sigismember(&action.sa_mask, SIGSYS) &&
		sigismember(&action.sa_mask, SIGHUP));
}

static void check_jumps(void)
{
	sigset_t before, now;

	set(SIGUSR2, jumping);
	EXPECT(sigprocmask(SIG_SETMASK, NULL, &before) == 0);
	for (int i = 0; i < 500; i++) {
		volatile int round = i;

		if (sigsetjmp(jump, 1) == 0) {
			raise(SIGUSR2);
			EXPECT(!"reached");
		}
		EXPECT(round == i);
		EXPECT(sigprocmask(SIG_SETMASK, NULL, &now) == 0 && same(&before, &now));
	}
	puts("500 jumps out of a handler");
}

static void check_edit(void)
{
	sigset_t before, now;

	set(SIGUSR2, editing);
	EXPECT(sigprocmask(SIG_SETMASK, NULL, &before) == 0);
	sigfillset(&wanted);
	sigdelset(&wanted, SIGKILL);
	sigdelset(&wanted, SIGSTOP);
	EXPECT(raise(SIGUSR2) == 0);
	EXPECT(sigprocmask(SIG_SETMASK, NULL, &now) == 0 && same(&now, &wanted));
	use_memory();
	EXPECT(sigprocmask(SIG_SETMASK, &before, NULL) == 0);
	puts("a handler's edit of the mask holds");
}

static void *inherit(void *arg)
{
	sigset_t now;

	EXPECT(pthread_sigmask(SIG_SETMASK, NULL, &now) == 0 && same(&now, arg));
	use_memory();
	return NULL;
}

static void check_inheritance(void)
{
	sigset_t mask, old;
	pthread_t thread;
	int status;
	pid_t pid;

	sigfillset(&mask);
	for (int i = SIGRTMIN - 2; i < SIGRTMIN; i++) /* glibc keeps these two to itself */
		sigdelset(&mask, i);
	sigdelset(&mask, SIGKILL);
	sigdelset(&mask, SIGSTOP);
	EXPECT(pthread_sigmask(SIG_SETMASK, &mask, &old) == 0);
	EXPECT(pthread_create(&thread, NULL, inherit, &mask) == 0 && pthread_join(thread, NULL) == 0);
	pid = fork();
	if (pid == 0) {
		inherit(&mask);
		_exit(0);
	}
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
	EXPECT(pthread_sigmask(SIG_SETMASK, &old, NULL) == 0);
	puts("threads and children inherit the mask");
}

static void once_handler(int signo)
{
	(void)signo;
}

static void set_default(int signo)
{
	struct sigaction action = {.sa_handler = SIG_DFL};

	EXPECT(sigaction(signo, &action, NULL) == 0);
}

/* To set a default that is to ignore drops what is pending, even where it was the default before; another default does not. And a handler
 * that the kernel has taken away reads as gone. */
static void check_defaults(void)
{
	struct sigaction once = {.sa_handler = once_handler, .sa_flags = (int)SA_RESETHAND}, was;
	sigset_t both, pending, before;

	sigemptyset(&both);
	sigaddset(&both, SIGWINCH);
	sigaddset(&both, SIGUSR2);
	EXPECT(sigprocmask(SIG_BLOCK, &both, &before) == 0);
	raise(SIGWINCH);
	raise(SIGUSR2);
	set_default(SIGWINCH);
	set_default(SIGUSR2);
	EXPECT(sigpending(&pending) == 0);
	printf("pending: SIGWINCH %d, SIGUSR2 %d\n", sigismember(&pending, SIGWINCH), sigismember(&pending, SIGUSR2));
	EXPECT(sigaction(SIGUSR2, &once, NULL) == 0);
	EXPECT(sigaction(SIGUSR2, NULL, &was) == 0 && was.sa_handler == once_handler);
	EXPECT(sigprocmask(SIG_SETMASK, &before, NULL) == 0);
	EXPECT(sigaction(SIGUSR2, NULL, &was) == 0 && was.sa_handler == SIG_DFL);
}

/* SIGUSR1 was ignored when the instance began, SIGUSR2 was not; then nobody has set either. */
static void check_initial(void)
{
	struct sigaction was;
	int status;
	pid_t pid;

	for (int signo = SIGUSR1;; signo = SIGUSR2) {
		EXPECT(sigaction(signo, NULL, &was) == 0);
		printf("%s is %s\n", signo == SIGUSR1 ? "SIGUSR1" : "SIGUSR2", was.sa_handler == SIG_IGN ? "ignored" : "default");
		fflush(stdout);
		pid = fork();
		if (!pid) {
			raise(signo == SIGUSR1 ? signo : 0);
			set_default(signo);
			raise(signo);
			_exit(0);
		}
		EXPECT(waitpid(pid, &status, 0) == pid);
		printf("its default ends with signal %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
		if (signo == SIGUSR2)
			return;
	}
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1) {
		check_initial();
		return 0;
	}
	set(SIGUSR1, handler);
	check_all_blocked();
	check_jumps();
	check_edit();
	check_inheritance();
	check_defaults();
	return 0;
}
