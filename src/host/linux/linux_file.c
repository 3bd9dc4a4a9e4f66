/* SPDX-License-Identifier: MIT */
/*
 * linux_file.c - the file behind a descriptor. A mapping keeps its file alive in the kernel, so there is nothing to count: the
 * handle stays empty, and mmap(2) itself judges the descriptor while it is valid (ENODEV, EPERM, EACCES …).
 */
#include "linux_internal.h"

#include <asm/stat.h>
#include <asm/statfs.h>
#include <linux/fcntl.h>

/* <linux/stat.h> hides its names from programs that have a C library. */
enum { LEAST_HUGE = 2 << 20, HUGETLBFS = 0x958458f6 }; /* <linux/magic.h> */
enum { TYPE_MASK = 0170000, TYPE_SOCKET = 0140000, TYPE_REGULAR = 0100000, TYPE_BLOCK = 0060000, TYPE_CHARACTER = 0020000 };
enum { DEV_ZERO = 1 << 8 | 5 };

int linux_file_get(void *ctx, int fd, bool shared, struct tulou_file *out)
{
	const int all = TULOU_PROT_READ | TULOU_PROT_WRITE | TULOU_PROT_EXEC;
	struct stat stat;
	struct statfs fs;
	long status = sys3(__NR_fcntl, fd, F_GETFL, 0), error;

	(void)ctx;
	if (status < 0)
		return (int)status;
	if (status & O_PATH)
		return -TULOU_EBADF;
	error = sys2(__NR_fstat, fd, (long)&stat);
	if (error < 0)
		return (int)error;
	*out = (struct tulou_file){.dev = stat.st_dev, .ino = stat.st_ino, .max_prot = all, .fd = fd};
	if (stat.st_blksize >= LEAST_HUGE && sys2(__NR_fstatfs, fd, (long)&fs) == 0 && fs.f_type == HUGETLBFS)
		out->page_size = (size_t)fs.f_bsize;
	switch (stat.st_mode & TYPE_MASK) { /* Linux: file_mmap_size_max() */
	case TYPE_REGULAR:
	case TYPE_BLOCK:
	case TYPE_SOCKET:
		break;
	default:
		out->offset_max = UINT64_MAX;
	}
	out->zeros = (stat.st_mode & TYPE_MASK) == TYPE_CHARACTER && stat.st_rdev == DEV_ZERO;
	if ((status & O_ACCMODE) == O_WRONLY)
		out->max_prot = TULOU_PROT_NONE; /* not even readable: mmap(2) answers EACCES */
	else if (shared && (status & O_ACCMODE) == O_RDONLY)
		out->max_prot = TULOU_PROT_READ | TULOU_PROT_EXEC;
	return 0;
}

/* Flags that it does not know the kernel refuses before it sees that no file grows down. */
bool linux_file_syncs(void *ctx, int fd)
{
	const int flags = TULOU_MAP_SHARED_VALIDATE | TULOU_MAP_SYNC | TULOU_MAP_GROWSDOWN;

	(void)ctx;
	return sys6(__NR_mmap, 0, TULOU_PAGE_SIZE, TULOU_PROT_NONE, flags, fd, 0) != -TULOU_EOPNOTSUPP;
}

void linux_file_dup(void *ctx, const struct tulou_file *file)
{
	(void)ctx;
	(void)file;
}

void linux_file_put(void *ctx, const struct tulou_file *file)
{
	(void)ctx;
	(void)file;
}
