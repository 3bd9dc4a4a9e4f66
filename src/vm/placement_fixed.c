/* SPDX-License-Identifier: MIT */
/*
 * placement_fixed.c - places that the caller chose, see placement.h.
 *
 *     range            [                                   )
 *     before     | AAAA      AA  |            | ··   |          own chunks, pool space between and behind, a neighbour's room
 *     chunks     | AAAA      AA  |            |·|    |          first all of it is the process's: new chunks, cut ones
 *     after      | AAAAppppppAApp|pppppppppppp|p|              then the holes are booked (p)
 *
 * Chunks that were made for nothing, because a later part of the range could not be had, are empty and go back. What lies inside one
 * own chunk, and not at its edges, needs no lock but the process's.
 */
#include "neighbours.h"
#include "placement.h"

struct fill {
	struct tulou_process_vm *vm;
	struct range range;
	struct area_content content;
	bool around; /* areas of the process in the range are welcome */
	bool bordered; /* the border is held */
};

enum { FILL_DONE, FILL_NEIGHBOUR = 1 }; /* beside negative errors */

/* A chunk in the pool's free space around the start of `hole`. */
static bool chunk_around_locked(struct fill *fill, struct range hole)
{
	struct tulou_process_vm *vm = fill->vm;
	struct vm_manager *manager = &vm->pool->manager;
	size_t chunk_size = vm->pool->chunk_size;
	struct range slot = hole;
	bool small = range_size(hole) <= chunk_size / 2;
	struct chunk *chunk;

	if (small) {
		slot.start = align_down(hole.start, chunk_size);
		slot.end = slot.start + chunk_size;
		slot = range_cut(slot, free_space_above(&manager->free, hole.start)->range);
	}
	chunk = manager_chunk_create_locked(manager, slot, 0, !small, false, &vm->chunks, &vm->stock);
	if (chunk)
		process_vm_chunk_add(vm, chunk);
	manager_step_locked(manager);
	return chunk;
}

/* Nobody's part of the range, from `at` on, or a neighbour's. */
static int claim_locked(struct fill *fill, uintptr_t at, uintptr_t end)
{
	const struct chunk *chunk = manager_chunk_above_locked(&fill->vm->pool->manager, at);

	if (chunk && chunk->range.start <= at)
		return FILL_NEIGHBOUR;
	if (chunk && chunk->range.start < end)
		end = chunk->range.start;
	return chunk_around_locked(fill, range_between(at, end)) ? 0 : -TULOU_ENOMEM;
}

/* Have all of the range in own chunks, and no area in the way. The manager is locked, but not while memory is taken. */
static int claim_all_locked(struct fill *fill, uintptr_t *stop)
{
	struct tulou_process_vm *vm = fill->vm;
	uintptr_t at = fill->range.start;
	int error;

	while (at < fill->range.end) {
		struct step_tile tile;

		if (!process_vm_reserve(vm))
			return -TULOU_ENOMEM;
		tile = step_tile_at(&vm->map, page_number(at));
		*stop = at;
		if (tile.value == STEP_NONE) {
			error = claim_locked(fill, at, size_min(page_address(tile.end), fill->range.end));
			if (error)
				return error;
			continue;
		}
		if (tile.value >= STEP_AREA && !fill->around)
			return -TULOU_EEXIST;
		if (tile.value == STEP_GAP)
			return -TULOU_ENOMEM;
		at = page_address(tile.end);
	}
	return FILL_DONE;
}

/* Whoever takes a page at a chunk's edge says so, before neighbours may look. */
static void edges_note_locked(struct fill *fill)
{
	struct vm_manager *manager = &fill->vm->pool->manager;
	struct tree_node *node = &manager_chunk_above_locked(manager, fill->range.start)->node;

	for (; node && to_chunk(node)->range.start < fill->range.end; node = tree_next(node)) {
		struct chunk *chunk = to_chunk(node);

		if (chunk->range.start >= fill->range.start)
			journal_set(fill->vm->stock.journal, &chunk->head_used, true);
		if (chunk->range.end <= fill->range.end)
			journal_set(fill->vm->stock.journal, &chunk->tail_used, true);
	}
}

/* How many holes there are to be booked: each is a change of the map. */
static unsigned holes_count(struct fill *fill)
{
	struct step_tile tile = {.end = page_number(fill->range.start)};
	unsigned holes = 0;

	while (tile.end < page_number(fill->range.end)) {
		tile = step_tile_at(&fill->vm->map, tile.end);
		holes += tile.value < STEP_AREA;
	}
	return holes;
}

/* Who dies alone in the middle is followed by others who catch up: that holes are booked and edges noted is no half change. */
static void book_holes(struct fill *fill)
{
	struct tulou_process_vm *vm = fill->vm;
	uint32_t number = process_vm_number(vm, &fill->content, fill->range.start);
	uintptr_t at = fill->range.start;

	while (at < fill->range.end) {
		struct step_tile tile = step_tile_at(&vm->map, page_number(at));
		struct range part = range_cut(tile_range(&tile), range_between(at, fill->range.end));

		at = part.end;
		while (tile.value < STEP_AREA && part.start < part.end) {
			part.start = process_vm_put(vm, part, number);
			process_vm_step(vm);
		}
	}
}

/* The manager is locked, all of the range lies in own chunks. */
static int commit_locked(struct fill *fill)
{
	struct tulou_process_vm *vm = fill->vm;
	struct vm_manager *manager = &vm->pool->manager;

	if (manager_is_others_locked(manager, vm, fill->range.start - 1) ||
		manager_is_others_locked(manager, vm, fill->range.end))
		return -TULOU_ENOMEM;
	if (!step_map_reserve(&vm->map, holes_count(fill) + 2) || !content_reserve(&vm->contents, 2))
		return -TULOU_ENOMEM;
	edges_note_locked(fill);
	book_holes(fill);
	return 0;
}

/* Give back the chunks in the range that are empty. */
static void chunks_forsake(struct fill *fill)
{
	struct step_tile tile = {.end = page_number(fill->range.start)};

	while (tile.end < page_number(fill->range.end)) {
		tile = step_tile_at(&fill->vm->map, tile.end);
		if (tile.value == STEP_FREE || tile.value == STEP_KEPT)
			process_vm_settle(fill->vm, page_address(tile.page), true);
	}
}

static int neighbour_claim(struct fill *fill, uintptr_t at)
{
	struct tulou_process_vm *vm = fill->vm;
	struct range part = range_between(at, fill->range.end);
	const struct chunk *chunk;
	int error;

	if (!fill->bordered) {
		fill->bordered = border_enter(vm);
		if (!fill->bordered)
			return -TULOU_ENOMEM;
	}
	manager_lock(&vm->pool->manager, &vm->stock);
	chunk = manager_chunk_above_locked(&vm->pool->manager, at);
	if (chunk && chunk->process != vm && chunk->range.start <= at)
		part = range_cut(part, chunk->range);
	else
		part.end = at;
	manager_unlock(&vm->pool->manager, &vm->stock);
	/* It may have gone meanwhile: look again. */
	if (range_is_empty(part))
		return 0;
	error = neighbour_release_range(vm, part);
	return error == -TULOU_EEXIST && fill->around ? -TULOU_ENOMEM : error;
}

static int fill_run(struct fill *fill)
{
	struct vm_manager *manager = &fill->vm->pool->manager;
	uintptr_t stop = fill->range.start;
	int error;

	do {
		manager_lock(manager, &fill->vm->stock);
		error = claim_all_locked(fill, &stop);
		if (error == FILL_DONE)
			error = commit_locked(fill);
		manager_unlock(manager, &fill->vm->stock);
	} while (error == FILL_NEIGHBOUR && !(error = neighbour_claim(fill, stop)) && (error = FILL_NEIGHBOUR));
	if (fill->bordered)
		border_leave(fill->vm);
	if (error)
		chunks_forsake(fill);
	return error;
}

int place_around(struct tulou_process_vm *vm, struct range range)
{
	struct area_content pending = {
		.flags = TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS,
		.kind = TULOU_AREA_RESERVED,
		.pending = true,
	};
	struct fill fill = {vm, range, pending, true, false};

	return process_vm_covers(vm, range) ? 0 : fill_run(&fill);
}

/* In the middle of what is free in one chunk. */
static bool place_inside(struct tulou_process_vm *vm, struct range range, struct area_content content)
{
	struct step_tile tile = step_tile_at(&vm->map, page_number(range.start));
	uint64_t end = page_number(range.end);

	if ((tile.value != STEP_FREE && tile.value != STEP_KEPT) || (tile.first && tile.page == page_number(range.start)) ||
		tile.end < end || (tile.end == end && step_ends_chunk(&vm->map)))
		return false;
	process_vm_put(vm, range, process_vm_number(vm, &content, range.start));
	return true;
}

int place_fixed(struct tulou_process_vm *vm, struct range range, struct area_content content)
{
	struct fill fill = {vm, range, content, false, false};

	return place_inside(vm, range, content) ? 0 : fill_run(&fill);
}

/* Make the chunk reach up to `end`: what it has from `from` on is free, and so is the pool behind it. */
static bool chunk_reach_locked(struct tulou_process_vm *vm, uintptr_t from, uintptr_t end)
{
	struct vm_manager *manager = &vm->pool->manager;
	struct chunk *chunk = manager_chunk_above_locked(manager, from - 1);
	uintptr_t old;

	if (chunk && chunk->range.end == from && !range_is_empty(vm->heap_room) && from == vm->heap_start)
		chunk = manager_chunk_above_locked(manager, from);
	if (!chunk || chunk->process != vm || chunk->range.start > from || end <= chunk->range.end)
		return chunk && chunk->process == vm && chunk->range.start <= from;
	old = chunk->range.end;
	if (from < old && step_tile_at(&vm->map, page_number(from)).end < page_number(old))
		return false;
	if (!manager_chunk_extend_locked(manager, chunk, end, &vm->stock))
		return false;
	journal_set(vm->stock.journal, &chunk->tail_used, false);
	if (old == vm->heap_room.end)
		vm->heap_room.end = end;
	step_extend(&vm->map, page_number(old), page_number(end), chunk->open);
	return true;
}

static bool range_is_room(struct tulou_process_vm *vm, struct range range)
{
	struct step_tile tile = {.end = page_number(range.start)};

	while (tile.end < page_number(range.end)) {
		tile = step_tile_at(&vm->map, tile.end);
		if (tile.value != STEP_FREE && tile.value != STEP_KEPT)
			return false;
	}
	return true;
}

/* At its start (an empty heap grows) another process may have taken the page below, and beyond its end is the pool: both are the
 * manager's. The chunk's last page stays free. */
bool place_behind(struct tulou_process_vm *vm, struct range range, struct area_content content)
{
	struct vm_manager *manager = &vm->pool->manager;
	struct fill fill = {vm, range, content, false, false};
	uintptr_t end = range.end + PAGE_SIZE;
	bool placed;

	if (end < range.end || place_inside(vm, range, content))
		return end > range.end;
	manager_lock(manager, &vm->stock);
	placed = chunk_reach_locked(vm, range.start, end) && range_is_room(vm, range) && !commit_locked(&fill);
	manager_unlock(manager, &vm->stock);
	return placed;
}
