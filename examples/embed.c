/* SPDX-License-Identifier: MIT */
/*
 * embed.c - libtulou in a program of your own, on a host of your own: one arena of plain memory, no MMU, no files.
 *
 *     cc embed.c $(pkg-config --cflags --libs tulou) -o embed
 *
 * Two processes share the arena. What an enclave or a unikernel would need is the same, with its own memory in place of
 * `arena`. Without an MMU, munmap and mprotect change the books only: an access through a stale pointer is not caught.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tulou/inspect.h>

enum { ARENA_SIZE = 64 << 20, CHUNK_SIZE = 4 << 20 };

static _Alignas(CHUNK_SIZE) unsigned char arena[ARENA_SIZE];

/* ---- the host: callbacks in the order of tulou/host.h. An address of the pool is an address of the program. ---- */

static void *books_map(void *ctx, size_t size)
{
	void *books = aligned_alloc(TULOU_PAGE_SIZE, size);

	(void)ctx;
	return books ? memset(books, 0, size) : NULL;
}

static void books_unmap(void *ctx, void *start, size_t size)
{
	(void)ctx, (void)size;
	free(start);
}

static int map(void *ctx, const struct tulou_mapping *m)
{
	(void)ctx;
	if (m->file)
		return -TULOU_ENODEV;
	memset((void *)m->start, 0, m->size);
	return 0;
}

static int unmap(void *ctx, uintptr_t start, size_t size)
{
	(void)ctx, (void)start, (void)size;
	return 0;
}

static int protect(void *ctx, uintptr_t start, size_t size, int prot)
{
	(void)ctx, (void)start, (void)size, (void)prot;
	return 0;
}

static int grow(void *ctx, uintptr_t start, size_t size, size_t new_size)
{
	(void)ctx;
	memset((void *)(start + size), 0, new_size - size);
	return 0;
}

static int move(void *ctx, uintptr_t start, size_t size, uintptr_t new_start, size_t new_size, bool keep_source)
{
	size_t kept = size < new_size ? size : new_size;

	(void)ctx;
	memmove((void *)new_start, (void *)start, kept);
	memset((void *)(new_start + kept), 0, new_size - kept);
	if (keep_source)
		memset((void *)start, 0, size);
	return 0;
}

static int advise(void *ctx, uintptr_t start, size_t size, int advice)
{
	(void)ctx;
	if (advice != TULOU_MADV_DONTNEED)
		return -TULOU_EINVAL;
	memset((void *)start, 0, size);
	return 0;
}

static int sync(void *ctx, uintptr_t start, size_t size, int flags)
{
	(void)ctx, (void)start, (void)size, (void)flags;
	return 0;
}

static int file_get(void *ctx, int fd, bool shared, struct tulou_file *out)
{
	(void)ctx, (void)fd, (void)shared, (void)out;
	return -TULOU_EBADF;
}

static void file_ignore(void *ctx, const struct tulou_file *file)
{
	(void)ctx, (void)file;
}

/* One task: it never waits for another, and it is never dead. */
static uint32_t self(void *ctx)
{
	(void)ctx;
	return 1;
}

static bool alive(void *ctx, uint32_t owner)
{
	(void)ctx, (void)owner;
	return true;
}

static void wait(void *ctx, uint32_t *word, uint32_t seen)
{
	(void)ctx, (void)word, (void)seen;
}

static void wake(void *ctx, uint32_t *word, unsigned count)
{
	(void)ctx, (void)word, (void)count;
}

static _Noreturn void panic(void *ctx, const char *what)
{
	(void)ctx;
	fprintf(stderr, "embed: %s\n", what);
	abort();
}

static const struct tulou_host host = {
	.books_map = books_map,
	.books_unmap = books_unmap,
	.map = map,
	.unmap = unmap,
	.protect = protect,
	.grow = grow,
	.move = move,
	.advise = advise,
	.sync = sync,
	.file_get = file_get,
	.file_dup = file_ignore,
	.file_put = file_ignore,
	.self = self,
	.alive = alive,
	.wait = wait,
	.wake = wake,
	.panic = panic,
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
	struct tulou_config config = {.start = (uintptr_t)arena, .end = (uintptr_t)arena + ARENA_SIZE, .chunk_size = CHUNK_SIZE};
	int prot = TULOU_PROT_READ | TULOU_PROT_WRITE, flags = TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS;
	struct tulou_process_vm *vm[2];
	struct tulou *pool;
	char what[128];
	long error, start[2];

	error = tulou_create(&pool, &host, &config);
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

	tulou_process_vm_unref(vm[0]);
	puts("process 1 has ended");
	tulou_walk_areas(pool, show_area, NULL);
	error = tulou_check(pool, what, sizeof(what));
	if (error)
		fail(what, error);
	tulou_destroy(pool);
	return 0;
}
