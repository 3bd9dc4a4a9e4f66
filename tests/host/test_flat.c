/* SPDX-License-Identifier: MIT */
/*
 * test_flat.c - calls of the core on the flat host, as a program sees them: through its own pointers.
 *
 * Every pool that is closed has given back all pages, records and references, and left an arena of zeros (flat_close).
 */
#include "flat_pool.h"

static void expect_zero(const uint8_t *from, size_t size)
{
	for (size_t i = 0; i < size; i++)
		assert_int_equal(from[i], 0);
}

/* ---- memory ---------------------------------------------------------------------------------------------------------------- */

static void memory_is_zero_again(void **state)
{
	struct fixture p;
	uint8_t *memory;

	(void)state;
	flat_pool_open(&p);
	memory = (uint8_t *)tulou_mmap(p.a, 0, 5 * P, RW, PRIV, -1, 0);
	expect_zero(memory, 5 * P);
	memset(memory, 0xaa, 5 * P);
	assert_int_equal(tulou_munmap(p.a, (uintptr_t)memory + P, 3 * P), 0);
	expect_zero(memory + P, 3 * P);
	assert_int_equal(memory[P - 1], 0xaa);
	assert_int_equal(memory[4 * P], 0xaa);
	assert_int_equal(tulou_madvise(p.a, (uintptr_t)memory + 4 * P, P, TULOU_MADV_DONTNEED), 0);
	expect_zero(memory + 4 * P, P);
	assert_int_equal(tulou_madvise(p.a, (uintptr_t)memory, P, 8), -TULOU_EINVAL); /* MADV_FREE */
	assert_ptr_equal((void *)tulou_mmap(p.a, (uintptr_t)memory, 2 * P, RW, PRIV | FIXED, -1, 0), memory);
	expect_zero(memory, 5 * P);
	assert_int_equal(tulou_mprotect(p.a, (uintptr_t)memory, P, TULOU_PROT_NONE), 0);
	assert_false(tulou_access_ok(p.a, (uintptr_t)memory, P, RO));
	pool_close(&p);
}

static void memory_moves(void **state)
{
	struct fixture p;
	long moved;

	(void)state;
	flat_pool_open(&p);
	assert_int_equal(map_file(p.a, 4, 3, RW, PRIV, -1, 0), 4);
	assert_int_equal(map_file(p.a, 7, 1, RW, TULOU_MAP_SHARED | TULOU_MAP_ANONYMOUS, -1, 0), 7);
	for (int i = 0; i < 4; i++)
		memset(page_at(4 + i), 'a' + i, P);
	/* The page behind it is in the way. */
	moved = page_of(tulou_mremap(p.a, at(4), 3 * P, 6 * P, TULOU_MREMAP_MAYMOVE, 0));
	assert_true(moved >= 0 && moved != 4);
	for (int i = 0; i < 3; i++)
		assert_int_equal(page_at(moved)[(i + 1) * P - 1], 'a' + i);
	expect_zero(page_at(moved + 3), 3 * P);
	expect_zero(page_at(4), 3 * P);
	assert_int_equal(*page_at(7), 'd');
	/* The source stays, empty; shared memory cannot. */
	assert_int_equal(page_of(tulou_mremap(p.a, at(moved), P, P,
				 TULOU_MREMAP_MAYMOVE | TULOU_MREMAP_FIXED | TULOU_MREMAP_DONTUNMAP, at(32))),
		32);
	assert_int_equal(*page_at(32), 'a');
	expect_zero(page_at(moved), P);
	assert_int_equal(tulou_mremap(p.a, at(7), P, P, TULOU_MREMAP_MAYMOVE | TULOU_MREMAP_DONTUNMAP, 0), -TULOU_EINVAL);
	assert_int_equal(tulou_mremap(p.a, at(7), 0, P, TULOU_MREMAP_MAYMOVE, 0), -TULOU_EINVAL);
	assert_int_equal(tulou_mremap(p.a, at(7), P, 2 * P, TULOU_MREMAP_MAYMOVE, 0), -TULOU_ENXIO);
	pool_close(&p);
}

/* Nobody finds what it had. */
static void the_end_of_a_process(void **state)
{
	struct fixture p;

	(void)state;
	flat_pool_open(&p);
	assert_int_equal(map_file(p.a, 0, 8, RW, PRIV, -1, 0), 0);
	assert_int_equal(map_file(p.a, 80, 8, RW, TULOU_MAP_SHARED | TULOU_MAP_ANONYMOUS, -1, 0), 80);
	memset(page_at(0), 1, 8 * P);
	memset(page_at(80), 1, 8 * P);
	tulou_process_vm_unref(p.a);
	expect_zero(p.flat->arena, FLAT_PAGES * P);
	assert_int_equal(flat_usage(p.flat).mapped, 0);
	pool_close(&p);
}

/* ---- files ----------------------------------------------------------------------------------------------------------------- */

/* The file ends 100 bytes into its third page. */
static void partial_last_page(void **state)
{
	const uint64_t size = 2 * P + 100;
	struct fixture p;
	uint8_t *wanted;

	(void)state;
	flat_pool_open(&p);
	flat_file_fill(p.flat, 0, size);
	wanted = malloc(size);
	memcpy(wanted, p.flat->files[0]->bytes, size);
	assert_int_equal(map_file(p.a, 8, 4, RW, TULOU_MAP_SHARED, 0, 0), -TULOU_ENXIO);
	assert_int_equal(map_file(p.a, 8, 3, RW, TULOU_MAP_SHARED, 0, 0), 8);
	assert_memory_equal(page_at(8), wanted, size);
	expect_zero(page_at(10) + 100, P - 100);

	/* Behind the end: nobody's. Before it: exactly the bytes that changed. */
	memset(page_at(10) + 100, 'T', P - 100);
	page_at(8)[7] = wanted[7] = 'x';
	page_at(10)[99] = wanted[2 * P + 99] = 'y';
	p.flat->files[0]->bytes[P + 5] = wanted[P + 5] = 'w'; /* somebody's write(2) to a page that was not touched here */
	p.flat->writes = 0;
	assert_int_equal(tulou_msync(p.a, at(8), 3 * P, TULOU_MS_SYNC), 0);
	assert_int_equal(p.flat->writes, 2);
	assert_memory_equal(p.flat->files[0]->bytes, wanted, size);
	expect_zero(page_at(10) + 100, P - 100); /* as the kernel does when it writes back */
	assert_int_equal(page_at(9)[5], 'b');
	assert_int_equal(tulou_msync(p.a, at(8), 3 * P, TULOU_MS_SYNC | TULOU_MS_INVALIDATE), 0);
	assert_int_equal(page_at(9)[5], 'w');

	page_at(9)[0] = wanted[P] = 'z';
	assert_int_equal(tulou_munmap(p.a, at(9), P), 0);
	assert_int_equal(p.flat->writes, 3);
	assert_memory_equal(p.flat->files[0]->bytes, wanted, size);
	page_at(10)[0] = wanted[2 * P] = 'e';
	page_at(10)[101] = 'T';
	tulou_process_vm_unref(p.a); /* the end of the process */
	assert_memory_equal(p.flat->files[0]->bytes, wanted, size);
	assert_int_equal(p.flat->files[0]->size, size);
	assert_int_equal(p.flat->writes, 4);
	free(wanted);
	pool_close(&p);
}

/* Reads and writes in small pieces, and a file that shrank meanwhile. */
static void short_transfers_and_truncation(void **state)
{
	struct fixture p;

	(void)state;
	flat_pool_open(&p);
	p.flat->chunk = 1000;
	flat_file_fill(p.flat, 0, 4 * P);
	assert_int_equal(map_file(p.a, 0, 4, RW, TULOU_MAP_SHARED, 0, 0), 0);
	assert_memory_equal(page_at(0), p.flat->files[0]->bytes, 4 * P);
	memset(page_at(0), 'n', 4 * P);
	flat_file_resize(p.flat, 0, P + 1);
	assert_int_equal(tulou_munmap(p.a, at(0), 4 * P), 0);
	assert_int_equal(p.flat->writes, P + 1);
	for (size_t i = 0; i < P + 1; i++)
		assert_int_equal(p.flat->files[0]->bytes[i], 'n');
	assert_int_equal(map_file(p.a, 0, 2, RW, TULOU_MAP_PRIVATE, 0, 0), 0);
	flat_file_resize(p.flat, 0, 1);
	assert_int_equal(tulou_madvise(p.a, at(0), 2 * P, TULOU_MADV_DONTNEED), 0);
	assert_int_equal(*page_at(0), 'n');
	expect_zero(page_at(0) + 1, 2 * P - 1);
	pool_close(&p);
}

static void one_writer_per_page_of_a_file(void **state)
{
	struct fixture p;

	(void)state;
	flat_pool_open(&p);
	flat_file_fill(p.flat, 0, 8 * P);
	assert_int_equal(map_file(p.a, 0, 4, RW, TULOU_MAP_SHARED, 0, 2), 0);
	assert_int_equal(map_file(p.b, 64, 3, RW, TULOU_MAP_SHARED, 0, 0), -TULOU_ENODEV);
	assert_int_equal(map_file(p.b, 64, 1, RW, TULOU_MAP_SHARED, 0, 5), -TULOU_ENODEV);
	assert_int_equal(map_file(p.b, 64, 2, RW, TULOU_MAP_SHARED, 0, 0), 64);
	assert_int_equal(map_file(p.b, 66, 2, RW, TULOU_MAP_SHARED, 0, 6), 66);
	assert_int_equal(tulou_mremap(p.b, at(64), 2 * P, 3 * P, TULOU_MREMAP_MAYMOVE, 0), -TULOU_ENODEV);
	/* A private one may, and sees what was stored, also before it was written back. */
	*page_at(1) = 'S';
	assert_int_equal(map_file(p.b, 70, 8, RW, TULOU_MAP_PRIVATE, 0, 0), 70);
	assert_int_equal(*page_at(73), 'S');
	*page_at(2) = 'T';
	assert_int_equal(tulou_madvise(p.b, at(70), 8 * P, TULOU_MADV_DONTNEED), 0);
	assert_int_equal(*page_at(74), 'T');
	/* Where the first one has left, the second one may come. */
	assert_int_equal(tulou_munmap(p.a, at(0), P), 0);
	assert_int_equal(tulou_mremap(p.b, at(64), 2 * P, 3 * P, TULOU_MREMAP_MAYMOVE, 0) < 0, 0);
	tulou_process_vm_unref(p.a);
	assert_int_equal(map_file(p.b, 80, 3, RW, TULOU_MAP_SHARED, 0, 3), 80);
	assert_int_equal(*page_at(80), 'S');
	assert_int_equal(*page_at(82), 'f');
	pool_close(&p);
}

static void create_refuses(void **state)
{
	static _Alignas(4096) uint8_t memory[16 * P];
	struct tulou_flat_config config = {.arena = memory, .arena_size = 8 * P, .books = memory + 8 * P, .books_size = 8 * P};
	const struct tulou_host *host;
	struct tulou_file file;

	(void)state;
	assert_int_equal(tulou_flat_create(&config, &host), 0);
	assert_int_equal(host->file_get(host->ctx, 0, false, &file), -TULOU_EBADF); /* no files */
	config.arena = memory + P; /* one page of both */
	assert_int_equal(tulou_flat_create(&config, &host), -TULOU_EINVAL);
	config.arena = memory + 8;
	config.arena_size = 4 * P;
	assert_int_equal(tulou_flat_create(&config, &host), -TULOU_EINVAL);
	config.arena = memory;
	config.arena_size = 0;
	assert_int_equal(tulou_flat_create(&config, &host), -TULOU_EINVAL);
	config.arena = (void *)0x10000000; /* never touched: 64 GiB need 2 MiB of bits */
	config.arena_size = 1ul << 36;
	assert_int_equal(tulou_flat_create(&config, &host), -TULOU_ENOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zero_again),
		cmocka_unit_test(memory_moves),
		cmocka_unit_test(the_end_of_a_process),
		cmocka_unit_test(partial_last_page),
		cmocka_unit_test(short_transfers_and_truncation),
		cmocka_unit_test(one_writer_per_page_of_a_file),
		cmocka_unit_test(create_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
