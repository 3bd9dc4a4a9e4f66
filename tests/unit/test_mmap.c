/* SPDX-License-Identifier: MIT */
/*
 * test_mmap.c - where mmap puts things, and what it answers.
 *
 * Pools here have chunks of 64 pages: [0,64) [64,128) …; the start of the pool is a multiple of the chunk size.
 */
#include "pool_fixture.h"

/*
 *     0        4      7
 *     AAAAAAAA aaaaaa              A's own areas touch; agreeing ones are one record
 */
static void first_fit(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 256, 64);
	assert_int_equal(map_pages(f.a, 4, RW), 0);
	assert_int_equal(map_pages(f.a, 3, RO), 4);
	assert_int_equal(map_pages(f.a, 2, RO), 7);
	pool_expect(&f, "A:0+4rw A:4+5r-");
	/*  AAAA .. aaa  →  the hole of two pages takes two pages, not three */
	assert_int_equal(unmap(f.a, 4, 2), 0);
	assert_int_equal(map_pages(f.a, 3, RX), 9);
	assert_int_equal(map_pages(f.a, 2, RX), 4);
	pool_expect(&f, "A:0+4rw A:4+2r-x A:6+3r- A:9+3r-x");
	/* The emptied chunk goes back, with all it had. */
	assert_int_equal(unmap(f.a, 0, 64), 0);
	pool_expect(&f, "");
	pool_close(&f);
}

/*
 *     |AAAA......|BBBB......|      each process in a chunk of its own while the pool has room
 */
static void a_chunk_each(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 256, 64);
	assert_int_equal(map_pages(f.a, 4, RW), 0);
	assert_int_equal(map_pages(f.b, 4, RW), 64);
	assert_int_equal(map_pages(f.a, 4, RW), 4);
	assert_int_equal(map_pages(f.b, 4, RO), 68);
	pool_expect(&f, "A:0+8rw B:64+4rw B:68+4r-");
	pool_close(&f);
}

/*
 *     |AAAA.|BBB......~|AA......~|      pool full: A's chunk is cut, a page behind its areas, and what was free is the pool's: B
 *      0     5          37       53       makes a chunk of half the size there, and A, which has no room any more, one of a quarter
 */
static void sharing(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 64, 64);
	assert_int_equal(map_pages(f.a, 4, RW), 0);
	assert_int_equal(map_pages(f.b, 3, RW), 5);
	assert_int_equal(map_pages(f.a, 2, RW), 37);
	pool_expect(&f, "A:0+4rw B:5+3rw A:37+2rw");
	/* A hole of exactly four pages between A's own areas is used again. */
	assert_int_equal(map_pages(f.a, 4, RO), 39);
	assert_int_equal(map_pages(f.a, 4, RW), 43);
	assert_int_equal(unmap(f.a, 39, 4), 0);
	assert_int_equal(map_pages(f.a, 4, RX), 39);
	pool_expect(&f, "A:0+4rw B:5+3rw A:37+2rw A:39+4r-x A:43+4rw");
	/* The last page of a chunk is left. */
	assert_int_equal(map_pages(f.a, 6, RO), 53);
	assert_int_equal(map_pages(f.a, 5, RO), 47);
	assert_int_equal(map_pages(f.b, 28, RO), 8);
	assert_int_equal(map_pages(f.a, 3, RO), 60);
	assert_int_equal(map_pages(f.a, 1, RO), -TULOU_ENOMEM);
	assert_int_equal(map_pages(f.b, 1, RO), -TULOU_ENOMEM);
	pool_expect(&f, "A:0+4rw B:5+3rw B:8+28r- A:37+2rw A:39+4r-x A:43+4rw A:47+5r- A:53+6r- A:60+3r-");
	pool_close(&f);
}

/*
 *     |AAAAAA…A.|        more than half a chunk: a chunk made to measure, with a page behind
 */
static void large(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 256, 64);
	assert_int_equal(map_pages(f.a, 40, RW), 0);
	assert_int_equal(map_pages(f.b, 100, RW), 41);
	assert_int_equal(map_pages(f.a, 1000, RW), -TULOU_ENOMEM);
	pool_expect(&f, "A:0+40rw B:41+100rw");
	pool_close(&f);
}

static void hints(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 256, 64);
	/* used when free, also next to own areas and across chunks */
	assert_int_equal(map_at(f.a, 60, 2, RW, 0), 60);
	assert_int_equal(map_at(f.a, 62, 4, RO, 0), 62);
	pool_expect(&f, "A:60+2rw A:62+2r- A:64+2r-");
	/* taken, by oneself or by another; next to another: anywhere */
	assert_int_equal(map_at(f.a, 61, 2, RW, 0), 128);
	assert_int_equal(map_at(f.b, 62, 2, RW, 0), 192);
	assert_int_equal(map_at(f.b, 66, 2, RW, 0), 194);
	/* rounded down to a page; outside the pool: none */
	assert_int_equal(page_of(tulou_mmap(f.a, at(131) + 5, PAGE, RW, PRIV, -1, 0)), 131);
	assert_int_equal(page_of(tulou_mmap(f.a, at(255), 2 * PAGE, RW, PRIV, -1, 0)), 132);
	/* a hint below the pool is its start, if not 0 */
	assert_int_equal(page_of(tulou_mmap(f.a, PAGE, PAGE, RW, PRIV, -1, 0)), 0);
	pool_expect(&f, "A:0+1rw A:60+2rw A:62+2r- A:64+2r- A:128+2rw A:131+3rw B:192+4rw");
	pool_close(&f);
}

/*
 *            62   64   66                      128
 *     before  AAAA|AA..|                      |  (free)
 *     FIXED     [                               )
 *     after   AAcc|cccc|cccccccccccccccccccccc|
 */
static void fixed_across_chunks(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 256, 64);
	assert_int_equal(map_at(f.a, 60, 6, RW, FIXED), 60);
	pool_expect(&f, "A:60+4rw A:64+2rw");
	assert_int_equal(map_at(f.a, 62, 80, RO, FIXED), 62);
	pool_expect(&f, "A:60+2rw A:62+2r- A:64+64r- A:128+14r-");
	/* one call to the host for all of it: nobody sees a hole */
	assert_int_equal(calls_of(&f, PROBE_MAP), 2);
	assert_int_equal(calls_of(&f, PROBE_UNMAP), 0);
	pool_close(&f);
}

static void fixed_and_others(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 256, 64);
	assert_int_equal(map_at(f.b, 10, 4, RW, FIXED), 10);
	assert_int_equal(map_at(f.a, 100, 2, RW, FIXED), 100);
	/* over B's area, and with not even a page between: ENOMEM, nothing touched */
	assert_int_equal(map_at(f.a, 8, 100, RO, FIXED), -TULOU_ENOMEM);
	assert_int_equal(map_at(f.a, 9, 1, RO, FIXED), -TULOU_ENOMEM);
	assert_int_equal(map_at(f.a, 14, 1, RO, FIXED), -TULOU_ENOMEM);
	assert_int_equal(map_at(f.a, 12, 1, RO, FIXED), -TULOU_ENOMEM);
	pool_expect(&f, "B:10+4rw A:100+2rw");
	/* a page between is enough, also in one chunk */
	assert_int_equal(map_at(f.a, 8, 1, RO, FIXED), 8);
	assert_int_equal(map_at(f.a, 15, 1, RO, FIXED), 15);
	pool_expect(&f, "A:8+1r- B:10+4rw A:15+1r- A:100+2rw");
	/* NOREPLACE: nobody's area may be there */
	assert_int_equal(map_at(f.a, 8, 1, RW, NOREPLACE), -TULOU_EEXIST);
	assert_int_equal(map_at(f.a, 13, 1, RW, NOREPLACE), -TULOU_EEXIST);
	assert_int_equal(map_at(f.a, 90, 20, RW, NOREPLACE | FIXED), -TULOU_EEXIST);
	assert_int_equal(map_at(f.a, 102, 20, RW, NOREPLACE), 102);
	pool_expect(&f, "A:8+1r- B:10+4rw A:15+1r- A:100+22rw");
	pool_close(&f);
}

/*
 *     |........A|B…        A took the last page of its chunk: B, in the next one, leaves the first page
 *     |........A|.B…
 */
static void a_page_between_chunks(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 256, 64);
	assert_int_equal(map_at(f.a, 63, 1, RW, FIXED), 63);
	assert_int_equal(map_pages(f.b, 2, RW), 65);
	pool_expect(&f, "A:63+1rw B:65+2rw");
	assert_int_equal(map_at(f.b, 64, 1, RW, FIXED), -TULOU_ENOMEM);
	assert_int_equal(unmap(f.a, 63, 1), 0);
	assert_int_equal(map_at(f.b, 64, 1, RW, FIXED), 64);
	assert_int_equal(map_at(f.a, 63, 1, RW, FIXED), -TULOU_ENOMEM);
	pool_expect(&f, "B:64+3rw");
	/* the chunk behind exists before the last page is taken */
	assert_int_equal(map_at(f.a, 140, 2, RW, FIXED), 140);
	assert_int_equal(map_at(f.b, 125, 3, RW, FIXED), 125);
	assert_int_equal(unmap(f.a, 140, 2), 0);
	pool_expect(&f, "B:64+3rw B:125+3rw");
	/* large ones keep away too */
	assert_int_equal(map_pages(f.a, 60, RW), 0);
	assert_int_equal(map_pages(f.a, 70, RW), 129);
	pool_expect(&f, "A:0+60rw B:64+3rw B:125+3rw A:129+70rw");
	pool_close(&f);
}

static void low_addresses(void **state)
{
	struct tulou_config config = {.start = 0x10000,
		.end = 0x500000000000,
		.placement_start = 0x100000000000,
		.hint_start = 0x20000,
		.check_level = 3};
	struct tulou *pool;
	struct tulou_process_vm *vm;
	struct machine m;

	(void)state;
#ifdef __SANITIZE_ADDRESS__
	if (pool_machine == ON_LINUX) /* its shadow lies there */
		skip();
#endif
	if (!TRAITS.huge)
		skip();
	machine_open_at(&m, pool_machine, config.start, config.end);
	assert_int_equal(tulou_create(&pool, m.host, &config), 0);
	assert_int_equal(tulou_process_vm_create(pool, 1, &vm), 0);
	assert_int_equal(tulou_mmap(vm, 0, PAGE, RW, PRIV, -1, 0), 0x100000000000);
	assert_int_equal(tulou_mmap(vm, 0, PAGE, RW, PRIV | TULOU_MAP_32BIT, -1, 0), 0x40000000);
	assert_int_equal(tulou_mmap(vm, 0, 0x3c000000, RW, PRIV | TULOU_MAP_32BIT, -1, 0), 0x42000000);
	assert_int_equal(tulou_mmap(vm, 0, 0x8000000, RW, PRIV | TULOU_MAP_32BIT, -1, 0), -TULOU_ENOMEM);
	assert_int_equal(tulou_mmap(vm, 0, PAGE, RO, PRIV | TULOU_MAP_32BIT, -1, 0), 0x40001000);
	assert_int_equal(tulou_mmap(vm, 0x400000, PAGE, RW, PRIV | FIXED, -1, 0), 0x400000);
	assert_int_equal(tulou_mmap(vm, 0xf000, PAGE, RW, PRIV | FIXED, -1, 0), -TULOU_EPERM);
	assert_int_equal(tulou_mmap(vm, 0x4ffffffff000, 2 * PAGE, RW, PRIV | FIXED, -1, 0), -TULOU_ENOMEM);
	/* hints have a bound of their own */
	assert_int_equal(tulou_mmap(vm, 0xff1234, PAGE, RW, PRIV, -1, 0), 0xff1000);
	assert_int_equal(tulou_mmap(vm, 0x1234, PAGE, RW, PRIV, -1, 0), 0x20000);
	assert_int_equal(tulou_mmap(vm, 0x10000, PAGE, RW, PRIV | FIXED, -1, 0), 0x10000);
	/* 64 GiB of nothing costs nothing */
	assert_int_equal(tulou_mmap(vm, 0, 64ul << 30, NONE, PRIV | TULOU_MAP_NORESERVE, -1, 0), 0x100002000000);
	tulou_destroy(pool);
	machine_close(&m);
}

static void errors(void **state)
{
	struct fixture f;
	int fd, read_only;

	(void)state;
	pool_open(&f, 256, 64);
	fd = machine_file_create(&f.machine, 3 * PAGE);
	read_only = machine_file_open(&f.machine, fd, 0);
	/* in the order of do_mmap() */
	assert_int_equal(tulou_mmap(f.a, 0, 0, RW, 0, 77, 1), -TULOU_EINVAL);
	assert_int_equal(tulou_mmap(f.a, 0, 0, RW, TULOU_MAP_PRIVATE, 77, 0), -TULOU_EBADF);
	assert_int_equal(tulou_mmap(f.a, 0, 0, RW, PRIV, -1, 0), -TULOU_EINVAL);
	assert_int_equal(tulou_mmap(f.a, 0, SIZE_MAX, RW, 0, fd, 0), -TULOU_ENOMEM);
	assert_int_equal(tulou_mmap(f.a, 1, 1ul << 60, RW, PRIV | FIXED, -1, 0), -TULOU_ENOMEM);
	assert_int_equal(tulou_mmap(f.a, 1, PAGE, RW, PRIV | FIXED, -1, 0), -TULOU_EINVAL);
	assert_int_equal(tulou_mmap(f.a, 0, PAGE, RW, PRIV | FIXED, -1, 0), -TULOU_EPERM);
	assert_int_equal(tulou_mmap(f.a, 0, 1ul << 47, RW, PRIV, -1, 0), -TULOU_ENOMEM);
	assert_int_equal(tulou_mmap(f.a, 0, PAGE, RW, TULOU_MAP_PRIVATE, fd, 0x7ffffffffffff000), -TULOU_EOVERFLOW);
	assert_int_equal(tulou_mmap(f.a, 0, PAGE, RW, TULOU_MAP_ANONYMOUS, -1, 0), -TULOU_EINVAL);
	assert_int_equal(tulou_mmap(f.a, 0, PAGE, RW, TULOU_MAP_ANONYMOUS | TULOU_MAP_SHARED_VALIDATE, -1, 0), -TULOU_EINVAL);
	assert_int_equal(tulou_mmap(f.a, 0, PAGE, RW, TULOU_MAP_SHARED_VALIDATE | 0x200, fd, 0), -TULOU_EOPNOTSUPP);
	assert_int_equal(tulou_mmap(f.a, 0, PAGE, RW, TULOU_MAP_SHARED_VALIDATE | TULOU_MAP_SYNC, fd, 0), -TULOU_EOPNOTSUPP);
	assert_int_equal(tulou_mmap(f.a, 0, PAGE, RW, TULOU_MAP_SHARED, read_only, 0), -TULOU_EACCES);
	assert_int_equal(tulou_mmap(f.a, 0, PAGE, RW, SHARED | TULOU_MAP_GROWSDOWN, -1, 0), -TULOU_EINVAL);
	pool_expect(&f, "");
	/* every reference to the file that a failed call took was given back */
	assert_int_equal(f.probe.handles, 0);
	assert_true(tulou_mmap(f.a, 0, PAGE, RO, TULOU_MAP_SHARED_VALIDATE, read_only, 0) > 0);
	assert_true(tulou_mmap(f.a, 0, PAGE, RW, TULOU_MAP_PRIVATE, read_only, 0) > 0);
	pool_expect(&f, "A:0+1r-s@0 A:1+1rw@0");
	machine_file_close(&f.machine, fd);
	machine_file_close(&f.machine, read_only);
	pool_close(&f);
}

/*
 *     file     0123456                    areas of one file are one record where offsets go on, in the same perms and sharing
 *     pages    012|3|456
 */
static void files(void **state)
{
	struct fixture f;
	int fd;

	(void)state;
	pool_open(&f, 256, 64);
	fd = machine_file_create(&f.machine, 7 * PAGE);
	machine_file_write(&f.machine, fd, "x", 1, 3 * PAGE);
	assert_int_equal(map_file(f.a, 0, 3, RO, TULOU_MAP_SHARED, fd, 0), 0);
	assert_int_equal(map_file(f.a, 4, 3, RO, TULOU_MAP_SHARED, fd, 4), 4);
	pool_expect(&f, "A:0+3r-s@0 A:4+3r-s@4");
	assert_int_equal(map_file(f.a, 3, 1, RO, TULOU_MAP_SHARED, fd, 3), 3);
	pool_expect(&f, "A:0+7r-s@0");
	assert_int_equal(byte_at(&f, 3), 'x');
	/* split by perms, offsets follow */
	assert_int_equal(protect(f.a, 2, 2, RW), 0);
	pool_expect(&f, "A:0+2r-s@0 A:2+2rws@2 A:4+3r-s@4");
	assert_int_equal(f.probe.handles, 1);
	machine_file_close(&f.machine, fd);
	/* cut at the start: the offset moves along */
	assert_int_equal(unmap(f.a, 0, 3), 0);
	pool_expect(&f, "A:3+1rws@3 A:4+3r-s@4");
	assert_int_equal(f.probe.handles, 1);
	assert_int_equal(unmap(f.a, 0, 64), 0);
	assert_int_equal(f.probe.handles, 0);
	pool_close(&f);
}

/* B shows the same object, and keeps it when A has left. */
static void files_of_two(void **state)
{
	struct fixture f;
	int fd;

	(void)state;
	pool_open(&f, 256, 64);
	fd = machine_file_create(&f.machine, 7 * PAGE);
	assert_int_equal(map_file(f.a, 0, 4, RW, TULOU_MAP_SHARED, fd, 0), 0);
	if (!TRAITS.shares) {
		assert_int_equal(tulou_mmap(f.b, 0, 2 * PAGE, RW, TULOU_MAP_SHARED, fd, 2 * PAGE), -TULOU_ENODEV);
		pool_expect(&f, "A:0+4rws@0");
		pool_close(&f);
		return;
	}
	assert_int_equal(page_of(tulou_mmap(f.b, 0, 2 * PAGE, RW, TULOU_MAP_SHARED, fd, 2 * PAGE)), 64);
	assert_int_equal(f.probe.handles, 1);
	put_at(&f, 65, 'y');
	assert_int_equal(byte_at(&f, 3), 'y');
	machine_file_close(&f.machine, fd);
	assert_int_equal(unmap(f.b, 64, 1), 0);
	pool_expect(&f, "A:0+4rws@0 B:65+1rws@3");
	assert_int_equal(unmap(f.a, 0, 64), 0);
	assert_int_equal(f.probe.handles, 1);
	assert_int_equal(byte_at(&f, 65), 'y');
	assert_int_equal(unmap(f.b, 64, 64), 0);
	assert_int_equal(f.probe.handles, 0);
	pool_close(&f);
}

/* Two shared anonymous mappings are two objects, even where they touch. */
static void shared_anonymous(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 256, 64);
	assert_int_equal(page_of(tulou_mmap(f.a, 0, 2 * PAGE, RW, SHARED, -1, 0)), 0);
	assert_int_equal(page_of(tulou_mmap(f.a, 0, 2 * PAGE, RW, SHARED, -1, 0)), 2);
	pool_expect(&f, "A:0+2rws A:2+2rws");
	assert_int_equal(protect(f.a, 1, 2, RO), 0);
	assert_int_equal(protect(f.a, 1, 2, RW), 0);
	pool_expect(&f, "A:0+2rws A:2+2rws");
	pool_close(&f);
}

static void configs(void **state)
{
	struct machine m;
	struct probe probe;
	struct tulou_config good = {.start = POOL_START, .end = POOL_START + 256 * PAGE, .chunk_size = 64 * PAGE}, bad;
	struct tulou *pool;

	(void)state;
	machine_open(&m, pool_machine, 256 * PAGE);
	probe_init(&probe, m.host);
	bad = good, bad.start += 1;
	assert_int_equal(tulou_create(&pool, &probe.host, &bad), -TULOU_EINVAL);
	bad = good, bad.end = bad.start;
	assert_int_equal(tulou_create(&pool, &probe.host, &bad), -TULOU_EINVAL);
	bad = good, bad.chunk_size = 3 * PAGE;
	assert_int_equal(tulou_create(&pool, &probe.host, &bad), -TULOU_EINVAL);
	bad = good, bad.placement_start = good.end;
	assert_int_equal(tulou_create(&pool, &probe.host, &bad), -TULOU_EINVAL);
	bad = good, bad.hint_start = good.end;
	assert_int_equal(tulou_create(&pool, &probe.host, &bad), -TULOU_EINVAL);
	bad = good, bad.check_level = 4;
	assert_int_equal(tulou_create(&pool, &probe.host, &bad), -TULOU_EINVAL);
	for (size_t n = 1; n <= 2; n++) {
		probe_fail(&probe, PROBE_BOOKS_MAP, n, TULOU_ENOMEM);
		assert_int_equal(tulou_create(&pool, &probe.host, &good), -TULOU_ENOMEM);
		assert_int_equal(probe.books, 0);
	}
	machine_close(&m);
}

/*
 *     |AAAA...A.|AAAA...A.|...        a little more than half of a chunk: a chunk of its own, made to measure
 */
static void more_than_half_a_chunk(void **state)
{
	enum { CHUNK = 64, SIZE = CHUNK / 2 + 2, POOL = 4 * CHUNK };
	struct fixture f;
	int count = 0;

	(void)state;
	pool_open(&f, POOL, CHUNK);
	while (map_pages(f.a, SIZE, count % 2 ? RW : RO) >= 0)
		count++;
	assert_int_equal(count, POOL / (SIZE + 1));
	pool_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_fit),
		cmocka_unit_test(a_chunk_each),
		cmocka_unit_test(sharing),
		cmocka_unit_test(large),
		cmocka_unit_test(hints),
		cmocka_unit_test(fixed_across_chunks),
		cmocka_unit_test(fixed_and_others),
		cmocka_unit_test(a_page_between_chunks),
		cmocka_unit_test(low_addresses),
		cmocka_unit_test(errors),
		cmocka_unit_test(files),
		cmocka_unit_test(files_of_two),
		cmocka_unit_test(shared_anonymous),
		cmocka_unit_test(configs),
		cmocka_unit_test(more_than_half_a_chunk),
	};

	return POOL_RUN(tests);
}
