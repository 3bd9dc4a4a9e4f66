/* SPDX-License-Identifier: MIT */
/*
 * execve FILE - what the kernel alone does with a file. A refusal is a message that begins with "execve: " and 126 or 127, as env(1)
 * would give them, but without the shell that execvp(3), and so env, hands files without an interpreter line to. Else the status is
 * the program's as a shell sees it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv)
{
	int status;
	pid_t pid;

	if (argc < 2)
		return 125;
	pid = fork();
	if (pid == 0) {
		execve(argv[1], argv + 1, environ);
		fprintf(stderr, "execve: %s: %s\n", argv[1], strerror(errno));
		return errno == ENOENT ? 127 : 126;
	}
	if (waitpid(pid, &status, 0) != pid)
		return 125;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
