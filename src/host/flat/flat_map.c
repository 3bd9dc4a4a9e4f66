/* SPDX-License-Identifier: MIT */
/*
 * flat_map.c - the callbacks on the arena's pages, except move.
 *
 * Each one in this order: what is asked is possible; records, twin and saved contents are taken from the books; files are written and
 * read, which may fail and is undone; then the records change, which cannot fail.
 */
#include "flat_internal.h"

/* ---- map ------------------------------------------------------------------------------------------------------------------- */

/* Only a shared mapping that can be written has a twin. */
static int flat_twin_take(struct flat *flat, const struct flat_want *want, char **twin)
{
	*twin = NULL;
	if (!want->shared || !want->file || !(want->file->max_prot & TULOU_PROT_WRITE))
		return 0;
	*twin = flat_books_take(flat, want->size);
	return *twin ? 0 : -TULOU_ENOMEM;
}

/* The file's contents in the pages; as before when that fails. */
static int flat_fill(struct flat *flat, const struct flat_want *want)
{
	struct flat_saved saved;
	int error = flat_write_back_file(flat, want->file, want->offset, want->size);

	if (!error)
		error = flat_save(flat, want->start, want->size, &saved);
	if (error)
		return error;
	error = flat_file_read(flat, want->file, want->offset, (void *)want->start, want->size);
	if (error)
		flat_restore(flat, &saved);
	else
		flat_forget(flat, &saved);
	return error;
}

int flat_place(struct flat *flat, const struct flat_want *want)
{
	uintptr_t end = want->start + want->size;
	size_t records = flat_extents_cuts(flat, want->start, end) + (size_t)(want->file || want->shared);
	char *twin;
	int error = want->file ? flat_file_check(flat, want) : 0;

	if (!error)
		error = flat_records_reserve(flat, records);
	if (!error)
		error = flat_twin_take(flat, want, &twin);
	if (error)
		return error;
	error = flat_write_back(flat, want->start, end);
	if (!error && want->file)
		error = flat_fill(flat, want);
	if (error) {
		if (twin)
			flat_books_give(flat, twin, want->size);
		return error;
	}
	flat_extents_drop(flat, want->start, end);
	flat_pages_appear(flat, want->start, want->size, want->file != NULL);
	if (twin)
		flat_copy(twin, (const void *)want->start, want->size);
	if (want->file || want->shared)
		flat_extent_add(flat, want, twin);
	return 0;
}

int flat_map(void *ctx, const struct tulou_mapping *m)
{
	bool shared = (m->flags & TULOU_MAP_TYPE) == TULOU_MAP_SHARED;
	const struct flat_want want = {
		.start = m->start, .size = m->size, .shared = shared, .file = m->file, .offset = m->file ? m->offset : 0};

	if ((m->flags & TULOU_MAP_TYPE) == TULOU_MAP_DROPPABLE)
		return -TULOU_EINVAL;
	if (m->file && (m->file->max_prot == 0 || (shared && m->prot & ~m->file->max_prot)))
		return -TULOU_EACCES;
	struct flat *flat = flat_enter(ctx);

	return flat_leave(flat, flat_place(flat, &want));
}

/* ---- unmap, protect, grow -------------------------------------------------------------------------------------------------- */

int flat_unmap(void *ctx, uintptr_t start, size_t size)
{
	struct flat *flat = flat_enter(ctx);
	int error = flat_records_reserve(flat, flat_extents_cuts(flat, start, start + size));

	if (!error)
		error = flat_write_back(flat, start, start + size);
	if (!error) {
		flat_extents_drop(flat, start, start + size);
		flat_pages_vanish(flat, start, size);
	}
	return flat_leave(flat, error);
}

int flat_protect(void *ctx, uintptr_t start, size_t size, int prot)
{
	struct flat *flat = flat_enter(ctx);
	const struct flat_extent *extent = flat_extent_above(flat, start);
	int error = flat_pages_all(flat, start, size) ? 0 : -TULOU_ENOMEM;

	for (; !error && extent && extent->start < start + size; extent = flat_extent_next(extent)) {
		if (extent->shared && extent->has_file && prot & ~extent->file.max_prot)
			error = -TULOU_EACCES;
	}
	return flat_leave(flat, error);
}

static int flat_grow_locked(struct flat *flat, uintptr_t start, size_t size, size_t new_size)
{
	const struct flat_extent *last = flat_extent_at(flat, start + size - TULOU_PAGE_SIZE);
	struct flat_want want = {.start = start + size, .size = new_size - size};

	if (!flat_pages_all(flat, start, size))
		return -TULOU_EFAULT;
	if (last && !last->has_file)
		return -TULOU_ENXIO; /* shared memory ends where it was made to end */
	if (last) {
		want.shared = last->shared;
		want.file = &last->file;
		want.offset = last->offset + (want.start - last->start);
	}
	return flat_place(flat, &want);
}

int flat_grow(void *ctx, uintptr_t start, size_t size, size_t new_size)
{
	struct flat *flat = flat_enter(ctx);

	return flat_leave(flat, flat_grow_locked(flat, start, size, new_size));
}

/* ---- advise, sync ---------------------------------------------------------------------------------------------------------- */

/* Private pages of files are the file's again. */
static int flat_reread(struct flat *flat, uintptr_t start, uintptr_t end)
{
	struct flat_extent *extent = flat_extent_above(flat, start);
	int error = 0;

	for (; !error && extent && extent->start < end; extent = flat_extent_next(extent)) {
		uintptr_t from = start > extent->start ? start : extent->start, to = end < extent->end ? end : extent->end;
		uint64_t offset = extent->offset + (from - extent->start);

		if (extent->shared)
			continue;
		error = flat_write_back_file(flat, &extent->file, offset, to - from);
		if (!error)
			error = flat_file_read(flat, &extent->file, offset, (void *)from, to - from);
	}
	return error;
}

/* Private anonymous pages are zero. */
static void flat_clear(struct flat *flat, uintptr_t start, uintptr_t end)
{
	struct flat_extent *extent = flat_extent_above(flat, start);

	while (start < end) {
		uintptr_t stop = extent && extent->start < end ? extent->start : end;

		if (start < stop)
			flat_zero((void *)start, stop - start);
		if (stop == end)
			break;
		start = extent->end;
		extent = flat_extent_next(extent);
	}
}

int flat_renew(struct flat *flat, uintptr_t start, size_t size)
{
	struct flat_saved saved = {0};
	const struct flat_extent *extent = flat_extent_above(flat, start);
	int error = 0;

	while (extent && extent->shared)
		extent = flat_extent_next(extent);
	if (extent && extent->start < start + size) /* something will be read, which may fail */
		error = flat_save(flat, start, size, &saved);
	if (error)
		return error;
	error = flat_reread(flat, start, start + size);
	if (error) {
		flat_restore(flat, &saved);
		return error;
	}
	flat_forget(flat, &saved);
	flat_clear(flat, start, start + size);
	return 0;
}

int flat_advise(void *ctx, uintptr_t start, size_t size, int advice)
{
	struct flat *flat = flat_enter(ctx);
	int error = 0;

	if (advice != TULOU_MADV_DONTNEED)
		error = -TULOU_EINVAL; /* as a kernel that was built without the others */
	else if (!flat_pages_all(flat, start, size))
		error = -TULOU_ENOMEM;
	return flat_leave(flat, error ? error : flat_renew(flat, start, size));
}

int flat_blank(void *ctx, uintptr_t start, size_t size)
{
	return flat_advise(ctx, start, size, TULOU_MADV_DONTNEED);
}

/* What others wrote to the files shows. */
static int flat_invalidate(struct flat *flat, uintptr_t start, uintptr_t end)
{
	struct flat_extent *extent = flat_extent_above(flat, start);
	int error = 0;

	for (; !error && extent && extent->start < end; extent = flat_extent_next(extent)) {
		uintptr_t from = start > extent->start ? start : extent->start, to = end < extent->end ? end : extent->end;
		const struct flat_want want = {.start = from,
			.size = to - from,
			.file = &extent->file,
			.offset = extent->offset + (from - extent->start)};

		if (!extent->shared || !extent->has_file)
			continue;
		error = flat_fill(flat, &want);
		if (!error && extent->twin)
			flat_copy(extent->twin + (from - extent->start), (const void *)from, to - from);
	}
	return error;
}

int flat_sync(void *ctx, uintptr_t start, size_t size, int flags)
{
	struct flat *flat = flat_enter(ctx);
	int error = 0;

	if (flags & ~(TULOU_MS_ASYNC | TULOU_MS_INVALIDATE | TULOU_MS_SYNC) || (flags & TULOU_MS_ASYNC && flags & TULOU_MS_SYNC))
		error = -TULOU_EINVAL;
	else if (!flat_pages_all(flat, start, size))
		error = -TULOU_ENOMEM;
	if (!error)
		error = flat_write_back(flat, start, start + size);
	if (!error && flags & TULOU_MS_INVALIDATE)
		error = flat_invalidate(flat, start, start + size);
	return flat_leave(flat, error);
}
