/* SPDX-License-Identifier: MIT */
/*
 * pool.h - struct tulou: the VM manager, the process VMs, and what they share.
 *
 * `list_guard` guards the set of process VMs and is held over a whole fork, so that forks come one after the other and no process
 * VM comes or goes meanwhile. The lock order stands in vm_manager.h.
 */
#ifndef TULOU_VM_POOL_H
#define TULOU_VM_POOL_H

#include "shm_manager.h"
#include "vm_manager.h"

struct tulou {
	const struct tulou_host *host;
	struct range range;
	uintptr_t placement_start;
	uintptr_t hint_start;
	size_t chunk_size;
	int check_level;
	uint64_t memory_limit; /* bytes; 0: none, for good; atomic */
	uint64_t committed; /* atomic: what the process VMs have been granted together */
	enum tulou_resident resident;
	size_t resident_bytes; /* what all processes keep; atomic, and set right by tulou_trim() */
	bool nooks; /* atomic: a process has some, or had */

	struct guard list_guard;
	struct journal *list_journal; /* of who holds list_guard; fixed */
	/* guarded by list_guard */
	struct list processes; /* those on the shelf, then in order of creation; limbo is not in it */
	size_t process_count;
	struct slab process_slab;
	size_t journal_count; /* made for process VMs */
	struct journal *journals; /* of process VMs that are gone; their memory stays: a guard somewhere may still name one */

	struct guard border; /* of who needs another process to stand still (neighbours.h) */
	struct tulou_process_vm *limbo; /* owns what the host would not take back; fixed */
	struct slab record_slab; /* has a guard of its own */
	size_t torn_count; /* process VMs whose task died inside a call; atomic */
	struct vm_manager manager;
	struct shm_manager shm;
};

static inline uint32_t pool_self(const struct tulou *pool)
{
	return pool->host->self(pool->host->ctx);
}

static inline void pool_lock_list(struct tulou *pool, uint32_t self)
{
	if (likely(guard_lock(&pool->list_guard, pool->host, self) == GUARD_TAKEN))
		journal_begin(pool->list_journal, self);
	else
		journal_claim(pool->list_journal, self);
	guard_name(&pool->list_guard, pool->list_journal);
}

static inline void pool_unlock_list(struct tulou *pool)
{
	slab_step_locked(&pool->process_slab);
	guard_drop(&pool->list_guard, pool->host);
}

/* All locks, or their holders parked: nobody changes anything, and every map knows its chunks. */
void pool_freeze(struct tulou *pool, uint32_t self);
void pool_thaw(struct tulou *pool);

#endif
