/* SPDX-License-Identifier: MIT */
/*
 * contain - run a command and leave nothing behind.
 *
 *     contain SECONDS LEFT_FILE COMMAND ARGS…
 *
 * Becomes the subreaper of all that the command starts, daemons and supervisors included. Once the command has ended, what still
 * lives gets GRACE_SECONDS to end by itself; the rest is listed in LEFT_FILE (one line each) and killed. After SECONDS
 * everything is killed. Exit status: the command's as a shell sees it (128 + signal), 124 after a timeout, 125 for its own
 * errors. Only descendants of this very process are ever signalled.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { GRACE_SECONDS = 5, OWN_ERROR = 125, TIMED_OUT = 124 };

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Reap what has ended. Returns whether children are left; notes the status of `main_child` when it is among the ended. */
static bool reap(pid_t main_child, bool *main_ended, int *main_status)
{
	int status;

	for (;;) {
		pid_t pid = waitpid(-1, &status, WNOHANG | __WALL);

		if (pid < 0)
			return errno != ECHILD;
		if (pid == 0)
			return true;
		if (pid == main_child) {
			*main_ended = true;
			*main_status = status;
		}
	}
}

static void report(FILE *left, pid_t pid)
{
	char path[64], line[256];
	size_t size = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	file = fopen(path, "r");
	if (file) {
		size = fread(line, 1, sizeof(line) - 1, file);
		fclose(file);
	}
	for (size_t i = 0; i < size; i++)
		if (line[i] == '\0' || line[i] == '\n')
			line[i] = ' ';
	line[size] = '\0';
	fprintf(left, "%s\n", line);
}

/* SIGKILL every child (they inherit to us level by level), listing each in `left` unless that is NULL. */
static void kill_children(FILE *left)
{
	char path[64];
	FILE *children;
	int pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	children = fopen(path, "r");
	if (!children)
		return;
	while (fscanf(children, "%d", &pid) == 1) {
		if (left)
			report(left, pid);
		kill(pid, SIGKILL);
	}
	fclose(children);
}

/* Wait for a signal that we have blocked, at most until `deadline`. Returns it, or -1. */
static int wait_signal(const sigset_t *set, double deadline)
{
	double rest = deadline - now();
	struct timespec timeout;

	if (rest < 0)
		rest = 0;
	if (rest > 0.2)
		rest = 0.2;
	timeout.tv_sec = 0;
	timeout.tv_nsec = (long)(rest * 1e9);
	return sigtimedwait(set, NULL, &timeout);
}

int main(int argc, char **argv)
{
	bool ended = false, timed_out = false;
	double deadline;
	sigset_t set, old;
	int status = 0;
	FILE *left;
	pid_t child;

	if (argc < 4) {
		fprintf(stderr, "usage: contain SECONDS LEFT_FILE COMMAND ARGS...\n");
		return OWN_ERROR;
	}
	deadline = now() + atof(argv[1]);
	left = fopen(argv[2], "we");
	if (!left || prctl(PR_SET_CHILD_SUBREAPER, 1)) {
		perror("contain");
		return OWN_ERROR;
	}
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, &old);
	child = fork();
	if (child == 0) {
		setpgid(0, 0);
		close_range(3, ~0u, 0); /* whatever the caller's caller left open */
		sigprocmask(SIG_SETMASK, &old, NULL);
		execvp(argv[3], argv + 3);
		perror(argv[3]);
		_exit(OWN_ERROR);
	}
	while (reap(child, &ended, &status) && !ended && !timed_out) {
		int signal = wait_signal(&set, deadline);

		timed_out = (signal > 0 && signal != SIGCHLD) || now() >= deadline;
	}
	if (!timed_out)
		for (deadline = now() + GRACE_SECONDS; reap(child, &ended, &status) && now() < deadline;)
			wait_signal(&set, deadline);
	for (FILE *once = left; reap(child, &ended, &status); once = NULL) {
		kill_children(once);
		wait_signal(&set, now() + 0.05);
	}
	fclose(left);
	if (timed_out)
		return TIMED_OUT;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
