/* SPDX-License-Identifier: MIT */
/* main.c - `tulou replay`: options, the loop over the log, the report. See docs/replay.md. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "replay.h"

enum { STATUS_USAGE = 125, PROGRESS_LINES = 4096 };
#define PROGRESS_NS 200000000

struct options {
	const char *file, *host;
	bool verify, stats;
	unsigned long repeat;
	int check;
};

static const char help[] =
	"Usage: tulou replay [--host sim|flat|linux] [--verify] [--stats] [--repeat N] [--check N] FILE\n\n"
	"Run the memory calls of an `strace -f` log against the manager. FILE - is standard input.\n\n"
	"      --host HOST  where the pages are: sim (no pages; the default), flat (one arena, files copied in and out) or "
	"linux\n"
	"      --verify     compare our answers with the recorded ones; differences are printed, and the status is 1\n"
	"      --stats      what was called, how long it took, what was assumed\n"
	"      --repeat N   N times, each in a pool of its own; the times are added up\n"
	"      --check N    check invariants after every call: 0 never … 3 the whole pool\n"
	"  -h, --help       this text\n";

static int usage(const char *what, const char *word)
{
	fprintf(stderr, "tulou replay: %s%s%s%s; `tulou replay --help` says more\n", what, word ? " '" : "", word ? word : "",
		word ? "'" : "");
	return STATUS_USAGE;
}

static bool number(const char *text, unsigned long least, unsigned long most, unsigned long *value)
{
	char *end;

	errno = 0;
	*value = strtoul(text, &end, 10);
	return !errno && *text >= '0' && *text <= '9' && !*end && *value >= least && *value <= most;
}

/* -1: go on; else the status to end with. */
static int options_parse(struct options *options, int argc, char **argv)
{
	enum { HOST = 256, VERIFY, STATS, REPEAT, CHECK };
	static const struct option words[] = {
		{"host", required_argument, NULL, HOST},
		{"verify", no_argument, NULL, VERIFY},
		{"stats", no_argument, NULL, STATS},
		{"repeat", required_argument, NULL, REPEAT},
		{"check", required_argument, NULL, CHECK},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	unsigned long check = 0;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":h", words, NULL)) != -1) {
		switch (option) {
		case HOST:
			options->host = optarg;
			if (!place_known(optarg))
				return usage("no such host", optarg);
			break;
		case VERIFY:
			options->verify = true;
			break;
		case STATS:
			options->stats = true;
			break;
		case REPEAT:
			if (!number(optarg, 1, 1000000, &options->repeat))
				return usage("not a number of repetitions", optarg);
			break;
		case CHECK:
			if (!number(optarg, 0, 3, &check))
				return usage("not a level of checks", optarg);
			options->check = (int)check;
			break;
		case 'h':
			return fputs(help, stdout) < 0 || fflush(stdout) ? 1 : 0;
		case ':':
			return usage("an argument is missing behind", argv[optind - 1]);
		default:
			return usage("unknown option", argv[optind - 1]);
		}
	}
	if (argc - optind != 1)
		return usage(argc == optind ? "no log named" : "more than one log named", NULL);
	options->file = argv[optind];
	return -1;
}

static int fail(const struct options *options, int error)
{
	fprintf(stderr, "tulou replay: %s: %s\n", options->file, strerror(error));
	return 1;
}

/* "\r 12 % …" on a terminal, not more often than it can be read. */
static void progress(const struct log *log, uint64_t *last, bool end)
{
	uint64_t now = stats_now();

	if (!isatty(STDERR_FILENO) || (!*last && end) || (!end && *last && now - *last < PROGRESS_NS))
		return;
	*last = now;
	if (end)
		fprintf(stderr, "\r\033[K");
	else if (log->size)
		fprintf(stderr, "\r\033[K%3u %% of %lu MiB", (unsigned)(100 * log->read / log->size),
			(unsigned long)(log->size >> 20));
	else
		fprintf(stderr, "\r\033[K%lu MiB", (unsigned long)(log->read >> 20));
	fflush(stderr);
}

/* 0, or an errno. */
static int read_all(struct replay *replay, struct log *log)
{
	const char *line;
	size_t size;
	bool cut;
	uint64_t shown = 0;
	int got;

	while ((got = log_line(log, &line, &size, &cut)) > 0) {
		replay_line(replay, line, size, cut);
		if (replay->line % PROGRESS_LINES == 0)
			progress(log, &shown, false);
	}
	progress(log, &shown, true);
	return -got;
}

/* One pool from its beginning to its end; the statistics go on from those of the last. -1: go on; else the status. */
static int replay_once(const struct options *options, struct log *log, struct stats *stats, bool last)
{
	static struct replay replay;
	struct place *place = place_create(options->host);
	int error;

	memset(&replay, 0, sizeof(replay));
	replay.stats = *stats;
	/* every run answers the same: the last one's comparison is shown */
	replay.verify = options->verify && last;
	replay.out = stdout;
	error = -replay_init(&replay, place, options->check);
	if (error) {
		fprintf(stderr, "tulou replay: no pool on host %s: %s\n", options->host, strerror(error));
		return 1;
	}
	error = read_all(&replay, log);
	if (error)
		return fail(options, error);
	replay_finish(&replay);
	replay_fini(&replay);
	place_destroy(place);
	*stats = replay.stats;
	return -1;
}

static int report(const struct options *options, const struct stats *stats)
{
	static const char *const excuses[EXCUSES] = {
		[EXCUSE_PLACEMENT] = "by placement: another neighbour here",
		[EXCUSE_MACHINE] = "by the recorded machine's limits",
		[EXCUSE_FILE] = "by the file itself",
		[EXCUSE_MERGED] = "mremap across areas, as they happened to be merged",
		[EXCUSE_LOCKED] = "by MAP_LOCKED, which is left out on this host",
		[EXCUSE_HOST] = "by this host, which cannot do it and says so",
	};

	if (!stats->kinds[RECORD_CALL] && !stats->kinds[RECORD_UNFINISHED]) {
		fprintf(stderr, "tulou replay: %s: not an strace log: no line of it is a call\n", options->file);
		return 1;
	}
	stats_print_sum(stats, stdout);
	if (options->stats)
		stats_print(stats, stdout);
	stats_print_skips(stats, stdout);
	if (options->verify) {
		printf("\n%lu answers compared, %lu differ\n", (unsigned long)stats->compared, (unsigned long)stats->differences);
		for (unsigned i = 1; i < EXCUSES; i++)
			if (stats->excused[i])
				printf("%12lu  differ %s\n", (unsigned long)stats->excused[i], excuses[i]);
	}
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "tulou replay: cannot write to standard output: %s\n", strerror(errno));
		return 1;
	}
	return stats->differences ? 1 : 0;
}

int main(int argc, char **argv)
{
	static struct log log;
	static struct stats stats;
	struct options options = {.host = "sim", .repeat = 1};
	int status = options_parse(&options, argc, argv), error;

	if (status >= 0)
		return status;
	error = log_open(&log, options.file);
	if (error)
		return fail(&options, error);
	for (unsigned long i = 0; i < options.repeat; i++) {
		error = i ? log_rewind(&log) : 0;
		if (error)
			return fail(&options, error);
		status = replay_once(&options, &log, &stats, i + 1 == options.repeat);
		if (status >= 0)
			return status;
	}
	log_close(&log);
	return report(&options, &stats);
}
