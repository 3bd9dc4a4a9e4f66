/* SPDX-License-Identifier: MIT */
/*
 * flat_move.c - move: the contents are copied, the extents go along, the source is zeroed.
 *
 *     source |aabbb|rest|        →        target |aabbb|more|        rest is taken away, more is what stands behind goes on
 *
 * With keep_source the source shows its files anew, or zeros; shared memory, which would have to be in two places, is refused, and so
 * is a second view (size 0).
 */
#include "flat_internal.h"

/* What is to stand behind the moved part: as the last page of the source goes on. */
static int flat_move_more(struct flat *flat, uintptr_t start, size_t size, uintptr_t new_start, size_t new_size)
{
	const struct flat_extent *last = flat_extent_at(flat, start + size - TULOU_PAGE_SIZE);
	struct flat_want want = {.start = new_start + size, .size = new_size - size};
	struct tulou_file file; /* a copy: the target may cut the source's extent, and its record move */

	if (last && !last->has_file)
		return -TULOU_ENXIO;
	if (last) {
		want.shared = last->shared;
		file = last->file;
		want.file = &file;
		want.offset = last->offset + (start + size - last->start);
	}
	return flat_place(flat, &want);
}

static int flat_move_away(struct flat *flat, uintptr_t start, size_t size, uintptr_t new_start, size_t new_size)
{
	size_t kept = size_min(size, new_size);
	uintptr_t new_end = new_start + new_size;
	/* Cuts at both ends of both ranges, where the rest begins, where the new part begins, and the new part. */
	int error = flat_records_reserve(flat, 7);

	if (!error)
		error = flat_write_back(flat, new_start, new_end);
	if (!error)
		error = flat_write_back(flat, start + kept, start + size);
	if (!error && kept < new_size)
		error = flat_move_more(flat, start, size, new_start, new_size);
	if (error)
		return error;
	flat_extents_drop(flat, new_start, new_start + kept);
	flat_pages_appear(flat, new_start, kept, true);
	flat_copy((void *)new_start, (const void *)start, kept);
	flat_extents_drop(flat, start + kept, start + size);
	flat_extents_cut(flat, start);
	flat_extents_move(flat, start, start + kept, new_start);
	flat_pages_vanish(flat, start, size);
	return 0;
}

/* How many records the extents of a range take once more; -EINVAL for shared ones. */
static int flat_move_count(const struct flat *flat, uintptr_t start, uintptr_t end, size_t *count)
{
	const struct flat_extent *extent = flat_extent_above(flat, start);

	for (; extent && extent->start < end; extent = flat_extent_next(extent)) {
		if (extent->shared)
			return -TULOU_EINVAL;
		++*count;
	}
	return 0;
}

/* The extents of [start, end) once more, at `to`. */
static void flat_extents_double(struct flat *flat, uintptr_t start, uintptr_t end, uintptr_t to)
{
	struct flat_extent *extent = flat_extent_above(flat, start);

	while (extent && extent->start < end) {
		uintptr_t from = start > extent->start ? start : extent->start, stop = end < extent->end ? end : extent->end;
		const struct flat_want want = {.start = from - start + to,
			.size = stop - from,
			.file = &extent->file,
			.offset = extent->offset + (from - extent->start)};

		flat_extent_add(flat, &want, NULL);
		extent = flat_extent_above(flat, extent->end);
	}
}

static int flat_move_off(struct flat *flat, uintptr_t start, size_t size, uintptr_t new_start)
{
	size_t cuts = flat_extents_cuts(flat, new_start, new_start + size), extents = 0;
	struct flat_saved saved = {0};
	int error = flat_move_count(flat, start, start + size, &extents);

	if (!error)
		error = flat_records_reserve(flat, cuts + extents);
	if (!error)
		error = flat_write_back(flat, new_start, new_start + size);
	if (!error && extents) /* the source will be read again, which may fail */
		error = flat_save(flat, new_start, size, &saved);
	if (error)
		return error;
	flat_copy((void *)new_start, (const void *)start, size);
	error = flat_renew(flat, start, size);
	if (error) {
		flat_restore(flat, &saved);
		return error;
	}
	flat_forget(flat, &saved);
	flat_extents_drop(flat, new_start, new_start + size);
	flat_pages_appear(flat, new_start, size, true);
	flat_extents_double(flat, start, start + size, new_start);
	return 0;
}

int flat_move(void *ctx, uintptr_t start, size_t size, uintptr_t new_start, size_t new_size, bool keep_source)
{
	struct flat *flat = flat_enter(ctx);
	int error;

	if (size == 0)
		error = -TULOU_EINVAL;
	else if (!flat_pages_all(flat, start, size))
		error = -TULOU_EFAULT;
	else if (keep_source)
		error = flat_move_off(flat, start, size, new_start);
	else
		error = flat_move_away(flat, start, size, new_start, new_size);
	return flat_leave(flat, error);
}
