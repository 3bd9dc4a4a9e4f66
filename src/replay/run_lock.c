/* SPDX-License-Identifier: MIT */
/*
 * run_lock.c - the mlock family. On a host whose pages are real, what locks would cost the machine memory and is left out; how much
 * may be locked is the recorded machine's business.
 */
#include "replay.h"

static struct answer skip(const struct record *record, const char *why)
{
	return (struct answer){.skipped = true, .skip_name = call_name(record->call), .skip_why = why};
}

static struct answer run_all(struct replay *replay, struct memory *memory, const struct record *record)
{
	uint64_t began = stats_now();
	struct answer answer = {0};

	if (record->call == CALL_MLOCKALL)
		answer.ours = tulou_mlockall(memory->vm, (int)record->args[0], UINT64_MAX);
	else
		answer.ours = tulou_munlockall(memory->vm);
	stats_call(&replay->stats, record->call, began, answer.ours);
	return answer;
}

struct answer run_lock(struct replay *replay, struct memory *memory, const struct record *record)
{
	struct record range = *record;
	struct answer answer;

	if (!replay->place->host->lock)
		return skip(record, "this host has no locks");
	if (replay->place->drop_flags & TULOU_MAP_LOCKED)
		return skip(record, "would cost this machine memory");
	if (record->error == TULOU_EPERM || record->error == TULOU_EAGAIN ||
		(record->error == TULOU_ENOMEM && record->call == CALL_MLOCKALL))
		return skip(record, "the answer depends on the machine's limits");
	if (record->call == CALL_MLOCKALL || record->call == CALL_MUNLOCKALL)
		return run_all(replay, memory, record);
	if (record->args[1] < USER_END) { /* whole pages, from that of the address on */
		range.args[0] -= record->args[0] % PAGE;
		range.args[1] += record->args[0] % PAGE;
	}
	answer = run_range(replay, memory, &range);
	range.call = CALL_MUNLOCK;
	if (record->error && !answer.ours) /* there it was too much: nothing is locked */
		run_range(replay, memory, &range);
	return answer;
}
