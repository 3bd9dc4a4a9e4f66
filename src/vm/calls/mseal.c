/* SPDX-License-Identifier: MIT */
/*
 * mseal.c - mseal(2): areas that stay where they are and keep their perms until the process ends.
 *
 * Seals stand in the books only: the host must be able to take the pages back when the process ends and others go on. munmap, mmap
 * over them, mremap and mprotect ask vm_has_seal(); a process without seals pays one test.
 */
#include "calls.h"

bool vm_has_seal_slow(struct tulou_process_vm *vm, struct range range)
{
	struct area area;

	while (range.start < range.end) {
		if (!process_vm_area_above(vm, range.start, &area) || area.range.start >= range.end)
			return false;
		if (area.content.flags & AREA_SEALED)
			return true;
		range.start = area.range.end;
	}
	return false;
}

/* As do_mseal(): all of the range or nothing. */
static int seal(struct tulou_process_vm *vm, struct range range)
{
	struct range stretch;
	struct area_seen first;

	if (!process_vm_stretch(vm, range, &stretch, &first) || !range_covers(stretch, range) ||
		!content_has_pages(first.content))
		return -TULOU_ENOMEM;
	if (process_vm_may_change(vm, range))
		return -TULOU_ENOMEM;
	process_vm_change(vm, range, (struct area_change){.set = AREA_SEALED, .prot = -1});
	vm->sealed = true;
	return 0;
}

long tulou_mseal(struct tulou_process_vm *vm, uintptr_t addr, size_t size, unsigned long flags)
{
	struct range range;
	long result;

	if (flags || !page_is_aligned(addr) || (size && !page_up(size)) || !range_make(&range, addr, page_up(size)))
		return -TULOU_EINVAL;
	if (range_is_empty(range))
		return 0;
	result = vm_enter(vm, range);
	if (result)
		return result;
	result = seal(vm, range);
	process_vm_leave(vm, range);
	return result;
}
