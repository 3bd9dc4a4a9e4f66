/* SPDX-License-Identifier: MIT */
/*
 * run_mremap.c - mremap. The source is brought into one piece if it is not, the target of MREMAP_FIXED is a piece or a place made
 * for it. Whether an area can grow where it is depends on its neighbours, which are others here.
 */
#include "replay.h"

struct mremap {
	uint64_t old, old_size, new_size, target; /* recorded addresses; sizes in whole pages */
	int flags;
};

static long mremap_call(
	struct replay *replay, struct memory *memory, const struct record *record, uint64_t from, int flags, uint64_t target)
{
	uint64_t began = stats_now();
	long result = tulou_mremap(memory->vm, from, record->args[1], record->args[2], flags, target);

	stats_call(&replay->stats, CALL_MREMAP, began, result);
	return result;
}

/* Where MREMAP_FIXED goes here: what is mapped there is replaced by the call itself when it is in one piece. */
static uint64_t target_make(struct replay *replay, struct memory *memory, const struct mremap *m)
{
	const int flags = TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS | TULOU_MAP_NORESERVE;
	uint64_t to;
	long made;

	if (range_map_whole(&memory->map, m->target, m->target + m->new_size, &to))
		return to;
	take_away(replay, memory, m->target, m->target + m->new_size);
	made = tulou_mmap(memory->vm, place_beside(replay, memory, m->target), m->new_size, TULOU_PROT_NONE, flags, -1, 0);
	if (made < 0)
		return 0;
	range_map_add(&memory->map, m->target, m->target + m->new_size, (uint64_t)made);
	return (uint64_t)made;
}

/* What the log has at the result and does not take away: something else took it. */
static void stale_remove(struct replay *replay, struct memory *memory, const struct mremap *m, uint64_t result)
{
	uint64_t start = result == m->old ? m->old + m->old_size : result, end = result + m->new_size;
	bool mapped;

	if (start >= end || (range_map_next(&memory->map, start, end, &mapped).end == end && !mapped))
		return;
	replay->stats.stale++;
	take_away(replay, memory, start, end);
}

static void map_update(struct memory *memory, const struct mremap *m, uint64_t there, uint64_t here)
{
	if (m->old_size && !(m->flags & TULOU_MREMAP_DONTUNMAP))
		range_map_remove(&memory->map, m->old, m->old + m->old_size);
	range_map_add(&memory->map, there, there + m->new_size, here);
}

/* It failed here: the memory is to look as the log says all the same. */
static void make_it_so(struct replay *replay, struct memory *memory, const struct mremap *m, uint64_t there)
{
	if (m->old_size && !(m->flags & TULOU_MREMAP_DONTUNMAP))
		take_away(replay, memory, m->old, m->old + m->old_size);
	take_away(replay, memory, there, there + m->new_size);
	assume(replay, memory, there, there + m->new_size, true);
}

static struct answer mremap_succeed(
	struct replay *replay, struct memory *memory, const struct record *record, const struct mremap *m)
{
	uint64_t from, target = 0;
	struct answer answer = {0};
	bool fixed = m->flags & TULOU_MREMAP_FIXED;

	assume(replay, memory, m->old, m->old + (m->old_size ? m->old_size : PAGE), true);
	if (fixed)
		target = target_make(replay, memory, m);
	else
		stale_remove(replay, memory, m, record->result);
	from = place_of(replay, memory, m->old);
	answer.ours = mremap_call(replay, memory, record, from, m->flags, target);
	if (answer.ours == -TULOU_ENOMEM && !(m->flags & TULOU_MREMAP_MAYMOVE) && m->new_size > m->old_size) {
		long moved = tulou_mremap(memory->vm, from, m->old_size, m->new_size, TULOU_MREMAP_MAYMOVE, 0);

		answer.excuse = EXCUSE_PLACEMENT;
		if (moved >= 0) {
			map_update(memory, m, record->result, (uint64_t)moved);
			return answer;
		}
	}
	if (answer.ours < 0) {
		if (answer.ours == -TULOU_EFAULT)
			answer.excuse = EXCUSE_MERGED;
		make_it_so(replay, memory, m, record->result);
		return answer;
	}
	map_update(memory, m, record->result, (uint64_t)answer.ours);
	if (fixed && (uint64_t)answer.ours != target)
		answer.wrong = "the area is not where it was sent";
	else if (!fixed && m->old_size && m->new_size <= m->old_size && !(m->flags & TULOU_MREMAP_DONTUNMAP) &&
		 (uint64_t)answer.ours != from)
		answer.wrong = "an area that does not grow has moved";
	else if (replay->verify && !tulou_access_ok(memory->vm, (uintptr_t)answer.ours, m->new_size, 0))
		answer.wrong = "the new range is not mapped";
	return answer;
}

static struct answer mremap_fail(
	struct replay *replay, struct memory *memory, const struct record *record, const struct mremap *m)
{
	uint64_t from = place_of_range(replay, memory, m->old, m->old_size);
	uint64_t target = m->flags & TULOU_MREMAP_FIXED ? place_of_range(replay, memory, record->args[4], m->new_size) : 0;
	struct answer answer = {0};

	answer.ours = mremap_call(replay, memory, record, from, m->flags, target);
	if (record->error == TULOU_EFAULT)
		answer.excuse = EXCUSE_MERGED;
	if (record->error == TULOU_ENOMEM)
		answer.excuse = m->flags & TULOU_MREMAP_MAYMOVE ? EXCUSE_MACHINE : EXCUSE_PLACEMENT;
	if (answer.ours < 0)
		return answer;
	/* back again, as far as that goes */
	if (m->flags & TULOU_MREMAP_DONTUNMAP || !m->old_size) {
		tulou_munmap(memory->vm, (uintptr_t)answer.ours, m->new_size);
		return answer;
	}
	if (m->new_size > m->old_size)
		tulou_munmap(memory->vm, (uintptr_t)answer.ours + m->old_size, m->new_size - m->old_size);
	range_map_remove(&memory->map, m->old, m->old + m->old_size);
	range_map_add(
		&memory->map, m->old, m->old + (m->new_size < m->old_size ? m->new_size : m->old_size), (uint64_t)answer.ours);
	assume(replay, memory, m->old, m->old + m->old_size, false);
	return answer;
}

/* Is it an answer that mremap can give? The new place is the old one or far from it. */
static bool answer_possible(const struct mremap *m)
{
	uint64_t there = m->target;

	if (m->old % PAGE || there % PAGE || !m->new_size || m->old > USER_END || m->old_size > USER_END - m->old ||
		there > USER_END || m->new_size > USER_END - there)
		return false;
	if (there == m->old)
		return m->old_size && !(m->flags & (TULOU_MREMAP_FIXED | TULOU_MREMAP_DONTUNMAP));
	return there >= m->old + m->old_size || m->old >= there + m->new_size;
}

struct answer run_mremap(struct replay *replay, struct memory *memory, const struct record *record)
{
	struct mremap m = {
		.old = record->args[0],
		.old_size = page_ceil(record->args[1]),
		.new_size = page_ceil(record->args[2]),
		.flags = (int)record->args[3],
		.target = record->result,
	};

	if (record->error)
		return mremap_fail(replay, memory, record, &m);
	if (!answer_possible(&m))
		return (struct answer){.skipped = true, .skip_name = "mremap", .skip_why = "an answer that mremap does not give"};
	return mremap_succeed(replay, memory, record, &m);
}
