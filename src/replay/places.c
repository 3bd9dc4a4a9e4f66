/* SPDX-License-Identifier: MIT */
/*
 * places.c - recorded addresses that the map does not answer: what is beside something, what is nowhere, what must have been
 * there before the log began.
 */
#include "replay.h"

/* A neighbour further away says nothing. */
#define NEAR (1ul << 30)

uint64_t page_ceil(uint64_t value)
{
	return (value + PAGE - 1) & ~(PAGE - 1);
}

uint64_t place_nothing(struct replay *replay, uint64_t addr)
{
	return replay->hole + addr % PAGE;
}

uint64_t place_of(struct replay *replay, struct memory *memory, uint64_t addr)
{
	bool mapped;
	struct piece piece;

	if (addr >= USER_END)
		return addr;
	piece = range_map_next(&memory->map, addr, addr + 1, &mapped);
	return mapped ? piece.to : place_nothing(replay, addr);
}

uint64_t place_of_range(struct replay *replay, struct memory *memory, uint64_t addr, uint64_t size)
{
	uint64_t start = addr - addr % PAGE, to;

	if (addr >= USER_END)
		return addr;
	if (size > USER_END - addr || !range_map_whole(&memory->map, start, start + (size ? page_ceil(size) : PAGE), &to))
		return place_nothing(replay, addr);
	return to + addr % PAGE;
}

uint64_t place_beside(struct replay *replay, struct memory *memory, uint64_t addr)
{
	const struct range_map *map = &memory->map;
	size_t at = range_map_seek(map, addr);
	const struct piece *below = at ? &map->items[at - 1] : NULL, *above = at < map->count ? &map->items[at] : NULL;
	uint64_t place = 0;

	if (addr % PAGE)
		return 0;
	if (below && addr - below->end < NEAR)
		place = below->to + (addr - below->start);
	else if (above && above->start - addr < NEAR && above->start - addr < above->to)
		place = above->to - (above->start - addr);
	return place >= replay->place->start && place < replay->place->end ? place : 0;
}

static long make(struct replay *replay, struct memory *memory, uint64_t start, uint64_t end, uint64_t hint)
{
	const int flags = TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS | TULOU_MAP_NORESERVE;
	long to = tulou_mmap(memory->vm, hint, end - start, TULOU_PROT_READ | TULOU_PROT_WRITE, flags, -1, 0);

	(void)replay;
	if (to >= 0)
		range_map_add(&memory->map, start, end, (uint64_t)to);
	return to;
}

void take_away(struct replay *replay, struct memory *memory, uint64_t start, uint64_t end)
{
	(void)replay;
	for (uint64_t at = start; at < end;) {
		bool mapped;
		struct piece piece = range_map_next(&memory->map, at, end, &mapped);

		if (mapped)
			tulou_munmap(memory->vm, piece.to, piece.end - piece.start);
		at = piece.end;
	}
	range_map_remove(&memory->map, start, end);
}

void assume(struct replay *replay, struct memory *memory, uint64_t start, uint64_t end, bool one_piece)
{
	uint64_t to;

	if (start % PAGE || end % PAGE || start >= end || end > USER_END ||
		end - start > replay->place->end - replay->place->start)
		return;
	for (uint64_t at = start; at < end;) {
		bool mapped;
		struct piece piece = range_map_next(&memory->map, at, end, &mapped);

		if (!mapped && make(replay, memory, at, piece.end, place_beside(replay, memory, at)) >= 0) {
			replay->stats.assumed++;
			replay->stats.assumed_bytes += piece.end - at;
		}
		at = piece.end;
	}
	if (!one_piece || range_map_whole(&memory->map, start, end, &to))
		return;
	take_away(replay, memory, start, end);
	make(replay, memory, start, end, 0);
	replay->stats.gathered++;
}
