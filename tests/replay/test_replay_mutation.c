/* SPDX-License-Identifier: MIT */
/*
 * test_replay_mutation.c - real logs with accidents: bytes changed, lines cut, doubled, lost, joined. Whatever the log says, the
 * program lives, the books are right, and what the map holds is mapped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after these */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <tulou/inspect.h>

#include "replay/log.h"
#include "replay/replay.h"

enum { LINES = 400, ROUNDS = 40, LINE_SIZE = 1024 };

static uint64_t random_state;

static unsigned chance(unsigned below)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(random_state >> 33) % below;
}

/* Change `size` bytes; the new size. */
static size_t mutate(char *line, size_t size)
{
	static const char likely[] = "0123456789abcdefx,()<>[]{}=-+ |\"?_MAP";

	switch (chance(8)) {
	case 0:
		return chance((unsigned)size + 1);
	case 1:
		if (size)
			line[chance((unsigned)size)] = (char)chance(256);
		return size;
	case 2:
		if (size > 4)
			memmove(line + 2, line + 3, size - 3);
		return size > 4 ? size - 1 : size;
	default:
		for (unsigned i = chance(3) + 1; size && i; i--)
			line[chance((unsigned)size)] = likely[chance(sizeof(likely) - 1)];
		return size;
	}
}

static void feed(struct replay *replay, const char *line, size_t size)
{
	char *copy = malloc(size + 1); /* of its size, so that ASan sees a step too far */

	memcpy(copy, line, size);
	replay_line(replay, copy, size, false);
	free(copy);
}

static void round_of(struct log *log, unsigned start)
{
	static struct replay replay;
	static char changed[LINE_SIZE];
	char what[256];
	const char *line;
	size_t size;
	bool cut;

	memset(&replay, 0, sizeof(replay));
	replay.verify = true;
	replay.out = fopen("/dev/null", "w");
	assert_non_null(replay.out);
	assert_int_equal(replay_init(&replay, place_create("sim"), 0), 0);
	assert_int_equal(log_rewind(log), 0);
	for (unsigned i = 0; i < start + LINES && log_line(log, &line, &size, &cut) > 0; i++) {
		if (i < start)
			continue;
		if (size > sizeof(changed))
			size = sizeof(changed);
		memcpy(changed, line, size);
		if (chance(4) == 0)
			size = mutate(changed, size);
		for (unsigned times = chance(16) ? 1 : chance(3); times; times--)
			feed(&replay, changed, size);
	}
	if (tulou_check(replay.pool, what, sizeof(what)))
		fail_msg("round at line %u: %s", start, what);
	replay_finish(&replay);
	if (replay.stats.unbalanced)
		fail_msg("round at line %u: %lu memories are not what the map says", start,
			(unsigned long)replay.stats.unbalanced);
	replay_fini(&replay);
	place_destroy(replay.place);
	fclose(replay.out);
}

static void rounds_of(const char *path)
{
	static struct log log;

	assert_int_equal(log_open(&log, path), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		random_state = i + 1;
		round_of(&log, i < ROUNDS / 2 ? 0 : i * 20);
	}
	log_close(&log);
}

static void several_programs(void **state)
{
	(void)state;
	rounds_of(TRACES "/gcc_compile.strace");
}

static void threads(void **state)
{
	(void)state;
	rounds_of(TRACES "/java_gc_g1.strace");
}

static void children(void **state)
{
	(void)state;
	rounds_of(TRACES "/ruby_gc_threads.strace");
}

static void moves(void **state)
{
	(void)state;
	rounds_of(TRACES "/stressng_mremap.strace");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_programs),
		cmocka_unit_test(threads),
		cmocka_unit_test(children),
		cmocka_unit_test(moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
