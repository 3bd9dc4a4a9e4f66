/* SPDX-License-Identifier: MIT */
/*
 * sim_areas.c - what is mapped where: a sorted array, searched by halves, shifted on insertion.
 *
 *     before  |AAAAAAAA|    |BB|      split at ^     |AA|AAAA|AA|    |BB|      remove the middle, insert, merge what agrees
 *
 * Plain on purpose: the real manager is measured against this one, so it must be obvious that it is right.
 */
#include "sim_internal.h"

#include <stdlib.h>
#include <string.h>

size_t sim_areas_from(const struct sim_areas *areas, uintptr_t addr)
{
	size_t low = 0, high = areas->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (areas->items[middle].end > addr)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

struct sim_extent *sim_areas_find(const struct sim_areas *areas, uintptr_t addr)
{
	size_t i = sim_areas_from(areas, addr);

	return i < areas->count && areas->items[i].start <= addr ? &areas->items[i] : NULL;
}

bool sim_areas_covered(const struct sim_areas *areas, uintptr_t start, uintptr_t end)
{
	for (size_t i = sim_areas_from(areas, start); start < end; i++) {
		if (i == areas->count || areas->items[i].start > start)
			return false;
		start = areas->items[i].end;
	}
	return true;
}

bool sim_areas_free(const struct sim_areas *areas, uintptr_t start, uintptr_t end)
{
	size_t i = sim_areas_from(areas, start);

	return i == areas->count || areas->items[i].start >= end;
}

size_t sim_areas_count_without(const struct sim_areas *areas, uintptr_t start, uintptr_t end)
{
	size_t count = areas->count;

	for (size_t i = sim_areas_from(areas, start); i < areas->count && areas->items[i].start < end; i++) {
		const struct sim_extent *extent = &areas->items[i];

		count += (size_t)(extent->start < start) + (size_t)(extent->end > end);
		count--;
	}
	return count;
}

/* Open `gap` places at `index`. */
static void sim_areas_open(struct sim_areas *areas, size_t index)
{
	if (areas->count == areas->room) {
		areas->room = areas->room ? areas->room * 2 : 64;
		areas->items = sim_alloc(areas->items, areas->room * sizeof(*areas->items));
	}
	memmove(&areas->items[index + 1], &areas->items[index], (areas->count - index) * sizeof(*areas->items));
	areas->count++;
}

static void sim_areas_close(struct sim_areas *areas, size_t index, size_t count)
{
	if (count == 0)
		return;
	areas->count -= count;
	memmove(&areas->items[index], &areas->items[index + count], (areas->count - index) * sizeof(*areas->items));
}

static void sim_areas_split_at(struct sim_areas *areas, uintptr_t addr)
{
	struct sim_extent *extent = sim_areas_find(areas, addr);

	if (!extent || extent->start == addr)
		return;
	size_t index = (size_t)(extent - areas->items);
	sim_areas_open(areas, index);
	struct sim_extent *low = &areas->items[index], *high = low + 1;

	low->end = addr;
	high->start = addr;
	if (high->file) {
		high->offset += addr - low->start;
		high->file->refs++;
	}
}

size_t sim_areas_split(struct sim_areas *areas, uintptr_t start, uintptr_t end)
{
	sim_areas_split_at(areas, start);
	sim_areas_split_at(areas, end);
	return sim_areas_from(areas, start);
}

void sim_areas_remove(struct sim_areas *areas, uintptr_t start, uintptr_t end)
{
	size_t first = sim_areas_split(areas, start, end), i = first;

	for (; i < areas->count && areas->items[i].end <= end; i++)
		sim_file_unref(areas->items[i].file);
	sim_areas_close(areas, first, i - first);
}

static bool sim_areas_agree(const struct sim_extent *low, const struct sim_extent *high)
{
	return low->end == high->start && low->prot == high->prot && low->max_prot == high->max_prot &&
	       low->shared == high->shared && low->grows == high->grows && low->lock == high->lock && low->file == high->file &&
	       (!low->file || low->offset + (low->end - low->start) == high->offset);
}

void sim_areas_merge(struct sim_areas *areas, uintptr_t start, uintptr_t end)
{
	/* from the area that ends at start to the one that begins at end */
	size_t i = sim_areas_from(areas, start ? start - 1 : 0), kept = i, next;

	if (i == areas->count)
		return;
	for (next = i + 1; next < areas->count && areas->items[next].start <= end; next++) {
		struct sim_extent *low = &areas->items[kept], *high = &areas->items[next];

		if (sim_areas_agree(low, high)) {
			low->end = high->end;
			sim_file_unref(high->file);
		} else {
			areas->items[++kept] = *high;
		}
	}
	sim_areas_close(areas, kept + 1, next - kept - 1);
}

void sim_areas_insert(struct sim_areas *areas, const struct sim_extent *extent)
{
	size_t index = sim_areas_from(areas, extent->start);

	sim_areas_open(areas, index);
	areas->items[index] = *extent;
	sim_areas_merge(areas, extent->start, extent->end);
}

void sim_areas_fini(struct sim_areas *areas)
{
	for (size_t i = 0; i < areas->count; i++)
		sim_file_unref(areas->items[i].file);
	free(areas->items);
	memset(areas, 0, sizeof(*areas));
}
