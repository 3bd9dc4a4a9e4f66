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
 * S3 at most one block is empty. Lock: its own, a leaf (only books_map and books_unmap are called under it).
 */
#ifndef TULOU_BASE_SLAB_H
#define TULOU_BASE_SLAB_H

#include "list.h"
#include "lock.h"

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
	struct lock lock;
	const struct tulou_host *host;
	size_t object_size;
	/* guarded by lock */
	struct list open, all;
	size_t used, block_count, empty_count;
};

void slab_init(struct slab *slab, const struct tulou_host *host, size_t object_size);
/* Gives all blocks back, whatever is still handed out. */
void slab_fini(struct slab *slab);
/* `count` objects linked through slab_object.next, not zeroed; or NULL and nothing taken. */
struct slab_object *slab_take(struct slab *slab, uint32_t self, size_t count);
/* A NULL-terminated list back. */
void slab_give(struct slab *slab, uint32_t self, struct slab_object *objects);
/* Bytes taken from the host. */
size_t slab_bytes(struct slab *slab, uint32_t self);
/* NULL, or the rule that broke. Nobody may use the slab meanwhile. */
const char *slab_check(const struct slab *slab);

#endif
