/* SPDX-License-Identifier: MIT */
/*
 * hold - processes that hold memory until they are killed or told to end; for checks that watch the books from outside.
 *
 *     hold MIB READY            map and touch MIB mebibytes, append "PID\n" to READY, sleep for ever
 *     hold tree MIB READY GO    fork; the child appends its pid to READY; for each line that it reads from the FIFO GO it spawns
 *                               `hold MIB READY`, reaps it and appends "reaped STATUS"; the parent waits for the child
 *     hold vfork READY          vfork; the child appends its parent's pid and its own and stays so until it is killed; the parent appends
 *                               "reaped STATUS", and does it once more
 *     hold churn MIB READY      as the first, but maps and unmaps pieces for ever: to be killed inside a call
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "expect.h"

enum { PAGE = 4096 };

extern char **environ;

static void append(const char *path, const char *what, int number)
{
	char text[50];
	int size = snprintf(text, sizeof(text), "%s%d\n", what, number), fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);

	EXPECT(fd >= 0 && write(fd, text, (size_t)size) == size && close(fd) == 0);
}

static char *take(size_t size)
{
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	EXPECT(at != MAP_FAILED);
	for (size_t i = 0; i < size; i += PAGE)
		at[i] = 1;
	return at;
}

static void churn(void)
{
	for (size_t i = 1;; i++) {
		size_t part = (1 + i * 7 % 32) * PAGE;
		char *at = take(part);

		at = mremap(at, part, part + PAGE, MREMAP_MAYMOVE);
		EXPECT(at != MAP_FAILED && mprotect(at + part, PAGE, PROT_READ) == 0);
		EXPECT(at[0] == 1 && at[part - PAGE] == 1 && at[part] == 0);
		EXPECT(munmap(at, part + PAGE) == 0);
	}
}

static int tree(char *self, char *mib, char *ready, const char *go)
{
	char *argv[] = {self, mib, ready, NULL}, line[10];
	int status, fd;
	pid_t pid = fork();

	if (pid != 0) {
		EXPECT(waitpid(pid, &status, 0) == pid);
		return WEXITSTATUS(status);
	}
	append(ready, "", getpid());
	fd = open(go, O_RDONLY | O_CLOEXEC);
	EXPECT(fd >= 0);
	while (read(fd, line, sizeof(line)) > 0) {
		EXPECT(posix_spawn(&pid, self, NULL, NULL, argv, environ) == 0);
		EXPECT(waitpid(pid, &status, 0) == pid);
		append(ready, "reaped ", status);
	}
	_exit(0);
}

static int stay_in_vfork(const char *ready)
{
	for (volatile int turn = 0; turn < 2; turn++) {
		int status;
		pid_t pid = vfork();

		if (!pid) {
			append(ready, "", getppid());
			append(ready, "", getpid());
			for (;;)
				pause();
		}
		EXPECT(waitpid(pid, &status, 0) == pid);
		append(ready, "reaped ", status);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "vfork") == 0)
		return stay_in_vfork(argv[2]);
	if (argc == 5 && strcmp(argv[1], "tree") == 0)
		return tree("/proc/self/exe", argv[2], argv[3], argv[4]);
	EXPECT(argc == 3 || argc == 4);
	take((size_t)atoi(argv[argc - 2]) << 20);
	append(argv[argc - 1], "", getpid());
	if (argc == 4)
		churn();
	for (;;)
		pause();
}
