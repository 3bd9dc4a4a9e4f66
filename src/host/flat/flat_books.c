/* SPDX-License-Identifier: MIT */
/*
 * flat_books.c - pages of the books region: for the core's books, for twins and saved contents, and for the records of extents.
 *
 *     books  | host | bits |####|run → ....|##|run → ........|      runs of free pages, ascending; those that touch are one
 *
 * First fit. A free run is zero behind its head, as pages of the arena are: what they held is gone with them. Records are cut from
 * single pages and go on a list; when the last one comes back, so do the pages.
 */
#include "flat_internal.h"

/* ---- pages ----------------------------------------------------------------------------------------------------------------- */

void *flat_books_take(struct flat *flat, size_t size)
{
	struct flat_run **link = &flat->books;

	while (*link && (*link)->size < size)
		link = &(*link)->next;
	struct flat_run *run = *link;

	if (!run)
		return NULL;
	if (run->size > size) {
		struct flat_run *rest = (struct flat_run *)((char *)run + size);

		*rest = (struct flat_run){.next = run->next, .size = run->size - size};
		*link = rest;
	} else {
		*link = run->next;
	}
	*run = (struct flat_run){0};
	flat->books_used += size;
	return run;
}

/* `high` begins where `low` ends: one run. */
static void flat_run_merge(struct flat_run *low, struct flat_run *high)
{
	if (!high || (char *)low + low->size != (char *)high)
		return;
	low->size += high->size;
	low->next = high->next;
	*high = (struct flat_run){0};
}

void flat_books_give(struct flat *flat, void *start, size_t size)
{
	struct flat_run *run = start, *low = NULL, **link = &flat->books;

	flat_zero(start, size);
	while (*link && *link < run) {
		low = *link;
		link = &low->next;
	}
	*run = (struct flat_run){.next = *link, .size = size};
	*link = run;
	flat_run_merge(run, run->next);
	if (low)
		flat_run_merge(low, run);
	flat->books_used -= size;
}

void *flat_books_map(void *ctx, size_t size)
{
	struct flat *flat = flat_enter(ctx);
	void *start = flat_books_take(flat, size);

	flat_leave(flat, 0);
	return start;
}

void flat_books_unmap(void *ctx, void *start, size_t size)
{
	struct flat *flat = flat_enter(ctx);

	flat_books_give(flat, start, size);
	flat_leave(flat, 0);
}

/* ---- records --------------------------------------------------------------------------------------------------------------- */

union flat_record {
	struct flat_run free;
	struct flat_extent extent;
};

/* A page begins with the link to the next page. */
static bool flat_records_more(struct flat *flat)
{
	struct flat_run *page = flat_books_take(flat, TULOU_PAGE_SIZE);
	union flat_record *record = (union flat_record *)(page + 1);

	if (!page)
		return false;
	page->next = flat->record_pages;
	flat->record_pages = page;
	for (; (char *)(record + 1) <= (char *)page + TULOU_PAGE_SIZE; record++) {
		record->free.next = flat->records;
		flat->records = &record->free;
		flat->record_count++;
	}
	return true;
}

void flat_records_settle(struct flat *flat)
{
	if (flat->extent_count)
		return;
	flat->records = NULL;
	flat->record_count = 0;
	while (flat->record_pages) {
		struct flat_run *page = flat->record_pages;

		flat->record_pages = page->next;
		flat_books_give(flat, page, TULOU_PAGE_SIZE);
	}
}

int flat_records_reserve(struct flat *flat, size_t count)
{
	while (flat->record_count < count) {
		if (!flat_records_more(flat))
			return -TULOU_ENOMEM;
	}
	return 0;
}

struct flat_extent *flat_record_take(struct flat *flat)
{
	union flat_record *record = (union flat_record *)flat->records;

	flat->records = record->free.next;
	flat->record_count--;
	flat->extent_count++;
	record->extent = (struct flat_extent){0};
	return &record->extent;
}

void flat_record_give(struct flat *flat, struct flat_extent *extent)
{
	union flat_record *record = (union flat_record *)extent;

	record->free = (struct flat_run){.next = flat->records};
	flat->records = &record->free;
	flat->record_count++;
	flat->extent_count--;
}
