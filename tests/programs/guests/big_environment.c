/* SPDX-License-Identifier: MIT */
/*
 * big_environment - how much may go through execve: one string of MAX_ARG_STRLEN (128 KiB) is too long, all together may take a
 * quarter of the stack limit (2 MiB of 8). Just below both it works and arrives whole.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/wait.h>
#include "expect.h"

enum { STRING = 100000, LONGEST = 131072 - 1, STRINGS = 19, TOO_MANY = 24 };

extern char **environ;

static char *string(char letter, size_t size)
{
	char *text = malloc(size + 1);

	EXPECT(text);
	memset(text, letter, size);
	text[1] = '=';
	text[size] = '\0';
	return text;
}

static int arrived(int argc, char **argv)
{
	size_t count = 0;

	EXPECT(argc == 3 && strlen(argv[2]) == LONGEST);
	for (char **at = environ; *at; at++, count++) {
		EXPECT(strlen(*at) == STRING && (*at)[0] == (char)('A' + count) && (*at)[1] == '=');
		EXPECT((*at)[STRING - 1] == (char)('A' + count));
	}
	printf("%zu strings arrived\n", count);
	return 0;
}

int main(int argc, char **argv)
{
	char *environment[TOO_MANY + 1] = {NULL}, *child[] = {"big", "arrived", NULL, NULL};
	int status;
	pid_t pid;

	if (argc > 2)
		return arrived(argc, argv);
	EXPECT(argc == 2);
	child[2] = string('a', LONGEST + 1);
	EXPECT(execve(argv[1], child, environment) == -1 && errno == E2BIG);
	child[2] = NULL;
	for (int i = 0; i < TOO_MANY; i++)
		environment[i] = string((char)('A' + i), STRING);
	EXPECT(execve(argv[1], child, environment) == -1 && errno == E2BIG);
	puts("too big is E2BIG");
	fflush(stdout);
	environment[STRINGS - 1] = NULL;
	child[2] = string('a', LONGEST);
	pid = fork();
	if (pid == 0) {
		execve(argv[1], child, environment);
		_exit(98);
	}
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
	return 0;
}
