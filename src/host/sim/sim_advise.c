/* SPDX-License-Identifier: MIT */
/* sim_advise.c - the callbacks that change no area: advise, sync, resident; and lock, which only marks them. */
#include "sim_internal.h"

/* ---- advise, sync ---------------------------------------------------------------------------------------------------------- */

/* What one area answers. The simulated kernel knows no huge pages and no guard pages. */
static int sim_advice_refused(const struct sim_extent *extent, int advice)
{
	bool anonymous = !extent->shared && !extent->file;

	switch (advice) {
	case TULOU_MADV_DONTNEED:
	case TULOU_MADV_COLD:
	case TULOU_MADV_PAGEOUT:
		return extent->lock ? -TULOU_EINVAL : 0;
	case TULOU_MADV_FREE:
		return anonymous && !extent->lock ? 0 : -TULOU_EINVAL;
	case TULOU_MADV_WIPEONFORK:
		return anonymous ? 0 : -TULOU_EINVAL;
	case TULOU_MADV_REMOVE:
		if (!extent->file || extent->lock)
			return -TULOU_EINVAL;
		return extent->shared && (extent->max_prot & TULOU_PROT_WRITE) ? 0 : -TULOU_EACCES;
	case TULOU_MADV_POPULATE_READ:
		return extent->prot & TULOU_PROT_READ ? 0 : -TULOU_EINVAL;
	case TULOU_MADV_POPULATE_WRITE:
		return extent->prot & TULOU_PROT_WRITE ? 0 : -TULOU_EINVAL;
	default:
		return 0;
	}
}

int sim_populate(struct sim *sim, const struct sim_extent *extent, uintptr_t start, uintptr_t end, bool write)
{
	for (; extent->file && start < end; start += TULOU_PAGE_SIZE) {
		uint64_t offset = extent->offset + (start - extent->start);
		uint8_t *byte;

		if (!sim_file_reaches(extent->file, offset))
			return -TULOU_EFAULT;
		if (write && !extent->shared)
			sim_access(sim, start, TULOU_PROT_WRITE, true, &byte);
	}
	return 0;
}

static int sim_advise_area(struct sim *sim, const struct sim_extent *extent, uintptr_t start, uintptr_t end, int advice)
{
	int error = sim_advice_refused(extent, advice);

	if (error)
		return error;
	start = start > extent->start ? start : extent->start;
	end = end < extent->end ? end : extent->end;
	if (advice == TULOU_MADV_DONTNEED || advice == TULOU_MADV_DONTNEED_LOCKED)
		sim_pages_forget(sim, start, end);
	if (advice == TULOU_MADV_REMOVE)
		sim_pages_drop(&extent->file->pages, (extent->offset + (start - extent->start)) >> TULOU_PAGE_SHIFT,
			(extent->offset + (end - extent->start)) >> TULOU_PAGE_SHIFT);
	if (advice == TULOU_MADV_POPULATE_READ || advice == TULOU_MADV_POPULATE_WRITE)
		return sim_populate(sim, extent, start, end, advice == TULOU_MADV_POPULATE_WRITE);
	return 0;
}

/* Area by area, until one refuses, as the kernel. */
int sim_advise(void *ctx, uintptr_t start, size_t size, int advice)
{
	struct sim *sim = ctx;

	sim_enter(sim, SIM_ADVISE);
	int error = sim_range_check(sim, SIM_ADVISE, start, size);

	if (error == 0 &&
		(advice < 0 || (advice > TULOU_MADV_DONTNEED && advice < TULOU_MADV_FREE) || advice >= TULOU_MADV_COLLAPSE))
		error = -TULOU_EINVAL;
	if (error == 0 && !sim_areas_covered(&sim->areas, start, start + size))
		error = sim_violation(sim, "advice %d for %#lx, %#zx bytes, with a hole", advice, start, size);
	for (size_t i = sim_areas_from(&sim->areas, start);
		error == 0 && i < sim->areas.count && sim->areas.items[i].start < start + size; i++)
		error = sim_advise_area(sim, &sim->areas.items[i], start, start + size, advice);
	return sim_leave(sim, SIM_ADVISE, error);
}

int sim_sync(void *ctx, uintptr_t start, size_t size, int flags)
{
	struct sim *sim = ctx;

	sim_enter(sim, SIM_SYNC);
	int error = sim_range_check(sim, SIM_SYNC, start, size);

	if (error == 0 && (flags & ~(TULOU_MS_ASYNC | TULOU_MS_INVALIDATE | TULOU_MS_SYNC) ||
				  (flags & TULOU_MS_ASYNC && flags & TULOU_MS_SYNC)))
		error = -TULOU_EINVAL;
	if (error == 0 && !sim_areas_covered(&sim->areas, start, start + size))
		error = -TULOU_ENOMEM;
	for (size_t i = sim_areas_from(&sim->areas, start); error == 0 && flags & TULOU_MS_INVALIDATE && i < sim->areas.count;
		i++) {
		if (sim->areas.items[i].start >= start + size)
			break;
		error = sim->areas.items[i].lock ? -TULOU_EBUSY : 0;
	}
	return sim_leave(sim, SIM_SYNC, error);
}

/* As far as anybody sees, the same as this advice, and made to fail with it. */
int sim_zero(void *ctx, uintptr_t start, size_t size)
{
	return sim_advise(ctx, start, size, TULOU_MADV_DONTNEED);
}

/* ---- resident, lock -------------------------------------------------------------------------------------------------------- */

/* Resident is what has contents, and what is locked. */
int sim_resident(void *ctx, uintptr_t start, size_t size, unsigned char *vector)
{
	struct sim *sim = ctx;

	sim_enter(sim, SIM_RESIDENT);
	int error = sim_range_check(sim, SIM_RESIDENT, start, size);

	if (error == 0 && !sim_areas_covered(&sim->areas, start, start + size))
		error = -TULOU_ENOMEM;
	for (uintptr_t end = start + size; error == 0 && start < end; start += TULOU_PAGE_SIZE) {
		const struct sim_extent *extent = sim_areas_find(&sim->areas, start);
		uint64_t number = (extent->offset + (start - extent->start)) >> TULOU_PAGE_SHIFT;

		*vector++ = sim_pages_find(&sim->private_pages, start >> TULOU_PAGE_SHIFT) || extent->lock == TULOU_LOCK_ON ||
			    (extent->file && sim_pages_find(&extent->file->pages, number));
	}
	return sim_leave(sim, SIM_RESIDENT, error);
}

void sim_set_lock(struct sim *sim, uintptr_t start, uintptr_t end, enum tulou_lock how)
{
	for (size_t i = sim_areas_split(&sim->areas, start, end); i < sim->areas.count && sim->areas.items[i].end <= end; i++)
		sim->areas.items[i].lock = how;
	sim_areas_merge(&sim->areas, start, end);
}

/* As mlock(2): a page that does not come ends it with ENOMEM. */
static int sim_populate_range(struct sim *sim, uintptr_t start, uintptr_t end)
{
	int error = 0;

	for (size_t i = sim_areas_from(&sim->areas, start); error == 0 && i < sim->areas.count && sim->areas.items[i].start < end;
		i++) {
		const struct sim_extent *extent = &sim->areas.items[i];
		uintptr_t from = start > extent->start ? start : extent->start;

		if (extent->lock == TULOU_LOCK_ON && !extent->prot)
			error = -TULOU_ENOMEM;
		else if (extent->lock == TULOU_LOCK_ON)
			error = sim_populate(sim, extent, from, end < extent->end ? end : extent->end,
				!extent->shared && (extent->prot & TULOU_PROT_WRITE));
	}
	return error ? TULOU_ENOMEM : 0;
}

void sim_populate_locked(struct sim *sim, uintptr_t start, uintptr_t end)
{
	sim_populate_range(sim, start, end);
}

int sim_lock(void *ctx, uintptr_t start, size_t size, enum tulou_lock how)
{
	struct sim *sim = ctx;

	sim_enter(sim, SIM_LOCK);
	int error = sim_range_check(sim, SIM_LOCK, start, size);

	if (error == 0 && !sim_areas_covered(&sim->areas, start, start + size))
		error = sim_violation(sim, "lock of %#lx, %#zx bytes, with a hole", start, size);
	if (error == 0)
		error = sim_limit_check(sim, sim->areas.count + 2);
	if (error)
		return sim_leave(sim, SIM_LOCK, error);
	sim_set_lock(sim, start, start + size, how == TULOU_LOCK_LATER ? TULOU_LOCK_ON : how);
	return sim_leave(sim, SIM_LOCK, how == TULOU_LOCK_ON ? sim_populate_range(sim, start, start + size) : 0);
}
