/* SPDX-License-Identifier: MIT */
/*
 * munmap.c - munmap(2).
 *
 *     range      [                      )
 *     areas     AAAA BBBCCC  xxx   DDDD       x: another process's, as good as not mapped
 *     host       |-|  |----|       |-|        one call per stretch: holes may become others' at any moment
 */
#include "calls.h"

static inline ALWAYS_INLINE int unmap_stretches(struct tulou_process_vm *vm, struct range range)
{
	const struct tulou_host *host = vm->pool->host;
	struct range stretch;
	struct area_seen first;
	int error;

	while (!range_is_empty(range) && process_vm_stretch(vm, range, &stretch, &first)) {
		if (content_is_room(first.content)) { /* left in peace: it goes with what grows into it */
			range.start = first.range.end;
			continue;
		}
		if (!process_vm_reserve(vm))
			return -TULOU_ENOMEM;
		error = content_has_pages(first.content) ? host->unmap(host->ctx, stretch.start, range_size(stretch)) : 0;
		if (error)
			return error;
		if (unlikely(growth_concerns(vm, stretch)))
			growth_remove(vm, stretch);
		else if (likely(first.range.end >= range.end)) /* no more than one area, which was looked at last */
			process_vm_free(vm, page_number(stretch.start), page_number(stretch.end));
		else
			process_vm_remove(vm, stretch);
		range.start = stretch.end;
	}
	return 0;
}

int vm_unmap(struct tulou_process_vm *vm, struct range range)
{
	int error;

	process_vm_announce(vm, 0, range);
	error = unmap_stretches(vm, range);
	growth_settle(vm, range);
	return error;
}

long tulou_munmap(struct tulou_process_vm *vm, uintptr_t addr, size_t size)
{
	struct range range;
	long result;

	size = page_up(size);
	if (!page_is_aligned(addr) || !size || !range_make(&range, addr, size) || range.end > USER_END)
		return -TULOU_EINVAL;
	result = growth_enter(vm, range);
	if (result)
		return result;
	if (resident_keep(vm, range)) {
		process_vm_leave(vm, range_between(0, 0));
		return 0;
	}
	result = vm_cuts_huge(vm, range) ? -TULOU_EINVAL : resident_drop(vm, range);
	if (!result)
		result = vm_has_seal(vm, range) ? -TULOU_EPERM : vm_unmap(vm, range);
	process_vm_leave(vm, range);
	return result;
}
