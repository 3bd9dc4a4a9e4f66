/* SPDX-License-Identifier: MIT */
/* record.c - see record.h. Records change hands one by one, or all at once when they come: a death loses none that is noted. */
#include "record.h"

_Static_assert(RECORDS_PER_CALL *(SLAB_TAKE_NOTES + RECORD_GIVE_NOTES) <= JOURNAL_ENTRIES, "all are taken in one step");

bool stock_reserve_slow(struct stock *stock, size_t count)
{
	struct slab_object *objects, *object;

	slab_lock(stock->slab, stock->self, stock->journal);
	objects = slab_take_locked(stock->slab, count - stock->count);
	for (object = objects; object; object = objects) {
		objects = object->next;
		record_give(stock, object, stock->own);
	}
	slab_unlock(stock->slab);
	return stock->count >= count;
}

void stock_trim(struct stock *stock, size_t keep)
{
	if (stock->count <= keep)
		return;
	slab_lock(stock->slab, stock->self, stock->journal);
	while (stock->count > keep) {
		slab_give_locked(stock->slab, record_take(stock));
		slab_step_locked(stock->slab);
	}
	slab_unlock(stock->slab);
}
