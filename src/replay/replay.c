/* SPDX-License-Identifier: MIT */
/*
 * replay.c - from lines to whole calls.
 *
 * A call in two lines has happened somewhere between them. What takes away (munmap) or changes (mprotect, msync, madvise) is
 * performed at the first line: another thread can be given the range before the second. What gives (mmap, mremap, brk) is
 * performed at the second, which has the address.
 */
#include "replay.h"

#include <stdlib.h>
#include <string.h>

#define HOLE_SIZE (1ul << 40)

void *replay_alloc(void *old, size_t size)
{
	void *new = realloc(old, size);

	if (!new) {
		fprintf(stderr, "tulou replay: out of memory\n");
		exit(1);
	}
	return new;
}

int replay_init(struct replay *replay, struct place *place, int check_level)
{
	struct tulou_config config = {
		.start = place->start, .end = place->end, .placement_start = place->placement_start, .check_level = check_level};

	replay->place = place;
	replay->hole = place->end - HOLE_SIZE;
	return tulou_create(&replay->pool, place->host, &config);
}

/* Calls on a range that is there already. */
static bool at_first_line(enum call call)
{
	return call == CALL_MUNMAP || call == CALL_MPROTECT || (call >= CALL_MSYNC && call <= CALL_MUNLOCK);
}

static struct answer run(struct replay *replay, struct task *task, const struct record *record)
{
	if (!task->memory)
		return (struct answer){.skipped = true, .skip_name = record->name, .skip_why = "after the exit of its process"};
	if (record->unknown)
		return (struct answer){
			.skipped = true, .skip_name = record->name, .skip_why = "an argument that is not understood"};
	switch (record->call) {
	case CALL_MMAP:
		return run_mmap(replay, task->memory, record);
	case CALL_MREMAP:
		return run_mremap(replay, task->memory, record);
	case CALL_BRK:
		return run_brk(replay, task->memory, record);
	case CALL_MLOCK:
	case CALL_MLOCK2:
	case CALL_MUNLOCK:
	case CALL_MLOCKALL:
	case CALL_MUNLOCKALL:
		return run_lock(replay, task->memory, record);
	default:
		return run_range(replay, task->memory, record);
	}
}

static void answer_take(struct replay *replay, const struct record *record, uint64_t line, struct answer *answer)
{
	if (answer->ours < 0 && place_may_refuse(replay->place, record->call, (int)-answer->ours))
		answer->excuse = EXCUSE_HOST;
	if (answer->skipped)
		stats_skip(&replay->stats, answer->skip_name, answer->skip_why);
	else if (record->has_result)
		verify_answer(replay, record, line, answer);
	else
		stats_skip(&replay->stats, record->name, "performed; the log has no answer to compare");
}

/* The call of a task that makes another one has come back. */
static void fork_finish(struct replay *replay, struct task *task, const struct record *record, uint32_t child)
{
	uint32_t pid = (uint32_t)record->result;

	if (record->error || !record->has_result || !pid || !task->memory || pid == child)
		return;
	if (child && task_find(replay, pid))
		return; /* two at once, and the children were taken for each other's */
	task_forget(replay, pid);
	task_fork(replay, task, pid, record->args[0]);
}

static void whole_call(struct replay *replay, struct task *task, const struct record *record)
{
	struct answer answer;

	switch (record->call) {
	case CALL_OTHER:
		stats_skip(&replay->stats, record->name, "not a call that is replayed");
		break;
	case CALL_FORK:
		fork_finish(replay, task, record, 0);
		break;
	case CALL_EXEC:
		if (record->has_result && !record->error)
			task_exec(replay, task);
		break;
	case CALL_EXIT:
		task_exit(replay, task);
		break;
	case CALL_EXIT_GROUP:
		task_exit_group(replay, task);
		break;
	default:
		if (!record->has_result) {
			stats_skip(&replay->stats, record->name, "the log has no answer");
			break;
		}
		answer = run(replay, task, record);
		answer_take(replay, record, replay->line, &answer);
	}
}

static void call_begin(struct replay *replay, struct task *task, const struct record *record)
{
	struct pending *pending = &task->pending;

	if (pending->active)
		stats_skip(&replay->stats, pending->record.name, "begun, and never resumed");
	*pending = (struct pending){.active = true, .record = *record, .line = replay->line};
	if (at_first_line(record->call)) {
		pending->done = true;
		pending->answer = run(replay, task, record);
	} else if (record->call == CALL_EXIT || record->call == CALL_EXIT_GROUP) {
		whole_call(replay, task, record);
	}
}

static void call_resume(struct replay *replay, struct task *task, const struct record *resumed)
{
	struct pending *pending = &task->pending;
	struct record record = pending->record;

	if (!pending->active || record.call != resumed->call || (!record.unknown && strcmp(record.name, resumed->name) != 0)) {
		if (resumed->call == CALL_EXEC && resumed->has_result && !resumed->error)
			task_exec(replay, task); /* by a thread that now has the leader's id */
		else
			stats_skip(&replay->stats, resumed->name, "resumed, and its beginning is not in the log");
		return;
	}
	pending->active = false;
	record.kind = RECORD_CALL;
	record.has_result = resumed->has_result;
	record.result = resumed->result;
	record.error = resumed->error;
	if (pending->done)
		answer_take(replay, &record, pending->line, &pending->answer);
	else if (record.call == CALL_FORK)
		fork_finish(replay, task, &record, pending->child);
	else if (record.call != CALL_EXIT && record.call != CALL_EXIT_GROUP)
		whole_call(replay, task, &record);
}

void replay_line(struct replay *replay, const char *line, size_t size, bool cut)
{
	struct record record;

	replay->line++;
	replay->stats.lines++;
	replay->stats.bytes += size;
	record_parse(&record, line, size);
	if (cut && record.kind != RECORD_EMPTY)
		record.kind = RECORD_CUT;
	replay->stats.kinds[record.kind]++;
	switch (record.kind) {
	case RECORD_CALL:
		whole_call(replay, task_of_line(replay, record.pid), &record);
		break;
	case RECORD_UNFINISHED:
		call_begin(replay, task_of_line(replay, record.pid), &record);
		break;
	case RECORD_RESUMED:
		call_resume(replay, task_of_line(replay, record.pid), &record);
		break;
	case RECORD_EXIT:
		task_forget(replay, record.pid);
		break;
	default:
		break;
	}
}

void replay_finish(struct replay *replay)
{
	verify_books(replay);
	tasks_forget(replay);
	verify_books(replay);
}

void replay_fini(struct replay *replay)
{
	tulou_destroy(replay->pool);
}
