/* SPDX-License-Identifier: MIT */
/* traced - a debugger's first steps: a child asks to be traced and execs; its tracer sees the stop at exec and lets it go on. */
#define _GNU_SOURCE
#include <stdbool.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include "expect.h"

/* How many stops at exec until the child ends with 7. Other signals are passed on, if at all: on Tulou a tracer sees each trap's SIGSYS. */
static int follow(pid_t child, bool passes)
{
	int status, stops = 0;

	for (;;) {
		EXPECT(waitpid(child, &status, 0) == child);
		if (!WIFSTOPPED(status))
			break;
		stops += WSTOPSIG(status) == SIGTRAP;
		EXPECT(ptrace(PTRACE_CONT, child, 0, passes && WSTOPSIG(status) != SIGTRAP ? WSTOPSIG(status) : 0) == 0);
	}
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	return stops;
}

static _Noreturn void be_traced(char **argv)
{
	EXPECT(ptrace(PTRACE_TRACEME, 0, 0, 0) == 0);
	execv(argv[0], argv);
	_exit(127);
}

int main(void)
{
	char *once[] = {"/bin/sh", "-c", "exit 7", NULL};
	char *twice[] = {"/bin/sh", "-c", "exec /bin/sh -c 'exit 7'", NULL};
	pid_t child;

	child = fork();
	if (!child)
		be_traced(once);
	printf("fork: %d\n", follow(child, true));
	child = fork();
	if (!child)
		be_traced(twice);
	printf("nothing passed on: %d\n", follow(child, false));
	child = vfork();
	if (!child)
		be_traced(twice);
	printf("vfork: %d\n", follow(child, true));
	return 0;
}
