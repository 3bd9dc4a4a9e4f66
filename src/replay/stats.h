/* SPDX-License-Identifier: MIT */
/* stats.h - what was counted. Nothing here grows with the log. */
#ifndef TULOU_REPLAY_STATS_H
#define TULOU_REPLAY_STATS_H

#include <stdio.h>

#include "record.h"

/* Why an answer that is not the recorded one is none of the manager's doing. */
enum excuse {
	EXCUSE_NONE,
	EXCUSE_PLACEMENT, /* what lies beside an area is another here */
	EXCUSE_MACHINE, /* the recorded machine's limits: memory, descriptors */
	EXCUSE_FILE, /* depends on the file itself */
	EXCUSE_MERGED, /* docs/deviations.md: mremap across areas, as they happened to be merged */
	EXCUSE_LOCKED, /* MAP_LOCKED is left out on this host (place.h) */
	EXCUSE_HOST, /* this host refuses it by its contract (place_may_refuse) */
	EXCUSES
};

struct answer {
	long ours; /* what the manager said: the address, 0, or a negative errno */
	bool skipped; /* it was not asked: skip_name says why */
	const char *skip_name, *skip_why;
	const char *wrong; /* a fact about a success that does not hold, or NULL */
	enum excuse excuse; /* for an errno that differs */
};

struct call_stats {
	uint64_t count, failed, ns, slowest;
};

struct skip {
	char name[RECORD_NAME_SIZE];
	const char *why;
	uint64_t count;
};

enum { SKIPS = 128 };

struct stats {
	uint64_t lines, bytes;
	uint64_t kinds[RECORD_KINDS];
	struct call_stats calls[CALLS]; /* calls of the manager, by the recorded call that they stand for */
	struct skip skips[SKIPS]; /* the last one takes what has no place of its own */
	uint64_t skip_count;
	uint64_t compared, differences, excused[EXCUSES];
	uint64_t unbalanced; /* memories whose areas are not what the log left; differences, too, with --verify */
	uint64_t processes, threads, execs, copied_areas;
	uint64_t assumed, assumed_bytes, assumed_processes, gathered, apart, stale;
	uint64_t tasks, tasks_most, areas_most, books_most;
};

uint64_t stats_now(void); /* ns */
/* One call of the manager that began at `start`. */
void stats_call(struct stats *stats, enum call call, uint64_t start, long result);
void stats_skip(struct stats *stats, const char *name, const char *why);
/* One line: calls, ns per call. */
void stats_print_sum(const struct stats *stats, FILE *out);
void stats_print(const struct stats *stats, FILE *out);
/* Skips and what could not be read, when there are any. */
void stats_print_skips(const struct stats *stats, FILE *out);

#endif
