/* SPDX-License-Identifier: MIT */
/* test_nooks.c - what a thread unmapped last is there for its next mmap (nook.h), and nobody else sees anything of it. */
#include "pool_fixture.h"

#include "vm/process_vm.h"

enum { MISSES = 4, CHURN = 32, OTHER_TASK = 2, DEAD_TASK = 9 };

static void open_with(struct fixture *f, enum tulou_resident resident)
{
	pool_resident = resident;
	pool_open(f, 512, 128);
	pool_resident = TULOU_RESIDENT_OFF;
	f->a->meetings = f->b->meetings = NOOK_MEETINGS; /* as if threads had met */
}

static size_t bytes_kept(const struct fixture *f)
{
	struct tulou_stats stats;

	tulou_stats(f->pool, &stats);
	return stats.resident;
}

/* Of A's first nook that is in use. */
static enum nook_state state_of(const struct fixture *f)
{
	const struct nook *nook;

	nooks_for_each(nook, f->a->nooks, left) return nook_state(nook_peek(nook));
	return NOOK_NONE;
}

/* Mapped and unmapped again, so that it is idle in the caller's nook; its page. */
static long idle(struct fixture *f, long pages, int prot)
{
	long page = map_pages(f->a, pages, prot);

	assert_true(page >= 0);
	assert_int_equal(state_of(f), NOOK_USED);
	assert_int_equal(unmap(f->a, page, pages), 0);
	assert_int_equal(state_of(f), NOOK_FREE);
	assert_false(host_page(f, page).mapped);
	return page;
}

static void comes_back(void **state)
{
	struct fixture f;
	size_t changes;
	long page;

	(void)state;
	open_with(&f, TULOU_RESIDENT_OFF);
	assert_int_equal(map_pages(f.a, 2, RW), 0);
	page = idle(&f, 4, RO);
	pool_expect(&f, "A:0+2rw");
	changes = f.a->map.version;
	for (int i = 0; i < 5; i++) {
		assert_int_equal(map_pages(f.a, 4, RO), page);
		assert_true(host_page(&f, page + 3).mapped);
		assert_int_equal(byte_at(&f, page), 0);
		pool_expect(&f, "A:0+2rw A:2+4r-");
		assert_int_equal(unmap(f.a, page, 4), 0);
		assert_false(host_page(&f, page).mapped);
		pool_expect(&f, "A:0+2rw");
	}
	assert_int_equal(f.a->map.version, changes);
	assert_int_equal(page_of(tulou_mmap(f.a, 0, 4 * PAGE, RW, PRIV, -1, 0)), 6); /* other perms */
	assert_int_equal(page_of(tulou_mmap(f.a, 0, 4 * PAGE, RO, PRIV | TULOU_MAP_NORESERVE, -1, 0)), 10);
	assert_int_equal(map_pages(f.a, 3, RO), 14);
	pool_expect(&f, "A:0+2rw A:6+4rw A:10+4r- A:14+3r-");
	assert_int_equal(map_pages(f.a, 4, RO), page);
	pool_close(&f);
}

/* Two threads do not see each other's; with the same number they may. */
static void one_each(void **state)
{
	struct fixture f;
	long page;

	(void)state;
	open_with(&f, TULOU_RESIDENT_OFF);
	page = idle(&f, 4, RW);
	probe_task_set(OTHER_TASK);
	assert_int_equal(map_pages(f.a, 4, RW), page + 4);
	assert_int_equal(unmap(f.a, page + 4, 4), 0);
	pool_expect(&f, "");
	probe_task_set(1 + NOOKS);
	assert_int_equal(map_pages(f.a, 4, RW), page);
	probe_task_set(OTHER_TASK);
	assert_int_equal(unmap(f.a, page, 4), 0); /* of another's */
	assert_int_equal(map_pages(f.a, 4, RW), page + 4);
	pool_expect(&f, "A:4+4rw");
	probe_task_set(1);
	pool_close(&f);
}

/* Whatever comes near finds it unmapped. */
static void unseen(void **state)
{
	struct tulou_area_info info;
	struct fixture f;
	long page;

	(void)state;
	open_with(&f, TULOU_RESIDENT_OFF);
	page = idle(&f, 4, RW);
	assert_false(tulou_access_ok(f.a, at(page), PAGE, RO));
	assert_int_equal(state_of(&f), NOOK_NONE);
	page = idle(&f, 4, RW);
	assert_int_equal(protect(f.a, page + 1, 1, RO), -TULOU_ENOMEM);
	page = idle(&f, 4, RW);
	assert_int_equal(tulou_madvise(f.a, at(page), PAGE, TULOU_MADV_DONTNEED), -TULOU_ENOMEM);
	page = idle(&f, 4, RW);
	assert_int_equal(tulou_msync(f.a, at(page), PAGE, TULOU_MS_SYNC), -TULOU_ENOMEM);
	page = idle(&f, 4, RW);
	assert_int_equal(remap(f.a, page, 4, 8, TULOU_MREMAP_MAYMOVE, 0), -TULOU_EFAULT);
	page = idle(&f, 4, RW);
	assert_int_equal(map_at(f.a, page, 2, RO, NOREPLACE), page);
	assert_int_equal(unmap(f.a, page, 2), 0);
	page = idle(&f, 4, RW);
	assert_int_equal(map_at(f.a, page + 1, 2, RO, FIXED), page + 1);
	pool_expect(&f, page == 0 ? "A:1+2r-" : "?");
	assert_int_equal(unmap(f.a, page + 1, 2), 0);
	page = idle(&f, 4, RW);
	assert_int_equal(unmap(f.a, page, 4), 0); /* a second time */
	assert_int_equal(state_of(&f), NOOK_NONE);
	page = idle(&f, 4, RW);
	assert_false(tulou_find_area(f.a, at(page), &info));
	pool_expect(&f, "");
	pool_close(&f);
}

/* What a call changes is no longer as it was mapped. */
static void changed(void **state)
{
	struct fixture f;
	long page;

	(void)state;
	open_with(&f, TULOU_RESIDENT_OFF);
	page = map_pages(f.a, 4, RW);
	assert_int_equal(protect(f.a, page + 1, 1, RO), 0);
	assert_int_equal(state_of(&f), NOOK_NONE);
	assert_int_equal(unmap(f.a, page, 4), 0);
	pool_expect(&f, "");
	page = map_pages(f.a, 4, RW);
	assert_int_equal(unmap(f.a, page, 2), 0);
	assert_int_equal(unmap(f.a, page, 4), 0);
	pool_expect(&f, "");
	page = map_pages(f.a, 4, RW);
	assert_int_equal(remap(f.a, page, 4, 4, TULOU_MREMAP_MAYMOVE | TULOU_MREMAP_FIXED, page + 20), page + 20);
	assert_int_equal(unmap(f.a, page, 4), 0);
	pool_expect(&f, "A:20+4rw");
	assert_int_equal(unmap(f.a, 20, 4), 0);
	/* beside an area that is the same the books have only one */
	assert_int_equal(map_at(f.a, 4, 4, RW, FIXED), 4);
	assert_int_equal(map_pages(f.a, 4, RW), 0);
	pool_expect(&f, "A:0+8rw");
	assert_int_equal(unmap(f.a, 0, 4), 0);
	assert_int_equal(state_of(&f), NOOK_FREE);
	pool_expect(&f, "A:4+4rw");
	assert_true(tulou_access_ok(f.a, at(4), 4 * PAGE, RW));
	assert_false(tulou_access_ok(f.a, at(3), 2 * PAGE, RW));
	pool_expect(&f, "A:4+4rw");
	pool_close(&f);
}

/* What is of no use for long makes room. */
static void makes_room(void **state)
{
	struct fixture f;
	long page, other;

	(void)state;
	open_with(&f, TULOU_RESIDENT_OFF);
	page = idle(&f, 4, RW);
	for (int i = 0; i < MISSES; i++) {
		other = map_pages(f.a, 3, RW);
		assert_int_equal(unmap(f.a, other, 3), 0);
		assert_int_equal(state_of(&f), NOOK_FREE);
	}
	other = map_pages(f.a, 3, RW);
	assert_int_equal(state_of(&f), NOOK_USED);
	assert_int_equal(map_pages(f.a, 4, RW), page);
	pool_expect(&f, "A:0+7rw");
	assert_int_equal(unmap(f.a, other, 3), 0);
	pool_expect(&f, page == 0 ? "A:0+4rw" : "?");
	pool_close(&f);
}

/* What is not for a nook. */
static void not_for_it(void **state)
{
	struct fixture f;

	(void)state;
	open_with(&f, TULOU_RESIDENT_OFF);
	assert_int_equal(map_at(f.a, 0, 4, RW, FIXED), 0);
	assert_int_equal(map_at(f.a, 8, 4, RW, 0), 8);
	assert_true(tulou_mmap(f.a, 0, 4 * PAGE, RW, SHARED, -1, 0) > 0);
	assert_null(f.a->nooks);
	tulou_process_vm_limit(f.a, 64 * PAGE, UINT64_MAX);
	assert_true(map_pages(f.a, 2, RW) >= 0);
	assert_null(f.a->nooks);
	tulou_process_vm_limit(f.a, UINT64_MAX, UINT64_MAX);
	if (TRAITS.locks) {
		assert_int_equal(tulou_mlockall(f.a, TULOU_MCL_FUTURE, UINT64_MAX), 0);
		assert_true(map_pages(f.a, 1, RW) >= 0);
		assert_null(f.a->nooks);
		assert_int_equal(tulou_munlockall(f.a), 0);
	}
	f.a->meetings = NOOK_MEETINGS - 1;
	assert_true(map_pages(f.a, 1, RW) >= 0);
	assert_null(f.a->nooks);
	pool_close(&f);
}

/* A limit counts nothing that is idle, and is not passed by what comes back. */
static void limits(void **state)
{
	struct fixture f;

	(void)state;
	open_with(&f, TULOU_RESIDENT_OFF);
	idle(&f, 4, RW);
	tulou_process_vm_limit(f.a, 8 * PAGE, UINT64_MAX);
	assert_int_equal(state_of(&f), NOOK_NONE);
	assert_int_equal(map_pages(f.a, 8, RW), 0);
	assert_int_equal(map_pages(f.a, 4, RW), -TULOU_ENOMEM);
	pool_expect(&f, "A:0+8rw");
	pool_close(&f);
}

static void locks_of_the_future(void **state)
{
	struct fixture f;
	long page;

	(void)state;
	if (!TRAITS.locks)
		skip();
	open_with(&f, TULOU_RESIDENT_OFF);
	page = idle(&f, 4, RW);
	assert_int_equal(tulou_mlockall(f.a, TULOU_MCL_FUTURE, UINT64_MAX), 0);
	assert_int_equal(map_pages(f.a, 4, RW), page);
	pool_expect(&f, "A:0+4rwl");
	assert_int_equal(tulou_munlockall(f.a), 0);
	pool_close(&f);
}

/* No memory left but what is idle. */
static void gives_way(void **state)
{
	struct fixture f;

	(void)state;
	open_with(&f, TULOU_RESIDENT_OFF);
	idle(&f, 4, RW);
	assert_int_equal(map_pages(f.a, 510, RW), 0);
	assert_int_equal(unmap(f.a, 0, 510), 0);
	idle(&f, 4, RW);
	assert_true(map_pages(f.b, 510, RW) >= 0); /* of another process */
	pool_close(&f);
}

static void kept(void **state)
{
	struct fixture f;
	size_t unmaps;
	long page;

	(void)state;
	open_with(&f, TULOU_RESIDENT_CHURN);
	for (int i = 1; i < CHURN; i++)
		page = idle(&f, 4, RW);
	assert_int_equal(bytes_kept(&f), 0);
	assert_int_equal(map_pages(f.a, 4, RW), page);
	put_at(&f, page, 7);
	unmaps = calls_of(&f, PROBE_UNMAP);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(unmap(f.a, page, 4), 0);
		assert_int_equal(state_of(&f), NOOK_KEPT);
		assert_int_equal(bytes_kept(&f), 4 * PAGE);
		pool_expect(&f, "A:0+4rwK");
		assert_int_equal(map_pages(f.a, 4, RW), page);
		pool_expect(&f, "A:0+4rw");
		assert_int_equal(byte_at(&f, page), 0);
		put_at(&f, page, 8);
	}
	assert_int_equal(calls_of(&f, PROBE_UNMAP), unmaps);
	/* the host will not zero, or unmap */
	probe_fail(&f.probe, PROBE_ADVISE, 1, TULOU_ENOMEM);
	assert_int_equal(unmap(f.a, page, 4), 0);
	assert_int_equal(state_of(&f), NOOK_FREE);
	assert_int_equal(map_pages(f.a, 4, RW), page);
	assert_int_equal(unmap(f.a, page, 4), 0);
	probe_fail(&f.probe, PROBE_UNMAP, 1, TULOU_ENOMEM);
	assert_int_equal(protect(f.a, page, 1, RO), -TULOU_ENOMEM);
	assert_int_equal(state_of(&f), NOOK_KEPT);
	pool_expect(&f, "A:0+4rwK");
	/* used since the last time, then not */
	assert_int_equal(tulou_trim(f.pool), 4 * PAGE);
	assert_int_equal(tulou_trim(f.pool), 0);
	assert_false(host_page(&f, page).mapped);
	pool_expect(&f, "");
	assert_int_equal(map_pages(f.a, 4, RW), page);
	assert_int_equal(unmap(f.a, page, 4), 0);
	assert_int_equal(bytes_kept(&f), 4 * PAGE);
	tulou_process_vm_exact(f.a);
	assert_int_equal(bytes_kept(&f), 0);
	idle(&f, 4, RW);
	pool_close(&f);
}

/* A block that the process keeps goes over to the thread that takes it. */
static void from_the_process(void **state)
{
	struct fixture f;
	long page;

	(void)state;
	open_with(&f, TULOU_RESIDENT_ALWAYS);
	f.a->meetings = 0;
	page = map_pages(f.a, 4, RW);
	assert_int_equal(unmap(f.a, page, 4), 0);
	assert_int_equal(f.a->resident.count, 1);
	f.a->meetings = NOOK_MEETINGS;
	assert_int_equal(map_pages(f.a, 4, RW), page);
	assert_int_equal(f.a->resident.count, 0);
	assert_int_equal(unmap(f.a, page, 4), 0);
	assert_int_equal(state_of(&f), NOOK_KEPT);
	pool_expect(&f, "A:0+4rwK");
	tulou_process_vm_drop(&f.a);
	pool_expect(&f, "");
	assert_int_equal(bytes_kept(&f), 0);
	pool_close(&f);
}

/* The host says no: the call goes its way. */
static void refused(void **state)
{
	struct fixture f;
	long page;

	(void)state;
	open_with(&f, TULOU_RESIDENT_OFF);
	page = map_pages(f.a, 4, RW);
	f.probe.rules[PROBE_UNMAP] = (struct probe_rule){.nth = 1, .error = TULOU_ENOMEM, .always = true};
	assert_int_equal(unmap(f.a, page, 4), -TULOU_ENOMEM);
	pool_expect(&f, "A:0+4rw");
	f.probe.rules[PROBE_UNMAP] = (struct probe_rule){.nth = 0};
	page = idle(&f, 3, RW);
	probe_fail(&f.probe, PROBE_MAP, 1, TULOU_ENOMEM);
	assert_int_equal(map_pages(f.a, 3, RW), page + 3);
	assert_int_equal(map_pages(f.a, 3, RW), page);
	pool_expect(&f, "A:0+10rw");
	pool_close(&f);
}

/* While two have the process VM nothing comes back, and what is idle can be recalled. */
static void shared(void **state)
{
	struct fixture f;
	long page;

	(void)state;
	open_with(&f, TULOU_RESIDENT_OFF);
	page = idle(&f, 4, RW);
	tulou_process_vm_ref(f.a);
	assert_int_equal(map_pages(f.a, 4, RW), page + 4);
	pool_expect(&f, "A:4+4rw");
	assert_int_equal(unmap(f.a, page + 4, 4), 0);
	assert_int_equal(state_of(&f), NOOK_FREE);
	assert_int_equal(unmap(f.a, page, 4), 0);
	assert_int_equal(state_of(&f), NOOK_NONE);
	pool_expect(&f, "");
	tulou_process_vm_unref(f.a);
	page = idle(&f, 4, RW);
	tulou_process_vm_ref(f.a);
	tulou_process_vm_unref(f.a);
	assert_int_equal(map_pages(f.a, 4, RW), page);
	pool_expect(&f, "A:0+4rw");
	pool_close(&f);
}

/* The one who recalls for another process dies with the nook's lock, before the books have lost the area, or after. */
static void recaller_dies(void **state)
{
	struct fixture f;
	long page;

	(void)state;
	for (int removed = 0; removed < 2; removed++) {
		struct nook *nook = NULL;

		open_with(&f, TULOU_RESIDENT_OFF);
		if (!f.sim) {
			pool_close(&f);
			skip();
		}
		page = idle(&f, 4, RW);
		nooks_for_each(nook, f.a->nooks, left) break;
		process_vm_lock(f.a, DEAD_TASK);
		process_vm_change_noted(f.a);
		assert_int_equal(lock_take(&nook->lock, f.pool->host, DEAD_TASK), LOCK_TAKEN);
		assert_true(process_vm_reserve(f.a));
		if (removed)
			process_vm_remove(f.a, range_between(at(page), at(page + 4)));
		sim_task_kill(f.sim, DEAD_TASK);
		assert_int_equal(map_pages(f.a, 4, RW), page);
		assert_int_equal(state_of(&f), NOOK_USED);
		assert_false(lock_is_taken(&nook->lock));
		pool_expect(&f, "A:0+4rw");
		pool_close(&f);
	}
}

/* In a copy are the nooks of the one that is kept, as they were. */
static void forked(void **state)
{
	struct fixture f;
	long page;

	(void)state;
	open_with(&f, TULOU_RESIDENT_OFF);
	assert_int_equal(map_pages(f.b, 4, RW), 0);
	assert_int_equal(map_pages(f.a, 2, RW), 128);
	page = idle(&f, 4, RW);
	assert_int_equal(map_pages(f.a, 2, RW), page + 4); /* one area in the books */
	tulou_fork_prepare(f.pool, f.b); /* hides A's from the copy */
	tulou_fork_parent(f.pool, f.b);
	assert_int_equal(f.a->hidden, HIDDEN_ALL);
	assert_int_equal(map_pages(f.a, 4, RW), page);
	assert_int_equal(f.a->hidden, HIDDEN_SOME);
	assert_int_equal(unmap(f.a, page, 4), 0);
	tulou_fork_prepare(f.pool, f.a);
	probe_task_set(1 + NOOKS);
	tulou_fork_child(f.pool, f.a);
	pool_expect(&f, "A:128+2rw A:134+2rw");
	assert_int_equal(map_pages(f.a, 4, RW), page);
	pool_expect(&f, page == 130 ? "A:128+8rw" : "?");
	probe_task_set(1);
	pool_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back),
		cmocka_unit_test(one_each),
		cmocka_unit_test(unseen),
		cmocka_unit_test(changed),
		cmocka_unit_test(makes_room),
		cmocka_unit_test(not_for_it),
		cmocka_unit_test(limits),
		cmocka_unit_test(locks_of_the_future),
		cmocka_unit_test(gives_way),
		cmocka_unit_test(kept),
		cmocka_unit_test(from_the_process),
		cmocka_unit_test(refused),
		cmocka_unit_test(shared),
		cmocka_unit_test(recaller_dies),
		cmocka_unit_test(forked),
	};

	return POOL_RUN(tests);
}
