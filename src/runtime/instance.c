/* SPDX-License-Identifier: MIT */
#include "runtime/instance.h"

#include <asm-generic/errno.h>

#include "runtime/launch.h"
#include "runtime/message.h"
#include "runtime/trap/trap.h"

enum { ARGUMENT_OPTIONS = 2, ARGUMENT_PATH = 3, ARGUMENT_ARGV = 4, FAILED = 127 };

void instance_options(char *out)
{
	*out++ = '-';
	if (runtime.verbose)
		*out++ = 'v';
	if (runtime.strict)
		*out++ = 's';
	*out++ = (char)('0' + runtime.check_level);
	*out = 0;
}

const char *instance_executable(void)
{
	return "/proc/self/exe";
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
	for (const char *option = argv[ARGUMENT_OPTIONS]; *option; option++) {
		runtime.verbose |= *option == 'v';
		runtime.strict |= *option == 's';
		if (*option >= '0' && *option <= '3')
			runtime.check_level = *option - '0';
	}
	result = runtime_init();
	if (result < 0)
		fail(path, error_text(result));
	result = launch_open(&launch, path, argv + ARGUMENT_ARGV, (unsigned)(argc - ARGUMENT_ARGV), envp);
	if (!result)
		result = launch_load(&launch);
	if (result < 0)
		fail(path, launch.program ? program_why(launch.program) : error_text(result));
	result = trap_install_handler(); /* the filter is inherited */
	if (result < 0)
		fail("SIGSYS handler", error_text(result));
	launch_become(&launch);
}
