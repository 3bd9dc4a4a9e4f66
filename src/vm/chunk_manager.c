/* SPDX-License-Identifier: MIT */
/* chunk_manager.c - see chunk_manager.h. */
#include "chunk_manager.h"

/* Where nothing is half done: a change that goes over many areas is made in steps, so that the journal has room for each. */
static void chunk_step_locked(struct chunk *chunk)
{
	if (journal_notes(chunk->guard.journal))
		journal_commit(chunk->guard.journal);
}

static void assert_locked(const struct chunk *chunk, const struct stock *stock)
{
	if (unlikely(!lock_is_taken(&chunk->guard.lock)))
		stock->host->panic(stock->host->ctx, "chunk_manager: the chunk's lock is not held");
}

void chunk_init(struct chunk *chunk, struct range range, size_t gap, enum tulou_chunk_kind kind, bool open, struct stock *stock)
{
	*chunk = (struct chunk){.range = range, .gap = gap, .kind = (uint8_t)kind, .open = open};
	list_init(&chunk->owners);
	guard_init(&chunk->guard);
	tree_init(&chunk->areas, NULL, &chunk->guard.journal);
	free_space_init(&chunk->free, &chunk->guard.journal);
	free_space_give(&chunk->free, chunk_usable(chunk), stock);
}

/* ---- looking ------------------------------------------------------------------------------------------------------------ */

struct area *chunk_area_above_locked(const struct chunk *chunk, uintptr_t addr)
{
	struct tree_node *node = chunk->areas.root;
	struct area *best = NULL;

	while (node) {
		if (to_area(node)->range.end > addr) {
			best = to_area(node);
			node = node->child[TREE_LEFT];
		} else {
			node = node->child[TREE_RIGHT];
		}
	}
	return best;
}

struct area *chunk_own_area_above_locked(const struct owner *owner, uintptr_t addr)
{
	struct area *area = chunk_area_above_locked(owner->chunk, addr);

	while (area && area->owner != owner)
		area = to_area(tree_next(&area->node));
	return area;
}

struct area *chunk_own_area_next_locked(const struct area *area)
{
	struct area *next = to_area(tree_next(&area->node));

	while (next && next->owner != area->owner)
		next = to_area(tree_next(&next->node));
	return next;
}

/* What is in a torn chunk cannot be told: somebody's, to be on the safe side. */
bool chunk_page_is_used_locked(const struct chunk *chunk, uintptr_t page)
{
	struct area *area;

	if (unlikely(chunk->torn))
		return true;
	area = chunk_area_above_locked(chunk, page);
	return area && range_contains(area->range, page);
}

bool chunk_is_others_locked(const struct chunk *chunk, const struct tulou_process_vm *process, uintptr_t addr)
{
	struct area *area;

	if (unlikely(chunk->torn))
		return true;
	area = chunk_area_above_locked(chunk, addr);
	return area && range_contains(area->range, addr) && area->owner->process != process;
}

bool chunk_is_free_for_locked(const struct chunk *chunk, const struct tulou_process_vm *process, struct range range)
{
	if (chunk->torn || !free_space_covers(&chunk->free, range))
		return false;
	return !chunk_is_others_locked(chunk, process, range.end) && !chunk_is_others_locked(chunk, process, range.start - 1);
}

/* The sole owner may touch its own areas. With several owners try, in turn: what fits exactly, and a place with a page left free
 * on both sides, which fits whoever the neighbours are. */
bool chunk_place_locked(const struct chunk *chunk, const struct tulou_process_vm *process, size_t size, size_t align,
	struct range window, uintptr_t *out)
{
	struct range place = range_cut(chunk_usable(chunk), window);
	size_t lead = align > PAGE_SIZE ? align : PAGE_SIZE;
	bool alone = list_is_empty(&chunk->owners) ||
		     (chunk->owners.next->next == &chunk->owners && link_owner(chunk->owners.next)->process == process);

	if (place.end == chunk->range.end)
		place.end -= PAGE_SIZE;
	if (chunk->head_guard && place.start == chunk->range.start)
		place.start += PAGE_SIZE;
	if (chunk->torn || range_is_empty(place) || !free_space_find(&chunk->free, size, align, place, out))
		return false;
	if (alone || chunk_is_free_for_locked(chunk, process, range_between(*out, *out + size)))
		return true;
	if (__builtin_add_overflow(size, lead + PAGE_SIZE, &size) || !free_space_find(&chunk->free, size, align, place, out))
		return false;
	*out += lead;
	return true;
}

/* ---- what a process has ---------------------------------------------------------------------------------------------- */

static struct journal *journal_of(const struct owner *owner)
{
	return owner->chunk->guard.journal;
}

static void usage_add(struct owner *owner, const struct area_content *content, size_t size)
{
	journal_add(journal_of(owner), &owner->usage->total, size);
	if (area_content_is_data(content))
		journal_add(journal_of(owner), &owner->usage->data, size);
}

static void usage_sub(struct owner *owner, const struct area_content *content, size_t size)
{
	journal_add(journal_of(owner), &owner->usage->total, -size);
	if (area_content_is_data(content))
		journal_add(journal_of(owner), &owner->usage->data, -size);
}

static void used_add(struct owner *owner, size_t size)
{
	journal_add(journal_of(owner), &owner->chunk->used, size);
}

/* ---- one record ---------------------------------------------------------------------------------------------------------- */

static void area_count_add(struct owner *owner)
{
	journal_add(journal_of(owner), &owner->area_count, 1);
	journal_add(journal_of(owner), &owner->chunk->area_count, 1);
	if (owner->chunk->area_count > 1)
		journal_set(journal_of(owner), &owner->chunk->kind, TULOU_CHUNK_MULTI);
}

/* Between its neighbours in the chunk; NULL: there is none on that side. */
static struct area *area_add(struct owner *owner, struct range range, struct area_content content, struct area *prev,
	struct area *next, struct stock *stock)
{
	struct area *area = record_take(stock);

	area->range = range;
	area->owner = owner;
	area->content = content;
	if (content.object)
		shm_attach(content.object, stock);
	tree_insert_between(&owner->chunk->areas, prev ? &prev->node : NULL, next ? &next->node : NULL, &area->node);
	area_count_add(owner);
	return area;
}

/* An area that is not in the tree any more. */
static void area_forget(struct area *area, struct stock *stock)
{
	struct owner *owner = area->owner;

	journal_add(journal_of(owner), &owner->area_count, -1);
	journal_add(journal_of(owner), &owner->chunk->area_count, -1);
	if (area->content.object)
		shm_detach(area->content.object, stock);
	record_give(stock, area, journal_of(owner));
}

static void area_drop(struct area *area, struct stock *stock)
{
	tree_remove(&area->owner->chunk->areas, &area->node);
	area_forget(area, stock);
}

/* Cut `area` in two at `addr`, inside it; the upper part is a new record. */
static struct area *area_split(struct area *area, uintptr_t addr, struct stock *stock)
{
	struct area_content content = area_content_at(area->content, addr - area->range.start);
	struct range upper = range_between(addr, area->range.end);

	journal_set(journal_of(area->owner), &area->range.end, addr);
	return area_add(area->owner, upper, content, area, to_area(tree_next(&area->node)), stock);
}

/* One record of `area` and the one behind it, if it goes on there. */
static void area_join_next(struct area *area, struct stock *stock)
{
	struct area *next = to_area(tree_next(&area->node));

	if (!next || !area_continues(area, next))
		return;
	journal_set(journal_of(area->owner), &area->range.end, next->range.end);
	area_drop(next, stock);
}

/* Another content, in place. */
static void area_content_set(struct area *area, struct area_content content, struct stock *stock)
{
	struct journal *journal = journal_of(area->owner);

	if (content.object)
		shm_attach(content.object, stock);
	if (area->content.object)
		shm_detach(area->content.object, stock);
	if (journal_notes(journal))
		journal_note_block(journal, &area->content, sizeof(area->content));
	area->content = content;
}

/* The first area of `owner` in `range`, cut so that it begins in it; NULL if there is none. */
static struct area *area_cut_start(struct owner *owner, struct range range, struct stock *stock)
{
	struct area *area = chunk_own_area_above_locked(owner, range.start);

	if (!area || area->range.start >= range.end)
		return NULL;
	if (area->range.start < range.start)
		area = area_split(area, range.start, stock);
	return area;
}

/* ---- changes ------------------------------------------------------------------------------------------------------------- */

void chunk_insert_locked(struct owner *owner, struct range range, struct area_content content, struct stock *stock)
{
	struct chunk *chunk = owner->chunk;
	struct area *next = chunk_area_above_locked(chunk, range.start);
	struct area *prev = to_area(next ? tree_prev(&next->node) : tree_last(&chunk->areas));

	assert_locked(chunk, stock);
	free_space_take(&chunk->free, range, stock);
	used_add(owner, range_size(range));
	usage_add(owner, &content, range_size(range));
	if (prev && prev->range.end == range.start && prev->owner == owner &&
		area_content_continues(&prev->content, range_size(prev->range), &content)) {
		journal_set(journal_of(owner), &prev->range.end, range.end);
		area_join_next(prev, stock);
	} else if (next && next->range.start == range.end && next->owner == owner &&
		   area_content_continues(&content, range_size(range), &next->content)) {
		journal_set(journal_of(owner), &next->range.start, range.start);
		journal_set(journal_of(owner), &next->content.offset, content.offset);
	} else {
		area_add(owner, range, content, prev, next, stock);
	}
}

/*
 *     AAAAAAAAAA   BBB   CCCCC        range: [     )  over parts of A and C
 *         [              )
 *     AAAA                  CC        trimmed at the edges; a range inside one area leaves two
 */
static void area_remove_part(struct area *area, struct range part, struct stock *stock)
{
	struct journal *journal = journal_of(area->owner);

	used_add(area->owner, -range_size(part));
	usage_sub(area->owner, &area->content, range_size(part));
	if (area->range.start < part.start && part.end < area->range.end) {
		area_split(area, part.end, stock);
		journal_set(journal, &area->range.end, part.start);
	} else if (area->range.start < part.start) {
		journal_set(journal, &area->range.end, part.start);
	} else if (part.end < area->range.end) {
		journal_set(journal, &area->content.offset, area_content_at(area->content, part.end - area->range.start).offset);
		journal_set(journal, &area->range.start, part.end);
	} else {
		area_drop(area, stock);
	}
}

void chunk_remove_part_locked(struct area *area, struct range part, struct stock *stock)
{
	struct chunk *chunk = area->owner->chunk;

	assert_locked(chunk, stock);
	area_remove_part(area, part, stock);
	free_space_give(&chunk->free, part, stock);
}

/* What was removed without a hole goes back to the free space at once; where it is noted, piece by piece, each a change of its own. */
void chunk_remove_locked(struct owner *owner, struct range range, bool pending_only, struct stock *stock)
{
	struct area *area = chunk_own_area_above_locked(owner, range.start), *next;
	struct range gone = range_between(range.start, range.start);
	bool noted = journal_notes(journal_of(owner));

	assert_locked(owner->chunk, stock);
	if (range_is_empty(range))
		return;
	for (; area && area->range.start < range.end; area = next) {
		struct range part = range_cut(area->range, range);

		next = chunk_own_area_next_locked(area);
		if (pending_only && !area->content.pending)
			continue;
		if (!range_is_empty(gone) && (noted || part.start != gone.end)) {
			free_space_give(&owner->chunk->free, gone, stock);
			gone.start = gone.end;
			chunk_step_locked(owner->chunk);
		}
		area_remove_part(area, part, stock);
		gone = range_between(part.start == gone.end ? gone.start : part.start, part.end);
	}
	if (!range_is_empty(gone))
		free_space_give(&owner->chunk->free, gone, stock);
}

void chunk_empty_locked(struct owner *owner, struct stock *stock)
{
	struct chunk *chunk = owner->chunk;
	struct tree_node *node, *at = NULL;

	assert_locked(chunk, stock);
	while ((node = tree_take_down(&chunk->areas, &at))) {
		usage_sub(owner, &to_area(node)->content, range_size(to_area(node)->range));
		area_forget(to_area(node), stock);
	}
	used_add(owner, -chunk->used);
	free_space_fini(&chunk->free, stock);
	free_space_give(&chunk->free, chunk_usable(chunk), stock);
}

/* The first area becomes the new one, and swallows the others one by one, so that every page is in an area at each step. */
void chunk_replace_locked(struct owner *owner, struct range range, struct area_content content, struct stock *stock)
{
	struct area *area, *next;

	assert_locked(owner->chunk, stock);
	area = area_cut_start(owner, range, stock);
	if (area->range.end > range.end)
		area_split(area, range.end, stock);
	usage_sub(owner, &area->content, range_size(area->range));
	usage_add(owner, &content, range_size(area->range));
	area_content_set(area, content, stock);
	next = to_area(tree_prev(&area->node));
	if (next && area_continues(next, area)) {
		area_join_next(next, stock);
		area = next;
	}
	while (area->range.end < range.end) {
		next = to_area(tree_next(&area->node));
		if (!area_continues(area, next))
			chunk_step_locked(owner->chunk);
		if (next->range.end > range.end)
			area_split(next, range.end, stock);
		usage_sub(owner, &next->content, range_size(next->range));
		usage_add(owner, &content, range_size(next->range));
		journal_set(journal_of(owner), &area->range.end, next->range.end);
		area_drop(next, stock);
	}
	area_join_next(area, stock);
}

void chunk_change_locked(struct owner *owner, struct range range, struct area_change change, struct stock *stock)
{
	struct area *area, *last = NULL;

	assert_locked(owner->chunk, stock);
	area = area_cut_start(owner, range, stock);
	while (area && area->range.start < range.end) {
		struct area *next = to_area(tree_next(&area->node));
		struct area *prev = to_area(tree_prev(&area->node));

		if (!last || !area_continues(last, area))
			chunk_step_locked(owner->chunk);
		if (area->range.end > range.end)
			next = area_split(area, range.end, stock);
		usage_sub(owner, &area->content, range_size(area->range));
		journal_set(journal_of(owner), &area->content.flags, (area->content.flags & ~change.clear) | change.set);
		if (change.prot >= 0)
			journal_set(journal_of(owner), &area->content.prot, (uint8_t)change.prot);
		usage_add(owner, &area->content, range_size(area->range));
		last = area;
		if (prev && area_continues(prev, area)) {
			area_join_next(prev, stock);
			last = prev;
		}
		area = next;
	}
	if (last)
		area_join_next(last, stock);
}

/* Area by area: what the host has not taken back is never nobody's. */
void chunk_bequeath_locked(struct owner *owner, struct owner *heir, struct range range, struct stock *stock)
{
	struct area_content limbo = {.flags = TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS, .kind = TULOU_AREA_LIMBO};
	struct area *area = chunk_own_area_above_locked(owner, range.start), *next;

	for (; area && area->range.start < range.end; area = next) {
		struct area *prev = to_area(tree_prev(&area->node));

		next = chunk_own_area_next_locked(area);
		usage_sub(owner, &area->content, range_size(area->range));
		usage_add(heir, &limbo, range_size(area->range));
		area_content_set(area, limbo, stock);
		journal_add(journal_of(owner), &owner->area_count, -1);
		journal_add(journal_of(owner), &heir->area_count, 1);
		journal_set(journal_of(owner), &area->owner, heir);
		area_join_next(area, stock);
		if (prev)
			area_join_next(prev, stock);
		chunk_step_locked(owner->chunk);
	}
}
