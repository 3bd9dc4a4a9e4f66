/* SPDX-License-Identifier: MIT */
/*
 * sim_pages.c - contents: a chained hash from page number to page. It doubles when it holds one page per bucket.
 *
 * Ranges can be far larger than what was written in them (64 GiB reserved, three pages touched): operations on a range go
 * over its numbers or over the hash, whichever is shorter.
 */
#include "sim_internal.h"

#include <stdlib.h>
#include <string.h>

static struct sim_page **sim_pages_slot(const struct sim_pages *pages, uint64_t number)
{
	return &pages->buckets[(number * 0x9e3779b97f4a7c15ull >> 32) & (pages->bucket_count - 1)];
}

static void sim_pages_link(struct sim_pages *pages, struct sim_page *page)
{
	struct sim_page **slot = sim_pages_slot(pages, page->number);

	page->next = *slot;
	*slot = page;
	pages->count++;
}

static void sim_pages_double(struct sim_pages *pages)
{
	struct sim_pages old = *pages;

	pages->bucket_count = old.bucket_count ? old.bucket_count * 2 : 16;
	pages->buckets = sim_alloc(NULL, pages->bucket_count * sizeof(*pages->buckets));
	memset(pages->buckets, 0, pages->bucket_count * sizeof(*pages->buckets));
	pages->count = 0;
	for (size_t i = 0; i < old.bucket_count; i++) {
		for (struct sim_page *page = old.buckets[i], *next; page; page = next) {
			next = page->next;
			sim_pages_link(pages, page);
		}
	}
	free(old.buckets);
}

struct sim_page *sim_pages_find(const struct sim_pages *pages, uint64_t number)
{
	struct sim_page *page = pages->bucket_count ? *sim_pages_slot(pages, number) : NULL;

	while (page && page->number != number)
		page = page->next;
	return page;
}

struct sim_page *sim_pages_get(struct sim_pages *pages, uint64_t number)
{
	struct sim_page *page = sim_pages_find(pages, number);

	if (page)
		return page;
	if (pages->count == pages->bucket_count)
		sim_pages_double(pages);
	page = sim_alloc(NULL, sizeof(*page));
	memset(page, 0, sizeof(*page));
	page->number = number;
	sim_pages_link(pages, page);
	return page;
}

/* Unlink the pages of one bucket that lie in [first, end), and put them in front of `taken`. */
static struct sim_page *sim_pages_take_bucket(
	struct sim_pages *pages, struct sim_page **slot, uint64_t first, uint64_t end, struct sim_page *taken)
{
	while (*slot) {
		struct sim_page *page = *slot;

		if (page->number < first || page->number >= end) {
			slot = &page->next;
			continue;
		}
		*slot = page->next;
		page->next = taken;
		taken = page;
		pages->count--;
	}
	return taken;
}

static struct sim_page *sim_pages_take(struct sim_pages *pages, uint64_t first, uint64_t end)
{
	struct sim_page *taken = NULL;

	if (end - first > pages->bucket_count) {
		for (size_t i = 0; i < pages->bucket_count; i++)
			taken = sim_pages_take_bucket(pages, &pages->buckets[i], first, end, taken);
		return taken;
	}
	for (uint64_t number = first; number < end; number++)
		taken = sim_pages_take_bucket(pages, sim_pages_slot(pages, number), number, number + 1, taken);
	return taken;
}

void sim_pages_drop(struct sim_pages *pages, uint64_t first, uint64_t end)
{
	for (struct sim_page *page = sim_pages_take(pages, first, end), *next; page; page = next) {
		next = page->next;
		free(page);
	}
}

void sim_pages_move(struct sim_pages *pages, uint64_t first, uint64_t end, uint64_t to)
{
	for (struct sim_page *page = sim_pages_take(pages, first, end), *next; page; page = next) {
		next = page->next;
		page->number = page->number - first + to;
		sim_pages_link(pages, page);
	}
}

void sim_pages_fini(struct sim_pages *pages)
{
	sim_pages_drop(pages, 0, UINT64_MAX);
	free(pages->buckets);
	memset(pages, 0, sizeof(*pages));
}
