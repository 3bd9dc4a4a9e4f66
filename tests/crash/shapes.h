/* SPDX-License-Identifier: MIT */
/* shapes.h - the calls in which the victim dies: each prepares the world, then makes one call. */
#ifndef TESTS_CRASH_SHAPES_H
#define TESTS_CRASH_SHAPES_H

#include "world.h"

struct shape {
	const char *name;
	void (*prepare)(void); /* NULL: nothing more than every shape has */
	void (*call)(void);
};

extern const struct shape shapes[];
extern const unsigned shape_count;
/* For tulou_process_vm_unshelve(): whichever. */
bool shape_any(void *arg, void *label);

/* What every shape begins with, and what B has then. */
void shapes_prepare(void);
/* What a sibling does with A's process VM when A is dead. */
void sibling_goes_on(void);
/* What B does when A is dead: in cut chunks, in new ones, with shared objects. */
void neighbour_goes_on(void *unused);

#endif
