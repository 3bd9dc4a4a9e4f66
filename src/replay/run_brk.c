/* SPDX-License-Identifier: MIT */
/*
 * run_brk.c - brk. The first one tells where the heap begins there; from then on both breaks are compared by their distance from
 * the beginning.
 */
#include "replay.h"

/* A log that begins in the middle of a program: so much heap was there before. */
#define HEAP_BEFORE (64ul << 20)

/* The heap begins `before` below the page of the recorded break. False: there is no room for that here. */
static bool heap_begin_at(struct replay *replay, struct memory *memory, uint64_t brk, uint64_t before)
{
	memory->heap_recorded = (brk & ~(PAGE - 1)) - before;
	memory->heap_here = memory->heap_start;
	if (brk == memory->heap_recorded)
		return true;
	if ((uint64_t)tulou_brk(memory->vm, memory->heap_here + (brk - memory->heap_recorded)) == memory->heap_start)
		return false;
	/* what was assumed within is a part of the heap */
	take_away(replay, memory, memory->heap_recorded, page_ceil(brk));
	range_map_add(&memory->map, memory->heap_recorded, page_ceil(brk), memory->heap_here);
	return true;
}

static void heap_begin(struct replay *replay, struct memory *memory, const struct record *record)
{
	bool asks = !record->args[0];
	uint64_t brk = record->args[0] < record->result && !asks ? record->args[0] : record->result;

	memory->heap_known = true;
	if (asks || brk <= HEAP_BEFORE || !heap_begin_at(replay, memory, brk, HEAP_BEFORE))
		heap_begin_at(replay, memory, brk, 0);
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
