/* SPDX-License-Identifier: MIT */
/*
 * test_step_map.c - the step map against a plain array of pages: random changes, whole state compared, every rule checked. A second time
 * with a journal: changes are taken back as after a death, and what they note stays within its bound.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vm/step_peek.h"

enum { PAGES = 16384, CHUNK = 64 };

static uint32_t model[PAGES + 1];
static bool marked[PAGES + 1];
static int64_t lost[16], lost_model[16];
static size_t books;
static bool refuse;
static struct journal *journal; /* NULL: nothing is noted */
static uint32_t noted_most;
static unsigned taken_back;

static void *books_map(void *ctx, size_t size)
{
	(void)ctx;
	books += size;
	return refuse ? NULL : calloc(1, size);
}

static void books_unmap(void *ctx, void *start, size_t size)
{
	(void)ctx;
	books -= size;
	free(start);
}

static bool nobody_is_alive(void *ctx, uint32_t owner)
{
	(void)ctx;
	(void)owner;
	return false;
}

static __attribute__((noreturn)) void panicked(void *ctx, const char *what)
{
	(void)ctx;
	fail_msg("%s", what);
	abort();
}

static const struct tulou_host host = {
	.books_map = books_map, .books_unmap = books_unmap, .alive = nobody_is_alive, .panic = panicked};

static void note_lost(struct step_map *map, uint32_t value, uint64_t pages)
{
	(void)map;
	lost[value] += (int64_t)pages;
}

/* As step_set() is described. */
static uint64_t model_set(uint64_t page, uint64_t end, uint32_t value, enum step_mark mark)
{
	uint32_t tile = model[page];
	uint64_t at = page;

	for (; at < end; at++) {
		bool stops = marked[at] || model[at] == STEP_NONE ||
			     (value < STEP_AREA && (model[at] == STEP_KEPT || model[at] == STEP_GAP));

		if (at > page && mark == STEP_KEEP && stops && (marked[at] || model[at] != tile))
			break;
		tile = model[at];
		if (model[at] >= STEP_AREA)
			lost_model[model[at]]++;
		model[at] = value;
	}
	if (mark != STEP_KEEP)
		marked[page] = mark == STEP_MARK;
	return at;
}

static bool model_fit(uint64_t size, uint64_t align, uint64_t low, uint64_t high, uint64_t *out)
{
	for (uint64_t start = (low + align - 1) / align * align; start + size <= high && start + size <= PAGES; start += align) {
		uint64_t at = start;

		while (at < start + size && model[at] == STEP_FREE && (at == start || !marked[at]))
			at++;
		if (at == start + size && !marked[at] && model[at] != STEP_NONE) {
			*out = start;
			return true;
		}
	}
	return false;
}

static void compare(struct step_map *map)
{
	const char *broken = step_map_check(map);
	uint64_t page = 0;

	if (broken)
		fail_msg("%s", broken);
	while (page < PAGES) {
		struct step_tile tile = step_tile_at(map, page), peeked = {0};

		assert_int_equal(tile.page, page);
		assert_true(step_peek(map, tile.page + (tile.end - tile.page) / 2, step_peek_begin(map), &peeked));
		assert_true(tile.page == peeked.page && tile.end == peeked.end && tile.value == peeked.value &&
			    tile.first == peeked.first);
		for (; page < tile.end && page < PAGES; page++) {
			assert_int_equal(model[page], tile.value);
			assert_int_equal(marked[page], tile.first && page == tile.page);
		}
	}
	assert_memory_equal(lost, lost_model, sizeof(lost));
}

static uint64_t next_random(uint64_t *random)
{
	*random ^= *random << 13, *random ^= *random >> 7, *random ^= *random << 17;
	return *random >> 11;
}

/* What is noted is taken back now and then, or goes up to the end of a leaf: then it goes on, where that is of use. */
static void change(struct step_map *map, uint64_t page, uint64_t end, uint32_t value, enum step_mark mark)
{
	int64_t before[16];
	uint64_t reached;
	bool first = true;

	do {
		memcpy(before, lost, sizeof(lost));
		reached = step_set(map, page, end, value, mark);
		if (journal && journal_count(journal) > noted_most)
			noted_most = journal_count(journal);
		if (journal && first && ++taken_back % 3 == 0) {
			journal_recover(journal, 2);
			step_map_forget(map);
			memcpy(lost, before, sizeof(lost));
			return;
		}
		assert_true(reached > page && reached <= end);
		assert_int_equal(reached, model_set(page, journal ? reached : end, value, mark));
		page = reached;
		first = false;
	} while (mark != STEP_KEEP && page < end);
}

/* Chunks come and go whole; in them pages are set to all values but NONE. */
static void random_step(struct step_map *map, uint64_t *random)
{
	uint64_t chunk = 1 + next_random(random) % (PAGES / CHUNK - 2), first = chunk * CHUNK, page, end;
	uint64_t pages = next_random(random) % (next_random(random) % 8 ? 8 : 500) + 1, found, wanted, align;
	uint32_t value = STEP_FREE + (uint32_t)(next_random(random) % 8);

	assert_true(step_map_reserve(map, 1));
	if (model[first] == STEP_NONE || next_random(random) % 200 == 0) {
		value = model[first] == STEP_NONE ? STEP_FREE : STEP_NONE;
		change(map, first, first + CHUNK, value, value ? STEP_MARK : STEP_UNMARK);
		return;
	}
	align = 1ull << (next_random(random) % 4 ? 0 : next_random(random) % 5);
	page = next_random(random) % 3 ? 0 : next_random(random) % PAGES;
	end = next_random(random) % 3 ? STEP_END : page + next_random(random) % PAGES;
	if (next_random(random) % 2) {
		bool fits = step_fit(map, pages, align, page, end, &found);

		assert_int_equal(fits, model_fit(pages, align, page, end, &wanted));
		if (fits && align == 1)
			assert_int_equal(found, wanted);
		if (!fits)
			return;
		first = found;
		value = STEP_AREA + value % 4;
	} else {
		first += next_random(random) % CHUNK;
	}
	change(map, first, first + pages, value, STEP_KEEP);
}

static void forget_all(void)
{
	memset(model, 0, sizeof(model));
	memset(marked, 0, sizeof(marked));
	memset(lost, 0, sizeof(lost));
	memset(lost_model, 0, sizeof(lost_model));
}

static void changes(uint64_t random, uint64_t *height)
{
	struct arena arena;
	struct step_leaf root = {0};
	struct step_map map;

	forget_all();
	arena_init(&arena, &host);
	if (journal)
		arena.journal = journal;
	step_map_init(&map, &arena, &root, note_lost);
	*height = 0;
	for (unsigned i = 0; i < 60000; i++) {
		random_step(&map, &random);
		if (map.is.height > *height)
			*height = map.is.height;
		if (i % 64 == 0)
			compare(&map);
	}
	if (journal) /* what stays sparse while it is noted is joined later */
		arena.journal = JOURNAL_UNNOTED;
	for (uint64_t first = CHUNK; first < PAGES - CHUNK; first += CHUNK) {
		assert_true(step_map_reserve(&map, 1));
		if (model[first] != STEP_NONE)
			assert_int_equal(step_set(&map, first, first + CHUNK, STEP_NONE, STEP_UNMARK),
				model_set(first, first + CHUNK, STEP_NONE, STEP_UNMARK));
		compare(&map);
	}
	if (!journal)
		assert_int_equal(map.is.height, 0);
	arena_fini(&arena);
	assert_int_equal(books, 0);
}

static void random_changes(void **state)
{
	uint64_t height;

	(void)state;
	changes(88172645463325252ull, &height);
	assert_true(height >= 2);
}

static void noted_changes(void **state)
{
	uint64_t height;

	(void)state;
	journal = calloc(1, JOURNAL_SIZE);
	assert_non_null(journal);
	journal_init(journal, &host);
	journal_begin(journal, 1);
	changes(1181783497276652981ull, &height);
	assert_true(height >= 2);
	assert_in_range(noted_most, 100, STEP_NOTES(height));
	assert_true(journal->rollbacks > 10000);
	free(journal);
	journal = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_changes),
		cmocka_unit_test(noted_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
