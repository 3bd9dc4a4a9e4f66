/* SPDX-License-Identifier: MIT */
#include "files.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "map.h"

enum { FIRST_DESCRIPTOR = 200 };

static struct {
	bool open;
	uint64_t dev, ino;
} files[FILE_KINDS];

static const char *const names[FILE_KINDS] = {
	[FILE_MEMORY] = "memory",
	[FILE_OTHER] = "other",
	[FILE_READ_ONLY] = "read_only",
	[FILE_WRITE_ONLY] = "write_only",
	[FILE_EMPTY] = "empty",
	[FILE_SEALED] = "sealed",
	[FILE_SEALED_READ_ONLY] = "sealed_read_only",
	[FILE_DISK] = "disk",
	[FILE_DIRECTORY] = "dir",
	[FILE_PIPE] = "pipe",
	[FILE_CLOSED] = "closed",
	[FILE_ZERO] = "dev_zero",
	[FILE_NULL] = "dev_null",
	[FILE_PATH] = "path",
};

const char *file_name(int file)
{
	return file >= 0 && file < FILE_KINDS ? names[file] : "-1";
}

uint8_t file_byte(int which, uint64_t offset)
{
	return (uint8_t)((offset >> 12) * 7 + (offset & 0xfff) / 3 + (which ? 131 : 17));
}

static void fail(const char *what)
{
	perror(what);
	_exit(125);
}

/* Moves `fd` to the number that belongs to `kind`. */
static void file_keep(enum file_kind kind, int fd)
{
	struct stat status;

	if (fd < 0 || dup2(fd, FIRST_DESCRIPTOR + (int)kind) < 0 || fstat(fd, &status))
		fail(names[kind]);
	close(fd);
	files[kind].open = true;
	files[kind].dev = (uint64_t)status.st_dev;
	files[kind].ino = (uint64_t)status.st_ino;
}

/* `fd` is empty, or its opening failed. */
static int file_fill(int fd, int which)
{
	static uint8_t bytes[FILE_PAGES * PAGE + FILE_TAIL];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = file_byte(which, i);
	if (fd < 0 || write(fd, bytes, sizeof(bytes)) != (ssize_t)sizeof(bytes))
		fail("a file");
	return fd;
}

static int disk_file(void)
{
	const char *directory = getenv("TMPDIR");
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/random.XXXXXX", directory && *directory ? directory : "/tmp");
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	if (file_fill(fd, 1) < 0 || ftruncate(fd, FILE_PAGES * PAGE)) /* whole pages, see generate_file.c */
		fail(path);
	return fd;
}

static int file_reopen(enum file_kind kind, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", FIRST_DESCRIPTOR + (int)kind);
	return open(path, flags | O_CLOEXEC);
}

void files_open(void)
{
	int ends[2];

	file_keep(FILE_MEMORY, file_fill(memfd_create("memory", MFD_CLOEXEC), 0));
	file_keep(FILE_OTHER, file_fill(memfd_create("other", MFD_CLOEXEC), 1));
	file_keep(FILE_READ_ONLY, file_reopen(FILE_MEMORY, O_RDONLY));
	file_keep(FILE_WRITE_ONLY, file_reopen(FILE_MEMORY, O_WRONLY));
	file_keep(FILE_EMPTY, memfd_create("empty", MFD_CLOEXEC));
	file_keep(FILE_SEALED, file_fill(memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING), 0));
	file_keep(FILE_SEALED_READ_ONLY, file_reopen(FILE_SEALED, O_RDONLY));
	file_keep(FILE_DISK, disk_file());
	file_keep(FILE_DIRECTORY, open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (pipe2(ends, O_CLOEXEC))
		fail("pipe");
	close(ends[1]);
	file_keep(FILE_PIPE, ends[0]);
	close(FIRST_DESCRIPTOR + FILE_CLOSED);
	file_keep(FILE_ZERO, open("/dev/zero", O_RDWR | O_CLOEXEC));
	file_keep(FILE_NULL, open("/dev/null", O_RDWR | O_CLOEXEC));
	file_keep(FILE_PATH, file_reopen(FILE_MEMORY, O_PATH));
}

int file_descriptor(int file)
{
	return file < 0 ? -1 : FIRST_DESCRIPTOR + file;
}

int file_of_inode(uint64_t dev, uint64_t ino, bool shared)
{
	for (int kind = 0; kind < FILE_KINDS; kind++)
		if (ino && files[kind].open && files[kind].ino == ino && files[kind].dev == dev)
			return kind == FILE_ZERO && shared ? FILE_ANONYMOUS : kind;
	return FILE_ANONYMOUS;
}
