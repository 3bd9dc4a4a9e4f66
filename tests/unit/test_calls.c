/* SPDX-License-Identifier: MIT */
/* test_calls.c - munmap, mprotect, mremap, brk, msync, madvise: the whole state after each step, and the errors. */
#include "pool_fixture.h"

static void munmap_parts(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 256, 64);
	/*  AAAAAAAAAA → AA..AA.AAA */
	assert_int_equal(map_pages(f.a, 10, RW), 0);
	assert_int_equal(unmap(f.a, 2, 2), 0);
	assert_int_equal(unmap(f.a, 6, 1), 0);
	pool_expect(&f, "A:0+2rw A:4+2rw A:7+3rw");
	/* several areas, chunks and holes; B's page in between is not ours */
	assert_int_equal(map_at(f.a, 60, 80, RO, FIXED), 60);
	assert_int_equal(map_at(f.b, 12, 1, RO, FIXED), 12);
	pool_expect(&f, "A:0+2rw A:4+2rw A:7+3rw B:12+1r- A:60+4r- A:64+76r-");
	assert_int_equal(unmap(f.a, 5, 125), 0);
	pool_expect(&f, "A:0+2rw A:4+1rw B:12+1r- A:130+10r-");
	/* nothing there at all */
	assert_int_equal(unmap(f.a, 200, 20), 0);
	assert_int_equal(unmap(f.b, 0, 10), 0);
	pool_expect(&f, "A:0+2rw A:4+1rw B:12+1r- A:130+10r-");
	/* one host call per stretch, chunks or not */
	assert_int_equal(map_at(f.a, 60, 80, RO, FIXED), 60);
	size_t before = calls_of(&f, PROBE_UNMAP);
	assert_int_equal(unmap(f.a, 60, 80), 0);
	assert_int_equal(calls_of(&f, PROBE_UNMAP), before + 1);
	pool_close(&f);
}

static void munmap_errors(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 256, 64);
	assert_int_equal(map_pages(f.a, 10, RW), 0);
	assert_int_equal(tulou_munmap(f.a, at(0) + 1, PAGE), -TULOU_EINVAL);
	assert_int_equal(tulou_munmap(f.a, at(0), 0), -TULOU_EINVAL);
	assert_int_equal(tulou_munmap(f.a, at(0), SIZE_MAX), -TULOU_EINVAL);
	assert_int_equal(tulou_munmap(f.a, at(0), SIZE_MAX - 2 * PAGE), -TULOU_EINVAL);
	assert_int_equal(tulou_munmap(f.a, 0x7ffffffff000, PAGE), -TULOU_EINVAL);
	assert_int_equal(tulou_munmap(f.a, 0x7fffffffe000, PAGE), 0);
	assert_int_equal(tulou_munmap(f.a, 0, PAGE), 0);
	/* not whole pages: rounded up */
	assert_int_equal(tulou_munmap(f.a, at(0), 1), 0);
	pool_expect(&f, "A:1+9rw");
	pool_close(&f);
}

static void mprotect_areas(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 256, 64);
	/*  wwwwwwwwww → wwwrrrrwww → wwwrxxrwww → back to one */
	assert_int_equal(map_pages(f.a, 10, RW), 0);
	assert_int_equal(protect(f.a, 3, 4, RO), 0);
	pool_expect(&f, "A:0+3rw A:3+4r- A:7+3rw");
	assert_int_equal(protect(f.a, 4, 2, RX), 0);
	pool_expect(&f, "A:0+3rw A:3+1r- A:4+2r-x A:6+1r- A:7+3rw");
	assert_int_equal(protect(f.a, 2, 6, RW), 0);
	pool_expect(&f, "A:0+10rw");
	/* alternating perms, then all alike in one sweep */
	for (int page = 0; page < 10; page += 2)
		assert_int_equal(protect(f.a, page, 1, NONE), 0);
	pool_expect(&f, "A:0+1-- A:1+1rw A:2+1-- A:3+1rw A:4+1-- A:5+1rw A:6+1-- A:7+1rw A:8+1-- A:9+1rw");
	assert_int_equal(protect(f.a, 0, 9, RW), 0);
	pool_expect(&f, "A:0+10rw");
	/* over chunk edges */
	assert_int_equal(map_at(f.a, 60, 80, RO, FIXED), 60);
	assert_int_equal(protect(f.a, 62, 70, RW), 0);
	pool_expect(&f, "A:0+10rw A:60+2r- A:62+2rw A:64+68rw A:132+8r-");
	/* a hole: what lies before it changes */
	assert_int_equal(protect(f.a, 136, 10, NONE), -TULOU_ENOMEM);
	assert_int_equal(protect(f.a, 5, 10, RO), -TULOU_ENOMEM);
	assert_int_equal(protect(f.a, 11, 10, RO), -TULOU_ENOMEM);
	pool_expect(&f, "A:0+5rw A:5+5r- A:60+2r- A:62+2rw A:64+68rw A:132+4r- A:136+4--");
	/* another's pages are a hole */
	assert_int_equal(protect(f.b, 0, 2, RO), -TULOU_ENOMEM);
	pool_close(&f);
}

static void mprotect_errors(void **state)
{
	struct fixture f;
	int fd, read_only;

	(void)state;
	pool_open(&f, 256, 64);
	assert_int_equal(map_pages(f.a, 4, RW), 0);
	assert_int_equal(tulou_mprotect(f.a, at(0) + 1, 0, RW), -TULOU_EINVAL);
	assert_int_equal(tulou_mprotect(f.a, at(0), 0, -1), -TULOU_EINVAL);
	assert_int_equal(tulou_mprotect(f.a, at(0), 0, 0x40), 0);
	assert_int_equal(tulou_mprotect(f.a, at(0), SIZE_MAX, 0x40), -TULOU_ENOMEM);
	assert_int_equal(tulou_mprotect(f.a, at(0), SIZE_MAX - 8191, RW), -TULOU_ENOMEM);
	assert_int_equal(tulou_mprotect(f.a, at(200), PAGE, 0x40), -TULOU_EINVAL);
	assert_int_equal(tulou_mprotect(f.a, at(0), PAGE, RW | TULOU_PROT_GROWSDOWN | TULOU_PROT_GROWSUP), -TULOU_EINVAL);
	assert_int_equal(tulou_mprotect(f.a, at(0), PAGE, RW | TULOU_PROT_GROWSDOWN), -TULOU_EINVAL);
	assert_int_equal(tulou_mprotect(f.a, at(0), PAGE, RW | TULOU_PROT_SEM), 0);
	/* a shared mapping of a descriptor opened read-only never becomes writable; what lies before it changes */
	fd = machine_file_create(&f.machine, 3 * PAGE);
	read_only = machine_file_open(&f.machine, fd, 0);
	assert_int_equal(map_file(f.a, 4, 2, RO, TULOU_MAP_SHARED, read_only, 0), 4);
	assert_int_equal(map_file(f.a, 6, 2, RO, TULOU_MAP_PRIVATE, read_only, 0), 6);
	assert_int_equal(protect(f.a, 4, 2, RW), -TULOU_EACCES);
	assert_int_equal(protect(f.a, 6, 2, RW), 0);
	assert_int_equal(protect(f.a, 2, 4, RW | TULOU_PROT_EXEC), -TULOU_EACCES);
	pool_expect(&f, "A:0+2rw A:2+2rwx A:4+2r-s@0 A:6+2rw@0");
	pool_close(&f);
}

static void mremap_in_place(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 256, 64);
	/*  AAAA....... → AAAAAAA....  → AA */
	assert_int_equal(map_pages(f.a, 4, RW), 0);
	assert_int_equal(remap(f.a, 0, 4, 7, 0, 0), 0);
	pool_expect(&f, "A:0+7rw");
	assert_int_equal(remap(f.a, 0, 7, 2, 0, 0), 0);
	pool_expect(&f, "A:0+2rw");
	/* the upper part of a mapping grows too; the lower one is not at its end */
	assert_int_equal(remap(f.a, 1, 1, 3, 0, 0), 1);
	pool_expect(&f, "A:0+4rw");
	assert_int_equal(remap(f.a, 0, 2, 5, 0, 0), -TULOU_ENOMEM);
	/* a large one grows its chunk, until another chunk stands there */
	assert_int_equal(map_pages(f.a, 40, RO), 64);
	assert_int_equal(remap(f.a, 64, 40, 80, 0, 0), 64);
	assert_int_equal(map_at(f.b, 200, 1, RW, FIXED), 200);
	assert_int_equal(remap(f.a, 64, 80, 127, 0, 0), 64);
	assert_int_equal(remap(f.a, 64, 127, 137, 0, 0), -TULOU_ENOMEM);
	/* over its edge, and back */
	assert_int_equal(remap(f.a, 64, 127, 130, 0, 0), 64);
	pool_expect(&f, "A:0+4rw A:64+128r- A:192+2r- B:200+1rw");
	assert_int_equal(remap(f.a, 64, 130, 127, 0, 0), 64);
	pool_expect(&f, "A:0+4rw A:64+127r- B:200+1rw");
	/* the page of another is in the way */
	assert_int_equal(map_at(f.b, 8, 1, RW, FIXED), 8);
	assert_int_equal(remap(f.a, 0, 4, 7, 0, 0), 0);
	assert_int_equal(remap(f.a, 0, 7, 8, 0, 0), -TULOU_ENOMEM);
	pool_expect(&f, "A:0+7rw B:8+1rw A:64+127r- B:200+1rw");
	pool_close(&f);
}

static void mremap_moves(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 256, 64);
	assert_int_equal(map_pages(f.a, 4, RW), 0);
	assert_int_equal(map_pages(f.a, 4, RO), 4);
	put_at(&f, 1, 'x');
	/*  AAAArrrr → ....rrrrAAAAAA */
	assert_int_equal(remap(f.a, 0, 4, 6, 0, 0), -TULOU_ENOMEM);
	assert_int_equal(remap(f.a, 0, 4, 6, TULOU_MREMAP_MAYMOVE, 0), 8);
	pool_expect(&f, "A:4+4r- A:8+6rw");
	assert_int_equal(byte_at(&f, 9), 'x');
	/* FIXED: over own areas, holes and chunk edges, larger and smaller */
	assert_int_equal(remap(f.a, 8, 6, 10, TULOU_MREMAP_MAYMOVE | TULOU_MREMAP_FIXED, 58), 58);
	pool_expect(&f, "A:4+4r- A:58+6rw A:64+4rw");
	assert_int_equal(byte_at(&f, 59), 'x');
	/* both records are one mapping */
	assert_int_equal(remap(f.a, 58, 10, 5, TULOU_MREMAP_MAYMOVE | TULOU_MREMAP_FIXED, 2), 2);
	pool_expect(&f, "A:2+5rw A:7+1r-");
	assert_int_equal(byte_at(&f, 3), 'x');
	/* DONTUNMAP: the old range stays, empty */
	assert_int_equal(remap(f.a, 2, 2, 2, TULOU_MREMAP_MAYMOVE | TULOU_MREMAP_DONTUNMAP, 20), 20);
	pool_expect(&f, "A:2+5rw A:7+1r- A:20+2rw");
	assert_int_equal(byte_at(&f, 21), 'x');
	assert_int_equal(byte_at(&f, 3), 0);
	/* not over another's */
	assert_int_equal(map_at(f.b, 40, 4, RW, FIXED), 40);
	assert_int_equal(remap(f.a, 2, 2, 2, TULOU_MREMAP_MAYMOVE | TULOU_MREMAP_FIXED, 39), -TULOU_ENOMEM);
	pool_expect(&f, "A:2+5rw A:7+1r- A:20+2rw B:40+4rw");
	pool_close(&f);
}

static void mremap_errors(void **state)
{
	enum { MAY = TULOU_MREMAP_MAYMOVE, FIX = TULOU_MREMAP_FIXED, DONT = TULOU_MREMAP_DONTUNMAP };
	struct fixture f;

	(void)state;
	pool_open(&f, 256, 64);
	assert_int_equal(map_pages(f.a, 4, RW), 0);
	assert_int_equal(map_pages(f.a, 4, RO), 4);
	assert_int_equal(remap(f.a, 0, 4, 4, 8, 0), -TULOU_EINVAL);
	assert_int_equal(remap(f.a, 0, 4, 4, FIX, 20), -TULOU_EINVAL);
	assert_int_equal(remap(f.a, 0, 4, 4, DONT, 20), -TULOU_EINVAL);
	assert_int_equal(remap(f.a, 0, 4, 5, DONT | MAY, 20), -TULOU_EINVAL);
	assert_int_equal(remap(f.a, 0, 4, 0, MAY, 0), -TULOU_EINVAL);
	assert_int_equal(remap(f.a, 0, 0, 4, MAY, 0), -TULOU_EINVAL);
	assert_int_equal(remap(f.a, 0, 4, 4, FIX | MAY, 2), -TULOU_EINVAL);
	assert_int_equal(tulou_mremap(f.a, at(0) + 1, PAGE, PAGE, 0, 0), -TULOU_EINVAL);
	assert_int_equal(tulou_mremap(f.a, at(0), PAGE, PAGE, MAY | FIX, at(20) + 1), -TULOU_EINVAL);
	assert_int_equal(tulou_mremap(f.a, at(0), PAGE, PAGE, MAY | FIX, 0x7ffffffff000), -TULOU_EINVAL);
	assert_int_equal(tulou_mremap(f.a, at(0), PAGE, SIZE_MAX, MAY, 0), -TULOU_EINVAL);
	assert_int_equal(tulou_mremap(f.a, at(0), PAGE, 1ul << 46, MAY, 0), -TULOU_ENOMEM);
	assert_int_equal(remap(f.a, 30, 4, 4, MAY, 0), -TULOU_EFAULT);
	assert_int_equal(remap(f.b, 0, 4, 5, MAY, 0), -TULOU_EFAULT);
	assert_int_equal(remap(f.a, 2, 4, 8, MAY, 0), -TULOU_EFAULT);
	pool_expect(&f, "A:0+4rw A:4+4r-");
	pool_close(&f);
}

static void msync_madvise(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 256, 64);
	assert_int_equal(map_pages(f.a, 2, RW), 0);
	assert_int_equal(map_at(f.a, 4, 2, RW, FIXED), 4);
	assert_int_equal(tulou_msync(f.a, at(0), PAGE, 8), -TULOU_EINVAL);
	assert_int_equal(tulou_msync(f.a, at(0) + 1, PAGE, 0), -TULOU_EINVAL);
	assert_int_equal(tulou_msync(f.a, at(0), PAGE, TULOU_MS_SYNC | TULOU_MS_ASYNC), -TULOU_EINVAL);
	assert_int_equal(tulou_msync(f.a, at(0), SIZE_MAX - 8191, TULOU_MS_SYNC), -TULOU_ENOMEM);
	assert_int_equal(tulou_msync(f.a, at(0), 0, TULOU_MS_SYNC), 0);
	assert_int_equal(tulou_msync(f.a, at(0), 2 * PAGE, TULOU_MS_SYNC), 0);
	assert_int_equal(calls_of(&f, PROBE_SYNC), 1);
	/* both sides of the hole are done, then ENOMEM */
	assert_int_equal(tulou_msync(f.a, at(0), 6 * PAGE, TULOU_MS_SYNC), -TULOU_ENOMEM);
	assert_int_equal(calls_of(&f, PROBE_SYNC), 3);

	put_at(&f, 1, 'x');
	put_at(&f, 5, 'y');
	assert_int_equal(tulou_madvise(f.a, at(0), PAGE, 7), -TULOU_EINVAL);
	assert_int_equal(tulou_madvise(f.a, at(0) + 1, PAGE, TULOU_MADV_DONTNEED), -TULOU_EINVAL);
	assert_int_equal(tulou_madvise(f.a, at(0), SIZE_MAX, TULOU_MADV_DONTNEED), -TULOU_EINVAL);
	assert_int_equal(tulou_madvise(f.a, at(0), 0, TULOU_MADV_DONTNEED), 0);
	assert_int_equal(tulou_madvise(f.a, at(0), PAGE, TULOU_MADV_DONTNEED), 0);
	assert_int_equal(byte_at(&f, 1), 'x');
	assert_int_equal(tulou_madvise(f.a, at(0), 6 * PAGE, TULOU_MADV_DONTNEED), -TULOU_ENOMEM);
	assert_int_equal(byte_at(&f, 1), 0);
	assert_int_equal(byte_at(&f, 5), 0);
	assert_int_equal(tulou_madvise(f.b, at(0), PAGE, TULOU_MADV_DONTNEED), -TULOU_ENOMEM);
	pool_close(&f);
}

static void access_ok(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 256, 64);
	assert_int_equal(map_at(f.a, 62, 4, RW, FIXED), 62);
	assert_int_equal(protect(f.a, 65, 1, RO), 0);
	assert_true(tulou_access_ok(f.a, at(62) + 5, 3 * PAGE - 5, RW));
	assert_true(tulou_access_ok(f.a, at(62), 4 * PAGE, RO));
	assert_true(tulou_access_ok(f.a, at(200), 0, RW));
	assert_false(tulou_access_ok(f.a, at(62), 4 * PAGE, RW));
	assert_false(tulou_access_ok(f.a, at(62), 4 * PAGE + 1, RO));
	assert_false(tulou_access_ok(f.a, at(62) - 1, 2, RO));
	assert_false(tulou_access_ok(f.b, at(62), 1, RO));
	assert_false(tulou_access_ok(f.a, UINTPTR_MAX - 1, 5, NONE));
	pool_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(munmap_parts),
		cmocka_unit_test(munmap_errors),
		cmocka_unit_test(mprotect_areas),
		cmocka_unit_test(mprotect_errors),
		cmocka_unit_test(mremap_in_place),
		cmocka_unit_test(mremap_moves),
		cmocka_unit_test(mremap_errors),
		cmocka_unit_test(msync_madvise),
		cmocka_unit_test(access_ok),
	};

	return POOL_RUN(tests);
}
