/* SPDX-License-Identifier: MIT */
/*
 * remap_file_pages.c - remap_file_pages(2), as Linux has emulated it since 4.0: a fixed mapping of another part of the same object.
 *
 *     object   0123456789
 *     areas    0123456789        remap pages 2, 3 to 7
 *              0178456789        three areas
 */
#include "calls.h"

/* The order of the errors is that of mm/mmap.c. `flags` say nothing any more. */
static int decode(struct range *range, uintptr_t addr, size_t size, int prot, uint64_t page_offset)
{
	uint64_t last;

	addr = align_down(addr, PAGE_SIZE);
	size = align_down(size, PAGE_SIZE);
	if (prot || !range_make(range, addr, size) || !size)
		return -TULOU_EINVAL;
	return __builtin_add_overflow(page_offset, size >> TULOU_PAGE_SHIFT, &last) ? -TULOU_EINVAL : 0;
}

/* All of the range shows one object, alike. */
static bool is_of_one(struct tulou_process_vm *vm, struct range range, const struct area *first)
{
	struct area area = *first;

	while (area.range.end < range.end) {
		uintptr_t end = area.range.end;

		if (!process_vm_area_above(vm, end, &area) || area.range.start > end ||
			area.content.object != first->content.object || area.content.flags != first->content.flags ||
			area.content.prot != first->content.prot)
			return false;
	}
	return true;
}

static int remap(struct tulou_process_vm *vm, struct range range, uint64_t page_offset)
{
	const struct tulou_host *host = vm->pool->host;
	struct area first;
	int error;

	if (!process_vm_area_above(vm, range.start, &first) || first.range.start > range.start || !area_has_pages(&first) ||
		!(first.content.flags & TULOU_MAP_SHARED) || !is_of_one(vm, range, &first))
		return -TULOU_EINVAL;
	/* What can never be written is not shared in Linux's eyes. */
	if (!perms_allow(first.content.object->max_prot, TULOU_PROT_WRITE))
		return -TULOU_EINVAL;
	if (page_offset + (range_size(range) >> TULOU_PAGE_SHIFT) > UINT64_MAX >> TULOU_PAGE_SHIFT)
		return -TULOU_EOVERFLOW;
	if (first.content.flags & AREA_SEALED)
		return -TULOU_EPERM;
	error = host->remap(host->ctx, range.start, range_size(range), page_offset << TULOU_PAGE_SHIFT);
	if (error)
		return error;
	first.content.offset = page_offset << TULOU_PAGE_SHIFT;
	process_vm_replace(vm, range, first.content);
	return 0;
}

long tulou_remap_file_pages(struct tulou_process_vm *vm, uintptr_t addr, size_t size, int prot, uint64_t page_offset, int flags)
{
	struct range range;
	long result = decode(&range, addr, size, prot, page_offset);

	(void)flags;
	if (!vm->pool->host->remap)
		return -TULOU_ENOSYS;
	if (result)
		return result;
	result = vm_enter(vm, range);
	if (result)
		return result;
	result = remap(vm, range, page_offset);
	process_vm_leave(vm, range);
	return result;
}
