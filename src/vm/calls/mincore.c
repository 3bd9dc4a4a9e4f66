/* SPDX-License-Identifier: MIT */
/* mincore.c - mincore(2): the host answers, stretch by stretch, up to the first hole, which is ENOMEM. */
#include "calls.h"

/* The order of the errors is that of mm/mincore.c. The vector is looked at by the host, since it may be a guest's. */
static int decode(struct range *range, uintptr_t addr, size_t size, uintptr_t vector)
{
	size_t pages = size / PAGE_SIZE + !page_is_aligned(size);

	if (!page_is_aligned(addr))
		return -TULOU_EINVAL;
	if (size > USER_END || addr > USER_END - size)
		return -TULOU_ENOMEM;
	*range = range_between(addr, addr + page_up(size));
	return vector > USER_END - pages ? -TULOU_EFAULT : 0;
}

static int look(struct tulou_process_vm *vm, struct range range, unsigned char *vector)
{
	const struct tulou_host *host = vm->pool->host;
	struct range stretch;
	struct area_seen first;
	int error = 0;

	while (!error && !range_is_empty(range)) {
		if (!process_vm_stretch(vm, range, &stretch, &first) || stretch.start > range.start ||
			!content_has_pages(first.content))
			return -TULOU_ENOMEM;
		error = host->resident(host->ctx, stretch.start, range_size(stretch), vector);
		vector += range_size(stretch) / PAGE_SIZE;
		range.start = stretch.end;
	}
	return error;
}

long tulou_mincore(struct tulou_process_vm *vm, uintptr_t addr, size_t size, unsigned char *vector)
{
	struct range range;
	long result = decode(&range, addr, size, (uintptr_t)vector);

	if (!vm->pool->host->resident)
		return -TULOU_ENOSYS;
	if (result || range_is_empty(range))
		return result;
	result = vm_enter(vm, range);
	if (result)
		return result;
	result = look(vm, range, vector);
	process_vm_leave(vm, range_between(0, 0));
	return result;
}
