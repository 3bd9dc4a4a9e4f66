/* SPDX-License-Identifier: MIT */
/*
 * cmd_run.c - `tulou run`: load all programs, then start them, then supervise.
 */
#include <asm-generic/errno.h>

#include "base/format.h"
#include "cli/command.h"
#include "runtime/launch.h"
#include "runtime/message.h"
#include "runtime/process/limits.h"
#include "runtime/supervisor/supervisor.h"
#include "runtime/text.h"
#include "runtime/trap/statistics.h"
#include "runtime/trap/trap.h"

enum { PATCH_AFTER_MAX = 4000 };

struct programs {
	unsigned count;
	char **argv[SUPERVISOR_LISTED_MAX];
	unsigned argc[SUPERVISOR_LISTED_MAX];
	int pids[SUPERVISOR_LISTED_MAX], statuses[SUPERVISOR_LISTED_MAX];
};

static struct programs programs;
static struct launch launches[SUPERVISOR_LISTED_MAX] LARGE_ZEROS;

static const char help[] =
	"Usage: tulou run [OPTION]… [--] PROGRAM [ARG]… [+ PROGRAM [ARG]…]…\n\n"
	"Run unmodified programs, and what they start, as processes in one address space.\n\n"
	"  -v, --verbose      say what happens, on stderr: instances that are started, programs that must leave\n"
	"      --strict       refuse whatever would need a second instance (a fork that copies, a taken address)\n"
	"      --no-patch     never change the code of programs: every memory call is trapped\n"
	"      --patch-after=N  change the code of a call site when it was trapped N times (16, then 12)\n"
	"      --no-image-cache  map a program and its libraries anew each time; else what an ended process leaves of them\n"
	"                     serves the next one\n"
	"      --exact        unmap at every munmap; else small blocks that a program maps and unmaps again and again stay\n"
	"                     with it, zeroed, and a stray access to one reads zeros (docs/deviations.md, R1)\n"
	"      --resident     such blocks stay from the first munmap on\n"
	"      --stats        at the end, say on stderr how many calls were trapped, and why\n"
	"      --map-at-exit  print the pool when one of the programs ends\n"
	"      --memory=SIZE  the memory that all processes together may have: bytes, or with K, M, G, T; none: no limit.\n"
	"                     Default: 7/8 of the machine's, or of the control group's limit\n"
	"      --process-memory=SIZE  the address space that each process may have: bytes, or with K, M, G, T; as `ulimit -v`\n"
	"      --check=LEVEL  check the books: 0 never, 1 what a call touched, 2 its chunk too, 3 everything, after every call\n"
	"  -h, --help         this text\n\n"
	"The exit status is the first program's: its own, 128+N when signal N killed it; 125 when tulou fails, 126 when a\n"
	"program cannot be started, 127 when it is not found.\n";

/* ---- arguments ----------------------------------------------------------------------------------------------------------------- */

static int usage(const char *what, const char *which)
{
	message("run: %s%s%s%s; `tulou run --help` says more", what, which ? " '" : "", which ? which : "", which ? "'" : "");
	return STATUS_TULOU;
}

static bool parse_check(const char *text)
{
	unsigned long level;

	if (!text_parse(text, 3, &level))
		return false;
	runtime.check_level = (int)level;
	return true;
}

static bool parse_patch_after(const char *text)
{
	unsigned long count;

	if (!text_parse(text, PATCH_AFTER_MAX, &count) || !count)
		return false;
	runtime.patch_after = (unsigned)count;
	return true;
}

static bool parse_memory(const char *text)
{
	unsigned long size = UINT64_MAX;

	if (!text_equal(text, "none") && !text_parse_size(text, &size))
		return false;
	runtime.memory_limit = size;
	return true;
}

static bool parse_process_memory(const char *text)
{
	struct limit *limit = &limits_initial.of[LIMIT_AS];
	unsigned long size;

	if (!text_parse_size(text, &size) || size > limit->hard)
		return false;
	*limit = (struct limit){size, size};
	return true;
}

static const struct {
	const char *name, *other;
	bool *set;
} flags[] = {
	{"-v", "--verbose", &runtime.verbose},
	{"--strict", "", &runtime.strict},
	{"--map-at-exit", "", &runtime.map_at_exit},
	{"--no-patch", "", &runtime.no_patch},
	{"--stats", "", &runtime.statistics},
	{"--no-image-cache", "", &runtime.no_image_cache},
	{"--exact", "", &runtime.exact},
	{"--resident", "", &runtime.always_resident},
};

static const struct {
	const char *name;
	bool (*parse)(const char *value);
	const char *wrong;
} values[] = {
	{"--check=", parse_check, "not a level from 0 to 3:"},
	{"--patch-after=", parse_patch_after, "not a number from 1 to 4000:"},
	{"--memory=", parse_memory, "not a size:"},
	{"--process-memory=", parse_process_memory, "not a size, or above the hard limit:"},
};

static bool take_flag(const char *word)
{
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		if (text_equal(word, flags[i].name) || text_equal(word, flags[i].other))
			return *flags[i].set = true;
	return false;
}

/* NULL, or what is wrong. */
static const char *take_value(const char *word)
{
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		const char *value = text_after(word, values[i].name);
		if (value)
			return values[i].parse(value) ? NULL : values[i].wrong;
	}
	return "unknown option";
}

/* Options up to `--` or the first word that is none. The index behind them, 0 after --help, or -1. */
static int parse_options(int argc, char **argv)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		const char *wrong;

		if (text_equal(argv[i], "--"))
			return i + 1;
		if (text_equal(argv[i], "-h") || text_equal(argv[i], "--help")) {
			print(help);
			return 0;
		}
		wrong = take_flag(argv[i]) ? NULL : take_value(argv[i]);
		if (wrong) {
			usage(wrong, argv[i]);
			return -1;
		}
	}
	return i;
}

static int parse_programs(int argc, char **argv)
{
	for (int i = 0; i <= argc; i++) {
		unsigned n = programs.count;
		if (i < argc && !text_equal(argv[i], "+")) {
			if (!programs.argc[n]++)
				programs.argv[n] = argv + i;
			continue;
		}
		if (!programs.argc[n])
			return usage(argc ? "no program before or after '+'" : "no program", NULL);
		if (++programs.count == SUPERVISOR_LISTED_MAX && i < argc)
			return usage("more than 64 programs", NULL);
	}
	return 0;
}

/* ---- starting ------------------------------------------------------------------------------------------------------------------- */

static int cannot_start(unsigned i, long error)
{
	const struct launch *launch = &launches[i];
	const char *why = launch->program ? program_why(launch->program) : "";

	message("cannot run '%s': %s%s%s%s", programs.argv[i][0], error_text(error), *why ? " (" : "", why, *why ? ")" : "");
	return error == -ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT;
}

static int begin(void)
{
	int result = runtime_init();

	if (result >= 0)
		return 0;
	message("cannot make the pool: %s", error_text(result));
	return STATUS_TULOU;
}

static int load_all(char **envp)
{
	for (unsigned i = 0; i < programs.count; i++) {
		struct launch *launch = &launches[i];
		long result = launch_open(launch, programs.argv[i][0], programs.argv[i], programs.argc[i], envp);
		if (!result && !launch->program->native)
			result = launch_load(launch);
		if (result == -EEXIST) /* its fixed address is taken: launch->thread is NULL */
			result = 0;
		if (result < 0)
			return cannot_start(i, result);
		if (!launch->thread && runtime.strict) {
			message("--strict: '%s' would need a second instance: %s", programs.argv[i][0],
				launch->program->native ? program_why(launch->program) : "its fixed address is taken");
			return STATUS_CANNOT;
		}
	}
	return 0;
}

static int start_all(void)
{
	for (unsigned i = 0; i < programs.count; i++) {
		struct launch *launch = &launches[i];
		long pid = launch->thread ? launch_start(launch) : launch_elsewhere(launch);
		if (runtime.verbose && !launch->thread && pid > 0)
			message("'%s' runs in an instance of its own: %s", programs.argv[i][0],
				launch->program->native ? program_why(launch->program) : "its fixed address is taken");
		if (!launch->thread || pid < 0)
			launch_fini(launch);
		if (pid < 0) {
			for (unsigned started = 0; started < i; started++)
				sys2(__NR_kill, programs.pids[started], 9);
			message("cannot start '%s': %s", programs.argv[i][0], error_text(pid));
			return pid == -ENOENT ? STATUS_NOT_FOUND : STATUS_CANNOT;
		}
		programs.pids[i] = (int)pid;
	}
	return 0;
}

static int exit_status(int status)
{
	int signo = status & 0x7f;
	return signo ? 128 + signo : status >> 8 & 0xff;
}

int cmd_run(int argc, char **argv, char **envp)
{
	int first = parse_options(argc, argv), result;

	if (first <= 0)
		return first ? STATUS_TULOU : print_status();
	result = parse_programs(argc - first, argv + first);
	if (!result)
		result = begin();
	if (!result)
		result = load_all(envp);
	if (result)
		return result;
	result = trap_install_handler(true);
	if (!result)
		result = trap_install_filter();
	if (result < 0) {
		message("cannot install the seccomp filter (does this kernel have CONFIG_SECCOMP_FILTER?): %s",
			error_text(result));
		return STATUS_TULOU;
	}
	supervisor_announce();
	result = start_all();
	if (result)
		return result;
	result = supervisor_run(programs.pids, programs.statuses, programs.count);
	if (result < 0) {
		message("cannot supervise: %s", error_text(result));
		return STATUS_TULOU;
	}
	if (runtime.statistics)
		statistics_print();
	return exit_status(programs.statuses[0]);
}
