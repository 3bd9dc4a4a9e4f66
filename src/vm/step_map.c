/* SPDX-License-Identifier: MIT */
/* step_map.c - see step_map.h: the path, looking, and the change. */
#include "step_internal.h"

/* ---- the path ------------------------------------------------------------------------------------------------------------ */

/* How many of `count` ascending words are below `bound`; without a branch that could be guessed wrong. */
static inline unsigned steps_below(const uint64_t *step, unsigned count, uint64_t bound)
{
	unsigned base = 0;

	while (count > 1) {
		unsigned half = count / 2;

		base += step[base + half - 1] < bound ? half : 0;
		count -= half;
	}
	return base + (step[base] < bound);
}

static inline unsigned entries_below(const struct step_entry *entry, unsigned count, uint64_t bound)
{
	unsigned base = 0;

	while (count > 1) {
		unsigned half = count / 2;

		base += entry[base + half - 1].key < bound ? half : 0;
		count -= half;
	}
	return base + (entry[base].key < bound);
}

static void path_descend(struct step_map *map, struct step_path *path, uint64_t page)
{
	uint64_t bound = (page + 1) << STEP_SHIFT;
	void *node = map->is.root;

	path->low = 0;
	path->high = STEP_END;
	for (unsigned level = (unsigned)map->is.height; level-- > 0;) {
		struct step_branch *branch = node;
		unsigned slot = entries_below(branch->entry, (unsigned)branch->count, bound) - 1;

		path->up[level].branch = branch;
		path->up[level].slot = slot;
		path->low = step_page(branch->entry[slot].key);
		if (slot + 1 < branch->count)
			path->high = step_page(branch->entry[slot + 1].key);
		node = branch->entry[slot].child;
	}
	path->leaf = node;
	path->slot = 0;
}

void step_seek(struct step_map *map, uint64_t page)
{
	uint64_t bound = (page + 1) << STEP_SHIFT;
	struct step_path *path = &map->at;
	const struct step_leaf *leaf;

	if (!path->leaf || page < path->low || page >= path->high)
		path_descend(map, path, page);
	leaf = path->leaf;
	if (path->slot < leaf->count && leaf->step[path->slot] < bound &&
		(path->slot + 1 >= leaf->count || leaf->step[path->slot + 1] >= bound))
		return;
	path->slot = steps_below(leaf->step, (unsigned)leaf->count, bound) - 1;
}

bool step_next_slow(struct step_map *map)
{
	if (map->at.high == STEP_END)
		return false;
	step_seek(map, map->at.high);
	return true;
}

void path_bounds(const struct step_map *map, struct step_path *path)
{
	path->high = STEP_END;
	path->low = map->is.height ? step_page(path->up[0].branch->entry[path->up[0].slot].key) : 0;
	for (unsigned level = 0; level < map->is.height; level++) {
		const struct step_branch *branch = path->up[level].branch;

		if (path->up[level].slot + 1 < branch->count) {
			path->high = step_page(branch->entry[path->up[level].slot + 1].key);
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
	node = path->up[level].branch->entry[path->up[level].slot + 1].child;
	while (level-- > 0)
		node = ((struct step_branch *)node)->entry[0].child;
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
		if (entry_gap(&branch->entry[i]) > most)
			most = entry_gap(&branch->entry[i]);
	return most;
}

void step_gap_note(struct step_map *map)
{
	struct step_path *path = &map->at;
	uint64_t page = step_page(path->leaf->step[path->slot]), gap = path_tile_end(path) - page;

	if (step_value(path->leaf->step[path->slot]) != STEP_FREE)
		return;
	if (gap >= map->is.fit.size && page < map->is.fit.page)
		map->is.fit.page = page;
	for (unsigned level = 0; level < map->is.height; level++) {
		struct step_entry *entry = &path->up[level].branch->entry[path->up[level].slot];

		if (entry_gap(entry) < gap) {
			step_note(map, entry, sizeof(*entry));
			entry_gap_put(entry, gap);
		}
	}
}

/* ---- looking ------------------------------------------------------------------------------------------------------------- */

struct step_tile step_tile_at(struct step_map *map, uint64_t page)
{
	if (unlikely(page >= STEP_END))
		return (struct step_tile){.page = STEP_END, .end = 1ull << 52, .value = STEP_NONE};
	step_seek(map, page);
	return step_tile_here(map);
}

bool step_area_above(struct step_map *map, uint64_t page, struct step_tile *out)
{
	if (unlikely(page >= STEP_END))
		return false;
	step_seek(map, page);
	while (step_value(map->at.leaf->step[map->at.slot]) < STEP_AREA)
		if (!step_next(map))
			return false;
	*out = step_tile_here(map);
	return true;
}

/* ---- the change ---------------------------------------------------------------------------------------------------------- */

struct change {
	uint64_t page, end;
	uint32_t value;
	uint64_t closed; /* STEP_CLOSED, or 0 */
	enum step_mark mark;
};

static bool change_stops(const struct change *c, uint64_t step)
{
	uint32_t value = step_value(step);

	if (c->mark != STEP_KEEP)
		return false;
	return (step & STEP_FIRST) || value == STEP_NONE || (c->value < STEP_AREA && (value == STEP_KEPT || value == STEP_GAP));
}

/* Is there a step at the change's start, whatever stands before? `step` is that of the tile there. */
static bool change_marks(const struct change *c, uint64_t step)
{
	return c->mark == STEP_MARK || c->mark == STEP_MARK_CLOSED ||
	       (c->mark == STEP_KEEP && step_page(step) == c->page && (step & STEP_FIRST));
}

static uint64_t step_of(const struct change *c, bool marked)
{
	return c->page << STEP_SHIFT | (marked ? STEP_FIRST : 0) | c->closed | c->value;
}

/* Behind the change, what `step` said goes on. */
static uint64_t step_goes_on(const struct change *c, uint64_t step)
{
	return c->end << STEP_SHIFT | (step & (STEP_CLOSED | STEP_VALUE));
}

static void tile_lost(struct step_map *map, uint64_t step, uint64_t end, const struct change *c)
{
	uint64_t from = size_max(step_page(step), c->page);

	if (step_value(step) >= STEP_AREA && (c->mark == STEP_KEEP || step_value(step) != c->value)) /* else it is only marked */
		map->lost(map, step_value(step), size_min(end, c->end) - from);
}

/* Put `fresh` in the place of the leaf's steps from `keep` on and below `right`. */
static void leaf_splice(struct step_leaf *leaf, unsigned keep, unsigned right, const uint64_t *fresh, unsigned fresh_count)
{
	unsigned rest = (unsigned)leaf->count - right, to = keep + fresh_count;

	if (to < right)
		for (unsigned i = 0; i < rest; i++)
			node_put(&leaf->step[to + i], leaf->step[right + i]);
	else if (to > right)
		for (unsigned i = rest; i-- > 0;)
			node_put(&leaf->step[to + i], leaf->step[right + i]);
	for (unsigned i = 0; i < fresh_count; i++)
		node_put(&leaf->step[keep + i], fresh[i]);
	node_put(&leaf->count, to + rest);
}

/*
 *     before    i a      j b  right        a tile holds from its step to the next one
 *               |AA|BB|..|CC|DD|
 *     after     |A|vvvvvvvvv|C|DD|         at most two new steps; no step where the value goes on
 *
 * False, with nothing changed: not all of it lies in the path's leaf, or it would be too full.
 */
static bool change_in_leaf(struct step_map *map, struct change *c)
{
	struct step_path *path = &map->at;
	struct step_leaf *leaf = path->leaf;
	unsigned count = (unsigned)leaf->count, i = path->slot, j = i, keep, right, fresh_count = 0;
	bool at_step = step_page(leaf->step[i]) == c->page, marked = change_marks(c, leaf->step[i]);
	uint64_t fresh[2];

	if (at_step && !i && !marked)
		return false;
	while (j + 1 < count && step_page(leaf->step[j + 1]) < c->end && !change_stops(c, leaf->step[j + 1]))
		j++;
	if (j + 1 < count)
		c->end = size_min(c->end, step_page(leaf->step[j + 1]));
	else if (c->end >= path->high)
		return false;
	keep = at_step ? i : i + 1;
	if (marked || step_value(leaf->step[keep - 1]) != c->value)
		fresh[fresh_count++] = step_of(c, marked);
	right = j + 1;
	if (right < count && step_page(leaf->step[right]) == c->end) {
		if (!(leaf->step[right] & STEP_FIRST) && step_value(leaf->step[right]) == c->value)
			right++;
	} else if (step_value(leaf->step[j]) != c->value) {
		fresh[fresh_count++] = step_goes_on(c, leaf->step[j]);
	}
	if (keep + fresh_count + count - right > LEAF_STEPS)
		return false;
	for (unsigned k = i; k <= j; k++)
		tile_lost(map, leaf->step[k], k + 1 < count ? step_page(leaf->step[k + 1]) : path->high, c);
	step_note(map, leaf, sizeof(*leaf));
	leaf_splice(leaf, keep, right, fresh, fresh_count);
	path->slot = fresh_count && step_page(fresh[0]) == c->page ? keep : keep - 1;
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

/* Across leaves, or where a leaf must be split: the old steps are taken out, the new ones put in. */
static void change_across(struct step_map *map, struct change *c)
{
	uint64_t step = map->at.leaf->step[map->at.slot];
	bool marked = change_marks(c, step), at_step = step_page(step) == c->page, drop, begins;
	struct behind behind = change_walk(map, c);

	step_seek(map, c->page - 1);
	begins = marked || step_value(map->at.leaf->step[map->at.slot]) != c->value;
	drop = behind.has_step && !(behind.step & STEP_FIRST) && step_value(behind.step) == c->value;
	/* A step that is there already is not taken out and put in again: so nothing needs memory that adds no step. */
	step_delete(map, c->page + (at_step && begins), drop ? c->end + 1 : c->end);
	if (begins && at_step)
		step_replace(map, step_of(c, marked));
	else if (begins)
		step_insert(map, step_of(c, marked));
	if (!behind.has_step && step_value(behind.last) != c->value) {
		step_insert(map, step_goes_on(c, behind.last));
		step_seek(map, c->end);
		step_gap_note(map);
	}
	step_seek(map, c->page);
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

/* Mostly one tile gets another value as a whole, or from its start on, and its neighbours have others still: nothing but one step
 * changes, and perhaps one comes behind it. */
static inline bool change_one(struct step_map *map, uint64_t page, uint64_t end, uint32_t value)
{
	struct step_leaf *leaf = map->at.leaf;
	unsigned slot = map->at.slot, count = (unsigned)leaf->count;
	uint64_t step = leaf->step[slot], next, next_page;

	if (step_page(step) != page || slot + 1 >= count || step_value(step) == value)
		return false;
	next = leaf->step[slot + 1];
	next_page = step_page(next);
	if (next_page < end || (next_page > end && count == LEAF_STEPS))
		return false;
	if (!(step & STEP_FIRST) && (!slot || step_value(leaf->step[slot - 1]) == value))
		return false;
	if (next_page == end && step_value(next) == value && !(next & STEP_FIRST))
		return false;
	step_note(map, leaf, sizeof(*leaf));
	if (step_value(step) >= STEP_AREA)
		map->lost(map, step_value(step), end - page);
	if (next_page > end) {
		for (unsigned i = count; i > slot + 1; i--)
			node_put(&leaf->step[i], leaf->step[i - 1]);
		node_put(&leaf->step[slot + 1], end << STEP_SHIFT | (step & (STEP_CLOSED | STEP_VALUE)));
		node_put(&leaf->count, count + 1);
	}
	node_put(&leaf->step[slot], (step & ~STEP_VALUE) | value);
	return true;
}

static void change_any(struct step_map *map, struct change *c)
{
	if (c->mark == STEP_KEEP)
		c->closed = map->at.leaf->step[map->at.slot] & STEP_CLOSED;
	else if (c->mark == STEP_MARK_CLOSED || c->mark == STEP_UNMARK_CLOSED)
		c->closed = STEP_CLOSED;
	if (!change_in_leaf(map, c))
		change_across(map, c);
	if (map->at.leaf->count < LEAF_STEPS / 4 && map->is.height && !journal_notes(map->arena->journal)) {
		step_tidy(map);
		step_seek(map, c->page);
	}
}

uint64_t step_set(struct step_map *map, uint64_t page, uint64_t end, uint32_t value, enum step_mark mark)
{
	uint64_t version = map->version, height = map->is.height;

	journal_step(map->arena->journal);
	step_seek(map, page);
	if (value == STEP_FREE && mark == STEP_KEEP && (map->at.leaf->step[map->at.slot] & STEP_CLOSED))
		value = STEP_KEPT;
	step_note(map, &map->is, sizeof(map->is));
	__atomic_store_n(&map->version, version + 1, __ATOMIC_RELAXED);
	journal_order();
	if (mark != STEP_KEEP || !change_one(map, page, end, value)) {
		struct change change = {page, end, value, 0, mark};

		change_any(map, &change);
		end = change.end;
	}
	if (value == STEP_FREE)
		step_gap_note(map);
	if (unlikely(journal_notes(map->arena->journal)))
		notes_check(map, height);
	__atomic_store_n(&map->version, version + 2, __ATOMIC_RELEASE);
	return end;
}
