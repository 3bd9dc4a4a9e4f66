/* SPDX-License-Identifier: MIT */
/* msync.c - msync(2): every stretch of the range goes to the host; a hole makes the answer ENOMEM, after the rest was done. */
#include "calls.h"

static int decode(struct range *range, uintptr_t addr, size_t size, int flags)
{
	if (flags & ~(TULOU_MS_ASYNC | TULOU_MS_INVALIDATE | TULOU_MS_SYNC))
		return -TULOU_EINVAL;
	if (!page_is_aligned(addr))
		return -TULOU_EINVAL;
	if ((flags & TULOU_MS_ASYNC) && (flags & TULOU_MS_SYNC))
		return -TULOU_EINVAL;
	return range_make(range, addr, page_up(size)) ? 0 : -TULOU_ENOMEM;
}

static int visit(struct tulou_process_vm *vm, struct range stretch, int flags)
{
	const struct tulou_host *host = vm->pool->host;

	return host->sync(host->ctx, stretch.start, range_size(stretch), flags);
}

long tulou_msync(struct tulou_process_vm *vm, uintptr_t addr, size_t size, int flags)
{
	struct range range;
	long result = decode(&range, addr, size, flags);

	if (result || range_is_empty(range))
		return result;
	result = vm_enter(vm, range);
	if (result)
		return result;
	result = vm_visit(vm, range, visit, flags);
	process_vm_leave(vm, range_between(0, 0));
	return result;
}
