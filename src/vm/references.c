/* SPDX-License-Identifier: MIT */
/*
 * references.c - who has a process VM.
 *
 *     slot of a process ──place──→ process VM {references: 2} ←──place── slot of its vfork child
 *
 * A task can die between counting a reference and writing down that it has one. So a reference that somebody else gives back when
 * its task dies is bound to a place, a pointer in memory that outlives the task: count and place change in one noted step, under
 * the process VM's lock. Once that lock is taken over (tulou_reap), the place says what the dead had, no more and no less.
 *
 * The last to leave writes in place of the count that it is his to give the process VM back; who dies in that is followed.
 */
#include "check.h"
#include "process_vm.h"

/* Others read both without the lock. */
void references_set(struct journal *journal, struct tulou_process_vm *vm, uint32_t references)
{
	journal_note(journal, &vm->references, sizeof(vm->references));
	__atomic_store_n(&vm->references, references, __ATOMIC_RELEASE);
}

void place_set(struct journal *journal, struct tulou_process_vm **place, struct tulou_process_vm *vm)
{
	journal_note(journal, place, sizeof(*place));
	__atomic_store_n(place, vm, __ATOMIC_RELEASE);
}

/* The caller may be of another process: his death tears nothing. */
static void references_lock(struct tulou_process_vm *vm, uint32_t self)
{
	process_vm_lock(vm, self);
	process_vm_change_noted(vm);
}

/* Under the lock: a call that runs has begun with the knowledge that nobody outlives it. */
static void reference_add(struct tulou_process_vm *vm, struct tulou_process_vm **place)
{
	references_lock(vm, pool_self(vm->pool));
	references_set(vm->journal, vm, vm->references + 1);
	if (place)
		place_set(vm->journal, place, vm);
	nooks_settle(vm);
	process_vm_unlock(vm);
}

static void reference_end(struct tulou_process_vm *vm, struct tulou_process_vm **place)
{
	struct tulou *pool = vm->pool;
	uint32_t self = pool_self(pool);
	bool last;

	references_lock(vm, self);
	last = vm->references == 1;
	references_set(vm->journal, vm, last ? REFERENCES_GOING | self : vm->references - 1);
	if (place)
		place_set(vm->journal, place, NULL);
	process_vm_unlock(vm);
	if (!last)
		return;
	process_vm_give_back(vm);
	limbo_retry(pool, self);
	if (unlikely(pool->check_level >= 3))
		check_pool_or_panic(pool);
}

void tulou_process_vm_ref(struct tulou_process_vm *vm)
{
	reference_add(vm, NULL);
}

void tulou_process_vm_unref(struct tulou_process_vm *vm)
{
	reference_end(vm, NULL);
}

void tulou_process_vm_share(struct tulou_process_vm *vm, struct tulou_process_vm **place)
{
	reference_add(vm, place);
}

void tulou_process_vm_drop(struct tulou_process_vm **place)
{
	struct tulou_process_vm *vm = __atomic_load_n(place, __ATOMIC_ACQUIRE);

	if (vm)
		reference_end(vm, place);
}

void tulou_process_vm_swap(struct tulou_process_vm **one, struct tulou_process_vm **other)
{
	struct tulou_process_vm *vm = *one, *next = *other;

	references_lock(next, pool_self(next->pool));
	place_set(next->journal, one, next);
	place_set(next->journal, other, vm);
	process_vm_unlock(next);
}

bool tulou_process_vm_exclusive(const struct tulou_process_vm *vm)
{
	return __atomic_load_n(&vm->references, __ATOMIC_ACQUIRE) == 1;
}
