/* SPDX-License-Identifier: MIT */
/*
 * commit MEGABYTES - map that much and touch it: "fits" or "full".
 *     PROGRAM ARGS…  and run a program meanwhile, and once more when the memory has been given back
 *     hold           and keep it until somebody ends us
 *     killed         only while a child that holds 200 MB lives, and again when that was killed
 */
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include "expect.h"

extern char **environ;
static size_t size;

static char *take(void)
{
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(at != MAP_FAILED || errno == ENOMEM);
	for (size_t i = 0; at != MAP_FAILED && i < size; i += 4096)
		at[i] = 1;
	return at;
}

static void run(char **words)
{
	int status;
	pid_t pid;

	EXPECT(posix_spawnp(&pid, words[0], NULL, NULL, words, environ) == 0);
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
}

static int killed(void)
{
	static char *const words[] = {"commit", "200", "hold", NULL};
	const struct timespec pause = {0, 5000000};
	posix_spawn_file_actions_t actions;
	int pipes[2], tries = 0;
	char byte;
	pid_t pid;

	EXPECT(pipe(pipes) == 0 && posix_spawn_file_actions_init(&actions) == 0);
	EXPECT(posix_spawn_file_actions_adddup2(&actions, pipes[1], 1) == 0);
	EXPECT(posix_spawnp(&pid, words[0], &actions, NULL, words, environ) == 0);
	EXPECT(read(pipes[0], &byte, 1) == 1 && byte == 'f');
	puts(take() == MAP_FAILED ? "full" : "fits");
	EXPECT(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
	while (take() == MAP_FAILED && tries++ < 1000)
		nanosleep(&pause, NULL);
	puts(tries < 1000 ? "again" : "never");
	return 0;
}

int main(int argc, char **argv)
{
	char *at;

	setvbuf(stdout, NULL, _IOLBF, 0);
	size = strtoul(argv[1], NULL, 10) << 20;
	if (argc > 2 && strcmp(argv[2], "killed") == 0)
		return killed();
	at = take();
	puts(at != MAP_FAILED ? "fits" : "full");
	if (at == MAP_FAILED || argc == 2)
		return 0;
	if (strcmp(argv[2], "hold") == 0)
		pause();
	run(argv + 2);
	EXPECT(munmap(at, size) == 0);
	run(argv + 2);
	return 0;
}
