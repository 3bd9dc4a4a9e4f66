/* SPDX-License-Identifier: MIT */
/*
 * step_nodes.c - see step_map.h: the nodes of the tree, made, split, joined and dropped.
 *
 * Changes here begin at the path, go up as far as they must, and leave the path nowhere where nodes have come or gone.
 */
#include "step_internal.h"

/* Two nodes are joined when they fill less than three quarters of one: the next step shall not split it again. */
enum { LEAF_JOIN_MOST = LEAF_STEPS * 3 / 4, BRANCH_JOIN_MOST = BRANCH_ENTRIES * 3 / 4, BRANCH_FEW = BRANCH_ENTRIES / 4 };

enum { SURE_CHANGES = 8 };

/* A child of a branch, on its way there. */
struct entry {
	uint64_t key;
	void *child;
};

static void leaf_clear(struct step_leaf *leaf)
{
	for (unsigned i = 0; i <= LEAF_STEPS; i++)
		node_put(&leaf->step[i], STEP_NOTHING);
}

static void branch_clear(struct step_branch *branch)
{
	for (unsigned i = 0; i <= BRANCH_ENTRIES; i++)
		node_put(&branch->key[i], STEP_NOTHING);
}

/* A change puts in two steps at most, each of which splits a leaf and may split all above it. But a branch that was split has room
 * for what SURE_CHANGES put in, so that the root splits once, and all it needs is another root. */
static size_t branches_needed(unsigned changes, uint64_t height)
{
	if (changes > SURE_CHANGES)
		return 2 * (size_t)changes * (height + 1);
	return height ? 2 * (size_t)changes * (height - 1) + 2 : 1;
}

void step_map_init(struct step_map *map, struct arena *arena, struct step_leaf *root,
	void (*lost)(struct step_map *map, uint32_t value, uint64_t pages))
{
	_Static_assert(sizeof(struct step_leaf) % ARENA_ALIGN == 0, "cut from an arena");
	_Static_assert(sizeof(struct step_branch) % ARENA_ALIGN == 0, "cut from an arena");
	*map = (struct step_map){.arena = arena, .lost = lost, .is = {.root = root, .leaf_count = 1}};
	leaf_clear(root);
	root->count = 1;
	root->step[0] = STEP_NONE;
}

void step_map_forget(struct step_map *map)
{
	map->at.leaf = NULL;
	__atomic_store_n(&map->version, (map->version | 1) + 1, __ATOMIC_RELEASE);
}

bool step_map_reserve(struct step_map *map, unsigned changes)
{
	size_t leaves = 2 * changes, branches = branches_needed(changes, map->is.height), size;

	if (map->is.height + 1 >= STEP_LEVELS)
		return false;
	leaves -= size_min(leaves, map->is.free_leaf_count);
	branches -= size_min(branches, map->is.free_branch_count);
	size = leaves * sizeof(struct step_leaf) + branches * sizeof(struct step_branch);
	return arena_reserve(map->arena, size);
}

/* ---- memory -------------------------------------------------------------------------------------------------------------- */

/* All in it that nobody's list needs is nobody's: taken back, a change leaves it as it may be. */
static struct step_leaf *leaf_take(struct step_map *map)
{
	struct step_leaf *leaf = map->is.free_leaves;

	map->is.leaf_count++;
	if (!leaf) {
		leaf = arena_take(map->arena, sizeof(*leaf));
	} else {
		map->arena->spent = true;
		step_note(map, &leaf->step[0], sizeof(leaf->step[0]));
		map->is.free_leaves = (struct step_leaf *)(uintptr_t)leaf->step[0];
		map->is.free_leaf_count--;
	}
	leaf_clear(leaf);
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
	if (!branch) {
		branch = arena_take(map->arena, sizeof(*branch));
	} else {
		map->arena->spent = true;
		step_note(map, &branch->child[0], sizeof(branch->child[0]));
		map->is.free_branches = branch->child[0];
		map->is.free_branch_count--;
	}
	branch_clear(branch);
	return branch;
}

static void branch_give(struct step_map *map, struct step_branch *branch)
{
	step_note(map, &branch->child[0], sizeof(branch->child[0]));
	child_put(&branch->child[0], map->is.free_branches);
	map->is.free_branches = branch;
	map->is.free_branch_count++;
	map->is.branch_count--;
}

/* ---- more ---------------------------------------------------------------------------------------------------------------- */

static void branch_put(struct step_branch *branch, unsigned slot, struct entry entry)
{
	node_put(&branch->key[slot], entry.key);
	child_put(&branch->child[slot], entry.child);
}

static struct entry branch_get(const struct step_branch *branch, unsigned slot)
{
	return (struct entry){branch->key[slot], branch->child[slot]};
}

static void branch_insert(struct step_branch *branch, unsigned slot, struct entry entry)
{
	for (unsigned i = (unsigned)branch->count; i > slot; i--)
		branch_put(branch, i, branch_get(branch, i - 1));
	branch_put(branch, slot, entry);
	node_put(&branch->count, branch->count + 1);
}

/* Only the first `count` are left. */
static void branch_cut(struct step_branch *branch, unsigned count)
{
	for (unsigned i = count; i < branch->count; i++)
		node_put(&branch->key[i], STEP_NOTHING);
	node_put(&branch->count, count);
}

static void leaf_cut(struct step_leaf *leaf, unsigned count)
{
	for (unsigned i = count; i < leaf->count; i++)
		node_put(&leaf->step[i], STEP_NOTHING);
	node_put(&leaf->count, count);
}

/* Where a full leaf is cut: what is filled in order stays full, also where a gap and the end of a chunk are ahead of what comes. */
static unsigned leaf_cut_at(unsigned slot)
{
	return slot + 3 >= LEAF_STEPS ? slot - 1 : (LEAF_STEPS + 1) / 2;
}

/* A full branch: the same, but for some room. */
static unsigned branch_cut_at(unsigned slot)
{
	return slot + 3 >= BRANCH_ENTRIES ? BRANCH_ENTRIES - 2 * SURE_CHANGES : (BRANCH_ENTRIES + 1) / 2;
}

/* The upper part of a full branch, with `entry` put in at `slot` of the two. */
static struct step_branch *branch_split(struct step_map *map, struct step_branch *branch, unsigned slot, struct entry entry)
{
	unsigned cut = branch_cut_at(slot);
	struct step_branch *upper = branch_take(map);

	for (unsigned i = cut; i < BRANCH_ENTRIES; i++)
		branch_put(upper, i - cut, branch_get(branch, i));
	node_put(&upper->count, BRANCH_ENTRIES - cut);
	branch_cut(branch, cut);
	if (slot > cut)
		branch_insert(upper, slot - cut, entry);
	else
		branch_insert(branch, slot, entry);
	return upper;
}

static void root_grow(struct step_map *map, uint64_t gap, struct entry entry)
{
	struct step_branch *root = branch_take(map);

	branch_put(root, 0, (struct entry){key_of(0, gap), map->is.root});
	branch_put(root, 1, entry);
	node_put(&root->count, 2);
	__atomic_store_n(&map->is.root, root, __ATOMIC_RELAXED);
	node_put(&map->is.height, map->is.height + 1);
}

/* A new node beside that of the path: `gap` is what the old one has left. */
static void path_add(struct step_map *map, uint64_t gap, struct entry entry)
{
	struct step_path *path = &map->at;

	path->leaf = NULL;
	for (unsigned level = 0; level < map->is.height; level++) {
		struct step_branch *branch = path->up[level].branch, *upper;
		unsigned slot = path->up[level].slot;

		step_note(map, branch, sizeof(*branch));
		key_gap_put(&branch->key[slot], gap);
		if (branch->count < BRANCH_ENTRIES) {
			branch_insert(branch, slot + 1, entry);
			return;
		}
		upper = branch_split(map, branch, slot + 1, entry);
		gap = branch_gap(branch);
		entry = (struct entry){key_of(step_page(upper->key[0]), branch_gap(upper)), upper};
	}
	root_grow(map, gap, entry);
}

static void leaf_split(struct step_map *map, unsigned slot)
{
	struct step_leaf *leaf = map->at.leaf, *upper = leaf_take(map);
	unsigned cut = leaf_cut_at(slot);
	uint64_t high = map->at.high, page = step_page(leaf->step[cut]);

	step_note(map, leaf, sizeof(*leaf));
	for (unsigned i = cut; i < LEAF_STEPS; i++)
		node_put(&upper->step[i - cut], leaf->step[i]);
	node_put(&upper->count, LEAF_STEPS - cut);
	leaf_cut(leaf, cut);
	path_add(map, leaf_gap(leaf, page), (struct entry){key_of(page, leaf_gap(upper, high)), upper});
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
		uint64_t *key = path_key(&map->at, level);

		step_note(map, key, sizeof(*key));
		node_put(key, key_of(page, key_gap(*key)));
		if (map->at.up[level].slot)
			return;
	}
}

static void root_shrink(struct step_map *map)
{
	while (map->is.height && ((struct step_branch *)map->is.root)->count == 1) {
		struct step_branch *root = map->is.root;

		__atomic_store_n(&map->is.root, root->child[0], __ATOMIC_RELAXED);
		node_put(&map->is.height, map->is.height - 1);
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

		if (branch->count > 1)
			step_note(map, branch, sizeof(*branch));
		else
			step_note(map, branch, offsetof(struct step_branch, key[1]));
		for (unsigned i = slot; i + 1 < branch->count; i++)
			branch_put(branch, i, branch_get(branch, i + 1));
		branch_cut(branch, (unsigned)branch->count - 1);
		if (branch->count) {
			if (!slot)
				path_key_fix(map, level + 1, step_page(branch->key[0]));
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
	leaf_cut(leaf, count - (to - from));
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
		branch_put(branch, (unsigned)branch->count + i, branch_get(upper, i));
	node_put(&branch->count, branch->count + upper->count);
	branch_give(map, upper);
}

/* Join the child of the path's entry at `level` with a neighbour below the same branch. False: it has none that fits. */
static bool children_join(struct step_map *map, unsigned level)
{
	struct step_branch *branch = map->at.up[level].branch;
	unsigned slot = map->at.up[level].slot;
	/* Both kinds of node begin with their count. */
	uint64_t *lower, *upper;

	if (branch->count < 2)
		return false;
	if (slot + 1 == branch->count)
		slot--;
	lower = branch->child[slot];
	upper = branch->child[slot + 1];
	if (*lower + *upper > (level ? BRANCH_JOIN_MOST : LEAF_JOIN_MOST))
		return false;
	step_note(map, branch, sizeof(*branch));
	key_gap_put(&branch->key[slot], size_max(key_gap(branch->key[slot]), key_gap(branch->key[slot + 1])));
	if (level)
		branches_join(map, (struct step_branch *)lower, (struct step_branch *)upper);
	else
		leaves_join(map, (struct step_leaf *)lower, (struct step_leaf *)upper);
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
