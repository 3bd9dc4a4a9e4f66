/* SPDX-License-Identifier: MIT */
/* step_check.c - the rules of step_map.h, recomputed. */
#include "step_internal.h"

struct step_check {
	struct step_map *map;
	uint64_t last, count; /* the step before, and how many there were */
	size_t leaves, branches;
	const char *broken;
};

static bool check_broken(struct step_check *c, const char *what)
{
	c->broken = what;
	return false;
}

/* What lies behind the words that count. */
static bool is_filled(const uint64_t *word, unsigned count, unsigned most)
{
	while (count <= most)
		if (word[count++] != STEP_NOTHING)
			return false;
	return true;
}

/* The largest gap that a node promises; it may be more than there is. */
static uint64_t node_gap(const void *node, uint64_t height, uint64_t high)
{
	return height ? branch_gap(node) : leaf_gap(node, high);
}

/* A leaf whose pages are those from `low` on and below `high`; the largest gap in it goes to `gap`. */
static bool check_leaf(struct step_check *c, const struct step_leaf *leaf, uint64_t low, uint64_t high, uint64_t *gap)
{
	if (!leaf->count || leaf->count > LEAF_STEPS)
		return check_broken(c, "T1: a leaf without steps, or with too many");
	if (step_page(leaf->step[0]) != low)
		return check_broken(c, "T3: a key is not the first page of its leaf");
	for (unsigned i = 0; i < leaf->count; i++) {
		uint64_t step = leaf->step[i];

		if (c->count && step_page(step) <= step_page(c->last))
			return check_broken(c, "T1: steps do not ascend");
		if (step_page(step) >= high)
			return check_broken(c, "T3: a step beyond its leaf's pages");
		if (c->count && !(step & STEP_FIRST) && step_value(step) == step_value(c->last))
			return check_broken(c, "T2: a step repeats the value before it");
		if ((step & STEP_FIRST) && step_value(step) == STEP_NONE)
			return check_broken(c, "T2: nobody's pages are marked");
		c->last = step;
		c->count++;
	}
	if (!is_filled(leaf->step, (unsigned)leaf->count, LEAF_STEPS))
		return check_broken(c, "T1: something lies behind the steps");
	c->leaves++;
	*gap = leaf_gap(leaf, high);
	return true;
}

static bool check_node(struct step_check *c, const void *node, uint64_t height, uint64_t low, uint64_t high, uint64_t *gap)
{
	const struct step_branch *branch = node;

	if (!height)
		return check_leaf(c, node, low, high, gap);
	*gap = 0;
	c->branches++;
	if (!branch->count || branch->count > BRANCH_ENTRIES || step_page(branch->key[0]) != low)
		return check_broken(c, "T3: a branch without entries, or a key is not its first page");
	if (!is_filled(branch->key, (unsigned)branch->count, BRANCH_ENTRIES))
		return check_broken(c, "T1: something lies behind the keys");
	for (unsigned i = 0; i < branch->count; i++) {
		uint64_t child_gap, end = i + 1 < branch->count ? step_page(branch->key[i + 1]) : high;

		if (!check_node(c, branch->child[i], height - 1, step_page(branch->key[i]), end, &child_gap))
			return false;
		if (key_gap(branch->key[i]) < size_min(child_gap, STEP_GAP_MOST))
			return check_broken(c, "T3: a gap is larger than its branch says");
		if (key_gap(branch->key[i]) < size_min(node_gap(branch->child[i], height - 1, end), STEP_GAP_MOST))
			return check_broken(c, "T3: a branch says less than the one below it");
		*gap = size_max(*gap, child_gap);
	}
	return true;
}

static bool check_fit(struct step_check *c)
{
	struct step_map *map = c->map;
	uint64_t page = 0;

	while (page < map->is.fit.page) {
		struct step_tile tile = step_tile_at(map, page);
		uint64_t next = step_after(map, &map->at);
		bool edge = (next & STEP_FIRST) || step_value(next) == STEP_NONE;

		if (tile.value == STEP_FREE && tile.end - tile.page - edge >= map->is.fit.size)
			return check_broken(c, "T4: there is room where none was said to be");
		page = tile.end;
	}
	return true;
}

const char *step_map_check(struct step_map *map)
{
	struct step_check check = {.map = map};
	uint64_t gap;

	if (map->version & 1)
		return "T5: a change was not ended";
	if (!check_node(&check, map->is.root, map->is.height, 0, STEP_END, &gap) || !check_fit(&check))
		return check.broken;
	if (check.leaves != map->is.leaf_count || check.branches != map->is.branch_count)
		return "T5: nodes are lost";
	return NULL;
}
