/* SPDX-License-Identifier: MIT */
/*
 * cells.h - what was covered: call × flag × answer × {no area, one area, many areas, many chunks}, counted over the calls on
 * which both sides agree.
 */
#ifndef RANDOM_CELLS_H
#define RANDOM_CELLS_H

#include "side.h"

void cells_count(const struct world *world, const struct outcome *outcome);
void cells_print(FILE *out);
/* The required cells that were counted fewer than CELL_MINIMUM times, printed; `have` are NEEDS_* (required.h). Returns how many. */
enum { CELL_MINIMUM = 8 };
unsigned cells_missing(FILE *out, unsigned have);

#endif
