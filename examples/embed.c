/* SPDX-License-Identifier: MIT */
/*
 * embed.c - libtulou in a program of your own, on the flat host: an arena of plain memory, no MMU, and one file, which is memory too.
 *
 *     cc embed.c $(pkg-config --cflags --libs tulou) -o embed
 *
 * Two processes share the arena. What an enclave or a unikernel needs is the same, with its own memory in place of `arena` and `books`,
 * and its own files (or none). Without an MMU, an access through a stale pointer is not caught.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tulou/flat.h>
#include <tulou/inspect.h>

enum { ARENA_SIZE = 64 << 20, BOOKS_SIZE = 4 << 20, CHUNK_SIZE = 4 << 20 };

static _Alignas(CHUNK_SIZE) unsigned char arena[ARENA_SIZE];
static _Alignas(TULOU_PAGE_SIZE) unsigned char books[BOOKS_SIZE];

/* ---- the only file: descriptor 0 ---- */

static char file[] = "written by nobody";

static int file_get(void *ctx, int fd, bool shared, struct tulou_file *out)
{
	(void)ctx, (void)shared;
	*out = (struct tulou_file){.dev = 1, .ino = 1, .max_prot = TULOU_PROT_READ | TULOU_PROT_WRITE, .fd = fd};
	return fd == 0 ? 0 : -TULOU_EBADF;
}

static void file_ignore(void *ctx, const struct tulou_file *of)
{
	(void)ctx, (void)of;
}

static int file_size(void *ctx, const struct tulou_file *of, uint64_t *size)
{
	(void)ctx, (void)of;
	*size = sizeof(file);
	return 0;
}

static long file_read(void *ctx, const struct tulou_file *of, uint64_t offset, void *buffer, size_t size)
{
	(void)ctx, (void)of;
	memcpy(buffer, file + offset, size);
	return (long)size;
}

static long file_write(void *ctx, const struct tulou_file *of, uint64_t offset, const void *buffer, size_t size)
{
	(void)ctx, (void)of;
	memcpy(file + offset, buffer, size);
	return (long)size;
}

static const struct tulou_flat_files files = {
	.get = file_get,
	.dup = file_ignore,
	.put = file_ignore,
	.size = file_size,
	.read_at = file_read,
	.write_at = file_write,
};

/* ---- the program ---- */

static int show_area(void *arg, const struct tulou_area_info *area)
{
	(void)arg;
	printf("process %u: %zu KiB at arena + %zu KiB\n", area->process, (area->end - area->start) / 1024,
		(area->start - (uintptr_t)arena) / 1024);
	return 0;
}

static void fail(const char *what, long error)
{
	fprintf(stderr, "embed: %s: error %ld\n", what, -error);
	exit(1);
}

int main(void)
{
	struct tulou_flat_config flat = {
		.arena = arena, .arena_size = ARENA_SIZE, .books = books, .books_size = BOOKS_SIZE, .files = &files};
	struct tulou_config config = {.start = (uintptr_t)arena, .end = (uintptr_t)arena + ARENA_SIZE, .chunk_size = CHUNK_SIZE};
	int prot = TULOU_PROT_READ | TULOU_PROT_WRITE, flags = TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS;
	struct tulou_process_vm *vm[2];
	const struct tulou_host *host;
	struct tulou *pool;
	char what[128];
	long error, start[2], mapped;

	error = tulou_flat_create(&flat, &host);
	if (error)
		fail("tulou_flat_create", error);
	error = tulou_create(&pool, host, &config);
	if (error)
		fail("tulou_create", error);
	for (unsigned i = 0; i < 2; i++) {
		error = tulou_process_vm_create(pool, i + 1, &vm[i]);
		if (error)
			fail("tulou_process_vm_create", error);
		start[i] = tulou_mmap(vm[i], 0, 16 << (10 + 4 * i), prot, flags, -1, 0);
		if (start[i] < 0)
			fail("tulou_mmap", start[i]);
		snprintf((char *)start[i], 64, "memory of process %u", i + 1);
	}
	tulou_walk_areas(pool, show_area, NULL);

	/* A process may use its own memory only, although both lie in one address space. */
	printf("process 1 unmaps what is process 2's: %ld, and it still says \"%s\"\n", tulou_munmap(vm[0], start[1], 256 << 10),
		(char *)start[1]);

	/* A shared mapping of a file is written back when it goes, here with its process. */
	mapped = tulou_mmap(vm[0], 0, sizeof(file), prot, TULOU_MAP_SHARED, 0, 0);
	if (mapped < 0)
		fail("tulou_mmap of the file", mapped);
	strcpy((char *)mapped, "written by proc 1");

	tulou_process_vm_unref(vm[0]);
	printf("the file is \"%s\"\n", file);
	puts("process 1 has ended");
	tulou_walk_areas(pool, show_area, NULL);
	error = tulou_check(pool, what, sizeof(what));
	if (error)
		fail(what, error);
	tulou_destroy(pool);
	return 0;
}
