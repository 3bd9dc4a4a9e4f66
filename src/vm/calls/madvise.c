/* SPDX-License-Identifier: MIT */
/*
 * madvise.c - madvise(2): MADV_DONTNEED goes to the host, stretch by stretch; a hole makes the answer ENOMEM, after the rest was
 * done. All other advice is EINVAL until it is built: an answer of 0 that does nothing would be a lie.
 */
#include "calls.h"

static int decode(struct range *range, uintptr_t addr, size_t size, int advice)
{
	if (advice != TULOU_MADV_DONTNEED || !page_is_aligned(addr))
		return -TULOU_EINVAL;
	if (size && !page_up(size))
		return -TULOU_EINVAL;
	return range_make(range, addr, page_up(size)) ? 0 : -TULOU_EINVAL;
}

static int visit(const struct tulou_host *host, struct range stretch, int advice)
{
	return host->advise(host->ctx, stretch.start, range_size(stretch), advice);
}

long tulou_madvise(struct tulou_process_vm *vm, uintptr_t addr, size_t size, int advice)
{
	struct range range;
	long result = decode(&range, addr, size, advice);

	if (result || range_is_empty(range))
		return result;
	result = process_vm_enter(vm);
	if (result)
		return result;
	result = vm_visit(vm, range, visit, advice);
	process_vm_leave(vm, range_between(0, 0));
	return result;
}
