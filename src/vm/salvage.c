/* SPDX-License-Identifier: MIT */
/*
 * salvage.c - give back a process VM whose task died inside a call.
 *
 *     its lock names a dead owner: any change may be half done, in its own books and in the chunks that were locked
 *
 *     chunks it had alone     go back whole: host pages first, then the range. What is written in them is not looked at; their
 *                             records are lost to the slab until the pool goes (at most a few per area, and only then)
 *     chunks it shared        its areas are removed one by one; if one of these chunks is torn itself, others live in it, and
 *                             recover() has said so
 *     chunks without owner    died between making and owning, or the host refused before: they go the same way
 *
 * The chunks are found through the manager, whose set is whole: its lock was not held by the dead, or recover() has checked it.
 * The manager's lock is held over the host's unmap here: nobody else can be in these chunks, and it is rare.
 */
#include "process_vm.h"

static struct owner *owner_of(const struct chunk *chunk, const struct tulou_process_vm *vm)
{
	list_for_each(link, &chunk->owners) if (link_owner(link)->process == vm) return link_owner(link);
	return NULL;
}

/* The chunk goes as a whole. If the host refuses, it stays without owner, closed, and is tried again. */
static void chunk_abandon_locked(struct vm_manager *manager, struct chunk *chunk, struct stock *stock)
{
	const struct tulou_host *host = stock->host;

	lock_init(&chunk->lock);
	list_init(&chunk->owners);
	tree_init(&chunk->areas, NULL);
	free_space_init(&chunk->free);
	chunk->owner_count = chunk->area_count = chunk->used = 0;
	chunk->open = chunk->torn = false;
	if (host->unmap(host->ctx, chunk->range.start, range_size(chunk->range)) == 0 && stock_reserve(stock, RECORDS_PER_CALL))
		manager_chunk_destroy_locked(manager, chunk, stock);
}

static void chunk_leave_locked(struct owner *owner, struct stock *stock)
{
	const struct tulou_host *host = stock->host;
	struct chunk *chunk = owner->chunk;
	struct area_record *area;

	chunk_lock(chunk, stock);
	while ((area = chunk_own_area_above_locked(owner, chunk->range.start)) && stock_reserve(stock, RECORDS_PER_CALL)) {
		struct range range = area->range;

		if (content_is_at_host(&area->content) && host->unmap(host->ctx, range.start, range_size(range)))
			break; /* the area stays booked, and nobody's */
		chunk_remove_locked(owner, range, false, stock);
	}
	if (!area) {
		list_remove(&owner->link);
		chunk->owner_count--;
	}
	chunk_unlock(chunk, stock);
	shm_flush(stock);
}

void process_vm_salvage(struct tulou_process_vm *vm, uint32_t self)
{
	struct tulou *pool = vm->pool;
	struct vm_manager *manager = &pool->manager;
	struct stock stock = {.host = pool->host, .slab = &pool->record_slab, .shm = &pool->shm, .self = self};
	struct tree_node *node, *next;

	manager_lock(manager, &stock);
	for (node = tree_first(&manager->chunks); node; node = next) {
		struct chunk *chunk = to_chunk(node);
		struct owner *owner = owner_of(chunk, vm);

		next = tree_next(node);
		if (owner ? chunk->owner_count <= 1 : list_is_empty(&chunk->owners))
			chunk_abandon_locked(manager, chunk, &stock);
		else if (owner)
			chunk_leave_locked(owner, &stock);
	}
	manager_unlock(manager, &stock);
	stock_trim(&stock, 0);
}
