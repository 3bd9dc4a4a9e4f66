/* SPDX-License-Identifier: MIT */
/* neighbours.c - see neighbours.h. */
#include "neighbours.h"
#include "step_peek.h"

/* Of a smaller gap all is given to the pool, of a larger one half: whoever wants room once will soon want more. */
enum { TAKE_ALL_PAGES = 256 };

bool border_enter(struct tulou_process_vm *vm)
{
	struct tulou *pool = vm->pool;

	__atomic_store_n(&vm->parked, true, __ATOMIC_SEQ_CST);
	if (unlikely(lock_is_contended(&vm->guard.lock)))
		pool->host->wake(pool->host->ctx, &vm->guard.lock.word, INT32_MAX);
	guard_take(&pool->border, pool->host, vm->stock.self, vm->journal);
	__atomic_store_n(&vm->parked, false, __ATOMIC_SEQ_CST);
	vm->map.at.leaf = NULL; /* who looked meanwhile may have died while he moved it */
	if (likely(process_vm_catch_up(vm)))
		return true;
	border_leave(vm);
	return false;
}

void border_leave(struct tulou_process_vm *vm)
{
	guard_drop(&vm->pool->border, vm->pool->host);
}

/* Never waits for one who lives while it can be seen parked: that one may wait for the border. */
void neighbour_hold(struct tulou_process_vm *other, uint32_t self, bool *locked)
{
	const struct tulou_host *host = other->pool->host;
	struct lock *lock = &other->guard.lock;
	uint32_t mark = 0, seen;

	for (;;) {
		enum lock_result how = lock_take_now(lock, host, self, mark, &seen);

		*locked = how != LOCK_HELD;
		if (*locked)
			process_vm_locked(other, self, guard_taken(&other->guard, how, self));
		if (*locked || __atomic_load_n(&other->parked, __ATOMIC_SEQ_CST))
			return;
		mark = LOCK_CONTENDED;
		lock_await(lock, host, seen);
	}
}

void neighbour_release(struct tulou_process_vm *other, bool locked)
{
	if (locked)
		process_vm_unlock(other);
}

/* ---- looking at a neighbour that stands still ------------------------------------------------------------------------------ */

static struct step_tile tile_of(const struct tulou_process_vm *other, uintptr_t addr)
{
	struct step_tile tile = {.value = STEP_NONE};

	step_peek(&other->map, page_number(addr), step_peek_begin(&other->map), &tile);
	return tile;
}

static bool others_page(const struct tulou_process_vm *other, uintptr_t addr)
{
	return tile_of(other, addr).value >= STEP_AREA;
}

/* ---- the cut ------------------------------------------------------------------------------------------------------------- */

/* The part of the chunk from `at` on, as a chunk of its own; the chunk itself if it begins there. */
static struct chunk *cut_at(struct tulou_process_vm *vm, struct chunk *chunk, uintptr_t at)
{
	struct tulou_process_vm *other = chunk->process;
	struct chunk *upper;

	if (chunk->range.start == at)
		return chunk;
	upper = manager_chunk_split_locked(&vm->pool->manager, chunk, at, &vm->stock);
	if (!upper)
		return NULL;
	journal_set(vm->stock.journal, &chunk->tail_used, others_page(other, at - PAGE_SIZE));
	journal_set(vm->stock.journal, &upper->head_used, others_page(other, at));
	process_vm_stale(other, range_between(at, at + PAGE_SIZE), &vm->stock);
	manager_step_locked(&vm->pool->manager);
	return upper;
}

/* What is left of the neighbour's chunk at `addr` goes back to the pool if it is empty. */
static void rest_forsake_locked(struct tulou_process_vm *vm, const struct tulou_process_vm *other, uintptr_t addr)
{
	struct vm_manager *manager = &vm->pool->manager;
	struct chunk *chunk = manager_chunk_above_locked(manager, addr);
	uintptr_t at;

	if (!chunk || chunk->process != other || !range_contains(chunk->range, addr) || chunk->range.start == other->heap_start)
		return;
	for (at = chunk->range.start; at < chunk->range.end; at = page_address(tile_of(other, at).end))
		if (others_page(other, at))
			return;
	process_vm_stale(chunk->process, chunk->range, &vm->stock);
	manager_chunk_destroy_locked(manager, chunk, &vm->stock);
	manager_step_locked(manager);
}

/* Give `range` of the neighbour's, which is free, to the pool. False: no memory. */
static bool part_release(struct tulou_process_vm *vm, struct tulou_process_vm *other, struct range range)
{
	struct vm_manager *manager = &vm->pool->manager;
	struct chunk *chunk;

	if (!process_vm_reserve(vm))
		return false;
	manager_lock(manager, &vm->stock);
	chunk = cut_at(vm, manager_chunk_above_locked(manager, range.start), range.start);
	if (chunk && range.end < chunk->range.end && !cut_at(vm, chunk, range.end))
		chunk = NULL;
	rest_forsake_locked(vm, other, range.start - PAGE_SIZE);
	rest_forsake_locked(vm, other, range.end);
	if (chunk) {
		process_vm_stale(other, chunk->range, &vm->stock);
		manager_chunk_destroy_locked(manager, chunk, &vm->stock);
	} else { /* cut on one side only */
		rest_forsake_locked(vm, other, range.start);
	}
	manager_unlock(manager, &vm->stock);
	return chunk;
}

/* All of the range is room: 0; -EEXIST or -ENOMEM. */
static int room_check(const struct tulou_process_vm *other, struct range range)
{
	while (range.start < range.end) {
		struct step_tile tile = tile_of(other, range.start);

		if (tile.value >= STEP_AREA)
			return -TULOU_EEXIST;
		if (tile.value == STEP_GAP || tile.value == STEP_NONE)
			return -TULOU_ENOMEM;
		range.start = page_address(tile.end);
	}
	return 0;
}

int neighbour_release_range(struct tulou_process_vm *vm, struct range range)
{
	struct vm_manager *manager = &vm->pool->manager;
	struct tulou_process_vm *other;
	bool locked;
	int error;

	manager_lock(manager, &vm->stock);
	other = manager_chunk_above_locked(manager, range.start)->process;
	manager_unlock(manager, &vm->stock);
	neighbour_hold(other, vm->stock.self, &locked);
	error = other->torn ? -TULOU_ENOMEM : other == vm->pool->limbo ? -TULOU_EEXIST : room_check(other, range);
	if (!error && !part_release(vm, other, range))
		error = -TULOU_ENOMEM;
	neighbour_release(other, locked);
	return error;
}

/* ---- a place anywhere ------------------------------------------------------------------------------------------------------- */

struct want {
	size_t size, align;
	struct range window;
	uint32_t value; /* what kind of room: STEP_FREE or STEP_KEPT */
};

/* A place in one tile of the neighbour's: a page is left below it where that may be in use, and one above. */
static bool tile_fits(const struct want *want, const struct step_tile *tile, bool below_used, struct range *part)
{
	struct range room = range_cut(tile_range(tile), want->window);
	uintptr_t start =
		align_up(room.start + (below_used && room.start == page_address(tile->page) ? PAGE_SIZE : 0), want->align);

	if (start < room.start || start >= room.end || room.end - start <= want->size)
		return false;
	part->start = start;
	part->end = page_address(tile->end);
	if (part->end - start > TAKE_ALL_PAGES * PAGE_SIZE)
		part->end = start + size_max(want->size + PAGE_SIZE, align_down((part->end - start) / 2, PAGE_SIZE));
	return true;
}

static bool room_find(struct tulou_process_vm *vm, const struct tulou_process_vm *other, struct range chunk,
	const struct want *want, struct range *part)
{
	struct vm_manager *manager = &vm->pool->manager;
	uintptr_t at = chunk.start;

	while (at < chunk.end && at < want->window.end) {
		struct step_tile tile = tile_of(other, at);
		bool below_used = at > chunk.start;

		tile.page = page_number(at);
		tile.end = size_min(tile.end, page_number(chunk.end)); /* the map may not know of a cut yet */

		if (tile.value == want->value && page_address(tile.end) > want->window.start) {
			if (!below_used) {
				manager_lock(manager, &vm->stock);
				below_used = manager_is_others_locked(manager, vm, at - PAGE_SIZE);
				manager_unlock(manager, &vm->stock);
			}
			if (tile_fits(want, &tile, below_used, part))
				return true;
		}
		at = page_address(tile.end);
	}
	return false;
}

/* The lowest chunk above `at` in the window, with another owner. */
static struct tulou_process_vm *next_neighbour(
	struct tulou_process_vm *vm, uintptr_t at, const struct want *want, struct range *chunk)
{
	struct vm_manager *manager = &vm->pool->manager;
	struct tulou_process_vm *other = NULL;
	struct chunk *found;

	manager_lock(manager, &vm->stock);
	found = manager_chunk_above_locked(manager, at);
	while (found && (found->process == vm || found->process == vm->pool->limbo))
		found = to_chunk(tree_next(&found->node));
	if (found && found->range.start < want->window.end) {
		other = found->process;
		*chunk = found->range;
	}
	manager_unlock(manager, &vm->stock);
	return other;
}

static bool room_release(struct tulou_process_vm *vm, const struct want *want)
{
	struct range chunk = {0, want->window.start}, part;
	struct tulou_process_vm *other;
	bool released = false;

	while (!released && (other = next_neighbour(vm, chunk.end, want, &chunk))) {
		bool locked;

		neighbour_hold(other, vm->stock.self, &locked);
		released = !other->torn && room_find(vm, other, chunk, want, &part) && part_release(vm, other, part);
		neighbour_release(other, locked);
	}
	return released;
}

bool neighbours_make_room(struct tulou_process_vm *vm, size_t size, size_t align, struct range window)
{
	struct want want = {size, align, window, STEP_FREE};
	bool released;

	if (!border_enter(vm))
		return false;
	released = room_release(vm, &want);
	want.value = STEP_KEPT;
	released = released || room_release(vm, &want);
	border_leave(vm);
	return released;
}
