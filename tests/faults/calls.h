/* SPDX-License-Identifier: MIT */
/*
 * calls.h - every call of tulou.h with arguments that suit the scene, by number: targets × operations, and what has no target.
 */
#ifndef TESTS_FAULTS_CALLS_H
#define TESTS_FAULTS_CALLS_H

#include "scene.h"

/* How a call that fails in the middle may leave things. */
enum partial {
	ALL_OR_NOTHING,
	UP_TO_A_PAGE, /* pages below some page are as after the call, those from there on as before it (man pages; docs/invariants.md) */
	SOME_PAGES, /* each page as before or as after: mremap of several mappings stops at the one that is refused, as Linux does */
	STRETCHES, /* the same, but the first part may have been done twice over (mprotect says perms again) */
};

struct call {
	char name[96];
	long (*make)(struct scene *s, const struct call *call);
	enum partial partial;
	bool by_b; /* process B calls */
	long page, pages; /* the target */
	long arg, arg2; /* as `make` uses them */
	int flags;
};

/* All calls; *count of them. `later`: those that make pages only, for a scene with MCL_FUTURE. */
const struct call *calls_all(size_t *count, bool later);

#endif
