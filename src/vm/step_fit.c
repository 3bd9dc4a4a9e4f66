/* SPDX-License-Identifier: MIT */
/*
 * step_fit.c - see step_map.h: first fit.
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

static bool fit_tile(struct step_map *map, struct fit *fit)
{
	uint64_t size = path_tile_end(&map->at) - step_page(map->at.leaf->step[map->at.slot]);

	if (size > fit->most)
		fit->most = size;
	if (size < fit->size || !step_tile_has(map, fit->size, fit->align, fit->low, fit->high, &fit->found))
		return false;
	fit->tries++;
	return step_tile_may_end(map, fit->found + fit->size);
}

static void gap_correct(struct step_map *map, unsigned level, uint64_t gap)
{
	uint64_t *key = path_key(&map->at, level);

	if (key_gap(*key) == size_min(gap, STEP_GAP_MOST))
		return;
	step_note(map, key, sizeof(*key));
	key_gap_put(key, gap);
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
	/* What lies behind the keys has the largest gap of all. */
	size = size_min(size, STEP_GAP_MOST);
	while (key_gap(branch->key[slot]) < size)
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
				path->leaf = branch->child[slot];
				path->slot = 0;
				path_bounds(map, path);
				return true;
			}
			/* Down; its slot is one before the first that is looked at. */
			level--;
			path->up[level].branch = branch->child[slot];
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

bool step_fit_slow(struct step_map *map, uint64_t size, uint64_t align, uint64_t low, uint64_t high, uint64_t *out)
{
	struct fit fit = {.size = size, .align = align, .low = low, .high = high};
	bool found = fit_search(map, &fit);

	if (!found && align > 1 && fit.tries > ALIGN_TRIES) {
		struct fit sure = {.size = size + align - 1, .align = 1, .low = low, .high = high};

		found = fit_search(map, &sure);
		fit.found = (sure.found + align - 1) & ~(align - 1);
	}
	*out = fit.found;
	return found;
}
