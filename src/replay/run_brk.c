/* SPDX-License-Identifier: MIT */
/*
 * run_brk.c - brk. The first one tells where the heap begins there; from then on both breaks are compared by their distance from
 * the beginning.
 */
#include "replay.h"

/* A log that begins in the middle of a program: so much heap was there before. */
#define HEAP_BEFORE (64ul << 20)

static void heap_begin(struct replay *replay, struct memory *memory, const struct record *record)
{
	bool asks = !record->args[0];
	uint64_t lower = record->args[0] < record->result && !asks ? record->args[0] : record->result;
	uint64_t before = !asks && lower > HEAP_BEFORE ? HEAP_BEFORE : 0;

	memory->heap_known = true;
	memory->heap_recorded = (lower & ~(PAGE - 1)) - before;
	memory->heap_here = memory->heap_start;
	if (lower != memory->heap_recorded)
		tulou_brk(memory->vm, memory->heap_here + (lower - memory->heap_recorded));
	/* the page of a break that is not aligned is there already; what was assumed within is a part of the heap */
	take_away(replay, memory, memory->heap_recorded, page_ceil(lower));
	range_map_add(&memory->map, memory->heap_recorded, page_ceil(lower), memory->heap_here);
}

static uint64_t brk_call(struct replay *replay, struct memory *memory, uint64_t addr)
{
	uint64_t began = stats_now();
	long result = tulou_brk(memory->vm, addr);

	stats_call(&replay->stats, CALL_BRK, began, result);
	return (uint64_t)result;
}

struct answer run_brk(struct replay *replay, struct memory *memory, const struct record *record)
{
	uint64_t asked = record->args[0], there = record->result, old, here, shift;
	struct answer answer = {0};

	if (record->error || !there)
		return (struct answer){.skipped = true, .skip_name = "brk", .skip_why = "an answer that brk does not give"};
	if (!memory->heap_known)
		heap_begin(replay, memory, record);
	shift = memory->heap_here - memory->heap_recorded;
	old = (uint64_t)tulou_brk(memory->vm, 0);
	if (page_ceil(there) > page_ceil(old - shift))
		take_away(replay, memory, page_ceil(old - shift), page_ceil(there));
	if (asked && asked < memory->heap_recorded)
		here = brk_call(replay, memory, PAGE);
	else
		here = brk_call(replay, memory, asked ? asked + shift : 0);
	if (here != there + shift) {
		/* Refused there for want of memory, or here for a neighbour: then go where the log is. */
		if (asked && there + shift == old && here == asked + shift)
			answer.excuse = EXCUSE_MACHINE;
		answer.wrong = "the break is not where the log says";
		here = (uint64_t)tulou_brk(memory->vm, there + shift);
	}
	answer.ours = (long)(here - shift);
	if (page_ceil(here) > page_ceil(old))
		range_map_add(&memory->map, page_ceil(old) - shift, page_ceil(here) - shift, page_ceil(old));
	else
		range_map_remove(&memory->map, page_ceil(here) - shift, page_ceil(old) - shift);
	return answer;
}
