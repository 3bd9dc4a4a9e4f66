/* SPDX-License-Identifier: MIT */
/*
 * arena.h - a range of the address space that grows from its base in steps, for slots that are found by number.
 */
#ifndef TULOU_RUNTIME_ARENA_H
#define TULOU_RUNTIME_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena {
	uintptr_t base;
	size_t size;
	size_t reached; /* bytes that are mapped; atomic, only grows */
};

/* Make the first `size` bytes usable (zeroed when new). Any task may call it at any time. 0 or a negative errno. */
int arena_reach(struct arena *arena, size_t size);

#endif
