/* SPDX-License-Identifier: MIT */
/*
 * execute.c - one sequence on one side, in a child: resolve each op (leader) or take the leader's request (follower), call,
 * record. What the child writes to stderr goes to a file that the parent shows only when there is a difference.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "execute.h"

enum { CHILD_SECONDS = 120, CHILD_SECONDS_SHRINKING = 2, CONTENTS_EVERY = 4 };

struct record *record_create(void)
{
	void *record =
		mmap(NULL, sizeof(struct record), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (record == MAP_FAILED) {
		perror("record");
		exit(125);
	}
	return record;
}

void record_destroy(struct record *record)
{
	munmap(record, sizeof(*record));
}

static long pages_touch(struct run *run, const struct request *req)
{
	long pages = 0, fault = 0;

	for (size_t at = 0; at < req->size; at += PAGE, pages++) {
		uint8_t value = (uint8_t)(req->value + pages);

		fault = req->call == CALL_STORE ? run->side->store(run, req->addr + at, value)
						: run->side->load(run, req->addr + at, &value);
		if (fault)
			break;
	}
	return pages | fault << 32;
}

/* ---- one call ------------------------------------------------------------------------------------------------------------ */
static bool contents_due(const struct run *run, unsigned index)
{
	return run->contents_always || index % CONTENTS_EVERY == CONTENTS_EVERY - 1 || index + 1 == run->sequence->count;
}

void process_look(struct run *run, unsigned index)
{
	struct outcome *outcome = &run->record->outcomes[index];
	char *text = run->record->dumps[run->who];
	FILE *dump;

	run->side->map(run, &run->maps[run->who]);
	outcome->maps[run->who] = map_hash(run_map(run));
	if (contents_due(run, index))
		outcome->contents[run->who] = contents_hash(run, NULL);
	if (index != run->record->dump_at)
		return;
	dump = fmemopen(text, sizeof(run->record->dumps[0]), "w");
	fprintf(dump, "  map%s:\n", run->sequence->world.pair ? run->who ? " of process 1" : " of process 0" : "");
	map_print(dump, &run->sequence->world, run_map(run));
	fprintf(dump, "  contents:\n");
	contents_hash(run, dump);
	fclose(dump);
}

/* What a leader alone has: the host's map of everything, and invariants. */
static void pool_look(struct run *run, struct outcome *outcome, unsigned index)
{
	static struct map real, both;
	char *text = run->record->dumps[0];
	FILE *dump;

	map_join(&run->maps[0], &run->maps[1], &both);
	outcome->bare_map = outcome->real_map = map_hash(map_bare(&both));
	if (run->side->real_map) {
		run->side->real_map(run, &real);
		outcome->real_map = map_hash(map_bare(&real));
	}
	if (index == run->record->dump_at && outcome->real_map != outcome->bare_map) {
		dump = fmemopen(text, sizeof(run->record->dumps[0]), "w");
		fprintf(dump, "  map by the host:\n");
		map_print(dump, &run->sequence->world, &real);
		fprintf(dump, "  map by the books:\n");
		map_print(dump, &run->sequence->world, &both);
		fclose(dump);
	}
	if (run->side->check && run->side->check(run, outcome->what, WHAT_SIZE) && !outcome->what[0])
		snprintf(outcome->what, WHAT_SIZE, "the check failed without words");
}

/* MREMAP_DONTUNMAP unlocks all of the kernel's area that it leaves behind. Where neighbours agree, only the kernel knows how far that
 * reaches (see mremap-merge), and whether a target that touches it is part of it: here both sides unlock all that may be meant. */
static void part_unlock(struct run *run, uintptr_t start, uintptr_t end)
{
	const struct request unlock = {.call = CALL_MLOCK, .addr = start, .size = end - start};

	if (start < end)
		run->side->call(run, &unlock, NULL);
}

static void kept_unlock(struct run *run, const struct request *req, uintptr_t target)
{
	const struct map *map = map_bare(run_map(run));
	uintptr_t target_end = target + page_up(req->size);

	for (unsigned i = 0; i < map->count; i++) {
		uintptr_t start = map->ranges[i].start, end = map->ranges[i].end;

		if (req->addr < start || req->addr >= end)
			continue;
		part_unlock(run, start, target < end ? target : end);
		part_unlock(run, target_end > start ? target_end : start, end);
		if (target == end || target_end == start)
			part_unlock(run, target, target_end);
		return;
	}
}

void op_call(struct run *run, unsigned index)
{
	const struct outcome *leader = run->leader ? &run->leader->outcomes[index] : NULL;
	struct outcome *outcome = &run->record->outcomes[index];
	struct request *req = &outcome->request;

	outcome_before(run, outcome);
	if (call_touches(req->call))
		outcome->result = pages_touch(run, req);
	else if (call_is_of_file(req->call))
		outcome->result = run->side->file(run, req);
	else
		outcome->result = run->side->call(run, req, leader);
	if (req->call == CALL_MREMAP && req->flags & MREMAP_DONTUNMAP && outcome->result > 0)
		kept_unlock(run, req, (uintptr_t)outcome->result);
	outcome_after(run, outcome);
}

/* Where there is no room, a manager has nothing grow (deviations.c): the kernel is asked for the same. */
static void growth_withdraw(struct run *run, struct outcome *outcome)
{
	struct request *req = &outcome->request;
	uintptr_t start = (uintptr_t)outcome->result;
	const struct map *booked;

	if (req->call != CALL_MMAP || !(req->flags & MAP_GROWSDOWN) || outcome->result <= 0 || !run->side->booked)
		return;
	booked = process_booked(run, run->who);
	for (unsigned i = 0; i < booked->count; i++)
		if (booked->ranges[i].start <= start && booked->ranges[i].end > start && !booked->ranges[i].grows)
			req->flags &= ~MAP_GROWSDOWN;
}

static void op_lead(struct run *run, unsigned index)
{
	const struct op *op = &run->sequence->ops[index];
	struct outcome *outcome = &run->record->outcomes[index];

	run->who = op->who;
	op_resolve(run, op, &outcome->request);
	op_call(run, index);
	growth_withdraw(run, outcome);
	run->results[op->id] = outcome->result;
	for (run->who = 0; run->who < world_processes(&run->sequence->world); run->who++)
		process_look(run, index);
	run->who = 0;
	pool_look(run, outcome, index);
}

static void op_follow(struct run *run, unsigned index)
{
	struct outcome *outcome = &run->record->outcomes[index];
	bool pair = run->sequence->world.pair;

	outcome->request = run->leader->outcomes[index].request;
	if (outcome->request.who == 0)
		op_call(run, index);
	if (pair)
		pair_tell(index);
	if (pair && outcome->request.who == 1)
		pair_wait();
	process_look(run, index);
	if (pair && outcome->request.who == 0)
		pair_wait();
}

static void child_main(const struct sequence *seq, const struct side *side, struct record *record, const struct record *leader,
	bool contents_always)
{
	static const struct rlimit file_limit = {16 << 20, 16 << 20};
	static struct run run;
	unsigned count = leader && leader->done < seq->count ? leader->done : seq->count;

	setrlimit(RLIMIT_FSIZE, &file_limit); /* words of a side that never stops complaining */
	alarm(contents_always ? CHILD_SECONDS_SHRINKING : CHILD_SECONDS);
	run = (struct run){.sequence = seq, .side = side, .record = record, .leader = leader, .contents_always = contents_always};
	side->start(&run);
	run.maps[0] = record->start;
	if (leader && seq->world.pair)
		pair_start(&run);
	for (unsigned i = 0; i < count; i++) {
		memset(&record->outcomes[i], 0, sizeof(record->outcomes[i]));
		(leader ? op_follow : op_lead)(&run, i);
		record->done = i + 1;
	}
	if (leader && seq->world.pair)
		pair_end();
	_exit(0);
}

void sequence_execute(const struct sequence *seq, const struct side *side, struct record *record, const struct record *leader,
	bool contents_always)
{
	pid_t pid;

	record->done = 0;
	record->heap = record->stack = 0;
	record->start_what[0] = record->dumps[0][0] = record->dumps[1][0] = 0;
	map_clear(&record->start);
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		perror("fork");
		exit(125);
	}
	if (pid == 0)
		child_main(seq, side, record, leader, contents_always);
	while (waitpid(pid, &record->status, 0) != pid)
		;
}
