/* SPDX-License-Identifier: MIT */
/*
 * exec_state WHAT - what an execve keeps, resets and deletes of a process beside its memory: change it, show it, exec oneself and
 * show it again. WHAT is one or more letters: t timers, s signals, p prctl and personality, m MDWE, b membarrier, f descriptors and what
 * is the task's, c capabilities, u user ids with capabilities kept, B the bounding set, r a saved id that differs, n no_new_privs;
 * T execs in a thread, F in a fork, V in a vfork.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include "expect.h"

enum { SET_MDWE = 65, GET_MDWE = 66, SET_MERGE = 67, GET_MERGE = 68, GET_REGISTRATIONS = 1 << 9, NUMBER = 1000 };

static char *self;

/* A call's answer. */
#define SHOW(call) show_answer(#call, (errno = 0, (long)(call)))

static void show_answer(const char *call, long answer)
{
	printf("%s: %ld %s\n", call, answer, answer == -1 ? strerrorname_np(errno) : "");
}

static void show_file(const char *path)
{
	char line[400];
	FILE *file = fopen(path, "r");

	while (file && fgets(line, sizeof(line), file))
		printf("%s: %s", path, line);
	if (file)
		fclose(file);
}

/* ---- what there is -------------------------------------------------------------------------------------------------------------- */

static void show_status(void)
{
	static const char *const keys[] = {"Name:", "Umask:", "Uid:", "Gid:", "Threads:", "SigPnd:", "ShdPnd:", "SigBlk:",
		"SigIgn:", "SigCgt:", "Cap", "THP_enabled:"};
	char line[400];
	FILE *file = fopen("/proc/self/status", "r");

	while (file && fgets(line, sizeof(line), file))
		for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
			if (strncmp(line, keys[i], strlen(keys[i])) == 0)
				fputs(line, stdout);
	if (file)
		fclose(file);
}

static void show_signals(void)
{
	sigset_t pending;
	stack_t stack;

	sigpending(&pending);
	for (int signo = 1; signo < 65; signo++) {
		struct {
			void *handler;
			unsigned long flags;
			void *restorer;
			unsigned long mask;
		} action;
		if (sigismember(&pending, signo) == 1)
			printf("pending: %d\n", signo);
		if (syscall(SYS_rt_sigaction, signo, NULL, &action, 8) || (!action.handler && !action.flags && !action.mask))
			continue;
		printf("signal %d: %s %lx %lx\n", signo,
			action.handler == (void *)SIG_IGN ? "ignored"
			: action.handler                  ? "handled"
							  : "default",
			action.flags, action.mask);
	}
	sigaltstack(NULL, &stack);
	printf("alternate stack: %d\n", stack.ss_flags);
}

static void show_timers(void)
{
	for (int which = ITIMER_REAL; which <= ITIMER_PROF; which++) {
		struct itimerval value;
		getitimer((__itimer_which_t)which, &value);
		printf("itimer %d: %s\n", which, value.it_value.tv_sec ? "runs" : "none");
	}
	for (int id = 0; id < 3; id++) {
		struct itimerspec value;
		printf("timer %d: %ld\n", id, syscall(SYS_timer_gettime, id, &value));
	}
}

static void show_prctl(void)
{
	int value = -1;

	SHOW(personality(0xffffffff) & (READ_IMPLIES_EXEC | ADDR_COMPAT_LAYOUT));
	SHOW(prctl(PR_GET_TIMERSLACK));
	SHOW(prctl(PR_GET_PDEATHSIG, &value) ? -1 : value);
	SHOW(prctl(PR_GET_CHILD_SUBREAPER, &value) ? -1 : value);
	SHOW(prctl(PR_GET_DUMPABLE));
	SHOW(prctl(PR_GET_KEEPCAPS));
	SHOW(prctl(PR_GET_SECUREBITS));
	SHOW(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	SHOW(prctl(PR_GET_THP_DISABLE, 1, 0, 0, 0));
	SHOW(prctl(GET_MERGE, 0, 0, 0, 0));
	SHOW(prctl(GET_MDWE, 0, 0, 0, 0));
	SHOW(syscall(SYS_membarrier, GET_REGISTRATIONS, 0, 0));
}

static void show_task(void)
{
	struct rlimit limit;
	cpu_set_t cpus;
	mode_t mask = umask(0);

	umask(mask);
	printf("umask: %o\n", mask);
	show_file("/proc/self/oom_score_adj");
	show_file("/proc/self/coredump_filter");
	show_file("/proc/self/comm");
	SHOW(getpriority(PRIO_PROCESS, 0));
	SHOW(sched_getscheduler(0));
	SHOW(sched_getaffinity(0, sizeof(cpus), &cpus) ? -1 : CPU_COUNT(&cpus));
	SHOW(gettid() == getpid());
	SHOW(getsid(0) == getpid());
	for (int fd = 3; fd < 20; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("descriptor %d: %d at %ld\n", fd, fcntl(fd, F_GETFD), (long)lseek(fd, 0, SEEK_CUR));
	for (int what = 0; what < RLIM_NLIMITS; what++) {
		getrlimit((__rlimit_resource_t)what, &limit);
		printf("limit %d: %ld %ld\n", what, (long)limit.rlim_cur, (long)limit.rlim_max);
	}
}

static void show_mappings(void)
{
	char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	SHOW(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0);
	SHOW(mprotect(at, 4096, PROT_READ | PROT_EXEC));
	munmap(at, 4096);
}

static int show(void)
{
	show_status();
	show_signals();
	show_timers();
	show_prctl();
	show_task();
	show_mappings();
	return 0;
}

/* ---- what is changed ------------------------------------------------------------------------------------------------------------- */

static void handler(int signo)
{
	(void)signo;
}

static void change_timers(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	struct itimerspec far = {.it_value = {NUMBER, 0}};
	struct itimerval value = {.it_value = {NUMBER, 0}};
	timer_t timer;

	for (int i = 0; i < 2; i++)
		EXPECT(timer_create(i ? CLOCK_REALTIME : CLOCK_MONOTONIC, &event, &timer) == 0 &&
			timer_settime(timer, 0, &far, NULL) == 0);
	setitimer(ITIMER_REAL, &value, NULL);
	setitimer(ITIMER_VIRTUAL, &value, NULL);
}

static void change_signals(void)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART | SA_ONSTACK};
	stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536};
	sigset_t mask;

	sigaction(SIGUSR2, &action, NULL);
	sigaction(SIGRTMIN + 3, &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaddset(&action.sa_mask, SIGHUP);
	sigaction(SIGHUP, &action, NULL);
	sigaction(SIGSYS, &action, NULL);
	action.sa_handler = SIG_DFL;
	sigaction(SIGALRM, &action, NULL);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGSYS);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	raise(SIGUSR1);
	kill(getpid(), SIGTERM);
	sigaltstack(&stack, NULL);
}

static void change_prctl(void)
{
	SHOW(personality(READ_IMPLIES_EXEC | ADDR_COMPAT_LAYOUT) >= 0);
	SHOW(prctl(PR_SET_TIMERSLACK, 12345));
	SHOW(prctl(PR_SET_PDEATHSIG, SIGUSR2));
	SHOW(prctl(PR_SET_CHILD_SUBREAPER, 1));
	SHOW(prctl(PR_SET_DUMPABLE, 2));
	SHOW(prctl(PR_SET_DUMPABLE, 0));
	SHOW(prctl(PR_SET_KEEPCAPS, 1));
	SHOW(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
	SHOW(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 1));
	SHOW(prctl(SET_MERGE, 1, 0, 0, 0));
	SHOW(prctl(PR_SET_NAME, "another name"));
}

static void change_mdwe(void)
{
	SHOW(prctl(SET_MDWE, 4, 0, 0, 0));
	SHOW(prctl(SET_MDWE, 2, 0, 0, 0));
	SHOW(prctl(SET_MDWE, 1, 1, 0, 0));
	SHOW(prctl(SET_MDWE, 1, 0, 0, 0));
	SHOW(prctl(SET_MDWE, 0, 0, 0, 0));
	SHOW(prctl(GET_MDWE, 1, 0, 0, 0));
}

static void change_barriers(void)
{
	SHOW(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 1, 0));
	SHOW(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
	SHOW(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
}

static void write_setting(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY);

	SHOW(fd < 0 ? -1 : write(fd, value, strlen(value)));
	close(fd);
}

static void change_task(void)
{
	struct rlimit stack = {4 << 20, 16 << 20}, locked = {1 << 16, 1 << 18}, core = {0, 0};
	cpu_set_t cpus;

	for (int i = 0; i < 6; i++)
		lseek(open(self, O_RDONLY | (i % 2 ? O_CLOEXEC : 0)), 10 * i, SEEK_SET);
	umask(027);
	SHOW(setpriority(PRIO_PROCESS, 0, 3));
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0});
	write_setting("/proc/self/oom_score_adj", "77");
	write_setting("/proc/self/coredump_filter", "7");
	setsid();
	setrlimit(RLIMIT_STACK, &stack);
	setrlimit(RLIMIT_MEMLOCK, &locked);
	setrlimit(RLIMIT_CORE, &core);
}

static void change_capabilities(unsigned lower)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	syscall(SYS_capget, &header, data);
	data[0].effective = lower ? 0 : data[0].permitted;
	data[0].permitted &= ~lower;
	data[1].effective = 0;
	SHOW(syscall(SYS_capset, &header, data));
}

static void change(char what)
{
	switch (what) {
	case 't':
		return change_timers();
	case 's':
		return change_signals();
	case 'p':
		return change_prctl();
	case 'm':
		return change_mdwe();
	case 'b':
		return change_barriers();
	case 'f':
		return change_task();
	case 'c':
		return change_capabilities(0xf);
	case 'u':
		SHOW(prctl(PR_SET_KEEPCAPS, 1));
		SHOW(setresuid(NUMBER, NUMBER, NUMBER));
		return change_capabilities(0);
	case 'B':
		SHOW(prctl(PR_CAPBSET_DROP, 12));
		return;
	case 'r':
		SHOW(setresuid(NUMBER, 0, NUMBER));
		return;
	case 'n':
		SHOW(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
		SHOW(setuid(NUMBER));
		return;
	}
}

/* ---- exec ------------------------------------------------------------------------------------------------------------------------ */

static void *exec_self(void *unused)
{
	execl(self, "exec_state", "show", NULL);
	EXPECT(!"execl returned");
	return unused;
}

static void exec_somehow(const char *how)
{
	int status = 0;
	pthread_t thread;
	pid_t pid = 0;

	if (strchr(how, 'T')) {
		pthread_create(&thread, NULL, exec_self, NULL);
		pthread_join(thread, NULL);
	}
	if (strchr(how, 'F'))
		pid = fork();
	else if (strchr(how, 'V'))
		pid = vfork();
	if (pid) {
		waitpid(pid, &status, 0);
		exit(status);
	}
	exec_self(NULL);
}

int main(int argc, char **argv)
{
	self = "/proc/self/exe";
	EXPECT(argc == 2);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (strcmp(argv[1], "show") == 0)
		return show();
	for (const char *what = argv[1]; *what; what++)
		change(*what);
	puts("before:");
	show();
	puts("after:");
	exec_somehow(argv[1]);
}
