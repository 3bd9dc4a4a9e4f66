/* SPDX-License-Identifier: MIT */
/* test_host_core.c - calls of the core where Linux is at its worst: a protect that stops half-way, mappings that are several VMAs. */
#include "pool_fixture.h"

#include <fcntl.h>
#include <unistd.h>

static void linux_pool_open(struct fixture *f)
{
	pool_machine = ON_LINUX;
	pool_open(f, 256, 64);
}

static void refused_protect(void **state)
{
	int fd, zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	struct fixture f;

	(void)state;
	linux_pool_open(&f);
	fd = machine_file_create(&f.machine, PAGE);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), 0);
	assert_int_equal(map_at(f.a, 0, 1, RO, FIXED), 0);
	assert_int_equal(map_file(f.a, 1, 1, RO, TULOU_MAP_SHARED, fd, 0), 1);
	assert_int_equal(protect(f.a, 0, 2, RW), -TULOU_EACCES); /* the descriptor can write, the seal forbids it */
	assert_int_equal(read(zero, (void *)at(0), 1), 1); /* what lies before it is done, as Linux does */
	assert_true(tulou_access_ok(f.a, at(0), PAGE, RW));
	assert_false(tulou_access_ok(f.a, at(1), PAGE, RW));
	close(zero);
	machine_file_close(&f.machine, fd);
	pool_close(&f);
}

static void moves_what_the_kernel_splits(void **state)
{
	struct fixture f;
	long moved;

	(void)state;
	linux_pool_open(&f);
	assert_int_equal(map_at(f.a, 0, 4, RW, FIXED), 0);
	memset((void *)at(0), 'a', 4 * PAGE);
	assert_int_equal(map_at(f.a, 8, 4, RW, FIXED), 8);
	memset((void *)at(8), 'c', 4 * PAGE);
	assert_int_equal(map_at(f.a, 4, 4, RW, FIXED), 4); /* one area in the books, two VMAs in the kernel */
	memset((void *)at(4), 'b', 4 * PAGE);
	assert_int_equal(map_at(f.a, 12, 1, RO, FIXED), 12); /* in the way of growth */
	moved = remap(f.a, 0, 12, 16, TULOU_MREMAP_MAYMOVE, 0);
	assert_true(moved > 12);
	for (int i = 0; i < 16; i++)
		assert_int_equal(byte_at(&f, moved + i), i < 12 ? "abc"[i / 4] : 0);
	assert_int_equal(remap(f.a, moved, 16, 20, 0, 0), moved);
	assert_int_equal(byte_at(&f, moved + 19), 0);
	pool_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_protect),
		cmocka_unit_test(moves_what_the_kernel_splits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
