/* SPDX-License-Identifier: MIT */
/* signal_sys - SIGSYS belongs to the program too: its handler, its mask, its pending state, death by it. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "expect.h"

#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1
#endif

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

/* From here on getppid is SIGSYS, by a filter of the program's own. */
static void trap_getppid(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};

	EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	EXPECT(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

static void trapped_ignored(void)
{
	signal(SIGSYS, SIG_IGN);
	trap_getppid();
	getppid();
}

static void trapped_blocked(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	EXPECT(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	trap_getppid();
	getppid();
}

static void trapped_handled(void)
{
	trap_getppid();
	getppid();
	use_memory();
	EXPECT(caught == 1 && last_code == SYS_SECCOMP);
	getppid();
	_exit(caught);
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

/* ---- what a handler blocks ---------------------------------------------------------------------------------------------------- */

static volatile int depth, deepest;

static void nested(int number)
{
	(void)number;
	caught++;
	if (++depth > deepest)
		deepest = depth;
	use_memory();
	if (caught < 3)
		raise(SIGSYS);
	depth--;
}

static void other(int number)
{
	(void)number;
	raise(SIGSYS);
	deepest = caught; /* while it is blocked: none */
}

static void handle(int number, void (*function)(int), int flags, int blocked)
{
	struct sigaction action = {.sa_handler = function, .sa_flags = flags};

	if (blocked)
		sigaddset(&action.sa_mask, blocked);
	EXPECT(sigaction(number, &action, NULL) == 0);
}

static void check_blocked(void)
{
	static const int flags[] = {0, SA_NODEFER, SA_SIGINFO, SA_ONSTACK, SA_ONSTACK | SA_NODEFER};
	sigset_t set;

	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
		caught = deepest = 0;
		handle(SIGSYS, nested, flags[i], 0);
		raise(SIGSYS);
		printf("in itself, flags %x: %d times, %d deep\n", (unsigned)flags[i], caught, deepest);
		caught = deepest = 0;
		handle(SIGUSR1, other, flags[i], SIGSYS);
		raise(SIGUSR1);
		printf("in another, flags %x: %d then, %d after\n", (unsigned)flags[i], deepest, caught);
		EXPECT(sigprocmask(SIG_BLOCK, NULL, &set) == 0 && !sigismember(&set, SIGSYS));
	}
}

/* ---- what it interrupts ----------------------------------------------------------------------------------------------------------- */

static void nothing(int number)
{
	(void)number;
}

/* read() of a pipe into which a child writes after `signals` of them; 0: never. */
static void check_interrupted(void (*function)(int), int flags, int signals)
{
	int fds[2], status;
	char byte;
	ssize_t result;
	pid_t child;

	handle(SIGSYS, function, flags, 0);
	EXPECT(pipe(fds) == 0);
	child = fork();
	if (child == 0) {
		for (int i = 0; !signals || i < signals; i++) {
			usleep(20000);
			kill(getppid(), SIGSYS);
		}
		EXPECT(write(fds[1], "x", 1) == 1);
		_exit(0);
	}
	result = read(fds[0], &byte, 1);
	printf("flags %x: read %zd, errno %d\n", (unsigned)flags, result, result < 0 ? errno : 0);
	kill(child, SIGKILL);
	EXPECT(waitpid(child, &status, 0) == child && close(fds[0]) == 0 && close(fds[1]) == 0);
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
	status = child_status(trapped_ignored);
	printf("trapped by a filter, ignored: signaled %d with %d\n", WIFSIGNALED(status), WTERMSIG(status));
	status = child_status(trapped_blocked);
	printf("trapped by a filter, blocked: signaled %d with %d\n", WIFSIGNALED(status), WTERMSIG(status));
	status = child_status(trapped_handled);
	printf("trapped by a filter, handled: exit %d\n", WEXITSTATUS(status));
	EXPECT(raise(SIGSYS) == 0);
	EXPECT(caught == 1 && last_code == SI_TKILL && last_pid == getpid());
	EXPECT(kill(getpid(), SIGSYS) == 0);
	EXPECT(caught == 2 && last_code == SI_USER);
	use_memory();
	EXPECT(sigaction(SIGSYS, NULL, &old) == 0 && old.sa_sigaction == handler);
	puts("handled");
	check_blocked();
	check_interrupted(nothing, SA_RESTART, 5);
	check_interrupted(SIG_IGN, 0, 5);
	check_interrupted(nothing, 0, 0);
	return 0;
}
