/* SPDX-License-Identifier: MIT */
/*
 * vm_manager.h - the VM manager: one pool, the set of chunks in it, and the free space between them.
 *
 *     pool   |   [chunk]   [chunk][chunk]      [ chunk ]        |
 *             ╰──╯      ╰─╯              ╰────╯         ╰──────╯  free space
 *
 * Lock order, for the whole core:
 *     list (process set; forks) > process VM (creation order, limbo last) > border > manager > shm manager, slab (leaves)
 *     process VM > nook (nook.h) > manager; who has only a nook's lock asks for no other
 * The process lock is held for a whole call: it serialises the calls of one process, and stays over host calls. The manager's
 * lock is never held over a host callback other than books_map, books_unmap, wait, wake. So a call reserves a place under
 * it (pending areas), drops it, goes to the host, and takes the place back if the host fails.
 * What is in a chunk is its process's business alone: a call that stays in its own chunks takes no lock but its process's. The
 * border's lock is for those who need another process to stand still; they wait for its lock, or see it parked (neighbours.h).
 *
 * What a holder of the manager's guard changes is noted in its journal; dropping any guard commits (base/journal.h).
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
/* May a page of another process's areas be at `addr`, which is next to a chunk of `vm`? */
bool manager_is_others_locked(const struct vm_manager *manager, const struct tulou_process_vm *vm, uintptr_t addr);
/* A chunk over `range`, which is free in the pool, for the process of the stock, as the last of `chunks`. Two records. Nothing may
 * have been noted before. NULL (nothing changed): no memory. */
struct chunk *manager_chunk_create_locked(struct vm_manager *manager, struct range range, size_t gap, bool measured, bool open,
	struct list *chunks, struct stock *stock);
/* Give back a chunk. One of them in each step. */
void manager_chunk_destroy_locked(struct vm_manager *manager, struct chunk *chunk, struct stock *stock);
/* Move the end of a chunk up to `end`; false if the pool is not free there. One record. */
bool manager_chunk_extend_locked(struct vm_manager *manager, struct chunk *chunk, uintptr_t end, struct stock *stock);
/* Cut a chunk in two at `at`, inside it; the upper one is returned. NULL (nothing changed): no memory. Nothing may have been noted
 * before. */
struct chunk *manager_chunk_split_locked(struct vm_manager *manager, struct chunk *chunk, uintptr_t at, struct stock *stock);

#endif
