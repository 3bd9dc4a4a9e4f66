/* SPDX-License-Identifier: MIT */
/*
 * shrink.c - delta debugging: cut behind the difference, write places as numbers and pin new areas where they are (so that
 * dropping one call does not move the others), drop runs of calls of halving length, then make sizes and flags plain.
 * A candidate is kept when it still differs, in whatever way.
 */
#include "shrink.h"

#include <string.h>
#include <sys/mman.h>

#include "files.h"

enum { ATTEMPTS_MAX = 3000 };

struct shrinking {
	const struct pair *pair;
	struct sequence *best;
	unsigned attempts;
};

void pair_run(const struct pair *pair, const struct sequence *seq, bool contents_always, struct difference *out,
	void (*agreed)(const struct world *world, const struct outcome *outcome))
{
	sequence_execute(seq, pair->leader_side, pair->leader, NULL, contents_always);
	sequence_execute(seq, &side_kernel_follower, pair->follower, pair->leader, contents_always);
	records_compare(seq, pair->leader, pair->follower, out, agreed);
}

/* Does the candidate differ? Then it is the best from now on, cut behind the difference. */
static bool candidate_try(struct shrinking *shrinking, const struct sequence *candidate)
{
	struct difference difference;

	if (candidate->count == 0 || shrinking->attempts++ > ATTEMPTS_MAX)
		return false;
	pair_run(shrinking->pair, candidate, true, &difference, NULL);
	if (!difference.kind || difference.kind == DIFFERENCE_START)
		return false;
	*shrinking->best = *candidate;
	if (difference.index + 1 < candidate->count)
		shrinking->best->count = difference.index + 1;
	return true;
}

/* All places as numbers, from the record of the last run of `best`; with `pin`, areas stay where they were put. */
static void places_fix(struct shrinking *shrinking, bool pin)
{
	static struct sequence candidate;
	struct difference difference;

	pair_run(shrinking->pair, shrinking->best, true, &difference, NULL);
	candidate = *shrinking->best;
	for (unsigned i = 0; i < candidate.count && i < shrinking->pair->leader->done; i++) {
		const struct outcome *outcome = &shrinking->pair->leader->outcomes[i];
		struct op *op = &candidate.ops[i];

		op->addr = (struct place){.kind = PLACE_ABSOLUTE, .delta = (long)outcome->request.addr};
		op->new_addr = (struct place){.kind = PLACE_ABSOLUTE, .delta = (long)outcome->request.new_addr};
		op->size = outcome->request.size;
		op->new_size = outcome->request.new_size;
		if (pin && op->call == CALL_MMAP && outcome->result > 0 && !(op->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))) {
			op->addr.delta = outcome->result;
			op->flags |= MAP_FIXED;
		}
	}
	candidate_try(shrinking, &candidate);
}

static void runs_drop(struct shrinking *shrinking)
{
	static struct sequence candidate;

	for (unsigned length = shrinking->best->count / 2; length >= 1; length /= 2) {
		for (unsigned at = 0; at < shrinking->best->count;) {
			unsigned dropped = length < shrinking->best->count - at ? length : shrinking->best->count - at;

			candidate = *shrinking->best;
			memmove(&candidate.ops[at], &candidate.ops[at + dropped],
				(candidate.count - at - dropped) * sizeof(candidate.ops[0]));
			candidate.count -= dropped;
			if (!candidate_try(shrinking, &candidate))
				at += length;
		}
	}
}

/* More than a page, and not one of the sizes that are meant to be refused: half of such a one may be accepted, and then name the
 * memory of the follower itself. */
static bool is_plain_size(size_t size)
{
	return size > PAGE && size < 1ul << 32;
}

/* Simpler forms of one call, one after the other. False: there are no more. */
static bool op_simplify(struct op *op, unsigned step)
{
	switch (step) {
	case 0:
		op->size = is_plain_size(op->size) ? (op->size / 2 + PAGE - 1) & ~(size_t)(PAGE - 1) : op->size;
		return true;
	case 1:
		op->size -= is_plain_size(op->size) ? PAGE : 0;
		return true;
	case 2:
		op->new_size -= is_plain_size(op->new_size) ? PAGE : 0;
		return true;
	case 3:
		op->flags = op->call == CALL_MMAP ? op->flags & ~(MAP_NORESERVE | MAP_POPULATE | MAP_STACK | MAP_DENYWRITE |
									MAP_EXECUTABLE | MAP_LOCKED | MAP_NONBLOCK)
						  : op->flags;
		return true;
	case 4: /* no file */
		if (op->call == CALL_MMAP && op->file >= 0) {
			op->file = FILE_ANONYMOUS;
			op->offset = 0;
			op->flags |= MAP_ANONYMOUS;
		}
		return true;
	case 5:
		if (op->call == CALL_MMAP && op->flags & MAP_SHARED)
			op->flags ^= MAP_SHARED | MAP_PRIVATE;
		return true;
	case 6:
		op->prot = op->call == CALL_MMAP ? PROT_READ | PROT_WRITE : op->prot;
		return true;
	case 7:
		op->offset = 0;
		return true;
	case 8:
		op->who = 0;
		return true;
	default:
		return false;
	}
}

static bool ops_simplify(struct shrinking *shrinking)
{
	static struct sequence candidate;
	bool simpler = false;

	for (unsigned at = 0; at < shrinking->best->count; at++) {
		for (unsigned step = 0;; step++) {
			candidate = *shrinking->best;
			if (!op_simplify(&candidate.ops[at], step))
				break;
			if (memcmp(&candidate.ops[at], &shrinking->best->ops[at], sizeof(struct op)) != 0 &&
				candidate_try(shrinking, &candidate))
				simpler = true;
			if (at >= shrinking->best->count)
				return simpler;
		}
	}
	return simpler;
}

/* Without calls of brk, the heap and all that the builder makes may be in the way only. */
static void heap_drop(struct shrinking *shrinking)
{
	static struct sequence candidate;

	candidate = *shrinking->best;
	for (unsigned i = 0; i < candidate.count; i++)
		if (candidate.ops[i].call == CALL_BRK)
			return;
	candidate.world.heap = false;
	candidate_try(shrinking, &candidate);
}

void sequence_shrink(const struct pair *pair, struct sequence *seq)
{
	static struct sequence candidate;
	struct shrinking shrinking = {.pair = pair, .best = seq};

	candidate = *seq;
	if (!candidate_try(&shrinking, &candidate))
		return;
	runs_drop(&shrinking);
	places_fix(&shrinking, false);
	places_fix(&shrinking, true);
	heap_drop(&shrinking);
	do
		runs_drop(&shrinking);
	while (ops_simplify(&shrinking) && shrinking.attempts < ATTEMPTS_MAX);
}
