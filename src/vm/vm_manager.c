/* SPDX-License-Identifier: MIT */
/* vm_manager.c - see vm_manager.h. */
#include "vm_manager.h"

/* What one step notes at most: a journal holds it. A free range is taken, or given, so that a record comes or goes. */
enum {
	FREE_NOTES = 2 + TREE_DEPTH + TREE_REMOVE_NOTES(TREE_DEPTH) + RECORD_GIVE_NOTES,
	LINK_NOTES = 4 + 1,
	CREATE_NOTES = SLAB_TAKE_NOTES + TREE_INSERT_NOTES(TREE_DEPTH) + LINK_NOTES + FREE_NOTES,
	DESTROY_NOTES = TREE_REMOVE_NOTES(TREE_DEPTH) + LINK_NOTES + FREE_NOTES + SLAB_GIVE_NOTES,
	EDGE_NOTES = 16, /* what the caller says of a chunk and of its neighbours, before or after */
};
_Static_assert(
	TREE_INSERT_NOTES(TREE_DEPTH) + RECORD_TAKE_NOTES <= TREE_REMOVE_NOTES(TREE_DEPTH) + RECORD_GIVE_NOTES, "FREE_NOTES");
_Static_assert(CREATE_NOTES + EDGE_NOTES <= JOURNAL_ENTRIES, "a chunk is made in one step");
_Static_assert(DESTROY_NOTES + EDGE_NOTES <= JOURNAL_ENTRIES, "a chunk is given back in one step");

void manager_init(struct vm_manager *manager, const struct tulou_host *host)
{
	guard_init(&manager->guard);
	manager->host = host;
	slab_init(&manager->chunk_slab, host, sizeof(struct chunk), &manager->guard);
	tree_init(&manager->chunks, NULL, &manager->guard.journal);
	manager->chunk_count = 0;
	free_space_init(&manager->free, &manager->guard.journal);
}

static void assert_locked(const struct vm_manager *manager)
{
	if (unlikely(!lock_is_taken(&manager->guard.lock)))
		manager->host->panic(manager->host->ctx, "vm_manager: the manager's lock is not held");
}

struct chunk *manager_chunk_above_locked(const struct vm_manager *manager, uintptr_t addr)
{
	struct tree_node *node = manager->chunks.root;
	struct chunk *best = NULL;

	assert_locked(manager);
	while (node) {
		if (to_chunk(node)->range.end > addr) {
			best = to_chunk(node);
			node = node->child[TREE_LEFT];
		} else {
			node = node->child[TREE_RIGHT];
		}
	}
	return best;
}

bool manager_is_others_locked(const struct vm_manager *manager, const struct tulou_process_vm *vm, uintptr_t addr)
{
	const struct chunk *chunk = manager_chunk_above_locked(manager, addr);

	if (!chunk || chunk->range.start > addr || chunk->process == vm)
		return false;
	if (addr < chunk->range.start + PAGE_SIZE)
		return chunk->head_used;
	return addr < chunk->range.end - PAGE_SIZE || chunk->tail_used;
}

static void chunk_link(struct vm_manager *manager, struct chunk *chunk)
{
	struct tree_node *node = manager->chunks.root, *parent = NULL;
	enum tree_side side = TREE_LEFT;

	while (node) {
		parent = node;
		side = chunk->range.start > to_chunk(node)->range.start ? TREE_RIGHT : TREE_LEFT;
		node = node->child[side];
	}
	tree_insert(&manager->chunks, parent, side, &chunk->node);
	journal_add(manager->guard.journal, &manager->chunk_count, 1);
}

struct chunk *manager_chunk_create_locked(struct vm_manager *manager, struct range range, size_t gap, bool measured, bool open,
	struct list *chunks, struct stock *stock)
{
	struct chunk *chunk = (struct chunk *)slab_take_locked(&manager->chunk_slab, 1);

	assert_locked(manager);
	if (!chunk)
		return NULL;
	*chunk = (struct chunk){
		.range = range, .gap = (uint32_t)gap, .measured = measured, .open = open, .process = stock->process};
	list_init(&chunk->link);
	chunk_link(manager, chunk);
	list_append(chunks, &chunk->link, stock->journal);
	free_space_take(&manager->free, range, stock);
	return chunk;
}

void manager_chunk_destroy_locked(struct vm_manager *manager, struct chunk *chunk, struct stock *stock)
{
	assert_locked(manager);
	tree_remove(&manager->chunks, &chunk->node);
	journal_add(manager->guard.journal, &manager->chunk_count, -1);
	list_remove(&chunk->link, stock->journal);
	free_space_give(&manager->free, chunk->range, stock);
	slab_give_locked(&manager->chunk_slab, (struct slab_object *)chunk);
}

bool manager_chunk_extend_locked(struct vm_manager *manager, struct chunk *chunk, uintptr_t end, struct stock *stock)
{
	struct range more = range_between(chunk->range.end, end);

	assert_locked(manager);
	if (!free_space_covers(&manager->free, more))
		return false;
	free_space_take(&manager->free, more, stock);
	journal_set(stock->journal, &chunk->range.end, end);
	return true;
}

struct chunk *manager_chunk_split_locked(struct vm_manager *manager, struct chunk *chunk, uintptr_t at, struct stock *stock)
{
	struct chunk *upper = (struct chunk *)slab_take_locked(&manager->chunk_slab, 1);

	assert_locked(manager);
	if (!upper)
		return NULL;
	*upper = (struct chunk){
		.range = range_between(at, chunk->range.end),
		.process = chunk->process,
		.open = chunk->open,
		.tail_used = chunk->tail_used,
	};
	list_init(&upper->link);
	journal_set(stock->journal, &chunk->range.end, at);
	journal_set(stock->journal, &chunk->tail_used, false);
	chunk_link(manager, upper);
	list_insert(&chunk->link, &upper->link, stock->journal);
	return upper;
}
