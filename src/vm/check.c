/* SPDX-License-Identifier: MIT */
/* check.c - see check.h: the rules of the pool as a whole, and when they are run. The boxes' own rules are in check_*.c. */
#include "check.h"

#include <tulou/inspect.h>

bool report_broken(struct report *report, const char *text, ...)
{
	va_list args;

	va_start(args, text);
	format_list(report->text, report->size, text, args);
	va_end(args);
	return false;
}

static struct tulou_process_vm *link_process(struct list *link)
{
	return container_of(link, struct tulou_process_vm, link);
}

static bool chunks_check(struct tulou *pool, struct report *report)
{
	const struct stock *stock = &pool->limbo->stock;
	const struct area_record *last = NULL;
	bool ok = true;

	for (struct tree_node *node = tree_first(&pool->manager.chunks); node && ok; node = tree_next(node)) {
		struct chunk *chunk = to_chunk(node);
		struct area_record *area;

		chunk_lock(chunk, stock);
		if (chunk->torn) { /* until its dead process is given back */
			chunk_unlock(chunk, stock);
			last = NULL;
			continue;
		}
		ok = chunk_check_locked(chunk, report);
		area = to_record(tree_first(&chunk->areas));
		if (ok && area && last && last->range.end == area->range.start && last->owner->process != area->owner->process)
			ok = report_broken(report, "V4: %lx: areas of two processes touch across chunks", area->range.start);
		if (area)
			last = to_record(tree_last(&chunk->areas));
		for (; ok && area; area = to_record(tree_next(&area->node)))
			if (area->content.pending)
				ok = report_broken(report, "V5: %lx: pending, but no call runs", area->range.start);
		chunk_unlock(chunk, stock);
	}
	return ok;
}

/* All locks are held. */
static bool frozen_check(struct tulou *pool, struct report *report)
{
	bool ok = manager_check_locked(&pool->manager, pool->range, report) && chunks_check(pool, report) &&
		  process_vm_check(pool->limbo, report);
	size_t count = 0;

	list_for_each(link, &pool->processes)
	{
		ok = ok && process_vm_check(link_process(link), report);
		count++;
	}
	if (ok && count != pool->process_count)
		ok = report_broken(report, "P5: %zu process VMs, counted %zu", count, pool->process_count);
	return ok && shm_check(pool, report) && slabs_check(pool, report);
}

bool pool_check(struct tulou *pool, struct report *report)
{
	bool ok;

	pool_freeze(pool, pool_self(pool));
	ok = frozen_check(pool, report);
	pool_thaw(pool);
	return ok;
}

enum { REPORT_SIZE = 200 };

void check_pool_or_panic(struct tulou *pool)
{
	char text[REPORT_SIZE];
	struct report report = {text, sizeof(text)};

	if (!pool_check(pool, &report))
		pool->host->panic(pool->host->ctx, text);
}

void check_touched(struct tulou_process_vm *vm, struct range touched)
{
	char text[REPORT_SIZE];
	struct report report = {text, sizeof(text)};
	struct owner *owner = process_vm_owner_above(vm, touched.start);
	bool ok = true;

	for (; ok && owner && owner->chunk->range.start < touched.end; owner = to_owner(tree_next(&owner->node))) {
		struct chunk *chunk = owner->chunk;

		chunk_lock(chunk, &vm->stock);
		if (vm->pool->check_level >= 2)
			ok = chunk_check_locked(chunk, &report);
		else
			ok = area_check_run(chunk, chunk_area_above_locked(chunk, touched.start), touched.end, &report);
		chunk_unlock(chunk, &vm->stock);
	}
	if (!ok)
		vm->pool->host->panic(vm->pool->host->ctx, text);
}
