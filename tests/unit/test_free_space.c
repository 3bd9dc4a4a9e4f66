/* SPDX-License-Identifier: MIT */
/* test_free_space.c - the free-space manager against a model: one byte per page, searched from the left. */
#include "pool_fixture.h"

#include "vm/check.h"
#include "vm/free_space.h"

enum { PAGES = 400 };

struct model {
	struct sim *sim;
	struct slab slab;
	struct stock stock;
	struct free_space space;
	bool free[PAGES];
};

static void model_open(struct model *m)
{
	memset(m, 0, sizeof(*m));
	m->sim = sim_create(POOL_START, POOL_START + PAGES * PAGE);
	slab_init(&m->slab, sim_host(m->sim), RECORD_SIZE, NULL);
	m->stock = (struct stock){.host = sim_host(m->sim), .slab = &m->slab, .self = 1};
	free_space_init(&m->space, &journal_none);
	assert_true(stock_reserve(&m->stock, PAGES));
}

static void model_close(struct model *m)
{
	free_space_fini(&m->space, &m->stock);
	assert_int_equal(m->stock.count, PAGES);
	stock_trim(&m->stock, 0);
	assert_int_equal(m->slab.used, 0);
	slab_fini(&m->slab);
	sim_destroy(m->sim);
}

static void model_set(struct model *m, long page, long pages, bool free)
{
	struct range range = range_between(at(page), at(page + pages));

	if (free)
		free_space_give(&m->space, range, &m->stock);
	else
		free_space_take(&m->space, range, &m->stock);
	for (long i = page; i < page + pages; i++)
		m->free[i] = free;
}

static bool model_is(const struct model *m, long page, long pages, bool free)
{
	if (page + pages > PAGES)
		return false;
	for (long i = page; i < page + pages; i++)
		if (m->free[i] != free)
			return false;
	return true;
}

static long model_find(const struct model *m, long pages, long align, long from, long to)
{
	for (long page = from; page + pages <= to; page++)
		if ((at(page) / PAGE) % (uintptr_t)align == 0 && model_is(m, page, pages, true))
			return page;
	return -1;
}

static size_t largest_of(const struct free_space *space)
{
	return space->tree.root ? container_of(space->tree.root, struct free_range, node)->max : 0;
}

static void model_compare(struct model *m)
{
	struct range whole = range_between(at(0), at(PAGES));
	char text[200] = "";
	struct report report = {text, sizeof(text)};
	size_t total = 0, run = 0, largest = 0;

	if (!free_space_check(&m->space, whole, &report))
		fail_msg("%s", text);
	for (long i = 0; i < PAGES; i++) {
		run = m->free[i] ? run + 1 : 0;
		largest = size_max(largest, run);
		total += m->free[i];
	}
	assert_int_equal(m->space.total, total * PAGE);
	assert_int_equal(largest_of(&m->space), largest * PAGE);
}

/* Random gives, takes at an address, and first fits in windows with alignments. */
static void random_steps(void **state)
{
	uint64_t random = 4711;
	struct model m;

	(void)state;
	model_open(&m);
	for (int step = 0; step < 30000; step++) {
		long page, pages, align, to, want;
		uintptr_t found = 0;

		random ^= random << 13, random ^= random >> 7, random ^= random << 17;
		page = (long)(random >> 8) % PAGES;
		pages = (long)(random >> 20) % 20 + 1;
		align = 1l << ((random >> 30) % 4 ? 0 : (random >> 32) % 6);
		to = page + (long)(random >> 40) % (PAGES - page) + 1;
		switch (random % 3) {
		case 0:
			if (model_is(&m, page, pages, false))
				model_set(&m, page, pages, true);
			break;
		case 1:
			assert_int_equal(free_space_covers(&m.space, range_between(at(page), at(page + pages))),
				model_is(&m, page, pages, true));
			if (model_is(&m, page, pages, true))
				model_set(&m, page, pages, false);
			break;
		default:
			want = model_find(&m, pages, align, page, to);
			assert_int_equal(free_space_find(&m.space, (size_t)pages * PAGE, (size_t)align * PAGE,
						 range_between(at(page), at(to)), &found),
				want >= 0);
			if (want < 0)
				break;
			/* For a larger alignment the first candidates are not always the lowest place: any right one will do. */
			if (align == 1)
				assert_int_equal(page_of((long)found), want);
			assert_int_equal(found % ((size_t)align * PAGE), 0);
			assert_true(page_of((long)found) >= page && page_of((long)found) + pages <= to);
			assert_true(model_is(&m, page_of((long)found), pages, true));
			model_set(&m, page_of((long)found), pages, false);
		}
		model_compare(&m);
	}
	model_close(&m);
}

/*
 *     ....|....      take and give: split in the middle, shrink at an edge, vanish, join on one side, on both
 */
static void edges(void **state)
{
	struct model m;
	uintptr_t found;

	(void)state;
	model_open(&m);
	assert_false(free_space_find(&m.space, PAGE, PAGE, range_between(at(0), at(PAGES)), &found));
	model_set(&m, 10, 10, true);
	model_set(&m, 14, 2, false);
	model_set(&m, 10, 1, false);
	model_set(&m, 19, 1, false);
	model_compare(&m);
	assert_int_equal(m.stock.count, PAGES - 2);
	/* an aligned place that is exactly as large as what is free */
	model_set(&m, 14, 2, true);
	model_set(&m, 32, 32, true);
	assert_int_equal(m.stock.count, PAGES - 2);
	assert_true(free_space_find(&m.space, 32 * PAGE, 32 * PAGE, range_between(at(0), at(PAGES)), &found));
	assert_int_equal(page_of((long)found), 32);
	/* the window cuts */
	assert_false(free_space_find(&m.space, 5 * PAGE, PAGE, range_between(at(15), at(36)), &found));
	assert_true(free_space_find(&m.space, 4 * PAGE, PAGE, range_between(at(15), at(36)), &found));
	assert_int_equal(page_of((long)found), 15);
	model_compare(&m);
	model_close(&m);
}

/* More misaligned candidates than are tried one by one: the aligned place behind them is found all the same. */
static void many_misaligned(void **state)
{
	struct model m;
	uintptr_t found = 0;

	(void)state;
	model_open(&m);
	for (long page = 1; page < 360; page += 8)
		model_set(&m, page, 4, true);
	model_set(&m, 368, 4, true);
	assert_true(free_space_find(&m.space, 4 * PAGE, 8 * PAGE, range_between(at(0), at(PAGES)), &found));
	assert_int_equal(page_of((long)found), 368);
	assert_false(free_space_find(&m.space, 5 * PAGE, 8 * PAGE, range_between(at(0), at(PAGES)), &found));
	model_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_steps),
		cmocka_unit_test(edges),
		cmocka_unit_test(many_misaligned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
