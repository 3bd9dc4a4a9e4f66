/* SPDX-License-Identifier: MIT */
/*
 * test_flat_random.c - two pools at the same addresses, one on the flat host and one on the simulated host (tests/random measures that
 * one against Linux), get the same calls: the same answers, and the same bytes wherever a process may read.
 *
 * Only where both hosts say the same: private memory, anonymous and of a file that nobody writes to and whose end is far away.
 */
#include "flat_pool.h"

#include "host/sim/sim.h"

enum { STEPS = 6000, FILE_PAGES = 4096, DONTUNMAP = TULOU_MREMAP_DONTUNMAP, MAYMOVE = TULOU_MREMAP_MAYMOVE };

struct twins {
	struct fixture flat;
	struct sim *sim;
	struct tulou *pool; /* on sim */
	struct tulou_process_vm *vm[2][2]; /* flat, sim; process A, B */
	int sim_fd;
	uint64_t random;
};

static void twins_open(struct twins *t, uint64_t seed)
{
	uint8_t byte;

	flat_pool_open(&t->flat);
	const struct tulou_config config = {
		.start = at(0), .end = at(FLAT_PAGES), .chunk_size = FLAT_CHUNK_PAGES * P, .check_level = 3};

	t->random = seed;
	t->sim = sim_create(config.start, config.end);
	assert_int_equal(tulou_create(&t->pool, sim_host(t->sim), &config), 0);
	t->vm[0][0] = t->flat.a;
	t->vm[0][1] = t->flat.b;
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(tulou_process_vm_create(t->pool, i + 1, &t->vm[1][i]), 0);
	t->sim_fd = sim_file_create(t->sim, FILE_PAGES * P);
	flat_file_fill(t->flat.flat, 0, FILE_PAGES * P);
	for (uint64_t page = 0; page < FILE_PAGES; page++) {
		byte = t->flat.flat->files[0]->bytes[page * P];
		sim_file_write(t->sim, t->sim_fd, &byte, 1, page * P);
	}
}

static void twins_close(struct twins *t)
{
	tulou_destroy(t->pool);
	sim_destroy(t->sim);
	pool_close(&t->flat);
}

static long choose(struct twins *t, long count)
{
	t->random ^= t->random << 13, t->random ^= t->random >> 7, t->random ^= t->random << 17;
	return (long)((t->random >> 20) % (uint64_t)count);
}

static void store(struct twins *t, struct tulou_process_vm *flat, struct tulou_process_vm *sim, long page)
{
	uint8_t value = (uint8_t)choose(t, 256);
	bool may = tulou_access_ok(flat, at(page), P, TULOU_PROT_WRITE);

	assert_int_equal(tulou_access_ok(sim, at(page), P, TULOU_PROT_WRITE), may);
	if (!may)
		return;
	*page_at(page) = value;
	assert_int_equal(sim_store(t->sim, at(page), value), 0);
}

static bool mine(const struct twins *t, int process, long page, long pages)
{
	return tulou_access_ok(t->vm[0][process], at(page), (size_t)pages * P, RO);
}

static long step(struct twins *t, long what, long page, long pages, long other, bool sim, int process)
{
	struct tulou_process_vm *vm = t->vm[sim][process];
	uintptr_t addr = at(page), new_addr = at(other);
	size_t size = (size_t)pages * P;

	switch (what) {
	case 0:
		return tulou_mmap(vm, 0, size, RW, PRIV, -1, 0);
	case 1:
		return tulou_mmap(vm, addr, size, other % 4 ? RW : RO, PRIV | FIXED, -1, 0);
	case 2:
		return tulou_mmap(vm, addr, size, RW, TULOU_MAP_PRIVATE | (other % 2 ? FIXED : 0), sim ? t->sim_fd : 0,
			(uint64_t)(other % 20) * P);
	case 3:
		return tulou_munmap(vm, addr, 2 * size);
	case 4:
		return tulou_mprotect(vm, addr, size, other % 3 ? RW : RO);
	case 5:
		return tulou_mremap(vm, addr, size, (size_t)(other % 20 + 1) * P, MAYMOVE, 0);
	case 6:
		return tulou_mremap(vm, addr, size, (size_t)(other % 5 + 1) * P, MAYMOVE | TULOU_MREMAP_FIXED, new_addr);
	case 7:
		return tulou_mremap(vm, addr, size, size, MAYMOVE | DONTUNMAP | TULOU_MREMAP_FIXED, new_addr);
	case 8:
		return tulou_madvise(vm, addr, size, TULOU_MADV_DONTNEED);
	default:
		return tulou_msync(vm, addr, size, TULOU_MS_SYNC);
	}
}

static void compare(struct twins *t, int at_step)
{
	for (long page = 0; page < FLAT_PAGES; page++) {
		uint8_t here = *page_at(page), there = 0;

		/* What is not mapped is zero here, and cannot be read there. */
		sim_load(t->sim, at(page), &there);
		if (here != there)
			fail_msg("step %d: page %ld begins with %#x, on sim %#x", at_step, page, here, there);
	}
	assert_int_equal(flat_usage(t->flat.flat).mapped, sim_mapped(t->sim));
}

static void run(uint64_t seed)
{
	size_t worked[10] = {0};
	struct twins t;

	twins_open(&t, seed);
	for (int i = 0; i < STEPS; i++) {
		long what = choose(&t, 12), page = choose(&t, FLAT_PAGES - 20), pages = choose(&t, 12) + 1;
		long other = choose(&t, FLAT_PAGES - 20), answers[2];
		int process = (int)choose(&t, 2);

		/* mremap: in what there is, if it can be found nearby. */
		for (int near = 0; what >= 5 && what < 10 && near < 16 && !mine(&t, process, page, pages); near++)
			page = choose(&t, FLAT_PAGES - 20), pages = pages > 1 ? pages - 1 : 1;

		if (what >= 10) {
			store(&t, t.vm[0][process], t.vm[1][process], page);
			continue;
		}
		for (int sim = 0; sim < 2; sim++)
			answers[sim] = step(&t, what, page, pages, other, sim, process);
		if (answers[0] != answers[1])
			fail_msg("seed %lu, step %d, call %ld: %ld, on sim %ld", seed, i, what, answers[0], answers[1]);
		worked[what] += answers[0] >= 0;
		compare(&t, i);
	}
	for (int what = 0; what < 10; what++)
		if (worked[what] < 15)
			fail_msg("seed %lu: call %d worked %zu times only", seed, what, worked[what]);
	twins_close(&t);
}

static void same_as_sim(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++)
		run(seed * 0x9e3779b97f4a7c15ull);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(same_as_sim)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
