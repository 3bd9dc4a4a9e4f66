/* SPDX-License-Identifier: MIT */
/* step_map.c - see step_map.h: the path, looking, and the change. */
#include "step_internal.h"

/* ---- the path ------------------------------------------------------------------------------------------------------------ */

static void path_descend(struct step_map *map, struct step_path *path, uint64_t page)
{
	uint64_t bound = (page + 1) << STEP_SHIFT;
	void *node = map->is.root;

	path->low = 0;
	path->high = STEP_END;
	for (unsigned level = (unsigned)map->is.height; level-- > 0;) {
		struct step_branch *branch = node;
		unsigned slot = branch_slot(branch, bound);

		path->up[level].branch = branch;
		path->up[level].slot = slot;
		path->low = step_page(branch->key[slot]);
		path->high = size_min(path->high, step_page(branch->key[slot + 1]));
		node = branch->child[slot];
	}
	path->leaf = node;
	path->slot = 0;
}

void step_seek_slow(struct step_map *map, uint64_t page)
{
	struct step_path *path = &map->at;
	uint64_t bound = (page + 1) << STEP_SHIFT;

	if (!path->leaf || page < path->low || page >= path->high)
		path_descend(map, path, page);
	else if (path->slot + 1 < LEAF_STEPS && path->leaf->step[path->slot + 1] < bound &&
		 path->leaf->step[path->slot + 2] >= bound) {
		path->slot++;
		return;
	}
	path->slot = leaf_slot(path->leaf, bound);
}

uint32_t step_value_at(const struct step_map *map, uint64_t page)
{
	uint64_t bound = (page + 1) << STEP_SHIFT;
	const void *node = map->is.root;
	const struct step_leaf *leaf;

	for (uint64_t level = map->is.height; level-- > 0;) {
		const struct step_branch *branch = node;

		node = branch->child[branch_slot(branch, bound)];
	}
	leaf = node;
	return step_value(leaf->step[leaf_slot(leaf, bound)]);
}

bool step_next_slow(struct step_map *map)
{
	if (map->at.high == STEP_END)
		return false;
	step_seek(map, map->at.high);
	return true;
}

/* In another leaf. The path is where it was, in the end. */
bool step_follows_gap_slow(struct step_map *map)
{
	uint64_t page = map->at.low;
	struct step_tile before;

	if (!page)
		return false;
	before = step_tile_at(map, page - 1);
	step_seek(map, page);
	return before.first && before.value < STEP_AREA;
}

void path_bounds(const struct step_map *map, struct step_path *path)
{
	path->high = STEP_END;
	path->low = map->is.height ? step_page(*path_key(path, 0)) : 0;
	for (unsigned level = 0; level < map->is.height; level++) {
		const struct step_branch *branch = path->up[level].branch;

		if (path->up[level].slot + 1 < branch->count) {
			path->high = step_page(branch->key[path->up[level].slot + 1]);
			return;
		}
	}
}

uint64_t step_after(const struct step_map *map, const struct step_path *path)
{
	unsigned level = 0;
	void *node;

	if (path->slot + 1 < path->leaf->count)
		return path->leaf->step[path->slot + 1];
	while (level < map->is.height && path->up[level].slot + 1 >= path->up[level].branch->count)
		level++;
	if (level == map->is.height)
		return STEP_END << STEP_SHIFT | STEP_NONE;
	node = path->up[level].branch->child[path->up[level].slot + 1];
	while (level-- > 0)
		node = ((struct step_branch *)node)->child[0];
	return ((struct step_leaf *)node)->step[0];
}

/* ---- gaps ---------------------------------------------------------------------------------------------------------------- */

uint64_t leaf_gap(const struct step_leaf *leaf, uint64_t high)
{
	uint64_t most = 0;

	for (unsigned i = 0; i < leaf->count; i++) {
		uint64_t end = i + 1 < leaf->count ? step_page(leaf->step[i + 1]) : high;

		if (step_value(leaf->step[i]) == STEP_FREE && end - step_page(leaf->step[i]) > most)
			most = end - step_page(leaf->step[i]);
	}
	return most;
}

uint64_t branch_gap(const struct step_branch *branch)
{
	uint64_t most = 0;

	for (unsigned i = 0; i < branch->count; i++)
		if (key_gap(branch->key[i]) > most)
			most = key_gap(branch->key[i]);
	return most;
}

static inline void fit_note(struct step_map *map, uint64_t page, uint64_t gap)
{
	if (gap >= map->is.fit.size && page < map->is.fit.page)
		map->is.fit.page = page;
}

/* The key at `level` promises at least `gap`. False: it did. */
static inline bool gap_raise(struct step_map *map, unsigned level, uint64_t gap)
{
	uint64_t *key = path_key(&map->at, level);

	gap = size_min(gap, STEP_GAP_MOST);
	if (key_gap(*key) >= gap)
		return false;
	step_note(map, key, sizeof(*key));
	key_gap_put(key, gap);
	return true;
}

/* The tile of the path is free now. No key promises less than one in its child, so that those above the first one that knows need not be
 * told. */
static inline void gap_note(struct step_map *map)
{
	const struct step_path *path = &map->at;
	uint64_t page = step_page(path->leaf->step[path->slot]), gap = path_tile_end(path) - page;

	fit_note(map, page, gap);
	for (unsigned level = 0; level < map->is.height && gap_raise(map, level, gap); level++)
		;
}

/* The same if it is free. Where a leaf was `split`, that was while a tile was not yet what it is now: each key above the path is to promise
 * what its child does. */
static void gaps_note(struct step_map *map, bool split)
{
	const struct step_path *path = &map->at;

	if (step_value(path->leaf->step[path->slot]) == STEP_FREE)
		gap_note(map);
	for (unsigned level = 0; split && level < map->is.height; level++)
		gap_raise(map, level, level ? branch_gap(path->up[level - 1].branch) : leaf_gap(path->leaf, path->high));
}

/* ---- the change ---------------------------------------------------------------------------------------------------------- */

struct change {
	uint64_t page, end;
	uint32_t value;
	uint64_t closed; /* STEP_CLOSED, or 0 */
	enum step_mark mark;
	uint64_t old; /* the step of the one tile that it lies in, if it does */
};

static inline bool change_stops(const struct change *c, uint64_t step)
{
	uint32_t value = step_value(step);

	if (c->mark != STEP_KEEP)
		return false;
	return (step & STEP_FIRST) || value == STEP_NONE || (c->value < STEP_AREA && (value == STEP_KEPT || value == STEP_GAP));
}

/* Is there a step at the change's start, whatever stands before? `step` is that of the tile there. */
static inline bool change_marks(const struct change *c, uint64_t step)
{
	if (c->mark == STEP_KEEP)
		return step_page(step) == c->page && (step & STEP_FIRST);
	return c->mark == STEP_MARK || c->mark == STEP_MARK_CLOSED;
}

static inline uint64_t step_of(const struct change *c, bool marked)
{
	return c->page << STEP_SHIFT | (marked ? STEP_FIRST : 0) | c->closed | c->value;
}

/* Behind the change, what `step` said goes on. */
static inline uint64_t step_goes_on(const struct change *c, uint64_t step)
{
	return c->end << STEP_SHIFT | (step & (STEP_CLOSED | STEP_VALUE));
}

static void tile_lost(struct step_map *map, uint64_t step, uint64_t end, const struct change *c)
{
	uint64_t from = size_max(step_page(step), c->page);

	if (step_value(step) >= STEP_AREA && (c->mark == STEP_KEEP || step_value(step) != c->value)) /* else it is only marked */
		map->lost(map, step_value(step), size_min(end, c->end) - from);
}

/* Have what stands in the leaf from `right` on stand at `to`. */
static inline void leaf_shift(struct step_leaf *leaf, unsigned right, unsigned to)
{
	uint64_t count = leaf->count, by = (uint64_t)to - right;

	if (to > right) {
		for (uint64_t i = count; i-- > right;)
			node_put(&leaf->step[i + by], leaf->step[i]);
	} else {
		for (uint64_t i = right; i < count; i++)
			node_put(&leaf->step[i + by], leaf->step[i]);
		for (uint64_t i = count + by; i < count; i++)
			node_put(&leaf->step[i], STEP_NOTHING);
	}
	node_put(&leaf->count, count + by);
}

/* The last slot of the path's leaf whose tile begins in the change. */
static unsigned change_last(const struct step_leaf *leaf, unsigned slot, struct change c)
{
	while (step_page(leaf->step[slot + 1]) < c.end && !change_stops(&c, leaf->step[slot + 1]))
		slot++;
	return slot;
}

static void tiles_lost(struct step_map *map, unsigned last, struct change c)
{
	const struct step_path *path = &map->at;

	for (unsigned i = path->slot; i <= last; i++)
		tile_lost(map, path->leaf->step[i], size_min(step_page(path->leaf->step[i + 1]), path->high), &c);
}

/*
 *     before    i a      j b  right        a tile holds from its step to the next one
 *               |AA|BB|..|CC|DD|
 *     after     |A|vvvvvvvvv|C|DD|         at most two new steps; no step where the value goes on
 *
 * False, with nothing changed: not all of it lies in the path's leaf, or it would be too full. Mostly it lies in one tile (i is j).
 */
static inline ALWAYS_INLINE bool change_in_leaf(struct step_map *map, struct change *c, bool notes)
{
	struct step_path *path = &map->at;
	struct step_leaf *leaf = path->leaf;
	unsigned i = path->slot, j = i, keep = i, right, to;
	uint64_t step = leaf->step[i], last = step, next = leaf->step[i + 1];
	bool marked = change_marks(c, step), begins;

	if (unlikely(step_page(next) < c->end)) {
		j = change_last(leaf, i, *c);
		last = leaf->step[j];
		next = leaf->step[j + 1];
		c->end = size_min(c->end, step_page(next));
	}
	if (unlikely(next == STEP_NOTHING && c->end >= path->high))
		return false;
	if (step_page(step) != c->page)
		keep++;
	else if (unlikely(!i && !marked))
		return false;
	right = j + 1;
	begins = marked || step_value(leaf->step[keep - 1]) != c->value;
	to = keep + begins;
	if (step_page(next) == c->end)
		right += !(next & STEP_FIRST) && step_value(next) == c->value;
	else
		to += step_value(last) != c->value;
	if (unlikely(to > right && leaf->count + (to - right) > LEAF_STEPS))
		return false;
	c->old = step;
	if (unlikely(i != j)) {
		tiles_lost(map, j, *c);
		c->old = STEP_NONE;
	}
	if (notes)
		step_note(map, leaf, sizeof(*leaf));
	if (to != right)
		leaf_shift(leaf, right, to);
	path->slot = keep - 1 + begins;
	if (begins)
		node_put(&leaf->step[keep], step_of(c, marked));
	if (to > keep + begins)
		node_put(&leaf->step[to - 1], step_goes_on(c, last));
	return true;
}

/* What lies behind the change, once it is known how far it goes. */
struct behind {
	uint64_t step; /* the step at the end, if there is one */
	bool has_step;
	uint64_t last; /* the step of the last tile that changes */
};

static struct behind change_walk(struct step_map *map, struct change *c)
{
	const struct step_path *path = &map->at;

	if (journal_notes(map->arena->journal)) /* one leaf at a time: STEP_NOTES */
		c->end = size_min(c->end, path->high);
	for (;;) {
		uint64_t step = path->leaf->step[path->slot], end = path_tile_end(path), next = step_after(map, path);

		tile_lost(map, step, end, c);
		if (end >= c->end)
			return (struct behind){next, end == c->end, step};
		if (change_stops(c, next)) {
			c->end = end;
			return (struct behind){next, true, step};
		}
		step_next(map);
	}
}

static void step_replace(struct step_map *map, uint64_t step)
{
	step_seek(map, step_page(step));
	step_note(map, &map->at.leaf->step[map->at.slot], sizeof(step));
	node_put(&map->at.leaf->step[map->at.slot], step);
}

/* Across leaves, or where a leaf must be split: the old steps are taken out, the new ones put in. Returns how far it went. */
static uint64_t change_across(struct step_map *map, struct change change)
{
	struct change *c = &change;
	uint64_t step = map->at.leaf->step[map->at.slot];
	bool marked = change_marks(c, step), at_step = step_page(step) == c->page, drop, begins;
	struct behind behind = change_walk(map, c);
	size_t leaves;

	step_seek(map, c->page - 1);
	begins = marked || step_value(map->at.leaf->step[map->at.slot]) != c->value;
	drop = behind.has_step && !(behind.step & STEP_FIRST) && step_value(behind.step) == c->value;
	/* A step that is there already is not taken out and put in again: so nothing needs memory that adds no step. */
	step_delete(map, c->page + (at_step && begins), drop ? c->end + 1 : c->end);
	leaves = map->is.leaf_count;
	if (begins && at_step)
		step_replace(map, step_of(c, marked));
	else if (begins)
		step_insert(map, step_of(c, marked));
	if (!behind.has_step && step_value(behind.last) != c->value) {
		step_insert(map, step_goes_on(c, behind.last));
		step_seek(map, c->end);
		gaps_note(map, map->is.leaf_count != leaves);
	}
	step_seek(map, c->page);
	gaps_note(map, map->is.leaf_count != leaves);
	return c->end;
}

void step_extend(struct step_map *map, uint64_t page, uint64_t end, bool open)
{
	step_set(map, page, end, open ? STEP_FREE : STEP_KEPT, open ? STEP_UNMARK : STEP_UNMARK_CLOSED);
}

static void notes_check(const struct step_map *map, uint64_t height)
{
	const struct journal *journal = map->arena->journal;

	if (journal_count(journal) > STEP_NOTES(height))
		journal->host->panic(journal->host->ctx, "step map: more is noted than can be");
}

static inline ALWAYS_INLINE uint64_t change_make(struct step_map *map, struct change change, bool notes, uint32_t *old)
{
	uint64_t version = map->version, height = map->is.height;

	if (change.mark == STEP_KEEP) {
		change.closed = map->at.leaf->step[map->at.slot] & STEP_CLOSED;
		if (change.value == STEP_FREE && unlikely(change.closed))
			change.value = STEP_KEPT;
	}
	if (notes)
		step_note(map, &map->is, sizeof(map->is));
	__atomic_store_n(&map->version, version + 1, __ATOMIC_RELAXED);
	journal_order();
	if (unlikely(!change_in_leaf(map, &change, notes)))
		change.end = change_across(map, change);
	else if (change.value == STEP_FREE)
		gap_note(map);
	if (unlikely(map->at.leaf->count < LEAF_STEPS / 4) && height && !notes) {
		step_tidy(map);
		step_seek(map, change.page);
	}
	if (notes)
		notes_check(map, height);
	__atomic_store_n(&map->version, version + 2, __ATOMIC_RELEASE);
	*old = step_value(change.old);
	return change.end;
}

static uint64_t change_noted(struct step_map *map, struct change change, uint32_t *old)
{
	journal_step(map->arena->journal);
	return change_make(map, change, true, old);
}

/* The path must be where the caller says. Compiled in where checks are on from the start (the dev preset). */
static void here_check(const struct step_map *map, uint64_t page)
{
	const struct step_path *path = &map->at;
	uint64_t bound = (page + 1) << STEP_SHIFT;

	if (TULOU_CHECK_LEVEL_DEFAULT && (!path->leaf || page >= path->high || path->leaf->step[path->slot] >= bound ||
						 path->leaf->step[path->slot + 1] < bound))
		map->arena->host->panic(map->arena->host->ctx, "step map: a change is not where the last look was");
}

/* Compiled three times: nearly all changes keep the marks and note nothing, and need not ask. */
uint64_t step_set_here(struct step_map *map, uint64_t page, uint64_t end, uint32_t value, uint32_t *old)
{
	struct change change = {page, end, value, 0, STEP_KEEP, STEP_NONE};

	here_check(map, page);
	if (unlikely(journal_notes(map->arena->journal)))
		return change_noted(map, change, old);
	return change_make(map, change, false, old);
}

uint64_t step_set_keep(struct step_map *map, uint64_t page, uint64_t end, uint32_t value)
{
	uint32_t old;

	step_seek(map, page);
	end = step_set_here(map, page, end, value, &old);
	if (old >= STEP_AREA)
		map->lost(map, old, end - page);
	return end;
}

uint64_t step_set_mark(struct step_map *map, uint64_t page, uint64_t end, uint32_t value, enum step_mark mark)
{
	bool closed = mark == STEP_MARK_CLOSED || mark == STEP_UNMARK_CLOSED;
	struct change change = {page, end, value, closed ? STEP_CLOSED : 0, mark, STEP_NONE};

	uint32_t old;

	step_seek(map, page);
	if (journal_notes(map->arena->journal))
		end = change_noted(map, change, &old);
	else
		end = change_make(map, change, false, &old);
	if (old >= STEP_AREA && old != value) /* else it is only marked */
		map->lost(map, old, end - page);
	return end;
}
