/* SPDX-License-Identifier: MIT */
/*
 * test_flat_model.c - shared mappings of two files on the flat host, by its callbacks alone, against a model that is an array.
 *
 *     model   per page of the arena: the file, its page, may it be written        files   per page: what it logically begins with
 *
 * The model says for each call whether it must be refused, and what each page must begin with. In one step in three a file callback fails: such a
 * call answers EIO, and the model stays as it was. At the end nothing is mapped, all stores are in the files, and the books are as before.
 */
#include "flat_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { P = FLAT_PAGE, PAGES = 96, FILE_PAGES = 24, WRITABLE = 2, STEPS = 4000 };

struct model_page {
	int file; /* -1: not mapped */
	int page;
	bool writable;
};

struct world {
	struct flat_fixture flat;
	struct model_page pages[PAGES];
	uint8_t files[2][FILE_PAGES];
	uint64_t random;
	size_t refused, failed, worked;
};

static int choose(struct world *w, int count)
{
	w->random ^= w->random << 13, w->random ^= w->random >> 7, w->random ^= w->random << 17;
	return (int)((w->random >> 20) % (uint64_t)count);
}

/* Descriptors 0 and 1 are files that can be written, 2 and 3 the same files for reading. */
static void world_open(struct world *w, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	w->random = seed;
	flat_open(&w->flat, FLAT_PAGES, 512, NULL);
	for (int fd = 0; fd < 2; fd++) {
		flat_file_fill(&w->flat, fd, FILE_PAGES * P);
		for (int page = 0; page < FILE_PAGES; page++)
			w->files[fd][page] = w->flat.files[fd]->bytes[page * P];
	}
	for (int fd = 0; fd < 2; fd++)
		assert_int_equal(flat_file_open(&w->flat, fd, O_RDONLY), fd + WRITABLE);
	for (int i = 0; i < PAGES; i++)
		w->pages[i].file = -1;
}

/* Would this mapping and one outside [at, at + pages) show the same page, and could either be written? */
static bool world_conflicts(const struct world *w, int at, int pages, int file, int file_page, bool writable)
{
	for (int i = 0; i < PAGES; i++) {
		const struct model_page *m = &w->pages[i];

		if (m->file == file && (i < at || i >= at + pages) && m->page >= file_page && m->page < file_page + pages &&
			(writable || m->writable))
			return true;
	}
	return false;
}

static int do_map(struct world *w, int at, int pages, int fd, int file_page)
{
	const struct tulou_host *h = w->flat.host;
	struct tulou_file file;
	int result = h->file_get(h->ctx, fd, true, &file);

	if (result)
		return result;
	const struct tulou_mapping m = {.start = (uintptr_t)w->flat.arena + (uintptr_t)at * P,
		.size = (size_t)pages * P,
		.prot = TULOU_PROT_READ,
		.flags = TULOU_MAP_SHARED,
		.file = &file,
		.offset = (uint64_t)file_page * P};

	result = h->map(h->ctx, &m);
	h->file_put(h->ctx, &file);
	return result;
}

static int step_map(struct world *w)
{
	int pages = choose(w, 6) + 1, at = choose(w, PAGES - pages + 1), fd = choose(w, 4);
	int file = fd % WRITABLE, file_page = choose(w, FILE_PAGES - pages + 1), result;
	bool writable = fd < WRITABLE, conflicts = world_conflicts(w, at, pages, file, file_page, writable);

	result = do_map(w, at, pages, fd, file_page);
	if (result != -TULOU_EIO)
		assert_int_equal(result, conflicts ? -TULOU_ENODEV : 0);
	for (int i = 0; i < pages && result == 0; i++)
		w->pages[at + i] = (struct model_page){.file = file, .page = file_page + i, .writable = writable};
	w->refused += result == -TULOU_ENODEV;
	return result;
}

static int step_unmap(struct world *w)
{
	const struct tulou_host *h = w->flat.host;
	int pages = choose(w, 10) + 1, at = choose(w, PAGES - pages + 1);
	int result = h->unmap(h->ctx, (uintptr_t)w->flat.arena + (uintptr_t)at * P, (size_t)pages * P);

	for (int i = 0; i < pages && result == 0; i++)
		w->pages[at + i].file = -1;
	return result;
}

static int step_move(struct world *w)
{
	const struct tulou_host *h = w->flat.host;
	int pages = choose(w, 4) + 1, from = choose(w, PAGES - pages + 1), to = choose(w, PAGES - pages + 1), result;

	if (to < from + pages && from < to + pages)
		return 0;
	for (int i = 0; i < pages; i++)
		if (w->pages[from + i].file < 0)
			return 0;
	result = h->move(h->ctx, (uintptr_t)w->flat.arena + (uintptr_t)from * P, (size_t)pages * P,
		(uintptr_t)w->flat.arena + (uintptr_t)to * P, (size_t)pages * P, false);
	for (int i = 0; i < pages && result == 0; i++) {
		w->pages[to + i] = w->pages[from + i];
		w->pages[from + i].file = -1;
	}
	return result;
}

static int step_store(struct world *w)
{
	const struct model_page *m = &w->pages[choose(w, PAGES)];
	uint8_t value = (uint8_t)choose(w, 256);

	if (m->file < 0 || !m->writable)
		return 0;
	w->flat.arena[(m - w->pages) * P] = value;
	w->files[m->file][m->page] = value;
	return 0;
}

static void world_check(const struct world *w)
{
	for (int i = 0; i < PAGES; i++) {
		const struct model_page *m = &w->pages[i];

		assert_int_equal(w->flat.arena[i * P], m->file < 0 ? 0 : w->files[m->file][m->page]);
	}
}

static void shared_mappings(void **state)
{
	static int (*const steps[])(struct world *) = {step_map, step_map, step_unmap, step_move, step_store, step_store};
	struct world w;
	size_t books;

	(void)state;
	world_open(&w, 88172645463325252ull);
	books = flat_usage(&w.flat).books;
	for (int i = 0; i < STEPS; i++) {
		probe_fail_any(&w.flat.own, choose(&w, 3) ? 0 : (size_t)choose(&w, 5) + 1, TULOU_EIO);
		int result = steps[choose(&w, sizeof(steps) / sizeof(steps[0]))](&w);

		assert_true(result == 0 || result == -TULOU_EIO || result == -TULOU_ENODEV);
		w.failed += result == -TULOU_EIO;
		w.worked += result == 0;
		world_check(&w);
	}
	assert_true(w.failed > 100 && w.refused > 100 && w.worked > 1000);
	probe_fail_none(&w.flat.own);
	w.flat.host->unmap(w.flat.host->ctx, (uintptr_t)w.flat.arena, PAGES * P);
	assert_int_equal(flat_usage(&w.flat).books, books);
	for (int fd = 0; fd < 2; fd++) {
		for (int page = 0; page < FILE_PAGES; page++)
			assert_int_equal(w.flat.files[fd]->bytes[page * P], w.files[fd][page]);
	}
	flat_close(&w.flat);
}

/* ---- the books region ------------------------------------------------------------------------------------------------------ */

/* Given back in every order, it is one piece again; what comes from it is zero. */
static void books_are_one_piece_again(void **state)
{
	static const int orders[][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {0, 2, 1, 3}, {1, 3, 2, 0}, {2, 0, 3, 1}};
	struct flat_fixture f;

	(void)state;
	flat_open(&f, FLAT_PAGES, 64, NULL);
	size_t own = flat_usage(&f).books, whole = f.books_size - own;

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		uint8_t *pieces[4];

		for (int j = 0; j < 4; j++) {
			pieces[j] = f.host->books_map(f.host->ctx, (size_t)(j + 1) * P);
			assert_non_null(pieces[j]);
			for (int k = 0; k < (j + 1) * P; k++)
				assert_int_equal(pieces[j][k], 0);
			memset(pieces[j], 0xbb, (size_t)(j + 1) * P);
		}
		assert_int_equal(flat_usage(&f).books, own + 10 * P);
		assert_null(f.host->books_map(f.host->ctx, whole - 9 * P));
		for (int j = 0; j < 4; j++)
			f.host->books_unmap(f.host->ctx, pieces[orders[i][j]], (size_t)(orders[i][j] + 1) * P);
		assert_int_equal(flat_usage(&f).books, own);
		uint8_t *all = f.host->books_map(f.host->ctx, whole);

		assert_non_null(all);
		for (size_t k = 0; k < whole; k++)
			assert_int_equal(all[k], 0);
		f.host->books_unmap(f.host->ctx, all, whole);
	}
	flat_close(&f);
}

/* Cutting a mapping needs a record: with no page left for it the call fails, and with one it works. */
static void cutting_needs_a_record(void **state)
{
	struct flat_fixture f;

	(void)state;
	flat_open(&f, FLAT_PAGES, 64, NULL);
	const struct tulou_host *h = f.host;
	const uintptr_t start = (uintptr_t)f.arena;
	struct tulou_mapping m = {.start = start, .size = PAGES * P, .prot = 3, .flags = TULOU_MAP_SHARED | TULOU_MAP_ANONYMOUS};
	size_t size, holes = 0;
	void *rest;

	assert_int_equal(h->map(h->ctx, &m), 0);
	memset(f.arena, 'x', PAGES * P);
	size = f.books_size - flat_usage(&f).books;
	rest = h->books_map(h->ctx, size);
	assert_non_null(rest);
	/* Every second page goes, until the records of a page are used up. */
	while (h->unmap(h->ctx, start + (2 * holes + 1) * P, P) == 0)
		assert_true(++holes < PAGES / 2 - 1);
	assert_true(holes > 0);
	assert_int_equal(h->unmap(h->ctx, start + (2 * holes + 1) * P, P), -TULOU_ENOMEM);
	m = (struct tulou_mapping){.start = start + (2 * holes + 1) * P, .size = P, .flags = TULOU_MAP_PRIVATE};
	assert_int_equal(h->map(h->ctx, &m), -TULOU_ENOMEM);
	assert_int_equal(f.arena[(2 * holes + 1) * P], 'x');
	assert_int_equal(flat_usage(&f).extents, holes + 1);
	assert_int_equal(flat_usage(&f).mapped, (PAGES - holes) * P);
	/* What cuts nothing still works. */
	assert_int_equal(h->unmap(h->ctx, start, P), 0);
	h->books_unmap(h->ctx, rest, size);
	assert_int_equal(h->unmap(h->ctx, start + (2 * holes + 1) * P, P), 0);
	assert_int_equal(h->unmap(h->ctx, start, PAGES * P), 0);
	flat_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shared_mappings),
		cmocka_unit_test(books_are_one_piece_again),
		cmocka_unit_test(cutting_needs_a_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
