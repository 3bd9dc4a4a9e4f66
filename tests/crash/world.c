/* SPDX-License-Identifier: MIT */
/* world.c - see world.h. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "step.h"

struct world world;
void (*world_waits)(void);

/* ---- the host ------------------------------------------------------------------------------------------------------------ */

enum { BLOCKS = 64 };

static struct block {
	void *start;
	size_t size;
} blocks[BLOCKS];

static const struct tulou_host *inner;
static unsigned callbacks; /* made so far */

/* A wrapper: the callback happens at once. */
#define WRAP(type, name, parameters, ...) \
	static type wrap_##name parameters \
	{ \
		bool on = step_off(); \
		type result = inner->name(__VA_ARGS__); \
\
		callbacks++; \
		step_on(on); \
		return result; \
	}
#define WRAP_VOID(name, parameters, ...) \
	static void wrap_##name parameters \
	{ \
		bool on = step_off(); \
\
		inner->name(__VA_ARGS__); \
		callbacks++; \
		step_on(on); \
	}

WRAP(int, map, (void *ctx, const struct tulou_mapping *m), ctx, m)
WRAP(int, unmap, (void *ctx, uintptr_t start, size_t size), ctx, start, size)
WRAP(int, protect, (void *ctx, uintptr_t start, size_t size, int prot), ctx, start, size, prot)
WRAP(int, grow, (void *ctx, uintptr_t start, size_t size, size_t new_size), ctx, start, size, new_size)
WRAP(int, move, (void *ctx, uintptr_t start, size_t size, uintptr_t new_start, size_t new_size, bool keep), ctx, start, size,
	new_start, new_size, keep)
WRAP(int, advise, (void *ctx, uintptr_t start, size_t size, int advice), ctx, start, size, advice)
WRAP(int, sync, (void *ctx, uintptr_t start, size_t size, int flags), ctx, start, size, flags)
WRAP(int, lock, (void *ctx, uintptr_t start, size_t size, enum tulou_lock how), ctx, start, size, how)
WRAP(int, file_get, (void *ctx, int fd, bool shared, struct tulou_file *out), ctx, fd, shared, out)
WRAP_VOID(file_put, (void *ctx, const struct tulou_file *file), ctx, file)
WRAP(uint32_t, self, (void *ctx), ctx)
WRAP(bool, alive, (void *ctx, uint32_t owner), ctx, owner)
static void wrap_wait(void *ctx, uint32_t *word, uint32_t seen)
{
	bool on = step_off();

	if (world_waits)
		world_waits();
	else
		inner->wait(ctx, word, seen);
	callbacks++;
	step_on(on);
}
WRAP_VOID(wake, (void *ctx, uint32_t *word, unsigned count), ctx, word, count)

static void *wrap_books_map(void *ctx, size_t size)
{
	bool on = step_off();
	void *start = inner->books_map(ctx, size);

	for (unsigned i = 0; start && i < BLOCKS; i++)
		if (!blocks[i].start) {
			blocks[i] = (struct block){start, size};
			break;
		}
	callbacks++;
	step_on(on);
	return start;
}

static void wrap_books_unmap(void *ctx, void *start, size_t size)
{
	bool on = step_off();

	/* Once more is no error (host.h): the sim would not know that it is the same. */
	for (unsigned i = 0; i < BLOCKS; i++)
		if (blocks[i].start == start) {
			inner->books_unmap(ctx, start, size);
			blocks[i].start = NULL;
			break;
		}
	callbacks++;
	step_on(on);
}

/* ---- the world ----------------------------------------------------------------------------------------------------------- */

void world_open(void)
{
	const struct tulou_config config = {
		.start = POOL_START, .end = POOL_START + POOL_PAGES * PAGE, .chunk_size = CHUNK_PAGES * PAGE};

	world.sim = sim_create(config.start, config.end);
	inner = sim_host(world.sim);
	world.host = *inner;
	world.host.books_map = wrap_books_map;
	world.host.books_unmap = wrap_books_unmap;
	world.host.map = wrap_map;
	world.host.unmap = wrap_unmap;
	world.host.protect = wrap_protect;
	world.host.grow = wrap_grow;
	world.host.move = wrap_move;
	world.host.advise = wrap_advise;
	world.host.sync = wrap_sync;
	world.host.lock = wrap_lock;
	world.host.file_get = wrap_file_get;
	world.host.file_put = wrap_file_put;
	world.host.self = wrap_self;
	world.host.alive = wrap_alive;
	world.host.wait = wrap_wait;
	world.host.wake = wrap_wake;
	world.file = sim_file_create(world.sim, 64 * PAGE);
	if (tulou_create(&world.pool, &world.host, &config) || tulou_process_vm_create(world.pool, 1, &world.a) ||
		tulou_process_vm_create(world.pool, 2, &world.b))
		abort();
	world_watch();
}

void world_watch(void)
{
	world.watched[0] = world.a;
	world.watched[1] = world.b;
	for (unsigned i = 0; i < 2; i++)
		world.journals[i] = world.watched[i]->journal;
}

/* A callback counts as a change: the host's side has changed then. */
uint64_t world_hash(void)
{
	uint64_t sum[4] = {callbacks, (uintptr_t)world.a, (uintptr_t)world.b << 1, (uintptr_t)world.extra << 2};

	for (unsigned i = 0; i < BLOCKS; i++)
		for (size_t word = 0; blocks[i].start && word < blocks[i].size / 8; word += 4)
			for (unsigned lane = 0; lane < 4; lane++)
				sum[lane] = (sum[lane] ^ ((const uint64_t *)blocks[i].start)[word + lane]) * 0x9e3779b97f4a7c15ul;
	return sum[0] ^ sum[1] << 1 ^ sum[2] << 2 ^ sum[3] << 3;
}

static unsigned is_of(const struct lock *lock, uint32_t task)
{
	return (__atomic_load_n(&lock->word, __ATOMIC_RELAXED) & LOCK_OWNER) == task;
}

/* Before the list of process VMs is read in earnest: it may be half changed, but only the victim's own is looked at. */
unsigned world_locks_of(uint32_t task)
{
	const struct tulou *pool = world.pool;
	const struct tulou_process_vm *vms[] = {world.watched[0], world.watched[1], pool->limbo};
	unsigned count = is_of(&pool->list_guard.lock, task) + is_of(&pool->manager.guard.lock, task) +
			 is_of(&pool->shm.guard.lock, task) + is_of(&pool->record_slab.guard->lock, task);

	for (unsigned i = 0; i < 3; i++)
		count += is_of(&vms[i]->guard.lock, task);
	return count;
}

unsigned world_noted(void)
{
	const struct journal *journals[] = {
		world.pool->list_journal, world.pool->limbo->journal, world.journals[0], world.journals[1]};
	unsigned count = 0;

	for (unsigned i = 0; i < 4; i++)
		count += journals[i] ? journal_count(journals[i]) : 0;
	return count;
}

const char *world_close(void)
{
	static char what[100];

	tulou_destroy(world.pool);
	if (sim_mapped(world.sim))
		return "pages are mapped after the end";
	if (sim_handles(world.sim) > world.leaks_handle)
		return "references to files are left";
	if (sim_books(world.sim) && !(world.leaks_block && sim_books(world.sim) <= SLAB_BLOCK_SIZE)) {
		snprintf(what, sizeof(what), "%zu bytes of books are left", sim_books(world.sim));
		return what;
	}
	return NULL;
}
