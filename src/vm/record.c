/* SPDX-License-Identifier: MIT */
/* record.c - see record.h. */
#include "record.h"

bool stock_reserve_slow(struct stock *stock, size_t count)
{
	struct slab_object *objects = slab_take(stock->slab, stock->self, count - stock->count);

	if (!objects)
		return false;
	while (objects) {
		struct slab_object *object = objects;

		objects = object->next;
		record_give(stock, object);
	}
	return true;
}

void stock_trim(struct stock *stock, size_t keep)
{
	struct slab_object **rest = &stock->records, *surplus;

	if (stock->count <= keep)
		return;
	for (size_t kept = 0; kept < keep; kept++)
		rest = &(*rest)->next;
	surplus = *rest;
	*rest = NULL;
	stock->count = keep;
	slab_give(stock->slab, stock->self, surplus);
}
