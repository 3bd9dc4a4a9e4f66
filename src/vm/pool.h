/* SPDX-License-Identifier: MIT */
/*
 * pool.h - struct tulou: the VM manager, the process VMs, and what they share.
 *
 * `list_lock` guards the set of process VMs and is held over a whole fork, so that forks come one after the other and no process
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
	size_t chunk_size;
	int check_level;
	enum tulou_resident resident;
	size_t resident_bytes; /* what all processes keep; atomic, and set right by tulou_trim() */

	struct lock list_lock;
	/* guarded by list_lock */
	struct list processes; /* in order of creation; limbo is not in it */
	size_t process_count;

	struct tulou_process_vm *limbo; /* owns what the host would not take back; fixed */
	struct slab record_slab, process_slab; /* each has a lock of its own */
	struct vm_manager manager;
	struct shm_manager shm;
};

static inline uint32_t pool_self(const struct tulou *pool)
{
	return pool->host->self(pool->host->ctx);
}

static inline void pool_lock_list(struct tulou *pool, uint32_t self)
{
	if (unlikely(lock_take(&pool->list_lock, pool->host, self) == LOCK_TAKEN_OVER))
		recover(pool->host, RECOVER_LIST, pool);
}

static inline void pool_unlock_list(struct tulou *pool)
{
	lock_drop(&pool->list_lock, pool->host);
}

/* All locks but those of chunks, which nobody can hold then: nobody changes anything. */
void pool_freeze(struct tulou *pool, uint32_t self);
void pool_thaw(struct tulou *pool);

#endif
