/* SPDX-License-Identifier: MIT */
/*
 * limbo.c - what the host would not take back.
 *
 *     process VM, being given back ──host refuses──→ limbo (a process VM of the pool's own) ──host accepts, later──→ free
 *
 * At the host's limit of areas even munmap can fail, and a process VM that is given back has nobody to tell. Its pages may still
 * be there, so the range stays booked as a chunk of limbo's, is never handed out, and is asked for again whenever a process VM is
 * given back. Handing over needs no memory: limbo learns of it when it catches up. Its lock comes last among the process locks.
 */
#include "process_vm.h"

/* A host that refused this often in a row will refuse the rest too: not every exit shall pay for all of limbo. */
enum { REFUSALS = 8 };

void limbo_take_locked(struct tulou *pool, struct chunk *chunk, struct stock *stock)
{
	struct tulou_process_vm *limbo = pool->limbo;

	list_remove(&chunk->link, stock->journal);
	list_append(&limbo->chunks, &chunk->link, stock->journal);
	journal_set(stock->journal, &chunk->process, limbo);
	journal_set(stock->journal, &chunk->head_used, true);
	journal_set(stock->journal, &chunk->tail_used, true);
	process_vm_stale(limbo, chunk->range, stock);
}

void limbo_retry(struct tulou *pool, uint32_t self)
{
	struct tulou_process_vm *limbo = pool->limbo;
	struct range rest = pool->range, stretch;
	struct area_seen first;
	int refusals = 0;

	process_vm_lock(limbo, self);
	if (process_vm_is_behind(limbo))
		process_vm_catch_up(limbo);
	while (refusals < REFUSALS && process_vm_reserve(limbo) && process_vm_stretch(limbo, rest, &stretch, &first)) {
		if (pool->host->unmap(pool->host->ctx, stretch.start, range_size(stretch)))
			refusals++;
		else
			process_vm_remove(limbo, stretch);
		rest.start = stretch.end;
	}
	stock_trim(&limbo->stock, 0);
	process_vm_unlock(limbo);
}
