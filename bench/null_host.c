/* SPDX-License-Identifier: MIT */
/*
 * null_host.c - a host whose callbacks succeed at once and touch no page of the pool, and the tulou side of the benchmark on it.
 *
 * Books come from one reserved mapping, cut off at its end or taken back from a list by size, so that no figure contains a system
 * call; the kernel gives its pages as they are first touched, which is while a scene is set up. Waiting is a real futex.
 */
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define ARENA_SIZE (64 * GIB) /* of address space */

struct free_books {
	struct free_books *next;
	size_t size;
};

static char *arena, *arena_end;
static struct free_books *given_back;
static size_t books_out;
static bool arena_lock;
static _Thread_local uint32_t self_of_thread = 1;

static void lock(void)
{
	while (__atomic_test_and_set(&arena_lock, __ATOMIC_ACQUIRE))
		__builtin_ia32_pause();
}

static void unlock(void)
{
	__atomic_clear(&arena_lock, __ATOMIC_RELEASE);
}

static void *books_map(void *ctx, size_t size)
{
	struct free_books **link = &given_back, *found;
	void *books;

	(void)ctx;
	lock();
	books_out += size;
	while (*link && (*link)->size != size)
		link = &(*link)->next;
	found = *link;
	if (found)
		*link = found->next;
	books = found ? (void *)found : arena_end;
	if (!found)
		arena_end += size;
	unlock();
	if (books >= (void *)(arena + ARENA_SIZE - size))
		return NULL;
	return found ? memset(books, 0, size) : books;
}

static void books_unmap(void *ctx, void *start, size_t size)
{
	struct free_books *books = start;

	(void)ctx;
	lock();
	books_out -= size;
	books->size = size;
	books->next = given_back;
	given_back = books;
	unlock();
}

static int map(void *ctx, const struct tulou_mapping *m)
{
	(void)ctx, (void)m;
	return 0;
}

static int unmap(void *ctx, uintptr_t start, size_t size)
{
	(void)ctx, (void)start, (void)size;
	return 0;
}

static int with_int(void *ctx, uintptr_t start, size_t size, int argument)
{
	(void)ctx, (void)start, (void)size, (void)argument;
	return 0;
}

static int grow(void *ctx, uintptr_t start, size_t size, size_t new_size)
{
	(void)ctx, (void)start, (void)size, (void)new_size;
	return 0;
}

static int move(void *ctx, uintptr_t start, size_t size, uintptr_t new_start, size_t new_size, bool keep_source)
{
	(void)ctx, (void)start, (void)size, (void)new_start, (void)new_size, (void)keep_source;
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

static uint32_t self(void *ctx)
{
	(void)ctx;
	return self_of_thread;
}

static bool alive(void *ctx, uint32_t owner)
{
	(void)ctx, (void)owner;
	return true;
}

static void wait_for(void *ctx, uint32_t *word, uint32_t seen)
{
	struct timespec timeout = {.tv_nsec = 10 * 1000 * 1000};

	(void)ctx;
	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, &timeout, NULL, 0);
}

static void wake(void *ctx, uint32_t *word, unsigned count)
{
	(void)ctx;
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

static _Noreturn void panic(void *ctx, const char *what)
{
	(void)ctx;
	fprintf(stderr, "bench: panic: %s\n", what);
	abort();
}

const struct tulou_host *null_host(void)
{
	static const struct tulou_host host = {
		.books_map = books_map,
		.books_unmap = books_unmap,
		.map = map,
		.unmap = unmap,
		.protect = with_int,
		.grow = grow,
		.move = move,
		.advise = with_int,
		.sync = with_int,
		.file_get = file_get,
		.file_dup = file_ignore,
		.file_put = file_ignore,
		.self = self,
		.alive = alive,
		.wait = wait_for,
		.wake = wake,
		.panic = panic,
	};

	if (!arena) {
		arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (arena == MAP_FAILED)
			bench_die("no address space for the books", -TULOU_ENOMEM);
		arena_end = arena;
	}
	return &host;
}

size_t null_host_books(void)
{
	return books_out;
}

void null_host_set_self(uint32_t new_self)
{
	self_of_thread = new_self;
}

struct tulou *pool_create(size_t chunk_size)
{
	struct tulou_config config = {.start = POOL_START, .end = POOL_END, .chunk_size = chunk_size};
	struct tulou *pool;
	int error = tulou_create(&pool, null_host(), &config);

	if (error)
		bench_die("tulou_create", error);
	return pool;
}

struct tulou_process_vm *pool_process(struct tulou *pool, uint32_t id)
{
	struct tulou_process_vm *vm;
	int error = tulou_process_vm_create(pool, id, &vm);

	if (error)
		bench_die("tulou_process_vm_create", error);
	return vm;
}

/* ---- the side ---- */

static uintptr_t side_map(void *vm, uintptr_t hint, size_t size, int prot)
{
	long result = tulou_mmap(vm, hint, size, prot, TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS | TULOU_MAP_NORESERVE, -1, 0);

	if (result < 0)
		bench_die("tulou_mmap", result);
	return (uintptr_t)result;
}

static void side_unmap(void *vm, uintptr_t start, size_t size)
{
	long result = tulou_munmap(vm, start, size);

	if (result < 0)
		bench_die("tulou_munmap", result);
}

static void side_protect(void *vm, uintptr_t start, size_t size, int prot)
{
	long result = tulou_mprotect(vm, start, size, prot);

	if (result < 0)
		bench_die("tulou_mprotect", result);
}

static uintptr_t side_grow(void *vm, uintptr_t start, size_t size, size_t new_size)
{
	long result = tulou_mremap(vm, start, size, new_size, TULOU_MREMAP_MAYMOVE, 0);

	if (result < 0)
		bench_die("tulou_mremap", result);
	return (uintptr_t)result;
}

static bool side_find(void *vm, uintptr_t page)
{
	return tulou_access_ok(vm, page, 1, TULOU_PROT_NONE);
}

const struct side tulou_side = {
	.map = side_map, .unmap = side_unmap, .protect = side_protect, .grow = side_grow, .find = side_find};
