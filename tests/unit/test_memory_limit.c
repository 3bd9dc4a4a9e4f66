/* SPDX-License-Identifier: MIT */
/*
 * test_memory_limit.c - tulou_config.memory_limit: what counts, and that a refused call changes nothing.
 *
 * Grants go in steps of 256 pages, but at the limit to the page.
 */
#include "pool_fixture.h"

enum { LIMIT = 3072, HALF = LIMIT / 2, ALL = 20000 };

static void open_limited(struct fixture *f)
{
	pool_open(f, ALL, 4096);
	tulou_limit_memory(f->pool, LIMIT * PAGE);
}

static size_t committed(const struct fixture *f)
{
	struct tulou_stats stats;

	tulou_stats(f->pool, &stats);
	return stats.committed / PAGE;
}

/* Fill what is left with one area of `vm`; its pages. */
static long fill(struct tulou_process_vm *vm, long page)
{
	long pages = LIMIT;

	while (pages && map_at(vm, page, pages, RW, FIXED) != page)
		pages--;
	return pages;
}

static void what_counts(void **state)
{
	struct fixture f;

	(void)state;
	open_limited(&f);
	/* not: what cannot be written, what is mapped without reserve */
	assert_int_equal(map_at(f.a, 16, 2048, NONE, FIXED), 16);
	assert_int_equal(map_at(f.a, 2100, 1500, RW, FIXED | TULOU_MAP_NORESERVE), 2100);
	assert_int_equal(map_at(f.a, 3700, 1500, RO, FIXED), 3700);
	assert_int_equal(committed(&f), 0);
	/* private and writable, shared anonymous */
	assert_int_equal(map_at(f.a, 6000, LIMIT + 1, RW, FIXED), -TULOU_ENOMEM);
	assert_int_equal(tulou_mmap(f.a, at(6000), (LIMIT + 1) * PAGE, RO, SHARED | FIXED, -1, 0), -TULOU_ENOMEM);
	assert_int_equal(map_at(f.a, 6000, LIMIT, RW, FIXED), 6000);
	assert_int_equal(map_pages(f.b, 1, RW), -TULOU_ENOMEM);
	assert_int_equal(map_pages(f.b, 1, RO) >= 0, 1);
	assert_int_equal(unmap(f.a, 6000, LIMIT), 0);
	assert_int_equal(map_pages(f.b, LIMIT / 4, RW) >= 0, 1);
	pool_close(&f);
}

static void changes(void **state)
{
	struct fixture f;

	(void)state;
	open_limited(&f);
	assert_int_equal(map_at(f.a, 16, 4000, NONE, FIXED | TULOU_MAP_NORESERVE), 16);
	/* a part taken into use counts, even of what was without reserve; given back it does not */
	assert_int_equal(protect(f.a, 16, LIMIT, RW), 0);
	assert_int_equal(protect(f.a, 3500, 1, RW), -TULOU_ENOMEM);
	assert_int_equal(protect(f.a, 16, LIMIT, RW), 0);
	pool_expect(&f, "A:16+3072rw A:3088+928--");
	assert_int_equal(protect(f.a, 16, HALF, NONE), 0);
	/* over what counts already, MAP_FIXED needs nothing more */
	assert_int_equal(map_at(f.a, 16 + HALF, HALF, RW, FIXED), 16 + HALF);
	assert_int_equal(map_at(f.a, 16, LIMIT, RW, FIXED), 16);
	assert_int_equal(map_at(f.a, 16, LIMIT + 1, RW, FIXED), -TULOU_ENOMEM);
	assert_int_equal(remap(f.a, 16, LIMIT, LIMIT + 1, TULOU_MREMAP_MAYMOVE, 0), -TULOU_ENOMEM);
	assert_int_equal(remap(f.a, 16, LIMIT, LIMIT, TULOU_MREMAP_MAYMOVE | TULOU_MREMAP_FIXED, 6000), 6000);
	assert_int_equal(remap(f.a, 6000, LIMIT, HALF, 0, 0), 6000);
	assert_int_equal(remap(f.a, 6000, HALF, LIMIT, 0, 0), 6000);
	pool_close(&f);
}

static void heap(void **state)
{
	struct tulou_layout layout = {.stack_size = 64 * PAGE};
	struct fixture f;
	long start;

	(void)state;
	open_limited(&f);
	assert_int_equal(tulou_process_vm_build(f.a, &layout), 0);
	start = tulou_brk(f.a, 0);
	assert_int_equal(committed(&f), 0); /* stacks do not count */
	assert_int_equal(fill(f.b, 6000), LIMIT);
	assert_int_equal(tulou_brk(f.a, (uintptr_t)start + PAGE), start);
	assert_int_equal(unmap(f.b, 6000, 100), 0);
	tulou_limit_memory(f.pool, 2 * LIMIT * PAGE);
	assert_int_equal(tulou_brk(f.a, (uintptr_t)start + PAGE), start + PAGE);
	pool_close(&f);
}

/* A process that ends gives its part back, and one that gives memory back keeps only a few steps of grant. */
static void endings(void **state)
{
	struct fixture f;

	(void)state;
	open_limited(&f);
	tulou_limit_memory(f.pool, 6000 * PAGE);
	assert_int_equal(map_at(f.a, 16, 5000, RW, FIXED), 16);
	assert_in_range(committed(&f), 5000, 5256);
	assert_int_equal(map_pages(f.b, 1001, RW), -TULOU_ENOMEM);
	assert_int_equal(unmap(f.a, 16, 5000), 0);
	assert_in_range(committed(&f), 0, 1024);
	assert_int_equal(map_pages(f.b, 4000, RW) >= 0, 1);
	tulou_process_vm_unref(f.b);
	assert_in_range(committed(&f), 0, 1024);
	assert_int_equal(map_at(f.a, 16, 5900, RW, FIXED), 16);
	assert_int_equal(tulou_process_vm_create(f.pool, 2, &f.b), 0);
	pool_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_counts),
		cmocka_unit_test(changes),
		cmocka_unit_test(heap),
		cmocka_unit_test(endings),
	};

	return POOL_RUN(tests);
}
