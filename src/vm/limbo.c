/* SPDX-License-Identifier: MIT */
/*
 * limbo.c - what the host would not take back.
 *
 *     process VM, being given back ──host refuses──→ limbo (a process VM of the pool's own) ──host accepts, later──→ free
 *
 * At the host's limit of areas even munmap can fail, and a process VM that is given back has nobody to tell. Its pages may still
 * be there, so the range stays booked, in the name of limbo, is never handed out, and is asked for again whenever a
 * process VM is given back. Limbo's lock comes last among the process locks.
 */
#include "process_vm.h"

/* A host that refused this often in a row will refuse the rest too: not every exit shall pay for all of limbo. */
enum { REFUSALS = 8 };

void limbo_take(struct tulou_process_vm *vm, struct range stretch)
{
	struct tulou_process_vm *limbo = vm->pool->limbo;
	struct vm_manager *manager = &vm->pool->manager;

	process_vm_lock(limbo, vm->stock.self);
	guard_name(&limbo->guard, vm->journal); /* one journal for all that this call changes */
	while (stretch.start < stretch.end) {
		struct owner *owner = process_vm_owner_above(vm, stretch.start);
		struct range part = range_cut(stretch, owner->chunk->range);

		manager_lock(manager, &vm->stock);
		chunk_lock(owner->chunk, &vm->stock);
		chunk_bequeath_locked(owner, process_vm_owner_get_locked(limbo, owner->chunk, &vm->stock), part, &vm->stock);
		chunk_unlock(owner->chunk, &vm->stock);
		manager_unlock(manager, &vm->stock);
		shm_flush(&vm->stock);
		process_vm_owner_settle(vm, owner);
		stretch.start = part.end;
	}
	process_vm_unlock(limbo);
}

void limbo_retry(struct tulou *pool, uint32_t self)
{
	struct tulou_process_vm *limbo = pool->limbo;
	struct range rest = pool->range, stretch;
	struct area first;
	int refusals = 0;

	process_vm_lock(limbo, self);
	while (refusals < REFUSALS && process_vm_stretch(limbo, rest, &stretch, &first)) {
		if (pool->host->unmap(pool->host->ctx, stretch.start, range_size(stretch)))
			refusals++;
		else
			process_vm_remove(limbo, stretch, false);
		rest.start = stretch.end;
	}
	stock_trim(&limbo->stock, 0);
	process_vm_unlock(limbo);
}
