/* SPDX-License-Identifier: MIT */
/*
 * shelf.c - process VMs without a process, kept for the next one (tulou.h).
 *
 *     place of a process ──shelve──▶ REFERENCES_SHELVED, in front of the pool's set ──unshelve──▶ place of the next process
 *                                                    └──────discard──▶ REFERENCES_GOING, given back
 *
 * Count, place, label and order in the set change in one step that the list's journal notes, so a death leaves it with the one or
 * the other. Before and after, it is its process's, and torn if that dies in a call.
 */
#include "growth.h"

static struct tulou_process_vm *link_vm(struct list *link)
{
	return container_of(link, struct tulou_process_vm, link);
}

/* An area that has what mmap(2) did not give it, or pages that the host was told of more than that (exact). */
static bool is_marked(struct tulou_process_vm *vm)
{
	const int plain = TULOU_MAP_TYPE | TULOU_MAP_ANONYMOUS | TULOU_MAP_NORESERVE;
	struct area area = {.range = {0, 0}};

	while (growth_area_above(vm, area.range.end, &area))
		if (area.content.flags & ~(area.content.kind == TULOU_AREA_STACK ? plain | TULOU_MAP_GROWSDOWN : plain))
			return true;
	return vm->exact || vm->sealed || vm->huge || vm->has_device || vm->lock_future;
}

/* Nothing that a fresh one has not, but for its areas. */
static int renew(struct tulou_process_vm *vm)
{
	int error = process_vm_enter(vm);

	if (error)
		return error;
	error = resident_drop(vm, vm->pool->range);
	if (!error && is_marked(vm))
		error = -TULOU_EBUSY;
	if (!error) {
		resident_forget(vm);
		vm->resident = (struct resident){.count = 0};
		vm->meetings = 0;
		process_vm_limit(vm, UINT64_MAX, UINT64_MAX);
		vm->peak = vm->usage.total;
	}
	process_vm_leave(vm, range_between(0, 0));
	return error;
}

int tulou_process_vm_shelve(struct tulou_process_vm **place, void *label)
{
	struct tulou_process_vm *vm = *place;
	struct tulou *pool = vm->pool;
	struct journal *journal = pool->list_journal;
	int error = tulou_process_vm_exclusive(vm) ? renew(vm) : -TULOU_EBUSY;

	if (error)
		return error;
	pool_lock_list(pool, pool_self(pool));
	list_remove(&vm->link, journal);
	list_insert(&pool->processes, &vm->link, journal);
	journal_set(journal, &vm->label, label);
	references_set(journal, vm, REFERENCES_SHELVED);
	place_set(journal, place, NULL);
	tulou_process_vm_set_id(vm, 0);
	pool_unlock_list(pool);
	return 0;
}

/* The list is locked. The first on the shelf that `match` takes goes to the end of the set, with another count. */
static struct tulou_process_vm *take_locked(
	struct tulou *pool, bool (*match)(void *arg, void *label), void *arg, uint32_t references)
{
	list_for_each(link, &pool->processes)
	{
		struct tulou_process_vm *vm = link_vm(link);

		if (__atomic_load_n(&vm->references, __ATOMIC_ACQUIRE) != REFERENCES_SHELVED)
			return NULL;
		if (!match(arg, vm->label))
			continue;
		references_set(pool->list_journal, vm, references);
		list_remove(&vm->link, pool->list_journal);
		list_append(&pool->processes, &vm->link, pool->list_journal);
		return vm;
	}
	return NULL;
}

void *tulou_process_vm_unshelve(
	struct tulou *pool, bool (*match)(void *arg, void *label), void *arg, struct tulou_process_vm **place)
{
	struct tulou_process_vm *vm;
	void *label = NULL;

	pool_lock_list(pool, pool_self(pool));
	vm = take_locked(pool, match, arg, 1);
	if (vm) {
		place_set(pool->list_journal, place, vm);
		label = vm->label;
	}
	pool_unlock_list(pool);
	return label;
}

void *tulou_process_vm_discard(struct tulou *pool, bool (*match)(void *arg, void *label), void *arg)
{
	uint32_t self = pool_self(pool);
	struct tulou_process_vm *vm;
	void *label;

	pool_lock_list(pool, self);
	vm = take_locked(pool, match, arg, REFERENCES_GOING | self);
	label = vm ? vm->label : NULL;
	pool_unlock_list(pool);
	if (vm)
		process_vm_give_back(vm);
	return label;
}
