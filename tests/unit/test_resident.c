/* SPDX-License-Identifier: MIT */
/* test_resident.c - blocks that stay with a process (resident.h): what it gets back, what everything else sees of them, bounds. */
#include "pool_fixture.h"

enum { CHURN = 32, BLOCKS = 24 };

static void open_with(struct fixture *f, enum tulou_resident resident)
{
	pool_resident = resident;
	pool_open(f, 512, 128);
	pool_resident = TULOU_RESIDENT_OFF;
}

static size_t resident_bytes(const struct fixture *f)
{
	struct tulou_stats stats;

	tulou_stats(f->pool, &stats);
	return stats.resident;
}

/* A block that is kept; its page. */
static long keep(struct fixture *f, long pages)
{
	long page = map_pages(f->a, pages, RW);

	assert_true(page >= 0);
	put_at(f, page, 7);
	put_at(f, page + pages - 1, 8);
	assert_int_equal(unmap(f->a, page, pages), 0);
	return page;
}

static void churns(void **state)
{
	struct fixture f;
	size_t unmaps;
	long page;

	(void)state;
	open_with(&f, TULOU_RESIDENT_CHURN);
	for (int i = 1; i < CHURN; i++) {
		page = keep(&f, 4);
		assert_false(host_page(&f, page).mapped);
		assert_int_equal(resident_bytes(&f), 0);
	}
	page = keep(&f, 4);
	assert_true(host_page(&f, page).mapped);
	assert_int_equal(resident_bytes(&f), 4 * PAGE);
	unmaps = calls_of(&f, PROBE_UNMAP);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(map_pages(f.a, 4, RW), page);
		assert_int_equal(resident_bytes(&f), 0);
		for (long p = page; p < page + 4; p++)
			assert_int_equal(byte_at(&f, p), 0);
		put_at(&f, page + 1, 9);
		pool_sound(&f);
		assert_int_equal(unmap(f.a, page, 4), 0);
		pool_sound(&f);
	}
	assert_int_equal(calls_of(&f, PROBE_UNMAP), unmaps);
	/* another size, other perms, another process, a hint: not this block */
	assert_int_not_equal(map_pages(f.a, 3, RW), page);
	assert_int_not_equal(map_pages(f.a, 4, RO), page);
	assert_int_not_equal(map_pages(f.b, 4, RW), page);
	assert_int_equal(resident_bytes(&f), 4 * PAGE);
	pool_close(&f);
}

/* Whatever comes near a kept block finds it unmapped. */
static void unseen(void **state)
{
	struct fixture f;
	unsigned char vector[4];
	long page;

	(void)state;
	open_with(&f, TULOU_RESIDENT_ALWAYS);
	page = keep(&f, 4);
	assert_true(host_page(&f, page).mapped);
	assert_int_equal(protect(f.a, page, 4, RO), -TULOU_ENOMEM);
	assert_false(host_page(&f, page).mapped);
	page = keep(&f, 4);
	assert_int_equal(tulou_madvise(f.a, at(page), PAGE, TULOU_MADV_DONTNEED), -TULOU_ENOMEM);
	assert_false(host_page(&f, page).mapped);
	page = keep(&f, 4);
	assert_int_equal(tulou_msync(f.a, at(page), PAGE, TULOU_MS_SYNC), -TULOU_ENOMEM);
	page = keep(&f, 4);
	assert_int_equal(remap(f.a, page, 4, 8, TULOU_MREMAP_MAYMOVE, 0), -TULOU_EFAULT);
	page = keep(&f, 4);
	assert_int_equal(map_at(f.a, page, 2, RO, NOREPLACE), page);
	assert_int_equal(unmap(f.a, page, 2), 0);
	page = keep(&f, 4);
	assert_int_equal(map_at(f.a, page + 1, 2, RO, FIXED), page + 1);
	assert_false(host_page(&f, page).mapped);
	pool_expect(&f, page == 0 ? "A:1+2r-" : "?");
	assert_int_equal(unmap(f.a, page + 1, 2), 0);
	page = keep(&f, 4);
	assert_int_equal(unmap(f.a, page, 4), 0); /* a second time */
	assert_false(host_page(&f, page).mapped);
	if (TRAITS.locks) {
		page = keep(&f, 4);
		assert_int_equal(tulou_mincore(f.a, at(page), PAGE, vector), -TULOU_ENOMEM);
	}
	pool_expect(&f, "");
	assert_int_equal(resident_bytes(&f), 0);
	pool_close(&f);
}

static int visit_none(void *arg, const struct tulou_area_info *area)
{
	(void)area;
	++*(int *)arg;
	return 0;
}

static void walks(void **state)
{
	struct tulou_area_info info;
	struct fixture f;
	int count = 0;

	(void)state;
	open_with(&f, TULOU_RESIDENT_ALWAYS);
	keep(&f, 4);
	pool_expect(&f, "A:0+4rwK");
	assert_int_equal(map_at(f.a, 5, 2, RW, FIXED), 5);
	assert_int_equal(map_pages(f.a, 4, RW), 0);
	assert_int_equal(map_at(f.a, 4, 1, RW, FIXED), 4);
	assert_int_equal(unmap(f.a, 0, 4), 0);
	pool_expect(&f, "A:0+4rwK A:4+3rw");
	assert_int_equal(unmap(f.a, 4, 3), 0);
	assert_int_equal(tulou_walk_process(f.a, visit_none, &count), 0);
	assert_int_equal(count, 0);
	keep(&f, 4);
	assert_false(tulou_find_area(f.a, 0, &info));
	pool_expect(&f, "");
	pool_close(&f);
}

static void limits(void **state)
{
	struct fixture f;
	long page;

	(void)state;
	open_with(&f, TULOU_RESIDENT_ALWAYS);
	page = keep(&f, 4);
	tulou_process_vm_limit(f.a, 8 * PAGE, UINT64_MAX);
	assert_int_equal(map_pages(f.a, 9, RW), -TULOU_ENOMEM);
	page = keep(&f, 4);
	assert_true(map_pages(f.a, 8, RW) >= 0); /* what is kept does not count */
	assert_int_equal(map_pages(f.a, 4, RW), -TULOU_ENOMEM);
	tulou_process_vm_limit(f.a, UINT64_MAX, UINT64_MAX);
	(void)page;
	pool_close(&f);
}

static void bounds(void **state)
{
	struct fixture f;
	long pages[BLOCKS + 4];

	(void)state;
	open_with(&f, TULOU_RESIDENT_ALWAYS);
	for (int i = 0; i < BLOCKS + 4; i++)
		pages[i] = map_pages(f.a, 2, RW);
	for (int i = 0; i < BLOCKS + 4; i++)
		assert_int_equal(unmap(f.a, pages[i], 2), 0);
	assert_int_equal(resident_bytes(&f), BLOCKS * 2 * PAGE);
	/* another size takes the place of the oldest */
	keep(&f, 3);
	assert_int_equal(resident_bytes(&f), ((BLOCKS - 1) * 2 + 3) * PAGE);
	assert_false(host_page(&f, pages[0]).mapped);
	/* what is not used between two trims goes */
	assert_int_equal(tulou_trim(f.pool), 0);
	pages[0] = keep(&f, 3);
	assert_int_equal(map_pages(f.a, 3, RW), pages[0]);
	assert_int_equal(unmap(f.a, pages[0], 3), 0);
	assert_int_equal(tulou_trim(f.pool), 3 * PAGE);
	assert_int_equal(tulou_trim(f.pool), 0);
	pool_expect(&f, "");
	/* memory is short: all of it is given back */
	pages[0] = keep(&f, 5);
	assert_int_equal(map_pages(f.a, 510, RW), 0);
	assert_int_equal(resident_bytes(&f), 0);
	pool_close(&f);
}

/* What has properties that a fresh mapping has not is not kept. */
static void not_plain(void **state)
{
	struct fixture f;
	long page;

	(void)state;
	open_with(&f, TULOU_RESIDENT_ALWAYS);
	page = map_pages(f.a, 4, RO);
	assert_int_equal(unmap(f.a, page, 4), 0);
	page = page_of(tulou_mmap(f.a, 0, 4 * PAGE, RW, SHARED, -1, 0));
	assert_int_equal(unmap(f.a, page, 4), 0);
	page = map_pages(f.a, 4, RW);
	assert_int_equal(protect(f.a, page, 1, RO), 0);
	assert_int_equal(unmap(f.a, page, 4), 0);
	assert_int_equal(resident_bytes(&f), 0);
	keep(&f, 4);
	assert_int_equal(resident_bytes(&f), 4 * PAGE);
	tulou_process_vm_exact(f.a);
	assert_int_equal(resident_bytes(&f), 0);
	keep(&f, 4);
	assert_int_equal(resident_bytes(&f), 0);
	pool_expect(&f, "");
	pool_close(&f);
}

/* The host says no: to zero, the block is unmapped; to unmap, the call that came near fails and nothing is lost. */
static void refused(void **state)
{
	struct fixture f;
	long page;

	(void)state;
	open_with(&f, TULOU_RESIDENT_ALWAYS);
	page = map_pages(f.a, 4, RW);
	probe_fail(&f.probe, PROBE_ADVISE, 1, TULOU_ENOMEM);
	assert_int_equal(unmap(f.a, page, 4), 0);
	assert_int_equal(resident_bytes(&f), 0);
	page = keep(&f, 4);
	probe_fail(&f.probe, PROBE_UNMAP, 1, TULOU_ENOMEM);
	assert_int_equal(protect(f.a, page, 1, RO), -TULOU_ENOMEM);
	assert_int_equal(resident_bytes(&f), 4 * PAGE);
	assert_int_equal(map_pages(f.a, 4, RW), page);
	assert_int_equal(unmap(f.a, page, 4), 0);
	pool_close(&f);
}

/* A large block that is hardly touched costs less to unmap than to zero; one that was kept tells nothing, so now and then it goes. */
static void sparse(void **state)
{
	const long pages = 64;
	struct fixture f;
	int times = 1;
	long page;

	(void)state;
	if (!TRAITS.locks)
		skip();
	open_with(&f, TULOU_RESIDENT_ALWAYS);
	page = keep(&f, pages);
	assert_false(host_page(&f, page).mapped);
	page = map_pages(f.a, pages, RW);
	for (long p = page; p < page + pages; p++)
		put_at(&f, p, 1);
	assert_int_equal(unmap(f.a, page, pages), 0);
	for (; resident_bytes(&f); times++) {
		assert_int_equal(map_pages(f.a, pages, RW), page);
		assert_int_equal(unmap(f.a, page, pages), 0);
	}
	assert_int_equal(times, 256);
	assert_false(host_page(&f, page).mapped);
	pool_close(&f);
}

/* While two have the process VM nothing is kept or handed out, and what must go goes at once. */
static void shared(void **state)
{
	struct fixture f;
	long page, other;

	(void)state;
	open_with(&f, TULOU_RESIDENT_ALWAYS);
	page = keep(&f, 4);
	other = keep(&f, 2);
	tulou_process_vm_ref(f.a);
	assert_int_not_equal(map_pages(f.a, 4, RW), page);
	assert_int_equal(resident_bytes(&f), 6 * PAGE);
	keep(&f, 1);
	assert_int_equal(resident_bytes(&f), 6 * PAGE);
	assert_int_equal(protect(f.a, page, 1, RO), -TULOU_ENOMEM);
	assert_int_equal(resident_bytes(&f), 0);
	assert_false(host_page(&f, page).mapped);
	assert_false(host_page(&f, other).mapped);
	pool_sound(&f);
	tulou_process_vm_unref(f.a);
	keep(&f, 4);
	assert_int_equal(resident_bytes(&f), 4 * PAGE);
	pool_close(&f);
}

/* What others keep is given back when memory is short. */
static void others(void **state)
{
	struct fixture f;

	(void)state;
	open_with(&f, TULOU_RESIDENT_ALWAYS);
	keep(&f, 4);
	assert_true(map_pages(f.b, 510, RW) >= 0);
	assert_int_equal(resident_bytes(&f), 0);
	pool_close(&f);
}

/* A process that ends leaves nothing, and the sum is right. */
static void ends(void **state)
{
	struct fixture f;
	struct tulou_process_vm *c;
	long page;

	(void)state;
	open_with(&f, TULOU_RESIDENT_ALWAYS);
	assert_int_equal(tulou_process_vm_create(f.pool, 3, &c), 0);
	page = map_pages(c, 4, RW);
	assert_int_equal(unmap(c, page, 4), 0);
	keep(&f, 4);
	assert_int_equal(resident_bytes(&f), 8 * PAGE);
	tulou_process_vm_unref(c);
	assert_int_equal(resident_bytes(&f), 4 * PAGE);
	assert_false(host_page(&f, page).mapped);
	pool_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(churns),
		cmocka_unit_test(unseen),
		cmocka_unit_test(walks),
		cmocka_unit_test(limits),
		cmocka_unit_test(bounds),
		cmocka_unit_test(not_plain),
		cmocka_unit_test(refused),
		cmocka_unit_test(sparse),
		cmocka_unit_test(shared),
		cmocka_unit_test(others),
		cmocka_unit_test(ends),
	};

	return POOL_RUN(tests);
}
