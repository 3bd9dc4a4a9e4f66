/* SPDX-License-Identifier: MIT */
/*
 * chunk.h - a chunk: a range of the pool that one process has, with its areas and its own free space in it.
 *
 *     range  |~gap~|   AAAA   AA    BBBB       ·|        gap: never handed out (the 256 pages below a stack)
 *                                                        ·: placement leaves the last page, so that the next chunk may
 *                                                          begin with another process's area
 *
 * A single-VMA chunk is made to measure for one area; a multi-VMA chunk has the default size, or more than one area. What is in it
 * stands in the owner's step map, where each chunk's start is marked. A process that needs room in another's chunk takes a part
 * of it that is free, as a chunk of its own (neighbours.h): no chunk has two owners, and what is in it is its process's business alone.
 *
 * All of it is guarded by the manager's guard, and noted. The owner may read all but `node` without it, under its own lock, but not
 * the two words that say whether the first and the last page may be in an area, which neighbours of other processes look at.
 */
#ifndef TULOU_VM_CHUNK_H
#define TULOU_VM_CHUNK_H

#include "area.h"
#include "free_space.h"

#include "base/list.h"

struct tulou_process_vm;

struct chunk {
	struct tree_node node; /* vm_manager.chunks */
	struct range range;
	struct tulou_process_vm *process;
	struct list link; /* process_vm.chunks */
	uint32_t gap; /* bytes at the start */
	bool measured; /* made for one area */
	bool open; /* placement may use it; else only when all else is full */
	bool head_used, tail_used; /* the first or last page is in an area */
};

static inline struct chunk *to_chunk(struct tree_node *node)
{
	return node ? container_of(node, struct chunk, node) : NULL;
}

static inline struct chunk *link_chunk(struct list *link)
{
	return container_of(link, struct chunk, link);
}

#endif
