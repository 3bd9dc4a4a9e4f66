/* SPDX-License-Identifier: MIT */
/*
 * test_all_or_nothing.c - every call of calls.c, on every host: the nth callback fails, for every n until the call meets none.
 *
 *     scene ── call ─────────────────────→ result, snapshot `done`            without a failure
 *     scene ── call, callback n fails ───→ an error: the snapshot is that from before, or, where Linux too does a part, below some
 *                                          page that of `done` and from there on that from before; nothing was lost
 *              the same call once more ──→ the same result and snapshot as without
 *
 * books_map is met by filling the books until the next record needs a new block: those scenes run on sim, where filling is cheap.
 *
 *     test_all_or_nothing [HOST [CALL]]       one host; one call by its number, which says what it does
 */
#include "calls.h"

struct tried {
	size_t calls, faults; /* faults: (call, callback, n) */
	size_t by_callback[PROBE_CALLS_FAILING];
	size_t partly, through; /* a part was done; the call worked all the same */
};

static struct tried tried;
static size_t complaints;
static long only = -1;

/* What a scene is like, and what the call does there when nothing fails. */
struct trial {
	const struct call *call;
	enum scene_filler filler;
	size_t fillers;
	bool later;
	char name[160];
	long result;
};
static struct snapshot before, after, done;

/* The test goes on, so that all that is wrong is told. */
static void complain(const struct trial *t, const char *what, size_t nth)
{
	print_error("%s, callback %zu: %s\n", t->name, nth, what);
	complaints++;
}

static void open(const struct trial *t, struct scene *s)
{
	scene_open(s, t->later);
	for (size_t i = 0; i < t->fillers; i++)
		scene_fill(t->call->by_b ? s->f.b : s->f.a, t->filler, i);
}

/* Between before and done: false if no page can be named below which all is as in `done`, and from which on as before. */
static bool partly_done(const struct snapshot *now)
{
	size_t page = 0;

	while (page < SCENE_PAGES && snapshot_same(now, &done, page, page + 1, false, NULL))
		page++;
	return snapshot_same(now, &before, page, SCENE_PAGES, false, NULL);
}

static bool some_pages_done(const struct snapshot *now)
{
	for (size_t page = 0; page < SCENE_PAGES; page++)
		if (!snapshot_same(now, &done, page, page + 1, false, NULL) &&
			!snapshot_same(now, &before, page, page + 1, false, NULL))
			return false;
	return true;
}

/* Failing again and again takes no more memory. The result of the last time: an error, unless what failed was not needed any more. */
static long expect_nothing_lost(const struct trial *t, struct scene *s, size_t nth)
{
	size_t books = 0;
	long result = -1;

	for (int again = 0; again < 3 && result < 0; again++) {
		probe_fail_any(&s->f.probe, nth, TULOU_ENOMEM);
		result = t->call->make(s, t->call);
		probe_fail_none(&s->f.probe);
		if (again && s->f.probe.books > books)
			complain(t, "books grow with every failure", nth);
		books = s->f.probe.books;
	}
	return result;
}

enum { PARTLY = 1 }; /* no page's address */

/* Returns the result of the call once it is not failed any more; PARTLY when it cannot be made again. */
static long expect_before(const struct trial *t, struct scene *s, size_t nth, long result)
{
	char name[240];

	snprintf(name, sizeof(name), "%s, callback %zu (%s), %ld", t->name, nth, probe_call_name(s->f.probe.last_failed), result);
	scene_sound(s, name);
	if (t->call->partial == ALL_OR_NOTHING) {
		if (!snapshot_same(&after, &before, 0, SCENE_PAGES, true, name))
			complain(t, "something was changed", nth);
		result = expect_nothing_lost(t, s, nth);
	} else if (t->call->partial == SOME_PAGES ? !some_pages_done(&after) : !partly_done(&after)) {
		snapshot_same(&after, &before, 0, SCENE_PAGES, true, name);
		complain(t, "neither as before nor a part of it done", nth);
	} else if (!snapshot_same(&after, &before, 0, SCENE_PAGES, false, NULL)) {
		tried.partly++;
		if (t->call->partial == SOME_PAGES) /* what has moved is not there to be moved again */
			return PARTLY;
	}
	return result < 0 ? t->call->make(s, t->call) : result;
}

/* False when the call met no failure. */
static bool fail_nth(const struct trial *t, size_t nth)
{
	static struct scene s;
	size_t failed;
	long result;

	open(t, &s);
	snapshot_take(&s, &before);
	failed = s.f.probe.failed;
	probe_fail_any(&s.f.probe, nth, TULOU_ENOMEM);
	result = t->call->make(&s, t->call);
	probe_fail_none(&s.f.probe);
	failed = s.f.probe.failed - failed;
	if (failed) {
		tried.faults++;
		tried.by_callback[s.f.probe.last_failed]++;
		snapshot_take(&s, &after);
		if (result < 0) {
			result = expect_before(t, &s, nth, result);
			if (result == PARTLY) {
				scene_close(&s);
				return true;
			}
			if (result != t->result)
				print_error("%ld instead of %ld: ", result, t->result),
					complain(t, "another result when called again", nth);
			snapshot_take(&s, &after);
			if (!snapshot_same(&after, &done, 0, SCENE_PAGES, true, t->name))
				complain(t, "another outcome when called again", nth);
		} else {
			scene_sound(&s, t->name);
			tried.through++;
		}
	}
	scene_close(&s);
	return failed > 0;
}

static void try_call(const struct call *call, enum scene_filler filler, size_t fillers, bool later)
{
	static struct scene s;
	struct trial t = {.call = call, .filler = filler, .fillers = fillers, .later = later};
	size_t nth = 1;

	snprintf(t.name, sizeof(t.name), "%s: %s%s", TRAITS.name, call->name, later ? ", MCL_FUTURE" : "");
	if (only >= 0)
		print_message("%s\n", t.name);
	open(&t, &s);
	t.result = call->make(&s, call);
	snapshot_take(&s, &done);
	scene_sound(&s, t.name);
	scene_close(&s);
	tried.calls++;
	while (fail_nth(&t, nth))
		nth++;
}

/* ---- the tests ------------------------------------------------------------------------------------------------------------- */

static void all_calls(bool later)
{
	size_t count;
	const struct call *calls = calls_all(&count, later);

	complaints = 0;
	for (size_t i = 0; i < count; i++)
		if (only < 0 || i == (size_t)only)
			try_call(&calls[i], FILL_NOTHING, 0, later);
	assert_int_equal(complaints, 0);
}

static void every_callback(void **state)
{
	(void)state;
	all_calls(false);
}

static void every_callback_with_locks_to_come(void **state)
{
	(void)state;
	if (!TRAITS.locks)
		skip();
	all_calls(true);
}

/* How many fillers there are when the next one needs more memory for the books. */
static size_t edge_of_books(enum scene_filler filler, bool by_b)
{
	static struct scene s;
	size_t count = 0, books;

	scene_open(&s, false);
	do {
		books = calls_of(&s.f, PROBE_BOOKS_MAP);
		scene_fill(by_b ? s.f.b : s.f.a, filler, count++);
	} while (calls_of(&s.f, PROBE_BOOKS_MAP) == books);
	scene_close(&s);
	return count - 1;
}

/* At the edge every call needs memory when it begins; some fillers before, in its middle. */
static void full_books(void **state)
{
	static const enum scene_filler fillers[] = {FILL_AREAS, FILL_CHUNKS};
	size_t count, met = tried.by_callback[PROBE_BOOKS_MAP];
	const struct call *calls = calls_all(&count, false);

	(void)state;
	if (pool_machine != ON_SIM)
		skip();
	complaints = 0;
	for (size_t i = 0; i < 2; i++) {
		const size_t edge[2] = {edge_of_books(fillers[i], false), edge_of_books(fillers[i], true)};

		for (size_t call = 0; call < count; call++)
			for (size_t less = 0; less < 12; less++)
				if ((only < 0 || call == (size_t)only) &&
					(less == 0 ? i == 0 || call % 4 == 0 : call % 24 == less))
					try_call(&calls[call], fillers[i], edge[calls[call].by_b] - less, false);
	}
	assert_int_equal(complaints, 0);
	assert_true(only >= 0 || tried.by_callback[PROBE_BOOKS_MAP] > met);
}

static void print_tried(void)
{
	print_message("%s: %zu calls, %zu failures (", TRAITS.name, tried.calls, tried.faults);
	for (size_t i = 0; i < PROBE_CALLS_FAILING; i++)
		if (tried.by_callback[i])
			print_message("%s %zu ", probe_call_name(i), tried.by_callback[i]);
	print_message("); in %zu a part was done, %zu calls worked all the same\n", tried.partly, tried.through);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_callback),
		cmocka_unit_test(every_callback_with_locks_to_come),
		cmocka_unit_test(full_books),
	};
	int failed = 0;

	only = argc > 2 ? atol(argv[2]) : -1;
	for (pool_machine = ON_SIM; pool_machine < MACHINES; pool_machine++) {
		if (argc > 1 && strcmp(argv[1], TRAITS.name) != 0)
			continue;
		tried = (struct tried){0};
		failed += _cmocka_run_group_tests(TRAITS.name, tests, sizeof(tests) / sizeof(tests[0]), NULL, NULL);
		print_tried();
	}
	return failed;
}
