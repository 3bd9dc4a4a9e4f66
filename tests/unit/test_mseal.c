/* SPDX-License-Identifier: MIT */
/* test_mseal.c - mseal(2): what is sealed stays as it is, and goes with its process all the same. */
#include "pool_fixture.h"

static long seal(struct tulou_process_vm *vm, long page, long pages)
{
	return tulou_mseal(vm, at(page), (size_t)pages * PAGE, 0);
}

static void errors(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 256, 64);
	assert_int_equal(map_at(f.a, 0, 4, RW, FIXED), 0);
	assert_int_equal(map_at(f.a, 6, 2, RW, FIXED), 6);
	assert_int_equal(tulou_mseal(f.a, at(0), PAGE, 1), -TULOU_EINVAL);
	assert_int_equal(tulou_mseal(f.a, at(0) + 1, 0, 0), -TULOU_EINVAL);
	assert_int_equal(tulou_mseal(f.a, at(0), SIZE_MAX, 0), -TULOU_EINVAL);
	assert_int_equal(tulou_mseal(f.a, at(0), SIZE_MAX - 8191, 0), -TULOU_EINVAL);
	assert_int_equal(seal(f.a, 100, 0), 0);
	assert_int_equal(seal(f.a, 100, 1), -TULOU_ENOMEM);
	assert_int_equal(seal(f.b, 0, 1), -TULOU_ENOMEM);
	/* a hole: nothing is sealed */
	assert_int_equal(seal(f.a, 0, 8), -TULOU_ENOMEM);
	assert_int_equal(unmap(f.a, 0, 8), 0);
	pool_expect(&f, "");
	pool_close(&f);
}

static void stays(void **state)
{
	enum { MAY = TULOU_MREMAP_MAYMOVE, FIX = TULOU_MREMAP_FIXED, DONT = TULOU_MREMAP_DONTUNMAP };
	static const char whole[] = "A:1+1rw A:2+2rw A:4+1rw A:60+4r- A:64+2r-";
	struct fixture f;

	(void)state;
	pool_open(&f, 256, 64);
	assert_int_equal(map_at(f.a, 1, 4, RW, FIXED), 1);
	assert_int_equal(map_at(f.a, 60, 6, RO, FIXED), 60);
	assert_int_equal(seal(f.a, 2, 2), 0);
	assert_int_equal(seal(f.a, 2, 1), 0);
	assert_int_equal(seal(f.a, 60, 6), 0); /* two chunks */
	pool_expect(&f, whole);
	assert_int_equal(unmap(f.a, 0, 8), -TULOU_EPERM);
	assert_int_equal(unmap(f.a, 3, 1), -TULOU_EPERM);
	assert_int_equal(map_at(f.a, 0, 3, RW, FIXED), -TULOU_EPERM);
	assert_int_equal(map_at(f.a, 2, 1, RW, NOREPLACE), -TULOU_EEXIST);
	assert_int_equal(remap(f.a, 2, 2, 3, MAY, 0), -TULOU_EPERM);
	assert_int_equal(remap(f.a, 2, 2, 1, 0, 0), -TULOU_EPERM);
	assert_int_equal(remap(f.a, 2, 2, 2, 0, 0), -TULOU_EPERM);
	assert_int_equal(remap(f.a, 2, 2, 2, MAY | FIX, 20), -TULOU_EPERM);
	assert_int_equal(remap(f.a, 2, 2, 2, MAY | DONT, 0), -TULOU_EPERM);
	assert_int_equal(remap(f.a, 4, 1, 1, MAY | FIX, 3), -TULOU_EPERM);
	assert_int_equal(protect(f.a, 2, 1, RW), -TULOU_EPERM);
	pool_expect(&f, whole);
	/* what lies before is changed, as with a hole */
	assert_int_equal(protect(f.a, 1, 4, RO), -TULOU_EPERM);
	pool_expect(&f, "A:1+1r- A:2+2rw A:4+1rw A:60+4r- A:64+2r-");
	/* what cannot be written cannot be emptied; all else is allowed */
	assert_int_equal(tulou_madvise(f.a, at(2), PAGE, TULOU_MADV_DONTNEED), 0);
	assert_int_equal(tulou_madvise(f.a, at(65), PAGE, TULOU_MADV_DONTNEED), -TULOU_EPERM);
	assert_int_equal(tulou_madvise(f.a, at(65), PAGE, TULOU_MADV_DONTFORK), -TULOU_EPERM);
	assert_int_equal(tulou_madvise(f.a, at(65), PAGE, TULOU_MADV_WILLNEED), TRAITS.advises ? 0 : -TULOU_EINVAL);
	assert_int_equal(tulou_mlock2(f.a, at(65), PAGE, 0), TRAITS.locks ? 0 : -TULOU_ENOSYS);
	assert_int_equal(tulou_munlock(f.a, at(65), PAGE), TRAITS.locks ? 0 : -TULOU_ENOSYS);
	/* seals are copied with their areas */
	tulou_fork_prepare(f.pool, f.a);
	tulou_fork_child(f.pool, f.a);
	assert_int_equal(unmap(f.a, 60, 1), -TULOU_EPERM);
	assert_int_equal(unmap(f.a, 1, 1), 0);
	/* and go with the process */
	tulou_process_vm_unref(f.a);
	pool_expect(&f, "");
	pool_close(&f);
}

/* What Linux says of the call before it looks at seals (mm/mremap.c, mm/mprotect.c, do_mmap()). */
static void other_errors_first(void **state)
{
	enum { MAY = TULOU_MREMAP_MAYMOVE, FIX = TULOU_MREMAP_FIXED };
	struct fixture f;
	int fd, read_only, write_only;

	(void)state;
	pool_open(&f, 256, 64);
	fd = machine_file_create(&f.machine, 4 * PAGE);
	read_only = machine_file_open(&f.machine, fd, 0);
	write_only = machine_file_open(&f.machine, fd, 1);
	assert_int_equal(map_at(f.a, 0, 4, RW, FIXED), 0);
	assert_int_equal(page_of(tulou_mmap(f.a, at(8), PAGE, RO, TULOU_MAP_SHARED | FIXED, read_only, 0)), 8);
	assert_int_equal(map_at(f.a, 12, 1, RW, FIXED), 12);
	assert_int_equal(seal(f.a, 3, 1), 0);
	assert_int_equal(seal(f.a, 8, 1), 0);
	/* over a border: never moved, so that the seal behind it does not matter; but what is cut off must go */
	assert_int_equal(remap(f.a, 1, 3, 4, MAY | FIX, 20), -TULOU_EFAULT);
	assert_int_equal(remap(f.a, 1, 3, 1, MAY | FIX, 20), -TULOU_EPERM);
	assert_int_equal(remap(f.a, 1, 3, 1, 0, 0), -TULOU_EPERM);
	assert_int_equal(remap(f.a, 12, 0, 1, MAY | FIX, 3), -TULOU_EINVAL);
	assert_int_equal(protect(f.a, 8, 1, RW), -TULOU_EACCES);
	assert_int_equal(tulou_mmap(f.a, at(3), PAGE, RO, TULOU_MAP_PRIVATE | FIXED, write_only, 0), -TULOU_EACCES);
	pool_expect(&f, "A:0+3rw A:3+1rw A:8+1r-s@0 A:12+1rw");
	pool_close(&f);
}

static void heap(void **state)
{
	struct tulou_layout layout = {.stack_size = 4 * PAGE};
	struct fixture f;
	long brk;

	(void)state;
	pool_open(&f, 4096, 64);
	assert_int_equal(tulou_process_vm_build(f.a, &layout), 0);
	brk = tulou_brk(f.a, 0);
	assert_int_equal(tulou_brk(f.a, (uintptr_t)brk + 4 * PAGE), brk + 4 * PAGE);
	assert_int_equal(tulou_mseal(f.a, (uintptr_t)brk + PAGE, PAGE, 0), 0);
	assert_int_equal(tulou_brk(f.a, (uintptr_t)brk), brk + 4 * PAGE);
	assert_int_equal(tulou_brk(f.a, (uintptr_t)brk + 2 * PAGE), brk + 2 * PAGE);
	pool_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors),
		cmocka_unit_test(stays),
		cmocka_unit_test(other_errors_first),
		cmocka_unit_test(heap),
	};

	return POOL_RUN(tests);
}
