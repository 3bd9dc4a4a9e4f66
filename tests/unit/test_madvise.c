/* SPDX-License-Identifier: MIT */
/* test_madvise.c - madvise(2): every advice is done, or refused as Linux refuses it; the books know what a fork leaves out. */
#include "pool_fixture.h"

static const int every_advice[] = {
	TULOU_MADV_NORMAL,
	TULOU_MADV_RANDOM,
	TULOU_MADV_SEQUENTIAL,
	TULOU_MADV_WILLNEED,
	TULOU_MADV_DONTNEED,
	TULOU_MADV_FREE,
	TULOU_MADV_REMOVE,
	TULOU_MADV_DONTFORK,
	TULOU_MADV_DOFORK,
	TULOU_MADV_MERGEABLE,
	TULOU_MADV_UNMERGEABLE,
	TULOU_MADV_HUGEPAGE,
	TULOU_MADV_NOHUGEPAGE,
	TULOU_MADV_DONTDUMP,
	TULOU_MADV_DODUMP,
	TULOU_MADV_WIPEONFORK,
	TULOU_MADV_KEEPONFORK,
	TULOU_MADV_COLD,
	TULOU_MADV_PAGEOUT,
	TULOU_MADV_POPULATE_READ,
	TULOU_MADV_POPULATE_WRITE,
	TULOU_MADV_DONTNEED_LOCKED,
	TULOU_MADV_COLLAPSE,
	TULOU_MADV_GUARD_INSTALL,
	TULOU_MADV_GUARD_REMOVE,
};

enum { ADVICE_COUNT = sizeof(every_advice) / sizeof(every_advice[0]) };

static long advise(struct tulou_process_vm *vm, long page, long pages, int advice)
{
	return tulou_madvise(vm, at(page), (size_t)pages * PAGE, advice);
}

/* What a host answers to any advice but MADV_DONTNEED, when Linux answers `wanted`. */
static long other(long wanted)
{
	return TRAITS.advises ? wanted : -TULOU_EINVAL;
}

/* Validated before anything is touched, in the kernel's order; the host never hears of it. */
static void errors(void **state)
{
	static const int unknown[] = {-1, 5, 6, 7, 26, 63, 64, 99, 104, 1 << 30};
	struct fixture f;

	(void)state;
	pool_open(&f, 256, 64);
	assert_int_equal(map_pages(f.a, 4, RW), 0);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		assert_int_equal(advise(f.a, 0, 1, unknown[i]), -TULOU_EINVAL);
		assert_int_equal(advise(f.a, 0, 0, unknown[i]), -TULOU_EINVAL);
		assert_int_equal(advise(f.a, 100, 1, unknown[i]), -TULOU_EINVAL);
	}
	for (size_t i = 0; i < ADVICE_COUNT; i++) {
		int advice = every_advice[i];

		assert_int_equal(advise(f.a, 0, 0, advice), 0);
		assert_int_equal(tulou_madvise(f.a, at(0) + 1, PAGE, advice), -TULOU_EINVAL);
		assert_int_equal(tulou_madvise(f.a, at(0) + 1, 0, advice), -TULOU_EINVAL);
		assert_int_equal(tulou_madvise(f.a, at(0), SIZE_MAX, advice), -TULOU_EINVAL);
		assert_int_equal(tulou_madvise(f.a, at(0), SIZE_MAX - 8191, advice), -TULOU_EINVAL);
		/* nothing there, or another's */
		assert_int_equal(advise(f.a, 100, 1, advice), -TULOU_ENOMEM);
		assert_int_equal(advise(f.b, 0, 1, advice), -TULOU_ENOMEM);
	}
	assert_int_equal(advise(f.a, 0, 1, TULOU_MADV_HWPOISON), -TULOU_EPERM);
	assert_int_equal(advise(f.a, 100, 1, TULOU_MADV_SOFT_OFFLINE), -TULOU_EPERM);
	assert_int_equal(advise(f.a, 0, 0, TULOU_MADV_HWPOISON), 0);
	assert_int_equal(calls_of(&f, PROBE_ADVISE), 0);
	pool_expect(&f, "A:0+4rw");
	pool_close(&f);
}

/* What the host answers goes up, for each advice; a second stretch behind a hole is reached, except by those that bring pages in. */
static void every_one(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 256, 64);
	assert_int_equal(map_at(f.a, 0, 2, RW, FIXED), 0);
	assert_int_equal(map_at(f.a, 62, 4, RO, FIXED), 62); /* two chunks */
	assert_int_equal(map_at(f.b, 4, 1, RW, FIXED), 4);
	for (size_t i = 0; i < ADVICE_COUNT; i++) {
		int advice = every_advice[i];
		bool populates = advice == TULOU_MADV_POPULATE_READ || advice == TULOU_MADV_POPULATE_WRITE;
		size_t calls = calls_of(&f, PROBE_ADVISE);

		probe_fail(&f.probe, PROBE_ADVISE, 1, 99);
		assert_int_equal(advise(f.a, 0, 2, advice), -99);
		assert_int_equal(calls_of(&f, PROBE_ADVISE), calls + 1);
		probe_fail(&f.probe, PROBE_ADVISE, 2, 99);
		assert_int_equal(advise(f.a, 62, 4, advice) == -99, 0); /* one host call over both chunks */
		assert_int_equal(calls_of(&f, PROBE_ADVISE), calls + 2);
		probe_fail_none(&f.probe);
		probe_fail(&f.probe, PROBE_ADVISE, 2, 99);
		if (advice != TULOU_MADV_REMOVE && advice < TULOU_MADV_COLLAPSE)
			assert_int_equal(advise(f.a, 0, 66, advice), populates                       ? other(-TULOU_ENOMEM)
								     : advice == TULOU_MADV_DONTNEED ? -99
												     : other(-99));
		probe_fail_none(&f.probe);
		assert_int_equal(advise(f.a, 0, 2, TULOU_MADV_DOFORK), other(0));
		assert_int_equal(advise(f.a, 62, 4, TULOU_MADV_DOFORK), other(0));
		pool_expect(&f, "A:0+2rw B:4+1rw A:62+2r- A:64+2r-");
	}
	assert_int_equal(advise(f.a, 0, 66, TULOU_MADV_DONTNEED), -TULOU_ENOMEM);
	assert_int_equal(advise(f.a, 1, 1, TULOU_MADV_POPULATE_WRITE), other(0));
	assert_int_equal(advise(f.a, 3, 60, TULOU_MADV_POPULATE_READ), -TULOU_ENOMEM);
	assert_int_equal(advise(f.a, 62, 1, TULOU_MADV_POPULATE_WRITE), -TULOU_EINVAL);
	pool_close(&f);
}

/* MADV_REMOVE punches the file, MADV_DONTNEED only forgets the copies. */
static void contents(void **state)
{
	struct fixture f;
	int fd;

	(void)state;
	pool_open(&f, 256, 64);
	fd = machine_file_create(&f.machine, 4 * PAGE);
	machine_file_write(&f.machine, fd, "abcd", 4, PAGE);
	assert_int_equal(map_file(f.a, 0, 4, RW, TULOU_MAP_SHARED, fd, 0), 0);
	assert_int_equal(map_file(f.a, 8, 4, RW, TULOU_MAP_PRIVATE, fd, 0), 8);
	put_at(&f, 9, 'x');
	assert_int_equal(advise(f.a, 8, 4, TULOU_MADV_REMOVE), other(-TULOU_EACCES));
	assert_int_equal(advise(f.a, 8, 4, TULOU_MADV_FREE), -TULOU_EINVAL);
	assert_int_equal(advise(f.a, 8, 4, TULOU_MADV_DONTNEED), 0);
	assert_int_equal(byte_at(&f, 9), 'a');
	assert_int_equal(advise(f.a, 1, 1, TULOU_MADV_DONTNEED), 0);
	assert_int_equal(byte_at(&f, 1), 'a');
	assert_int_equal(advise(f.a, 1, 1, TULOU_MADV_REMOVE), other(0));
	assert_int_equal(byte_at(&f, 1), TRAITS.advises ? 0 : 'a');
	assert_int_equal(byte_at(&f, 9), TRAITS.advises ? 0 : 'a');
	machine_file_close(&f.machine, fd);
	pool_close(&f);
}

/* A copy of the address space is without what MADV_DONTFORK named, in the books as with the host. */
static void dont_fork(void **state)
{
	struct fixture f;

	(void)state;
	if (!TRAITS.advises)
		skip();
	pool_open(&f, 256, 64);
	assert_int_equal(map_at(f.a, 0, 8, RW, FIXED), 0);
	assert_int_equal(map_at(f.a, 62, 4, RW, FIXED), 62);
	assert_int_equal(advise(f.a, 2, 3, TULOU_MADV_DONTFORK), 0);
	assert_int_equal(advise(f.a, 3, 1, TULOU_MADV_DOFORK), 0);
	assert_int_equal(advise(f.a, 62, 40, TULOU_MADV_DONTFORK), -TULOU_ENOMEM);
	pool_expect(&f, "A:0+2rw A:2+1rw A:3+1rw A:4+1rw A:5+3rw A:62+2rw A:64+2rw");
	/* taken along by mremap, gone with what MAP_FIXED puts there, refused with the host */
	assert_int_equal(remap(f.a, 4, 1, 1, TULOU_MREMAP_MAYMOVE | TULOU_MREMAP_FIXED, 20), 20);
	assert_int_equal(map_at(f.a, 63, 1, RW, FIXED), 63);
	probe_fail(&f.probe, PROBE_ADVISE, 1, TULOU_ENOMEM);
	assert_int_equal(advise(f.a, 0, 1, TULOU_MADV_DONTFORK), -TULOU_ENOMEM);
	pool_expect(&f, "A:0+2rw A:2+1rw A:3+1rw A:5+3rw A:20+1rw A:62+1rw A:63+1rw A:64+2rw");
	tulou_fork_prepare(f.pool, f.a);
	tulou_fork_child(f.pool, f.a);
	pool_expect(&f, "A:0+2rw A:3+1rw A:5+3rw A:63+1rw");
	pool_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors),
		cmocka_unit_test(every_one),
		cmocka_unit_test(contents),
		cmocka_unit_test(dont_fork),
	};

	return POOL_RUN(tests);
}
