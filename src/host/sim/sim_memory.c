/* SPDX-License-Identifier: MIT */
/*
 * sim_memory.c - the callbacks on the pool's pages, and the accesses.
 *
 * Each callback validates everything (contract, permissions, the area limit) and only then changes the areas: a failed one has
 * changed nothing. Contents follow the kernel: a private page is its own once it was written, until then it shows its file;
 * a shared page is the file's; a page past the file's end is SIGBUS.
 */
#include "sim_internal.h"

#include <string.h>

enum { SIM_PROT_ALL = TULOU_PROT_READ | TULOU_PROT_WRITE | TULOU_PROT_EXEC };
#define SIM_STACK_GAP (256 * TULOU_PAGE_SIZE)

int sim_range_check(struct sim *sim, enum sim_call call, uintptr_t start, size_t size)
{
	if (size == 0 || (start | size) % TULOU_PAGE_SIZE || start < sim->start || start > sim->end || size > sim->end - start)
		return sim_violation(sim, "%s of %#lx, %#zx bytes", sim_call_name(call), start, size);
	return 0;
}

int sim_limit_check(const struct sim *sim, size_t count)
{
	return sim->area_limit && count > sim->area_limit && count > sim->areas.count ? -TULOU_ENOMEM : 0;
}

void sim_pages_forget(struct sim *sim, uintptr_t start, uintptr_t end)
{
	sim_pages_drop(&sim->private_pages, start >> TULOU_PAGE_SHIFT, end >> TULOU_PAGE_SHIFT);
}

/* ---- map, unmap ------------------------------------------------------------------------------------------------------------ */

static int sim_map_check(struct sim *sim, const struct tulou_mapping *m)
{
	int type = m->flags & TULOU_MAP_TYPE, error = sim_range_check(sim, SIM_MAP, m->start, m->size);

	if (error)
		return error;
	if (m->flags & (TULOU_MAP_FIXED | TULOU_MAP_FIXED_NOREPLACE | TULOU_MAP_32BIT))
		return sim_violation(sim, "map with flags %#x, which say where", m->flags);
	if (type == TULOU_MAP_DROPPABLE)
		return -TULOU_EINVAL; /* a kernel before 6.11 */
	if (type != TULOU_MAP_SHARED && type != TULOU_MAP_PRIVATE)
		return sim_violation(sim, "map with flags %#x: not shared, not private", m->flags);
	if (m->prot & ~SIM_PROT_ALL)
		return sim_violation(sim, "map with protection %#x", m->prot);
	if (m->file && m->offset % TULOU_PAGE_SIZE)
		return sim_violation(sim, "map of a file at %#lx", m->offset);
	if (m->file && (m->file->max_prot == 0 || (type == TULOU_MAP_SHARED && m->prot & ~m->file->max_prot)))
		return -TULOU_EACCES;
	return sim_limit_check(sim, sim_areas_count_without(&sim->areas, m->start, m->start + m->size) + 1);
}

int sim_map(void *ctx, const struct tulou_mapping *m)
{
	struct sim *sim = ctx;

	sim_enter(sim, SIM_MAP);
	int error = sim_map_check(sim, m);

	if (error)
		return sim_leave(sim, SIM_MAP, error);
	bool shared = (m->flags & TULOU_MAP_TYPE) == TULOU_MAP_SHARED;
	struct sim_extent extent = {.start = m->start,
		.end = m->start + m->size,
		.prot = m->prot,
		.max_prot = SIM_PROT_ALL,
		.shared = shared,
		.grows = m->flags & TULOU_MAP_GROWSDOWN,
		.lock = m->lock};

	if (m->file) {
		extent.file = m->file->handle;
		extent.file->refs++;
		extent.offset = m->offset;
		extent.max_prot = shared ? m->file->max_prot : SIM_PROT_ALL;
	} else if (shared) {
		extent.file = sim_file_new(sim, m->size, 1);
	}
	sim_areas_remove(&sim->areas, extent.start, extent.end);
	sim_pages_forget(sim, extent.start, extent.end);
	sim_areas_insert(&sim->areas, &extent);
	if (m->lock == TULOU_LOCK_ON || m->flags & TULOU_MAP_POPULATE)
		sim_populate(sim, &extent, extent.start, extent.end, !shared && (m->prot & TULOU_PROT_WRITE));
	return sim_leave(sim, SIM_MAP, 0);
}

int sim_unmap(void *ctx, uintptr_t start, size_t size)
{
	struct sim *sim = ctx;

	sim_enter(sim, SIM_UNMAP);
	int error = sim_range_check(sim, SIM_UNMAP, start, size);

	if (error == 0)
		error = sim_limit_check(sim, sim_areas_count_without(&sim->areas, start, start + size));
	if (error)
		return sim_leave(sim, SIM_UNMAP, error);
	sim_areas_remove(&sim->areas, start, start + size);
	sim_pages_forget(sim, start, start + size);
	return sim_leave(sim, SIM_UNMAP, 0);
}

/* ---- protect --------------------------------------------------------------------------------------------------------------- */

static int sim_protect_check(struct sim *sim, uintptr_t start, size_t size, int prot)
{
	int error = sim_range_check(sim, SIM_PROTECT, start, size);
	size_t count = sim->areas.count;

	if (error)
		return error;
	if (prot & ~SIM_PROT_ALL)
		return sim_violation(sim, "protect with protection %#x", prot);
	if (!sim_areas_covered(&sim->areas, start, start + size))
		return -TULOU_ENOMEM;
	for (size_t i = sim_areas_from(&sim->areas, start); i < sim->areas.count && sim->areas.items[i].start < start + size;
		i++) {
		const struct sim_extent *extent = &sim->areas.items[i];

		if (prot & ~extent->max_prot)
			return -TULOU_EACCES;
		if (prot != extent->prot)
			count += (size_t)(extent->start < start) + (size_t)(extent->end > start + size);
	}
	return sim_limit_check(sim, count);
}

/* Locked private pages that become writable are copied at once, as in the kernel (mprotect_fixup). */
static void sim_protect_area(struct sim *sim, struct sim_extent *extent, int prot)
{
	bool copy = extent->lock == TULOU_LOCK_ON && !extent->shared && !(extent->prot & TULOU_PROT_WRITE);

	extent->prot = prot;
	if (copy && prot & TULOU_PROT_WRITE)
		sim_populate(sim, extent, extent->start, extent->end, true);
}

int sim_protect(void *ctx, uintptr_t start, size_t size, int prot)
{
	struct sim *sim = ctx;

	sim_enter(sim, SIM_PROTECT);
	int error = sim_protect_check(sim, start, size, prot);

	if (error)
		return sim_leave(sim, SIM_PROTECT, error);
	uintptr_t end = start + size;

	for (size_t i = sim_areas_split(&sim->areas, start, end); i < sim->areas.count && sim->areas.items[i].end <= end; i++)
		sim_protect_area(sim, &sim->areas.items[i], prot);
	sim_areas_merge(&sim->areas, start, end);
	return sim_leave(sim, SIM_PROTECT, 0);
}

/* ---- grow, move ------------------------------------------------------------------------------------------------------------ */

/* One mapping over all of [start, start + size), as the kernel asks of mremap(2). */
static const struct sim_extent *sim_one_area(const struct sim *sim, uintptr_t start, size_t size)
{
	const struct sim_extent *extent = sim_areas_find(&sim->areas, start);

	return extent && size <= extent->end - start ? extent : NULL;
}

int sim_grow(void *ctx, uintptr_t start, size_t size, size_t new_size)
{
	struct sim *sim = ctx;
	const struct sim_extent *extent = NULL;

	sim_enter(sim, SIM_GROW);
	int error = sim_range_check(sim, SIM_GROW, start, new_size);

	if (error == 0)
		error = sim_range_check(sim, SIM_GROW, start, size);
	if (error == 0 && size >= new_size)
		error = sim_violation(sim, "grow from %#zx to %#zx bytes", size, new_size);
	if (error == 0 && !(extent = sim_one_area(sim, start, size)))
		error = -TULOU_EFAULT;
	if (error == 0 && !sim_areas_free(&sim->areas, start + size, start + new_size))
		error = sim_violation(sim, "grow of %#lx from %#zx to %#zx bytes over something", start, size, new_size);
	if (error)
		return sim_leave(sim, SIM_GROW, error);
	struct sim_extent tail = *extent;

	tail.offset += start + size - extent->start;
	tail.start = start + size;
	tail.end = start + new_size;
	if (tail.file)
		tail.file->refs++;
	else
		tail.offset = 0;
	sim_areas_insert(&sim->areas, &tail);
	sim_populate_locked(sim, start + size, start + new_size);
	return sim_leave(sim, SIM_GROW, 0);
}

/* move with size 0: a second view of a shared mapping. */
static int sim_view_check(struct sim *sim, uintptr_t start, uintptr_t new_start, size_t new_size)
{
	const struct sim_extent *source = sim_areas_find(&sim->areas, start);

	if (!source)
		return -TULOU_EFAULT;
	if (!source->shared)
		return sim_violation(sim, "second view of a private mapping at %#lx", start);
	if (start >= new_start && start - new_start < new_size)
		return sim_violation(sim, "second view of %#lx onto itself (%#lx)", start, new_start);
	return sim_limit_check(sim, sim_areas_count_without(&sim->areas, new_start, new_start + new_size) + 1);
}

static int sim_move_check(struct sim *sim, uintptr_t start, size_t size, uintptr_t new_start, size_t new_size, bool keep_source)
{
	int error = sim_range_check(sim, SIM_MOVE, start, size ? size : TULOU_PAGE_SIZE);

	if (error == 0)
		error = sim_range_check(sim, SIM_MOVE, new_start, new_size);
	if (error)
		return error;
	if (size == 0)
		return sim_view_check(sim, start, new_start, new_size);
	if (start < new_start + new_size && new_start < start + size)
		return sim_violation(sim, "move of %#lx, %#zx bytes, onto itself (%#lx)", start, size, new_start);
	if (keep_source && size != new_size)
		return sim_violation(sim, "move that keeps the source, from %#zx to %#zx bytes", size, new_size);
	if (!sim_one_area(sim, start, size < new_size ? size : new_size) || !sim_areas_covered(&sim->areas, start, start + size))
		return -TULOU_EFAULT;
	size_t count = sim_areas_count_without(&sim->areas, new_start, new_start + new_size) + 1;

	if (!keep_source)
		count += sim_areas_count_without(&sim->areas, start, start + size);
	return sim_limit_check(sim, keep_source ? count : count - sim->areas.count);
}

int sim_move(void *ctx, uintptr_t start, size_t size, uintptr_t new_start, size_t new_size, bool keep_source)
{
	struct sim *sim = ctx;

	sim_enter(sim, SIM_MOVE);
	int error = sim_move_check(sim, start, size, new_start, new_size, keep_source);

	if (error)
		return sim_leave(sim, SIM_MOVE, error);
	const struct sim_extent *source = sim_areas_find(&sim->areas, start);
	struct sim_extent target = *source;
	uintptr_t moved_end = start + (size < new_size ? size : new_size);
	uintptr_t whole_start = source->start, whole_end = source->end;

	target.start = new_start;
	target.end = new_start + new_size;
	if (target.file) {
		target.offset += start - source->start;
		target.file->refs++;
	}
	sim_areas_remove(&sim->areas, new_start, new_start + new_size);
	sim_pages_forget(sim, new_start, new_start + new_size);
	sim_pages_move(
		&sim->private_pages, start >> TULOU_PAGE_SHIFT, moved_end >> TULOU_PAGE_SHIFT, new_start >> TULOU_PAGE_SHIFT);
	if (!keep_source && size > 0) {
		sim_areas_remove(&sim->areas, start, start + size);
		sim_pages_forget(sim, start, start + size);
	}
	sim_areas_insert(&sim->areas, &target);
	if (new_start >= start + size && new_start < whole_end)
		whole_end = new_start;
	if (new_start + new_size <= start && new_start + new_size > whole_start)
		whole_start = new_start + new_size;
	if (keep_source && target.lock)
		sim_set_lock(sim, whole_start, whole_end, TULOU_LOCK_OFF); /* all of the area, as the kernel */
	sim_populate_locked(sim, new_start, new_start + new_size);
	return sim_leave(sim, SIM_MOVE, 0);
}

int sim_remap(void *ctx, uintptr_t start, size_t size, uint64_t offset)
{
	struct sim *sim = ctx;

	sim_enter(sim, SIM_REMAP);
	int error = sim_range_check(sim, SIM_REMAP, start, size);

	if (error == 0 && !sim_areas_covered(&sim->areas, start, start + size))
		error = sim_violation(sim, "remap of %#lx, %#zx bytes, with a hole", start, size);
	if (error == 0)
		error = sim_limit_check(sim, sim->areas.count + 2);
	if (error)
		return sim_leave(sim, SIM_REMAP, error);
	for (size_t i = sim_areas_split(&sim->areas, start, start + size);
		i < sim->areas.count && sim->areas.items[i].end <= start + size; i++)
		sim->areas.items[i].offset = offset + (sim->areas.items[i].start - start);
	sim_areas_merge(&sim->areas, start, start + size);
	return sim_leave(sim, SIM_REMAP, 0);
}

/* ---- accesses -------------------------------------------------------------------------------------------------------------- */

/* As the kernel: what lies above grows, unless it would come nearer than the gap to what can be accessed below. */
static struct sim_extent *sim_grow_down(struct sim *sim, uintptr_t addr)
{
	size_t i = sim_areas_from(&sim->areas, addr);
	struct sim_extent *above = i < sim->areas.count ? &sim->areas.items[i] : NULL, *below = above && i ? above - 1 : NULL;

	addr &= ~(TULOU_PAGE_SIZE - 1);
	if (!above || !above->grows || addr < sim->start)
		return NULL;
	if (below && !below->grows && below->prot && addr - below->end < SIM_STACK_GAP)
		return NULL;
	above->start = addr;
	sim_areas_merge(&sim->areas, addr, above->end);
	return sim_areas_find(&sim->areas, addr);
}

uintptr_t sim_grown(void *ctx, uintptr_t start, uintptr_t low)
{
	struct sim *sim = ctx;

	pthread_mutex_lock(&sim->mutex);
	while (start > low && sim_areas_find(&sim->areas, start - 1))
		start -= TULOU_PAGE_SIZE;
	pthread_mutex_unlock(&sim->mutex);
	return start;
}

int sim_access(struct sim *sim, uintptr_t addr, int prot, bool store, uint8_t **byte)
{
	static uint8_t zero;
	const struct sim_extent *extent = sim_areas_find(&sim->areas, addr);

	if (!extent)
		extent = sim_grow_down(sim, addr);
	if (!extent || !(extent->prot & prot))
		return SIM_SEGV;
	uint64_t offset = extent->offset + (addr - extent->start);
	if (extent->file && !sim_file_reaches(extent->file, offset))
		return SIM_BUS;
	struct sim_pages *pages = extent->shared ? &extent->file->pages : &sim->private_pages;
	uint64_t number = (extent->shared ? offset : addr) >> TULOU_PAGE_SHIFT;
	struct sim_page *page = sim_pages_find(pages, number);
	struct sim_page *below =
		page || extent->shared || !extent->file ? NULL : sim_pages_find(&extent->file->pages, offset >> TULOU_PAGE_SHIFT);

	if (!page && store) {
		page = sim_pages_get(pages, number);
		if (below)
			memcpy(page->bytes, below->bytes, TULOU_PAGE_SIZE);
	}
	page = page ? page : below;
	*byte = page ? &page->bytes[addr % TULOU_PAGE_SIZE] : &zero;
	return 0;
}

static int sim_access_locked(struct sim *sim, uintptr_t addr, int prot, uint8_t *load, const uint8_t *store)
{
	uint8_t *byte = NULL;

	pthread_mutex_lock(&sim->mutex);
	int fault = sim_access(sim, addr, prot, store != NULL, &byte);

	if (fault == 0 && store)
		*byte = *store;
	else if (fault == 0 && load)
		*load = *byte;
	pthread_mutex_unlock(&sim->mutex);
	return fault;
}

int sim_load(struct sim *sim, uintptr_t addr, uint8_t *value)
{
	return sim_access_locked(sim, addr, SIM_PROT_ALL, value, NULL);
}

int sim_store(struct sim *sim, uintptr_t addr, uint8_t value)
{
	return sim_access_locked(sim, addr, TULOU_PROT_WRITE, NULL, &value);
}

int sim_execute(struct sim *sim, uintptr_t addr)
{
	return sim_access_locked(sim, addr, TULOU_PROT_EXEC, NULL, NULL);
}
