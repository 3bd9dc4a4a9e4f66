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

/* The last area of a chunk, if it reaches up to its end. */
static struct tulou_process_vm *tail_owner(const struct chunk *chunk)
{
	struct step_tile tile = step_tile_at(&chunk->process->map, page_number(chunk->range.end - PAGE_SIZE));

	return tile.value >= STEP_AREA ? chunk->process : NULL;
}

static bool chunks_check(struct tulou *pool, struct report *report)
{
	struct tulou_process_vm *last = NULL;
	uintptr_t end = 0;
	bool ok = true;

	for (struct tree_node *node = tree_first(&pool->manager.chunks); node && ok; node = tree_next(node)) {
		struct chunk *chunk = to_chunk(node);

		if (chunk->process->torn || process_vm_is_behind(chunk->process)) { /* until it is given back, or has caught up */
			last = NULL;
			continue;
		}
		ok = chunk_check(chunk, report);
		if (ok && last && end == chunk->range.start && last != chunk->process && chunk->head_used)
			ok = report_broken(report, "V4: %lx: areas of two processes touch across chunks", end);
		last = tail_owner(chunk);
		end = chunk->range.end;
	}
	return ok;
}

/* All locks are held. */
static bool frozen_check(struct tulou *pool, struct report *report)
{
	bool ok = manager_check_locked(&pool->manager, pool->range, report) && chunks_check(pool, report) &&
		  process_vm_check(pool->limbo, true, report);
	uint64_t granted = 0;
	size_t count = 0;

	list_for_each(link, &pool->processes)
	{
		granted += pool->memory_limit ? link_process(link)->granted : 0;
		ok = ok && process_vm_check(link_process(link), true, report);
		count++;
	}
	if (ok && granted > pool->committed)
		ok = report_broken(report, "P7: %lu bytes granted, counted %lu", granted, pool->committed);
	if (ok && count != pool->process_count)
		ok = report_broken(report, "P6: %zu process VMs, counted %zu", count, pool->process_count);
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

static bool areas_check(struct tulou_process_vm *vm, struct range range, struct report *report)
{
	struct step_tile tile = {.end = page_number(range.start)};

	while (tile.end < page_number(range.end) && step_area_above(&vm->map, tile.end, &tile))
		if (tile.value >= content_end(&vm->contents) || !content_is_used(content_at(&vm->contents, tile.value)))
			return report_broken(report, "V1: %lx: an area of no content", page_address(tile.page));
	return true;
}

void check_touched(struct tulou_process_vm *vm, struct range touched)
{
	char text[REPORT_SIZE];
	struct report report = {text, sizeof(text)};
	bool ok = areas_check(vm, touched, &report);

	if (ok && vm->pool->check_level >= 2)
		ok = process_vm_check(vm, false, &report);
	if (!ok)
		vm->pool->host->panic(vm->pool->host->ctx, text);
}
