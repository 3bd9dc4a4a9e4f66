/* SPDX-License-Identifier: MIT */
/* tree.c - see tree.h. Rebalancing goes upwards from the lowest node whose subtree changed. */
#include "tree.h"

static size_t height_of(const struct tree_node *node)
{
	return node ? node->height : 0;
}

/* Recompute what the node says about its subtree. */
static bool tree_refresh(struct tree *tree, struct tree_node *node)
{
	size_t height = 1 + size_max(height_of(node->child[0]), height_of(node->child[1]));
	bool changed = height != node->height;

	if (changed)
		journal_set(*tree->journal, &node->height, height);
	if (tree->update && tree->update(node, *tree->journal))
		changed = true;
	return changed;
}

/* Put `node` where `old` hung below `parent`. */
static void tree_replace(struct tree *tree, struct tree_node *parent, struct tree_node *old, struct tree_node *node)
{
	struct tree_node **place = parent ? &parent->child[parent->child[TREE_RIGHT] == old] : &tree->root;

	journal_set(*tree->journal, place, node);
	if (node)
		journal_set(*tree->journal, &node->parent, parent);
}

/*
 * Raise the child on `side` of `top` to top's place (drawn for side = left):
 *
 *          top               up
 *         /   \             /  \
 *       up     C    →      A    top
 *      /  \                    /   \
 *     A    B                  B     C
 */
static struct tree_node *tree_raise(struct tree *tree, struct tree_node *top, enum tree_side side)
{
	struct tree_node *up = top->child[side];
	struct tree_node *inner = up->child[!side];

	tree_replace(tree, top->parent, top, up);
	journal_set(*tree->journal, &up->child[!side], top);
	journal_set(*tree->journal, &top->parent, up);
	journal_set(*tree->journal, &top->child[side], inner);
	if (inner)
		journal_set(*tree->journal, &inner->parent, top);
	tree_refresh(tree, top);
	tree_refresh(tree, up);
	return up;
}

/*
 * `top` is two levels too high on `side`. If the grandchild that is too high is the inner one, raise it twice:
 *
 *        top                 top                in
 *       /   \               /   \             /    \
 *      up    D             in    D          up      top
 *     /  \         →      /  \       →     /  \    /   \
 *    A    in             up   C           A    B  C     D
 *        /  \           /  \
 *       B    C         A    B
 */
static struct tree_node *tree_lighten(struct tree *tree, struct tree_node *top, enum tree_side side)
{
	struct tree_node *up = top->child[side];

	if (height_of(up->child[!side]) > height_of(up->child[side]))
		tree_raise(tree, up, !side);
	return tree_raise(tree, top, side);
}

/* Balance and refresh from `node` upwards; stop where nothing changed any more, but not before `moved` (NULL: none), an ancestor
 * that is new in its place: what it says about itself is no measure of change. */
static void tree_repair(struct tree *tree, struct tree_node *node, const struct tree_node *moved)
{
	while (node) {
		size_t left = height_of(node->child[TREE_LEFT]), right = height_of(node->child[TREE_RIGHT]);
		bool go_on = moved != NULL;

		if (node == moved)
			moved = NULL;
		if (left > right + 1)
			node = tree_lighten(tree, node, TREE_LEFT);
		else if (right > left + 1)
			node = tree_lighten(tree, node, TREE_RIGHT);
		else if (!tree_refresh(tree, node) && !go_on)
			return;
		node = node->parent;
	}
}

void tree_insert(struct tree *tree, struct tree_node *parent, enum tree_side side, struct tree_node *node)
{
	/* A new node is nobody's before it is linked: what stands in it need not come back. */
	node->child[TREE_LEFT] = node->child[TREE_RIGHT] = NULL;
	node->parent = parent;
	node->height = 0;
	journal_set(*tree->journal, parent ? &parent->child[side] : &tree->root, node);
	tree_refresh(tree, node);
	tree_repair(tree, parent, NULL);
}

/* Of two neighbours, one lies below the other: the lower one has no child towards the upper one. */
void tree_insert_between(struct tree *tree, struct tree_node *prev, struct tree_node *next, struct tree_node *node)
{
	if (next && !next->child[TREE_LEFT])
		tree_insert(tree, next, TREE_LEFT, node);
	else
		tree_insert(tree, prev, TREE_RIGHT, node);
}

/*
 * A node with two children is replaced by its successor, the leftmost of its right subtree, which has no left child:
 *
 *       node               next
 *      /    \             /    \
 *     A      ...    →    A      ...
 *           /                  /
 *        next                 B       ← repair begins here, and goes on beyond `next` at least, which is new in its place
 *           \
 *            B
 */
void tree_remove(struct tree *tree, struct tree_node *node)
{
	struct tree_node *parent = node->parent, *next, *from;

	if (!node->child[TREE_LEFT] || !node->child[TREE_RIGHT]) {
		tree_replace(tree, parent, node, node->child[!node->child[TREE_LEFT]]);
		tree_repair(tree, parent, NULL);
		return;
	}
	for (next = node->child[TREE_RIGHT]; next->child[TREE_LEFT];)
		next = next->child[TREE_LEFT];
	from = next->parent == node ? next : next->parent;
	tree_replace(tree, next->parent, next, next->child[TREE_RIGHT]);
	for (int side = 0; side < 2; side++) {
		journal_set(*tree->journal, &next->child[side], node->child[side]);
		if (next->child[side])
			journal_set(*tree->journal, &next->child[side]->parent, next);
	}
	tree_replace(tree, parent, node, next);
	tree_repair(tree, from, next);
}

/* Leaves first: `at` is the parent of the last one. */
struct tree_node *tree_take_down(struct tree *tree, struct tree_node **at)
{
	struct tree_node *node = *at ? *at : tree->root;

	if (!node)
		return NULL;
	while (node->child[TREE_LEFT] || node->child[TREE_RIGHT])
		node = node->child[node->child[TREE_LEFT] ? TREE_LEFT : TREE_RIGHT];
	*at = node->parent;
	tree_replace(tree, node->parent, node, NULL);
	return node;
}

void tree_touch(struct tree *tree, struct tree_node *node)
{
	if (!tree->update)
		return;
	while (node && tree->update(node, *tree->journal))
		node = node->parent;
}

static struct tree_node *tree_edge(struct tree_node *node, enum tree_side side)
{
	while (node && node->child[side])
		node = node->child[side];
	return node;
}

struct tree_node *tree_first(const struct tree *tree)
{
	return tree_edge(tree->root, TREE_LEFT);
}

struct tree_node *tree_last(const struct tree *tree)
{
	return tree_edge(tree->root, TREE_RIGHT);
}

static struct tree_node *tree_step(const struct tree_node *node, enum tree_side side)
{
	struct tree_node *parent = node->parent;

	if (node->child[side])
		return tree_edge(node->child[side], !side);
	while (parent && node == parent->child[side]) {
		node = parent;
		parent = node->parent;
	}
	return parent;
}

struct tree_node *tree_next(const struct tree_node *node)
{
	return tree_step(node, TREE_RIGHT);
}

struct tree_node *tree_prev(const struct tree_node *node)
{
	return tree_step(node, TREE_LEFT);
}

const char *tree_check(const struct tree *tree)
{
	if (tree->root && tree->root->parent)
		return "the root has a parent";
	for (struct tree_node *node = tree_first(tree); node; node = tree_next(node)) {
		size_t left = height_of(node->child[TREE_LEFT]), right = height_of(node->child[TREE_RIGHT]);

		for (int side = 0; side < 2; side++)
			if (node->child[side] && node->child[side]->parent != node)
				return "a child does not know its parent";
		if (node->height != 1 + size_max(left, right))
			return "a height is wrong";
		if (left > right + 1 || right > left + 1)
			return "unbalanced";
		if (tree->update && tree->update(node, NULL))
			return "an augmented value is stale";
	}
	return NULL;
}
