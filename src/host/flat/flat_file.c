/* SPDX-License-Identifier: MIT */
/*
 * flat_file.c - file contents in and out.
 *
 *     page   ..ab....XYZ..|tail      written back: from the first byte that differs from the twin to the last,
 *     twin   ..ab....xyz..|          never the tail behind the file's end, which is zeroed, as the kernel does
 *
 * Without dirty bits the twin is what tells a store from what others wrote to the file meanwhile. Writing back is harmless at any time: a
 * call that fails after it has changed nothing that could be seen.
 */
#include "flat_internal.h"

static uint64_t flat_page_up(uint64_t size)
{
	return (size + TULOU_PAGE_SIZE - 1) & ~(TULOU_PAGE_SIZE - 1);
}

/* ---- may it be ------------------------------------------------------------------------------------------------------------- */

/* Does `extent` show a byte of the file's [offset, …) that `want` shows too, outside the range that want replaces? */
static bool flat_extent_stays(const struct flat_extent *extent, const struct flat_want *want)
{
	uint64_t from = extent->offset > want->offset ? extent->offset : want->offset;
	uint64_t extent_to = extent->offset + (extent->end - extent->start), want_to = want->offset + want->size;
	uint64_t to = extent_to < want_to ? extent_to : want_to;
	uintptr_t start = extent->start + (from - extent->offset), end = extent->start + (to - extent->offset);

	return start < want->start || end > want->start + want->size;
}

int flat_file_check(const struct flat *flat, const struct flat_want *want)
{
	uint64_t size, limit = want->offset + want->size;
	int error = flat->files->size(flat->files->ctx, want->file, &size);

	if (error)
		return error;
	if (limit < want->offset)
		return -TULOU_EOVERFLOW;
	if (size <= UINT64_MAX - TULOU_PAGE_SIZE && flat_page_up(size) < limit)
		return -TULOU_ENXIO;
	if (!want->shared)
		return 0;
	const struct flat_extent *extent = flat_extent_of(flat, want->file, want->offset, want->size);

	for (; extent; extent = flat_extent_of_next(extent, want->offset, want->size)) {
		if ((want->file->max_prot | extent->file.max_prot) & TULOU_PROT_WRITE && flat_extent_stays(extent, want))
			return -TULOU_ENODEV;
	}
	return 0;
}

/* ---- in -------------------------------------------------------------------------------------------------------------------- */

int flat_file_read(const struct flat *flat, const struct tulou_file *file, uint64_t offset, void *to, size_t size)
{
	const struct tulou_flat_files *files = flat->files;
	char *at = to;
	uint64_t file_size;
	int error = files->size(files->ctx, file, &file_size);

	if (error)
		return error;
	/* All of it first: what the file does not fill is zero. */
	flat_zero(to, size);
	size = offset < file_size ? (size_t)(file_size - offset < size ? file_size - offset : size) : 0;
	while (size) {
		long count = files->read_at(files->ctx, file, offset, at, size);

		if (count < 0)
			return (int)count;
		if (count == 0)
			return 0; /* it shrank meanwhile */
		if ((size_t)count > size)
			return -TULOU_EIO;
		at += count, offset += (uint64_t)count, size -= (size_t)count;
	}
	return 0;
}

/* ---- out ------------------------------------------------------------------------------------------------------------------- */

static int flat_file_write(const struct flat *flat, const struct tulou_file *file, uint64_t offset, const char *from, size_t size)
{
	while (size) {
		long count = flat->files->write_at(flat->files->ctx, file, offset, from, size);

		if (count < 0)
			return (int)count;
		if (count == 0 || (size_t)count > size)
			return -TULOU_EIO;
		from += count, offset += (uint64_t)count, size -= (size_t)count;
	}
	return 0;
}

/* One page, `size` bytes of which lie in the file. */
static int flat_page_write_back(
	const struct flat *flat, const struct flat_extent *extent, char *page, char *twin, uint64_t offset, size_t size)
{
	size_t first = 0, end = size;
	int error;

	while (first < end && page[first] == twin[first])
		first++;
	while (end > first && page[end - 1] == twin[end - 1])
		end--;
	error = flat_file_write(flat, &extent->file, offset + first, page + first, end - first);
	if (error)
		return error;
	memcpy(twin + first, page + first, end - first);
	memset(page + size, 0, TULOU_PAGE_SIZE - size);
	return 0;
}

/* The part of a shared extent that lies in [start, end). */
static int flat_extent_write_back(const struct flat *flat, struct flat_extent *extent, uintptr_t start, uintptr_t end)
{
	uint64_t size;
	int error;

	if (!extent->twin)
		return 0;
	error = flat->files->size(flat->files->ctx, &extent->file, &size);
	start = start > extent->start ? start : extent->start;
	end = end < extent->end ? end : extent->end;
	for (uintptr_t page = start; !error && page < end; page += TULOU_PAGE_SIZE) {
		uint64_t offset = extent->offset + (page - extent->start);

		if (offset >= size)
			break;
		error = flat_page_write_back(flat, extent, (char *)page, extent->twin + (page - extent->start), offset,
			size - offset < TULOU_PAGE_SIZE ? (size_t)(size - offset) : TULOU_PAGE_SIZE);
	}
	return error;
}

int flat_write_back(struct flat *flat, uintptr_t start, uintptr_t end)
{
	struct flat_extent *extent = flat_extent_above(flat, start);
	int error = 0;

	for (; !error && extent && extent->start < end; extent = flat_extent_next(extent))
		error = flat_extent_write_back(flat, extent, start, end);
	return error;
}

int flat_write_back_file(struct flat *flat, const struct tulou_file *file, uint64_t offset, uint64_t size)
{
	struct flat_extent *extent = flat_extent_of(flat, file, offset, size);
	int error = 0;

	for (; !error && extent; extent = flat_extent_of_next(extent, offset, size))
		error = flat_extent_write_back(flat, extent, extent->start, extent->end);
	return error;
}
