/* SPDX-License-Identifier: MIT */
/*
 * arena.h - memory for the books of one process, given back as a whole.
 *
 *     block of the host's: | head | taken … →        free |  ←block  ←block        (the newest is cut from)
 *
 * What is taken is never given back by itself: whoever takes it keeps lists of what he no longer needs. So nothing in an arena ever
 * becomes unreadable while its process lives, which readers without a lock rely on, and the end of a process costs per block,
 * whatever a dead task may have left in it. Blocks grow with the arena: an 8th of it, between 16 KiB and 1 MiB.
 * Lock: the user's.
 */
#ifndef TULOU_BASE_ARENA_H
#define TULOU_BASE_ARENA_H

#include "journal.h"

struct arena_block {
	struct arena_block *next;
	size_t size;
};

struct arena {
	const struct tulou_host *host;
	struct arena_block *blocks;
	char *at, *end; /* the rest of the newest block */
	size_t bytes; /* taken from the host; atomic */
	bool spent; /* for its user, who sets it where anything reserved is used: there may be too little for the next time */
	struct journal *journal; /* where its user notes what he does, for the moment */
};

enum { ARENA_ALIGN = 64, ARENA_BLOCK_LEAST = 16384, ARENA_BLOCK_MOST = 1 << 20 };

static inline void arena_init(struct arena *arena, const struct tulou_host *host)
{
	*arena = (struct arena){.host = host, .journal = JOURNAL_UNNOTED, .spent = true};
}

/* All blocks back. */
void arena_fini(struct arena *arena);
bool arena_reserve_slow(struct arena *arena, size_t size);

/* The next arena_take()s, of `size` bytes in all, will not fail. False: the host gives no memory. Sizes are multiples of ARENA_ALIGN. */
static inline bool arena_reserve(struct arena *arena, size_t size)
{
	return likely((size_t)(arena->end - arena->at) >= size) || arena_reserve_slow(arena, size);
}

/* Cannot fail: it was reserved. Not zeroed: a change that was taken back may have used it. */
static inline void *arena_take(struct arena *arena, size_t size)
{
	void *taken = arena->at;

	if (unlikely((size_t)(arena->end - arena->at) < size))
		arena->host->panic(arena->host->ctx, "arena: more is taken than was reserved");
	arena->spent = true;
	journal_set(arena->journal, &arena->at, arena->at + size);
	return taken;
}

#endif
