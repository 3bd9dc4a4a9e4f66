/* SPDX-License-Identifier: MIT */
/*
 * run_range.c - calls on a range, performed piece by piece where it is not in one piece here.
 *
 * Linux's answer for the whole is put together from the pieces': madvise and msync go on over a hole and remember that there was
 * one, the others stop at the first error. What the log says to have succeeded must have been mapped: holes are assumed to be areas.
 */
#include <sys/mman.h>

#include "replay.h"
#include "symbols.h"

/* In parts, so that a large range needs no large vector. */
static long look(struct memory *memory, uint64_t start, uint64_t size)
{
	static unsigned char vector[1 << 16];
	long result;

	do {
		uint64_t part = size < sizeof(vector) * PAGE ? size : sizeof(vector) * PAGE;

		result = tulou_mincore(memory->vm, start, part, vector);
		start += part;
		size -= part;
	} while (!result && size);
	return result;
}

static long perform(struct replay *replay, struct memory *memory, const struct record *record, uint64_t start, uint64_t size)
{
	uint64_t began = stats_now();
	long result;

	switch (record->call) {
	case CALL_MUNMAP:
		result = tulou_munmap(memory->vm, start, size);
		break;
	case CALL_MPROTECT:
		result = tulou_mprotect(memory->vm, start, size, (int)record->args[2]);
		break;
	case CALL_MSYNC:
		result = tulou_msync(memory->vm, start, size, (int)record->args[2]);
		break;
	case CALL_MINCORE:
		result = look(memory, start, size);
		break;
	case CALL_MSEAL:
		result = tulou_mseal(memory->vm, start, size, record->args[2]);
		break;
	case CALL_MLOCK:
	case CALL_MLOCK2:
		result = tulou_mlock2(memory->vm, start, size, record->call == CALL_MLOCK ? 0 : (int)record->args[2]);
		break;
	case CALL_MUNLOCK:
		result = tulou_munlock(memory->vm, start, size);
		break;
	default:
		result = tulou_madvise(memory->vm, start, size, (int)record->args[2]);
	}
	stats_call(&replay->stats, record->call, began, result);
	return result;
}

static const char *fact(struct memory *memory, const struct record *record, struct piece piece)
{
	uint64_t size = piece.end - piece.start;

	if (record->call == CALL_MUNMAP)
		return tulou_access_ok(memory->vm, piece.to, PAGE, 0) ||
				       tulou_access_ok(memory->vm, piece.to + size - PAGE, PAGE, 0)
			       ? "what was unmapped is still there"
			       : NULL;
	if (record->call == CALL_MPROTECT && !tulou_access_ok(memory->vm, piece.to, size, (int)record->args[2] & 7))
		return "the range does not have the protection";
	return NULL;
}

static bool stops_at_hole(enum call call)
{
	return call != CALL_MSYNC && call != CALL_MADVISE && call != CALL_MUNMAP;
}

static struct answer perform_pieces(
	struct replay *replay, struct memory *memory, const struct record *record, uint64_t start, uint64_t end)
{
	struct answer answer = {0};
	bool any = false;

	for (uint64_t at = start; at < end;) {
		bool mapped;
		struct piece piece = range_map_next(&memory->map, at, end, &mapped);
		long result = 0;

		at = piece.end;
		if (!mapped && record->call == CALL_MUNMAP)
			continue;
		any = true;
		if (mapped)
			result = perform(replay, memory, record, piece.to, piece.end - piece.start);
		else
			result = perform(replay, memory, record, place_nothing(replay, 0), PAGE);
		if (result < 0 && !answer.ours)
			answer.ours = result;
		if (result < 0 && (stops_at_hole(record->call) || result != -TULOU_ENOMEM))
			break;
		if (!result && mapped && replay->verify && !answer.wrong)
			answer.wrong = fact(memory, record, piece);
	}
	if (!any)
		answer.ours = perform(replay, memory, record, place_nothing(replay, 0), PAGE);
	if (record->call == CALL_MUNMAP && !answer.ours)
		range_map_remove(&memory->map, start, end);
	return answer;
}

/* Asked of the manager itself, at a place where nothing is: EINVAL is unknown, ENOMEM known. */
static bool advice_known(struct replay *replay, struct memory *memory, uint64_t advice)
{
	return tulou_madvise(memory->vm, place_nothing(replay, 0), PAGE, (int)advice) != -TULOU_EINVAL;
}

/* Why the advice is not given, or NULL. */
static const char *advice_refused(struct replay *replay, struct memory *memory, uint64_t advice)
{
	bool populates = advice == MADV_WILLNEED || advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE;

	if (populates && replay->place->drop_flags & TULOU_MAP_POPULATE)
		return "would cost this machine memory";
	return advice_known(replay, memory, advice) ? NULL : "advice that the manager does not know";
}

struct answer run_range(struct replay *replay, struct memory *memory, const struct record *record)
{
	uint64_t start = record->args[0], size = record->args[1];
	uint64_t end = start + page_ceil(size);
	struct answer answer = {0};
	const char *why;

	if (record->call == CALL_MINCORE && !replay->place->host->resident)
		return (struct answer){.skipped = true, .skip_name = "mincore", .skip_why = "this host does not know"};
	if (record->call == CALL_MADVISE && (why = advice_refused(replay, memory, record->args[2])))
		return (struct answer){.skipped = true, .skip_name = symbol_name("MADV_", record->args[2]), .skip_why = why};
	/* refused whatever lies there, or a range that is none */
	if (start % PAGE || !size || end <= start || end > USER_END) {
		answer.ours = perform(replay, memory, record, place_of(replay, memory, start), size);
		return answer;
	}
	if (!record->error && record->call != CALL_MUNMAP)
		assume(replay, memory, start, end, false);
	answer = perform_pieces(replay, memory, record, start, end);
	if (record->error == TULOU_ENOMEM && !answer.ours)
		answer.excuse = EXCUSE_MACHINE;
	if (record->call == CALL_MADVISE && record->error == TULOU_EINVAL && replay->place->drop_flags & TULOU_MAP_LOCKED)
		answer.excuse = EXCUSE_LOCKED;
	return answer;
}
