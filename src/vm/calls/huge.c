/* SPDX-License-Identifier: MIT */
/* huge.c - areas of huge pages (MAP_HUGETLB, files of hugetlbfs) can be cut at those pages only; mm/hugetlb.c. */
#include "calls.h"

static bool cuts_at(struct tulou_process_vm *vm, uintptr_t addr)
{
	struct area area;

	return process_vm_area_above(vm, addr, &area) && area.range.start < addr &&
	       (addr & (area_content_page_size(&area.content) - 1));
}

bool vm_cuts_huge_slow(struct tulou_process_vm *vm, struct range range)
{
	return cuts_at(vm, range.start) || cuts_at(vm, range.end);
}
