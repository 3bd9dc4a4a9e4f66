/* SPDX-License-Identifier: MIT */
/*
 * verify.c - our answers beside the recorded ones. Addresses may differ, errno may not; a success must have had its effect (run_*.c
 * say what is wrong with one). When a memory ends, its areas must sum up to what the log left mapped.
 */
#include <inttypes.h>
#include <tulou/inspect.h>

#include "replay.h"
#include "symbols.h"

enum { SHOWN = 20 };

static bool show(struct replay *replay, uint64_t line)
{
	if (replay->stats.differences++ >= SHOWN)
		return false;
	fprintf(replay->out, "line %" PRIu64 ": ", line);
	return true;
}

static void print_result(FILE *out, bool failed, int error, uint64_t value)
{
	const char *name = failed ? error_name(error) : "";

	if (failed)
		fprintf(out, "%s", name);
	else
		fprintf(out, "0x%" PRIx64, value);
}

static void difference(struct replay *replay, const struct record *record, uint64_t line, const struct answer *answer)
{
	if (!show(replay, line))
		return;
	fprintf(replay->out, "%s(", record->name);
	for (unsigned i = 0; i < record->arg_count; i++)
		fprintf(replay->out, "%s0x%" PRIx64, i ? ", " : "", record->args[i]);
	fprintf(replay->out, "): the log says ");
	print_result(replay->out, record->error, record->error, record->result);
	fprintf(replay->out, ", the manager ");
	print_result(replay->out, answer->ours < 0, (int)-answer->ours, (uint64_t)answer->ours);
	if (answer->ours >= 0 && !record->error && answer->wrong)
		fprintf(replay->out, ": %s", answer->wrong);
	fprintf(replay->out, "\n");
}

void verify_answer(struct replay *replay, const struct record *record, uint64_t line, const struct answer *answer)
{
	int error = answer->ours < 0 ? (int)-answer->ours : 0;

	if (!replay->verify)
		return;
	replay->stats.compared++;
	if (error == record->error && (error || !answer->wrong))
		return;
	if (answer->excuse && !(error && record->error))
		replay->stats.excused[answer->excuse]++;
	else
		difference(replay, record, line, answer);
}

struct sum {
	uint64_t bytes, areas;
};

static int area_sum(void *arg, const struct tulou_area_info *area)
{
	struct sum *sum = arg;

	sum->areas++;
	if (area->kind == TULOU_AREA_MMAP || area->kind == TULOU_AREA_HEAP)
		sum->bytes += area->end - area->start;
	return 0;
}

void verify_memory(struct replay *replay, struct memory *memory)
{
	uint64_t bytes = range_map_bytes(&memory->map);
	struct sum sum = {0};
	struct tulou_stats stats;

	tulou_walk_process(memory->vm, area_sum, &sum);
	tulou_stats(replay->pool, &stats);
	if (sum.areas > replay->stats.areas_most)
		replay->stats.areas_most = sum.areas;
	if (stats.books > replay->stats.books_most)
		replay->stats.books_most = stats.books;
	replay->stats.unbalanced += sum.bytes != bytes;
	if (replay->verify && sum.bytes != bytes && show(replay, replay->line))
		fprintf(replay->out, "the memory of process %u ends with %" PRIu64 " bytes mapped; the log leaves %" PRIu64 "\n",
			tulou_process_vm_id(memory->vm), sum.bytes, bytes);
}

void verify_books(struct replay *replay)
{
	char what[256];

	if (tulou_check(replay->pool, what, sizeof(what)) && show(replay, replay->line))
		fprintf(replay->out, "the books are damaged: %s\n", what);
}
