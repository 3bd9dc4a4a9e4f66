/* SPDX-License-Identifier: MIT */
/* check_boxes.c - see check.h: the rules of each box by itself. Reads like docs/invariants.md. */
#include "check.h"

bool free_space_check(const struct free_space *space, struct range within, struct report *report)
{
	const char *broken = tree_check(&space->tree);
	struct range last = {0, 0};
	size_t total = 0;

	if (broken)
		return report_broken(report, "F3: free space at %lx: %s", within.start, broken);
	for (struct tree_node *node = tree_first(&space->tree); node; node = tree_next(node)) {
		struct range r = container_of(node, struct free_range, node)->range;

		if (range_is_empty(r) || !page_is_aligned(r.start | r.end) || !range_covers(within, r))
			return report_broken(report, "F1: free range %lx-%lx is empty, unaligned or outside", r.start, r.end);
		if (total && r.start <= last.end)
			return report_broken(report, "F2: free range %lx-%lx touches the one before", r.start, r.end);
		total += range_size(r);
		last = r;
	}
	if (total != space->total)
		return report_broken(report, "F4: free space at %lx: %zu bytes, counted %zu", within.start, space->total, total);
	return true;
}

static bool tile_check(const struct chunk *chunk, const struct step_tile *tile, struct report *report)
{
	const struct content_table *contents = &chunk->process->contents;
	uintptr_t at = page_address(tile->page);

	if (tile->value == STEP_NONE || tile->end > page_number(chunk->range.end))
		return report_broken(report, "C3: chunk %lx: the map says nothing, or goes on, at %lx", chunk->range.start, at);
	if (tile->first != (at == chunk->range.start))
		return report_broken(report, "C3: chunk %lx: a mark is missing, or wrong, at %lx", chunk->range.start, at);
	if (tile->value < STEP_AREA)
		return true;
	if (tile->value >= content_end(contents) || !content_is_used(content_at(contents, tile->value)))
		return report_broken(report, "V1: %lx: an area of no content", at);
	if (content_at(contents, tile->value)->is.pending)
		return report_broken(report, "V5: %lx: pending, but no call runs", at);
	return true;
}

bool chunk_check(struct chunk *chunk, struct report *report)
{
	struct step_tile tile = {.end = page_number(chunk->range.start)};
	bool head = false, tail = false;
	size_t areas = 0;

	while (tile.end < page_number(chunk->range.end)) {
		tile = step_tile_at(&chunk->process->map, tile.end);
		if (!tile_check(chunk, &tile, report))
			return false;
		head = areas || tile_range(&tile).start > chunk->range.start ? head : tile.value >= STEP_AREA;
		tail = tile.value >= STEP_AREA;
		areas += tail;
	}
	if (head != chunk->head_used || tail != chunk->tail_used)
		return report_broken(report, "C4: chunk %lx: its edges are used otherwise than it says", chunk->range.start);
	if (!areas && chunk->range.start != chunk->process->heap_start && chunk->range.start != chunk->process->warm)
		return report_broken(report, "C6: process %u: chunk %lx is empty, but was not given back", chunk->process->id,
			chunk->range.start);
	return true;
}

bool manager_check_locked(const struct vm_manager *manager, struct range pool, struct report *report)
{
	const char *broken = tree_check(&manager->chunks);
	uintptr_t last = pool.start;
	size_t size = 0, count = 0;

	if (broken)
		return report_broken(report, "C1: chunks: %s", broken);
	for (struct tree_node *node = tree_first(&manager->chunks); node; node = tree_next(node)) {
		const struct chunk *chunk = to_chunk(node);
		struct free_range *free = free_space_above(&manager->free, chunk->range.start);

		if (range_is_empty(chunk->range) || !page_is_aligned(chunk->range.start | chunk->range.end) ||
			chunk->range.start < last || chunk->range.end > pool.end)
			return report_broken(report, "C1: chunk %lx-%lx is empty, unaligned, outside or overlaps",
				chunk->range.start, chunk->range.end);
		if (free && range_overlaps(free->range, chunk->range))
			return report_broken(report, "C2: chunk %lx lies in the pool's free space", chunk->range.start);
		if (!chunk->process || list_is_empty(&chunk->link))
			return report_broken(report, "C5: chunk %lx has no owner", chunk->range.start);
		last = chunk->range.end;
		size += range_size(chunk->range);
		count++;
	}
	if (count != manager->chunk_count || size + manager->free.total != range_size(pool))
		return report_broken(
			report, "C2: %zu bytes in %zu chunks + %zu free is not the pool", size, count, manager->free.total);
	return free_space_check(&manager->free, pool, report);
}
