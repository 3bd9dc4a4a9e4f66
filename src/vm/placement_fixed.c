/* SPDX-License-Identifier: MIT */
/*
 * placement_fixed.c - places that the caller chose, see placement.h.
 *
 *     range            [                                   )
 *     before     | AAAA      AA  |            | AA   |          chunks with areas of the process, pool space between and behind
 *     after      | AAAAppppppAApp|pppppppppppp|pAAppp|pppp|     the holes booked (p), new chunks where the pool was free
 *
 * The whole walk is done under the manager's lock, so that chunks neither come nor go. First everything is booked, then the
 * neighbours are looked at: whoever books a page next to ours at the same time looks too, under the same chunk lock, and at
 * least one of the two sees the other.
 */
#include "placement.h"

struct fill {
	struct tulou_process_vm *vm;
	struct range range;
	struct area_content content;
	bool around; /* areas of the process in the range are welcome */
};

/* Book one hole inside a chunk. */
static void fill_hole_locked(struct fill *fill, struct chunk *chunk, struct range hole)
{
	struct stock *stock = &fill->vm->stock;
	struct owner *owner = process_vm_owner_get_locked(fill->vm, chunk, stock);

	chunk_insert_locked(owner, hole, area_content_at(fill->content, hole.start - fill->range.start), stock);
	process_vm_room_note_locked(owner);
}

/* Book what is free of `part`, which lies in the chunk. */
static int fill_chunk_locked(struct fill *fill, struct chunk *chunk, struct range part)
{
	if (unlikely(chunk->torn))
		return -TULOU_ENOMEM; /* until the dead process is given back */
	while (part.start < part.end) {
		struct area_record *area = chunk_area_above_locked(chunk, part.start);
		uintptr_t start = area && area->range.start < part.end ? area->range.start : part.end;

		if (start <= part.start) {
			if (!fill->around)
				return -TULOU_EEXIST;
			if (area->owner->process != fill->vm)
				return -TULOU_ENOMEM;
			part.start = area->range.end;
			continue;
		}
		if (!range_covers(chunk_usable(chunk), range_between(part.start, start)))
			return -TULOU_ENOMEM;
		if (!stock_reserve(&fill->vm->stock, RECORDS_PER_CALL))
			return -TULOU_ENOMEM;
		fill_hole_locked(fill, chunk, range_between(part.start, start));
		part.start = start;
	}
	return 0;
}

/* A chunk in the pool's free space around the start of `hole`, locked. */
static struct chunk *chunk_around_locked(struct fill *fill, struct range hole)
{
	struct tulou *pool = fill->vm->pool;
	struct range slot = hole;
	bool small = range_size(hole) <= pool->chunk_size / 2;

	/* Twice: what the first hole in the new chunk needs is paid for too, so that the chunk cannot stay without an owner. */
	if (!stock_reserve(&fill->vm->stock, 2 * RECORDS_PER_CALL))
		return NULL;
	if (small) {
		slot.start = align_down(hole.start, pool->chunk_size);
		slot.end = slot.start + pool->chunk_size;
		slot = range_cut(slot, free_space_above(&pool->manager.free, hole.start)->range);
	}
	return manager_chunk_create_locked(
		&pool->manager, slot, 0, small ? TULOU_CHUNK_MULTI : TULOU_CHUNK_SINGLE, false, &fill->vm->stock);
}

static int fill_range_locked(struct fill *fill)
{
	struct vm_manager *manager = &fill->vm->pool->manager;
	struct stock *stock = &fill->vm->stock;
	struct range rest = fill->range;

	while (rest.start < rest.end) {
		struct chunk *chunk = manager_chunk_above_locked(manager, rest.start);
		int error;

		if (!chunk || chunk->range.start > rest.start) {
			struct range hole = rest;

			if (chunk && chunk->range.start < hole.end)
				hole.end = chunk->range.start;
			chunk = chunk_around_locked(fill, hole);
			if (!chunk)
				return -TULOU_ENOMEM;
		} else {
			chunk_lock(chunk, stock);
		}
		/* The page below is in use from now on. */
		if (chunk->range.start > fill->range.start)
			journal_set(chunk->guard.journal, &chunk->head_guard, true);
		error = fill_chunk_locked(fill, chunk, range_cut(rest, chunk->range));
		chunk_unlock(chunk, stock);
		if (error)
			return error;
		rest.start = chunk->range.end;
	}
	return 0;
}

static bool others_at_locked(struct fill *fill, uintptr_t addr)
{
	struct chunk *chunk = manager_chunk_above_locked(&fill->vm->pool->manager, addr);
	bool others;

	if (!chunk || chunk->range.start > addr)
		return false;
	chunk_lock(chunk, &fill->vm->stock);
	others = chunk_is_others_locked(chunk, fill->vm, addr);
	/* The page below the chunk is in use now: placement shall leave the first page. */
	if (addr == chunk->range.start && addr == fill->range.end)
		journal_set(chunk->guard.journal, &chunk->head_guard, true);
	chunk_unlock(chunk, &fill->vm->stock);
	return others;
}

static int fill_run(struct fill *fill)
{
	struct vm_manager *manager = &fill->vm->pool->manager;
	int error;

	manager_lock(manager, &fill->vm->stock);
	error = fill_range_locked(fill);
	if (!error && (others_at_locked(fill, fill->range.start - 1) || others_at_locked(fill, fill->range.end)))
		error = -TULOU_ENOMEM;
	manager_unlock(manager, &fill->vm->stock);
	return error;
}

int place_around(struct tulou_process_vm *vm, struct range range)
{
	struct area_content pending = {
		.flags = TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS,
		.kind = TULOU_AREA_RESERVED,
		.pending = true,
	};
	struct fill fill = {vm, range, pending, true};
	int error;

	if (process_vm_covers(vm, range))
		return 0;
	error = fill_run(&fill);
	if (error)
		process_vm_remove(vm, range, true);
	return error;
}

int place_fixed(struct tulou_process_vm *vm, struct range range, struct area_content content)
{
	struct fill fill = {vm, range, content, false};
	bool pending = content.pending;
	int error;

	/* Pending first: what has to be undone must not be taken for what was there before. */
	fill.content.pending = true;
	error = fill_run(&fill);
	if (error)
		process_vm_remove(vm, range, true);
	else if (!pending)
		process_vm_replace(vm, range, content);
	return error;
}

/* Make the closed chunk reach up to `end`, if what it has from `from` on is free. */
static bool chunk_reach_locked(struct tulou_process_vm *vm, struct chunk *chunk, uintptr_t from, uintptr_t end)
{
	bool is_free = true;

	if (end <= chunk->range.end)
		return true;
	if (from < chunk->range.end) {
		chunk_lock(chunk, &vm->stock);
		is_free = chunk_is_free_for_locked(chunk, vm, range_between(from, chunk->range.end));
		chunk_unlock(chunk, &vm->stock);
	}
	return is_free && manager_chunk_extend_locked(&vm->pool->manager, chunk, end, &vm->stock);
}

/* Inside the chunk its lock is enough. At its start (an empty heap grows) another process may have taken the page below, and
 * beyond its end is the pool: both are the manager's. */
bool place_behind(struct tulou_process_vm *vm, struct range range, struct area_content content)
{
	struct vm_manager *manager = &vm->pool->manager;
	bool heap_start = vm->heap && range.start == vm->heap_start;
	struct owner *owner = heap_start ? vm->heap : process_vm_owner_above(vm, range.start - 1);
	struct chunk *chunk = owner->chunk;
	struct fill fill = {vm, range, content, false};
	uintptr_t end = range.end + PAGE_SIZE; /* the last page stays free */
	bool inside = chunk->range.start < range.start && end <= chunk->range.end, placed = false;

	if (end < range.end)
		return false;
	if (!inside)
		manager_lock(manager, &vm->stock);
	if (inside || (!others_at_locked(&fill, range.start - 1) && chunk_reach_locked(vm, chunk, range.start, end))) {
		chunk_lock(chunk, &vm->stock);
		placed = chunk_is_free_for_locked(chunk, vm, range);
		if (placed) {
			chunk_insert_locked(owner, range, content, &vm->stock);
			process_vm_room_note_locked(owner);
		}
		chunk_unlock(chunk, &vm->stock);
	}
	if (!inside)
		manager_unlock(manager, &vm->stock);
	return placed;
}
