/* SPDX-License-Identifier: MIT */
#include "processes_model.h"

#include <tulou/inspect.h>

struct page model[POOL_PAGES_MAX];
size_t pool_pages = POOL_PAGES_MAX;

/* ---- questions ----------------------------------------------------------------------------------------------------------- */
bool model_others_near(uint8_t self, size_t first, size_t end)
{
	for (size_t page = first ? first - 1 : 0; page < end + 1 && page < pool_pages; page++)
		if (model[page].owner && model[page].owner != self)
			return true;
	return false;
}

bool model_owns_any(uint8_t self, size_t first, size_t end)
{
	for (size_t page = first; page < end; page++)
		if (model[page].owner == self)
			return true;
	return false;
}

bool model_owns_all(uint8_t self, size_t first, size_t end)
{
	for (size_t page = first; page < end; page++)
		if (model[page].owner != self)
			return false;
	return true;
}

bool model_writable(uint8_t self, size_t first, size_t end)
{
	for (size_t page = first; page < end; page++)
		if (model[page].owner != self || !model[page].writable)
			return false;
	return true;
}

bool model_hole_exists(uint8_t self, size_t pages)
{
	pages += 2 * CHUNK_PAGES + 2;
	for (size_t first = 0, page = 0; page < pool_pages; page++) {
		if (model[page].owner)
			first = page + 1;
		else if (page + 1 - first >= pages && !model_others_near(self, page + 1 - pages, page + 1))
			return true;
	}
	return false;
}

size_t model_count(void)
{
	size_t pages = 0;

	for (size_t page = 0; page < pool_pages; page++)
		pages += model[page].owner != 0;
	return pages;
}

/* ---- changes ------------------------------------------------------------------------------------------------------------- */
void model_map(uint8_t self, size_t first, size_t end, bool writable)
{
	for (size_t page = first; page < end; page++)
		model[page] = (struct page){.owner = self, .writable = writable};
}

void model_unmap(uint8_t self, size_t first, size_t end)
{
	for (size_t page = first; page < end; page++)
		if (model[page].owner == self)
			model[page].owner = 0;
}

void model_protect(uint8_t self, size_t first, size_t end, bool writable)
{
	/* up to the first hole, as mprotect(2); another process's page is a hole */
	for (size_t page = first; page < end && model[page].owner == self; page++)
		model[page].writable = writable;
}

/* ---- checks -------------------------------------------------------------------------------------------------------------- */
struct walk {
	uintptr_t end;
	uint32_t last;
	size_t pages;
};

static int area_visit(void *arg, const struct tulou_area_info *area)
{
	struct walk *walk = arg;

	if (area->kind == TULOU_AREA_LIMBO)
		fail("an area in limbo, and the host never failed", area->start);
	if (area->start < pool_start || area->end > page_addr(pool_pages) || area->start >= area->end)
		fail("an area outside the pool", area->start);
	if (area->start < walk->end)
		fail("areas overlap", area->start);
	if (walk->last && walk->last != area->process && area->start < walk->end + PAGE)
		fail("no free page between two processes", area->start);
	if (!model_owns_all((uint8_t)area->process, addr_page(area->start), addr_page(area->end)))
		fail("an area that its process should not have", area->start);
	walk->pages += addr_page(area->end) - addr_page(area->start);
	walk->end = area->end;
	walk->last = area->process;
	return 0;
}

static int chunk_visit(void *arg, const struct tulou_chunk_info *chunk)
{
	unsigned *empty = arg;

	/* One a process may be kept warm. */
	if (!chunk->owner_count || (!chunk->area_count && ++empty[chunk->owners[0]] > 1))
		fail("a chunk that nobody uses was not given back", chunk->start);
	return 0;
}

static void host_check(struct sim *sim)
{
	struct sim_area area;
	size_t pages = 0;

	for (size_t i = 0; sim_area(sim, i, &area); i++)
		for (size_t page = addr_page(area.start); page < addr_page(area.end); page++, pages++)
			if (!model[page].owner)
				fail("the host has a page that nobody owns", page_addr(page));
	if (pages != model_count())
		fail("the host lacks pages", pool_start);
}

void model_check_books(struct tulou *pool, struct sim *sim)
{
	struct walk walk = {0};
	unsigned empty[OWNERS + 1] = {0};
	char what[160] = "";

	if (tulou_check(pool, what, sizeof(what)))
		fail(what, pool_start);
	tulou_walk_areas(pool, area_visit, &walk);
	if (walk.pages != model_count())
		fail("the books lack pages", pool_start);
	tulou_walk_chunks(pool, chunk_visit, empty);
	host_check(sim);
}

void model_check_contents(struct sim *sim, uint8_t self)
{
	for (size_t page = 0; page < pool_pages; page++) {
		uint8_t value = 0;

		if (model[page].owner != self || !model[page].writable)
			continue;
		if (sim_load(sim, page_addr(page) + PROBE, &value) || value != model[page].value)
			fail("contents changed", page_addr(page));
	}
}
