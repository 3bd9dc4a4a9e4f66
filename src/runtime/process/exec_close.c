/* SPDX-License-Identifier: MIT */
#include "runtime/process/exec_close.h"

#include <asm/poll.h>
#include <asm/stat.h>
#include <linux/fcntl.h>
#include <linux/sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "host/linux/syscall.h"
#include "runtime/elf/exec_file.h"
#include "runtime/text.h"

enum { DESCRIPTORS_MOST = 65536, FEW = 16, COUNTED_MOST = 256 };

struct directory_entry {
	uint64_t ino, offset;
	uint16_t size;
	uint8_t type;
	char name[];
};

/* Was it open? */
static bool close_if_marked(int fd)
{
	long flags = sys3(__NR_fcntl, fd, F_GETFD, 0);

	if (flags == FD_CLOEXEC)
		sys1(__NR_close, fd);
	return flags >= 0;
}

/* Where /proc is not mounted: every number, up to a bound. The limit may be lower than what was opened before it was set. */
static void close_by_number(void)
{
	for (int fd = 0; fd < DESCRIPTORS_MOST; fd++)
		close_if_marked(fd);
}

/* Those in [FEW, COUNTED_MOST) that are open, found by one call: poll(2) says which are not. How many they were. */
static uint64_t close_polled(void)
{
	const long nothing[2] = {0, 0}; /* struct timespec */
	struct pollfd fds[COUNTED_MOST - FEW];
	uint64_t open = 0;

	for (int i = 0; i < COUNTED_MOST - FEW; i++)
		fds[i] = (struct pollfd){.fd = FEW + i};
	if (sys5(__NR_ppoll, (long)fds, COUNTED_MOST - FEW, (long)nothing, 0, 8) < 0) /* a lower RLIMIT_NOFILE */
		return 0;
	for (int i = 0; i < COUNTED_MOST - FEW; i++)
		if (!(fds[i].revents & POLLNVAL))
			open += close_if_marked(fds[i].fd);
	return open;
}

/* Since Linux 6.2 the size of the directory says how many descriptors there are: nearly always the first few numbers, and perhaps one
 * that a shell keeps further up. False: look there. */
static bool close_counted(void)
{
	struct stat stat;
	uint64_t open;

	if (sys4(__NR_newfstatat, AT_FDCWD, (long)"/proc/self/fd", (long)&stat, 0) < 0 || stat.st_size <= 0)
		return false;
	open = (uint64_t)stat.st_size;
	for (int fd = 0; open && fd < FEW; fd++)
		open -= close_if_marked(fd);
	return !open || open == close_polled();
}

static void close_listed(void)
{
	char buffer[2048] __attribute__((aligned(8)));
	long directory = exec_file_descriptor(AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long have;

	if (directory < 0) {
		close_by_number();
		return;
	}
	while ((have = sys3(__NR_getdents64, directory, (long)buffer, sizeof buffer)) > 0) {
		for (long at = 0; at < have;) {
			const struct directory_entry *entry = (const void *)(buffer + at);
			unsigned long fd;
			if (text_parse(entry->name, INT32_MAX, &fd) && (long)fd != directory)
				close_if_marked((int)fd);
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
