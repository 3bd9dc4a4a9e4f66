/* SPDX-License-Identifier: MIT */
/*
 * areas.h - a table of one process's areas, ascending, taken from the books under their locks and then used without.
 *
 *     table:   aaaa hhhh  bbbbbbb      ssss           own_piece() cuts the kernel's lines, which come ascending too,
 *     kernel:  [-------] [-------] [x] [---]          into the pieces that are the process's
 *     pieces:  [--][---] [-------]     [---]
 */
#ifndef TULOU_RUNTIME_PROCFS_AREAS_H
#define TULOU_RUNTIME_PROCFS_AREAS_H

#include "runtime/process/process.h"

struct own_area {
	uintptr_t start, end;
	uint64_t dev; /* of a file mapping; else 0 */
	uint8_t kind; /* enum tulou_area_kind */
	uint8_t prot;
	bool shared, anonymous, locked;
};

enum { OWN_AREAS_FEW = 96 };

struct own_areas {
	const struct own_area *at;
	size_t count;
	size_t mapped; /* bytes of a mapping that holds them; 0: `few` does */
	size_t next; /* own_piece: where the last line was found */
	struct own_area few[OWN_AREAS_FEW];
};

struct own_piece {
	uintptr_t start, end;
	const char *mark; /* "[heap]", "[stack]" or NULL */
};

/* Fill `areas` with those of `process`, which is the caller's own or another guest. 0, -ENOMEM, or -ESRCH when it has none. */
long own_areas_take(struct own_areas *areas, const struct process *self, const struct process *process);
void own_areas_drop(struct own_areas *areas);
/* The first piece of [start, end) that is the process's; false: none. `start` must not descend from call to call. With `marks`, heap
 * and stack are pieces of their own. */
bool own_piece(struct own_areas *areas, uintptr_t start, uintptr_t end, bool marks, struct own_piece *out);

#endif
