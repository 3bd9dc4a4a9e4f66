/* SPDX-License-Identifier: MIT */
/*
 * place_flat.c - the flat host for a log: an arena that costs nothing until it is touched, and files by pread(2) and pwrite(2).
 *
 * The files are memfds that stay open as long as the place, so that a descriptor is the whole handle, and there is nothing to count.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tulou/flat.h>

#include "place.h"

#define ARENA_START 0x200000000000ul
#define ARENA_SIZE  (1ul << 38)
#define BOOKS_SIZE  (ARENA_SIZE / TULOU_PAGE_SIZE / 8 + (512ul << 20)) /* a bit per page; shared files once more */

static int descriptor(const struct tulou_file *file)
{
	return (int)(intptr_t)file->handle;
}

static int files_get(void *ctx, int fd, bool shared, struct tulou_file *out)
{
	struct stat stat;

	(void)ctx;
	(void)shared;
	if (fstat(fd, &stat))
		return -errno;
	*out = (struct tulou_file){
		.dev = stat.st_dev, .ino = stat.st_ino, .handle = (void *)(intptr_t)fd, .max_prot = 7, .fd = fd};
	return 0;
}

static void files_keep(void *ctx, const struct tulou_file *file)
{
	(void)ctx;
	(void)file;
}

static int files_size(void *ctx, const struct tulou_file *file, uint64_t *size)
{
	struct stat stat;

	(void)ctx;
	if (fstat(descriptor(file), &stat))
		return -errno;
	*size = (uint64_t)stat.st_size;
	return 0;
}

static long files_read(void *ctx, const struct tulou_file *file, uint64_t offset, void *buffer, size_t size)
{
	ssize_t got = pread(descriptor(file), buffer, size, (off_t)offset);

	(void)ctx;
	return got < 0 ? -errno : got;
}

static long files_write(void *ctx, const struct tulou_file *file, uint64_t offset, const void *buffer, size_t size)
{
	ssize_t put = pwrite(descriptor(file), buffer, size, (off_t)offset);

	(void)ctx;
	return put < 0 ? -errno : put;
}

static void *region(uintptr_t start, size_t size)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (start ? MAP_FIXED_NOREPLACE : 0);
	void *at = mmap((void *)start, size, PROT_READ | PROT_WRITE, flags, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

bool place_flat_open(struct place *place)
{
	static const struct tulou_flat_files files = {.get = files_get,
		.dup = files_keep,
		.put = files_keep,
		.size = files_size,
		.read_at = files_read,
		.write_at = files_write};
	struct tulou_flat_config config = {.arena_size = ARENA_SIZE, .books_size = BOOKS_SIZE, .files = &files};

	config.arena = place->arena = region(ARENA_START, ARENA_SIZE);
	config.books = place->books = region(0, BOOKS_SIZE);
	if (!config.arena || !config.books || tulou_flat_create(&config, &place->host)) {
		place_flat_close(place);
		return false;
	}
	place->start = ARENA_START;
	place->end = ARENA_START + ARENA_SIZE;
	place->drop_flags = TULOU_MAP_POPULATE | TULOU_MAP_LOCKED;
	return true;
}

void place_flat_close(struct place *place)
{
	if (place->arena)
		munmap(place->arena, ARENA_SIZE);
	if (place->books)
		munmap(place->books, BOOKS_SIZE);
	place->arena = place->books = NULL;
}
