/* SPDX-License-Identifier: MIT */
/* placement.c - places that the manager chooses, see placement.h. */
#include "placement.h"
#include "neighbours.h"

enum {
	CHUNK_LEAST = 16 * PAGE_SIZE, /* an open chunk */
	CHUNK_AREAS = 2, /* of the size that is asked for, at least */
};

/* At the first page of a chunk: another process may have taken the page below. Then it is not to be found again. False: try again. */
static bool place_at_head(struct tulou_process_vm *vm, struct range range, const struct area_content *content)
{
	struct vm_manager *manager = &vm->pool->manager;
	bool free;

	manager_lock(manager, &vm->stock);
	free = !manager_is_others_locked(manager, vm, range.start - PAGE_SIZE);
	if (free) {
		journal_set(vm->stock.journal, &manager_chunk_above_locked(manager, range.start)->head_used, true);
		process_vm_put(vm, range, process_vm_number(vm, content, range.start));
	} else {
		step_set(&vm->map, page_number(range.start), page_number(range.start) + 1, STEP_KEPT, STEP_KEEP);
	}
	manager_unlock(manager, &vm->stock);
	return free;
}

static bool place_in_own(struct tulou_process_vm *vm, size_t size, size_t align, struct range window,
	const struct area_content *content, uintptr_t *out)
{
	bool anywhere = range_covers(window, vm->pool->range);
	uint64_t low = anywhere ? 0 : page_number(window.start), high = anywhere ? STEP_END : page_number(window.end), page;

	while (step_fit(&vm->map, page_number(size), page_number(align), low, high, &page)) {
		struct range range = range_between(page_address(page), page_address(page) + size);

		*out = range.start;
		if (likely(!step_begins_chunk_here(&vm->map, page))) {
			process_vm_put_here(vm, range, process_vm_number(vm, content, range.start));
			return true;
		}
		if (place_at_head(vm, range, content))
			return true;
		if (!process_vm_reserve(vm))
			return false;
	}
	return false;
}

/* In own closed chunks, when all else is full. */
static bool place_in_closed(struct tulou_process_vm *vm, size_t size, size_t align, struct range window,
	const struct area_content *content, uintptr_t *out)
{
	struct step_tile tile = {.end = page_number(window.start)};

	while (page_address(tile.end) < window.end) {
		struct range part;

		tile = step_tile_at(&vm->map, tile.end);
		part = range_cut(tile_range(&tile), window);
		*out = align_up(part.start + (tile.first ? PAGE_SIZE : 0), align);
		if (tile.value != STEP_KEPT || *out < part.start || *out >= part.end || part.end - *out <= size)
			continue;
		process_vm_put(vm, range_between(*out, *out + size), process_vm_number(vm, content, *out));
		return true;
	}
	return false;
}

/* A range of the pool's free space: at or above placement_start first, when anywhere is allowed. */
static bool pool_find_locked(struct tulou_process_vm *vm, size_t size, size_t align, struct range window, uintptr_t *out)
{
	struct tulou *pool = vm->pool;
	struct range preferred = range_between(pool->placement_start, window.end);

	if (range_covers(window, pool->range) && free_space_find(&pool->manager.free, size, align, preferred, out))
		return true;
	return free_space_find(&pool->manager.free, size, align, window, out);
}

/* A chunk of the process's over what is free in the pool; all of it is room. */
static struct chunk *chunk_create_locked(struct tulou_process_vm *vm, struct range range, size_t gap, bool measured, bool open)
{
	struct chunk *chunk =
		manager_chunk_create_locked(&vm->pool->manager, range, gap, measured, open, &vm->chunks, &vm->stock);

	if (chunk)
		process_vm_chunk_add(vm, chunk);
	return chunk;
}

static bool place_in_new(struct tulou_process_vm *vm, size_t size, size_t align, struct range window,
	const struct area_content *content, uintptr_t *out)
{
	struct vm_manager *manager = &vm->pool->manager;
	size_t chunk_size = vm->pool->chunk_size, chunk_align = chunk_size;
	struct chunk *chunk = NULL;
	struct range range;

	manager_lock(manager, &vm->stock);
	/* Smaller ones when the pool is nearly full. */
	for (; !chunk && chunk_size >= CHUNK_LEAST && chunk_size >= CHUNK_AREAS * size; chunk_size /= 2, chunk_align = align) {
		if (!pool_find_locked(vm, chunk_size, chunk_align, window, &range.start))
			continue;
		range.end = range.start + chunk_size;
		chunk = chunk_create_locked(vm, range, 0, false, true);
		if (!chunk)
			break;
	}
	manager_unlock(manager, &vm->stock);
	if (!chunk)
		return false;
	if (place_in_own(vm, size, align, range_cut(window, range), content, out))
		return true;
	process_vm_settle(vm, range.start, false);
	return false;
}

/*
 *     |~~gap~~|   size   | page |       the gap keeps others away below; without one, a page is left if the page below is used
 */
static bool place_chunk(struct tulou_process_vm *vm, size_t gap, size_t size, size_t align, struct range window,
	const struct area_content *content, uintptr_t *out)
{
	struct vm_manager *manager = &vm->pool->manager;
	struct chunk *chunk = NULL;
	size_t lead = gap ? align_up(gap, align) : 0, whole;
	uintptr_t start;
	bool found;

	if (__builtin_add_overflow(size, lead + PAGE_SIZE, &whole))
		return false;
	manager_lock(manager, &vm->stock);
	found = pool_find_locked(vm, whole, align, window, &start);
	if (found && !lead && manager_is_others_locked(manager, vm, start - 1)) {
		lead = align;
		found = !__builtin_add_overflow(whole, lead, &whole) && pool_find_locked(vm, whole, align, window, &start);
	}
	if (found) {
		*out = start + lead;
		chunk = chunk_create_locked(vm, range_between(*out - gap, start + whole), gap, true, false);
	}
	if (chunk && content) {
		journal_set(vm->stock.journal, &chunk->head_used, !gap);
		process_vm_put(vm, range_between(*out, *out + size), process_vm_number(vm, content, *out));
	}
	manager_unlock(manager, &vm->stock);
	return chunk;
}

bool place_own_chunk(
	struct tulou_process_vm *vm, size_t gap, size_t size, const struct area_content *content, bool must, uintptr_t *out)
{
	struct range window = vm->pool->range;

	while (!place_chunk(vm, gap, size, PAGE_SIZE, window, content, out))
		if (!must || !neighbours_make_room(vm, size + gap + PAGE_SIZE, PAGE_SIZE, window) || !process_vm_reserve(vm))
			return false;
	return true;
}

bool place_chunk_at(struct tulou_process_vm *vm, struct range range)
{
	struct vm_manager *manager = &vm->pool->manager;
	struct chunk *chunk = NULL;

	manager_lock(manager, &vm->stock);
	if (free_space_covers(&manager->free, range))
		chunk = chunk_create_locked(vm, range, 0, true, false);
	manager_unlock(manager, &vm->stock);
	return chunk;
}

static bool place_in_pool(struct tulou_process_vm *vm, size_t size, size_t align, struct range window,
	const struct area_content *content, uintptr_t *out)
{
	return (!place_is_large(vm, size, align) && place_in_new(vm, size, align, window, content, out)) ||
	       place_chunk(vm, 0, size, align, window, content, out);
}

int place_anywhere_slow(struct tulou_process_vm *vm, size_t size, size_t align, struct range window,
	const struct area_content *content, uintptr_t *out)
{
	bool large = place_is_large(vm, size, align);

	if (!large && place_in_own(vm, size, align, window, content, out))
		return 0;
	if (place_in_pool(vm, size, align, window, content, out))
		return 0;
	if (large && place_in_own(vm, size, align, window, content, out))
		return 0;
	if (!process_vm_reserve(vm))
		return -TULOU_ENOMEM;
	if (vm->warm) {
		process_vm_settle(vm, vm->warm, false);
		if (place_in_pool(vm, size, align, window, content, out))
			return 0;
	}
	if (place_in_closed(vm, size, align, window, content, out))
		return 0;
	/* Once is mostly enough, but another process may be faster. */
	while (neighbours_make_room(vm, size, align, window) && process_vm_reserve(vm))
		if (place_in_pool(vm, size, align, window, content, out))
			return 0;
	return -TULOU_ENOMEM;
}
