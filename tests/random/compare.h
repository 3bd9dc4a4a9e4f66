/* SPDX-License-Identifier: MIT */
/* compare.h - two records of one sequence, call by call. */
#ifndef RANDOM_COMPARE_H
#define RANDOM_COMPARE_H

#include "side.h"

enum difference_kind {
	DIFFERENCE_NONE,
	DIFFERENCE_RESULT,
	DIFFERENCE_MAP, /* the leader's books against the kernel's map */
	DIFFERENCE_REAL_MAP, /* the leader's books against what its host really mapped */
	DIFFERENCE_CONTENTS,
	DIFFERENCE_CHECK, /* a broken invariant */
	DIFFERENCE_DEATH, /* a side died in the call */
	DIFFERENCE_START, /* the two did not get to the first call */
};

struct difference {
	enum difference_kind kind;
	unsigned index; /* of the call */
	unsigned compared; /* calls that were compared and agree */
	bool ended_early; /* an accepted deviation: what follows cannot be compared */
};

/* Calls of the two records that agree are passed to `agreed` (may be NULL). */
void records_compare(const struct sequence *seq, const struct record *leader, const struct record *follower,
	struct difference *out, void (*agreed)(const struct world *world, const struct outcome *outcome));
const char *difference_name(enum difference_kind kind);

/* deviations.c: may this call be answered differently? NULL, or the deviation's name. Both sides go separate ways from there. */
const char *deviation_find(const struct outcome *leader, const struct outcome *follower);

#endif
