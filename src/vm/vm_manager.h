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
 * Invariants: C1 chunks ascend and do not overlap; C2 chunks and free space add up to the pool. Records: the caller's stock.
 */
#ifndef TULOU_VM_VM_MANAGER_H
#define TULOU_VM_VM_MANAGER_H

#include "chunk.h"
#include "recover.h"

struct vm_manager {
	struct lock lock;
	const struct tulou_host *host;
	struct slab chunk_slab; /* has a lock of its own */
	/* guarded by lock */
	struct tree chunks;
	size_t chunk_count;
	struct free_space free;
};

static inline void manager_lock(struct vm_manager *manager, const struct stock *stock)
{
	if (unlikely(lock_take(&manager->lock, stock->host, stock->self) == LOCK_TAKEN_OVER))
		recover(stock->host, RECOVER_MANAGER, manager);
}

static inline void manager_unlock(struct vm_manager *manager, const struct stock *stock)
{
	lock_drop(&manager->lock, stock->host);
}

/* One record. */
void manager_init(struct vm_manager *manager, const struct tulou_host *host, struct range pool, struct stock *stock);

/* The lowest chunk that ends above `addr`, or NULL. */
struct chunk *manager_chunk_above_locked(const struct vm_manager *manager, uintptr_t addr);
/* Is there an area at `addr`? */
bool manager_page_is_used_locked(const struct vm_manager *manager, uintptr_t addr, struct stock *stock);
/* A chunk over `range`, which is free in the pool, without owners: the caller adds one before it drops the lock. Two records.
 * NULL (nothing changed): no memory. */
struct chunk *manager_chunk_create_locked(
	struct vm_manager *manager, struct range range, size_t gap, enum tulou_chunk_kind kind, bool open, struct stock *stock);
/* Give back a chunk without owners. */
void manager_chunk_destroy_locked(struct vm_manager *manager, struct chunk *chunk, struct stock *stock);
/* Move the end of a closed chunk with one owner up to `end`; false if the pool is not free there. One record. */
bool manager_chunk_extend_locked(struct vm_manager *manager, struct chunk *chunk, uintptr_t end, struct stock *stock);

#endif
