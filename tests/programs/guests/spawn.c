/* SPDX-License-Identifier: MIT */
/*
 * spawn - every way to make a process: fork, vfork, posix_spawn, system, popen, a daemon's double fork; what the parent learns from
 * wait; what the child may and may not change. `spawn child STATUS` and friends are the programs started.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include "expect.h"

extern char **environ;
static const char *self;
static int global = 1;
static volatile sig_atomic_t children_seen;
static volatile int child_pid, child_status;

static void check_status(pid_t pid, int expected)
{
	int status;

	EXPECT(pid > 0 && waitpid(pid, &status, 0) == pid);
	EXPECT(status == expected);
}

static void check_fork(void)
{
	int *private = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int *heap = malloc(sizeof(int)), local = 1;
	pid_t pid;

	EXPECT(private != MAP_FAILED && shared != MAP_FAILED);
	*private = *shared = *heap = 1;
	pid = fork();
	if (pid == 0) {
		EXPECT(*private == 1 && *shared == 1 && *heap == 1 && local == 1 && global == 1);
		*private = *shared = *heap = local = global = 2;
		free(heap);
		EXPECT(malloc(1 << 20) && munmap(private, 4096) == 0);
		_exit(5);
	}
	check_status(pid, 5 << 8);
	EXPECT(*private == 1 && *shared == 2 && *heap == 1 && local == 1 && global == 1);
	pid = fork();
	if (pid == 0)
		abort();
	check_status(pid, SIGABRT);
	EXPECT(wait(NULL) == -1 && errno == ECHILD);
	EXPECT(munmap(private, 4096) == 0 && munmap(shared, 4096) == 0);
	free(heap);
	puts("fork");
}

static void check_many(void)
{
	for (int i = 0; i < 60; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(i);
		check_status(pid, i << 8);
	}
	puts("60 forks");
}

/* Forks inside forks: every level has its own memory. */
static void check_depth(void)
{
	int level = 0, status;
	pid_t pid;

	for (pid = fork(); pid == 0 && level < 8; pid = fork()) {
		char *block = malloc(100000);

		memset(block, ++level, 100000);
		EXPECT(block[99999] == level);
	}
	if (pid == 0)
		_exit(level);
	EXPECT(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	EXPECT(WEXITSTATUS(status) == 8);
	if (level > 0)
		_exit(8);
	puts("8 levels of fork");
}

static void check_vfork(void)
{
	volatile int seen = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		seen = 1;
		_exit(3);
	}
	EXPECT(seen == 1);
	check_status(pid, 3 << 8);
	pid = vfork();
	if (pid == 0) {
		execl(self, "spawn", "child", "4", NULL);
		_exit(98);
	}
	check_status(pid, 4 << 8);
	pid = vfork();
	if (pid == 0) {
		execl("/nonexistent", "x", NULL);
		_exit(errno == ENOENT ? 6 : 98);
	}
	check_status(pid, 6 << 8);
	pid = vfork();
	if (pid == 0) {
		kill(getpid(), SIGKILL);
		_exit(98);
	}
	check_status(pid, SIGKILL);
	puts("vfork");
}

static void check_spawn(void)
{
	char *argv[] = {"spawn", "mask", NULL};
	posix_spawnattr_t attributes;
	sigset_t mask, old;
	pid_t pid;

	for (int i = 0; i < 60; i++) {
		char number[8], *child[] = {"spawn", "child", number, NULL};

		snprintf(number, sizeof(number), "%d", i);
		EXPECT(posix_spawn(&pid, self, NULL, NULL, child, environ) == 0);
		check_status(pid, i << 8);
	}
	EXPECT(posix_spawnp(&pid, "no-such-program", NULL, NULL, argv, environ) == ENOENT);
	EXPECT(posix_spawn(&pid, "/etc", NULL, NULL, argv, environ) == EACCES);
	/* In the child: USR1 blocked, TERM default, HUP ignored as here, a process group of its own. */
	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	EXPECT(posix_spawnattr_init(&attributes) == 0);
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	EXPECT(posix_spawnattr_setsigdefault(&attributes, &mask) == 0);
	sigfillset(&mask);
	EXPECT(sigprocmask(SIG_SETMASK, &mask, &old) == 0);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	EXPECT(posix_spawnattr_setsigmask(&attributes, &mask) == 0);
	EXPECT(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP) ==
		0);
	EXPECT(posix_spawn(&pid, self, NULL, &attributes, argv, environ) == 0);
	EXPECT(sigprocmask(SIG_SETMASK, &old, NULL) == 0);
	check_status(pid, 0);
	signal(SIGHUP, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	puts("posix_spawn");
}

static int started_with_mask(void)
{
	struct sigaction action;
	sigset_t mask;

	EXPECT(sigprocmask(SIG_SETMASK, NULL, &mask) == 0);
	for (int i = 1; i < NSIG; i++)
		EXPECT(sigismember(&mask, i) == (i == SIGUSR1));
	EXPECT(sigaction(SIGHUP, NULL, &action) == 0 && action.sa_handler == SIG_IGN);
	EXPECT(sigaction(SIGTERM, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
	EXPECT(getpgrp() == getpid());
	return 0;
}

static void check_shell(void)
{
	char line[100] = "";
	FILE *pipe;

	EXPECT(system(NULL) != 0);
	EXPECT(system("exit 5") == 5 << 8);
	EXPECT(system("kill -TERM $$") == SIGTERM);
	EXPECT(system("/nonexistent/program 2>/dev/null") == 127 << 8);
	pipe = popen("printf 'one two\\n'; exit 9", "r");
	EXPECT(pipe && fgets(line, sizeof(line), pipe) && strcmp(line, "one two\n") == 0);
	EXPECT(pclose(pipe) == 9 << 8);
	fflush(stdout);
	pipe = popen("tr a-z A-Z", "w");
	EXPECT(pipe && fputs("written through popen\n", pipe) >= 0);
	EXPECT(pclose(pipe) == 0);
	puts("system and popen");
}

static void check_daemon(void)
{
	int ends[2];
	char text[100];
	ssize_t size;
	pid_t pid;

	EXPECT(pipe(ends) == 0);
	pid = fork();
	if (pid == 0) {
		EXPECT(setsid() > 0);
		if (fork() != 0)
			_exit(0);
		EXPECT(chdir("/") == 0);
		EXPECT(close(ends[0]) == 0);
		EXPECT(malloc(1 << 20) != NULL);
		EXPECT(write(ends[1], "from the daemon", 15) == 15);
		_exit(0);
	}
	check_status(pid, 0);
	close(ends[1]);
	for (size = 0; (pid = (pid_t)read(ends[0], text + size, sizeof(text) - 1 - (size_t)size)) > 0; size += pid)
		;
	text[size] = '\0';
	printf("%s\n", text);
	close(ends[0]);
}

static void on_child(int number, siginfo_t *info, void *context)
{
	(void)context;
	EXPECT(number == SIGCHLD && info->si_code == CLD_EXITED);
	child_pid = info->si_pid;
	child_status = info->si_status;
	children_seen++;
}

static void check_wait(void)
{
	struct sigaction action = {.sa_sigaction = on_child, .sa_flags = SA_SIGINFO | SA_RESTART};
	struct rusage usage;
	siginfo_t info;
	int status, ends[2];
	char byte;
	pid_t pid;

	EXPECT(sigaction(SIGCHLD, &action, NULL) == 0);
	EXPECT(pipe(ends) == 0);
	pid = fork();
	if (pid == 0) {
		EXPECT(read(ends[0], &byte, 1) == 1);
		_exit(21);
	}
	EXPECT(waitpid(pid, &status, WNOHANG) == 0);
	EXPECT(write(ends[1], "x", 1) == 1);
	EXPECT(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
	EXPECT(info.si_pid == pid && info.si_status == 21 && info.si_code == CLD_EXITED);
	EXPECT(wait4(pid, &status, 0, &usage) == pid && status == 21 << 8);
	EXPECT(children_seen == 1 && child_pid == pid && child_status == 21);
	signal(SIGCHLD, SIG_IGN);
	pid = fork();
	if (pid == 0)
		_exit(0);
	EXPECT(waitpid(pid, &status, 0) == -1 && errno == ECHILD);
	signal(SIGCHLD, SIG_DFL);
	pid = fork();
	if (pid == 0) {
		raise(SIGSTOP);
		EXPECT(read(ends[0], &byte, 1) == 1);
		_exit(1);
	}
	EXPECT(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	EXPECT(kill(pid, SIGCONT) == 0);
	EXPECT(waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status));
	EXPECT(write(ends[1], "x", 1) == 1);
	check_status(pid, 1 << 8);
	close(ends[0]);
	close(ends[1]);
	puts("wait, waitid, wait4, SIGCHLD");
}

static void *fork_in_thread(void *arg)
{
	(void)arg;
	for (int i = 0; i < 10; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			free(malloc(200000));
			_exit(8);
		}
		check_status(pid, 8 << 8);
	}
	return NULL;
}

static void *spawn_in_thread(void *arg)
{
	char *argv[] = {"spawn", "child", "12", NULL};
	pid_t pid;

	(void)arg;
	for (int i = 0; i < 10; i++) {
		EXPECT(posix_spawn(&pid, self, NULL, NULL, argv, environ) == 0);
		check_status(pid, 12 << 8);
	}
	return NULL;
}

static void check_threads(void)
{
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		EXPECT(pthread_create(&threads[i], NULL, i % 2 ? fork_in_thread : spawn_in_thread, NULL) == 0);
	for (int i = 0; i < 4; i++)
		EXPECT(pthread_join(threads[i], NULL) == 0);
	puts("forks and spawns in threads");
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	self = argv[1];
	if (argc == 3 && strcmp(argv[1], "child") == 0)
		return atoi(argv[2]);
	if (argc == 2 && strcmp(argv[1], "mask") == 0)
		return started_with_mask();
	EXPECT(argc == 2);
	check_fork();
	check_many();
	check_depth();
	check_vfork();
	check_spawn();
	check_shell();
	check_daemon();
	check_wait();
	check_threads();
	return 0;
}
