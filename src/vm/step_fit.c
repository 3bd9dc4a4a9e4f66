/* SPDX-License-Identifier: MIT */
/*
 * step_fit.c - see step_map.h: first fit, and looking without a lock.
 *
 * The search goes from leaf to leaf, over those only whose entry promises a gap that is large enough. Where the promise was not
 * kept it is put right on the way, so that the next search does not come again.
 */
#include "step_internal.h"

/* How many gaps are tried for an alignment before one is looked for that is large enough in any case. */
enum { ALIGN_TRIES = 64 };

struct fit {
	uint64_t size, align, low, high;
	unsigned tries;
	uint64_t most; /* the largest gap in the leaf */
	uint64_t found;
};

enum fit_result { FIT_NO, FIT_YES, FIT_BEYOND };

/* Pages of the path's tile that may be handed out: the last one before another chunk, or nobody's, is left. */
static bool fit_tile(struct step_map *map, struct fit *fit)
{
	const struct step_path *path = &map->at;
	uint64_t page = step_page(path->leaf->step[path->slot]), end = path_tile_end(path), start;

	if (end - page > fit->most)
		fit->most = end - page;
	if (end - page < fit->size)
		return false;
	start = (size_max(page, fit->low) + fit->align - 1) & ~(fit->align - 1);
	if (start + fit->size > size_min(end, fit->high))
		return false;
	fit->found = start;
	fit->tries++;
	return start + fit->size < end || !(step_after(map, path) & STEP_FIRST || !step_value(step_after(map, path)));
}

static void gap_correct(struct step_map *map, unsigned level, uint64_t gap)
{
	struct step_entry *entry = &map->at.up[level].branch->entry[map->at.up[level].slot];

	if (entry_gap(entry) == size_min(gap, STEP_GAP_MOST))
		return;
	step_note(map, entry, sizeof(*entry));
	entry_gap_put(entry, gap);
}

/* Look through the path's leaf from its slot on. */
static enum fit_result fit_leaf(struct step_map *map, struct fit *fit)
{
	struct step_path *path = &map->at;
	unsigned first = path->slot;

	fit->most = 0;
	for (; path->slot < path->leaf->count; path->slot++) {
		uint64_t step = path->leaf->step[path->slot];

		if (step_page(step) >= fit->high)
			return FIT_BEYOND;
		if (step_value(step) == STEP_FREE && fit_tile(map, fit))
			return FIT_YES;
	}
	path->slot = 0;
	if (!first && map->is.height)
		gap_correct(map, 0, fit->most);
	return path->high >= fit->high ? FIT_BEYOND : FIT_NO;
}

static unsigned branch_fit(const struct step_branch *branch, unsigned slot, uint64_t size)
{
	while (slot < branch->count && entry_gap(&branch->entry[slot]) < size && entry_gap(&branch->entry[slot]) < STEP_GAP_MOST)
		slot++;
	return slot;
}

/* Move the path to the first slot of the next leaf that may have a gap of `size`. False: there is none. */
static bool path_next_fit(struct step_map *map, uint64_t size)
{
	struct step_path *path = &map->at;
	unsigned level = 0;

	path->leaf = NULL; /* until it is somewhere again */
	while (level < map->is.height) {
		struct step_branch *branch = path->up[level].branch;
		unsigned slot = branch_fit(branch, path->up[level].slot + 1, size);

		if (slot < branch->count) {
			path->up[level].slot = slot;
			if (!level) {
				path->leaf = branch->entry[slot].child;
				path->slot = 0;
				path_bounds(map, path);
				return true;
			}
			/* Down; its slot is one before the first that is looked at. */
			level--;
			path->up[level].branch = branch->entry[slot].child;
			path->up[level].slot = UINT32_MAX;
			continue;
		}
		if (level + 1 < map->is.height)
			gap_correct(map, level + 1, branch_gap(branch));
		level++;
	}
	return false;
}

static bool fit_search(struct step_map *map, struct fit *fit)
{
	step_seek(map, fit->low);
	for (;;) {
		enum fit_result result = fit_leaf(map, fit);

		if (result != FIT_NO)
			return result == FIT_YES;
		if (fit->tries > ALIGN_TRIES && fit->align > 1)
			return false;
		if (!path_next_fit(map, fit->size))
			return false;
	}
}

bool step_fit(struct step_map *map, uint64_t size, uint64_t align, uint64_t low, uint64_t high, uint64_t *out)
{
	struct fit fit = {.size = size, .align = align, .low = low, .high = high};
	bool known = size >= map->is.fit.size && low <= map->is.fit.page,
	     everywhere = align == 1 && high == STEP_END && (!low || known), found;

	if (known)
		fit.low = map->is.fit.page;
	if (fit.low >= high)
		return false;
	found = fit_search(map, &fit);
	if (!found && align > 1 && fit.tries > ALIGN_TRIES) {
		struct fit sure = {.size = size + align - 1, .align = 1, .low = fit.low, .high = high};

		found = fit_search(map, &sure);
		fit.found = (sure.found + align - 1) & ~(align - 1);
	}
	*out = fit.found;
	if (everywhere) {
		step_note(map, &map->is.fit, sizeof(map->is.fit));
		map->is.fit.size = size;
		map->is.fit.page = found ? fit.found : STEP_END;
	}
	return found;
}

/* ---- without a lock ------------------------------------------------------------------------------------------------------ */

static uint64_t word_get(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

/* Nothing is followed that was read while something changed. */
bool step_peek(const struct step_map *map, uint64_t page, uint64_t version, struct step_tile *out)
{
	uint64_t bound = (page + 1) << STEP_SHIFT, high = STEP_END, count, step;
	uint64_t height = __atomic_load_n(&map->is.height, __ATOMIC_RELAXED);
	unsigned slot;
	const void *node = __atomic_load_n(&map->is.root, __ATOMIC_RELAXED);
	const struct step_leaf *leaf;

	if (!step_peek_holds(map, version))
		return false;
	while (height-- > 0) {
		const struct step_branch *branch = node;

		count = word_get(&branch->count);
		for (slot = 0, count = size_min(count, BRANCH_ENTRIES); count > 1;) {
			unsigned half = (unsigned)count / 2;

			slot += word_get(&branch->entry[slot + half].key) < bound ? half : 0;
			count -= half;
		}
		if (slot + 1 < word_get(&branch->count) && slot + 1 < BRANCH_ENTRIES)
			high = step_page(word_get(&branch->entry[slot + 1].key));
		node = __atomic_load_n(&branch->entry[slot].child, __ATOMIC_RELAXED);
		if (!step_peek_holds(map, version))
			return false;
	}
	leaf = node;
	count = word_get(&leaf->count);
	for (slot = 0, count = size_min(count, LEAF_STEPS); count > 1;) {
		unsigned half = (unsigned)count / 2;

		slot += word_get(&leaf->step[slot + half]) < bound ? half : 0;
		count -= half;
	}
	if (slot + 1 < word_get(&leaf->count) && slot + 1 < LEAF_STEPS)
		high = step_page(word_get(&leaf->step[slot + 1]));
	step = word_get(&leaf->step[slot]);
	*out = (struct step_tile){step_page(step), high, step_value(step), step & STEP_FIRST};
	return step_peek_holds(map, version);
}
