/* SPDX-License-Identifier: MIT */
#include "stats.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

uint64_t stats_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void stats_call(struct stats *stats, enum call call, uint64_t start, long result)
{
	struct call_stats *of = &stats->calls[call];
	uint64_t ns = stats_now() - start;

	of->count++;
	of->failed += result < 0;
	of->ns += ns;
	if (ns > of->slowest)
		of->slowest = ns;
}

void stats_skip(struct stats *stats, const char *name, const char *why)
{
	struct skip *skip = stats->skips;

	stats->skip_count++;
	for (; skip < stats->skips + SKIPS - 1 && skip->count; skip++)
		if (skip->why == why && !strcmp(skip->name, name))
			break;
	if (!skip->count) {
		bool last = skip == stats->skips + SKIPS - 1;

		snprintf(skip->name, sizeof(skip->name), "%s", last ? "others" : name);
		skip->why = last ? "more names than fit" : why;
	}
	skip->count++;
}

void stats_print_sum(const struct stats *stats, FILE *out)
{
	uint64_t count = 0, ns = 0;

	for (unsigned i = 0; i < CALLS; i++) {
		count += stats->calls[i].count;
		ns += stats->calls[i].ns;
	}
	fprintf(out, "%" PRIu64 " lines, %" PRIu64 " calls of the manager, %" PRIu64 " ns per call\n", stats->lines, count,
		count ? ns / count : 0);
}

static void print_calls(const struct stats *stats, FILE *out)
{
	fprintf(out, "\n%-10s %12s %12s %12s %12s\n", "call", "count", "errors", "ns per call", "slowest ns");
	for (unsigned i = 0; i < CALLS; i++) {
		const struct call_stats *of = &stats->calls[i];

		if (of->count)
			fprintf(out, "%-10s %12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %12" PRIu64 "\n", call_name((enum call)i),
				of->count, of->failed, of->ns / of->count, of->slowest);
	}
}

static void print_count(FILE *out, uint64_t count, const char *what)
{
	if (count)
		fprintf(out, "%12" PRIu64 "  %s\n", count, what);
}

void stats_print(const struct stats *stats, FILE *out)
{
	print_calls(stats, out);
	fprintf(out, "\n");
	print_count(out, stats->processes, "processes (fork, vfork)");
	print_count(out, stats->threads, "threads");
	print_count(out, stats->execs, "programs (execve)");
	print_count(out, stats->tasks_most, "tasks at one time, at most");
	print_count(out, stats->areas_most, "areas when a process ended, at most");
	print_count(out, stats->books_most, "bytes of books when a process ended, at most");
	print_count(out, stats->copied_areas, "areas made anew for children of fork");
	print_count(out, stats->assumed, "areas assumed: used, and mapped before the log begins");
	print_count(out, stats->assumed_bytes, "bytes in assumed areas");
	print_count(out, stats->assumed_processes, "processes assumed: the log does not say how they began");
	print_count(out, stats->gathered, "ranges gathered: in one piece there, in several here");
	print_count(out, stats->apart, "MAP_FIXED placed beside their neighbour: the range is not in one piece here");
	print_count(out, stats->stale, "ranges that were taken away by something not in the log");
	print_count(out, stats->kinds[RECORD_SIGNAL], "signals");
	print_count(out, stats->kinds[RECORD_EXIT], "exits");
}

void stats_print_skips(const struct stats *stats, FILE *out)
{
	if (stats->skip_count || stats->kinds[RECORD_CUT] || stats->kinds[RECORD_OTHER])
		fprintf(out, "\nskipped:\n");
	for (const struct skip *skip = stats->skips; skip < stats->skips + SKIPS && skip->count; skip++)
		fprintf(out, "%12" PRIu64 "  %s: %s\n", skip->count, skip->name, skip->why);
	print_count(out, stats->kinds[RECORD_CUT], "lines cut in the middle");
	print_count(out, stats->kinds[RECORD_OTHER], "lines that are not strace's");
}
