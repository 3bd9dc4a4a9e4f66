/* SPDX-License-Identifier: MIT */
#include "range_map.h"

#include <stdlib.h>
#include <string.h>

#include "replay.h"

void range_map_fini(struct range_map *map)
{
	free(map->items);
	memset(map, 0, sizeof(*map));
}

size_t range_map_seek(const struct range_map *map, uint64_t addr)
{
	size_t low = 0, high = map->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (map->items[middle].end <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct piece range_map_next(const struct range_map *map, uint64_t start, uint64_t end, bool *mapped)
{
	size_t at = range_map_seek(map, start);
	const struct piece *item;

	*mapped = false;
	if (at == map->count)
		return (struct piece){start, end, 0};
	item = &map->items[at];
	*mapped = item->start <= start;
	if (*mapped)
		return (struct piece){start, item->end < end ? item->end : end, item->to + (start - item->start)};
	return (struct piece){start, item->start < end ? item->start : end, 0};
}

bool range_map_whole(const struct range_map *map, uint64_t start, uint64_t end, uint64_t *to)
{
	bool mapped;
	struct piece piece = range_map_next(map, start, end, &mapped);

	*to = piece.to;
	return mapped && piece.end == end;
}

/* Make room for `more` items at `at`, or take -more away. */
static void shift(struct range_map *map, size_t at, long more)
{
	size_t count = map->count + (size_t)more;

	if (count > map->capacity) {
		map->capacity = map->capacity ? map->capacity * 2 : 16;
		map->items = replay_alloc(map->items, map->capacity * sizeof(*map->items));
	}
	if (more > 0)
		memmove(&map->items[at + (size_t)more], &map->items[at], (map->count - at) * sizeof(*map->items));
	else
		memmove(&map->items[at], &map->items[at + (size_t)-more], (count - at) * sizeof(*map->items));
	map->count = count;
}

void range_map_remove(struct range_map *map, uint64_t start, uint64_t end)
{
	size_t first = range_map_seek(map, start), last;

	if (start >= end || first == map->count || map->items[first].start >= end)
		return;
	if (map->items[first].start < start) {
		struct piece *item = &map->items[first];
		struct piece tail = {start, item->end, item->to + (start - item->start)};

		item->end = start;
		shift(map, ++first, 1);
		map->items[first] = tail;
	}
	for (last = first; last < map->count && map->items[last].end <= end; last++)
		;
	if (last < map->count && map->items[last].start < end) {
		map->items[last].to += end - map->items[last].start;
		map->items[last].start = end;
	}
	if (last > first)
		shift(map, first, -(long)(last - first));
}

void range_map_add(struct range_map *map, uint64_t start, uint64_t end, uint64_t to)
{
	size_t at;
	struct piece *before, *behind;

	if (start >= end)
		return;
	range_map_remove(map, start, end);
	at = range_map_seek(map, start);
	before = at ? &map->items[at - 1] : NULL;
	behind = at < map->count ? &map->items[at] : NULL;
	if (before && (before->end != start || before->to + (start - before->start) != to))
		before = NULL;
	if (behind && (behind->start != end || to + (end - start) != behind->to))
		behind = NULL;
	if (before && behind) {
		before->end = behind->end;
		shift(map, at, -1);
	} else if (before) {
		before->end = end;
	} else if (behind) {
		behind->start = start;
		behind->to = to;
	} else {
		shift(map, at, 1);
		map->items[at] = (struct piece){start, end, to};
	}
}

uint64_t range_map_bytes(const struct range_map *map)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < map->count; i++)
		bytes += map->items[i].end - map->items[i].start;
	return bytes;
}
