/* SPDX-License-Identifier: MIT */
/*
 * fork.c - the memory of a child, as it is in one address space: the parent's areas made anew, at other addresses.
 *
 *     parent  |aabbb|  |cc|  heap |hhhh|       areas that touch stay together: a run is reserved, then its areas are mapped over it
 *     child      |cc|    heap |hhhh|  |aabbb|
 *
 * Contents do not matter here, so nothing is copied.
 */
#include <stdlib.h>
#include <tulou/inspect.h>

#include "replay.h"

enum { RESERVE = TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS | TULOU_MAP_NORESERVE, ALL_PROT = 7 };

struct areas {
	struct tulou_area_info *items;
	size_t count, capacity;
};

static int area_add(void *arg, const struct tulou_area_info *area)
{
	struct areas *areas = arg;

	if (area->kind != TULOU_AREA_MMAP && area->kind != TULOU_AREA_HEAP)
		return 0;
	if (areas->count == areas->capacity) {
		areas->capacity = areas->capacity ? 2 * areas->capacity : 64;
		areas->items = replay_alloc(areas->items, areas->capacity * sizeof(*areas->items));
	}
	areas->items[areas->count++] = *area;
	return 0;
}

static void area_copy(struct replay *replay, struct memory *child, const struct tulou_area_info *area, uint64_t to)
{
	int flags = (area->flags & (TULOU_MAP_TYPE | TULOU_MAP_ANONYMOUS)) | TULOU_MAP_FIXED | TULOU_MAP_NORESERVE;
	int fd = area->flags & TULOU_MAP_ANONYMOUS ? -1 : place_file_of(replay->place, area->dev, area->ino);

	if (fd < 0)
		flags |= TULOU_MAP_ANONYMOUS;
	tulou_mmap(child->vm, to, area->end - area->start, area->prot & ALL_PROT, flags, fd, fd < 0 ? 0 : area->offset);
	replay->stats.copied_areas++;
}

/* Areas first … last - 1 touch each other. `moved` learns where they went. */
static void run_copy(struct replay *replay, struct memory *child, const struct tulou_area_info *first,
	const struct tulou_area_info *last, struct range_map *moved)
{
	uint64_t start = first->start, size = last[-1].end - start;
	long to = tulou_mmap(child->vm, 0, size, TULOU_PROT_NONE, RESERVE, -1, 0);

	if (to < 0)
		return;
	for (const struct tulou_area_info *area = first; area < last; area++)
		area_copy(replay, child, area, (uint64_t)to + (area->start - start));
	range_map_add(moved, start, start + size, (uint64_t)to);
}

static void heap_area_copy(struct replay *replay, const struct memory *from, struct memory *child,
	const struct tulou_area_info *area, struct range_map *moved)
{
	uint64_t to = child->heap_here + (area->start - from->heap_here);

	if ((area->prot & ALL_PROT) != (TULOU_PROT_READ | TULOU_PROT_WRITE))
		tulou_mprotect(child->vm, to, area->end - area->start, area->prot & ALL_PROT);
	range_map_add(moved, area->start, area->end, to);
	replay->stats.copied_areas++;
}

/* The heap's areas, then what the program has unmapped within. */
static void heap_copy(
	struct replay *replay, struct memory *from, struct memory *child, const struct areas *areas, struct range_map *moved)
{
	uint64_t brk = (uint64_t)tulou_brk(from->vm, 0), at = from->heap_here, shift;

	child->heap_known = from->heap_known;
	child->heap_recorded = from->heap_recorded;
	child->heap_here = child->heap_start;
	if (!from->heap_known)
		return;
	shift = child->heap_here - from->heap_here;
	tulou_brk(child->vm, brk + shift);
	for (size_t i = 0; i < areas->count; i++) {
		const struct tulou_area_info *area = &areas->items[i];

		if (area->kind != TULOU_AREA_HEAP)
			continue;
		heap_area_copy(replay, from, child, area, moved);
		if (area->start > at)
			tulou_munmap(child->vm, at + shift, area->start - at);
		at = area->end;
	}
	if (page_ceil(brk) > at)
		tulou_munmap(child->vm, at + shift, page_ceil(brk) - at);
}

/* The parent's map, led through `moved`. */
static void map_copy(const struct range_map *from, struct range_map *to, const struct range_map *moved)
{
	for (size_t i = 0; i < from->count; i++) {
		const struct piece *item = &from->items[i];
		uint64_t back = item->start - item->to, end = item->to + (item->end - item->start);

		for (uint64_t at = item->to; at < end;) {
			bool mapped;
			struct piece piece = range_map_next(moved, at, end, &mapped);

			if (mapped)
				range_map_add(to, at + back, piece.end + back, piece.to);
			at = piece.end;
		}
	}
}

struct memory *memory_copy(struct replay *replay, struct memory *from, uint32_t id)
{
	struct memory *child = memory_create(replay, id);
	struct areas areas = {0};
	struct range_map moved = {0};
	size_t last;

	tulou_walk_process(from->vm, area_add, &areas);
	heap_copy(replay, from, child, &areas, &moved);
	for (size_t first = 0; first < areas.count; first = last) {
		last = first + 1;
		if (areas.items[first].kind == TULOU_AREA_HEAP)
			continue;
		while (last < areas.count && areas.items[last].kind == TULOU_AREA_MMAP &&
			areas.items[last].start == areas.items[last - 1].end)
			last++;
		run_copy(replay, child, &areas.items[first], &areas.items[last], &moved);
	}
	map_copy(&from->map, &child->map, &moved);
	range_map_fini(&moved);
	free(areas.items);
	return child;
}
