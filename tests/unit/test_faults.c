/* SPDX-License-Identifier: MIT */
/*
 * test_faults.c - all or nothing: for each call, the host fails at its nth callback, for every n.
 *
 * A scene is set (areas of A and B over three chunks, file mappings, a heap), the call is made with the nth failure armed, and if
 * it failed, the picture of all areas and of the host must be the one before. The loop ends when the call got through without
 * meeting the failure.
 */
#include "pool_fixture.h"

struct scene {
	struct fixture f;
	int fd;
};

/*
 *     0         513     576             636|640   646    652      706
 *     heap|~gap~|stack   AAAArrrr .....AAAA|AAAA  ssss   pppp     BBBB      s: file, shared; p: file, private
 */
static void scene_open(struct scene *s)
{
	struct tulou_layout layout = {.stack_size = 4 * PAGE};
	struct fixture *f = &s->f;

	pool_open(f, 1024, 64);
	s->fd = sim_file_create(f->sim, 8 * PAGE);
	assert_int_equal(tulou_process_vm_build(f->a, &layout), 0);
	assert_int_equal(map_at(f->a, 576, 4, RW, FIXED), 576);
	assert_int_equal(map_at(f->a, 580, 4, RO, FIXED), 580);
	assert_int_equal(map_at(f->a, 636, 8, RW, FIXED), 636);
	assert_int_equal(page_of(tulou_mmap(f->a, at(646), 4 * PAGE, RW, TULOU_MAP_SHARED | FIXED, s->fd, 0)), 646);
	assert_int_equal(page_of(tulou_mmap(f->a, at(652), 4 * PAGE, RW, TULOU_MAP_PRIVATE | FIXED, s->fd, PAGE)), 652);
	assert_int_equal(map_at(f->b, 706, 4, RW, FIXED), 706);
	tulou_brk(f->a, (uintptr_t)tulou_brk(f->a, 0) + 3 * PAGE);
}

static void scene_close(struct scene *s)
{
	sim_file_close(s->f.sim, s->fd);
	pool_close(&s->f);
}

/* What the host has mapped, as a checksum over its areas. */
static size_t host_sum(struct sim *sim)
{
	struct sim_area area;
	size_t sum = 0;

	for (size_t i = 0; sim_area(sim, i, &area); i++)
		for (uintptr_t page = area.start; page < area.end; page += PAGE)
			sum += page / PAGE * 31 + (size_t)area.prot * 7 + (size_t)area.ino * 131 + (size_t)area.shared;
	return sum;
}

/* Make `call` fail at each callback in turn. At least one failure must have been met. `brk`: failure is the unchanged break. */
static void each_failure(long (*call)(struct scene *s), bool brk)
{
	static struct picture before, after;
	size_t met = 0;

	for (size_t n = 1;; n++) {
		struct scene s;
		size_t failed, sum, handles;
		long result, unchanged;

		scene_open(&s);
		picture_take(&before, s.f.pool);
		sum = host_sum(s.f.sim);
		handles = s.f.probe.handles;
		unchanged = tulou_brk(s.f.a, 0);
		failed = s.f.probe.failed;
		probe_fail_any(&s.f.probe, n, TULOU_ENOMEM);
		result = call(&s);
		probe_fail_none(&s.f.probe);
		failed = s.f.probe.failed - failed;
		picture_take(&after, s.f.pool);
		if (result < 0 || (brk && result == unchanged)) {
			assert_true(failed == 1);
			assert_string_equal(after.text, before.text);
			assert_int_equal(host_sum(s.f.sim), sum);
			assert_int_equal(s.f.probe.handles, handles);
		} else {
			assert_string_not_equal(after.text, before.text);
		}
		pool_expect(&s.f, after.text);
		scene_close(&s);
		met += failed;
		if (!failed)
			break;
	}
	assert_true(met > 0);
}

static long mmap_any(struct scene *s)
{
	return tulou_mmap(s->f.a, 0, 3 * PAGE, RW, PRIV, -1, 0);
}

static long mmap_large(struct scene *s)
{
	return tulou_mmap(s->f.b, 0, 100 * PAGE, RW, SHARED, -1, 0);
}

static long mmap_file(struct scene *s)
{
	return tulou_mmap(s->f.b, 0, 4 * PAGE, RW, TULOU_MAP_SHARED, s->fd, 0);
}

static long mmap_fixed(struct scene *s)
{
	return tulou_mmap(s->f.a, at(578), 120 * PAGE, RO, PRIV | FIXED, -1, 0);
}

static long mmap_fixed_file(struct scene *s)
{
	return tulou_mmap(s->f.a, at(642), 12 * PAGE, RO, TULOU_MAP_SHARED | FIXED, s->fd, 0);
}

static long mmap_noreplace(struct scene *s)
{
	return tulou_mmap(s->f.a, at(756), 100 * PAGE, RO, PRIV | NOREPLACE, -1, 0);
}

static long munmap_one(struct scene *s)
{
	return tulou_munmap(s->f.a, at(577), 2 * PAGE);
}

static long munmap_file(struct scene *s)
{
	return tulou_munmap(s->f.a, at(647), PAGE);
}

static long mprotect_some(struct scene *s)
{
	return tulou_mprotect(s->f.a, at(578), 4 * PAGE, RX);
}

static long mremap_grow(struct scene *s)
{
	return tulou_mremap(s->f.a, at(636), 8 * PAGE, 10 * PAGE, 0, 0);
}

static long mremap_move(struct scene *s)
{
	return tulou_mremap(s->f.a, at(646), 4 * PAGE, 40 * PAGE, TULOU_MREMAP_MAYMOVE, 0);
}

static long mremap_fixed(struct scene *s)
{
	return tulou_mremap(s->f.a, at(652), 4 * PAGE, 4 * PAGE, TULOU_MREMAP_MAYMOVE | TULOU_MREMAP_FIXED, at(638));
}

static long mremap_dontunmap(struct scene *s)
{
	return tulou_mremap(s->f.a, at(636), 8 * PAGE, 8 * PAGE, TULOU_MREMAP_MAYMOVE | TULOU_MREMAP_DONTUNMAP, 0);
}

static long mremap_shrink(struct scene *s)
{
	return tulou_mremap(s->f.a, at(636), 8 * PAGE, 2 * PAGE, 0, 0);
}

static long brk_grow(struct scene *s)
{
	return tulou_brk(s->f.a, (uintptr_t)tulou_brk(s->f.a, 0) + 5 * PAGE);
}

static long brk_shrink(struct scene *s)
{
	return tulou_brk(s->f.a, (uintptr_t)tulou_brk(s->f.a, 0) - 2 * PAGE);
}

static long mlock_some(struct scene *s)
{
	return tulou_mlock2(s->f.a, at(577), 5 * PAGE, 0);
}

static void mmap_calls(void **state)
{
	(void)state;
	each_failure(mmap_any, false);
	each_failure(mmap_large, false);
	each_failure(mmap_file, false);
	each_failure(mmap_fixed, false);
	each_failure(mmap_fixed_file, false);
	each_failure(mmap_noreplace, false);
}

static void other_calls(void **state)
{
	(void)state;
	each_failure(munmap_one, false);
	each_failure(munmap_file, false);
	each_failure(mprotect_some, false);
	each_failure(mlock_some, false);
	each_failure(mremap_grow, false);
	each_failure(mremap_move, false);
	each_failure(mremap_fixed, false);
	each_failure(mremap_dontunmap, false);
	each_failure(mremap_shrink, false);
	each_failure(brk_grow, true);
	each_failure(brk_shrink, true);
}

static void build_calls(void **state)
{
	struct tulou_image images[] = {
		{.size = 16 * PAGE, .align = PAGE, .fixed = POOL_START + 16 * PAGE},
		{.size = 5 * PAGE, .align = 8 * PAGE},
	};
	struct tulou_layout layout = {.images = images, .image_count = 2, .stack_size = 8 * PAGE};
	size_t failed = 0;

	(void)state;
	for (size_t n = 1;; n++) {
		struct fixture f;
		int result;

		pool_open(&f, 4096, 1024);
		probe_fail_any(&f.probe, n, TULOU_ENOMEM);
		result = tulou_process_vm_build(f.a, &layout);
		failed = f.probe.failed;
		probe_fail_none(&f.probe);
		if (result) {
			assert_int_equal(result, -TULOU_ENOMEM);
			pool_expect(&f, "");
		} else if (!failed) {
			pool_expect(&f, "A:16+16--R A:545+8rwS A:1024+5--R");
		}
		pool_close(&f);
		if (!failed)
			break;
		assert_true(n < 100);
	}
}

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
	struct sim_area area;

	(void)state;
	pool_open(&f, 256, 64);
	assert_int_equal(map_pages(f.a, 4, RW), 0);
	assert_int_equal(map_pages(f.a, 4, RO), 4);
	probe_refuse_protect(&f.probe, at(5), TULOU_ENOMEM);
	assert_int_equal(protect(f.a, 1, 6, RX), -TULOU_ENOMEM);
	probe_fail_none(&f.probe);
	pool_expect(&f, "A:0+4rw A:4+4r-");
	assert_true(sim_query(f.sim, at(2), &area));
	assert_int_equal(area.prot, RW);
	assert_true(sim_query(f.sim, at(5), &area));
	assert_int_equal(area.prot, RO);
	probe_refuse_protect(&f.probe, at(5), TULOU_EACCES);
	assert_int_equal(protect(f.a, 1, 6, RX), -TULOU_EACCES);
	probe_fail_none(&f.probe);
	pool_expect(&f, "A:0+1rw A:1+3r-x A:4+4r-");
	assert_true(sim_query(f.sim, at(2), &area));
	assert_int_equal(area.prot, RX);
	assert_true(sim_query(f.sim, at(4), &area));
	assert_int_equal(area.prot, RO);
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
	fd = sim_file_create(f.sim, 64 * PAGE);
	probe_fail_random(&f.probe, 7, 5);
	for (int i = 0; i < 20000; i++) {
		random ^= random << 13, random ^= random >> 7, random ^= random << 17;
		storm_step(&f, random & 1 ? &f.a : &f.b, random, fd);
	}
	assert_true(f.probe.failed > 1000);
	probe_fail_none(&f.probe);
	sim_file_close(f.sim, fd);
	pool_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mmap_calls),
		cmocka_unit_test(other_calls),
		cmocka_unit_test(build_calls),
		cmocka_unit_test(munmap_in_pieces),
		cmocka_unit_test(mprotect_refused_half_way),
		cmocka_unit_test(storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
