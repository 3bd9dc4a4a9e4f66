/* SPDX-License-Identifier: MIT */
/*
 * calls.h - what the calls share. One file per call: decode (touches nothing, may fail) → reserve (under locks, may fail, can be
 * taken back) → host → commit (cannot fail).
 */
#ifndef TULOU_VM_CALLS_CALLS_H
#define TULOU_VM_CALLS_CALLS_H

#include <tulou/tulou.h>

#include "../growth.h"
#include "../placement.h"

/* Every call begins here, and ends with process_vm_leave(): the books say all there is to say of `range`, which the call is about. 0, or
 * -ENOMEM. */
static inline int vm_enter(struct tulou_process_vm *vm, struct range range)
{
	int error = growth_enter(vm, range);

	if (error)
		return error;
	error = resident_drop(vm, range);
	if (unlikely(error))
		process_vm_leave(vm, range_between(0, 0));
	return error;
}

/* Take back all of the process's pages in `range`, stretch by stretch, each from the host first. 0, or the host's error at the
 * first stretch that it refuses: what lies before is gone from host and books alike. */
int vm_unmap(struct tulou_process_vm *vm, struct range range);
/* Book `content` for `range`, right behind an area of the process or at the start of its heap: in that chunk if it has room or can be
 * extended, else across its edge. False: not free. */
bool vm_extend(struct tulou_process_vm *vm, struct range range, struct area_content content);
/* Have `visit` tell the host about each stretch of `range` that has pages. 0, or -ENOMEM if there was a hole (after all stretches
 * were visited), or at once the error of a visit. */
int vm_visit(struct tulou_process_vm *vm, struct range range,
	int (*visit)(struct tulou_process_vm *vm, struct range stretch, int arg), int arg);
/* Does an edge of `range` lie inside a huge page of the process? Linux: EINVAL. */
bool vm_cuts_huge_slow(struct tulou_process_vm *vm, struct range range);
static inline bool vm_cuts_huge(struct tulou_process_vm *vm, struct range range)
{
	return unlikely(vm->huge) && vm_cuts_huge_slow(vm, range);
}
/* Is an area of the process in `range` sealed? Then its pages may not be taken away: EPERM. */
bool vm_has_seal_slow(struct tulou_process_vm *vm, struct range range);
static inline bool vm_has_seal(struct tulou_process_vm *vm, struct range range)
{
	return unlikely(vm->sealed) && vm_has_seal_slow(vm, range);
}

#endif
