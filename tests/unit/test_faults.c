/* SPDX-License-Identifier: MIT */
/*
 * test_faults.c - a host that refuses in the middle of a call, and one that refuses one callback in five, for thousands of calls.
 * tests/faults fails every callback of every call in turn.
 */
#include "pool_fixture.h"

/* Several pieces: what the host refused in the middle stays, books and host agree, and the errno is told. */
static void munmap_in_pieces(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 256, 64);
	assert_int_equal(map_at(f.a, 0, 2, RW, FIXED), 0);
	assert_int_equal(map_at(f.a, 4, 2, RW, FIXED), 4);
	assert_int_equal(map_at(f.a, 8, 2, RW, FIXED), 8);
	probe_fail(&f.probe, PROBE_UNMAP, 1, TULOU_ENOMEM);
	assert_int_equal(unmap(f.a, 0, 64), -TULOU_ENOMEM);
	pool_expect(&f, "A:0+2rw A:4+2rw A:8+2rw");
	probe_fail(&f.probe, PROBE_UNMAP, 2, TULOU_ENOMEM);
	assert_int_equal(unmap(f.a, 1, 64), -TULOU_ENOMEM);
	pool_expect(&f, "A:0+1rw A:4+2rw A:8+2rw");
	assert_int_equal(unmap(f.a, 0, 64), 0);
	pool_expect(&f, "");
	pool_close(&f);
}

/* A host that changed some pages before it refused: the core says again what they have. What the host never allows (EACCES) ends the
 * call where it lies, as in Linux. */
static void mprotect_refused_half_way(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 256, 64);
	assert_int_equal(map_pages(f.a, 4, RW), 0);
	assert_int_equal(map_pages(f.a, 4, RO), 4);
	probe_refuse_protect(&f.probe, at(5), TULOU_ENOMEM);
	assert_int_equal(protect(f.a, 1, 6, RX), -TULOU_ENOMEM);
	probe_fail_none(&f.probe);
	pool_expect(&f, "A:0+4rw A:4+4r-");
	if (TRAITS.shows) {
		assert_int_equal(host_page(&f, 2).prot, RW);
		assert_int_equal(host_page(&f, 4).prot, RO);
		assert_int_equal(host_page(&f, 5).prot, RO);
	}
	probe_refuse_protect(&f.probe, at(5), TULOU_EACCES);
	assert_int_equal(protect(f.a, 1, 6, RX), -TULOU_EACCES);
	probe_fail_none(&f.probe);
	pool_expect(&f, "A:0+1rw A:1+3r-x A:4+4r-");
	if (TRAITS.shows) {
		assert_int_equal(host_page(&f, 2).prot, RX);
		assert_int_equal(host_page(&f, 4).prot, RO);
	}
	pool_close(&f);
}

/* One step of the storm for a random process, all of it chosen by `random`. */
static void storm_step(struct fixture *f, struct tulou_process_vm **vm, uint64_t random, int fd)
{
	struct tulou_layout layout = {.stack_size = 4 * PAGE};
	long page = (long)(random >> 8) % 1000, pages = (long)(random >> 24) % ((random >> 40) % 8 ? 12 : 200) + 1;
	int prot = (int)(random >> 48) & 7;

	switch ((random >> 52) % 11) {
	case 0:
		map_pages(*vm, pages, prot);
		break;
	case 1:
		map_at(*vm, page, pages, prot, FIXED);
		break;
	case 2:
		map_at(*vm, page, pages, prot, random & 2 ? 0 : NOREPLACE);
		break;
	case 3:
		tulou_mmap(*vm, at(page), (size_t)pages * PAGE, prot, TULOU_MAP_SHARED | (random & 2 ? FIXED : 0), fd,
			(size_t)(page % 64) * PAGE);
		break;
	case 4:
	case 5:
		unmap(*vm, page, pages);
		break;
	case 6:
		protect(*vm, page, pages, prot);
		break;
	case 7:
		remap(*vm, page, pages, (long)(random >> 30) % 20 + 1, (int)(random >> 3) & 7, (long)(random >> 33) % 1000);
		break;
	case 8:
		tulou_brk(*vm, (uintptr_t)tulou_brk(*vm, 0) + (uintptr_t)(pages - 6) * PAGE);
		break;
	case 9:
		tulou_process_vm_build(*vm, &layout);
		break;
	default:
		if (random & 0x70)
			break;
		/* Gone, with all it had: the next one begins anew. */
		tulou_process_vm_unref(*vm);
		while (tulou_process_vm_create(f->pool, 1 + (uint32_t)(random & 1), vm))
			;
	}
}

/* Thousands of operations while one callback in five fails: the books stay whole, and nothing is lost at the end. */
static void storm(void **state)
{
	uint64_t random = 88172645463325252ull;
	struct fixture f;
	int fd;

	(void)state;
	pool_open(&f, 1024, 64);
	fd = machine_file_create(&f.machine, 64 * PAGE);
	probe_fail_random(&f.probe, 7, 5);
	for (int i = 0; i < 20000; i++) {
		random ^= random << 13, random ^= random >> 7, random ^= random << 17;
		storm_step(&f, random & 1 ? &f.a : &f.b, random, fd);
	}
	assert_true(f.probe.failed > 1000);
	probe_fail_none(&f.probe);
	machine_file_close(&f.machine, fd);
	pool_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(munmap_in_pieces),
		cmocka_unit_test(mprotect_refused_half_way),
		cmocka_unit_test(storm),
	};

	return POOL_RUN(tests);
}
