/* SPDX-License-Identifier: MIT */
/*
 * map.h - a map of the arena in a normal form, in which the kernel's and the manager's can be compared: ranges ascending,
 * neighbours that agree merged (who merges areas and who does not is nobody's business).
 */
#ifndef RANDOM_MAP_H
#define RANDOM_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sequence.h"

enum { MAP_RANGES_MAX = 2048, FILE_ANONYMOUS = -1 };

struct range {
	uintptr_t start, end;
	int prot; /* PROT_READ | PROT_WRITE | PROT_EXEC */
	bool shared;
	int file; /* enum file_kind of the file behind it, or FILE_ANONYMOUS */
	uint64_t offset; /* of a file */
};

struct map {
	unsigned count;
	bool overflow; /* more ranges than fit */
	struct range ranges[MAP_RANGES_MAX];
};

void map_clear(struct map *map);
/* Append a range that lies behind all others. */
void map_add(struct map *map, const struct range *range);
uint64_t map_hash(const struct map *map);
void map_print(FILE *out, const struct world *world, const struct map *map);
/* The largest hole in [start, end). */
size_t map_largest_hole(const struct map *map, uintptr_t start, uintptr_t end);
/* The lowest hole of at least `size` bytes in [start, end), or 0. */
uintptr_t map_hole_find(const struct map *map, uintptr_t start, uintptr_t end, size_t size);

/* This process's /proc/self/maps between start and end. With `raw` (may be NULL) the ranges are also counted unmerged:
 * those that intersect [raw->start, raw->end). `file_of` translates an inode into an enum file_kind. */
struct raw_count {
	uintptr_t start, end;
	unsigned count;
};
void map_read_self(
	struct map *map, uintptr_t start, uintptr_t end, int (*file_of)(uint64_t ino, bool shared), struct raw_count *raw);

#endif
