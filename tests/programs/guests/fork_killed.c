/* SPDX-License-Identifier: MIT */
/* fork_killed - processes are killed while they fork, again and again; the memory of their parent, and of its own children, stays whole. */
#define _GNU_SOURCE
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include "expect.h"

enum { SIZE = 4 << 20, PAGE = 4096, SMALL = 50, ROUNDS = 300 };

extern char **environ;

static void fork_for_ever(void)
{
	for (;;) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
}

/* In a child: is all of it there? */
static int look(const char *large, char **small)
{
	for (int i = 0; i < SIZE; i += PAGE)
		if (large[i] != 5)
			return 1;
	for (int i = 0; i < SMALL; i++)
		if (small[i][PAGE] != 0)
			return 2;
	return 0;
}

int main(int argc, char **argv)
{
	char *words[] = {argv[0], "forks", NULL}, *large, *small[SMALL];
	int status, bad = 0;
	pid_t forking, child;

	if (argc > 1)
		fork_for_ever();
	large = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXPECT(large != MAP_FAILED);
	memset(large, 5, SIZE);
	for (int i = 0; i < SMALL; i++) {
		small[i] = mmap(NULL, 2 * PAGE, PROT_READ | (i % 2 ? PROT_WRITE : 0),
			(i % 3 ? MAP_PRIVATE : MAP_SHARED) | MAP_ANONYMOUS, -1, 0);
		EXPECT(small[i] != MAP_FAILED);
	}
	for (int i = 0; i < ROUNDS; i++) {
		const struct timespec pause = {0, 1000000 + i % 40 * 100000};

		EXPECT(posix_spawn(&forking, "/proc/self/exe", NULL, NULL, words, environ) == 0);
		nanosleep(&pause, NULL);
		EXPECT(kill(forking, SIGKILL) == 0);
		child = fork();
		if (!child)
			_exit(look(large, small));
		EXPECT(child > 0 && waitpid(child, &status, 0) == child);
		bad += status != 0;
		EXPECT(waitpid(forking, &status, 0) == forking);
	}
	printf("%d rounds, %d bad\n", ROUNDS, bad);
	return 0;
}
