/* SPDX-License-Identifier: MIT */
/* judge.c - what is recorded of a call besides its result: how much it met, and whether an accepted deviation was in its way. */
#include <sys/mman.h>

#include "execute.h"

static enum spread request_spread(struct run *run, const struct request *req)
{
	enum spread spread, other;
	size_t size = page_up(req->size);

	if (!call_has_range(req->call) || size == 0 || size >= wild_size ||
		(req->call == CALL_MMAP && !(req->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))))
		return SPREAD_NONE;
	spread = run->side->spread(run, req->addr, size);
	if (req->call != CALL_MREMAP || !(req->flags & MREMAP_FIXED) || req->new_size == 0 || req->new_size >= wild_size)
		return spread;
	other = run->side->spread(run, req->new_addr, page_up(req->new_size));
	return other > spread ? other : spread;
}

/* Does what an mremap keeps of the old range lie in one range of the normal form? */
static bool request_mergeable(const struct run *run, const struct request *req)
{
	size_t kept = req->size < req->new_size ? req->size : req->new_size;
	const struct map *map = map_bare(run_map(run));

	for (unsigned i = 0; req->call == CALL_MREMAP && i < map->count; i++)
		if (req->addr >= map->ranges[i].start && req->addr < map->ranges[i].end)
			return kept <= map->ranges[i].end - req->addr;
	return false;
}

/* Where nothing else can be put. */
const struct map *process_booked(struct run *run, unsigned who)
{
	static struct map booked[PROCESSES];

	if (!run->side->booked)
		return &run->maps[who];
	run->side->booked(run, who, &booked[who]);
	return &booked[who];
}

static const struct map *all_booked(struct run *run)
{
	static struct map both;

	if (!run->sequence->world.pair || run->leader)
		return process_booked(run, run->who);
	map_join(process_booked(run, 0), process_booked(run, 1), &both);
	return &both;
}

/* Between areas of two processes lies at least a page; and one more where something that grows has room. */
static bool request_met_others(struct run *run, const struct request *req)
{
	bool target = req->call == CALL_MREMAP && req->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP);
	uintptr_t addr = (target ? req->new_addr : req->addr) & ~(uintptr_t)(PAGE - 1);
	size_t size = page_up(req->call == CALL_MREMAP ? req->new_size : req->size);

	if (!run->sequence->world.pair || (req->call != CALL_MMAP && req->call != CALL_MREMAP) || !addr || size >= wild_size)
		return false;
	return map_meets(process_booked(run, !run->who), addr - (target ? 2 : 1) * PAGE, addr + size + PAGE);
}

static bool request_found_full(struct run *run, const struct request *req, long result)
{
	const struct world *world = &run->sequence->world;
	size_t size = page_up(req->call == CALL_MREMAP ? req->new_size : req->size);
	bool places = (req->call == CALL_MMAP && !(req->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))) ||
		      (req->call == CALL_MREMAP && req->flags & MREMAP_MAYMOVE && !(req->flags & MREMAP_FIXED));

	return places && result == -12 && size < wild_size &&
	       map_largest_hole(all_booked(run), world->start, world->end) <= size + 3 * world->chunk_size;
}

/* The break must keep a page and the stack's gap away from the stack. */
static bool brk_met_gap(const struct run *run, uintptr_t brk, long result)
{
	uintptr_t stack = run->record->stack;

	return stack && result != (long)brk && brk < stack && page_up(brk) + PAGE > stack - STACK_GAP;
}

static bool request_met_gap(const struct run *run, const struct request *req, long result)
{
	uintptr_t gap_end = run->record->stack, gap = gap_end - STACK_GAP;
	bool fixed_move = req->call == CALL_MREMAP && req->flags & MREMAP_FIXED;
	uintptr_t addr = fixed_move ? req->new_addr : req->addr;
	size_t size = req->call == CALL_MREMAP ? req->new_size : req->size;

	if (req->call == CALL_BRK)
		return brk_met_gap(run, req->addr, result);
	if (req->call != CALL_MREMAP && (req->call != CALL_MMAP || !(req->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))))
		return false;
	if (fixed_move && result == -12 &&
		(addr == run->sequence->world.start || addr == gap_end)) /* what grows has no room there */
		return true;
	return gap_end && result == -12 && size < wild_size && addr < gap_end && addr + size > gap;
}

void outcome_before(struct run *run, struct outcome *outcome)
{
	const struct request *req = &outcome->request;

	outcome->mergeable = request_mergeable(run, req);
	if (run->leader)
		return;
	outcome->spread = request_spread(run, req);
	outcome->others = request_met_others(run, req);
}

void outcome_after(struct run *run, struct outcome *outcome)
{
	const struct request *req = &outcome->request;

	outcome->full = request_found_full(run, req, outcome->result);
	if (run->leader)
		return;
	outcome->gap = request_met_gap(run, req, outcome->result);
}
