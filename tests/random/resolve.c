/* SPDX-License-Identifier: MIT */
/* resolve.c - from an op to a request: places become addresses in the arena. */
#include <sys/mman.h>

#include "execute.h"

enum { GROWTH_MARGIN = STACK_GAP + PAGE };

static uintptr_t place_resolve(const struct run *run, const struct place *place)
{
	const struct world *world = &run->sequence->world;
	uintptr_t base = world->start;

	switch (place->kind) {
	case PLACE_ABSOLUTE:
		return (uintptr_t)place->delta;
	case PLACE_RESULT:
		base = run->results[place->of] > 0 ? (uintptr_t)run->results[place->of] : world->start + place->of * 4ul * PAGE;
		break;
	case PLACE_AREA:
		if (run_map(run)->count)
			base = run_map(run)->ranges[place->of % run_map(run)->count].start;
		break;
	case PLACE_HEAP:
		return run->record->heap + (uintptr_t)place->delta;
	case PLACE_ARENA:
		break;
	}
	base += (uintptr_t)place->delta;
	/* never outside: what lies there is this process's own */
	return base >= world->start && base < world->end ? base : world->start + base % PAGE;
}

static void size_clip(const struct run *run, const struct place *place, uintptr_t addr, size_t *size)
{
	if (place->kind != PLACE_ABSOLUTE && *size<wild_size && * size> run->sequence->world.end - addr)
		*size = run->sequence->world.end - addr;
}

/* In one address space a process reaches the other's memory: it must not touch it. */
static void touch_clip(const struct map *others, struct request *req)
{
	size_t size = 0;

	while (size < req->size && !map_meets(others, req->addr + size, req->addr + size + 1))
		size += PAGE;
	req->size = size < req->size ? size : req->size;
}

/* A page below a mapping that grows: how far it may grow is bounded in other ways than in Linux (deviations.c), so only pages are touched
 * that both would grow to, with what lies below out of the gap. */
static bool growth_may_differ(const struct map *booked, uintptr_t page)
{
	for (unsigned i = 0; i < booked->count; i++) {
		const struct range *range = &booked->ranges[i];

		if (range->end <= page)
			continue;
		return range->room && (range->start > page || page - range->start < GROWTH_MARGIN);
	}
	return false;
}

static void growth_clip(const struct map *booked, struct request *req)
{
	size_t size = 0;

	while (size < req->size && !growth_may_differ(booked, req->addr + size))
		size += PAGE;
	req->size = size < req->size ? size : req->size;
}

void op_resolve(struct run *run, const struct op *op, struct request *req)
{
	*req = (struct request){.call = op->call,
		.addr = place_resolve(run, &op->addr),
		.size = op->size,
		.new_size = op->new_size,
		.prot = op->prot,
		.flags = op->flags,
		.file = op->file,
		.offset = op->offset,
		.value = op->value,
		.who = op->who};
	/* The follower's copy of the stack is no VM_GROWSDOWN area: a touch below it must not make it grow. */
	if (op->call == CALL_MPROTECT && run->record->stack)
		req->prot &= ~PROT_GROWSDOWN;
	if (op->call == CALL_MMAP && !(op->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)))
		return;
	if (!call_has_range(op->call))
		return;
	size_clip(run, &op->addr, req->addr, &req->size);
	if (call_touches(op->call) && run->sequence->world.pair)
		touch_clip(process_booked(run, !op->who), req);
	if (call_touches(op->call))
		growth_clip(process_booked(run, op->who), req);
	if (op->call == CALL_MREMAP && op->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) {
		req->new_addr = place_resolve(run, &op->new_addr);
		size_clip(run, &op->new_addr, req->new_addr, &req->new_size);
	}
}
