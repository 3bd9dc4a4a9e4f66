/* SPDX-License-Identifier: MIT */
/*
 * parked.c - process VMs without a process, kept for the next one (tulou.h).
 *
 *     bound to a task ──park──▶ REFERENCES_PARKED, in front of the pool's set ──unpark──▶ bound to the task that asked
 *          │ dies                                                                              │ dies
 *          └──────────────────────────────▶ tulou_reap() ◀─────────────────────────────────────┘
 *
 * Whose it is says one word, changed by compare-and-swap; place and label are set before that word says "parked", so that a death in
 * between leaves it with the task that died.
 */
#include "growth.h"

/* In front of the set stand the parked ones, and a few that are being parked or taken just now. */
enum { OTHERS_BETWEEN = 8 };

static struct tulou_process_vm *link_vm(struct list *link)
{
	return container_of(link, struct tulou_process_vm, link);
}

static bool is_parked(const struct tulou_process_vm *vm)
{
	return __atomic_load_n(&vm->references, __ATOMIC_ACQUIRE) == REFERENCES_PARKED;
}

/* An area that has what mmap(2) did not give it, or pages that the host was told of more than that (exact). */
static bool is_marked(struct tulou_process_vm *vm)
{
	const int plain = TULOU_MAP_TYPE | TULOU_MAP_ANONYMOUS | TULOU_MAP_NORESERVE;
	struct area area = {.range = {0, 0}};

	while (growth_area_above(vm, area.range.end, &area))
		if (area.content.flags & ~(area.content.kind == TULOU_AREA_STACK ? plain | TULOU_MAP_GROWSDOWN : plain))
			return true;
	return vm->exact || vm->sealed || vm->huge || vm->lock_future;
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
		vm->limit_as = vm->limit_data = UINT64_MAX;
		vm->peak = vm->usage.total;
	}
	process_vm_leave(vm, range_between(0, 0));
	return error;
}

int tulou_process_vm_park(struct tulou_process_vm *vm, void *label)
{
	struct tulou *pool = vm->pool;
	uint32_t self = pool_self(pool), mine = REFERENCES_GOING | self;
	int error = __atomic_load_n(&vm->references, __ATOMIC_RELAXED) == mine ? renew(vm) : -TULOU_EBUSY;

	if (error)
		return error;
	pool_lock_list(pool, self);
	list_remove(&vm->link, pool->list_journal);
	list_insert(&pool->processes, &vm->link, pool->list_journal);
	journal_set(pool->list_journal, &vm->label, label);
	journal_set(pool->list_journal, &vm->id, 0);
	pool_unlock_list(pool);
	__atomic_compare_exchange_n(&vm->references, &mine, REFERENCES_PARKED, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
	return 0;
}

void *tulou_process_vm_label(const struct tulou_process_vm *vm)
{
	return vm->label;
}

struct tulou_process_vm *tulou_process_vm_unpark(struct tulou *pool, bool (*match)(void *arg, void *label), void *arg)
{
	uint32_t self = pool_self(pool), others = 0, parked = REFERENCES_PARKED;
	struct tulou_process_vm *found = NULL;

	pool_lock_list(pool, self);
	for (struct list *link = pool->processes.next; link != &pool->processes && !found && others < OTHERS_BETWEEN;
		link = link->next) {
		if (!is_parked(link_vm(link)))
			others++;
		else if (match(arg, link_vm(link)->label))
			found = link_vm(link);
	}
	if (found) {
		__atomic_compare_exchange_n(
			&found->references, &parked, REFERENCES_GOING | self, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
		list_remove(&found->link, pool->list_journal);
		list_append(&pool->processes, &found->link, pool->list_journal);
	}
	pool_unlock_list(pool);
	return found;
}
