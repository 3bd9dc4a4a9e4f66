/* SPDX-License-Identifier: MIT */
/*
 * step_map.h - what each page of the address space is to one process: a step function, kept as a B+-tree of its steps.
 *
 *     pages     0          16   20        30      47 48        the value changes at each step, and holds up to the next one
 *     value     NONE       |A   |FREE     |B      |A |NONE     FREE is room that may be handed out, NONE belongs to nobody or
 *     steps     0,NONE  16,A!  20,FREE  30,B  47,A  48,NONE    others; from STEP_AREA on the user's numbers. ! marks a chunk's start
 *
 * All steps of a closed chunk say so: what becomes free in it is KEPT. So "map", "unmap", "change" and "replace" are one operation,
 * step_set(); neighbours that have become alike are one without anybody looking for them, and free space needs no records of its
 * own. A step is 8 bytes. A leaf has up to 30 of them; each of up to 119 keys of a branch has the page of its child's first step
 * and the largest gap in it, as an upper bound: an allocation leaves it as it is, freeing raises it, and a search that finds less
 * than it says puts it right. First fit is one descent.
 *
 * Behind its steps or keys each node is filled with STEP_NOTHING. So a search in it looks at fixed places, without a branch that
 * could be guessed wrong: first at every fourth step (of a branch every eleventh key), then at those between two of them; neither
 * waits for the other's.
 *
 * `at` is the path to where the last change or search was: what comes next is mostly there. `fit` says that no gap of at least
 * `fit.size` pages begins below `fit.page`.
 *
 * Invariants (step_map_check): T1 steps ascend, the first is at page 0; T2 no step repeats the value before it, unless it is
 * marked; T3 keys are the first pages of the children, gaps not below the truth, nor below those in the child; T4 `fit` is true;
 * T5 all leaves are equally deep.
 *
 * Where the arena's journal notes anything, each change is a step of its own: it commits what was noted before, goes as far as one
 * leaf, and the caller goes on from there. So what it notes is bounded (STEP_NOTES); nodes are noted as a whole.
 *
 * Lock: the user's, for changes and searches. step_peek.h needs none: `version` is odd while something changes, and nodes stay
 * nodes of their kind as long as the map lives, so a reader that finds the version unchanged has read what was true.
 */
#ifndef TULOU_VM_STEP_MAP_H
#define TULOU_VM_STEP_MAP_H

#include "base/arena.h"

/* Values that have a meaning here. KEPT is free, but no search finds it; GAP is never handed out at all. */
enum { STEP_NONE, STEP_FREE, STEP_KEPT, STEP_GAP, STEP_AREA };

#define STEP_SHIFT  28
#define STEP_FIRST  (1ull << 27)
#define STEP_CLOSED (1ull << 26)
#define STEP_VALUE  (STEP_CLOSED - 1)
/* The end of what pages can be. */
#define STEP_END (1ull << 35)

/* What lies behind the steps and keys that a node has: above them all. */
#define STEP_NOTHING UINT64_MAX

enum { LEAF_STEPS = 30, BRANCH_ENTRIES = 119, STEP_LEVELS = 6 };

struct step_leaf {
	uint64_t count;
	/* page << STEP_SHIFT | STEP_FIRST | STEP_CLOSED | value; in a list of those not used: the next one */
	uint64_t step[LEAF_STEPS + 1];
};

struct step_branch {
	uint64_t count;
	uint64_t key[BRANCH_ENTRIES + 1]; /* page << STEP_SHIFT | largest gap in pages, as far as it goes */
	void *child[BRANCH_ENTRIES]; /* in a list of those not used: the next one */
};

/* What one change notes at most, in entries, in a tree with `height` branches above a leaf: */
enum {
	LEAF_NOTES = JOURNAL_BLOCK_NOTES(sizeof(struct step_leaf) / 8),
	BRANCH_NOTES = JOURNAL_BLOCK_NOTES(sizeof(struct step_branch) / 8),
	LOST_NOTES = 6, /* what the user may note for each tile that it loses */
};
/* a leaf that goes, or its first step: branches that empty have one child left; one that does not, and keys above it; a lower
 * root */
#define STEP_DELETE_NOTES(height) (LEAF_NOTES + 1 + (height) * (2 + 1) + BRANCH_NOTES + (height) + (height))
/* a leaf, and all above it, split, and another root; the leaf that the step goes to */
#define STEP_INSERT_NOTES(height) (LEAF_NOTES + 1 + (height) * (BRANCH_NOTES + 1) + 1 + LEAF_NOTES)
/* the state; the tiles of a leaf; the rest of it, and the step behind; a step, and one behind it, in a tree that has grown
 * meanwhile; a mark; largest gaps, twice; and what the user notes for what is new */
#define STEP_NOTES(height) \
	(JOURNAL_BLOCK_NOTES(sizeof(struct step_state) / 8) + (LEAF_STEPS + 1) * LOST_NOTES + 2 * STEP_DELETE_NOTES(height) + \
		STEP_INSERT_NOTES(height) + STEP_INSERT_NOTES((height) + 1) + 1 + 2 * ((height) + 1) + LOST_NOTES)

struct step_path {
	struct step_leaf *leaf; /* NULL: nowhere */
	unsigned slot; /* of the step that holds at the page */
	uint64_t low, high; /* pages: what the leaf says something about */
	struct {
		struct step_branch *branch;
		unsigned slot;
	} up[STEP_LEVELS]; /* [0] is the leaf's parent */
};

struct step_map {
	uint64_t version; /* atomic */
	/* what a change may change beside nodes: noted as a whole */
	struct step_state {
		void *root;
		struct {
			uint64_t size, page;
		} fit;
		struct step_leaf *free_leaves;
		struct step_branch *free_branches;
		size_t free_leaf_count, free_branch_count, leaf_count, branch_count;
		uint64_t height; /* branches above a leaf */
	} is;
	struct step_path at;
	struct arena *arena;
	/* `pages` pages that had `value`, an area's, have it no longer. */
	void (*lost)(struct step_map *map, uint32_t value, uint64_t pages);
};

/* One tile: pages of one value. */
struct step_tile {
	uint64_t page, end;
	uint32_t value;
	bool first; /* marked: a chunk begins here */
};

/* What a chunk's start means to a change: it stays as it is, is marked (as that of an open or closed chunk), or is marked no
 * longer. */
enum step_mark { STEP_KEEP, STEP_MARK, STEP_MARK_CLOSED, STEP_UNMARK, STEP_UNMARK_CLOSED };

/* All pages are NONE. `root` is the first leaf, zeroed. */
void step_map_init(struct step_map *map, struct arena *arena, struct step_leaf *root,
	void (*lost)(struct step_map *map, uint32_t value, uint64_t pages));
/* After what was half done has been rolled back: nothing is remembered of it. */
void step_map_forget(struct step_map *map);
/* Have memory for `changes` changes. */
bool step_map_reserve(struct step_map *map, unsigned changes);

void step_seek_slow(struct step_map *map, uint64_t page);

/* Move the map's path to the tile of `page`. */
static inline void step_seek(struct step_map *map, uint64_t page)
{
	const struct step_path *path = &map->at;
	uint64_t bound = (page + 1) << STEP_SHIFT;

	if (unlikely(!path->leaf || page >= path->high || path->leaf->step[path->slot] >= bound ||
		     path->leaf->step[path->slot + 1] < bound))
		step_seek_slow(map, page);
}

/* The step behind the slot of a path, or nobody's at the end of all pages. */
uint64_t step_after(const struct step_map *map, const struct step_path *path);

/* Does a chunk end with the tile that was looked at last? */
static inline bool step_ends_chunk(const struct step_map *map)
{
	const struct step_path *path = &map->at;
	uint64_t next = path->leaf->step[path->slot + 1];

	if (unlikely(next == STEP_NOTHING))
		next = step_after(map, path);
	return (next & STEP_FIRST) || !(next & STEP_VALUE);
}

bool step_follows_gap_slow(struct step_map *map);

/* Is the tile before the one that was looked at last the first of its chunk, and no area? */
static inline bool step_follows_gap(struct step_map *map)
{
	uint64_t before;

	if (unlikely(!map->at.slot))
		return step_follows_gap_slow(map);
	before = map->at.leaf->step[map->at.slot - 1];
	return (before & STEP_FIRST) && (before & STEP_VALUE) < STEP_AREA;
}

/* The tile that was looked at, or changed, last. */
static inline struct step_tile step_tile_here(const struct step_map *map)
{
	const struct step_path *path = &map->at;
	uint64_t step = path->leaf->step[path->slot];
	uint64_t end = size_min(path->leaf->step[path->slot + 1] >> STEP_SHIFT, path->high);

	return (struct step_tile){step >> STEP_SHIFT, end, (uint32_t)(step & STEP_VALUE), step & STEP_FIRST};
}

/* The tile of `page`. */
static inline struct step_tile step_tile_at(struct step_map *map, uint64_t page)
{
	if (unlikely(page >= STEP_END))
		return (struct step_tile){.page = STEP_END, .end = 1ull << 52, .value = STEP_NONE};
	step_seek(map, page);
	return step_tile_here(map);
}

/* The value of `page`, without looking at its tile: that is another's, which goes on where he was. */
uint32_t step_value_at(const struct step_map *map, uint64_t page);

/* Does a chunk begin at `page`, which is in the tile that was looked at last? */
static inline bool step_begins_chunk_here(const struct step_map *map, uint64_t page)
{
	uint64_t step = map->at.leaf->step[map->at.slot];

	return (step & STEP_FIRST) && step >> STEP_SHIFT == page;
}

static inline bool step_begins_chunk(struct step_map *map, uint64_t page)
{
	struct step_tile tile = step_tile_at(map, page);

	return tile.first && tile.page == page;
}

bool step_next_slow(struct step_map *map);

/* Go on to the tile behind the one that was looked at last. False: there is none. */
static inline bool step_next(struct step_map *map)
{
	if (unlikely(map->at.leaf->step[map->at.slot + 1] == STEP_NOTHING))
		return step_next_slow(map);
	map->at.slot++;
	return true;
}

/* The lowest tile of an area that ends above `page`. False: there is none. */
static inline bool step_area_above(struct step_map *map, uint64_t page, struct step_tile *out)
{
	if (unlikely(page >= STEP_END))
		return false;
	step_seek(map, page);
	while ((map->at.leaf->step[map->at.slot] & STEP_VALUE) < STEP_AREA)
		if (!step_next(map))
			return false;
	*out = step_tile_here(map);
	return true;
}

/* The value of the pages from `page` to `end`: a change. With STEP_KEEP it goes as far as the next tile that is marked or NONE; and
 * if the value is not an area's, as far as the next one that is KEPT or GAP. Returns how far it
 * went. */
uint64_t step_set_keep(struct step_map *map, uint64_t page, uint64_t end, uint32_t value);
/* The same where the tile that was looked at last has `page`. If all of it is in that tile, of which the user is not told then,
 * `old` is its value; else STEP_NONE. */
uint64_t step_set_here(struct step_map *map, uint64_t page, uint64_t end, uint32_t value, uint32_t *old);
uint64_t step_set_mark(struct step_map *map, uint64_t page, uint64_t end, uint32_t value, enum step_mark mark);

static inline uint64_t step_set(struct step_map *map, uint64_t page, uint64_t end, uint32_t value, enum step_mark mark)
{
	if (mark == STEP_KEEP)
		return step_set_keep(map, page, end, value);
	return step_set_mark(map, page, end, value, mark);
}

/* Nobody's pages from `page` to `end` are free: they belong to the chunk below. */
void step_extend(struct step_map *map, uint64_t page, uint64_t end, bool open);
/* First fit: the lowest multiple of `align` pages at or above `low` where `size` pages are free, and end at or below `high`. The
 * last page of a chunk is left. True: that tile was looked at last. */
static inline bool step_fit(struct step_map *map, uint64_t size, uint64_t align, uint64_t low, uint64_t high, uint64_t *out);
bool step_fit_slow(struct step_map *map, uint64_t size, uint64_t align, uint64_t low, uint64_t high, uint64_t *out);

/* Where in the tile that was looked at last, which is free, `size` pages fit. */
static inline bool step_tile_has(
	const struct step_map *map, uint64_t size, uint64_t align, uint64_t low, uint64_t high, uint64_t *start)
{
	struct step_tile tile = step_tile_here(map);

	*start = (size_max(tile.page, low) + align - 1) & ~(align - 1);
	return *start + size <= size_min(tile.end, high);
}

/* The last page before another chunk, or nobody's, is left. */
static inline bool step_tile_may_end(const struct step_map *map, uint64_t end)
{
	return end < step_tile_here(map).end || !step_ends_chunk(map);
}

/* Mostly the last search ended where this one does. */
static inline bool step_fit(struct step_map *map, uint64_t size, uint64_t align, uint64_t low, uint64_t high, uint64_t *out)
{
	bool known = size >= map->is.fit.size && low <= map->is.fit.page,
	     everywhere = align == 1 && high == STEP_END && (!low || known), found;

	if (known)
		low = map->is.fit.page;
	if (low >= high)
		return false;
	step_seek(map, low);
	found = step_tile_here(map).value == STEP_FREE && step_tile_has(map, size, align, low, high, out) &&
		step_tile_may_end(map, *out + size);
	if (unlikely(!found))
		found = step_fit_slow(map, size, align, low, high, out);
	if (likely(everywhere)) {
		if (unlikely(journal_notes(map->arena->journal)))
			journal_note_block(map->arena->journal, &map->is.fit, sizeof(map->is.fit));
		map->is.fit.size = size;
		map->is.fit.page = found ? *out : STEP_END;
	}
	return found;
}

/* NULL, or the rule that broke. */
const char *step_map_check(struct step_map *map);

#endif
