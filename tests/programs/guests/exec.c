/* SPDX-License-Identifier: MIT */
/*
 * exec - what survives execve and what does not. `exec SELF` runs the whole chain in one process, each step the next image:
 * first → chain (argv[0], environment) → state (descriptors, signals, mask, limits, timers) → thread (from a thread that is not the
 * leader) → by descriptor → end.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include "expect.h"

enum { KEPT = 20, CLOSED = 21, FAR_KEPT = 255, FAR_CLOSED = 254, LINKS = 5 };

extern char **environ;
static const char *self;
static volatile int handled;

static void handler(int number)
{
	handled = number;
}

static void next(const char *name, const char *step)
{
	char pid[20];
	char *argv[] = {(char *)name, (char *)step, (char *)self, NULL};

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	EXPECT(setenv("PID", pid, 1) == 0);
	fflush(stdout);
	execve(self, argv, environ);
	EXPECT(!"execve returned");
}

static void *leave_from_thread(void *arg)
{
	next("from-a-thread", arg);
	return NULL;
}

static void *linger(void *arg)
{
	for (;;)
		pause();
	return arg;
}

/* The images that execve must refuse, after which this one goes on. */
static void refuse(void)
{
	static const struct {
		const char *path;
		int error;
	} cases[] = {
		{"/nonexistent", ENOENT},
		{"/etc/passwd", EACCES},
		{"/etc", EACCES},
		{"/etc/passwd/x", ENOTDIR},
		{"exec-loop", ELOOP},
		{"exec-text", ENOEXEC},
		{"", ENOENT},
		{"exec-empty", ENOEXEC},
		{"exec-no-interpreter", ENOENT},
	};
	char *argv[] = {"x", NULL}, name[5000], **volatile bad = (char **)8;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		EXPECT(execve(cases[i].path, argv, environ) == -1);
		printf("<%s>: %s\n", cases[i].path, strerror(errno));
		EXPECT(errno == cases[i].error);
	}
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	EXPECT(execve(name, argv, environ) == -1 && errno == ENAMETOOLONG);
	EXPECT(execve(self, bad, environ) == -1 && errno == EFAULT);
	EXPECT(execve(self, argv, bad) == -1 && errno == EFAULT);
	/* All is as before. */
	for (size_t size = 1; size < 64 << 20; size *= 3) {
		char *block = malloc(size);

		EXPECT(block);
		block[size - 1] = 1;
		free(block);
	}
	puts("refusals leave the program alone");
}

/* What the state step expects; then the image is replaced. */
static void leave_state(void)
{
	struct itimerval timer = {.it_value = {.tv_sec = 1000}};
	struct rlimit limit = {.rlim_cur = 77, .rlim_max = 100};
	sigset_t mask;

	EXPECT(dup2(1, KEPT) == KEPT && dup3(1, CLOSED, O_CLOEXEC) == CLOSED);
	EXPECT(dup2(1, FAR_KEPT) == FAR_KEPT && dup3(1, FAR_CLOSED, O_CLOEXEC) == FAR_CLOSED);
	EXPECT(signal(SIGUSR1, SIG_IGN) != SIG_ERR && signal(SIGUSR2, handler) != SIG_ERR);
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGSYS);
	EXPECT(sigprocmask(SIG_SETMASK, &mask, NULL) == 0);
	EXPECT(raise(SIGTERM) == 0);
	EXPECT(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	EXPECT(setitimer(ITIMER_REAL, &timer, NULL) == 0);
	umask(027);
	EXPECT(mlock((void *)&handled, 1) == 0);
	next("state", "state");
}

static void check_state(void)
{
	struct itimerval timer;
	struct sigaction action;
	struct rlimit limit;
	sigset_t mask;
	stack_t stack;

	EXPECT(fcntl(KEPT, F_GETFD) == 0);
	EXPECT(fcntl(CLOSED, F_GETFD) == -1 && errno == EBADF);
	EXPECT(fcntl(FAR_KEPT, F_GETFD) == 0);
	EXPECT(fcntl(FAR_CLOSED, F_GETFD) == -1 && errno == EBADF);
	EXPECT(close(KEPT) == 0 && close(FAR_KEPT) == 0);
	EXPECT(sigaction(SIGUSR1, NULL, &action) == 0 && action.sa_handler == SIG_IGN);
	EXPECT(sigaction(SIGUSR2, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
	EXPECT(sigprocmask(SIG_SETMASK, NULL, &mask) == 0);
	for (int i = 1; i < NSIG; i++)
		EXPECT(sigismember(&mask, i) == (i == SIGTERM || i == SIGSYS));
	EXPECT(sigpending(&mask) == 0 && sigismember(&mask, SIGTERM));
	EXPECT(sigaltstack(NULL, &stack) == 0 && stack.ss_flags == SS_DISABLE);
	signal(SIGTERM, SIG_IGN);
	sigemptyset(&mask);
	EXPECT(sigprocmask(SIG_SETMASK, &mask, NULL) == 0);
	signal(SIGTERM, SIG_DFL);
	EXPECT(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 77 && limit.rlim_max == 100);
	EXPECT(getitimer(ITIMER_REAL, &timer) == 0 && timer.it_value.tv_sec > 900);
	EXPECT(umask(022) == 027);
	EXPECT(atoi(getenv("PID")) == getpid());
	puts("the state is inherited");
}

static void leave_thread(void)
{
	pthread_t threads[3];

	for (int i = 0; i < 2; i++)
		EXPECT(pthread_create(&threads[i], NULL, linger, NULL) == 0);
	EXPECT(pthread_create(&threads[2], NULL, leave_from_thread, "threaded") == 0);
	linger(NULL);
}

static void leave_by_descriptor(void)
{
	char *argv[] = {"by-descriptor", "described", (char *)self, NULL};
	int fd = open(self, O_RDONLY | O_CLOEXEC);

	EXPECT(fd >= 0);
	fflush(stdout);
	syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
	EXPECT(!"execveat returned");
}

static void leave_from_memory(void)
{
	char *argv[] = {"from-memory", "end", (char *)self, NULL}, buffer[1 << 16];
	int fd = memfd_create("image", 0), from = open(self, O_RDONLY);
	ssize_t size;

	EXPECT(fd >= 0 && from >= 0);
	while ((size = read(from, buffer, sizeof(buffer))) > 0)
		EXPECT(write(fd, buffer, (size_t)size) == size);
	close(from);
	fflush(stdout);
	fexecve(fd, argv, environ);
	EXPECT(!"fexecve returned");
}

int main(int argc, char **argv)
{
	const char *step = argv[1], *link = getenv("LINK");
	char name[50];
	int number = link ? atoi(link) : 0;

	EXPECT(argc == 3);
	self = argv[2];
	printf("%s %s, A is %s\n", argv[0], step, getenv("A"));
	if (strcmp(step, "first") == 0) {
		refuse();
		EXPECT(setenv("A", "1", 1) == 0);
		next("chain", "chain");
	} else if (strcmp(step, "chain") == 0) {
		snprintf(name, sizeof(name), "%d", number + 1);
		EXPECT(setenv("LINK", name, 1) == 0);
		EXPECT(atoi(getenv("PID")) == getpid());
		if (number == LINKS)
			leave_state();
		snprintf(name, sizeof(name), "link number %d", number);
		next(name, "chain");
	} else if (strcmp(step, "state") == 0) {
		check_state();
		leave_thread();
	} else if (strcmp(step, "threaded") == 0) {
		EXPECT(atoi(getenv("PID")) == getpid() && gettid() == getpid());
		leave_by_descriptor();
	} else if (strcmp(step, "described") == 0) {
		leave_from_memory();
	} else {
		EXPECT(strcmp(step, "end") == 0);
		EXPECT(atoi(getenv("PID")) == getpid());
		puts("the end");
	}
	return 0;
}
