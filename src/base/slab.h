/* SPDX-License-Identifier: MIT */
/*
 * slab.h - objects of one size, from blocks that the host gives for the books.
 *
 *     block of 64 KiB:  | page head | object … object | page head | object …   × 16 pages
 *
 * Each page begins with a pointer to its block, so that an object finds its block without alignment beyond a page. An object
 * never crosses a page. Empty blocks go back to the host, but one is kept. Several objects are taken at once or not at all
 * (slab_take), which is how a call takes all the memory its worst case needs before it changes anything.
 *
 * Invariants: S1 used is the sum of the blocks' counts; S2 a block is in the list `open` exactly if it has a free object;
 * S3 at most one block is empty.
 *
 * Guard: a box's, so that taking an object is one change with what the box does with it; or the slab's own, a leaf (only books_map
 * and books_unmap are called under it). All stores are noted in the journal that the guard names. A new block is a change of its own: the
 * caller has noted nothing before. A block that goes back is `doomed` first, and unmapped once that is committed (slab_reap):
 * who dies in between is followed by another, who unmaps it again.
 */
#ifndef TULOU_BASE_SLAB_H
#define TULOU_BASE_SLAB_H

#include "list.h"

enum { SLAB_BLOCK_SIZE = 65536, SLAB_PAGE_SIZE = 4096, SLAB_PAGE_HEAD = 16 };

struct slab_object {
	struct slab_object *next;
};

struct slab_block {
	struct slab_block *self; /* page head of the first page */
	void *unused;
	struct list open; /* slab.open */
	struct list all; /* slab.all */
	struct slab_object *free; /* given back */
	size_t used; /* objects handed out */
	size_t carved; /* objects ever handed out: the rest has not been touched */
};

struct slab {
	struct guard *guard, own;
	const struct tulou_host *host;
	size_t object_size;
	/* guarded by guard */
	struct list open, all;
	struct slab_block *doomed; /* in no list any more, to be unmapped */
	size_t used, block_count, empty_count;
};

/* `guard` NULL: its own. */
void slab_init(struct slab *slab, const struct tulou_host *host, size_t object_size, struct guard *guard);
/* Gives all blocks back, whatever is still handed out. */
void slab_fini(struct slab *slab);

/* The guard is held. `count` objects linked through slab_object.next, not zeroed; or NULL and nothing taken. */
struct slab_object *slab_take_locked(struct slab *slab, size_t count);
void slab_give_locked(struct slab *slab, struct slab_object *object);
/* Commit, and unmap what is doomed: before the guard is dropped, and where nothing is half done. */
static inline void slab_step_locked(struct slab *slab);

/* The guard is the slab's own. What the caller does with the objects is part of the change until slab_unlock(). */
static inline void slab_lock(struct slab *slab, uint32_t self, struct journal *journal)
{
	guard_take(slab->guard, slab->host, self, journal);
}

static inline void slab_unlock(struct slab *slab)
{
	slab_step_locked(slab);
	guard_drop(slab->guard, slab->host);
}

/* Bytes taken from the host. The guard is held. */
size_t slab_bytes_locked(const struct slab *slab);
/* NULL, or the rule that broke. Nobody may use the slab meanwhile. */
const char *slab_check(const struct slab *slab);

/* What taking one object, or giving one back, notes at most, in words. */
enum { SLAB_TAKE_NOTES = 9, SLAB_GIVE_NOTES = 18 };

void slab_reap_locked(struct slab *slab);

static inline void slab_step_locked(struct slab *slab)
{
	journal_step(slab->guard->journal);
	if (unlikely(slab->doomed))
		slab_reap_locked(slab);
}

#endif
