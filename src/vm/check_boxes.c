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

static bool area_check(const struct chunk *chunk, const struct area_record *area, struct report *report)
{
	struct range r = area->range;

	if (range_is_empty(r) || !page_is_aligned(r.start | r.end) || !range_covers(chunk_usable(chunk), r))
		return report_broken(report, "V1: area %lx-%lx is empty, unaligned or outside its chunk", r.start, r.end);
	if (area->owner->chunk != chunk)
		return report_broken(report, "V1: area %lx-%lx: the owner is of another chunk", r.start, r.end);
	return true;
}

static bool area_check_pair(const struct area_record *area, const struct area_record *next, struct report *report)
{
	if (next->range.start < area->range.end)
		return report_broken(report, "V2: area %lx-%lx overlaps the one before", next->range.start, next->range.end);
	if (next->range.start > area->range.end)
		return true;
	if (area_continues(area, next))
		return report_broken(report, "V3: areas at %lx and %lx could be one", area->range.start, next->range.start);
	if (area->owner->process != next->owner->process)
		return report_broken(report, "V4: %lx: areas of two processes touch", next->range.start);
	return true;
}

bool area_check_run(const struct chunk *chunk, struct area_record *from, uintptr_t end, struct report *report)
{
	while (from) {
		struct area_record *next = to_record(tree_next(&from->node));

		if (!area_check(chunk, from, report) || (next && !area_check_pair(from, next, report)))
			return false;
		from = from->range.start < end ? next : NULL;
	}
	return true;
}

/* The areas of one owner, counted. */
static size_t owner_areas_count(const struct owner *owner)
{
	size_t count = 0;

	for (struct tree_node *node = tree_first(&owner->chunk->areas); node; node = tree_next(node))
		count += to_record(node)->owner == owner;
	return count;
}

static bool chunk_check_owners(const struct chunk *chunk, struct report *report)
{
	size_t owners = 0, areas = 0;

	list_for_each(link, &chunk->owners)
	{
		const struct owner *owner = link_owner(link);

		if (owner->chunk != chunk || link->next->prev != link)
			return report_broken(report, "C4: chunk %lx: the list of owners is torn", chunk->range.start);
		if (owner->area_count != owner_areas_count(owner))
			return report_broken(report, "C4: chunk %lx: process %u has %zu areas, counted %u", chunk->range.start,
				owner->process->id, owner_areas_count(owner), owner->area_count);
		areas += owner->area_count;
		owners++;
	}
	if (owners != chunk->owner_count || areas != chunk->area_count)
		return report_broken(report, "C4: chunk %lx: counts of owners or areas are wrong", chunk->range.start);
	if (chunk->kind == TULOU_CHUNK_SINGLE && (owners > 1 || areas > 1))
		return report_broken(
			report, "C5: chunk %lx: single, with %zu owners and %zu areas", chunk->range.start, owners, areas);
	return true;
}

bool chunk_check_locked(const struct chunk *chunk, struct report *report)
{
	const char *broken = tree_check(&chunk->areas);
	size_t used = 0;

	if (broken)
		return report_broken(report, "V2: chunk %lx: areas: %s", chunk->range.start, broken);
	if (!area_check_run(chunk, to_record(tree_first(&chunk->areas)), chunk->range.end, report) ||
		!free_space_check(&chunk->free, chunk_usable(chunk), report))
		return false;
	for (struct tree_node *node = tree_first(&chunk->areas); node; node = tree_next(node)) {
		struct free_range *free = free_space_above(&chunk->free, to_record(node)->range.start);

		used += range_size(to_record(node)->range);
		if (free && range_overlaps(free->range, to_record(node)->range))
			return report_broken(report, "C3: %lx is both free and in an area", to_record(node)->range.start);
	}
	if (used != chunk->used || used + chunk->free.total != range_size(chunk_usable(chunk)))
		return report_broken(report, "C3: chunk %lx: %zu used + %zu free is not its size", chunk->range.start, used,
			chunk->free.total);
	return chunk_check_owners(chunk, report);
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
		if (list_is_empty(&chunk->owners) && !chunk->torn)
			return report_broken(report, "C6: chunk %lx has no owner", chunk->range.start);
		last = chunk->range.end;
		size += range_size(chunk->range);
		count++;
	}
	if (count != manager->chunk_count || size + manager->free.total != range_size(pool))
		return report_broken(
			report, "C2: %zu bytes in %zu chunks + %zu free is not the pool", size, count, manager->free.total);
	return free_space_check(&manager->free, pool, report);
}
