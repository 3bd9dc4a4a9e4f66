/* SPDX-License-Identifier: MIT */
/* required.h - the cells that a run of 60,000 calls must reach, CELL_MINIMUM times each. */
#ifndef RANDOM_REQUIRED_H
#define RANDOM_REQUIRED_H

#include "side.h"

enum { NEEDS_FILES = 1, NEEDS_MSEAL = 2, NEEDS_GUARDS = 4, NEEDS_LOCK_ALL = 8 };

struct required {
	const char *name; /* as cells.c writes it */
	unsigned spreads; /* 1 << enum spread */
	unsigned needs; /* NEEDS_*: only where that is generated */
};

extern const struct required required[];
extern const unsigned required_count;

#endif
