/* SPDX-License-Identifier: MIT */
/*
 * fork.c - a consistent copy of the books.
 *
 *     prepare:  list lock → all process locks, in order of creation, then limbo → manager lock
 *
 * Forks come one after the other (list lock). Who waits for a process lock here waits for a call to end; a call never asks
 * for the list lock. With all process locks and the manager's held nobody can hold a chunk lock: those
 * are taken inside calls, or by walks, which hold the manager's or a process's lock. The leaves are taken for a moment at
 * most: prepare takes them last, shm manager before slabs.
 */
#include "check.h"
#include "growth.h"
#include "process_vm.h"

static struct tulou_process_vm *link_process(struct list *link)
{
	return container_of(link, struct tulou_process_vm, link);
}

static void process_vm_freeze(struct tulou_process_vm *vm, uint32_t self)
{
	if (unlikely(lock_take(&vm->lock, vm->pool->host, self) == LOCK_TAKEN_OVER))
		recover(vm->pool->host, RECOVER_PROCESS_VM, vm);
	vm->stock.self = self;
}

void pool_freeze(struct tulou *pool, uint32_t self)
{
	pool_lock_list(pool, self);
	list_for_each(link, &pool->processes) process_vm_freeze(link_process(link), self);
	process_vm_freeze(pool->limbo, self);
	manager_lock(&pool->manager, &pool->limbo->stock);
	lock_take(&pool->shm.lock, pool->host, self);
	lock_take(&pool->record_slab.lock, pool->host, self);
	lock_take(&pool->process_slab.lock, pool->host, self);
	lock_take(&pool->manager.chunk_slab.lock, pool->host, self);
}

void pool_thaw(struct tulou *pool)
{
	lock_drop(&pool->manager.chunk_slab.lock, pool->host);
	lock_drop(&pool->process_slab.lock, pool->host);
	lock_drop(&pool->record_slab.lock, pool->host);
	lock_drop(&pool->shm.lock, pool->host);
	manager_unlock(&pool->manager, &pool->limbo->stock);
	lock_drop(&pool->limbo->lock, pool->host);
	list_for_each(link, &pool->processes) lock_drop(&link_process(link)->lock, pool->host);
	pool_unlock_list(pool);
}

void tulou_fork_prepare(struct tulou *pool)
{
	pool_freeze(pool, pool_self(pool));
}

void tulou_fork_parent(struct tulou *pool)
{
	pool_thaw(pool);
}

/* Nobody else runs in the child: whatever a lock word says, its holder was not copied. */
static void locks_forget(struct tulou *pool)
{
	lock_init(&pool->list_lock);
	lock_init(&pool->record_slab.lock);
	lock_init(&pool->process_slab.lock);
	lock_init(&pool->shm.lock);
	lock_init(&pool->limbo->lock);
	lock_init(&pool->manager.lock);
	lock_init(&pool->manager.chunk_slab.lock);
	list_for_each(link, &pool->processes) lock_init(&link_process(link)->lock);
	for (struct tree_node *node = tree_first(&pool->manager.chunks); node; node = tree_next(node))
		lock_init(&to_chunk(node)->lock);
}

/* What MADV_DONTFORK keeps out of the copy; locks are not copied either. The host may have left it out already: taking away what is not there is no error. */
static void leave_behind(struct tulou_process_vm *vm)
{
	const struct tulou_host *host = vm->pool->host;
	struct range range = range_between(0, 0);
	struct area area;

	if (growth_enter(vm, vm->growth))
		return;
	while (process_vm_area_above(vm, range.end, &area)) {
		range = area.range;
		if (area.content.flags & AREA_DONTFORK && !host->unmap(host->ctx, range.start, range_size(range)))
			process_vm_remove(vm, range, false);
		else if (area.content.flags & AREA_LOCK_MASK)
			process_vm_change(vm, range, (struct area_change){.clear = AREA_LOCK_MASK, .prot = -1});
	}
	vm->lock_future = 0;
	growth_settle(vm, vm->growth);
	process_vm_leave(vm, range_between(0, 0));
}

void tulou_fork_child(struct tulou *pool, struct tulou_process_vm *keep)
{
	struct list *link = pool->processes.next;

	locks_forget(pool);
	__atomic_store_n(&keep->references, 1, __ATOMIC_RELAXED); /* whoever else shared it was not copied */
	while (link != &pool->processes) {
		struct tulou_process_vm *vm = link_process(link);

		link = link->next;
		if (vm != keep)
			process_vm_give_back(vm);
	}
	leave_behind(keep);
	limbo_retry(pool, pool_self(pool));
	if (unlikely(pool->check_level >= 3))
		check_pool_or_panic(pool);
}
