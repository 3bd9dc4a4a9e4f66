/* SPDX-License-Identifier: MIT */
/*
 * catch_up.c - a process learns what happened to its memory while it was not looking, see process_vm.h.
 *
 *     stale          others have taken what was free in its chunks (neighbours.h): the map gets the marks of the chunks that are left
 *     interrupted    a task died in a call, and others of the process live: interrupted.c
 *
 * Noted step by step: no step takes more than one chunk, tile or bond.
 */
#include "interrupted.h"

/* What the host would not take back, as a whole. */
static void limbo_note(struct tulou_process_vm *limbo, const struct chunk *chunk)
{
	struct area_content is = {.flags = TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS, .kind = TULOU_AREA_LIMBO};
	uint32_t number = process_vm_number(limbo, &is, chunk->range.start);

	step_set(&limbo->map, page_number(chunk->range.start), page_number(chunk->range.end), number, STEP_MARK_CLOSED);
	process_vm_gained(limbo, number, range_size(chunk->range));
}

/* What the map does not know of a chunk of the process: that it begins here, or has been extended. */
static void chunk_note(struct tulou_process_vm *vm, const struct chunk *chunk)
{
	struct step_tile tile = {.end = page_number(chunk->range.start)};

	if (vm == vm->pool->limbo && !step_begins_chunk(&vm->map, tile.end)) {
		limbo_note(vm, chunk);
		return;
	}
	while (tile.end < page_number(chunk->range.end)) {
		uint64_t page = tile.end, end;
		bool first = page == page_number(chunk->range.start);

		tile = step_tile_at(&vm->map, page);
		end = size_min(tile.end, page_number(chunk->range.end));
		if (first && !(tile.first && tile.page == page))
			step_set(&vm->map, page, end, tile.value ? tile.value : STEP_KEPT,
				chunk->open ? STEP_MARK : STEP_MARK_CLOSED);
		else if (tile.value == STEP_NONE)
			step_set(&vm->map, page, end, STEP_KEPT, chunk->open ? STEP_UNMARK : STEP_UNMARK_CLOSED);
		if (!vm->interrupted)
			return;
		tile.end = end;
	}
}

static void stale_end(struct tulou_process_vm *vm)
{
	const struct chunk *heap = manager_chunk_above_locked(&vm->pool->manager, vm->heap_start);

	journal_set(vm->stock.journal, &vm->stale.end, 0);
	if (heap && !range_is_empty(vm->heap_room) && heap->process == vm && heap->range.start == vm->heap_start)
		vm->heap_room.end = size_min(vm->heap_room.end, heap->range.end);
	else
		vm->heap_room.end = vm->heap_room.start;
	if (vm->warm && !step_begins_chunk(&vm->map, page_number(vm->warm)))
		vm->warm = 0;
}

/* The map has a mark for each chunk of the process in the stale range, and nothing between them. */
static bool map_catch_up(struct tulou_process_vm *vm)
{
	struct vm_manager *manager = &vm->pool->manager;
	uintptr_t at, end;
	bool done = true;

	manager_lock(manager, &vm->stock);
	at = vm->stale.start;
	end = vm->stale.end;
	while (at < end && (done = step_map_reserve(&vm->map, 3) && content_reserve(&vm->contents, 1))) {
		struct chunk *chunk = manager_chunk_above_locked(manager, at);
		uintptr_t next = chunk ? (chunk->range.start > at ? chunk->range.start : chunk->range.end) : end;

		if (!chunk || chunk->range.start > at || chunk->process != vm)
			next = page_address(
				step_set(&vm->map, page_number(at), page_number(size_min(next, end)), STEP_NONE, STEP_UNMARK));
		else if (at == chunk->range.start)
			chunk_note(vm, chunk);
		process_vm_step(vm);
		at = next;
	}
	if (done)
		stale_end(vm);
	manager_unlock(manager, &vm->stock);
	return done;
}

/* Who cut a chunk, or made one, may have died before it gave back what stayed empty. */
bool process_vm_catch_up(struct tulou_process_vm *vm)
{
	bool interrupted = vm->interrupted;
	struct step_tile tile;
	struct range stale;

	if (interrupted)
		interrupted_begin(vm);
	stale = vm->stale;
	if (!map_catch_up(vm))
		return false;
	vm->interrupted = false;
	if (interrupted)
		interrupted_end(vm);
	for (tile.end = page_number(stale.start); tile.end < page_number(stale.end);) {
		tile = step_tile_at(&vm->map, tile.end);
		if (interrupted)
			interrupted_visit(vm, &tile);
		if (tile.first && (interrupted || tile.value < STEP_AREA))
			process_vm_settle(vm, page_address(tile.page), true);
	}
	return true;
}

void process_vm_stale(struct tulou_process_vm *vm, struct range range, struct stock *stock)
{
	struct range stale =
		vm->stale.end ? range_between(size_min(vm->stale.start, range.start), size_max(vm->stale.end, range.end)) : range;

	journal_set(stock->journal, &vm->stale.start, stale.start);
	journal_set(stock->journal, &vm->stale.end, stale.end);
}
