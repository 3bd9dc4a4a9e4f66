/* SPDX-License-Identifier: MIT */
/*
 * range_map.h - recorded addresses → ours: sorted ranges that do not overlap, each with the address where it begins here.
 *
 *     recorded   |aaaaaaaa|bbbb|      |ccc|            neighbours that continue each other on both sides are one
 *     ours           |bbbb|   |aaaaaaaa|     |ccc|
 */
#ifndef TULOU_REPLAY_RANGE_MAP_H
#define TULOU_REPLAY_RANGE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct piece {
	uint64_t start, end, to;
};

struct range_map {
	struct piece *items;
	size_t count, capacity;
};

void range_map_fini(struct range_map *map);
/* The index of the first range that ends behind addr; `count` when there is none. */
size_t range_map_seek(const struct range_map *map, uint64_t addr);
/* The part of [start, end) that begins first: its mapped range cut to it, or the hole before that (mapped false). */
struct piece range_map_next(const struct range_map *map, uint64_t start, uint64_t end, bool *mapped);
/* Is all of [start, end) mapped, in one piece? Its place here. */
bool range_map_whole(const struct range_map *map, uint64_t start, uint64_t end, uint64_t *to);
/* Replaces what was there. Out of memory ends the program. */
void range_map_add(struct range_map *map, uint64_t start, uint64_t end, uint64_t to);
void range_map_remove(struct range_map *map, uint64_t start, uint64_t end);
uint64_t range_map_bytes(const struct range_map *map);

#endif
