/* SPDX-License-Identifier: MIT */
/*
 * spent FILE COMMAND ARGS… - run a command and append what it took to FILE: wall, user and system milliseconds, and the largest resident
 * set of any process in it, in KiB. Exit status: the command's.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double milliseconds(struct timeval t)
{
	return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3;
}

int main(int argc, char **argv)
{
	struct timespec before, after;
	struct rusage usage;
	int status;
	FILE *file;
	pid_t pid;

	if (argc < 3) {
		fprintf(stderr, "usage: spent FILE COMMAND ARGS...\n");
		return 125;
	}
	clock_gettime(CLOCK_MONOTONIC, &before);
	pid = fork();
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || getrusage(RUSAGE_CHILDREN, &usage)) {
		perror("spent");
		return 125;
	}
	clock_gettime(CLOCK_MONOTONIC, &after);
	file = fopen(argv[1], "a");
	if (!file) {
		perror(argv[1]);
		return 125;
	}
	fprintf(file, "%.4f %.4f %.4f %ld\n",
		(double)(after.tv_sec - before.tv_sec) * 1e3 + (double)(after.tv_nsec - before.tv_nsec) / 1e6,
		milliseconds(usage.ru_utime), milliseconds(usage.ru_stime), usage.ru_maxrss);
	fclose(file);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
