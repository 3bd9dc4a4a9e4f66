/* SPDX-License-Identifier: MIT */
/*
 * step_peek.h - looking at a step map without a lock, and searching in its nodes, see step_map.h.
 *
 *     version = step_peek_begin(map);        even, and the same afterwards: what was read in between was true. Who finds otherwise
 *     step_peek(map, page, version, &tile)   looks again, or takes the lock
 *     …
 *     step_peek_holds(map, version)
 *
 * A node may be changed while it is searched. So no place outside of it is looked at, whatever stands in it, and no child is followed
 * before it is known that the branch has not changed.
 */
#ifndef TULOU_VM_STEP_PEEK_H
#define TULOU_VM_STEP_PEEK_H

#include "step_map.h"

static inline uint64_t step_page(uint64_t step)
{
	return step >> STEP_SHIFT;
}

static inline uint32_t step_value(uint64_t step)
{
	return (uint32_t)(step & STEP_VALUE);
}

/* ---- searching a node: how many of its words are below `bound` ---------------------------------------------------------- */

static inline unsigned two_below(const uint64_t *word, unsigned apart, uint64_t bound)
{
	return (__atomic_load_n(word, __ATOMIC_RELAXED) < bound) + (__atomic_load_n(word + apart, __ATOMIC_RELAXED) < bound);
}

static inline unsigned ten_below(const uint64_t *word, unsigned apart, uint64_t bound)
{
	return two_below(word, apart, bound) + two_below(word + 2 * apart, apart, bound) +
	       two_below(word + 4 * apart, apart, bound) + two_below(word + 6 * apart, apart, bound) +
	       two_below(word + 8 * apart, apart, bound);
}

/* The slot of the step that holds at the page before `bound`. The leaf's first step is below it. */
static inline unsigned leaf_slot(const struct step_leaf *leaf, uint64_t bound)
{
	const uint64_t *step = leaf->step;
	unsigned group = 4 * (two_below(step + 3, 4, bound) + two_below(step + 11, 4, bound) + two_below(step + 19, 4, bound) +
				     (__atomic_load_n(step + 27, __ATOMIC_RELAXED) < bound));

	_Static_assert(LEAF_STEPS + 1 == 7 * 4 + 3, "seven looks, and three");
	step += group;
	return group + two_below(step, 1, bound) + (__atomic_load_n(step + 2, __ATOMIC_RELAXED) < bound) - 1;
}

static inline unsigned branch_slot(const struct step_branch *branch, uint64_t bound)
{
	unsigned group = 11 * ten_below(branch->key + 10, 11, bound);

	_Static_assert(BRANCH_ENTRIES + 1 == 10 * 11 + 10, "ten looks, and ten");
	return group + ten_below(branch->key + group, 1, bound) - 1;
}

static inline uint64_t step_peek_begin(const struct step_map *map)
{
	return __atomic_load_n(&map->version, __ATOMIC_ACQUIRE);
}

static inline bool step_peek_holds(const struct step_map *map, uint64_t version)
{
	journal_order(); /* the processor reads in order */
	return !(version & 1) && __atomic_load_n(&map->version, __ATOMIC_RELAXED) == version;
}

/* The tile of `page`; false: something changed meanwhile. `version` is what step_peek_begin() said. */
static inline bool step_peek(const struct step_map *map, uint64_t page, uint64_t version, struct step_tile *out)
{
	uint64_t bound = (page + 1) << STEP_SHIFT, high = STEP_END, step;
	uint64_t height = __atomic_load_n(&map->is.height, __ATOMIC_RELAXED);
	const void *node = __atomic_load_n(&map->is.root, __ATOMIC_RELAXED);
	const struct step_leaf *leaf;
	unsigned slot;

	if (unlikely(!step_peek_holds(map, version)))
		return false;
	while (height-- > 0) {
		const struct step_branch *branch = node;

		slot = branch_slot(branch, bound);
		if (unlikely(slot >= BRANCH_ENTRIES))
			return false;
		high = size_min(high, step_page(__atomic_load_n(&branch->key[slot + 1], __ATOMIC_RELAXED)));
		node = __atomic_load_n(&branch->child[slot], __ATOMIC_RELAXED);
		if (unlikely(!step_peek_holds(map, version)))
			return false;
	}
	leaf = node;
	slot = leaf_slot(leaf, bound);
	if (unlikely(slot >= LEAF_STEPS))
		return false;
	step = __atomic_load_n(&leaf->step[slot], __ATOMIC_RELAXED);
	high = size_min(high, step_page(__atomic_load_n(&leaf->step[slot + 1], __ATOMIC_RELAXED)));
	*out = (struct step_tile){step_page(step), high, step_value(step), step & STEP_FIRST};
	return step_peek_holds(map, version);
}

#endif
