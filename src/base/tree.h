/* SPDX-License-Identifier: MIT */
/*
 * tree.h - an intrusive balanced (AVL) search tree whose nodes may carry a value about their whole subtree.
 *
 *            node              The user embeds a tree_node, searches by walking child[] with a key of its own, and links a new
 *           /    \             node below the leaf where the search ended. `update` recomputes the node's augmented value
 *     child[0]  child[1]       from its own key and its children's values, and says whether it changed.
 *
 * Invariants (tree_check): the heights of two siblings differ by at most one; height is 1 + that of the higher child; parent
 * links agree. Insert, remove and touch are O(log n), without recursion. Locks: the user's. Stores are noted in the journal that the
 * user's guard names at that moment; `update` notes its own.
 */
#ifndef TULOU_BASE_TREE_H
#define TULOU_BASE_TREE_H

#include "journal.h"

struct tree_node {
	struct tree_node *child[2];
	struct tree_node *parent;
	size_t height; /* 1 for a leaf */
};

struct tree {
	struct tree_node *root;
	bool (*update)(struct tree_node *node, struct journal *journal); /* NULL: nothing augmented */
	struct journal *const *journal; /* the guard's */
};

enum tree_side { TREE_LEFT, TREE_RIGHT };

/* `journal` lasts as long as the tree: where the user's guard names its journal; journal_none for what only one task sees. */
static inline void tree_init(
	struct tree *tree, bool (*update)(struct tree_node *node, struct journal *journal), struct journal *const *journal)
{
	tree->root = NULL;
	tree->update = update;
	tree->journal = journal;
}

/* Link `node` as the missing child of `parent` on `side` (parent NULL: the tree is empty), then balance. */
void tree_insert(struct tree *tree, struct tree_node *parent, enum tree_side side, struct tree_node *node);
/* The same for a node whose neighbours in order are known (NULL: none on that side), without a search. */
void tree_insert_between(struct tree *tree, struct tree_node *prev, struct tree_node *next, struct tree_node *node);
void tree_remove(struct tree *tree, struct tree_node *node);
/* Unlink some node, without balancing: for a tree that is taken down as a whole, which nobody searches any more. `at` is NULL at
 * first, and kept by the caller; NULL when the tree is empty. */
struct tree_node *tree_take_down(struct tree *tree, struct tree_node **at);
/* The node's own contribution to the augmented value changed. */
void tree_touch(struct tree *tree, struct tree_node *node);

/* What a change notes at most, in words, in a tree of `depth` levels (what `update` notes is one word): to insert refreshes each level and raises
 * a node twice; to remove moves a node to the place of another, and raises twice at every other level (of an AVL tree). */
enum {
	TREE_DEPTH = 48, /* of 2^32 nodes at most */
	TREE_RAISE_NOTES = 2 + 4 + 2 * 2,
};
#define TREE_INSERT_NOTES(depth) (1 + 2 + 2 * (depth) + 2 * TREE_RAISE_NOTES)
#define TREE_REMOVE_NOTES(depth) (2 + 4 + 2 + 2 + 2 * (depth) + (depth) / 2 * 2 * TREE_RAISE_NOTES)

/* In order; NULL at the end. */
struct tree_node *tree_first(const struct tree *tree);
struct tree_node *tree_last(const struct tree *tree);
struct tree_node *tree_next(const struct tree_node *node);
struct tree_node *tree_prev(const struct tree_node *node);

/* NULL, or what is broken in shape, links or heights; recomputes augmented values through `update` too. */
const char *tree_check(const struct tree *tree);

#endif
