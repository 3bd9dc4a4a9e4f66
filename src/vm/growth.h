/* SPDX-License-Identifier: MIT */
/*
 * growth.h - room for mappings that grow down (MAP_GROWSDOWN, the main stack): the host moves their start when a page below is
 * touched, without a call.
 *
 *     ....b~~~~~~~~~~~~~~~~~GGGGGGGG        G  the mapping
 *         |  room           |               ~  TULOU_AREA_ROOM: booked for the process, so that nobody else gets it; what the host
 *         barrier                              has grown into it is learned before a call looks at it
 *     AAAA~~~~~~~~~~~~~~~~~~GGGGGGGG        b  TULOU_AREA_BARRIER: a page without access on the host, where growth ends. Not
 *                                              needed above an own area, which ends it too (with the gap that the host keeps)
 *
 * For the process's own calls room is as good as nothing: a fixed mapping or a hint cuts it, and what is unmapped right below G
 * becomes room. Rooms are as the areas around say: growth_settle() drops those that no G touches any more, and sets barriers.
 * Hosts that do not grow mappings (host->grown is NULL) have no rooms.
 *
 * An area that is idle in a nook (nook.h) ends no growth, since it has no pages. So there are no nooks near what grows: a call that
 * concerns it recalls them all when it learns how far it has grown, and what makes something grow does so too.
 *
 * All functions want the process's lock. A process without such mappings pays one test (vm->growth is empty).
 * Invariant: P8 a room or barrier is touched from above by a room or a mapping that grows, of the same process; a barrier is a
 * page.
 */
#ifndef TULOU_VM_GROWTH_H
#define TULOU_VM_GROWTH_H

#include "placement.h"

/* May `range` have to do with mappings that grow, touch them from below or above, or lie in the gap below them? */
static inline bool growth_concerns(const struct tulou_process_vm *vm, struct range range)
{
	return range.start <= vm->growth.end && vm->growth.start <= range.end;
}

/* Rooms as if they were not there: the lowest area that ends above `addr` and is no room nor barrier. False: none. */
bool growth_area_above(struct tulou_process_vm *vm, uintptr_t addr, struct area *out);
/* Bytes of room in `range`. */
size_t growth_room_in(struct tulou_process_vm *vm, struct range range);

/* Have the books say how far the mappings in and around `range` have grown. 0, or -ENOMEM: no records. */
int growth_learn_slow(struct tulou_process_vm *vm, struct range range);
/* Book room below `range`, which grows or is about to: as much as is free, within bounds. False: there is none, nor an own area in
 * its place, so the mapping must not grow. */
bool growth_book(struct tulou_process_vm *vm, struct range range);
/* `range`, which is the process's and at no host, is room for what begins at its end. */
void growth_make_room(struct tulou_process_vm *vm, struct range range);
/* As place_anywhere(), with room below what grows, if there is any to be had. */
static inline int growth_place(struct tulou_process_vm *vm, size_t size, size_t align, struct range window,
	const struct area_content *content, uintptr_t *out);
int growth_place_slow(struct tulou_process_vm *vm, size_t size, size_t align, struct range window,
	const struct area_content *content, uintptr_t *out);
/* Room in `range` is free: something of the process's own is to take its place. growth_settle() books again what did not. */
void growth_give_way(struct tulou_process_vm *vm, struct range range);
/* `range`, which has no pages any more, leaves the books; right below what grows it becomes room. */
void growth_remove(struct tulou_process_vm *vm, struct range range);
/* After a change of areas in `range`: rooms in and around it as the areas around them say. Cannot fail: what the host will not take
 * back goes to limbo, and a barrier that it refuses is asked for again the next time. */
void growth_settle_slow(struct tulou_process_vm *vm, struct range range);

static inline int growth_learn(struct tulou_process_vm *vm, struct range range)
{
	return likely(!growth_concerns(vm, range)) ? 0 : growth_learn_slow(vm, range);
}

static inline void growth_settle(struct tulou_process_vm *vm, struct range range)
{
	if (unlikely(growth_concerns(vm, range)))
		growth_settle_slow(vm, range);
}

static inline int growth_place(struct tulou_process_vm *vm, size_t size, size_t align, struct range window,
	const struct area_content *content, uintptr_t *out)
{
	if (unlikely(content->flags & TULOU_MAP_GROWSDOWN))
		return growth_place_slow(vm, size, align, window, content, out);
	return place_anywhere(vm, size, align, window, content, out);
}

/* process_vm_enter(), and learn. */
static inline int growth_enter(struct tulou_process_vm *vm, struct range range)
{
	int error = process_vm_enter(vm);

	if (error)
		return error;
	error = growth_learn(vm, range);
	if (unlikely(error))
		process_vm_leave(vm, range_between(0, 0));
	return error;
}

#endif
