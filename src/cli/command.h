/* SPDX-License-Identifier: MIT */
/*
 * command.h - the command line: a table of commands, one cmd_NAME.c each.
 *
 * Exit statuses as env(1): the program's own, 128+signal when it was killed, 125 when tulou itself fails, 126 when the program
 * cannot be started, 127 when it is not found.
 */
#ifndef TULOU_CLI_COMMAND_H
#define TULOU_CLI_COMMAND_H

enum { STATUS_TULOU = 125, STATUS_CANNOT = 126, STATUS_NOT_FOUND = 127, STDOUT = 1 };

struct command {
	const char *name;
	const char *synopsis, *summary;
	int (*main)(int argc, char **argv,
		char **envp); /* argv[0] is the command's name; returns the exit status. NULL: external.h */
};

int cmd_run(int argc, char **argv, char **envp);
int cmd_map(int argc, char **argv, char **envp);

/* Print to stdout; print_status() says at the end whether all of it got there: 0, or STATUS_TULOU with a message. */
void print(const char *text);
int print_status(void);

#endif
