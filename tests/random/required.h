/* SPDX-License-Identifier: MIT */
/* required.h - the cells that a run of 60,000 calls must reach, CELL_MINIMUM times each. */
#ifndef RANDOM_REQUIRED_H
#define RANDOM_REQUIRED_H

#include "side.h"

struct required {
	const char *name; /* as cells.c writes it */
	unsigned spreads; /* 1 << enum spread */
	bool all_files; /* only where the host has all kinds of files */
};

extern const struct required required[];
extern const unsigned required_count;

#endif
