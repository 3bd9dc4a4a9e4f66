/* SPDX-License-Identifier: MIT */
/*
 * flat_host.c - create, the lock, and who calls.
 *
 *     books region   | struct flat | bits ... | free pages ...                |
 *
 * A task that ends while it holds the lock leaves records that nobody can trust: the next one stops. An embedder that ends tasks does it
 * between calls.
 */
#include "flat_internal.h"

/* ---- tasks ----------------------------------------------------------------------------------------------------------------- */

static uint32_t flat_self(void *ctx)
{
	const struct flat *flat = ctx;

	return flat->tasks ? flat->tasks->self(flat->tasks->ctx) : 1;
}

static bool flat_alive(void *ctx, uint32_t owner)
{
	const struct flat *flat = ctx;

	return flat->tasks ? flat->tasks->alive(flat->tasks->ctx, owner) : true;
}

static void flat_wait(void *ctx, uint32_t *word, uint32_t seen)
{
	const struct flat *flat = ctx;

	if (flat->tasks)
		flat->tasks->wait(flat->tasks->ctx, word, seen);
}

static void flat_wake(void *ctx, uint32_t *word, unsigned count)
{
	const struct flat *flat = ctx;

	if (flat->tasks)
		flat->tasks->wake(flat->tasks->ctx, word, count);
}

static __attribute__((noreturn)) void flat_panic(void *ctx, const char *what)
{
	const struct flat *flat = ctx;

	if (flat->tasks)
		flat->tasks->panic(flat->tasks->ctx, what);
	__builtin_trap();
}

struct flat *flat_enter(void *ctx)
{
	struct flat *flat = ctx;

	if (lock_take(&flat->lock, &flat->host, flat_self(flat)) == LOCK_TAKEN_OVER)
		flat_panic(flat, "a task ended inside the flat host");
	return flat;
}

int flat_leave(struct flat *flat, int result)
{
	flat_records_settle(flat);
	lock_drop(&flat->lock, &flat->host);
	return result;
}

/* ---- files ----------------------------------------------------------------------------------------------------------------- */

/* Under the lock as all that is asked of the embedder's files: he need not have one. */
static int flat_file_get(void *ctx, int fd, bool shared, struct tulou_file *out)
{
	struct flat *flat = flat_enter(ctx);

	return flat_leave(flat, flat->files ? flat->files->get(flat->files->ctx, fd, shared, out) : -TULOU_EBADF);
}

static void flat_file_dup(void *ctx, const struct tulou_file *file)
{
	struct flat *flat = flat_enter(ctx);

	flat->files->dup(flat->files->ctx, file);
	flat_leave(flat, 0);
}

static void flat_file_put(void *ctx, const struct tulou_file *file)
{
	struct flat *flat = flat_enter(ctx);

	flat->files->put(flat->files->ctx, file);
	flat_leave(flat, 0);
}

/* ---- create ---------------------------------------------------------------------------------------------------------------- */

static bool flat_region_is_good(const void *start, size_t size)
{
	return start && size && !(((uintptr_t)start | size) % TULOU_PAGE_SIZE) && size <= UINTPTR_MAX - (uintptr_t)start;
}

static bool flat_config_is_good(const struct tulou_flat_config *config)
{
	uintptr_t arena = (uintptr_t)config->arena, books = (uintptr_t)config->books;

	return flat_region_is_good(config->arena, config->arena_size) && flat_region_is_good(config->books, config->books_size) &&
	       (arena + config->arena_size <= books || books + config->books_size <= arena);
}

static const struct tulou_host flat_host = {
	.books_map = flat_books_map,
	.books_unmap = flat_books_unmap,
	.map = flat_map,
	.unmap = flat_unmap,
	.protect = flat_protect,
	.grow = flat_grow,
	.move = flat_move,
	.moves_many = true,
	.zero = flat_blank,
	.advise = flat_advise,
	.sync = flat_sync,
	.file_get = flat_file_get,
	.file_dup = flat_file_dup,
	.file_put = flat_file_put,
	.self = flat_self,
	.alive = flat_alive,
	.wait = flat_wait,
	.wake = flat_wake,
	.panic = flat_panic,
};

int tulou_flat_create(const struct tulou_flat_config *config, const struct tulou_host **out)
{
	struct flat *flat = config->books;
	size_t words = (config->arena_size / TULOU_PAGE_SIZE + 63) / 64, used;

	if (!flat_config_is_good(config))
		return -TULOU_EINVAL;
	used = (sizeof(*flat) + words * sizeof(uint64_t) + TULOU_PAGE_SIZE - 1) & ~(TULOU_PAGE_SIZE - 1);
	if (used > config->books_size)
		return -TULOU_ENOMEM;
	flat_zero(config->books, config->books_size);
	*flat = (struct flat){
		.host = flat_host,
		.files = config->files,
		.tasks = config->tasks,
		.start = (uintptr_t)config->arena,
		.end = (uintptr_t)config->arena + config->arena_size,
		.bits = (uint64_t *)(flat + 1),
		.books_used = config->books_size,
	};
	flat->host.ctx = flat;
	lock_init(&flat->lock);
	flat_extents_init(flat);
	if (used < config->books_size)
		flat_books_give(flat, (char *)config->books + used, config->books_size - used);
	*out = &flat->host;
	return 0;
}

void tulou_flat_usage(const struct tulou_host *host, struct tulou_flat_usage *usage)
{
	struct flat *flat = flat_enter(host->ctx);

	*usage = (struct tulou_flat_usage){
		.mapped = flat->mapped * TULOU_PAGE_SIZE, .books = flat->books_used, .extents = flat->extent_count};
	flat_leave(flat, 0);
}
