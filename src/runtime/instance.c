/* SPDX-License-Identifier: MIT */
#include "runtime/instance.h"

#include <asm-generic/errno.h>
#include <linux/fcntl.h>

#include "base/mem.h"
#include "runtime/launch.h"
#include "runtime/message.h"
#include "runtime/procfs/stream.h"
#include "runtime/seccomp/filters.h"
#include "runtime/text.h"
#include "runtime/trap/trap.h"

enum { ARGUMENT_OPTIONS = 2, ARGUMENT_PATH, ARGUMENT_NAME, ARGUMENT_COMM, ARGUMENT_ARGV = INSTANCE_PREFIX, FAILED = 127 };

/* ---- options: "-c3v1", a letter with a number that is not 0 ---------------------------------------------------------------------- */

static char *option_put(char *out, char letter, unsigned long value)
{
	if (!value)
		return out;
	*out++ = letter;
	return out + text_number(out, value);
}

void instance_options(char out[INSTANCE_OPTIONS_SIZE], const struct thread *thread, int filters)
{
	const struct attributes *own = thread ? &thread->process->attributes : &attributes_initial;

	*out++ = '-';
	out = option_put(out, 'v', runtime.verbose);
	out = option_put(out, 's', runtime.strict);
	out = option_put(out, 'p', runtime.no_patch);
	out = option_put(out, 'a', runtime.patch_after);
	out = option_put(out, 'n', runtime.no_image_cache);
	out = option_put(out, 'x', runtime.exact);
	out = option_put(out, 'r', runtime.always_resident);
	out = option_put(out, 'c', (unsigned long)runtime.check_level);
	out = option_put(out, 'M', runtime.memory_limit);
	out = option_put(out, 'f', (unsigned long)(filters + 1));
	out = option_put(out, 'm', own->mdwe & PR_MDWE_NO_INHERIT ? 0 : own->mdwe);
	out = option_put(out, 'd', !thread || own->death_bound ? 1ul + own->parent_death : 0);
	if (thread) {
		out = option_put(out, 'b', thread->sigsys_blocked);
		out = option_put(out, 'i', thread->process->actions[SIGNAL_SIGSYS].handler == SIGNAL_IGNORED);
	}
	*out = 0;
}

static int filters = NO_FILTERS; /* the descriptor of those that go on */

static void option_take(char letter, unsigned long value)
{
	switch (letter) {
	case 'v':
		runtime.verbose = value;
		break;
	case 's':
		runtime.strict = value;
		break;
	case 'a':
		runtime.patch_after = (unsigned)value;
		break;
	case 'p':
		runtime.no_patch = value;
		break;
	case 'n':
		runtime.no_image_cache = value;
		break;
	case 'x':
		runtime.exact = value;
		break;
	case 'r':
		runtime.always_resident = value;
		break;
	case 'c':
		runtime.check_level = (int)value;
		break;
	case 'M':
		runtime.memory_limit = value;
		break;
	case 'f':
		filters = (int)value - 1;
		break;
	case 'm':
		attributes_initial.mdwe = (uint8_t)value;
		break;
	case 'd':
		attributes_initial.death_bound = true;
		attributes_initial.parent_death = (uint8_t)(value - 1);
		break;
	case 'b':
		runtime.sigsys_blocked = value;
		break;
	case 'i':
		runtime.sigsys_ignored = value;
		break;
	default:
		break;
	}
}

static void options_take(const char *text)
{
	if (*text == '-')
		text++;
	while (*text) {
		char letter = *text++;
		option_take(letter, text_decimal(&text));
	}
}

/* Under which name it was started: the path is the program's, which a link or a script may have led to. */
void instance_prefix(const char *prefix[INSTANCE_PREFIX], const char *options, const struct program *program)
{
	prefix[0] = "tulou";
	prefix[1] = INSTANCE_COMMAND;
	prefix[ARGUMENT_OPTIONS] = options;
	prefix[ARGUMENT_PATH] = program->path;
	prefix[ARGUMENT_NAME] = program->execfn;
	prefix[ARGUMENT_COMM] = program->comm;
}

static void name_take(struct program *program, char **argv)
{
	size_t name = text_length(argv[ARGUMENT_NAME]), comm = text_length(argv[ARGUMENT_COMM]);

	if (name < sizeof program->execfn)
		memcpy(program->execfn, argv[ARGUMENT_NAME], name + 1);
	if (comm < sizeof program->comm)
		memcpy(program->comm, argv[ARGUMENT_COMM], comm + 1);
}

const char *instance_executable(void)
{
	return "/proc/self/exe";
}

bool instance_can_start(void)
{
	char unused[8];
	return sys4(__NR_readlinkat, AT_FDCWD, (long)instance_executable(), (long)unused, sizeof unused) > 0;
}

const char **strings_pointers(const struct strings *strings, const char *const *prefix, unsigned count)
{
	size_t size = (count + strings->count + 1) * sizeof(char *);
	const char **list = (const char **)sys6(__NR_mmap, 0, (long)size, 3, 0x22 /* private, anonymous */, -1, 0);
	unsigned n = 0;

	if ((long)list < 0)
		return NULL;
	for (; n < count; n++)
		list[n] = prefix[n];
	for (const char *s = strings_first(strings); s; s = strings_next(strings, s))
		list[n++] = s;
	return list; /* the rest is zero */
}

static _Noreturn void fail(const char *path, const char *why)
{
	message("%s: %s", path, why);
	for (;;)
		sys1(__NR_exit_group, FAILED);
}

_Noreturn void instance_main(int argc, char **argv, char **envp)
{
	static struct launch launch; /* the guest's block is the only one soon */
	const char *path;
	long result;

	if (argc < ARGUMENT_ARGV)
		fail("tulou", INSTANCE_COMMAND " is for tulou's own use");
	path = argv[ARGUMENT_PATH];
	options_take(argv[ARGUMENT_OPTIONS]);
	result = runtime_init();
	if (result < 0)
		fail(path, error_text(result));
	result = launch_open(&launch, path, argv + ARGUMENT_ARGV, (unsigned)(argc - ARGUMENT_ARGV), envp);
	if (!result) {
		name_take(launch.program, argv);
		result = launch_load(&launch);
	}
	if (!result && filters != NO_FILTERS)
		result = filters_take_up(launch.thread, filters);
	if (result < 0)
		fail(path, launch.program ? program_why(launch.program) : error_text(result));
	result = trap_install_handler(true); /* the filter is inherited */
	if (result < 0)
		fail("SIGSYS handler", error_text(result));
	launch_become(&launch);
}
