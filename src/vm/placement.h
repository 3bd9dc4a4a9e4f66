/* SPDX-License-Identifier: MIT */
/*
 * placement.h - where areas go. Reserves: what it returns is booked, and process_vm_remove() takes it back.
 *
 *     up to half a chunk     the lowest room in own open chunks → a new open chunk (a smaller one when the pool is nearly full) → a
 *                            closed chunk made to measure → room in own closed chunks → the pool again, after a neighbour's chunk
 *                            was cut
 *     larger                 the same, but a chunk made to measure first
 *
 * So chunks are cut only when the pool has no room for another. A new chunk is looked for from placement_start upwards, then from the
 * start of the pool. All steps but the last two are O(log n).
 *
 * Fixed places take what is free around the areas that are there already: in own chunks, in the pool, where chunks are made around
 * them (the aligned slot of default size, clipped to what is free, for up to half a chunk; else to measure), and in others' chunks.
 *
 * V4 across chunk edges: placement leaves the last page of a chunk, and takes the first one only after a look at the page below.
 * Fixed places look at both neighbours. Whoever takes a page at an edge says so under the manager's guard.
 */
#ifndef TULOU_VM_PLACEMENT_H
#define TULOU_VM_PLACEMENT_H

#include "process_vm.h"

/* Book `content` for `size` bytes, at a multiple of `align`, in `window` (the pool: anywhere). 0 or -ENOMEM. */
static inline int place_anywhere(struct tulou_process_vm *vm, size_t size, size_t align, struct range window,
	const struct area_content *content, uintptr_t *out);
int place_anywhere_slow(struct tulou_process_vm *vm, size_t size, size_t align, struct range window,
	const struct area_content *content, uintptr_t *out);
/* A closed chunk made to measure: `gap` bytes that stay empty, then `size` bytes, booked as `content` or, if that is NULL, free; then
 * a page. `must`: in a neighbour's room if there is no other. False: no room, or no memory. */
bool place_own_chunk(
	struct tulou_process_vm *vm, size_t gap, size_t size, const struct area_content *content, bool must, uintptr_t *out);
/* A closed chunk that is just `range`. False: not free, or no memory. */
bool place_chunk_at(struct tulou_process_vm *vm, struct range range);
/* Book `content` for exactly `range`. 0, or -EEXIST (somebody's area is in it), or -ENOMEM (no memory, or a page next to
 * another process's area or in the gap below a stack); then nothing has changed. */
int place_fixed(struct tulou_process_vm *vm, struct range range, struct area_content content);
/* Book pending areas in all holes of `range`, so that all of it belongs to the process. 0 or -ENOMEM (the same, or another
 * process's area is in it); then nothing has changed. */
int place_around(struct tulou_process_vm *vm, struct range range);
/* Book `content` for `range`, right behind an area of the process or at the start of its heap, and in that chunk, which is extended
 * if the pool behind it is free. False: not free. */
bool place_behind(struct tulou_process_vm *vm, struct range range, struct area_content content);

static inline bool place_is_large(const struct tulou_process_vm *vm, size_t size, size_t align)
{
	return size > vm->pool->chunk_size / 2 || align > vm->pool->chunk_size / 4;
}

/* Mostly anywhere is where the last search in own chunks ended. */
static inline int place_anywhere(struct tulou_process_vm *vm, size_t size, size_t align, struct range window,
	const struct area_content *content, uintptr_t *out)
{
	bool own = range_covers(window, vm->pool->range) && !place_is_large(vm, size, align);
	uint64_t page;

	if (unlikely(!own || !step_fit(&vm->map, page_number(size), page_number(align), 0, STEP_END, &page) ||
		     step_begins_chunk_here(&vm->map, page)))
		return place_anywhere_slow(vm, size, align, window, content, out);
	*out = page_address(page);
	process_vm_put_here(vm, range_between(*out, *out + size), process_vm_number(vm, content, *out));
	return 0;
}

#endif
