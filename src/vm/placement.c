/* SPDX-License-Identifier: MIT */
/* placement.c - places that the manager chooses, see placement.h. */
#include "placement.h"

/* How many chunks with room on paper are tried before a new chunk is made. */
enum { OWN_TRIES = 8 };

static bool place_in_locked(struct owner *owner, size_t size, size_t align, struct range window, struct area_content content,
	struct stock *stock, uintptr_t *out)
{
	if (!chunk_place_locked(owner->chunk, owner->process, size, align, window, out))
		return false;
	chunk_insert_locked(owner, range_between(*out, *out + size), content, stock);
	process_vm_room_note_locked(owner);
	return true;
}

/* Book in the owner's chunk if it has a place. */
static bool place_in(struct owner *owner, size_t size, size_t align, struct range window, struct area_content content,
	struct stock *stock, uintptr_t *out)
{
	bool placed;

	chunk_lock(owner->chunk, stock);
	placed = place_in_locked(owner, size, align, window, content, stock, out);
	chunk_unlock(owner->chunk, stock);
	return placed;
}

/* The lowest owner with a chunk in which at least `pages` were free. */
static struct owner *owner_with_room(const struct tulou_process_vm *vm, size_t pages)
{
	struct tree_node *node = vm->owners.root;

	if (!node || to_owner(node)->room_max < pages)
		return NULL;
	for (;;) {
		struct tree_node *left = node->child[TREE_LEFT];

		if (left && to_owner(left)->room_max >= pages)
			node = left;
		else if (to_owner(node)->room >= pages)
			return to_owner(node);
		else
			node = node->child[TREE_RIGHT];
	}
}

/* In the pool's window any chunk will do, so the tree of rooms leads to one; in a smaller window look from its start. */
static struct owner *own_candidate(struct tulou_process_vm *vm, size_t pages, struct range window, struct owner *last)
{
	if (range_covers(window, vm->pool->range)) {
		if (!last && vm->hint && vm->hint->room >= pages)
			return vm->hint;
		return owner_with_room(vm, pages);
	}
	if (last)
		last = to_owner(tree_next(&last->node));
	else
		last = process_vm_owner_above(vm, window.start);
	return last && last->chunk->range.start < window.end ? last : NULL;
}

static bool place_in_own(
	struct tulou_process_vm *vm, size_t size, size_t align, struct range window, struct area_content content, uintptr_t *out)
{
	size_t pages = size / PAGE_SIZE;
	struct owner *owner = NULL;

	for (int tries = 0; tries < OWN_TRIES; tries++) {
		owner = own_candidate(vm, pages, window, owner);
		if (!owner)
			return false;
		if (owner->room >= pages && place_in(owner, size, align, window, content, &vm->stock, out)) {
			journal_set(vm->guard.journal, &vm->hint, owner);
			return true;
		}
		if (align > PAGE_SIZE)
			return false;
		if (owner->room >= pages && range_covers(window, vm->pool->range)) {
			/* Only guard pages can be the reason: do not come here again for this size until something changes. */
			journal_set(vm->guard.journal, &owner->room, (uint32_t)pages - 1);
			tree_touch(&vm->owners, &owner->node);
		}
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

static bool place_in_new(
	struct tulou_process_vm *vm, size_t size, size_t align, struct range window, struct area_content content, uintptr_t *out)
{
	struct vm_manager *manager = &vm->pool->manager;
	struct chunk *chunk = NULL;
	struct owner *owner = NULL;
	uintptr_t start;
	bool placed = false;

	manager_lock(manager, &vm->stock);
	if (pool_find_locked(vm, vm->pool->chunk_size, vm->pool->chunk_size, window, &start))
		chunk = manager_chunk_create_locked(
			manager, range_between(start, start + vm->pool->chunk_size), 0, TULOU_CHUNK_MULTI, true, &vm->stock);
	if (chunk) {
		owner = process_vm_owner_get_locked(vm, chunk, &vm->stock);
		placed = place_in_locked(owner, size, align, window, content, &vm->stock, out);
		if (placed)
			journal_set(vm->guard.journal, &vm->hint, owner);
		chunk_unlock(chunk, &vm->stock);
	}
	manager_unlock(manager, &vm->stock);
	if (owner && !placed)
		process_vm_owner_settle(vm, owner);
	return placed;
}

static bool place_in_shared(struct tulou_process_vm *vm, bool open, size_t size, size_t align, struct range window,
	struct area_content content, uintptr_t *out)
{
	struct vm_manager *manager = &vm->pool->manager;
	struct chunk *chunk;
	bool placed = false;

	manager_lock(manager, &vm->stock);
	chunk = manager_chunk_above_locked(manager, window.start);
	while (chunk && !placed && chunk->range.start < window.end) {
		chunk_lock(chunk, &vm->stock);
		placed = chunk->open == open && chunk_place_locked(chunk, vm, size, align, window, out);
		if (placed) {
			struct owner *owner = process_vm_owner_get_locked(vm, chunk, &vm->stock);

			chunk_insert_locked(owner, range_between(*out, *out + size), content, &vm->stock);
			process_vm_room_note_locked(owner);
		}
		chunk_unlock(chunk, &vm->stock);
		chunk = to_chunk(tree_next(&chunk->node));
	}
	manager_unlock(manager, &vm->stock);
	return placed;
}

/* The bond with a new chunk, which is locked, and what keeps it: an area, or a pin. Before the manager's lock is dropped, since then others may
 * use what is free in the chunk. */
static struct owner *chunk_settle_in_locked(
	struct tulou_process_vm *vm, struct chunk *chunk, struct range range, const struct area_content *content)
{
	struct owner *owner = process_vm_owner_get_locked(vm, chunk, &vm->stock);

	if (content)
		chunk_insert_locked(owner, range, *content, &vm->stock);
	else
		journal_add(chunk->guard.journal, &owner->pins, 1);
	process_vm_room_note_locked(owner);
	chunk_unlock(chunk, &vm->stock);
	return owner;
}

/*
 *     |~~gap~~|   size   | page |       the gap keeps others away below; without one, a page is left if the page below is used
 */
struct owner *place_chunk(struct tulou_process_vm *vm, size_t gap, size_t size, size_t align, struct range window,
	const struct area_content *content, uintptr_t *out)
{
	struct vm_manager *manager = &vm->pool->manager;
	struct owner *owner = NULL;
	struct chunk *chunk = NULL;
	size_t lead = gap ? align_up(gap, align) : 0, whole;
	uintptr_t start;
	bool found;

	if (__builtin_add_overflow(size, lead + PAGE_SIZE, &whole))
		return NULL;
	manager_lock(manager, &vm->stock);
	found = pool_find_locked(vm, whole, align, window, &start);
	if (found && !lead && manager_page_is_used_locked(manager, start - 1, &vm->stock)) {
		lead = align;
		found = !__builtin_add_overflow(whole, lead, &whole) && pool_find_locked(vm, whole, align, window, &start);
	}
	if (found) {
		*out = start + lead;
		chunk = manager_chunk_create_locked(
			manager, range_between(*out - gap, start + whole), gap, TULOU_CHUNK_SINGLE, false, &vm->stock);
	}
	if (chunk)
		owner = chunk_settle_in_locked(vm, chunk, range_between(*out, *out + size), content);
	manager_unlock(manager, &vm->stock);
	return owner;
}

struct owner *place_chunk_at(struct tulou_process_vm *vm, struct range range)
{
	struct vm_manager *manager = &vm->pool->manager;
	struct owner *owner = NULL;
	struct chunk *chunk = NULL;

	manager_lock(manager, &vm->stock);
	if (free_space_covers(&manager->free, range))
		chunk = manager_chunk_create_locked(manager, range, 0, TULOU_CHUNK_SINGLE, false, &vm->stock);
	if (chunk)
		owner = chunk_settle_in_locked(vm, chunk, range, NULL);
	manager_unlock(manager, &vm->stock);
	return owner;
}

static bool place_to_measure(
	struct tulou_process_vm *vm, size_t size, size_t align, struct range window, struct area_content content, uintptr_t *out)
{
	return place_chunk(vm, 0, size, align, window, &content, out) != NULL;
}

int place_anywhere(
	struct tulou_process_vm *vm, size_t size, size_t align, struct range window, struct area_content content, uintptr_t *out)
{
	bool large = size > vm->pool->chunk_size / 2 || align > vm->pool->chunk_size / 4;

	if (large && place_to_measure(vm, size, align, window, content, out))
		return 0;
	if (place_in_own(vm, size, align, window, content, out))
		return 0;
	if (!large && place_in_new(vm, size, align, window, content, out))
		return 0;
	if (!stock_reserve(&vm->stock, RECORDS_PER_CALL))
		return -TULOU_ENOMEM;
	if (place_in_shared(vm, true, size, align, window, content, out))
		return 0;
	if (!large && place_to_measure(vm, size, align, window, content, out))
		return 0;
	return place_in_shared(vm, false, size, align, window, content, out) ? 0 : -TULOU_ENOMEM;
}
