/* SPDX-License-Identifier: MIT */
/*
 * flat_extents.c - what stands behind pages: two trees over the same records.
 *
 *     extents   by address: which file does this page come from?          |ffff|  |SSSSSS|   |ff|
 *     shared    by place in a file, shared mappings only, with the largest end in each subtree: who shows this part of the file?
 *
 * Places of all files are in one order (device, inode, offset), so that one interval tree serves them all.
 */
#include "flat_internal.h"

static struct flat_extent *flat_by_address(struct tree_node *node)
{
	return node ? container_of(node, struct flat_extent, by_address) : NULL;
}

static struct flat_extent *flat_by_place(struct tree_node *node)
{
	return node ? container_of(node, struct flat_extent, by_place) : NULL;
}

static bool flat_place_below(struct flat_place a, struct flat_place b)
{
	if (a.dev != b.dev)
		return a.dev < b.dev;
	return a.ino != b.ino ? a.ino < b.ino : a.offset < b.offset;
}

static struct flat_place flat_place_in(const struct tulou_file *file, uint64_t offset)
{
	return (struct flat_place){.dev = file->dev, .ino = file->ino, .offset = offset};
}

static struct flat_place flat_extent_place(const struct flat_extent *extent)
{
	return flat_place_in(&extent->file, extent->offset);
}

static struct flat_place flat_extent_place_end(const struct flat_extent *extent)
{
	return flat_place_in(&extent->file, extent->offset + (extent->end - extent->start));
}

static bool flat_extent_update(struct tree_node *node, struct journal *journal)
{
	struct flat_extent *extent = flat_by_place(node);
	struct flat_place reach = flat_extent_place_end(extent), old = extent->reach;

	for (unsigned side = TREE_LEFT; side <= TREE_RIGHT; side++) {
		const struct flat_extent *child = flat_by_place(node->child[side]);

		if (child && flat_place_below(reach, child->reach))
			reach = child->reach;
	}
	(void)journal; /* the host's tasks do not die */
	extent->reach = reach;
	return flat_place_below(old, reach) || flat_place_below(reach, old);
}

void flat_extents_init(struct flat *flat)
{
	tree_init(&flat->extents, NULL, &journal_none);
	tree_init(&flat->shared, flat_extent_update, &journal_none);
}

/* ---- find ------------------------------------------------------------------------------------------------------------------ */

struct flat_extent *flat_extent_above(const struct flat *flat, uintptr_t addr)
{
	struct flat_extent *found = NULL, *extent = flat_by_address(flat->extents.root);

	while (extent) {
		bool above = extent->end > addr;

		if (above)
			found = extent;
		extent = flat_by_address(extent->by_address.child[above ? TREE_LEFT : TREE_RIGHT]);
	}
	return found;
}

struct flat_extent *flat_extent_at(const struct flat *flat, uintptr_t addr)
{
	struct flat_extent *extent = flat_extent_above(flat, addr);

	return extent && extent->start <= addr ? extent : NULL;
}

struct flat_extent *flat_extent_next(const struct flat_extent *extent)
{
	return flat_by_address(tree_next(&extent->by_address));
}

struct flat_extent *flat_extent_of(const struct flat *flat, const struct tulou_file *file, uint64_t offset, uint64_t size)
{
	struct flat_place low = flat_place_in(file, offset), high = flat_place_in(file, offset + size);
	struct flat_extent *extent = flat_by_place(flat->shared.root);

	while (extent) {
		struct flat_extent *left = flat_by_place(extent->by_place.child[TREE_LEFT]);

		if (left && flat_place_below(low, left->reach)) {
			extent = left; /* if none there begins below high, none to the right of it does */
			continue;
		}
		if (!flat_place_below(flat_extent_place(extent), high))
			return NULL;
		if (flat_place_below(low, flat_extent_place_end(extent)))
			return extent;
		extent = flat_by_place(extent->by_place.child[TREE_RIGHT]);
	}
	return NULL;
}

struct flat_extent *flat_extent_of_next(const struct flat_extent *extent, uint64_t offset, uint64_t size)
{
	struct flat_place low = flat_place_in(&extent->file, offset), high = flat_place_in(&extent->file, offset + size);
	struct flat_extent *next = flat_by_place(tree_next(&extent->by_place));

	while (next && flat_place_below(flat_extent_place(next), high)) {
		if (flat_place_below(low, flat_extent_place_end(next)))
			return next;
		next = flat_by_place(tree_next(&next->by_place));
	}
	return NULL;
}

/* ---- change ---------------------------------------------------------------------------------------------------------------- */

static void flat_extent_link(struct flat *flat, struct flat_extent *extent)
{
	struct tree_node *parent = NULL, *node = flat->extents.root;
	enum tree_side side = TREE_LEFT;

	while (node) {
		parent = node;
		side = extent->start < flat_by_address(node)->start ? TREE_LEFT : TREE_RIGHT;
		node = node->child[side];
	}
	tree_insert(&flat->extents, parent, side, &extent->by_address);
}

static bool flat_extent_has_place(const struct flat_extent *extent)
{
	return extent->shared && extent->has_file;
}

static void flat_extent_link_place(struct flat *flat, struct flat_extent *extent)
{
	struct tree_node *parent = NULL, *node = flat->shared.root;
	enum tree_side side = TREE_LEFT;

	if (!flat_extent_has_place(extent))
		return;
	while (node) {
		parent = node;
		side = flat_place_below(flat_extent_place(extent), flat_extent_place(flat_by_place(node))) ? TREE_LEFT
													   : TREE_RIGHT;
		node = node->child[side];
	}
	tree_insert(&flat->shared, parent, side, &extent->by_place);
}

size_t flat_extents_cuts(const struct flat *flat, uintptr_t start, uintptr_t end)
{
	const struct flat_extent *first = flat_extent_at(flat, start), *last = flat_extent_at(flat, end);

	return (size_t)(first && first->start < start) + (size_t)(last && last->start < end);
}

void flat_extents_cut(struct flat *flat, uintptr_t addr)
{
	struct flat_extent *low = flat_extent_at(flat, addr), *high;

	if (!low || low->start == addr)
		return;
	high = flat_record_take(flat);
	*high = *low;
	high->start = addr;
	high->offset += addr - low->start;
	if (high->twin)
		high->twin += addr - low->start;
	if (high->has_file)
		flat->files->dup(flat->files->ctx, &high->file);
	low->end = addr;
	if (flat_extent_has_place(low))
		tree_touch(&flat->shared, &low->by_place);
	flat_extent_link(flat, high);
	flat_extent_link_place(flat, high);
}

void flat_extent_add(struct flat *flat, const struct flat_want *want, char *twin)
{
	struct flat_extent *extent = flat_record_take(flat);

	extent->start = want->start;
	extent->end = want->start + want->size;
	extent->shared = want->shared;
	extent->has_file = want->file != NULL;
	extent->offset = want->offset;
	extent->twin = twin;
	if (want->file) {
		extent->file = *want->file;
		flat->files->dup(flat->files->ctx, &extent->file);
	}
	flat_extent_link(flat, extent);
	flat_extent_link_place(flat, extent);
}

static void flat_extent_remove(struct flat *flat, struct flat_extent *extent)
{
	tree_remove(&flat->extents, &extent->by_address);
	if (flat_extent_has_place(extent))
		tree_remove(&flat->shared, &extent->by_place);
	if (extent->twin)
		flat_books_give(flat, extent->twin, extent->end - extent->start);
	if (extent->has_file)
		flat->files->put(flat->files->ctx, &extent->file);
	flat_record_give(flat, extent);
}

void flat_extents_drop(struct flat *flat, uintptr_t start, uintptr_t end)
{
	struct flat_extent *extent;

	flat_extents_cut(flat, start);
	flat_extents_cut(flat, end);
	while ((extent = flat_extent_above(flat, start)) && extent->start < end)
		flat_extent_remove(flat, extent);
}

void flat_extents_move(struct flat *flat, uintptr_t start, uintptr_t end, uintptr_t to)
{
	struct flat_extent *extent;
	const uintptr_t first = start;

	while ((extent = flat_extent_above(flat, start)) && extent->start < end) {
		start = extent->end;
		tree_remove(&flat->extents, &extent->by_address);
		extent->start = extent->start - first + to;
		extent->end = extent->end - first + to;
		flat_extent_link(flat, extent);
	}
}
