/* SPDX-License-Identifier: MIT */
/*
 * machine.c - limits of memory (cgroups(7)): in each hierarchy that counts memory, our group and all above it.
 *
 *     /proc/self/cgroup   0::/user/a            ─▶ /sys/fs/cgroup/user/a/memory.max                    …/user/memory.max, …
 *                         4:memory:/b           ─▶ /sys/fs/cgroup/memory/b/memory.limit_in_bytes       …
 *
 * Groups that are not mounted here (a container sees its own as the root) are not found, and the ones above them are.
 */
#include "runtime/machine.h"

#include <linux/fcntl.h>
#include <linux/sysinfo.h>

#include "base/format.h"
#include "base/mem.h"
#include "host/linux/syscall.h"
#include "runtime/procfs/stream.h"
#include "runtime/text.h"

enum { GROUP_PATH = 512, NUMBER_SIZE = 32 };

static uint64_t minimum(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The number in a file; none ("max", or no file): UINT64_MAX. */
static uint64_t read_limit(const char *path)
{
	char text[NUMBER_SIZE];
	long fd = sys4(__NR_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0), have;
	const char *at = text;

	if (fd < 0)
		return UINT64_MAX;
	have = sys3(__NR_read, fd, (long)text, sizeof text - 1);
	sys1(__NR_close, fd);
	text[have > 0 ? have : 0] = 0;
	return *at >= '0' && *at <= '9' ? text_decimal(&at) : UINT64_MAX;
}

/* `group` ("/a/b") and all above it in the hierarchy at `mount`. */
static uint64_t group_limit(const char *mount, const char *file, char *group)
{
	uint64_t least = UINT64_MAX;
	size_t length = text_length(group);
	char path[GROUP_PATH + 64];

	for (;;) {
		while (length && group[length - 1] == '/')
			length--;
		group[length] = 0;
		format(path, sizeof path, "%s%s/%s", mount, group, file);
		least = minimum(least, read_limit(path));
		if (!length)
			return least;
		while (group[length - 1] != '/')
			length--;
	}
}

/* Is "memory" one of the words between commas in [text, end)? */
static bool counts_memory(const char *text, const char *end)
{
	while (text < end) {
		const char *after = text_after(text, "memory");
		if (after && (after == end || *after == ','))
			return true;
		while (text < end && *text++ != ',')
			;
	}
	return false;
}

/* "number:controllers:/group\n" */
static uint64_t line_limit(char *line)
{
	char *controllers = line, *group, copy[GROUP_PATH];
	size_t length;

	while (*controllers && *controllers++ != ':')
		;
	group = controllers;
	while (*group && *group != ':')
		group++;
	length = text_length(group);
	if (length < 2 || length > sizeof copy)
		return UINT64_MAX;
	memcpy(copy, group + 1, length - 1); /* without the newline */
	copy[length - 2] = 0;
	if (group == controllers)
		return group_limit("/sys/fs/cgroup", "memory.max", copy);
	return counts_memory(controllers, group) ? group_limit("/sys/fs/cgroup/memory", "memory.limit_in_bytes", copy)
						 : UINT64_MAX;
}

uint64_t machine_memory(void)
{
	struct sysinfo info = {0};

	sys1(__NR_sysinfo, (long)&info);
	return info.totalram ? (uint64_t)info.totalram * info.mem_unit : UINT64_MAX;
}

uint64_t machine_group_memory(void)
{
	uint64_t least = machine_memory();
	struct lines lines;
	char *text, line[GROUP_PATH + 64];
	long fd = sys4(__NR_openat, AT_FDCWD, (long)"/proc/self/cgroup", O_RDONLY | O_CLOEXEC, 0), size;

	if (fd < 0)
		return least;
	lines_init(&lines, (int)fd);
	while ((size = lines_next(&lines, &text)) > 0) {
		if (!lines.begins || text[size - 1] != '\n' || (size_t)size >= sizeof line)
			continue;
		memcpy(line, text, (size_t)size);
		line[size] = 0;
		least = minimum(least, line_limit(line));
	}
	sys1(__NR_close, fd);
	return least;
}
