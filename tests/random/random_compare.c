/* SPDX-License-Identifier: MIT */
/*
 * random_compare - random sequences of memory calls on a manager and on the kernel, compared after every call: the result, the
 * whole map, the host's pages, and contents. A difference is shrunk and printed as C, and the exit status is 1.
 *
 *     random_compare --host linux|sim|kernel|liar [--seed N] [--calls N | --seconds N] [--length N] [--sequence N]
 *                    [--differences N] [--no-cells]
 *
 * `kernel` compares the kernel with itself (a difference is a fault of this program); `liar` is the kernel with an mprotect that
 * forgets a page (no difference found is a fault of this program).
 */
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cells.h"
#include "generate.h"
#include "required.h"
#include "shrink.h"

struct options {
	const struct side *host;
	uint64_t seed;
	unsigned long calls;
	unsigned length;
	long sequence; /* only this one; -1: all */
	unsigned differences; /* go on until so many were found */
	bool cells; /* fail when a required cell is thin */
	long seconds; /* how long, instead of how many calls; 0: by calls */
};

static struct sequence seq;
static FILE *children_errors;

static void usage(int status)
{
	fputs("usage: random_compare --host linux|sim|kernel|liar [--seed N] [--calls N | --seconds N] [--length N] [--sequence "
	      "N] "
	      "[--differences N] [--no-cells]\n",
		status ? stderr : stdout);
	exit(status);
}

static const struct side *host_find(const char *name)
{
	static const struct side *const sides[] = {&side_linux, &side_sim, &side_kernel_leader, &side_kernel_liar};

	for (unsigned i = 0; i < sizeof(sides) / sizeof(sides[0]); i++)
		if (strcmp(sides[i]->name, name) == 0)
			return sides[i];
	usage(2);
	return NULL;
}

static void options_parse(struct options *options, int argc, char **argv)
{
	static const struct option names[] = {{"host", 1, NULL, 'h'}, {"seed", 1, NULL, 's'}, {"calls", 1, NULL, 'c'},
		{"length", 1, NULL, 'l'}, {"sequence", 1, NULL, 'q'}, {"differences", 1, NULL, 'd'}, {"no-cells", 0, NULL, 'n'},
		{"seconds", 1, NULL, 't'}, {"help", 0, NULL, '?'}, {NULL, 0, NULL, 0}};
	int option;

	*options = (struct options){.seed = 1, .calls = 60000, .length = 120, .sequence = -1, .cells = true, .differences = 1};
	while ((option = getopt_long(argc, argv, "", names, NULL)) >= 0) {
		if (option == 'h')
			options->host = host_find(optarg);
		else if (option == 's')
			options->seed = strtoull(optarg, NULL, 0);
		else if (option == 'c')
			options->calls = strtoul(optarg, NULL, 0);
		else if (option == 'l')
			options->length = (unsigned)strtoul(optarg, NULL, 0);
		else if (option == 'q')
			options->sequence = strtol(optarg, NULL, 0);
		else if (option == 'd')
			options->differences = (unsigned)strtoul(optarg, NULL, 0);
		else if (option == 't')
			options->seconds = strtol(optarg, NULL, 0);
		else if (option == 'n')
			options->cells = false;
		else
			usage(2);
	}
	if (!options->host || optind != argc || options->length == 0 || options->length > SEQUENCE_MAX)
		usage(2);
}

/* ---- a difference -------------------------------------------------------------------------------------------------------- */
static void child_status_print(const char *name, const struct record *record)
{
	if (record->start_what[0])
		printf("%s could not start: %s\n", name, record->start_what);
	else if (WIFSIGNALED(record->status))
		printf("%s died by signal %d (%s)\n", name, WTERMSIG(record->status), strsignal(WTERMSIG(record->status)));
	else if (WEXITSTATUS(record->status))
		printf("%s ended with status %d\n", name, WEXITSTATUS(record->status));
}

static void errors_print(void)
{
	char line[512];

	rewind(children_errors);
	while (fgets(line, sizeof(line), children_errors))
		printf("  | %s", line);
}

static void sequence_print(const struct pair *pair, const struct difference *difference)
{
	const struct world *world = &seq.world;

	printf("/* A = 0x%lx, pool of 0x%lx bytes, chunks of 0x%lx%s */\n", (unsigned long)world->start,
		(unsigned long)(world->end - world->start), (unsigned long)world->chunk_size,
		world->heap   ? ", built with a heap"
		: world->pair ? ", two processes"
			      : "");
	for (unsigned i = 0; i < seq.count && i <= pair->leader->done && i < SEQUENCE_MAX; i++) {
		const struct outcome *leader = &pair->leader->outcomes[i], *follower = &pair->follower->outcomes[i];

		request_print(stdout, world, &leader->request);
		if (i >= pair->leader->done) {
			printf("; /* %s did not answer */\n", pair->leader_side->name);
			break;
		}
		printf("; /* %s: ", pair->leader_side->name);
		result_print(stdout, world, &leader->request, leader->result);
		if (i < pair->follower->done) {
			printf(", kernel: ");
			result_print(stdout, world, &leader->request, follower->result);
		}
		printf("%s */\n", i == difference->index ? "  <-- HERE" : "");
	}
}

static void difference_report(const struct pair *pair, const struct options *options, unsigned number)
{
	struct difference difference;

	printf("difference in sequence %u of seed %llu, host %s; shrinking ...\n", number, (unsigned long long)options->seed,
		options->host->name);
	fflush(stdout);
	sequence_shrink(pair, &seq);
	if (ftruncate(fileno(children_errors), 0))
		perror("ftruncate");
	rewind(children_errors);
	pair_run(pair, &seq, true, &difference, NULL);
	pair->leader->dump_at = pair->follower->dump_at = difference.index;
	pair_run(pair, &seq, true, &difference, NULL);
	printf("%s, in call %u of:\n", difference_name(difference.kind), difference.index);
	sequence_print(pair, &difference);
	child_status_print(pair->leader_side->name, pair->leader);
	child_status_print("the kernel's side", pair->follower);
	if (difference.kind == DIFFERENCE_CHECK)
		printf("tulou_check: %s\n", pair->leader->outcomes[difference.index].what);
	if (difference.kind != DIFFERENCE_RESULT)
		printf("%s:\n%s%sthe kernel:\n%s%s", pair->leader_side->name, pair->leader->dumps[0], pair->leader->dumps[1],
			pair->follower->dumps[0], pair->follower->dumps[1]);
	errors_print();
	printf("again: random_compare --host %s --seed %llu --length %u --sequence %u\n", options->host->name,
		(unsigned long long)options->seed, options->length, number);
}

/* ---- the run ------------------------------------------------------------------------------------------------------------- */
static int stderr_of_children(void)
{
	children_errors = tmpfile();
	if (!children_errors)
		return -1;
	return dup2(fileno(children_errors), STDERR_FILENO);
}

static unsigned needs_met(const struct generator_options *generator)
{
	return (generator->plain_files ? 0 : NEEDS_FILES) | (generator->mseal ? NEEDS_MSEAL : 0) |
	       (generator->guards ? NEEDS_GUARDS : 0) | (generator->lock_all ? NEEDS_LOCK_ALL : 0);
}

struct totals {
	unsigned long compared; /* calls */
	unsigned sequences, pairs, ended_early, found;
};

static bool run_finish(const struct options *options, const struct generator_options *generator, const struct totals *totals)
{
	bool good = true;

	cells_print(stdout);
	printf("%lu calls in %u sequences compared, %u of them with two processes; %u sequences ended early by an accepted "
	       "deviation\n",
		totals->compared, totals->sequences, totals->pairs, totals->ended_early);
	if (options->cells && options->sequence < 0)
		good = cells_missing(stdout, needs_met(generator)) == 0;
	if (totals->ended_early * 4 > totals->sequences) {
		printf("more than a quarter of the sequences ended early: deviations hide too much\n");
		good = false;
	}
	if (options->cells && generator->pairs && options->sequence < 0 && totals->pairs * 10 < totals->sequences) {
		printf("fewer than a tenth of the sequences had two processes\n");
		good = false;
	}
	return good;
}

/* With --seconds: every ten of them. */
static void progress_print(const struct options *options, const struct totals *totals, time_t since)
{
	static time_t last;
	time_t now = time(NULL);

	if (!options->seconds || now < last + 10)
		return;
	last = now;
	printf("%ld s: %lu calls in %u sequences\n", (long)(now - since), totals->compared, totals->sequences);
	fflush(stdout);
}

/* Sequence `number` on both sides. False: enough differences were found. */
static bool sequence_compare(const struct pair *pair, const struct options *options, const struct generator_options *generator,
	unsigned number, struct totals *totals)
{
	struct difference difference;

	sequence_generate(&seq, generator, number);
	totals->pairs += seq.world.pair;
	pair_run(pair, &seq, false, &difference, cells_count);
	totals->compared += difference.compared;
	totals->ended_early += difference.ended_early;
	totals->sequences++;
	if (!difference.kind)
		return true;
	difference_report(pair, options, number);
	pair->leader->dump_at = pair->follower->dump_at = SEQUENCE_MAX;
	return ++totals->found < options->differences;
}

static bool run_goes_on(const struct options *options, const struct totals *totals, time_t since)
{
	if (options->sequence >= 0)
		return false;
	return options->seconds ? time(NULL) - since < options->seconds : totals->compared < options->calls;
}

int main(int argc, char **argv)
{
	const time_t since = time(NULL);
	struct options options;
	struct totals totals = {0};
	struct pair pair;
	unsigned number;

	options_parse(&options, argc, argv);
	struct generator_options generator = {.seed = options.seed,
		.count = options.length,
		.plain_files = options.host->plain_files,
		.pairs = options.host->check};

	kernel_features(&generator);
	pair = (struct pair){.leader_side = options.host, .leader = record_create(), .follower = record_create()};
	pair.leader->dump_at = pair.follower->dump_at = SEQUENCE_MAX;
	printf("random_compare: host %s, seed %llu, %lu %s\n", options.host->name, (unsigned long long)options.seed,
		options.seconds ? (unsigned long)options.seconds : options.calls, options.seconds ? "seconds" : "calls");
	if (stderr_of_children() < 0)
		return 125;
	number = options.sequence < 0 ? 0 : (unsigned)options.sequence;
	do {
		if (!sequence_compare(&pair, &options, &generator, number++, &totals))
			return 1;
		progress_print(&options, &totals, since);
	} while (run_goes_on(&options, &totals, since));
	return run_finish(&options, &generator, &totals) && !totals.found ? 0 : 1;
}
