/* SPDX-License-Identifier: MIT */
#include "map.h"

#include <sys/mman.h>

#include "files.h"

void map_clear(struct map *map)
{
	map->count = 0;
	map->overflow = false;
}

/* Private /dev/zero is anonymous memory that bears a file's name: its offsets mean nothing. */
static bool has_offset(const struct range *range)
{
	return range->file != FILE_ZERO && (range->shared || range->file != FILE_ANONYMOUS);
}

static bool ranges_join(const struct range *left, const struct range *right)
{
	if (left->end != right->start || left->prot != right->prot || left->shared != right->shared || left->heap != right->heap)
		return false;
	if (left->file != right->file || left->room != right->room || left->grows != right->grows)
		return false;
	return !has_offset(left) || left->offset + (left->end - left->start) == right->offset;
}

void map_add(struct map *map, const struct range *range)
{
	struct range *last = map->count ? &map->ranges[map->count - 1] : NULL;

	if (last && ranges_join(last, range)) {
		last->end = range->end;
	} else if (map->count < MAP_RANGES_MAX) {
		map->ranges[map->count] = *range;
		if (!has_offset(range))
			map->ranges[map->count].offset = 0;
		map->count++;
	} else {
		map->overflow = true;
	}
}

static uint64_t hash_mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
	return hash ^ (hash >> 29);
}

uint64_t map_hash(const struct map *map)
{
	uint64_t hash = map->count;

	for (unsigned i = 0; i < map->count; i++) {
		const struct range *range = &map->ranges[i];

		hash = hash_mix(hash, range->start);
		hash = hash_mix(hash, range->end);
		hash = hash_mix(hash, (uint64_t)range->prot << 2 | (uint64_t)range->heap << 1 | range->shared);
		hash = hash_mix(hash, (uint64_t)range->file);
		hash = hash_mix(hash, range->offset);
	}
	return hash;
}

const struct map *map_bare(const struct map *map)
{
	static struct map bare;

	map_clear(&bare);
	for (unsigned i = 0; i < map->count; i++) {
		struct range range = map->ranges[i];

		range.heap = false;
		map_add(&bare, &range);
	}
	return &bare;
}

void map_join(const struct map *first, const struct map *second, struct map *out)
{
	unsigned i = 0, k = 0;

	map_clear(out);
	while (i < first->count || k < second->count) {
		bool take = k == second->count || (i < first->count && first->ranges[i].start < second->ranges[k].start);

		map_add(out, take ? &first->ranges[i++] : &second->ranges[k++]);
	}
}

void map_cut(struct map *map, uintptr_t start, uintptr_t end)
{
	static struct map whole;

	whole = *map;
	map_clear(map);
	for (unsigned i = 0; i < whole.count; i++) {
		struct range low = whole.ranges[i], high = low;

		low.end = low.end < start ? low.end : start;
		high.start = high.start > end ? high.start : end;
		high.offset += high.start - low.start;
		if (low.start < low.end)
			map_add(map, &low);
		if (high.start < high.end)
			map_add(map, &high);
	}
}

bool map_meets(const struct map *map, uintptr_t start, uintptr_t end)
{
	for (unsigned i = 0; i < map->count; i++)
		if (map->ranges[i].start < end && map->ranges[i].end > start)
			return true;
	return false;
}

void map_print(FILE *out, const struct world *world, const struct map *map)
{
	for (unsigned i = 0; i < map->count; i++) {
		const struct range *range = &map->ranges[i];

		fputs("    ", out);
		address_print(out, world, range->start);
		fputs("-", out);
		address_print(out, world, range->end);
		fprintf(out, " %c%c%c%c", range->prot & PROT_READ ? 'r' : '-', range->prot & PROT_WRITE ? 'w' : '-',
			range->prot & PROT_EXEC ? 'x' : '-', range->shared ? 's' : 'p');
		if (range->heap)
			fputs(" [heap]", out);
		if (range->file == FILE_BROKEN_LINE)
			fputs(" (a line in another form than the kernel's)", out);
		else if (range->file != FILE_ANONYMOUS)
			fprintf(out, " %s", file_name(range->file));
		if (has_offset(range))
			fprintf(out, " offset 0x%llx", (unsigned long long)range->offset);
		fputs("\n", out);
	}
}

size_t map_largest_hole(const struct map *map, uintptr_t start, uintptr_t end)
{
	size_t largest = 0;

	for (unsigned i = 0; i <= map->count; i++) {
		uintptr_t next = i < map->count ? map->ranges[i].start : end;

		if (next > start && next - start > largest)
			largest = next - start;
		if (i < map->count)
			start = map->ranges[i].end;
	}
	return largest;
}

uintptr_t map_hole_find(const struct map *map, uintptr_t start, uintptr_t end, size_t size)
{
	for (unsigned i = 0; i <= map->count; i++) {
		uintptr_t next = i < map->count ? map->ranges[i].start : end;

		if (next > start && next - start >= size)
			return start;
		if (i < map->count)
			start = map->ranges[i].end;
	}
	return 0;
}
