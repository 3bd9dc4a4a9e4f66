/* SPDX-License-Identifier: MIT */
/*
 * salvage.c - give back a process VM whose task died inside a call, and what nobody gives back any more.
 *
 *     what is the process's alone may be half done; what it shares was rolled back when its locks were taken over (base/journal.h)
 *
 *     chunks it had alone     go back whole: host pages first, then the range. What is written in them is not looked at; their
 *                             records are lost to the slab until the pool goes (at most a few per area, and only then)
 *     chunks it shared        its areas are removed one by one
 *     shared objects          its bonds are found in their list, which is noted
 *
 * Books cover host: an area is booked before the host maps it and leaves the books after the host has unmapped it, so the host is asked for
 * all of its areas, also those which are said to have no pages. The chunks are found through the manager. Its lock is held over
 * the host's unmap here: nobody else can be in these chunks, and it is rare. Who dies in here is followed by another: each
 * chunk goes in one step.
 */
#include "process_vm.h"

static struct owner *owner_of(const struct chunk *chunk, const struct tulou_process_vm *vm)
{
	list_for_each(link, &chunk->owners) if (link_owner(link)->process == vm) return link_owner(link);
	return NULL;
}

/* The chunk, which is locked, goes as a whole. If the host refuses, it stays without owner, torn, and is tried again. */
static void chunk_abandon_locked(struct vm_manager *manager, struct chunk *chunk, struct stock *stock)
{
	const struct tulou_host *host = stock->host;

	chunk->torn = true;
	guard_name(&chunk->guard, stock->journal);
	if (!list_is_empty(&chunk->owners)) {
		list_remove(chunk->owners.next, stock->journal);
		journal_add(stock->journal, &chunk->owner_count, -1);
	}
	if (host->unmap(host->ctx, chunk->range.start, range_size(chunk->range)) == 0 && stock_reserve(stock, RECORDS_PER_CALL))
		manager_chunk_destroy_locked(manager, chunk, stock);
	else
		chunk_unlock(chunk, stock);
	manager_step_locked(manager);
}

/* The chunk and limbo are locked: what the host refuses is limbo's. */
static void chunk_leave_locked(struct owner *owner, struct stock *stock)
{
	const struct tulou_host *host = stock->host;
	struct tulou_process_vm *limbo = owner->process->pool->limbo;
	struct chunk *chunk = owner->chunk;
	struct area_record *area;

	while ((area = chunk_own_area_above_locked(owner, chunk->range.start)) && stock_reserve(stock, RECORDS_PER_CALL)) {
		struct range range = area->range;

		if (host->unmap(host->ctx, range.start, range_size(range)))
			chunk_bequeath_locked(owner, process_vm_owner_get_locked(limbo, chunk, stock), range, stock);
		else
			chunk_remove_locked(owner, range, false, stock);
	}
	if (!area) {
		list_remove(&owner->link, stock->journal);
		journal_add(stock->journal, &chunk->owner_count, -1);
		record_give(stock, owner, stock->journal);
	}
	chunk_unlock(chunk, stock);
}

/* All chunks of `vm`, and those without owner. */
static void chunks_salvage(struct tulou *pool, const struct tulou_process_vm *vm, struct stock *stock)
{
	struct vm_manager *manager = &pool->manager;
	struct tree_node *node, *next;

	manager_lock(manager, stock);
	for (node = tree_first(&manager->chunks); node; node = next) {
		struct chunk *chunk = to_chunk(node);
		struct owner *owner;

		next = tree_next(node);
		/* Locked in any case: what the dead process held is taken over now, while its journal can be told from others. */
		chunk_lock(chunk, stock);
		owner = owner_of(chunk, vm);
		if (list_is_empty(&chunk->owners) || (owner && chunk->owner_count == 1))
			chunk_abandon_locked(manager, chunk, stock);
		else if (owner)
			chunk_leave_locked(owner, stock);
		else
			chunk_unlock(chunk, stock);
	}
	manager_unlock(manager, stock);
}

void process_vm_salvage(struct tulou_process_vm *vm, uint32_t self)
{
	struct tulou *pool = vm->pool;
	struct stock stock = {
		.host = pool->host,
		.slab = &pool->record_slab,
		.shm = &pool->shm,
		.process = vm,
		.journal = vm->journal,
		.own = JOURNAL_UNNOTED,
		.bonds = &vm->bonds,
		.self = self,
	};

	process_vm_lock(pool->limbo, self);
	guard_name(&pool->limbo->guard, vm->journal);
	chunks_salvage(pool, vm, &stock);
	process_vm_unlock(pool->limbo);
	shm_forsake(&stock);
	stock_trim(&stock, 0);
}

/* ---- what nobody gives back any more --------------------------------------------------------------------------------------- */

/* One whose task died; it is the caller's to give back now. */
static struct tulou_process_vm *orphan_find(struct tulou *pool, uint32_t self)
{
	const struct tulou_host *host = pool->host;
	struct tulou_process_vm *found = NULL;

	pool_lock_list(pool, self);
	list_for_each(link, &pool->processes)
	{
		struct tulou_process_vm *vm = container_of(link, struct tulou_process_vm, link);
		uint32_t seen = __atomic_load_n(&vm->references, __ATOMIC_ACQUIRE);

		if (!found && (seen & REFERENCES_GOING) && seen != REFERENCES_PARKED &&
			!host->alive(host->ctx, seen & LOCK_OWNER) &&
			__atomic_compare_exchange_n(
				&vm->references, &seen, REFERENCES_GOING | self, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			found = vm;
	}
	pool_unlock_list(pool);
	return found;
}

void tulou_reap(struct tulou *pool)
{
	struct tulou_process_vm *vm;

	while ((vm = orphan_find(pool, pool_self(pool))))
		process_vm_give_back(vm);
}
