/* SPDX-License-Identifier: MIT */
/* free_space.c - see free_space.h. */
#include "free_space.h"
#include "layout.h"

/* How many candidates are tried for an alignment before a range is looked for that is large enough in any case. */
enum { ALIGN_TRIES = 32 };

static struct free_range *to_free(struct tree_node *node)
{
	return node ? container_of(node, struct free_range, node) : NULL;
}

static size_t max_below(struct tree_node *node)
{
	return node ? to_free(node)->max : 0;
}

static bool free_range_update(struct tree_node *node, struct journal *journal)
{
	struct free_range *free = to_free(node);
	size_t max = size_max(max_below(node->child[TREE_LEFT]), max_below(node->child[TREE_RIGHT]));

	max = size_max(max, range_size(free->range));
	if (max == free->max)
		return false;
	journal_set(journal, &free->max, max);
	return true;
}

void free_space_init(struct free_space *space, struct journal *const *journal)
{
	tree_init(&space->tree, free_range_update, journal);
	space->total = 0;
}

void free_space_fini(struct free_space *space, struct stock *stock)
{
	struct tree_node *node, *at = NULL;

	while ((node = tree_take_down(&space->tree, &at)))
		record_give(stock, to_free(node), *space->tree.journal);
	journal_set(*space->tree.journal, &space->total, 0);
}

struct free_range *free_space_above(const struct free_space *space, uintptr_t addr)
{
	struct tree_node *node = space->tree.root;
	struct free_range *best = NULL;

	while (node) {
		struct free_range *free = to_free(node);

		if (free->range.end > addr) {
			best = free;
			node = node->child[TREE_LEFT];
		} else {
			node = node->child[TREE_RIGHT];
		}
	}
	return best;
}

/* The lowest range of at least `size` bytes in the subtree; there is one. */
static struct free_range *lowest_fit(struct tree_node *node, size_t size)
{
	for (;;) {
		if (max_below(node->child[TREE_LEFT]) >= size)
			node = node->child[TREE_LEFT];
		else if (range_size(to_free(node)->range) >= size)
			return to_free(node);
		else
			node = node->child[TREE_RIGHT];
	}
}

/* The lowest range of at least `size` bytes above `free`: in its right subtree, else above the first ancestor that lies right. */
static struct free_range *next_fit(struct free_range *free, size_t size)
{
	struct tree_node *node = &free->node;

	for (;;) {
		if (max_below(node->child[TREE_RIGHT]) >= size)
			return lowest_fit(node->child[TREE_RIGHT], size);
		while (node->parent && node == node->parent->child[TREE_RIGHT])
			node = node->parent;
		node = node->parent;
		if (!node)
			return NULL;
		if (range_size(to_free(node)->range) >= size)
			return to_free(node);
	}
}

static bool fits(const struct free_range *free, size_t size, size_t align, struct range window, uintptr_t *out)
{
	struct range r = range_cut(free->range, window);
	uintptr_t start = align_up(r.start, align);

	if (start < r.start || start >= r.end || r.end - start < size)
		return false;
	*out = start;
	return true;
}

bool free_space_find(const struct free_space *space, size_t size, size_t align, struct range window, uintptr_t *out)
{
	struct tree_node *root = space->tree.root;
	struct free_range *free, *first;
	size_t sure;

	if (max_below(root) < size || !root)
		return false;
	/* Mostly the window is all there is, and the lowest range that is large enough lies in it. */
	free = lowest_fit(root, size);
	if (free->range.start >= window.start && fits(free, size, align, window, out))
		return true;
	free = free_space_above(space, window.start);
	if (!free)
		return false;
	/* Only the first range can begin before the window. */
	if (range_size(free->range) < size || !fits(free, size, align, window, out))
		free = next_fit(free, size);
	else
		return true;
	for (int tries = 0; free && free->range.start < window.end && (align > PAGE_SIZE || !tries); tries++) {
		if (fits(free, size, align, window, out))
			return true;
		if (tries == ALIGN_TRIES && !__builtin_add_overflow(size, align, &sure)) {
			first = next_fit(free, sure);
			if (first && fits(first, size, align, window, out))
				return true;
		}
		free = next_fit(free, size);
	}
	return false;
}

bool free_space_covers(const struct free_space *space, struct range range)
{
	struct free_range *free = free_space_above(space, range.start);

	return free && range_covers(free->range, range);
}

/* One more range between its neighbours; NULL: there is none on that side. */
static void free_space_add(
	struct free_space *space, struct range range, struct free_range *prev, struct free_range *next, struct stock *stock)
{
	struct free_range *free = record_take(stock);

	free->range = range;
	free->max = 0;
	tree_insert_between(&space->tree, prev ? &prev->node : NULL, next ? &next->node : NULL, &free->node);
}

static void free_space_unlink(struct free_space *space, struct free_range *free, struct stock *stock)
{
	tree_remove(&space->tree, &free->node);
	record_give(stock, free, *space->tree.journal);
}

/*
 *     before:   [ free                      ]
 *     after:    [ free ][ taken ][ upper    ]      an empty side has no record
 */
void free_space_take(struct free_space *space, struct range range, struct stock *stock)
{
	struct free_range *free = free_space_above(space, range.start);
	struct journal *journal = *space->tree.journal;
	uintptr_t end = free->range.end;

	journal_set(journal, &space->total, space->total - range_size(range));
	if (free->range.start == range.start) {
		journal_set(journal, &free->range.start, range.end);
		if (range.end == end)
			free_space_unlink(space, free, stock);
		else
			tree_touch(&space->tree, &free->node);
		return;
	}
	journal_set(journal, &free->range.end, range.start);
	tree_touch(&space->tree, &free->node);
	if (range.end == end)
		return;
	free_space_add(space, range_between(range.end, end), free, to_free(tree_next(&free->node)), stock);
}

void free_space_give(struct free_space *space, struct range range, struct stock *stock)
{
	struct free_range *upper = free_space_above(space, range.start);
	struct free_range *lower = to_free(upper ? tree_prev(&upper->node) : tree_last(&space->tree));
	bool joins_lower = lower && lower->range.end == range.start;
	bool joins_upper = upper && upper->range.start == range.end;
	struct journal *journal = *space->tree.journal;

	journal_set(journal, &space->total, space->total + range_size(range));
	if (joins_lower) {
		journal_set(journal, &lower->range.end, joins_upper ? upper->range.end : range.end);
		if (joins_upper)
			free_space_unlink(space, upper, stock);
		tree_touch(&space->tree, &lower->node);
	} else if (joins_upper) {
		journal_set(journal, &upper->range.start, range.start);
		tree_touch(&space->tree, &upper->node);
	} else {
		free_space_add(space, range, lower, upper, stock);
	}
}
