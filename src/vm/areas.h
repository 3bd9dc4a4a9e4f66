/* SPDX-License-Identifier: MIT */
/*
 * areas.h - the areas of one process: what calls see of its step map, and how they change it. Part of process_vm.h, which is included instead.
 *
 *     map      |A |FREE |B |B!|NONE          tile by tile; B goes on across a chunk's edge (!), as another area
 *     area     [A )     [B )[B )
 *
 * What every mmap, munmap and mprotect does to one area is inline, and goes on from the tile that was looked at last.
 */
#ifndef TULOU_VM_AREAS_H
#define TULOU_VM_AREAS_H

/* The lowest area of the process that ends above `addr`. False: there is none. */
bool process_vm_area_above(struct tulou_process_vm *vm, uintptr_t addr, struct area *out);
/* The first stretch of `range` that the process's areas cover without a hole, all with host pages or all without; `first` is its
 * lowest area. False: none. */
static inline bool process_vm_stretch(
	struct tulou_process_vm *vm, struct range range, struct range *stretch, struct area_seen *first);
uint64_t process_vm_stretch_end(struct tulou_process_vm *vm, struct step_tile tile, uint64_t end);
/* Is every page of `range` the process's? */
bool process_vm_covers(struct tulou_process_vm *vm, struct range range);
/* Where the mapping that `area` is part of begins, how far it reaches. */
uintptr_t process_vm_mapping_start(struct tulou_process_vm *vm, const struct area *area);
uintptr_t process_vm_mapping_end(struct tulou_process_vm *vm, const struct area *area);
/* Remove all pages of the process from `range`. Chunks that empty go back. */
static inline void process_vm_remove(struct tulou_process_vm *vm, struct range range);
/* Only those of pending areas. */
void process_vm_remove_pending(struct tulou_process_vm *vm, struct range range);
/* Show `content` in `range`, all of which belongs to the process. */
void process_vm_replace(struct tulou_process_vm *vm, struct range range, struct area_content content);
/* Have memory for a change of all areas in `range`: 0 or -ENOMEM. To be called before the host is. */
int process_vm_may_change(struct tulou_process_vm *vm, struct range range);
/* Change flags and perms of the areas in `range`, all of which belongs to the process. */
void process_vm_change(struct tulou_process_vm *vm, struct range range, struct area_change change);

/* The map says the content of `pages` pages more than before; of a number that wraps, less. */
static inline void process_vm_count(struct tulou_process_vm *vm, struct content *content, uint64_t pages)
{
	size_t size = pages * PAGE_SIZE;

	if (unlikely(journal_notes(vm->arena.journal))) {
		journal_note(vm->arena.journal, &content->pages, sizeof(content->pages));
		journal_note_block(vm->arena.journal, &vm->usage, sizeof(vm->usage));
	}
	content->pages += pages;
	vm->usage.total += size * content->byte.total;
	vm->usage.data += size * content->byte.data;
	vm->usage.committed += size * content->byte.committed;
}

/* Between two changes of one call everything is whole: what was noted need not be taken back. */
static inline void process_vm_step(struct tulou_process_vm *vm)
{
	journal_step(vm->arena.journal);
}

/* ---- for placement: pages of its own chunks ---- */
static inline uint64_t page_number(uintptr_t addr)
{
	return addr / PAGE_SIZE;
}

static inline uintptr_t page_address(uint64_t page)
{
	return page * PAGE_SIZE;
}

static inline struct range tile_range(const struct step_tile *tile)
{
	return range_between(page_address(tile->page), page_address(tile->end));
}

/* The number of `content` at `start`. */
static inline uint32_t process_vm_number(struct tulou_process_vm *vm, const struct area_content *content, uintptr_t start)
{
	return content_number(&vm->contents, content, start, &vm->stock);
}
/* The map says `number` of `size` bytes more than before. */
static inline void process_vm_gained(struct tulou_process_vm *vm, uint32_t number, size_t size)
{
	process_vm_count(vm, content_known(&vm->contents, number), page_number(size));
}

/* The map has taken pages from a content. */
static inline void process_vm_lost(struct tulou_process_vm *vm, uint32_t number, uint64_t pages)
{
	struct content *content = content_known(&vm->contents, number);

	process_vm_count(vm, content, -pages);
	if (unlikely(!content->pages && content->is.object))
		content_drop(&vm->contents, number);
}

/* Have `range`, which lies in own chunks, be of `number`, as far as it is one step: how far is returned. */
static inline uintptr_t process_vm_put(struct tulou_process_vm *vm, struct range range, uint32_t number)
{
	uintptr_t end = page_address(step_set(&vm->map, page_number(range.start), page_number(range.end), number, STEP_KEEP));

	process_vm_gained(vm, number, end - range.start);
	return end;
}

/* The same where all of `range` lies in the tile that was looked at last. */
static inline void process_vm_put_here(struct tulou_process_vm *vm, struct range range, uint32_t number)
{
	uint32_t old;

	step_set_here(&vm->map, page_number(range.start), page_number(range.end), number, &old);
	if (old >= STEP_AREA)
		process_vm_lost(vm, old, page_number(range_size(range)));
	process_vm_gained(vm, number, range_size(range));
}

/* The chunk that `addr` is in has lost areas at its edges, or all: note it, and give it back if it is empty and not the heap's. `keep`: it
 * may be kept warm. */
void process_vm_settle(struct tulou_process_vm *vm, uintptr_t addr, bool keep);

/* What was removed from `from` on and below `end` is free now, and looked at last. Was it the first or the last page of a chunk, or is the
 * chunk empty? But the one that is kept warm may be empty. */
static inline bool process_vm_removed_edge(struct tulou_process_vm *vm, uint64_t from, uint64_t end)
{
	struct step_tile tile = step_tile_here(&vm->map);

	if (unlikely(tile.first && tile.page == from))
		return true;
	if (tile.end != end && !tile.first && likely(!step_follows_gap(&vm->map)))
		return false;
	return step_ends_chunk(&vm->map) &&
	       (tile.end == end || ((tile.first || step_follows_gap(&vm->map)) && page_address(tile.page) != vm->warm));
}

/* The pages from `from` to `to` are the process's, and the first of them was looked at last: how far it went. */
static inline uint64_t process_vm_free(struct tulou_process_vm *vm, uint64_t from, uint64_t to)
{
	uint32_t old;
	uint64_t end = step_set_here(&vm->map, from, to, STEP_FREE, &old);

	if (likely(old >= STEP_AREA))
		process_vm_lost(vm, old, end - from);
	if (unlikely(process_vm_removed_edge(vm, from, end)))
		process_vm_settle(vm, page_address(from), true);
	process_vm_step(vm);
	return end;
}

static inline void process_vm_remove(struct tulou_process_vm *vm, struct range range)
{
	uint64_t page = page_number(range.start), end = page_number(range.end);
	struct step_tile tile;

	while (page < end && step_area_above(&vm->map, page, &tile) && tile.page < end)
		page = process_vm_free(vm, size_max(tile.page, page), end);
}

static inline bool process_vm_stretch(
	struct tulou_process_vm *vm, struct range range, struct range *stretch, struct area_seen *first)
{
	uint64_t page = page_number(range.start), end = page_number(range.end);
	struct step_tile tile;

	if (range_is_empty(range) || !step_area_above(&vm->map, page, &tile) || tile.page >= end)
		return false;
	first->range = tile_range(&tile);
	first->content = &content_known(&vm->contents, tile.value)->is;
	if (unlikely(tile.end < end))
		tile.end = process_vm_stretch_end(vm, tile, end);
	*stretch = range_cut(tile_range(&tile), range);
	return true;
}

/* The manager is locked, and has made or extended the chunk: the map knows it, all free. */
void process_vm_chunk_add(struct tulou_process_vm *vm, const struct chunk *chunk);

#endif
