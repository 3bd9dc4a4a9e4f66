/* SPDX-License-Identifier: MIT */
/*
 * main.c - where `tulou` begins: from the kernel's initial stack to a command.
 *
 * Every task of the runtime runs on a thread block (the books' locks name their owner by it), so the first step is to leave the
 * stack that the kernel made.
 */
#include <tulou/version.h>

#include "base/format.h"
#include "cli/command.h"
#include "cli/external.h"
#include "runtime/code/site.h"
#include "runtime/instance.h"
#include "runtime/message.h"
#include "runtime/process/attributes.h"
#include "runtime/process/limits.h"
#include "runtime/process/thread.h"
#include "runtime/text.h"
#include "runtime/trap/entry.h"

static const struct command commands[] = {
	{"run", "run [-v] [--strict] [--map-at-exit] -- PROGRAM [ARG]… [+ PROGRAM [ARG]…]…",
		"run programs as processes in one address space", cmd_run},
	{"map", "map [PID]", "show the pool of a running instance", cmd_map},
	{"replay", "replay [--host sim|flat|linux] [--verify] [--stats] [--repeat N] FILE",
		"run the memory calls of an strace log against the manager", NULL},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

struct start {
	int argc;
	char **argv, **envp;
	const unsigned long *auxv;
};

_Noreturn void runtime_start(long *stack);

static long print_error;

void print(const char *text)
{
	long result = write_all(STDOUT, text, text_length(text));
	if (result < 0 && !print_error)
		print_error = result;
}

int print_status(void)
{
	if (!print_error)
		return 0;
	message("cannot write to standard output: %s", error_text(print_error));
	return STATUS_TULOU;
}

static void print_help(void)
{
	char line[512];

	print("Usage: tulou COMMAND [OPTION]…\n\nMany processes in one address space, their memory served by one manager.\n\n");
	for (unsigned i = 0; i < COMMANDS; i++) {
		format(line, sizeof line, "  tulou %s\n      %s\n", commands[i].synopsis, commands[i].summary);
		print(line);
	}
	print("\n  -h, --help     this text (after a command: its own)\n  -V, --version  the version\n");
}

/* A command that is not built in. */
static int run_external(char **argv, char **envp)
{
	long error = argv[0][0] == '-' ? -TULOU_ENOENT : external_exec(argv, envp);
	bool listed = false;

	for (unsigned i = 0; i < COMMANDS; i++)
		listed = listed || text_equal(argv[0], commands[i].name);
	if (error == -TULOU_ENOENT && !listed) {
		message("unknown %s '%s'; `tulou --help` lists the commands", argv[0][0] == '-' ? "option" : "command", argv[0]);
		return STATUS_TULOU;
	}
	message("cannot run tulou-%s: %s", argv[0], error_text(error));
	return STATUS_CANNOT;
}

static int run_command(int argc, char **argv, char **envp)
{
	if (argc < 2) {
		message("no command; `tulou --help` lists them");
		return STATUS_TULOU;
	}
	if (text_equal(argv[1], "--help") || text_equal(argv[1], "-h")) {
		print_help();
		return print_status();
	}
	if (text_equal(argv[1], "--version") || text_equal(argv[1], "-V")) {
		print("tulou " TULOU_VERSION "\n");
		print(code_decoder ? "call sites are patched\n" : "without a decoder: every memory call is trapped\n");
		return print_status();
	}
	for (unsigned i = 0; i < COMMANDS; i++)
		if (commands[i].main && text_equal(argv[1], commands[i].name))
			return commands[i].main(argc - 1, argv + 1, envp);
	return run_external(argv + 1, envp);
}

static void begin(void *argument)
{
	const struct start *start = argument;
	int status;

	runtime.host_auxv = start->auxv;
	if (start->argc > 1 && text_equal(start->argv[1], INSTANCE_COMMAND))
		instance_main(start->argc, start->argv, start->envp);
	status = run_command(start->argc, start->argv, start->envp);
	for (;;)
		sys1(__NR_exit_group, status);
}

_Noreturn void runtime_start(long *stack)
{
	static struct start start;
	struct thread *thread;

	attributes_begin();
	limits_begin(); /* before anything is mapped: a limit meant for one guest is not for all */
	thread = thread_claim(NULL);
	start.argc = (int)stack[0];
	start.argv = (char **)(stack + 1);
	start.envp = start.argv + start.argc + 1;
	stack = (long *)start.envp;
	while (*stack)
		stack++;
	start.auxv = (const unsigned long *)(stack + 1);
	if (!thread) {
		message("cannot map memory at the runtime's own addresses");
		for (;;)
			sys1(__NR_exit_group, STATUS_TULOU);
	}
	runtime_switch(thread_stack_top(thread), begin, &start);
}
