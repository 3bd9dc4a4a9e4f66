/* SPDX-License-Identifier: MIT */
/*
 * native_run - stands for `tulou` on the native side of a comparison: the same words, but every program in an address space of
 * its own, as the kernel gives it.
 *
 *     native_run run [OPTIONS] -- PROGRAM ARGS… [+ PROGRAM ARGS…]
 *
 * Exit status: the first program's, 128 + signal, 125, 126 and 127 as env(1). SIGTERM, SIGINT, SIGHUP, SIGUSR1 and SIGUSR2 that
 * are sent to it are passed on.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROGRAMS_MAX = 16, OWN_ERROR = 125, NOT_EXECUTABLE = 126, NOT_FOUND = 127 };

static const int passed[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};
static struct sigaction inherited[sizeof(passed) / sizeof(passed[0])];
static volatile pid_t children[PROGRAMS_MAX];
static volatile int child_count;

static void pass_on(int number, siginfo_t *info, void *context)
{
	(void)context;
	if (info->si_code > 0)
		return;
	for (int i = 0; i < child_count; i++)
		if (children[i] > 0)
			kill(children[i], number);
}

static pid_t start(char **argv, const sigset_t *mask)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		sigaction(passed[i], &inherited[i], NULL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	fprintf(stderr, "native_run: %s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? NOT_FOUND : NOT_EXECUTABLE);
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_sigaction = pass_on, .sa_flags = SA_SIGINFO | SA_RESTART};
	int status, first_status = 0, at = 1;
	sigset_t blocked, old;

	while (at < argc && strcmp(argv[at], "--") != 0)
		at++;
	if (++at >= argc) {
		fprintf(stderr, "native_run: no program\n");
		return OWN_ERROR;
	}
	sigfillset(&blocked);
	sigprocmask(SIG_BLOCK, &blocked, &old);
	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		sigaction(passed[i], &action, &inherited[i]);
	while (at < argc && child_count < PROGRAMS_MAX) {
		char **program = argv + at;

		while (at < argc && strcmp(argv[at], "+") != 0)
			at++;
		if (at < argc)
			argv[at++] = NULL;
		children[child_count] = start(program, &old);
		child_count++;
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	for (int left = child_count; left > 0;) {
		pid_t pid = wait(&status);

		for (int i = 0; i < child_count; i++) {
			if (pid <= 0 || children[i] != pid)
				continue;
			if (i == 0)
				first_status = status;
			children[i] = 0;
			left--;
		}
	}
	return WIFSIGNALED(first_status) ? 128 + WTERMSIG(first_status) : WEXITSTATUS(first_status);
}
