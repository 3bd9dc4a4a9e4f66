/* SPDX-License-Identifier: MIT */
/* step_internal.h - what the files of step_map.h share: nodes, and the path through them. */
#ifndef TULOU_VM_STEP_INTERNAL_H
#define TULOU_VM_STEP_INTERNAL_H

#include "step_peek.h"

#define STEP_GAP_MOST  (STEP_SIZE_MASK)
#define STEP_SIZE_MASK ((1ull << STEP_SHIFT) - 1)

/* Before a node, or anything else of the map, is changed. */
static inline void step_note(const struct step_map *map, const void *place, size_t size)
{
	if (unlikely(journal_notes(map->arena->journal)))
		journal_note_block(map->arena->journal, place, size);
}

/* Every word of a node is written so, since readers without a lock may look at it. */
static inline void node_put(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static inline void child_put(void **place, void *child)
{
	__atomic_store_n(place, child, __ATOMIC_RELAXED);
}

static inline uint64_t key_of(uint64_t page, uint64_t gap)
{
	return page << STEP_SHIFT | size_min(gap, STEP_GAP_MOST);
}

static inline uint64_t key_gap(uint64_t key)
{
	return key & STEP_SIZE_MASK;
}

static inline void key_gap_put(uint64_t *key, uint64_t gap)
{
	node_put(key, key_of(step_page(*key), gap));
}

/* The key of the path's child at `level`. */
static inline uint64_t *path_key(const struct step_path *path, unsigned level)
{
	return &path->up[level].branch->key[path->up[level].slot];
}

/* The first page that is not in the slot's tile. */
static inline uint64_t path_tile_end(const struct step_path *path)
{
	return size_min(step_page(path->leaf->step[path->slot + 1]), path->high);
}

/* Have `low` and `high` say what the path's leaf covers. */
void path_bounds(const struct step_map *map, struct step_path *path);
/* The largest gap in a leaf whose pages end at `high`; a page more than the truth where a chunk ends there. */
uint64_t leaf_gap(const struct step_leaf *leaf, uint64_t high);
uint64_t branch_gap(const struct step_branch *branch);

/* step_nodes.c: one step more, which is at no page that has one; all steps from `page` on and below `end` less. */
void step_insert(struct step_map *map, uint64_t step);
void step_delete(struct step_map *map, uint64_t page, uint64_t end);
/* The path's leaf has few steps: join it with a neighbour if they fit in one. */
void step_tidy(struct step_map *map);

#endif
