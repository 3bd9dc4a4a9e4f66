/* SPDX-License-Identifier: MIT */
/*
 * chunk_manager.h - the areas in use and the free space of one chunk.
 *
 *     areas (tree by address)   AAAA    BB   CCCCC
 *     free space                    ....  ...     .......
 *
 * All functions want the chunk's lock. The changes cannot fail: the caller has looked (chunk_place, chunk_is_free_for) and has
 * records in its stock.
 * Invariants: V1 areas are page-aligned, not empty, inside the usable range; V2 ascending, no overlap; V3 no two that touch
 * could be one record; V4 between areas of two processes lies at least a page; C3 areas and free space add up to the usable
 * range; C4 used, area_count and the owners' counts are exact.
 */
#ifndef TULOU_VM_CHUNK_MANAGER_H
#define TULOU_VM_CHUNK_MANAGER_H

#include "chunk.h"
#include "shm_manager.h"

/* Who has a chunk alone does not note what it changes there: the chunk goes with it. */
static inline bool chunk_is_private(const struct chunk *chunk, const struct stock *stock)
{
	return chunk->owner_count == 1 && stock->own == JOURNAL_UNNOTED &&
	       link_owner(chunk->owners.next)->process == stock->process;
}

static inline void chunk_lock(struct chunk *chunk, const struct stock *stock)
{
	if (unlikely(guard_lock(&chunk->guard, stock->host, stock->self) == GUARD_TORN))
		chunk->torn = true;
	guard_name(&chunk->guard, chunk_is_private(chunk, stock) ? JOURNAL_UNNOTED : stock->journal);
}

/* To look only: in the middle of a change elsewhere, which dropping this lock must not commit. */
static inline void chunk_lock_read(struct chunk *chunk, const struct stock *stock)
{
	if (unlikely(guard_lock(&chunk->guard, stock->host, stock->self) == GUARD_TORN))
		chunk->torn = true;
	guard_name(&chunk->guard, NULL);
}

static inline void chunk_unlock(struct chunk *chunk, const struct stock *stock)
{
	guard_drop(&chunk->guard, stock->host);
}

/* One record. */
void chunk_init(struct chunk *chunk, struct range range, size_t gap, enum tulou_chunk_kind kind, bool open, struct stock *stock);

/* The lowest area that ends above `addr`, or NULL. */
struct area_record *chunk_area_above_locked(const struct chunk *chunk, uintptr_t addr);
/* The lowest area of `owner` that ends above `addr`, or NULL. Steps over the areas of others. */
struct area_record *chunk_own_area_above_locked(const struct owner *owner, uintptr_t addr);
/* The next area of the same owner, or NULL. */
struct area_record *chunk_own_area_next_locked(const struct area_record *area);
bool chunk_page_is_used_locked(const struct chunk *chunk, uintptr_t page);
/* Is the area of another process at `addr`? */
bool chunk_is_others_locked(const struct chunk *chunk, const struct tulou_process_vm *process, uintptr_t addr);

/* A place for `size` bytes of `process` in `window`, first fit: leaves the last page, the first one under head_guard, and a page
 * towards the areas of others. */
bool chunk_place_locked(const struct chunk *chunk, const struct tulou_process_vm *process, size_t size, size_t align,
	struct range window, uintptr_t *out);
/* Is `range` free, and no page of another process next to it in this chunk? */
bool chunk_is_free_for_locked(const struct chunk *chunk, const struct tulou_process_vm *process, struct range range);

/* Book `range`, which is free, as an area of `owner`; it joins its neighbours where it continues them. Two records. */
void chunk_insert_locked(struct owner *owner, struct range range, struct area_content content, struct stock *stock);
/* Remove all pages of `owner` from `range`, or only those of pending areas. Two records. */
void chunk_remove_locked(struct owner *owner, struct range range, bool pending_only, struct stock *stock);
/* Remove all areas of a chunk, which are all of `owner`. No record. */
void chunk_empty_locked(struct owner *owner, struct stock *stock);
/* Show `content` in `range`, all of which belongs to `owner`. Three records. */
void chunk_replace_locked(struct owner *owner, struct range range, struct area_content content, struct stock *stock);
/* Change flags and perms of the owner's areas in `range`, all of which belongs to `owner`. Two records. */
void chunk_change_locked(struct owner *owner, struct range range, struct area_change change, struct stock *stock);
/* Hand the areas of `owner` in `range` to `heir`, an owner of the same chunk, as limbo. All of `range` belongs to `owner`, whose
 * areas end at its edges. */
void chunk_bequeath_locked(struct owner *owner, struct owner *heir, struct range range, struct stock *stock);

#endif
