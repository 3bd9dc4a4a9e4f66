/* SPDX-License-Identifier: MIT */
/* access_ok.c - may the caller touch this guest memory? The pages must have host pages behind them and at least `prot`. */
#include "calls.h"

bool tulou_access_ok(struct tulou_process_vm *vm, uintptr_t addr, size_t size, int prot)
{
	struct range range;
	struct area area;
	bool ok = true;

	if (!range_make(&range, addr, size) || range.end > USER_END)
		return false;
	if (range_is_empty(range))
		return true;
	if (vm_enter(vm, range))
		return false;
	while (ok && range.start < range.end) {
		ok = process_vm_area_above(vm, range.start, &area) && area.range.start <= range.start && area_has_pages(&area) &&
		     perms_allow(area.content.prot, prot);
		range.start = area.range.end;
	}
	process_vm_leave(vm, range_between(0, 0));
	return ok;
}
