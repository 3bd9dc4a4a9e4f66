/* SPDX-License-Identifier: MIT */
/*
 * free_space.h - the free-space manager: what is free in the pool (between chunks) and in a chunk (between areas). One type.
 *
 *     tree by address:      [30,38)  max 8          each node knows the largest size in its subtree, so that the first range
 *                          /        \               at or above an address that is large enough is found in O(log n),
 *                    [10,12) 2    [50,55) 5         however fragmented the space is
 *
 * Invariants: F1 ranges are page-aligned, not empty; F2 ascending, apart (touching ranges are one); F3 max is that of the
 * subtree; F4 total is the sum of the sizes. Lock: that of whoever embeds it (manager or chunk). Records: the caller's stock.
 */
#ifndef TULOU_VM_FREE_SPACE_H
#define TULOU_VM_FREE_SPACE_H

#include "base/range.h"
#include "base/tree.h"
#include "record.h"

struct free_range {
	struct tree_node node;
	struct range range;
	size_t max; /* bytes: the largest range in this subtree */
};

struct free_space {
	struct tree tree;
	size_t total; /* bytes */
};

/* `journal` as for tree_init(). */
void free_space_init(struct free_space *space, struct journal *const *journal);
/* All records back. */
void free_space_fini(struct free_space *space, struct stock *stock);

/* First fit: the lowest multiple of `align` in `window` where `size` bytes are free. False: there is none. O(log n) for page
 * alignment; for a larger one it first looks at the lowest candidates, then for a range that is surely large enough. */
bool free_space_find(const struct free_space *space, size_t size, size_t align, struct range window, uintptr_t *out);
/* The lowest free range that ends above `addr`, or NULL. */
struct free_range *free_space_above(const struct free_space *space, uintptr_t addr);
/* Is all of `range` free? */
bool free_space_covers(const struct free_space *space, struct range range);
/* Take `range`, which is free. Needs at most one record. */
void free_space_take(struct free_space *space, struct range range, struct stock *stock);
/* Give `range` back; it joins its neighbours. Needs at most one record. */
void free_space_give(struct free_space *space, struct range range, struct stock *stock);

#endif
