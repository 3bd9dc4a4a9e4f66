/* SPDX-License-Identifier: MIT */
/*
 * vm_manager.h - the VM manager: one pool, the set of chunks in it, and the free space between them.
 *
 *     pool   |   [chunk]   [chunk][chunk]      [ chunk ]        |
 *             ╰──╯      ╰─╯              ╰────╯         ╰──────╯  free space
 *
 * Lock order, for the whole core:
 *     list (process set; forks) > process VM (creation order, limbo last) > manager > chunk > shm manager, slab (leaves)
 * The process lock is held for a whole call: it serialises the calls of one process, and stays over host calls. Manager and chunk
 * locks are never held over a host callback other than books_map, books_unmap, wait, wake. So a call reserves a place under
 * them (pending areas), drops them, goes to the host, and takes the place back if the host fails.
 * An address that belongs to a process cannot change hands without that process's lock; therefore a call needs no manager lock
 * for what it owns already.
 *
 * What a holder of the manager's, or of a shared chunk's, guard changes is noted in its journal; dropping any guard commits
 * (base/journal.h). So a chunk is made, owned and given its first area under one hold of both.
 *
 * Invariants: C1 chunks ascend and do not overlap; C2 chunks and free space add up to the pool. Records: the caller's stock.
 */
#ifndef TULOU_VM_VM_MANAGER_H
#define TULOU_VM_VM_MANAGER_H

#include "chunk.h"

struct vm_manager {
	struct guard guard;
	const struct tulou_host *host;
	/* guarded by guard */
	struct slab chunk_slab;
	struct tree chunks;
	size_t chunk_count;
	struct free_space free;
};

static inline void manager_lock(struct vm_manager *manager, const struct stock *stock)
{
	guard_take(&manager->guard, stock->host, stock->self, stock->journal);
}

/* Commit where nothing is half done. */
static inline void manager_step_locked(struct vm_manager *manager)
{
	slab_step_locked(&manager->chunk_slab);
}

static inline void manager_unlock(struct vm_manager *manager, const struct stock *stock)
{
	if (unlikely(manager->chunk_slab.doomed))
		manager_step_locked(manager);
	guard_drop(&manager->guard, stock->host);
}

/* With no free space yet: the pool's range is given to it. */
void manager_init(struct vm_manager *manager, const struct tulou_host *host);

/* The lowest chunk that ends above `addr`, or NULL. */
struct chunk *manager_chunk_above_locked(const struct vm_manager *manager, uintptr_t addr);
/* Is there an area at `addr`? */
bool manager_page_is_used_locked(const struct vm_manager *manager, uintptr_t addr, struct stock *stock);
/* A chunk over `range`, which is free in the pool, locked and without owners: the caller adds one before it drops either lock. Two
 * records. Nothing may have been noted before. NULL (nothing changed): no memory. */
struct chunk *manager_chunk_create_locked(
	struct vm_manager *manager, struct range range, size_t gap, enum tulou_chunk_kind kind, bool open, struct stock *stock);
/* Give back a chunk without owners, which the caller has locked. One of them in each step. What is in a torn one is not looked at. */
void manager_chunk_destroy_locked(struct vm_manager *manager, struct chunk *chunk, struct stock *stock);
/* Move the end of a closed chunk with one owner up to `end`; false if the pool is not free there. One record. */
bool manager_chunk_extend_locked(struct vm_manager *manager, struct chunk *chunk, uintptr_t end, struct stock *stock);

#endif
