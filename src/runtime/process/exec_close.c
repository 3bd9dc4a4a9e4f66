/* SPDX-License-Identifier: MIT */
#include "runtime/process/exec_close.h"

#include <asm/stat.h>
#include <asm/poll.h>
#include <linux/fcntl.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "host/linux/syscall.h"

enum { DESCRIPTORS_MOST = 65536, COUNTED_MOST = 1024, ASKED_AT_ONCE = 64 };

struct directory_entry {
	uint64_t ino, offset;
	uint16_t size;
	uint8_t type;
	char name[];
};

static int parse_number(const char *text)
{
	int number = 0;

	if (*text < '0' || *text > '9')
		return -1;
	for (; *text; text++)
		number = number * 10 + (*text - '0');
	return number;
}

/* Was it open? */
static bool close_if_marked(int fd)
{
	long flags = sys3(__NR_fcntl, fd, F_GETFD, 0);

	if (flags == FD_CLOEXEC)
		sys1(__NR_close, fd);
	return flags >= 0;
}

/* Where /proc is not mounted: every number that there can be, up to a bound. */
static void close_by_number(void)
{
	struct {
		uint64_t soft, hard;
	} limit = {DESCRIPTORS_MOST, 0};

	sys4(__NR_prlimit64, 0, RLIMIT_NOFILE, 0, (long)&limit);
	for (int fd = 0; fd < DESCRIPTORS_MOST && (uint64_t)fd < limit.soft; fd++)
		close_if_marked(fd);
}

/* Descriptors from `first` on that are open, but not by path only: one call for all, where asking for each costs as much as an exec (a shell
 * has a descriptor far above the others). Bit by bit; all of them when the call refuses. */
static uint64_t open_among(int first)
{
	struct pollfd asked[ASKED_AT_ONCE];
	const long now[2] = {0, 0};
	uint64_t open = 0;

	for (int i = 0; i < ASKED_AT_ONCE; i++)
		asked[i] = (struct pollfd){.fd = first + i};
	if (sys5(__NR_ppoll, (long)asked, ASKED_AT_ONCE, (long)now, 0, 0) < 0)
		return ~0ull;
	for (int i = 0; i < ASKED_AT_ONCE; i++)
		open |= (uint64_t) !(asked[i].revents & POLLNVAL) << i;
	return open;
}

/* Since Linux 6.2 the size of the directory says how many descriptors there are: nearly always the first few numbers. False: look there. */
static bool close_counted(void)
{
	struct stat stat;
	uint64_t count;

	if (sys4(__NR_newfstatat, AT_FDCWD, (long)"/proc/self/fd", (long)&stat, 0) < 0 || stat.st_size <= 0)
		return false;
	count = (uint64_t)stat.st_size;
	for (int first = 0; count && first < COUNTED_MOST; first += ASKED_AT_ONCE) {
		uint64_t open = open_among(first);
		for (int i = 0; open >> i && i < ASKED_AT_ONCE; i++)
			count -= open >> i & 1 && close_if_marked(first + i);
	}
	return !count;
}

static void close_listed(void)
{
	char buffer[2048] __attribute__((aligned(8)));
	long directory = sys4(__NR_openat, AT_FDCWD, (long)"/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	long have;

	if (directory < 0) {
		close_by_number();
		return;
	}
	while ((have = sys3(__NR_getdents64, directory, (long)buffer, sizeof buffer)) > 0) {
		for (long at = 0; at < have;) {
			const struct directory_entry *entry = (const void *)(buffer + at);
			int fd = parse_number(entry->name);
			if (fd >= 0 && fd != directory)
				close_if_marked(fd);
			at += entry->size;
		}
	}
	sys1(__NR_close, directory);
}

void exec_close(void)
{
	sys1(__NR_unshare, CLONE_FILES);
	if (!close_counted())
		close_listed();
}
