/* SPDX-License-Identifier: MIT */
/*
 * clear.c - give back all that a process has.
 *
 *     chunks    |AAAA..BB|  |CCC |        one call of the host for each, over all of it: nobody else has a page there
 *
 * What the map says is not even looked at, unless the host refuses: then it is asked area by area, and what it keeps goes to limbo.
 */
#include "process_vm.h"
#include "shm_manager.h"

static bool chunk_has_pages(struct tulou_process_vm *vm, struct range range)
{
	struct range stretch;
	struct area_seen first;

	while (process_vm_stretch(vm, range, &stretch, &first)) {
		if (content_is_at_host(first.content))
			return true;
		range.start = stretch.end;
	}
	return false;
}

/* The part of the chunk that begins at `at`; the chunk itself if no memory can be had to cut it. */
static struct chunk *chunk_cut(struct tulou_process_vm *vm, struct chunk *chunk, uintptr_t at)
{
	struct chunk *upper = NULL;

	if (at > chunk->range.start && at < chunk->range.end)
		upper = manager_chunk_split_locked(&vm->pool->manager, chunk, at, &vm->stock);
	manager_step_locked(&vm->pool->manager);
	return upper ? upper : chunk;
}

/* What the host refuses of the chunk goes to limbo, the rest back to the pool. */
static void chunk_refused(struct tulou_process_vm *vm, struct chunk *chunk)
{
	const struct tulou_host *host = vm->pool->host;
	struct vm_manager *manager = &vm->pool->manager;
	struct range rest = chunk->range, stretch;
	struct area_seen first;

	while (process_vm_stretch(vm, rest, &stretch, &first)) {
		struct chunk *upper;

		rest.start = stretch.end;
		if (!content_is_at_host(first.content) || !host->unmap(host->ctx, stretch.start, range_size(stretch)))
			continue;
		stock_reserve(&vm->stock, RECORDS_PER_CALL);
		manager_lock(manager, &vm->stock);
		upper = chunk_cut(vm, chunk, stretch.start);
		if (upper != chunk)
			manager_chunk_destroy_locked(manager, chunk, &vm->stock);
		manager_step_locked(manager);
		chunk = chunk_cut(vm, upper, stretch.end);
		limbo_take_locked(vm->pool, upper, &vm->stock);
		manager_unlock(manager, &vm->stock);
		if (chunk == upper)
			return;
	}
	manager_lock(manager, &vm->stock);
	manager_chunk_destroy_locked(manager, chunk, &vm->stock);
	manager_unlock(manager, &vm->stock);
}

void limbo_take(struct tulou_process_vm *vm, struct range range)
{
	struct vm_manager *manager = &vm->pool->manager;

	while (range.start < range.end && process_vm_reserve(vm)) {
		struct chunk *chunk, *upper;

		manager_lock(manager, &vm->stock);
		chunk = manager_chunk_above_locked(manager, range.start);
		process_vm_stale(vm, range_between(chunk->range.start, chunk->range.end + PAGE_SIZE), &vm->stock);
		upper = chunk_cut(vm, chunk, range.start);
		if (upper->range.start == range.start &&
			(range.end >= upper->range.end || chunk_cut(vm, upper, range.end) != upper))
			limbo_take_locked(vm->pool, upper, &vm->stock);
		range.start = upper->range.end;
		manager_unlock(manager, &vm->stock);
		process_vm_catch_up(vm);
	}
}

static void chunk_clear(struct tulou_process_vm *vm, struct chunk *chunk)
{
	const struct tulou_host *host = vm->pool->host;
	struct vm_manager *manager = &vm->pool->manager;

	if (chunk_has_pages(vm, chunk->range) && host->unmap(host->ctx, chunk->range.start, range_size(chunk->range))) {
		chunk_refused(vm, chunk);
		return;
	}
	manager_lock(manager, &vm->stock);
	manager_chunk_destroy_locked(manager, chunk, &vm->stock);
	manager_unlock(manager, &vm->stock);
}

void process_vm_clear(struct tulou_process_vm *vm)
{
	void (*lost)(struct step_map * map, uint32_t value, uint64_t pages) = vm->map.lost;

	while (!list_is_empty(&vm->chunks)) {
		chunk_clear(vm, link_chunk(vm->chunks.next));
		stock_limit(&vm->stock);
	}
	/* Also what a call holds that was copied in the middle of its wait for the border (fork.c), and will not go on. */
	shm_forsake(&vm->stock);
	shm_bonds_init(&vm->bonds, &vm->guard.journal);
	nooks_forget(vm);
	arena_fini(&vm->arena);
	step_map_init(&vm->map, &vm->arena, &vm->root, lost);
	content_init(&vm->contents, &vm->arena);
	vm->usage = (struct usage){.total = 0};
	vm->stale = vm->heap_room = range_between(0, 0);
	vm->heap_start = vm->brk = vm->warm = 0;
}
