/* SPDX-License-Identifier: MIT */
#include "runtime/procfs/areas.h"

#include <asm-generic/errno.h>
#include <linux/mman.h>
#include <tulou/inspect.h>

#include "base/page.h"

struct collection {
	struct own_area *to;
	size_t room, count; /* count may exceed room: what would be needed */
	bool all; /* the walk shows everybody's: */
	uint32_t id; /* take only this one's */
};

static int collect(void *arg, const struct tulou_area_info *area)
{
	struct collection *c = arg;

	if (area->kind == TULOU_AREA_RESERVED || area->kind >= TULOU_AREA_LIMBO || (c->all && area->process != c->id))
		return 0;
	if (c->count++ < c->room)
		c->to[c->count - 1] = (struct own_area){
			.start = area->start,
			.end = area->end,
			.dev = area->dev,
			.kind = (uint8_t)area->kind,
			.prot = (uint8_t)area->prot,
			.shared = area->flags & TULOU_MAP_SHARED,
			.anonymous = area->flags & TULOU_MAP_ANONYMOUS,
			.locked = area->flags & TULOU_MAP_LOCKED,
		};
	return 0;
}

/* Another's process VM may go at any moment: it is found by its id in a walk of the pool, which locks what it looks at. */
static void walk(struct collection *c, const struct process *self, const struct process *process)
{
	c->count = 0;
	c->all = self != process;
	c->id = (uint32_t)process->pid;
	if (c->all)
		tulou_walk_areas(runtime.pool, collect, c);
	else
		tulou_walk_process(self->vm, collect, c);
}

long own_areas_take(struct own_areas *areas, const struct process *self, const struct process *process)
{
	struct collection c = {.to = areas->few, .room = OWN_AREAS_FEW};

	areas->mapped = areas->next = 0;
	for (walk(&c, self, process); c.count > c.room; walk(&c, self, process)) {
		size_t size = page_up((c.count + c.count / 8) * sizeof *c.to);
		long at;

		own_areas_drop(areas);
		at = sys6(__NR_mmap, 0, (long)size, 3 /* read, write */, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (at < 0)
			return at;
		areas->at = c.to = (struct own_area *)at;
		areas->mapped = size;
		c.room = size / sizeof *c.to;
	}
	areas->at = c.to;
	areas->count = c.count;
	return c.count ? 0 : -ESRCH;
}

void own_areas_drop(struct own_areas *areas)
{
	if (areas->mapped)
		sys2(__NR_munmap, (long)areas->at, (long)areas->mapped);
	areas->mapped = 0;
}

static const char *mark_of(const struct own_area *area)
{
	return area->kind == TULOU_AREA_HEAP ? "[heap]" : area->kind == TULOU_AREA_STACK ? "[stack]" : NULL;
}

bool own_piece(struct own_areas *areas, uintptr_t start, uintptr_t end, bool marks, struct own_piece *out)
{
	const struct own_area *area, *stop = areas->at + areas->count;
	size_t at = areas->next;

	while (at < areas->count && areas->at[at].end <= start)
		at++;
	areas->next = at;
	area = areas->at + at;
	if (start >= end || area == stop || area->start >= end)
		return false;
	out->mark = mark_of(area);
	out->start = area->start > start ? area->start : start;
	out->end = area->end;
	while (out->end < end && ++area < stop && area->start == out->end && (!marks || mark_of(area) == out->mark)) {
		out->end = area->end;
		if (!out->mark)
			out->mark = mark_of(area);
	}
	if (out->end > end)
		out->end = end;
	return true;
}
