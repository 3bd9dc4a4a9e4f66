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

#include "side.h"

enum { CHILD_SECONDS = 20, CHILD_SECONDS_SHRINKING = 2, CONTENTS_EVERY = 4 };

/* Sizes from here on are meant to be refused; they are passed on as they are. */
static const size_t wild_size = 1ul << 46;

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

/* ---- from op to request ------------------------------------------------------------------------------------------------ */
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
		if (run->map.count)
			base = run->map.ranges[place->of % run->map.count].start;
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

static void op_resolve(const struct run *run, const struct op *op, struct request *req)
{
	*req = (struct request){.call = op->call,
		.addr = place_resolve(run, &op->addr),
		.size = op->size,
		.new_size = op->new_size,
		.prot = op->prot,
		.flags = op->flags,
		.file = op->file,
		.offset = op->offset,
		.value = op->value};
	/* The follower's copy of the stack is no VM_GROWSDOWN area: a touch below it must not make it grow. */
	if (op->call == CALL_MPROTECT && run->record->stack)
		req->prot &= ~PROT_GROWSDOWN;
	if (op->call == CALL_MMAP && !(op->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)))
		return;
	if (op->call == CALL_BRK)
		return;
	size_clip(run, &op->addr, req->addr, &req->size);
	if (op->call == CALL_MREMAP && op->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) {
		req->new_addr = place_resolve(run, &op->new_addr);
		size_clip(run, &op->new_addr, req->new_addr, &req->new_size);
	}
}

/* ---- what is recorded besides the result --------------------------------------------------------------------------------- */
static size_t page_up(size_t size)
{
	return (size + PAGE - 1) & ~(size_t)(PAGE - 1);
}

static enum spread request_spread(struct run *run, const struct request *req)
{
	enum spread spread, other;
	size_t size = page_up(req->size);

	if (req->call == CALL_BRK || size == 0 || size >= wild_size ||
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

	for (unsigned i = 0; req->call == CALL_MREMAP && i < run->map.count; i++)
		if (req->addr >= run->map.ranges[i].start && req->addr < run->map.ranges[i].end)
			return kept <= run->map.ranges[i].end - req->addr;
	return false;
}

static bool request_found_full(const struct run *run, const struct request *req, long result)
{
	const struct world *world = &run->sequence->world;
	size_t size = page_up(req->call == CALL_MREMAP ? req->new_size : req->size);
	bool places = (req->call == CALL_MMAP && !(req->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))) ||
		      (req->call == CALL_MREMAP && req->flags & MREMAP_MAYMOVE && !(req->flags & MREMAP_FIXED));

	return places && result == -12 && size < wild_size &&
	       map_largest_hole(&run->map, world->start, world->end) <= size + 3 * world->chunk_size;
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
	return gap_end && result == -12 && size < wild_size && addr < gap_end && addr + size > gap;
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
static void outcome_look(struct run *run, struct outcome *outcome, unsigned index)
{
	static struct map real;

	run->side->map(run, &run->map);
	outcome->map = outcome->real_map = map_hash(&run->map);
	if (run->side->real_map) {
		run->side->real_map(run, &real);
		outcome->real_map = map_hash(&real);
	}
	if (run->contents_always || index % CONTENTS_EVERY == CONTENTS_EVERY - 1 || index + 1 == run->sequence->count)
		outcome->contents = contents_hash(run, NULL);
	if (run->side->check && run->side->check(run, outcome->what, WHAT_SIZE) && !outcome->what[0])
		snprintf(outcome->what, WHAT_SIZE, "the check failed without words");
	if (index == run->record->dump_at) {
		FILE *dump = fmemopen(run->record->dump, sizeof(run->record->dump), "w");

		fprintf(dump, "  map by %s:\n", run->side->real_map ? "its books" : run->side->name);
		map_print(dump, &run->sequence->world, &run->map);
		if (run->side->real_map) {
			fprintf(dump, "  map by the kernel:\n");
			map_print(dump, &run->sequence->world, &real);
		}
		fprintf(dump, "  contents:\n");
		contents_hash(run, dump);
		fclose(dump);
	}
}

static void op_run(struct run *run, unsigned index)
{
	const struct op *op = &run->sequence->ops[index];
	const struct outcome *leader = run->leader ? &run->leader->outcomes[index] : NULL;
	struct outcome *outcome = &run->record->outcomes[index];
	struct request *req = &outcome->request;

	memset(outcome, 0, sizeof(*outcome));
	if (leader)
		*req = leader->request;
	else
		op_resolve(run, op, req);
	if (!leader)
		outcome->spread = request_spread(run, req);
	outcome->mergeable = request_mergeable(run, req);
	if (req->call == CALL_STORE || req->call == CALL_LOAD)
		outcome->result = pages_touch(run, req);
	else
		outcome->result = run->side->call(run, req, leader);
	outcome->gap = !leader && request_met_gap(run, req, outcome->result);
	outcome->full = request_found_full(run, req, outcome->result);
	run->results[op->id] = outcome->result;
	outcome_look(run, outcome, index);
	run->record->done = index + 1;
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
	run.map = record->start;
	for (unsigned i = 0; i < count; i++)
		op_run(&run, i);
	_exit(0);
}

void sequence_execute(const struct sequence *seq, const struct side *side, struct record *record, const struct record *leader,
	bool contents_always)
{
	pid_t pid;

	record->done = 0;
	record->heap = record->stack = 0;
	record->start_what[0] = record->dump[0] = 0;
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
