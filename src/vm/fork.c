/* SPDX-License-Identifier: MIT */
/*
 * fork.c - a consistent copy of the books.
 *
 *     prepare:  list lock → border → all process locks, each with its nooks', in the order of the list, then limbo → manager lock
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
	nooks_hold(vm, self);
}

static void process_vm_thaw(struct tulou_process_vm *vm)
{
	nooks_release(vm, pool_self(vm->pool));
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
 * Everything of the others is hidden from the copy (MADV_DONTFORK), and stays so: what the host does not copy costs a tenth, and
 * what a process has not changed since the last fork costs nothing. Who forks shows its own again.
 *
 *     vm->hidden    NONE ── another forks ──▶ ALL ── a call changes areas ──▶ SOME ── another forks ──▶ ALL
 *                     ◀────────────────────── forks itself ──────────────────────
 *
 * A host that refuses copies more, that is all. On devices the advice cannot always be taken back: a process that has one shows its
 * files. Nor is it given for what grows: the books may not know all of it yet, and the kernel measures the two parts one by one.
 */
static bool area_can_hide(const struct tulou_process_vm *vm, const struct area_content *content)
{
	return !content->pending && !(content->flags & (AREA_DONTFORK | TULOU_MAP_GROWSDOWN)) && content_has_pages(content) &&
	       (!vm->has_device || content->flags & TULOU_MAP_ANONYMOUS);
}

static void range_advise(const struct tulou_host *host, struct range range, int advice)
{
	if (!range_is_empty(range))
		host->advise(host->ctx, range.start, range_size(range), advice);
}

/* The lowest area from `from` on that has pages, or as much of it as lies below what is idle in a nook, which has none. */
static bool area_from(struct tulou_process_vm *vm, uintptr_t from, struct area *out)
{
	while (process_vm_area_above(vm, from, out)) {
		struct range gone;

		out->range.start = size_max(out->range.start, from);
		gone = nooks_lowest(vm->nooks, out->range, NOOK_FREE);
		if (gone.start > out->range.start) {
			out->range.end = gone.start;
			return true;
		}
		from = gone.end;
	}
	return false;
}

/* Its areas, those that touch at once; what the process itself keeps from its copies stays so. */
static void process_vm_advise(struct tulou_process_vm *vm, int advice)
{
	const struct tulou_host *host = vm->pool->host;
	struct range run = range_between(0, 0);
	struct area area = {.range = run};

	while (!vm->torn && area_from(vm, area.range.end, &area)) {
		if (!area_can_hide(vm, &area.content))
			continue;
		if (area.range.start != run.end) {
			range_advise(host, run, advice);
			run.start = area.range.start;
		}
		run.end = area.range.end;
	}
	range_advise(host, run, advice);
}

/* All locks are held. The mark comes before the first area, and goes after the last: who dies in between leaves one too many. */
static void others_hide(struct tulou *pool, struct tulou_process_vm *keep)
{
	if (keep->hidden != HIDDEN_NONE)
		process_vm_advise(keep, TULOU_MADV_DOFORK);
	keep->hidden = HIDDEN_NONE;
	list_for_each(link, &pool->processes)
	{
		struct tulou_process_vm *vm = link_process(link);

		if (vm == keep || vm->hidden == HIDDEN_ALL)
			continue;
		vm->hidden = HIDDEN_SOME;
		process_vm_advise(vm, TULOU_MADV_DONTFORK);
		vm->hidden = HIDDEN_ALL;
	}
}

void tulou_fork_prepare(struct tulou *pool, struct tulou_process_vm *keep)
{
	pool_freeze(pool, pool_self(pool));
	others_hide(pool, keep);
}

void tulou_fork_parent(struct tulou *pool, struct tulou_process_vm *keep)
{
	(void)keep;
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
		struct tulou_process_vm *vm = link_process(link);

		guard_init(&vm->guard);
		nooks_init_locks(vm);
		vm->interrupted |= vm->parked; /* by a call that was not copied, and will not go on */
		vm->parked = false;
	}
}

/* What MADV_DONTFORK keeps out of the copy; locks are not copied either. The host may have left it out already: taking away what is
 * not there is no error. */
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
			process_vm_remove(vm, range);
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
	while (link != &pool->processes) {
		struct tulou_process_vm *vm = link_process(link);

		link = link->next;
		__atomic_store_n(&vm->references, 1, __ATOMIC_RELAXED); /* whoever else shared it was not copied */
		if (vm != keep)
			process_vm_give_back(vm);
	}
	leave_behind(keep);
	limbo_retry(pool, pool_self(pool));
	if (unlikely(pool->check_level >= 3))
		check_pool_or_panic(pool);
}
