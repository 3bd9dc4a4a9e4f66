/* SPDX-License-Identifier: MIT */
/* vm_manager.c - see vm_manager.h. */
#include "vm_manager.h"
#include "chunk_manager.h"

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

bool manager_page_is_used_locked(const struct vm_manager *manager, uintptr_t addr, struct stock *stock)
{
	struct chunk *chunk = manager_chunk_above_locked(manager, addr);
	bool used;

	if (!chunk || chunk->range.start > addr)
		return false;
	chunk_lock_read(chunk, stock);
	used = chunk_page_is_used_locked(chunk, addr);
	chunk_unlock(chunk, stock);
	return used;
}

struct chunk *manager_chunk_create_locked(
	struct vm_manager *manager, struct range range, size_t gap, enum tulou_chunk_kind kind, bool open, struct stock *stock)
{
	struct chunk *chunk = (struct chunk *)slab_take_locked(&manager->chunk_slab, 1);
	struct tree_node *node = manager->chunks.root, *parent = NULL;
	enum tree_side side = TREE_LEFT;

	assert_locked(manager);
	if (!chunk)
		return NULL;
	chunk_init(chunk, range, gap, kind, open, stock);
	chunk_lock(chunk, stock);
	while (node) {
		parent = node;
		side = range.start > to_chunk(node)->range.start ? TREE_RIGHT : TREE_LEFT;
		node = node->child[side];
	}
	tree_insert(&manager->chunks, parent, side, &chunk->node);
	journal_add(manager->guard.journal, &manager->chunk_count, 1);
	free_space_take(&manager->free, range, stock);
	chunk->head_guard = manager_page_is_used_locked(manager, range.start - 1, stock);
	return chunk;
}

void manager_chunk_destroy_locked(struct vm_manager *manager, struct chunk *chunk, struct stock *stock)
{
	assert_locked(manager);
	tree_remove(&manager->chunks, &chunk->node);
	journal_add(manager->guard.journal, &manager->chunk_count, -1);
	if (!chunk->torn)
		free_space_fini(&chunk->free, stock);
	free_space_give(&manager->free, chunk->range, stock);
	slab_give_locked(&manager->chunk_slab, (struct slab_object *)chunk);
}

bool manager_chunk_extend_locked(struct vm_manager *manager, struct chunk *chunk, uintptr_t end, struct stock *stock)
{
	struct range more = range_between(chunk->range.end, end);

	assert_locked(manager);
	if (chunk->open || chunk->owner_count != 1 || !free_space_covers(&manager->free, more))
		return false;
	free_space_take(&manager->free, more, stock);
	chunk_lock(chunk, stock);
	journal_set(chunk->guard.journal, &chunk->range.end, end);
	free_space_give(&chunk->free, more, stock);
	chunk_unlock(chunk, stock);
	return true;
}
