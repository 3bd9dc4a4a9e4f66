/* SPDX-License-Identifier: MIT */
/*
 * replay.h - a recorded log run against the manager.
 *
 *     log.c ─ a line → parse_line.c ─ a record → replay.c ─ whole calls, per task → run_*.c ─ the manager, on a place.c
 *                                                  │ world.c: tasks, their memories, fork.c      │
 *                                                  └ range_map.c: recorded address → ours        └ verify.c, stats.c
 *
 * Invariants: a range that a memory's map holds is mapped here, at the place that the map says, and belongs to that memory. What is
 * kept depends on what lives at one time (tasks, ranges), never on the length of the log.
 *
 * One thread, no locks. Out of memory ends the program.
 */
#ifndef TULOU_REPLAY_REPLAY_H
#define TULOU_REPLAY_REPLAY_H

#include <stdio.h>
#include <tulou/tulou.h>

#include "place.h"
#include "range_map.h"
#include "record.h"
#include "stats.h"

#define PAGE     TULOU_PAGE_SIZE
#define USER_END 0x7ffffffff000ul

enum { TASK_BUCKETS = 1024 };

/* The memory of a process; tasks share it. */
struct memory {
	unsigned refs;
	struct tulou_process_vm *vm;
	struct range_map map;
	bool heap_known; /* a brk was seen: */
	uint64_t heap_recorded, heap_here; /* where the heap begins there and here: page-aligned */
	uint64_t heap_start; /* here: as the builder gave it */
};

/* A call between its two lines. */
struct pending {
	bool active;
	struct record record;
	uint64_t line;
	bool done; /* it was performed at its first line: */
	struct answer answer;
	uint32_t child; /* a fork whose child's first line came first */
};

struct task {
	struct task *next; /* of its bucket */
	uint32_t pid, group;
	struct memory *memory; /* NULL: it has exited, and lines may still come */
	struct pending pending;
};

struct replay {
	struct place *place;
	struct tulou *pool;
	struct task *tasks[TASK_BUCKETS];
	struct stats stats;
	bool verify;
	FILE *out; /* differences go here */
	uint64_t line;
	uint64_t hole; /* here: an address of the pool that nothing is placed at */
};

/* realloc(3) that does not fail. */
void *replay_alloc(void *old, size_t size);
/* A negative errno when there is no pool. */
int replay_init(struct replay *replay, struct place *place, int check_level);
/* What one line says. `cut`: the line's end is missing. */
void replay_line(struct replay *replay, const char *line, size_t size, bool cut);
/* The end of the log: calls that were never resumed, and the books. */
void replay_finish(struct replay *replay);
void replay_fini(struct replay *replay);

/* ---- world.c --------------------------------------------------------------------------------------------------------------- */
struct task *task_find(struct replay *replay, uint32_t pid);
/* The task of a line, made when the log never said how it began. */
struct task *task_of_line(struct replay *replay, uint32_t pid);
/* A child of `parent`, by clone's flags. */
struct task *task_fork(struct replay *replay, struct task *parent, uint32_t pid, uint64_t flags);
void task_exec(struct replay *replay, struct task *task);
void task_exit(struct replay *replay, struct task *task);
void task_exit_group(struct replay *replay, struct task *task);
/* It is gone for good: its process id may be somebody else's from now on. */
void task_forget(struct replay *replay, uint32_t pid);
void tasks_forget(struct replay *replay);
/* An empty memory with one reference. */
struct memory *memory_create(struct replay *replay, uint32_t id);
void memory_unref(struct replay *replay, struct memory *memory);
/* fork.c: the same ranges once more. */
struct memory *memory_copy(struct replay *replay, struct memory *from, uint32_t id);

/* ---- places.c: addresses --------------------------------------------------------------------------------------------------- */
/* Where a recorded address is, or would be if it were mapped; what is not the user's, and what is not aligned, stays so. */
uint64_t place_of(struct replay *replay, struct memory *memory, uint64_t addr);
/* The same of a range: nowhere, unless it is in one piece here. For calls that failed, so that they reach nothing else. */
uint64_t place_of_range(struct replay *replay, struct memory *memory, uint64_t addr, uint64_t size);
/* What to ask for so that a range continues its neighbour, or 0. */
uint64_t place_beside(struct replay *replay, struct memory *memory, uint64_t addr);
/* A hole of the pool. */
uint64_t place_nothing(struct replay *replay, uint64_t addr);
/* Areas that the log never mapped are made now. With `one_piece` the range lies in one piece afterwards. */
void assume(struct replay *replay, struct memory *memory, uint64_t start, uint64_t end, bool one_piece);
/* Take away what is mapped in a recorded range. */
void take_away(struct replay *replay, struct memory *memory, uint64_t start, uint64_t end);
uint64_t page_ceil(uint64_t value);

/* ---- run_*.c: perform one call, keep the map, say what came out ------------------------------------------------------------- */
struct answer run_mmap(struct replay *replay, struct memory *memory, const struct record *record);
struct answer run_mremap(struct replay *replay, struct memory *memory, const struct record *record);
struct answer run_brk(struct replay *replay, struct memory *memory, const struct record *record);
/* munmap, mprotect, msync, madvise, mincore, mseal */
struct answer run_range(struct replay *replay, struct memory *memory, const struct record *record);
/* mlock, mlock2, munlock, mlockall, munlockall */
struct answer run_lock(struct replay *replay, struct memory *memory, const struct record *record);

/* ---- verify.c -------------------------------------------------------------------------------------------------------------- */
void verify_answer(struct replay *replay, const struct record *record, uint64_t line, const struct answer *answer);
void verify_memory(struct replay *replay, struct memory *memory);
void verify_books(struct replay *replay);

#endif
