/* SPDX-License-Identifier: MIT */
/* signal_sys - SIGSYS belongs to the program too: its handler, its mask, its pending state, death by it. */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "expect.h"

static volatile sig_atomic_t caught;
static volatile int last_code, last_pid;

static void handler(int number, siginfo_t *info, void *context)
{
	(void)context;
	EXPECT(number == SIGSYS);
	last_code = info->si_code;
	last_pid = info->si_pid;
	caught++;
}

static void use_memory(void)
{
	void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(page != MAP_FAILED && munmap(page, 4096) == 0);
}

static int child_status(void (*function)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		function();
		_exit(33);
	}
	EXPECT(waitpid(pid, &status, 0) == pid);
	return status;
}

static void die_by_default(void)
{
	signal(SIGSYS, SIG_DFL);
	use_memory();
	raise(SIGSYS);
}

static void ignore(void)
{
	signal(SIGSYS, SIG_IGN);
	use_memory();
	raise(SIGSYS);
	use_memory();
}

static void block(void)
{
	sigset_t set, pending, old;

	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	EXPECT(sigprocmask(SIG_BLOCK, &set, &old) == 0);
	use_memory();
	EXPECT(raise(SIGSYS) == 0);
	EXPECT(caught == 0);
	EXPECT(sigpending(&pending) == 0 && sigismember(&pending, SIGSYS));
	use_memory();
	EXPECT(sigprocmask(SIG_SETMASK, &old, &set) == 0 && sigismember(&set, SIGSYS));
	EXPECT(caught == 1);
	_exit(44);
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO}, old;
	int status;

	setvbuf(stdout, NULL, _IOLBF, 0);
	EXPECT(sigaction(SIGSYS, NULL, &old) == 0 && old.sa_handler == SIG_DFL);
	status = child_status(die_by_default);
	printf("by default: signaled %d with %d\n", WIFSIGNALED(status), WTERMSIG(status));
	EXPECT(sigaction(SIGSYS, &action, &old) == 0 && old.sa_handler == SIG_DFL);
	use_memory();
	EXPECT(caught == 0);
	status = child_status(ignore);
	printf("ignored: exit %d\n", WEXITSTATUS(status));
	status = child_status(block);
	printf("blocked: exit %d\n", WEXITSTATUS(status));
	EXPECT(raise(SIGSYS) == 0);
	EXPECT(caught == 1 && last_code == SI_TKILL && last_pid == getpid());
	EXPECT(kill(getpid(), SIGSYS) == 0);
	EXPECT(caught == 2 && last_code == SI_USER);
	use_memory();
	EXPECT(sigaction(SIGSYS, NULL, &old) == 0 && old.sa_sigaction == handler);
	puts("handled");
	return 0;
}
