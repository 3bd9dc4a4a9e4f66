/* SPDX-License-Identifier: MIT */
/*
 * placement.h - where areas go. Reserves: what it returns is booked, and process_vm_remove() takes it back.
 *
 *     up to half a chunk     own open chunks (the one used last, then the lowest with room) → a new open chunk → anybody's open
 *                            chunk → a chunk made to measure → anybody's closed chunk
 *     larger                 a chunk made to measure → own open chunks → anybody's open, then closed chunk
 *
 * So a process shares a chunk only when the pool has no room for another, and the room that a heap, a stack or an image keeps in
 * its closed chunk is used by others only when all else is full. A new chunk is looked for from placement_start upwards, then
 * from the start of the pool. All steps but the last two of sharing are O(log n).
 *
 * Fixed places take what is free around the areas that are there already: in chunks, and in the pool, where closed chunks are
 * made around them: the aligned slot of default size, clipped to what is free, for up to half a chunk; else to measure.
 *
 * V4 across chunk edges: placement leaves the last page of a chunk, and the first one if the page below is in use when the
 * chunk is made or when a fixed place ends there later (head_guard). Fixed places look at both neighbours.
 */
#ifndef TULOU_VM_PLACEMENT_H
#define TULOU_VM_PLACEMENT_H

#include "process_vm.h"

/* Book `content` for `size` bytes, at a multiple of `align`, in `window` (the pool: anywhere). 0 or -ENOMEM. */
int place_anywhere(
	struct tulou_process_vm *vm, size_t size, size_t align, struct range window, struct area_content content, uintptr_t *out);
/* A chunk made to measure: `gap` bytes that stay empty, then `size` bytes at a multiple of `align`, booked as `content` or, if
 * that is NULL, only pinned; then a page. NULL: no room, or no memory. */
struct owner *place_chunk(struct tulou_process_vm *vm, size_t gap, size_t size, size_t align, struct range window,
	const struct area_content *content, uintptr_t *out);
/* A pinned chunk that is just `range`. NULL: not free, or no memory. */
struct owner *place_chunk_at(struct tulou_process_vm *vm, struct range range);
/* Book `content` for exactly `range`. 0, or -EEXIST (somebody's area is in it), or -ENOMEM (no memory, or a page next to
 * another process's area or in the gap below a stack); then nothing has changed. */
int place_fixed(struct tulou_process_vm *vm, struct range range, struct area_content content);
/* Book pending areas in all holes of `range`, so that all of it belongs to the process. 0 or -ENOMEM (the same, or another
 * process's area is in it); then nothing has changed. */
int place_around(struct tulou_process_vm *vm, struct range range);
/* Book `content` for `range`, right behind an area of the process and in its chunk, which is extended if it is closed. False:
 * not free. */
bool place_behind(struct tulou_process_vm *vm, struct range range, struct area_content content);

#endif
