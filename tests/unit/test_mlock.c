/* SPDX-License-Identifier: MIT */
/* test_mlock.c - mincore, mlock, munlock, mlockall: what is locked stands in the books and with the host. */
#include "pool_fixture.h"

static long lock(struct tulou_process_vm *vm, long page, long pages, int flags)
{
	return tulou_mlock2(vm, at(page), (size_t)pages * PAGE, flags);
}

static long unlock(struct tulou_process_vm *vm, long page, long pages)
{
	return tulou_munlock(vm, at(page), (size_t)pages * PAGE);
}

static bool host_locked(const struct fixture *f, long page)
{
	struct machine_page seen = host_page(f, page);

	assert_true(seen.mapped);
	return seen.locked;
}

/* A host that has neither: the calls do not exist. */
static void without_locks(void **state)
{
	unsigned char seen;
	struct fixture f;

	(void)state;
	if (TRAITS.locks)
		skip();
	pool_open(&f, 256, 64);
	assert_int_equal(map_pages(f.a, 4, RW), 0);
	assert_int_equal(lock(f.a, 0, 1, 0), -TULOU_ENOSYS);
	assert_int_equal(unlock(f.a, 0, 1), -TULOU_ENOSYS);
	assert_int_equal(tulou_mlockall(f.a, TULOU_MCL_CURRENT, UINT64_MAX), -TULOU_ENOSYS);
	assert_int_equal(tulou_munlockall(f.a), -TULOU_ENOSYS);
	assert_int_equal(tulou_mincore(f.a, at(0), PAGE, &seen), -TULOU_ENOSYS);
	pool_expect(&f, "A:0+4rw");
	pool_close(&f);
}

static void mlock_ranges(void **state)
{
	struct fixture f;

	(void)state;
	if (!TRAITS.locks)
		skip();
	pool_open(&f, 256, 64);
	assert_int_equal(map_at(f.a, 0, 8, RW, FIXED), 0);
	assert_int_equal(map_at(f.a, 60, 8, RW, FIXED), 60);
	assert_int_equal(lock(f.a, 2, 3, 0), 0);
	assert_int_equal(lock(f.a, 6, 1, TULOU_MLOCK_ONFAULT), 0);
	pool_expect(&f, "A:0+2rw A:2+3rwl A:5+1rw A:6+1rwl A:7+1rw A:60+4rw A:64+4rw");
	assert_true(host_locked(&f, 4) && host_locked(&f, 6) && !host_locked(&f, 5));
	/* once more: the same; then as one, unlocked in the middle */
	assert_int_equal(lock(f.a, 2, 3, 0), 0);
	assert_int_equal(lock(f.a, 0, 8, 0), 0);
	pool_expect(&f, "A:0+8rwl A:60+4rw A:64+4rw");
	assert_int_equal(unlock(f.a, 3, 2), 0);
	pool_expect(&f, "A:0+3rwl A:3+2rw A:5+3rwl A:60+4rw A:64+4rw");
	/* over a chunk's edge, and up to a hole, which is told */
	assert_int_equal(lock(f.a, 61, 5, 0), 0);
	assert_int_equal(lock(f.a, 66, 5, 0), -TULOU_ENOMEM);
	pool_expect(&f, "A:0+3rwl A:3+2rw A:5+3rwl A:60+1rw A:61+3rwl A:64+4rwl");
	assert_int_equal(unlock(f.a, 61, 40), -TULOU_ENOMEM);
	assert_int_equal(unlock(f.a, 20, 4), -TULOU_ENOMEM);
	pool_expect(&f, "A:0+3rwl A:3+2rw A:5+3rwl A:60+4rw A:64+4rw");
	/* another's pages are a hole */
	assert_int_equal(lock(f.b, 0, 1, 0), -TULOU_ENOMEM);
	/* what replaces it is not locked; what moves is; MREMAP_DONTUNMAP leaves it unlocked */
	assert_int_equal(map_at(f.a, 1, 1, RW, FIXED), 1);
	assert_int_equal(remap(f.a, 5, 3, 3, TULOU_MREMAP_MAYMOVE | TULOU_MREMAP_DONTUNMAP, 20), 20);
	pool_expect(&f, "A:0+1rwl A:1+1rw A:2+1rwl A:3+5rw A:20+3rwl A:60+4rw A:64+4rw");
	assert_true(host_locked(&f, 21) && !host_locked(&f, 6));
	/* the whole of what is left behind, as in Linux */
	assert_int_equal(remap(f.a, 21, 1, 1, TULOU_MREMAP_MAYMOVE | TULOU_MREMAP_DONTUNMAP, 30), 30);
	assert_true(host_locked(&f, 30) && !host_locked(&f, 20) && !host_locked(&f, 22));
	assert_int_equal(unmap(f.a, 30, 1), 0);
	/* but a target that cuts it */
	assert_int_equal(lock(f.a, 60, 8, 0), 0);
	assert_int_equal(remap(f.a, 60, 1, 1, TULOU_MREMAP_MAYMOVE | TULOU_MREMAP_DONTUNMAP | TULOU_MREMAP_FIXED, 62), 62);
	assert_true(!host_locked(&f, 61) && host_locked(&f, 62) && host_locked(&f, 63) && host_locked(&f, 64));
	assert_int_equal(unlock(f.a, 60, 8), 0);
	/* one right behind it, which the kernel may make one mapping with it before it unlocks that */
	assert_int_equal(map_at(f.a, 48, 3, RW, FIXED | TULOU_MAP_NORESERVE), 48);
	assert_int_equal(lock(f.a, 48, 3, TULOU_MLOCK_ONFAULT), 0);
	assert_int_equal(remap(f.a, 48, 1, 1, TULOU_MREMAP_MAYMOVE | TULOU_MREMAP_DONTUNMAP | TULOU_MREMAP_FIXED, 51), 51);
	assert_true(!host_locked(&f, 48) && !host_locked(&f, 50) && host_locked(&f, 51));
	assert_int_equal(unmap(f.a, 48, 4), 0);
	/* mmap locks too */
	assert_int_equal(map_at(f.a, 40, 2, RW, FIXED | TULOU_MAP_LOCKED), 40);
	assert_int_equal(map_at(f.a, 42, 1, RW, FIXED | TULOU_MAP_POPULATE), 42);
	assert_true(host_locked(&f, 41) && !host_locked(&f, 42));
	pool_expect(&f, "A:0+1rwl A:1+1rw A:2+1rwl A:3+5rw A:20+3rw A:40+2rwl A:42+1rw A:60+4rw A:64+4rw");
	/* locked pages are not advised away */
	assert_int_equal(tulou_madvise(f.a, at(0), 4 * PAGE, TULOU_MADV_DONTNEED), -TULOU_EINVAL);
	assert_int_equal(tulou_msync(f.a, at(0), 4 * PAGE, TULOU_MS_INVALIDATE), -TULOU_EBUSY);
	pool_close(&f);
}

static void mlock_errors(void **state)
{
	struct fixture f;
	int fd;

	(void)state;
	if (!TRAITS.locks)
		skip();
	pool_open(&f, 256, 64);
	assert_int_equal(map_pages(f.a, 4, RW), 0);
	assert_int_equal(lock(f.a, 0, 1, 2), -TULOU_EINVAL);
	assert_int_equal(lock(f.a, 0, 0, 2), -TULOU_EINVAL);
	assert_int_equal(lock(f.a, 100, 0, 0), 0);
	/* rounded outwards, and the sum wraps as the kernel's */
	assert_int_equal(tulou_mlock2(f.a, at(0) + 1, 0, 0), 0);
	pool_expect(&f, "A:0+1rwl A:1+3rw");
	assert_int_equal(tulou_munlock(f.a, at(0) + 1, 0), 0);
	assert_int_equal(tulou_mlock2(f.a, at(0), SIZE_MAX, 0), 0);
	assert_int_equal(tulou_mlock2(f.a, at(0), SIZE_MAX - 8191, 0), -TULOU_EINVAL);
	assert_int_equal(tulou_munlock(f.a, at(0), SIZE_MAX - 8191), -TULOU_EINVAL);
	pool_expect(&f, "A:0+4rw");
	assert_int_equal(tulou_mlock2(f.a, at(1) + 5, PAGE, 0), 0);
	pool_expect(&f, "A:0+1rw A:1+2rwl A:3+1rw");
	/* pages that cannot be brought in: locked all the same */
	fd = machine_file_create(&f.machine, PAGE);
	assert_int_equal(map_file(f.a, 8, 2, RW, TULOU_MAP_SHARED, fd, 0), 8);
	assert_int_equal(lock(f.a, 8, 2, 0), -TULOU_ENOMEM);
	assert_int_equal(lock(f.a, 8, 2, TULOU_MLOCK_ONFAULT), 0);
	pool_expect(&f, "A:0+1rw A:1+2rwl A:3+1rw A:8+2rwsl@0");
	/* a host that refuses has changed nothing */
	probe_fail(&f.probe, PROBE_LOCK, 1, TULOU_EAGAIN);
	assert_int_equal(lock(f.a, 0, 4, 0), -TULOU_EAGAIN);
	probe_fail(&f.probe, PROBE_LOCK, 1, TULOU_ENOMEM);
	assert_int_equal(unlock(f.a, 0, 4), -TULOU_ENOMEM);
	pool_expect(&f, "A:0+1rw A:1+2rwl A:3+1rw A:8+2rwsl@0");
	machine_file_close(&f.machine, fd);
	pool_close(&f);
}

static void mlockall_now_and_later(void **state)
{
	enum { CURRENT = TULOU_MCL_CURRENT, FUTURE = TULOU_MCL_FUTURE, ONFAULT = TULOU_MCL_ONFAULT };
	static const int bad[] = {0, ONFAULT, 8, CURRENT | 8};
	struct fixture f;

	(void)state;
	if (!TRAITS.locks)
		skip();
	pool_open(&f, 256, 64);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(tulou_mlockall(f.a, bad[i], 0), -TULOU_EINVAL);
	assert_int_equal(tulou_mlockall(f.a, CURRENT, 0), -TULOU_EPERM);
	assert_int_equal(map_at(f.a, 0, 4, RW, FIXED), 0);
	assert_int_equal(map_at(f.a, 60, 8, NONE, FIXED), 60);
	assert_int_equal(map_at(f.b, 20, 4, RW, FIXED), 20);
	assert_int_equal(tulou_mlockall(f.a, CURRENT, 12 * PAGE - 1), -TULOU_ENOMEM);
	pool_expect(&f, "A:0+4rw B:20+4rw A:60+4-- A:64+4--");
	assert_int_equal(tulou_mlockall(f.a, CURRENT, 12 * PAGE), 0);
	assert_int_equal(map_at(f.a, 2, 1, RO, FIXED), 2);
	pool_expect(&f, "A:0+2rwl A:2+1r- A:3+1rwl B:20+4rw A:60+4--l A:64+4--l");
	/* later ones only */
	assert_int_equal(tulou_munlockall(f.a), 0);
	assert_int_equal(unmap(f.a, 60, 8), 0);
	assert_int_equal(tulou_mlockall(f.b, FUTURE, 1), 0);
	assert_int_equal(map_at(f.b, 30, 2, RW, FIXED), 30);
	assert_true(host_locked(&f, 31) && !host_locked(&f, 20));
	assert_int_equal(tulou_mlockall(f.b, FUTURE | ONFAULT, 1), 0);
	assert_int_equal(map_at(f.b, 40, 2, RW, FIXED), 40);
	assert_true(host_locked(&f, 41));
	/* the host lets no more be locked: what was there stays */
	probe_fail(&f.probe, PROBE_MAP, 1, TULOU_EAGAIN);
	assert_int_equal(map_at(f.b, 40, 2, RO, FIXED), -TULOU_EAGAIN);
	/* CURRENT alone ends FUTURE */
	assert_int_equal(tulou_mlockall(f.b, CURRENT, UINT64_MAX), 0);
	assert_int_equal(map_at(f.b, 50, 2, RW, FIXED), 50);
	assert_true(host_locked(&f, 20) && !host_locked(&f, 50));
	/* a copy begins without locks */
	tulou_fork_prepare(f.pool, f.a);
	tulou_fork_child(f.pool, f.a);
	pool_expect(&f, "A:0+2rw A:2+1r- A:3+1rw");
	pool_close(&f);
}

/* A private page that was brought in for writing is a copy, which the file's later contents do not reach. */
static bool page_is_copy(struct fixture *f, int fd, long page)
{
	uint8_t mark = (uint8_t)(byte_at(f, page) + 1);

	machine_file_write(&f->machine, fd, &mark, 1, 0);
	return byte_at(f, page) != mark;
}

static void what_is_brought_in(void **state)
{
	static const int flags = TULOU_MAP_PRIVATE | FIXED, POPULATE = TULOU_MAP_POPULATE;
	struct fixture f;
	int fd;

	(void)state;
	if (!TRAITS.locks)
		return;
	pool_open(&f, 256, 64);
	fd = machine_file_create(&f.machine, PAGE);
	assert_int_equal(map_at(f.a, 0, 4, NONE, FIXED), 0);
	tulou_mmap(f.a, at(4), PAGE, RW, flags, fd, 0);
	/* an area whose pages do not come ends mlock, and is passed over by mlockall */
	assert_int_equal(lock(f.a, 0, 5, 0), -TULOU_ENOMEM);
	assert_false(page_is_copy(&f, fd, 4));
	assert_int_equal(tulou_mlockall(f.a, TULOU_MCL_CURRENT, UINT64_MAX), 0);
	assert_true(page_is_copy(&f, fd, 4));
	tulou_mmap(f.a, at(5), PAGE, RW, flags | POPULATE, fd, 0);
	tulou_mmap(f.a, at(6), PAGE, RW, flags | POPULATE | TULOU_MAP_NONBLOCK, fd, 0);
	assert_true(page_is_copy(&f, fd, 5));
	assert_false(page_is_copy(&f, fd, 6));
	/* locked as they are touched: neither POPULATE nor LOCKED changes that */
	assert_int_equal(tulou_mlockall(f.a, TULOU_MCL_FUTURE | TULOU_MCL_ONFAULT, UINT64_MAX), 0);
	tulou_mmap(f.a, at(8), PAGE, RW, flags | POPULATE, fd, 0);
	tulou_mmap(f.a, at(9), PAGE, RW, flags | TULOU_MAP_LOCKED, fd, 0);
	assert_false(page_is_copy(&f, fd, 8));
	assert_false(page_is_copy(&f, fd, 9));
	pool_close(&f);
}

static void mlockall_heap(void **state)
{
	struct tulou_layout layout = {.stack_size = 4 * PAGE};
	struct fixture f;
	long brk;

	(void)state;
	if (!TRAITS.locks)
		skip();
	pool_open(&f, 4096, 64);
	assert_int_equal(tulou_process_vm_build(f.b, &layout), 0);
	brk = tulou_brk(f.b, 0);
	assert_int_equal(tulou_brk(f.b, (uintptr_t)brk + PAGE), brk + PAGE);
	assert_int_equal(tulou_mlockall(f.b, TULOU_MCL_FUTURE, 1), 0);
	assert_int_equal(tulou_brk(f.b, (uintptr_t)brk + 2 * PAGE), brk + 2 * PAGE);
	assert_true(!host_locked(&f, page_of(brk)) && host_locked(&f, page_of(brk) + 1));
	assert_int_equal(tulou_mlockall(f.b, TULOU_MCL_FUTURE | TULOU_MCL_ONFAULT, 1), 0);
	probe_fail(&f.probe, PROBE_MAP, 1, TULOU_EAGAIN);
	assert_int_equal(tulou_brk(f.b, (uintptr_t)brk + 4 * PAGE), brk + 2 * PAGE);
	assert_int_equal(tulou_brk(f.b, (uintptr_t)brk + 3 * PAGE), brk + 3 * PAGE);
	assert_true(host_locked(&f, page_of(brk) + 2));
	assert_int_equal(tulou_brk(f.b, (uintptr_t)brk), brk);
	pool_close(&f);
}

/* What is refused half-way is told; what was locked before stays. */
static void mlockall_refused(void **state)
{
	struct fixture f;

	(void)state;
	if (!TRAITS.locks)
		skip();
	pool_open(&f, 256, 64);
	assert_int_equal(map_at(f.a, 0, 4, RW, FIXED), 0);
	assert_int_equal(map_at(f.a, 8, 4, RW, FIXED), 8);
	probe_fail(&f.probe, PROBE_LOCK, 2, TULOU_ENOMEM);
	assert_int_equal(tulou_mlockall(f.a, TULOU_MCL_CURRENT | TULOU_MCL_FUTURE, UINT64_MAX), -TULOU_ENOMEM);
	assert_int_equal(map_at(f.a, 20, 1, RW, FIXED), 20);
	pool_expect(&f, "A:0+4rwl A:8+4rw A:20+1rw");
	pool_close(&f);
}

static void mincore_pages(void **state)
{
	unsigned char seen[16];
	struct fixture f;

	(void)state;
	if (!TRAITS.locks)
		skip();
	pool_open(&f, 256, 64);
	assert_int_equal(map_at(f.a, 62, 4, RW, FIXED), 62);
	assert_int_equal(map_at(f.a, 70, 1, RW, FIXED), 70);
	put_at(&f, 63, 1);
	put_at(&f, 64, 1);
	memset(seen, 9, sizeof(seen));
	assert_int_equal(tulou_mincore(f.a, at(62), 3 * PAGE + 1, seen), 0);
	assert_memory_equal(seen, "\0\1\1\0\t", 5);
	/* up to the hole */
	memset(seen, 9, sizeof(seen));
	assert_int_equal(tulou_mincore(f.a, at(63), 8 * PAGE, seen), -TULOU_ENOMEM);
	assert_memory_equal(seen, "\1\1\0\t", 4);
	assert_int_equal(tulou_mincore(f.a, at(63) + 1, 0, seen), -TULOU_EINVAL);
	assert_int_equal(tulou_mincore(f.a, at(63), 0, seen), 0);
	assert_int_equal(tulou_mincore(f.a, at(100), 0, seen), 0);
	assert_int_equal(tulou_mincore(f.a, at(63), SIZE_MAX, seen), -TULOU_ENOMEM);
	assert_int_equal(tulou_mincore(f.a, at(63), PAGE, (unsigned char *)UINTPTR_MAX), -TULOU_EFAULT);
	assert_int_equal(tulou_mincore(f.a, at(63), 0, (unsigned char *)UINTPTR_MAX), -TULOU_EFAULT);
	assert_int_equal(tulou_mincore(f.b, at(63), PAGE, seen), -TULOU_ENOMEM);
	probe_fail(&f.probe, PROBE_RESIDENT, 1, TULOU_EFAULT);
	assert_int_equal(tulou_mincore(f.a, at(63), PAGE, seen), -TULOU_EFAULT);
	pool_expect(&f, "A:62+2rw A:64+2rw A:70+1rw");
	pool_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_locks),
		cmocka_unit_test(mlock_ranges),
		cmocka_unit_test(mlock_errors),
		cmocka_unit_test(mlockall_now_and_later),
		cmocka_unit_test(what_is_brought_in),
		cmocka_unit_test(mlockall_heap),
		cmocka_unit_test(mlockall_refused),
		cmocka_unit_test(mincore_pages),
	};

	return POOL_RUN(tests);
}
