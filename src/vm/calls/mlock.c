/* SPDX-License-Identifier: MIT */
/*
 * mlock.c - mlock(2), mlock2(2), munlock(2), mlockall(2), munlockall(2).
 *
 *     areas     AAAABBBB  CCCC        a hole ends mlock and munlock with ENOMEM; what lies before it is done, as in Linux
 *     range       [          )
 *     locked      ######
 *
 * That an area is locked stands in its flags: what is locked and what is not are two areas, as in Linux. How much may be locked is
 * decided by the host, and by the limit that mlockall is told.
 */
#include "calls.h"

static int flags_of(enum tulou_lock how)
{
	return how == TULOU_LOCK_OFF ? 0 : how == TULOU_LOCK_ONFAULT ? AREA_LOCK_MASK : TULOU_MAP_LOCKED;
}

/* Huge pages are never pageable, and not marked. */
static void mark(struct tulou_process_vm *vm, struct range stretch, struct area_change change)
{
	struct area area;

	if (likely(!vm->huge)) {
		process_vm_change(vm, stretch, change);
		return;
	}
	for (; stretch.start < stretch.end && process_vm_area_above(vm, stretch.start, &area); stretch.start = area.range.end)
		if (!(area.content.flags & TULOU_MAP_HUGETLB))
			process_vm_change(vm, range_cut(area.range, stretch), change);
}

/* As the host's `lock`. */
static int stretch_lock(struct tulou_process_vm *vm, struct range stretch, enum tulou_lock how)
{
	const struct tulou_host *host = vm->pool->host;
	int error = process_vm_may_change(vm, stretch);

	if (!error)
		error = host->lock(host->ctx, stretch.start, range_size(stretch), how);
	if (error >= 0)
		mark(vm, stretch, (struct area_change){.clear = AREA_LOCK_MASK, .set = flags_of(how), .prot = -1});
	return error;
}

static int range_lock(struct tulou_process_vm *vm, struct range range, enum tulou_lock how)
{
	struct range stretch;
	struct area_seen first;
	int error;

	if (!process_vm_stretch(vm, range, &stretch, &first) || stretch.start > range.start || !content_has_pages(first.content))
		return -TULOU_ENOMEM;
	/* Before a hole Linux locks, but brings nothing in. */
	if (stretch.end < range.end && how == TULOU_LOCK_ON)
		how = TULOU_LOCK_LATER;
	error = stretch_lock(vm, stretch, how);
	if (error < 0)
		return error;
	return stretch.end < range.end ? -TULOU_ENOMEM : -error;
}

/* The kernel's arithmetic (mm/mlock.c: do_mlock): what wraps to nothing is nothing. */
static long lock(struct tulou_process_vm *vm, uintptr_t addr, size_t size, enum tulou_lock how)
{
	uintptr_t start = align_down(addr, PAGE_SIZE);
	struct range range;
	long result;

	if (!vm->pool->host->lock)
		return -TULOU_ENOSYS;
	if (!range_make(&range, start, page_up(size + (addr - start))))
		return -TULOU_EINVAL;
	if (range_is_empty(range))
		return 0;
	result = vm_enter(vm, range);
	if (result)
		return result;
	result = range_lock(vm, range, how);
	process_vm_leave(vm, range);
	return result;
}

long tulou_mlock2(struct tulou_process_vm *vm, uintptr_t addr, size_t size, int flags)
{
	if (flags & ~TULOU_MLOCK_ONFAULT)
		return -TULOU_EINVAL;
	return lock(vm, addr, size, flags ? TULOU_LOCK_ONFAULT : TULOU_LOCK_ON);
}

long tulou_munlock(struct tulou_process_vm *vm, uintptr_t addr, size_t size)
{
	return lock(vm, addr, size, TULOU_LOCK_OFF);
}

/* ---- all of a process ---------------------------------------------------------------------------------------------------- */

/* Pages that could not be brought in are no error here, in Linux neither: it goes on with the next area. */
static int all_lock(struct tulou_process_vm *vm, enum tulou_lock how)
{
	struct range rest = vm->pool->range, stretch;
	struct area_seen first;
	int error = 0;

	while (error >= 0 && process_vm_stretch(vm, rest, &stretch, &first)) {
		if (how == TULOU_LOCK_ON)
			stretch.end = first.range.end;
		if (content_has_pages(first.content))
			error = stretch_lock(vm, stretch, how);
		rest.start = stretch.end;
	}
	return error < 0 ? error : 0;
}

long tulou_mlockall(struct tulou_process_vm *vm, int flags, uint64_t limit)
{
	enum tulou_lock how = flags & TULOU_MCL_ONFAULT ? TULOU_LOCK_ONFAULT : TULOU_LOCK_ON;
	long result;

	if (!vm->pool->host->lock)
		return -TULOU_ENOSYS;
	if (!flags || flags == TULOU_MCL_ONFAULT || (flags & ~(TULOU_MCL_CURRENT | TULOU_MCL_FUTURE | TULOU_MCL_ONFAULT)))
		return -TULOU_EINVAL;
	if (!limit)
		return -TULOU_EPERM;
	result = vm_enter(vm, vm->pool->range);
	if (result)
		return result;
	if (flags & TULOU_MCL_CURRENT)
		result = vm->usage.total > limit ? -TULOU_ENOMEM : all_lock(vm, how);
	if (!result)
		vm->lock_future = flags & TULOU_MCL_FUTURE ? flags_of(how) : 0;
	process_vm_leave(vm, vm->pool->range);
	return result;
}

long tulou_munlockall(struct tulou_process_vm *vm)
{
	long result;

	if (!vm->pool->host->lock)
		return -TULOU_ENOSYS;
	result = vm_enter(vm, vm->pool->range);
	if (result)
		return result;
	vm->lock_future = 0;
	result = all_lock(vm, TULOU_LOCK_OFF);
	process_vm_leave(vm, vm->pool->range);
	return result;
}
