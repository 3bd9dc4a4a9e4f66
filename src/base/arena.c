/* SPDX-License-Identifier: MIT */
/* arena.c - see arena.h. */
#include "arena.h"

enum { ARENA_PAGE = 4096 };

bool arena_reserve_slow(struct arena *arena, size_t size)
{
	size_t block_size = size_min(size_max(arena->bytes / 8, ARENA_BLOCK_LEAST), ARENA_BLOCK_MOST);
	struct arena_block *block;

	block_size = (size_max(block_size, size + ARENA_ALIGN) + ARENA_PAGE - 1) & ~(size_t)(ARENA_PAGE - 1);
	block = arena->host->books_map(arena->host->ctx, block_size);
	if (!block)
		return false;
	*block = (struct arena_block){arena->blocks, block_size};
	arena->blocks = block; /* stays, even if what follows is taken back */
	journal_set(arena->journal, &arena->at, (char *)block + ARENA_ALIGN);
	journal_set(arena->journal, &arena->end, (char *)block + block_size);
	__atomic_store_n(&arena->bytes, arena->bytes + block_size, __ATOMIC_RELAXED);
	return true;
}

void arena_fini(struct arena *arena)
{
	while (arena->blocks) {
		struct arena_block *block = arena->blocks;

		arena->blocks = block->next;
		arena->host->books_unmap(arena->host->ctx, block, block->size);
	}
	arena_init(arena, arena->host);
}
