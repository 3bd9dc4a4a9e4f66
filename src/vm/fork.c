/* SPDX-License-Identifier: MIT */
/*
 * fork.c - a consistent copy of the books.
 *
 *     prepare:  list lock → all process locks, in the order of the list, then limbo → manager lock
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

void pool_freeze(struct tulou *pool, uint32_t self)
{
	pool_lock_list(pool, self);
	list_for_each(link, &pool->processes) process_vm_lock(link_process(link), self);
	process_vm_lock(pool->limbo, self);
	manager_lock(&pool->manager, &pool->limbo->stock);
	guard_take(&pool->shm.guard, pool->host, self, NULL);
	slab_lock(&pool->record_slab, self, NULL);
}

void pool_thaw(struct tulou *pool)
{
	slab_unlock(&pool->record_slab);
	guard_drop(&pool->shm.guard, pool->host);
	manager_unlock(&pool->manager, &pool->limbo->stock);
	process_vm_unlock(pool->limbo);
	list_for_each(link, &pool->processes) process_vm_unlock(link_process(link));
	pool_unlock_list(pool);
}

/* ---- others' memory stays out of the copy -------------------------------------------------------------------------------- */

/*
 * What is worth the two calls: shared anonymous memory, whose attachments are counted (System V), and private in large pieces, whose page
 * tables would be copied and each page of which would fault again. Small pieces and stacks cost less to copy and to take away; what maps
 * a file is left to that too, since advice on some devices cannot be taken back.
 */
enum { HIDDEN_LEAST = 1 << 20 };

static bool area_is_hidden(const struct area_record *area)
{
	const struct area_content *content = &area->content;

	if (content->pending || !(content->flags & TULOU_MAP_ANONYMOUS) || (content->flags & AREA_DONTFORK))
		return false;
	if ((content->flags & TULOU_MAP_TYPE) != TULOU_MAP_PRIVATE)
		return true;
	return (content->kind == TULOU_AREA_MMAP || content->kind == TULOU_AREA_HEAP) && range_size(area->range) >= HIDDEN_LEAST;
}

/* The areas of one process in one chunk. Read without its lock, which nobody alive can hold now: taking it would say that we change the
 * chunk, and whoever took it over from us would take it for torn. */
static void chunk_advise(const struct owner *owner, const struct tulou_host *host, int advice)
{
	if (owner->chunk->torn || lock_is_taken(&owner->chunk->guard.lock))
		return;
	for (struct tree_node *node = tree_first(&owner->chunk->areas); node; node = tree_next(node)) {
		const struct area_record *area = to_record(node);

		if (area->owner == owner && area_is_hidden(area))
			host->advise(host->ctx, area->range.start, range_size(area->range), advice);
	}
}

static void process_vm_advise(const struct tulou_process_vm *vm, int advice)
{
	for (struct tree_node *node = vm->torn ? NULL : tree_first(&vm->owners); node; node = tree_next(node))
		chunk_advise(to_owner(node), vm->pool->host, advice);
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

/* Nobody else runs in the child: whatever a lock word says, its holder was not copied. A chunk's can only be a dead one's, which
 * nobody has taken over yet. */
static void locks_forget(struct tulou *pool)
{
	guard_init(&pool->list_guard);
	guard_init(&pool->record_slab.own);
	guard_init(&pool->shm.guard);
	guard_init(&pool->limbo->guard);
	guard_init(&pool->manager.guard);
	list_for_each(link, &pool->processes) guard_init(&link_process(link)->guard);
	for (struct tree_node *node = tree_first(&pool->manager.chunks); node; node = tree_next(node)) {
		struct chunk *chunk = to_chunk(node);

		if (lock_is_taken(&chunk->guard.lock) && chunk->guard.journal == JOURNAL_UNNOTED)
			chunk->torn = true;
		guard_init(&chunk->guard);
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
		else if (area.content.flags & AREA_LOCK_MASK)
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
