/* SPDX-License-Identifier: MIT */
/*
 * test_flat_faults.c - what the flat host does when a file refuses at a process's end, when the arena is full, and with every size of
 * the books region. tests/faults fails each callback of each call.
 *
 *     0    4       16   20      32   36      48       56          64
 *     aaaa         ffff         SSSS         pppppppp             rr       a anonymous, f file, private, S shared, r read-only
 */
#include "flat_pool.h"

#include <fcntl.h>

static void scene_open(struct fixture *p)
{
	flat_pool_open(p);
	for (int fd = 0; fd < 3; fd++)
		flat_file_fill(p->flat, fd, 12 * P - 50);
	flat_file_open(p->flat, 2, O_RDONLY); /* descriptor 3 */
	assert_int_equal(map_file(p->a, 0, 4, RW, PRIV, -1, 0), 0);
	assert_int_equal(map_file(p->a, 16, 4, RW, TULOU_MAP_PRIVATE, 0, 0), 16);
	assert_int_equal(map_file(p->a, 32, 4, RW, TULOU_MAP_SHARED, 0, 4), 32);
	assert_int_equal(map_file(p->a, 48, 8, RW, TULOU_MAP_PRIVATE, 1, 1), 48);
	assert_int_equal(page_of(tulou_mmap(p->b, at(64), 2 * P, RO, TULOU_MAP_SHARED | FIXED, 3, 0)), 64);
	for (int page = 0; page < 56; page++)
		if (tulou_access_ok(p->a, at(page), P, RW))
			memset(page_at(page) + page, 'A' + page, 100);
}

/* A process that ends while its file refuses: what it stored is not lost, and not somebody else's. */
static void end_while_the_file_refuses(void **state)
{
	struct fixture pool, *p = &pool;

	(void)state;
	scene_open(p);
	probe_fail_always(&p->probe, PROBE_FILE_WRITE, TULOU_EIO);
	tulou_process_vm_unref(p->a);
	pool_sound(p);
	assert_int_equal(*(page_at(32) + 32), 'A' + 32);
	assert_int_equal(p->flat->files[0]->bytes[4 * P + 32], 'e');
	assert_int_equal(map_file(p->b, 32, 1, RW, PRIV, -1, 0), -TULOU_ENOMEM); /* in limbo */
	probe_fail_none(&p->probe);
	tulou_destroy(p->pool);
	assert_int_equal(p->flat->files[0]->bytes[4 * P + 32], 'A' + 32);
	flat_close(p->flat);
}

/* ---- books of every size --------------------------------------------------------------------------------------------------- */

/* Many small mappings of files, until something refuses; then all of it back. Returns how many there were. */
static size_t fill_with_files(struct fixture *p)
{
	size_t count = 0;

	for (long page = 0; page < FLAT_PAGES - 2; page += 3) {
		bool shared = page % 2 && page / 3 < 20;
		long file_page = shared ? page / 3 : 7, result;

		result = map_file(
			page % 9 ? p->a : p->b, page, 1, RW, shared ? TULOU_MAP_SHARED : TULOU_MAP_PRIVATE, 0, file_page);
		if (result != page) {
			assert_int_equal(result, -TULOU_ENOMEM);
			continue;
		}
		count++;
		assert_int_equal(*page_at(page), 'a' + file_page);
		memset(page_at(page), 'a' + (int)file_page, 10);
	}
	pool_sound(p);
	return count;
}

static void books_of_every_size(void **state)
{
	size_t created = 0, refused = 0, some = 0;

	(void)state;
	for (size_t pages = 2; pages < 100; pages++) {
		struct fixture p;
		int error = flat_pool_try(&p, pages);
		size_t count = 0;

		assert_true(error == 0 || error == -TULOU_ENOMEM);
		refused += error != 0;
		flat_file_fill(&p.machine.flat, 0, 32 * P);
		if (!error) {
			created++;
			count = fill_with_files(&p);
			assert_int_equal(tulou_munmap(p.a, at(0), FLAT_PAGES * P), 0);
			assert_int_equal(tulou_munmap(p.b, at(0), FLAT_PAGES * P), 0);
			assert_int_equal(flat_usage(p.flat).mapped, 0);
			assert_int_equal(fill_with_files(&p), count); /* nothing was lost */
			tulou_destroy(p.pool);
		}
		some += count > 0;
		for (uint64_t i = 0; i < 32 * P; i++)
			assert_int_equal(p.machine.flat.files[0]->bytes[i], 'a' + i / P);
		flat_close(&p.machine.flat);
	}
	assert_true(refused > 0 && created > 0 && some > 0);
}

/* The arena is full: ENOMEM, and what is there stays. */
static void arena_is_full(void **state)
{
	struct fixture p;
	long first[FLAT_PAGES], count = 0, page;

	(void)state;
	flat_pool_open(&p);
	while ((page = page_of(tulou_mmap(p.a, 0, P, RW, PRIV, -1, 0))) >= 0) {
		assert_true(count < FLAT_PAGES);
		*page_at(page) = (uint8_t)(page % 251 + 1);
		first[count++] = page;
	}
	assert_int_equal(page, -TULOU_ENOMEM);
	assert_true(count > FLAT_PAGES / 2);
	assert_int_equal(tulou_mremap(p.a, at(first[0]), P, 2 * P, TULOU_MREMAP_MAYMOVE, 0), -TULOU_ENOMEM);
	for (long i = 0; i < count; i++)
		assert_int_equal(*page_at(first[i]), first[i] % 251 + 1);
	assert_int_equal(flat_usage(p.flat).mapped, (size_t)count * P);
	pool_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(end_while_the_file_refuses),
		cmocka_unit_test(books_of_every_size),
		cmocka_unit_test(arena_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
