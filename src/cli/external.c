/* SPDX-License-Identifier: MIT */
#include "cli/external.h"

#include <tulou/abi.h>

#include "base/format.h"
#include "host/linux/syscall.h"

enum { PATH_SIZE = 4096 };

/* The directory of the executable, without its last slash. A negative errno, or 0. */
static long own_directory(char *path)
{
	long length = sys3(__NR_readlink, (long)"/proc/self/exe", (long)path, PATH_SIZE - 1);

	if (length < 0)
		return length;
	while (length && path[length - 1] != '/')
		length--;
	if (!length)
		return -TULOU_ENOENT;
	path[length - 1] = 0;
	return 0;
}

/* A negative errno; does not return otherwise. */
static long exec(const char *path, size_t length, char **argv, char **envp)
{
	return length < PATH_SIZE ? sys3(__NR_execve, (long)path, (long)argv, (long)envp) : -TULOU_ENAMETOOLONG;
}

long external_exec(char **argv, char **envp)
{
	static char directory[PATH_SIZE] LARGE_ZEROS, path[PATH_SIZE] LARGE_ZEROS;
	size_t length;
	long error;

	for (const char *c = argv[0]; *c; c++)
		if (*c == '/')
			return -TULOU_ENOENT;
	error = own_directory(directory);
	if (error)
		return error;
	length = format(path, sizeof(path), "%s/tulou-%s", directory, argv[0]);
	error = exec(path, length, argv, envp);
	if (error != -TULOU_ENOENT)
		return error;
	length = format(path, sizeof(path), "%s/../libexec/tulou/tulou-%s", directory, argv[0]);
	return exec(path, length, argv, envp);
}
