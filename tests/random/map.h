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

enum { MAP_RANGES_MAX = 2048, FILE_ANONYMOUS = -1, FILE_BROKEN_LINE = -2 };

struct range {
	uintptr_t start, end;
	int prot; /* PROT_READ | PROT_WRITE | PROT_EXEC */
	bool shared;
	bool heap; /* named so */
	bool room; /* only booked: for what is above, and grows down (struct side, booked) */
	bool grows; /* down; known of what is booked only */
	int file; /* enum file_kind of the file behind it, or FILE_ANONYMOUS */
	uint64_t offset; /* of files and shared memory */
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
/* The same map as if no range had a name; good until the next call. */
const struct map *map_bare(const struct map *map);
/* The ranges of both, which do not overlap. */
void map_join(const struct map *first, const struct map *second, struct map *out);
/* Take [start, end) out. */
void map_cut(struct map *map, uintptr_t start, uintptr_t end);
/* Is there anything in [start, end)? */
bool map_meets(const struct map *map, uintptr_t start, uintptr_t end);
void map_print(FILE *out, const struct world *world, const struct map *map);
/* The largest hole in [start, end). */
size_t map_largest_hole(const struct map *map, uintptr_t start, uintptr_t end);
/* The lowest hole of at least `size` bytes in [start, end), or 0. */
uintptr_t map_hole_find(const struct map *map, uintptr_t start, uintptr_t end, size_t size);

/* ---- from text in the format of /proc/PID/maps (map_text.c) -------------------------------------------------------------- */
struct map_reader {
	struct map *map;
	uintptr_t start, end; /* what lies outside is left out */
	uintptr_t heap_start, heap_end; /* where "[heap]" means something: the kernel calls all of an area so that touches it */
	int (*file_of)(uint64_t dev, uint64_t ino, bool shared); /* an enum file_kind, or FILE_ANONYMOUS */
	uintptr_t meet_start, meet_end;
	unsigned met; /* lines, unmerged, that meet [meet_start, meet_end) */
};

/* One line, with its newline. What the kernel would write differently, to the last blank, becomes FILE_BROKEN_LINE. */
void map_line(struct map_reader *reader, const char *line, size_t size);
/* All of this process's /proc/self/maps. */
void map_read_self(struct map_reader *reader);

#endif
