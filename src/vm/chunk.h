/* SPDX-License-Identifier: MIT */
/*
 * chunk.h - a chunk: a range of the pool with the areas in it. The chunk manager of the chart is chunk_manager.h.
 *
 *     range  |~gap~|   AAAA   AA    BBBB       ·|        gap: never handed out (the 256 pages below a stack)
 *                   └──── usable ─────────────┘          ·: placement leaves the last page, so that the next chunk may
 *                   areas + free space = usable             begin with another process's area
 *
 * kind  SINGLE: made for one area of one owner; with a second area it becomes MULTI (of its own size) and stays so.
 * open  placement may use it: chunks of default size. Closed are those made to measure (large areas, heap, stack, images):
 *       they are used by placement only when the pool has no room left.
 * head_guard  the page below the chunk was seen in use: placement leaves the first page too.
 *
 * An owner is the bond of one process with one chunk: it counts the process's areas there, exactly, and is in the chunk's list
 * and in the process's tree. A pin keeps it without an area (an empty heap). Chunk and owner vanish with the last of them.
 */
#ifndef TULOU_VM_CHUNK_H
#define TULOU_VM_CHUNK_H

#include "area.h"
#include "free_space.h"

#include "base/list.h"

struct tulou_process_vm;

struct chunk {
	struct tree_node node; /* guarded by the manager's lock */
	struct range range; /* start: fixed; end: changed under manager and chunk lock */
	size_t gap; /* bytes; fixed */
	bool open; /* fixed */
	/* guarded by the manager's *and* this chunk's lock; either is enough to read. Noted even in a chunk that one process has
	 * alone */
	struct list owners;
	size_t owner_count;
	struct guard guard;
	/* guarded by guard */
	uint8_t kind; /* enum tulou_chunk_kind */
	bool head_guard;
	bool torn; /* its one owner died in the middle of a change: nobody reads on (salvage.c) */
	struct tree areas;
	size_t area_count, used; /* used: bytes */
	struct free_space free;
};

/* What one process has in all its areas, in bytes; changed under its process lock. */
struct usage {
	size_t total, data; /* what RLIMIT_AS and RLIMIT_DATA bound */
};

struct owner {
	struct tree_node node; /* process_vm.owners, by address; guarded by the process's lock */
	struct tulou_process_vm *process;
	struct usage *usage; /* the process's */
	struct chunk *chunk;
	struct list link; /* chunk.owners */
	uint32_t area_count; /* changed under process and chunk lock */
	uint32_t pins; /* the same */
	/* guarded by the process's lock: what the process knows of the room in its open chunks. A guide to placement, never above
	 * the truth unless another owner took some. */
	uint32_t room, room_max; /* pages; the largest free range, and the largest room in this subtree */
};

static inline struct chunk *to_chunk(struct tree_node *node)
{
	return node ? container_of(node, struct chunk, node) : NULL;
}

static inline struct owner *to_owner(struct tree_node *node)
{
	return node ? container_of(node, struct owner, node) : NULL;
}

static inline struct owner *link_owner(struct list *link)
{
	return container_of(link, struct owner, link);
}

/* Where areas can be. */
static inline struct range chunk_usable(const struct chunk *chunk)
{
	return range_between(chunk->range.start + chunk->gap, chunk->range.end);
}

#endif
