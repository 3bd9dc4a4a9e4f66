/* SPDX-License-Identifier: MIT */
/*
 * fork.c - a consistent copy of the books.
 *
 *     prepare:  list lock → border → all process locks, in order of creation, then limbo → manager lock
 *
 * Forks come one after the other (list lock). Who waits for a process lock here waits for a call to end, or to be parked at the
 * border (neighbours.h), which is as good; a call never asks for the list lock. The leaves are taken for a moment at most: prepare
 * takes them last, shm manager before slabs.
 */
#include "check.h"
#include "growth.h"
#include "neighbours.h"

static struct tulou_process_vm *link_process(struct list *link)
{
	return container_of(link, struct tulou_process_vm, link);
}

/* Its lock is held afterwards, or its holder is parked. */
static void process_vm_freeze(struct tulou_process_vm *vm, uint32_t self)
{
	bool locked;

	neighbour_hold(vm, self, &locked);
	vm->frozen = locked;
	if (locked && !vm->torn && process_vm_is_behind(vm)) {
		process_vm_change_noted(vm);
		process_vm_catch_up(vm);
	}
}

static void process_vm_thaw(struct tulou_process_vm *vm)
{
	if (vm->frozen)
		process_vm_unlock(vm);
}

void pool_freeze(struct tulou *pool, uint32_t self)
{
	pool_lock_list(pool, self);
	guard_take(&pool->border, pool->host, self, NULL);
	list_for_each(link, &pool->processes) process_vm_freeze(link_process(link), self);
	process_vm_freeze(pool->limbo, self);
	manager_lock(&pool->manager, &pool->limbo->stock);
	guard_take(&pool->shm.guard, pool->host, self, NULL);
	slab_lock(&pool->record_slab, self, NULL);
}

void pool_thaw(struct tulou *pool)
{
	slab_unlock(&pool->record_slab);
	guard_drop(&pool->shm.guard, pool->host);
	manager_unlock(&pool->manager, &pool->limbo->stock);
	process_vm_thaw(pool->limbo);
	list_for_each(link, &pool->processes) process_vm_thaw(link_process(link));
	guard_drop(&pool->border, pool->host);
	pool_unlock_list(pool);
}

/* ---- others' memory stays out of the copy -------------------------------------------------------------------------------- */

/*
 * What is worth the two calls: shared anonymous memory, whose attachments are counted (System V), and private in large pieces, whose page
 * tables would be copied and each page of which would fault again. Small pieces and stacks cost less to copy and to take away; what maps
 * a file is left to that too, since advice on some devices cannot be taken back.
 */
enum { HIDDEN_LEAST = 1 << 20 };

static bool area_is_hidden(const struct area *area)
{
	const struct area_content *content = &area->content;

	if (content->pending || !(content->flags & TULOU_MAP_ANONYMOUS) || (content->flags & AREA_DONTFORK))
		return false;
	if ((content->flags & TULOU_MAP_TYPE) != TULOU_MAP_PRIVATE)
		return true;
	return (content->kind == TULOU_AREA_MMAP || content->kind == TULOU_AREA_HEAP) && range_size(area->range) >= HIDDEN_LEAST;
}

static void process_vm_advise(struct tulou_process_vm *vm, int advice)
{
	const struct tulou_host *host = vm->pool->host;
	struct area area = {.range = {0, 0}};

	while (!vm->torn && process_vm_area_above(vm, area.range.end, &area))
		if (area_is_hidden(&area))
			host->advise(host->ctx, area.range.start, range_size(area.range), advice);
}

static void others_advise(struct tulou *pool, const struct tulou_process_vm *keep, int advice)
{
	list_for_each(link, &pool->processes) if (link_process(link) != keep) process_vm_advise(link_process(link), advice);
}

/* All locks are held. Whoever died between hiding and showing has left others hidden, which only a fork would notice: this one. A host
 * that refuses copies more, that is all. */
static void others_hide(struct tulou *pool, const struct tulou_process_vm *keep)
{
	if (pool->hidden)
		others_advise(pool, NULL, TULOU_MADV_DOFORK);
	pool->hidden = pool->process_count > 1;
	if (pool->hidden)
		others_advise(pool, keep, TULOU_MADV_DONTFORK);
}

static void others_show(struct tulou *pool, const struct tulou_process_vm *keep)
{
	if (pool->hidden)
		others_advise(pool, keep, TULOU_MADV_DOFORK);
	pool->hidden = false;
}

void tulou_fork_prepare(struct tulou *pool, struct tulou_process_vm *keep)
{
	pool_freeze(pool, pool_self(pool));
	others_hide(pool, keep);
}

void tulou_fork_parent(struct tulou *pool, struct tulou_process_vm *keep)
{
	others_show(pool, keep);
	pool_thaw(pool);
}

/* Nobody else runs in the child: whatever a lock word says, its holder was not copied. */
static void locks_forget(struct tulou *pool)
{
	guard_init(&pool->list_guard);
	guard_init(&pool->record_slab.own);
	guard_init(&pool->shm.guard);
	guard_init(&pool->limbo->guard);
	guard_init(&pool->manager.guard);
	guard_init(&pool->border);
	list_for_each(link, &pool->processes)
	{
		guard_init(&link_process(link)->guard);
		link_process(link)->parked = false;
	}
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
		else if ((area.content.flags & AREA_LOCK_MASK) && !process_vm_may_change(vm, range))
			process_vm_change(vm, range, (struct area_change){.clear = AREA_LOCK_MASK, .prot = -1});
	}
	vm->lock_future = 0;
	vm->peak = vm->usage.total;
	growth_settle(vm, vm->growth);
	process_vm_leave(vm, range_between(0, 0));
}

void tulou_fork_child(struct tulou *pool, struct tulou_process_vm *keep)
{
	struct list *link = pool->processes.next;

	locks_forget(pool);
	pool->hidden = false;
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
