/* SPDX-License-Identifier: MIT */
/*
 * salvage.c - give back a process VM whose task died inside a call, and what nobody gives back any more.
 *
 *     what is the process's alone may be half done; what it shares was rolled back when its locks were taken over (base/journal.h)
 *
 *     chunks                  go back whole: host pages first, then the range. What its map says of them is not looked at
 *     map, contents           go with the arena's blocks
 *     shared objects          its bonds are found in their list, which is noted
 *
 * Books cover host: an area is booked before the host maps it and leaves the books after the host has unmapped it, so the host is asked for
 * all of each chunk. The list of chunks is the manager's, and whole. Who dies in here is followed by another: each chunk goes in
 * one step.
 */
#include "process_vm.h"

/* Nobody else can be in the chunk: its process's lock is held. What the host refuses is limbo's. */
static void chunk_salvage(struct tulou *pool, struct chunk *chunk, struct stock *stock)
{
	const struct tulou_host *host = pool->host;
	bool gone =
		!host->unmap(host->ctx, chunk->range.start, range_size(chunk->range)) && stock_reserve(stock, RECORDS_PER_CALL);

	manager_lock(&pool->manager, stock);
	if (gone)
		manager_chunk_destroy_locked(&pool->manager, chunk, stock);
	else
		limbo_take_locked(pool, chunk, stock);
	manager_unlock(&pool->manager, stock);
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

	/* Taken once, so that what the dead process held is taken over now, while its journal can be told from others. */
	manager_lock(&pool->manager, &stock);
	manager_unlock(&pool->manager, &stock);
	while (!list_is_empty(&vm->chunks))
		chunk_salvage(pool, link_chunk(vm->chunks.next), &stock);
	shm_forsake(&stock);
	arena_fini(&vm->arena);
	stock_trim(&stock, 0);
}

/* ---- what nobody gives back any more --------------------------------------------------------------------------------------- */

/* A dead task's lock is taken over, so that what it noted is taken back. */
static void recover(struct tulou_process_vm *vm, uint32_t self)
{
	uint32_t word = __atomic_load_n(&vm->guard.lock.word, __ATOMIC_ACQUIRE);

	if (likely(!word) || vm->pool->host->alive(vm->pool->host->ctx, word & LOCK_OWNER))
		return;
	process_vm_lock(vm, self);
	process_vm_unlock(vm);
}

/* The task that gives it back is dead: it is the caller's now. */
static bool orphan_take(struct tulou_process_vm *vm, uint32_t self)
{
	uint32_t seen = __atomic_load_n(&vm->references, __ATOMIC_ACQUIRE);

	return (seen & REFERENCES_GOING) && seen != REFERENCES_SHELVED &&
	       !vm->pool->host->alive(vm->pool->host->ctx, seen & LOCK_OWNER) &&
	       __atomic_compare_exchange_n(
		       &vm->references, &seen, REFERENCES_GOING | self, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static struct tulou_process_vm *orphan_find(struct tulou *pool, uint32_t self)
{
	struct tulou_process_vm *found = NULL;

	pool_lock_list(pool, self);
	list_for_each(link, &pool->processes)
	{
		struct tulou_process_vm *vm = container_of(link, struct tulou_process_vm, link);

		recover(vm, self);
		if (!found && orphan_take(vm, self))
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
