/* SPDX-License-Identifier: MIT */
/*
 * step_nodes.c - see step_map.h: the nodes of the tree, made, split, joined and dropped.
 *
 * Changes here begin at the path, go up as far as they must, and leave the path nowhere where nodes have come or gone.
 */
#include "step_internal.h"

/* Two nodes are joined when they fill less than three quarters of one: the next step shall not split it again. */
enum { JOIN_MOST = LEAF_STEPS * 3 / 4, BRANCH_FEW = BRANCH_ENTRIES / 4 };

static void map_set_height(struct step_map *map, uint64_t height)
{
	node_put(&map->is.height, height);
	map->is.need = height + 1 < STEP_LEVELS ? 2 * sizeof(struct step_leaf) + 2 * (height + 1) * sizeof(struct step_branch)
						: SIZE_MAX >> 32; /* not to be had: step_map_reserve_slow() */
}

void step_map_init(struct step_map *map, struct arena *arena, struct step_leaf *root,
	void (*lost)(struct step_map *map, uint32_t value, uint64_t pages))
{
	_Static_assert(sizeof(struct step_leaf) % ARENA_ALIGN == 0, "cut from an arena");
	_Static_assert(sizeof(struct step_branch) % ARENA_ALIGN == 0, "cut from an arena");
	*map = (struct step_map){.arena = arena, .lost = lost, .is = {.root = root, .leaf_count = 1}};
	map_set_height(map, 0);
	root->count = 1;
	root->step[0] = STEP_NONE;
}

void step_map_forget(struct step_map *map)
{
	map->at.leaf = NULL;
	__atomic_store_n(&map->version, (map->version | 1) + 1, __ATOMIC_RELEASE);
}

bool step_map_reserve_slow(struct step_map *map, unsigned changes)
{
	size_t leaves = 2 * changes, branches = 2 * changes * (map->is.height + 1), size;

	if (map->is.height + 1 >= STEP_LEVELS)
		return false;
	leaves -= size_min(leaves, map->is.free_leaf_count);
	branches -= size_min(branches, map->is.free_branch_count);
	size = leaves * sizeof(struct step_leaf) + branches * sizeof(struct step_branch);
	return arena_reserve(map->arena, size);
}

/* ---- memory -------------------------------------------------------------------------------------------------------------- */

static struct step_leaf *leaf_take(struct step_map *map)
{
	struct step_leaf *leaf = map->is.free_leaves;

	map->is.leaf_count++;
	if (!leaf)
		return arena_take(map->arena, sizeof(*leaf));
	step_note(map, &leaf->step[0], sizeof(leaf->step[0])); /* all else in it is nobody's */
	map->is.free_leaves = (struct step_leaf *)(uintptr_t)leaf->step[0];
	map->is.free_leaf_count--;
	return leaf;
}

/* A reader that still looks finds a node of the same kind, and then that the version has changed. */
static void leaf_give(struct step_map *map, struct step_leaf *leaf)
{
	step_note(map, &leaf->step[0], sizeof(leaf->step[0]));
	node_put(&leaf->step[0], (uintptr_t)map->is.free_leaves);
	map->is.free_leaves = leaf;
	map->is.free_leaf_count++;
	map->is.leaf_count--;
}

static struct step_branch *branch_take(struct step_map *map)
{
	struct step_branch *branch = map->is.free_branches;

	map->is.branch_count++;
	if (!branch)
		return arena_take(map->arena, sizeof(*branch));
	step_note(map, &branch->unused, sizeof(branch->unused));
	map->is.free_branches = (struct step_branch *)(uintptr_t)branch->unused;
	map->is.free_branch_count--;
	return branch;
}

static void branch_give(struct step_map *map, struct step_branch *branch)
{
	step_note(map, &branch->unused, sizeof(branch->unused));
	branch->unused = (uintptr_t)map->is.free_branches;
	map->is.free_branches = branch;
	map->is.free_branch_count++;
	map->is.branch_count--;
}

/* ---- more ---------------------------------------------------------------------------------------------------------------- */

static void entry_put(struct step_entry *entry, struct step_entry from)
{
	node_put(&entry->key, from.key);
	child_put(entry, from.child);
}

static struct step_entry entry_of(uint64_t page, uint64_t gap, void *child)
{
	return (struct step_entry){page << STEP_SHIFT | (gap < STEP_GAP_MOST ? gap : STEP_GAP_MOST), child};
}

static void branch_insert(struct step_branch *branch, unsigned slot, struct step_entry entry)
{
	for (unsigned i = (unsigned)branch->count; i > slot; i--)
		entry_put(&branch->entry[i], branch->entry[i - 1]);
	entry_put(&branch->entry[slot], entry);
	node_put(&branch->count, branch->count + 1);
}

/* Where a full node is cut: what is filled in order stays full. */
static unsigned cut_at(unsigned slot, unsigned full)
{
	return slot == full ? full - 1 : (full + 1) / 2;
}

/* The upper part of a full branch, with `entry` put in at `slot` of the two. */
static struct step_branch *branch_split(struct step_map *map, struct step_branch *branch, unsigned slot, struct step_entry entry)
{
	unsigned cut = cut_at(slot, BRANCH_ENTRIES);
	struct step_branch *upper = branch_take(map);

	for (unsigned i = cut; i < BRANCH_ENTRIES; i++)
		entry_put(&upper->entry[i - cut], branch->entry[i]);
	node_put(&upper->count, BRANCH_ENTRIES - cut);
	node_put(&branch->count, cut);
	if (slot > cut)
		branch_insert(upper, slot - cut, entry);
	else
		branch_insert(branch, slot, entry);
	return upper;
}

static void root_grow(struct step_map *map, uint64_t gap, struct step_entry entry)
{
	struct step_branch *root = branch_take(map);

	entry_put(&root->entry[0], entry_of(0, gap, map->is.root));
	entry_put(&root->entry[1], entry);
	node_put(&root->count, 2);
	__atomic_store_n(&map->is.root, root, __ATOMIC_RELAXED);
	map_set_height(map, map->is.height + 1);
}

/* A new node beside that of the path: `gap` is what the old one has left. */
static void path_add(struct step_map *map, uint64_t gap, struct step_entry entry)
{
	struct step_path *path = &map->at;

	path->leaf = NULL;
	for (unsigned level = 0; level < map->is.height; level++) {
		struct step_branch *branch = path->up[level].branch, *upper;
		unsigned slot = path->up[level].slot;

		step_note(map, branch, sizeof(*branch));
		entry_gap_put(&branch->entry[slot], gap);
		if (branch->count < BRANCH_ENTRIES) {
			branch_insert(branch, slot + 1, entry);
			return;
		}
		upper = branch_split(map, branch, slot + 1, entry);
		gap = branch_gap(branch);
		entry = entry_of(step_page(upper->entry[0].key), branch_gap(upper), upper);
	}
	root_grow(map, gap, entry);
}

static void leaf_split(struct step_map *map, unsigned slot)
{
	struct step_leaf *leaf = map->at.leaf, *upper = leaf_take(map);
	unsigned cut = cut_at(slot, LEAF_STEPS);
	uint64_t high = map->at.high, page = step_page(leaf->step[cut]);

	step_note(map, leaf, sizeof(*leaf));
	for (unsigned i = cut; i < LEAF_STEPS; i++)
		node_put(&upper->step[i - cut], leaf->step[i]);
	node_put(&upper->count, LEAF_STEPS - cut);
	node_put(&leaf->count, cut);
	path_add(map, leaf_gap(leaf, page), entry_of(page, leaf_gap(upper, high), upper));
}

void step_insert(struct step_map *map, uint64_t step)
{
	struct step_leaf *leaf;
	unsigned slot;

	step_seek(map, step_page(step));
	if (map->at.leaf->count == LEAF_STEPS) {
		leaf_split(map, map->at.slot + 1);
		step_seek(map, step_page(step));
	}
	leaf = map->at.leaf;
	slot = map->at.slot + 1;
	step_note(map, leaf, sizeof(*leaf));
	for (unsigned i = (unsigned)leaf->count; i > slot; i--)
		node_put(&leaf->step[i], leaf->step[i - 1]);
	node_put(&leaf->step[slot], step);
	node_put(&leaf->count, leaf->count + 1);
}

/* ---- less ---------------------------------------------------------------------------------------------------------------- */

/* The first page below the path's entry at `level` is another now. */
static void path_key_fix(struct step_map *map, unsigned level, uint64_t page)
{
	for (; level < map->is.height; level++) {
		struct step_entry *entry = &map->at.up[level].branch->entry[map->at.up[level].slot];

		step_note(map, entry, sizeof(*entry));
		entry_page_put(entry, page);
		if (map->at.up[level].slot)
			return;
	}
}

static void root_shrink(struct step_map *map)
{
	while (map->is.height && ((struct step_branch *)map->is.root)->count == 1) {
		struct step_branch *root = map->is.root;

		__atomic_store_n(&map->is.root, root->entry[0].child, __ATOMIC_RELAXED);
		map_set_height(map, map->is.height - 1);
		branch_give(map, root);
	}
}

/* The path's entry at `level` goes; the child is gone already. */
static void path_drop(struct step_map *map, unsigned level)
{
	struct step_path *path = &map->at;

	path->leaf = NULL;
	for (; level < map->is.height; level++) {
		struct step_branch *branch = path->up[level].branch;
		unsigned slot = path->up[level].slot;

		step_note(map, branch, branch->count > 1 ? sizeof(*branch) : offsetof(struct step_branch, entry[1]));
		for (unsigned i = slot; i + 1 < branch->count; i++)
			entry_put(&branch->entry[i], branch->entry[i + 1]);
		node_put(&branch->count, branch->count - 1);
		if (branch->count) {
			if (!slot)
				path_key_fix(map, level + 1, step_page(branch->entry[0].key));
			return;
		}
		branch_give(map, branch);
	}
}

/* Take the steps of the path's leaf from `from` on and below `to`. */
static void leaf_delete(struct step_map *map, unsigned from, unsigned to)
{
	struct step_leaf *leaf = map->at.leaf;
	unsigned count = (unsigned)leaf->count;

	step_note(map, leaf, sizeof(*leaf));
	for (unsigned i = to; i < count; i++)
		node_put(&leaf->step[from + i - to], leaf->step[i]);
	node_put(&leaf->count, count - (to - from));
	map->at.slot = 0;
	if (!leaf->count) {
		leaf_give(map, leaf);
		path_drop(map, 0);
		root_shrink(map);
	} else if (!from) {
		path_key_fix(map, 0, step_page(leaf->step[0]));
		path_bounds(map, &map->at);
	}
}

void step_delete(struct step_map *map, uint64_t page, uint64_t end)
{
	for (;;) {
		struct step_path *path = &map->at;
		unsigned from, to;
		bool all;

		step_seek(map, page);
		from = path->slot + (step_page(path->leaf->step[path->slot]) < page);
		if (from == path->leaf->count) {
			if (path->high >= end)
				return;
			step_seek(map, path->high);
			from = 0;
		}
		for (to = from; to < path->leaf->count && step_page(path->leaf->step[to]) < end;)
			to++;
		if (to == from)
			return;
		all = to < path->leaf->count || path->high >= end;
		leaf_delete(map, from, to);
		if (all)
			return;
	}
}

static void leaves_join(struct step_map *map, struct step_leaf *leaf, struct step_leaf *upper)
{
	step_note(map, leaf, sizeof(*leaf));
	for (unsigned i = 0; i < upper->count; i++)
		node_put(&leaf->step[leaf->count + i], upper->step[i]);
	node_put(&leaf->count, leaf->count + upper->count);
	leaf_give(map, upper);
}

static void branches_join(struct step_map *map, struct step_branch *branch, struct step_branch *upper)
{
	step_note(map, branch, sizeof(*branch));
	for (unsigned i = 0; i < upper->count; i++)
		entry_put(&branch->entry[branch->count + i], upper->entry[i]);
	node_put(&branch->count, branch->count + upper->count);
	branch_give(map, upper);
}

/* Join the child of the path's entry at `level` with a neighbour below the same branch. False: it has none that fits. */
static bool children_join(struct step_map *map, unsigned level)
{
	struct step_branch *branch = map->at.up[level].branch;
	unsigned slot = map->at.up[level].slot;
	struct step_entry *lower, *upper;
	/* Both kinds of node begin with their count. */
	uint64_t count;

	if (branch->count < 2)
		return false;
	if (slot + 1 == branch->count)
		slot--;
	lower = &branch->entry[slot];
	upper = &branch->entry[slot + 1];
	count = *(uint64_t *)lower->child + *(uint64_t *)upper->child;
	if (count > JOIN_MOST)
		return false;
	step_note(map, branch, sizeof(*branch));
	entry_gap_put(lower, size_max(entry_gap(lower), entry_gap(upper)));
	if (level)
		branches_join(map, lower->child, upper->child);
	else
		leaves_join(map, lower->child, upper->child);
	map->at.up[level].slot = slot + 1;
	path_drop(map, level);
	return true;
}

void step_tidy(struct step_map *map)
{
	for (unsigned level = 0; level < map->is.height && children_join(map, level); level++)
		if (map->at.up[level].branch->count >= BRANCH_FEW)
			break;
	root_shrink(map);
}
