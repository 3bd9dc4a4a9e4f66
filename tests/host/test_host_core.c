/* SPDX-License-Identifier: MIT */
/*
 * test_host_core.c - calls of the core where the hosts are at their worst: a protect that stops half-way, mappings that are several
 * VMAs in the kernel, every callback failing once.
 */
#include "host/linux/linux_host.h"
#include "host/sim/sim.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <tulou/inspect.h>

#include <cmocka.h>

enum { P = TULOU_PAGE_SIZE, R = TULOU_PROT_READ, W = TULOU_PROT_READ | TULOU_PROT_WRITE };
enum { ANON = TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS, FIXED = TULOU_MAP_FIXED };

static struct linux_host lh;

/* A pool where the kernel places nothing by itself. */
static struct tulou *linux_pool(uintptr_t *start)
{
	const size_t room = 1ul << 36;
	void *hole = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct tulou *pool;

	assert_ptr_not_equal(hole, MAP_FAILED);
	munmap(hole, room);
	*start = ((uintptr_t)hole + 0x1ffffff) & ~0x1fffffful;
	const struct tulou_config config = {.start = *start, .end = *start + (1ul << 32), .check_level = 3};

	linux_host_init(&lh, NULL, 0);
	assert_int_equal(tulou_create(&pool, &lh.host, &config), 0);
	return pool;
}

static struct tulou_process_vm *process(struct tulou *pool)
{
	struct tulou_process_vm *vm;

	assert_int_equal(tulou_process_vm_create(pool, 1, &vm), 0);
	return vm;
}

static void map(struct tulou_process_vm *vm, uintptr_t addr, size_t size, int prot, int flags, int fd)
{
	assert_int_equal(tulou_mmap(vm, addr, size, prot, flags | FIXED, fd, 0), addr);
}

static void refused_protect_on_sim(void **state)
{
	const uintptr_t start = 0x10000000;
	const struct tulou_config config = {.start = start, .end = start + (1 << 30), .check_level = 3};
	struct sim *sim = sim_create(config.start, config.end);
	struct sim_area area;
	struct tulou *pool;

	(void)state;
	assert_int_equal(tulou_create(&pool, sim_host(sim), &config), 0);
	struct tulou_process_vm *vm = process(pool);

	map(vm, start, P, W, ANON, -1);
	map(vm, start + P, P, TULOU_PROT_NONE, ANON, -1);
	map(vm, start + 2 * P, 2 * P, R, ANON, -1);
	sim_protect_refuse(sim, start + 3 * P, TULOU_ENOMEM);
	assert_int_equal(tulou_mprotect(vm, start, 4 * P, R | TULOU_PROT_EXEC), -TULOU_ENOMEM);
	assert_true(sim_query(sim, start, &area) && area.prot == W);
	assert_true(sim_query(sim, start + P, &area) && area.prot == TULOU_PROT_NONE);
	assert_true(sim_query(sim, start + 2 * P, &area) && area.prot == R);
	assert_true(tulou_access_ok(vm, start, P, W));
	/* what is never allowed ends the call where it lies, as in Linux */
	sim_protect_refuse(sim, start + 3 * P, TULOU_EACCES);
	assert_int_equal(tulou_mprotect(vm, start, 4 * P, R | TULOU_PROT_EXEC), -TULOU_EACCES);
	assert_true(sim_query(sim, start + P, &area) && area.prot == (R | TULOU_PROT_EXEC));
	assert_true(sim_query(sim, start + 2 * P, &area) && area.prot == R);
	assert_false(tulou_access_ok(vm, start, P, W));
	tulou_destroy(pool);
	sim_destroy(sim);
}

static void refused_protect_on_linux(void **state)
{
	uintptr_t start;
	struct tulou *pool = linux_pool(&start);
	struct tulou_process_vm *vm = process(pool);
	int fd = memfd_create("tulou-test", MFD_CLOEXEC | MFD_ALLOW_SEALING), zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(ftruncate(fd, P), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), 0);
	map(vm, start, P, R, ANON, -1);
	map(vm, start + P, P, R, TULOU_MAP_SHARED, fd);
	assert_int_equal(tulou_mprotect(vm, start, 2 * P, W), -TULOU_EACCES); /* the descriptor can write, the seal forbids it */
	assert_int_equal(read(zero, (void *)start, 1), 1); /* as in Linux, what lies before is changed */
	assert_true(tulou_access_ok(vm, start, P, W));
	assert_int_equal(read(zero, (void *)(start + P), 1), -1); /* EFAULT: not writable, as the books say */
	assert_false(tulou_access_ok(vm, start + P, P, W));
	close(zero);
	close(fd);
	tulou_destroy(pool);
}

static void moves_what_the_kernel_splits(void **state)
{
	uintptr_t start;
	struct tulou *pool = linux_pool(&start);
	struct tulou_process_vm *vm = process(pool);
	char *at = (char *)start;

	(void)state;
	map(vm, start, 4 * P, W, ANON, -1);
	memset(at, 'a', 4 * P);
	map(vm, start + 8 * P, 4 * P, W, ANON, -1);
	memset(at + 8 * P, 'c', 4 * P);
	map(vm, start + 4 * P, 4 * P, W, ANON, -1); /* one area in the books, two VMAs in the kernel */
	memset(at + 4 * P, 'b', 4 * P);
	map(vm, start + 12 * P, P, R, ANON, -1); /* in the way of growth */
	long moved = tulou_mremap(vm, start, 12 * P, 16 * P, TULOU_MREMAP_MAYMOVE, 0);

	assert_true(moved > 0 && (uintptr_t)moved != start);
	at = (char *)moved;
	for (int i = 0; i < 16; i++)
		assert_int_equal(at[i * P], i < 12 ? "abc"[i / 4] : 0);
	assert_int_equal(tulou_mremap(vm, (uintptr_t)moved, 16 * P, 20 * P, 0, 0), moved);
	assert_int_equal(at[19 * P], 0);
	tulou_destroy(pool);
}

/* Calls that use all callbacks that can fail. Returns how many of them failed; what failed must have changed nothing. */
static unsigned calls_in_a_row(struct tulou_process_vm *vm, uintptr_t start, int fd)
{
	unsigned failed = 0;

	failed += tulou_mmap(vm, start, 8 * P, W, ANON | FIXED, -1, 0) < 0;
	failed += tulou_mmap(vm, start + 2 * P, P, R, TULOU_MAP_SHARED | FIXED, fd, 0) < 0;
	failed += tulou_mprotect(vm, start, 4 * P, R) < 0;
	failed += tulou_munmap(vm, start + P, P) < 0;
	failed += tulou_mremap(vm, start + 4 * P, 4 * P, 6 * P, 0, 0) < 0;
	failed += tulou_mremap(vm, start + 4 * P, P, P, TULOU_MREMAP_MAYMOVE | TULOU_MREMAP_FIXED, start + 100 * P) < 0;
	failed += tulou_madvise(vm, start, P, TULOU_MADV_DONTNEED) < 0;
	failed += tulou_msync(vm, start + 2 * P, P, TULOU_MS_SYNC) < 0;
	return failed;
}

/* What a process may touch is what the host has mapped, and nothing else is. */
static void assert_books_are_pages(struct sim *sim, struct tulou_process_vm *vm, uintptr_t start, int pages)
{
	for (int i = 0; i < pages; i++) {
		uintptr_t addr = start + (uintptr_t)i * P;
		struct sim_area area = {.prot = TULOU_PROT_NONE};
		bool mapped = sim_query(sim, addr, &area);

		assert_int_equal(tulou_access_ok(vm, addr, P, TULOU_PROT_NONE), mapped);
		assert_int_equal(tulou_access_ok(vm, addr, P, R), (area.prot & R) != 0);
		assert_int_equal(tulou_access_ok(vm, addr, P, W), area.prot == W);
	}
}

static void each_callback_fails_once(void **state)
{
	const uintptr_t start = 0x10000000;
	const struct tulou_config config = {.start = start, .end = start + (1 << 30), .check_level = 3};
	size_t injected, before, nth = 0;

	(void)state;
	do {
		struct sim *sim = sim_create(config.start, config.end);
		int fd = sim_file_create(sim, 4 * P);
		struct tulou *pool;
		char broken[200];

		assert_int_equal(tulou_create(&pool, sim_host(sim), &config), 0);
		struct tulou_process_vm *vm = process(pool);

		before = sim_failed(sim);
		sim_fail_any(sim, ++nth, TULOU_ENOMEM);
		calls_in_a_row(vm, start, fd);
		injected = sim_failed(sim) - before;
		sim_fail_none(sim);
		if (tulou_check(pool, broken, sizeof(broken)))
			fail_msg("failure of callback %zu: %s", nth, broken);
		assert_books_are_pages(sim, vm, start, 128);
		assert_int_equal(calls_in_a_row(vm, start + 256 * P, fd), 0); /* all works again */
		tulou_process_vm_unref(vm);
		assert_int_equal(sim_area_count(sim), 0);
		tulou_destroy(pool);
		assert_int_equal(sim_handles(sim), 0);
		assert_int_equal(sim_books(sim), 0);
		sim_destroy(sim);
	} while (injected);
	assert_in_range(nth, 9, 40); /* there were callbacks to fail */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_protect_on_sim),
		cmocka_unit_test(refused_protect_on_linux),
		cmocka_unit_test(moves_what_the_kernel_splits),
		cmocka_unit_test(each_callback_fails_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
