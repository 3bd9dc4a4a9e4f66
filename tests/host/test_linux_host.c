/* SPDX-License-Identifier: MIT */
/*
 * test_linux_host.c - what only Linux does: several VMAs where the books see one mapping, mappings destroyed by a failed mmap,
 * descriptors of all kinds, books at a hint, a limit on VMAs.
 */
#include "host/linux/linux_host.h"
#include "host/linux/linux_internal.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { P = TULOU_PAGE_SIZE, W = PROT_READ | PROT_WRITE };

static struct linux_host lh;
static char *base; /* an arena of 4096 pages that nobody else uses */

static uint32_t test_self(void *ctx)
{
	return *(uint32_t *)ctx;
}

static bool test_alive(void *ctx, uint32_t owner)
{
	return owner == *(uint32_t *)ctx;
}

static __attribute__((noreturn)) void test_panic(void *ctx, const char *what)
{
	(void)ctx;
	fail_msg("panic: %s", what);
	abort();
}

static int set_up(void **state)
{
	static uint32_t self = 42;
	static const struct linux_host_tasks tasks = {.ctx = &self, .self = test_self, .alive = test_alive, .panic = test_panic};
	const size_t room = 1ul << 34; /* far below where the kernel places new mappings */

	(void)state;
	base = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(base, MAP_FAILED);
	munmap(base, room);
	linux_host_init(&lh, &tasks, 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return munmap(base, 4096 * P);
}

static int map_with(int page, int pages, int prot, int flags)
{
	const struct tulou_mapping m = {.start = (uintptr_t)base + (size_t)page * P,
		.size = (size_t)pages * P,
		.prot = prot,
		.flags = TULOU_MAP_PRIVATE | flags};

	return lh.host.map(&lh, &m);
}

static int map(int page, int pages)
{
	return map_with(page, pages, W, 0);
}

static int move(int page, int pages, int to, int to_pages, bool keep)
{
	return lh.host.move(&lh, (uintptr_t)base + (size_t)page * P, (size_t)pages * P, (uintptr_t)base + (size_t)to * P,
		(size_t)to_pages * P, keep);
}

static bool is_mapped(int page)
{
	unsigned char resident;

	return mincore(base + (size_t)page * P, P, &resident) == 0;
}

/* |aaaa|bbbb|cccc| at page 0: all touched, so that the kernel sees three VMAs at least where the books see one */
static void map_three_pieces(void)
{
	assert_int_equal(map(0, 4), 0);
	memset(base, 'a', 4 * P);
	assert_int_equal(map(8, 4), 0);
	memset(base + 8 * P, 'c', 4 * P);
	assert_int_equal(map_with(4, 4, W, TULOU_MAP_NORESERVE), 0);
	memset(base + 4 * P, 'b', 4 * P);
	assert_int_equal(linux_piece((uintptr_t)base, 12 * P), 4 * P);
	assert_int_equal(linux_piece((uintptr_t)base + 4 * P, 8 * P), 4 * P);
	assert_int_equal(linux_piece((uintptr_t)base + 8 * P, 4 * P), 4 * P);
}

static void assert_pieces_at(int page, const char *letters)
{
	for (size_t i = 0; letters[i]; i++)
		assert_int_equal(base[((size_t)page + i) * P], letters[i]);
}

static void moves_several_vmas(void **state)
{
	(void)state;
	map_three_pieces();
	assert_int_equal(move(0, 12, 100, 12, false), 0);
	assert_pieces_at(100, "aaaabbbbcccc");
	assert_false(is_mapped(0) || is_mapped(4) || is_mapped(11));
	assert_int_equal(map(0, 14), 0); /* something stands at the target; it also grows */
	assert_int_equal(move(100, 12, 0, 14, false), 0);
	assert_pieces_at(0, "aaaabbbbcccc");
	assert_int_equal(base[13 * P], 0);
	assert_int_equal(move(0, 14, 200, 6, false), 0); /* and shrinks, in the middle of a piece */
	assert_pieces_at(200, "aaaabb");
	assert_false(is_mapped(6) || is_mapped(13) || is_mapped(206));
	assert_int_equal(move(200, 6, 300, 6, true), 0);
	assert_pieces_at(300, "aaaabb");
	assert_true(is_mapped(200) && is_mapped(205));
	assert_int_equal(base[200 * P] | base[205 * P], 0);
}

static void moves_back_what_it_moved(void **state)
{
	(void)state;
	map_three_pieces();
	assert_int_equal(
		munmap(base + 9 * P, P), 0); /* not as the core would: the last piece has a hole, so it cannot move whole */
	assert_int_equal(move(0, 12, 100, 13, false), -TULOU_EFAULT);
	assert_pieces_at(0, "aaaabbbbc");
	assert_pieces_at(10, "cc");
	assert_false(is_mapped(100) || is_mapped(104) || is_mapped(108));
}

static void grows_the_last_vma(void **state)
{
	(void)state;
	map_three_pieces();
	assert_int_equal(lh.host.grow(&lh, (uintptr_t)base, 12 * P, 16 * P), 0);
	assert_pieces_at(0, "aaaabbbbcccc");
	assert_int_equal(base[15 * P], 0);
	assert_false(is_mapped(16));
}

/* Does the kernel refuse one mapping larger than all memory? */
static bool memory_can_be_short(void)
{
	FILE *setting = fopen("/proc/sys/vm/overcommit_memory", "r");
	int mode = setting ? fgetc(setting) : '1';

	if (setting)
		fclose(setting);
	return mode != '1';
}

static void failed_map_leaves_the_old(void **state)
{
	struct tulou_file file;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), real = lh.map_restores;
	struct tulou_mapping m = {
		.start = (uintptr_t)base, .size = P, .prot = PROT_READ, .flags = TULOU_MAP_SHARED, .file = &file};

	(void)state;
	assert_int_equal(map(0, 2), 0);
	base[0] = 'k';
	assert_int_equal(lh.host.file_get(&lh, fd, true, &file), 0);
	assert_int_equal(lh.host.map(&lh, &m), -TULOU_ENODEV); /* a socket refuses when all is prepared */
	assert_int_equal(base[0], 'k');
	close(fd);
	m = (struct tulou_mapping){.start = (uintptr_t)base, .size = 1ul << 39, .prot = W};
	if (!memory_can_be_short())
		skip();
	for (int type = TULOU_MAP_SHARED; type <= TULOU_MAP_PRIVATE; type++) {
		for (int restores = 0; restores <= real; restores++) {
			lh.map_restores = restores; /* older kernels need the trial */
			m.flags = type;
			assert_int_equal(lh.host.map(&lh, &m), -TULOU_ENOMEM);
			assert_true(is_mapped(0));
			assert_int_equal(base[0], 'k');
			assert_int_equal(map(1, 1), 0);
		}
	}
	lh.map_restores = real;
}

static void files_are_judged(void **state)
{
	struct tulou_file file;
	struct stat stat;
	int path = open("/", O_PATH | O_CLOEXEC), writer = open("/dev/null", O_WRONLY | O_CLOEXEC),
	    reader = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(lh.host.file_get(&lh, -1, false, &file), -TULOU_EBADF);
	assert_int_equal(lh.host.file_get(&lh, 1 << 20, true, &file), -TULOU_EBADF);
	assert_int_equal(lh.host.file_get(&lh, path, false, &file), -TULOU_EBADF);
	assert_int_equal(lh.host.file_get(&lh, writer, true, &file), 0);
	assert_int_equal(file.max_prot, PROT_NONE);
	assert_int_equal(lh.host.file_get(&lh, reader, true, &file), 0);
	assert_int_equal(file.max_prot, PROT_READ | PROT_EXEC);
	assert_int_equal(lh.host.file_get(&lh, reader, false, &file), 0);
	assert_int_equal(file.max_prot, W | PROT_EXEC);
	assert_int_equal(fstat(reader, &stat), 0);
	assert_int_equal(file.dev, stat.st_dev);
	assert_int_equal(file.ino, stat.st_ino);
	close(path);
	close(writer);
	close(reader);
}

static void books_go_up_from_the_hint(void **state)
{
	struct linux_host other;

	(void)state;
	assert_int_equal(map(1025, 1), 0); /* in the way */
	linux_host_init(&other, lh.tasks, (uintptr_t)base + 1024 * P);
	char *first = other.host.books_map(&other, P), *second = other.host.books_map(&other, 3 * P),
	     *third = other.host.books_map(&other, P);

	assert_ptr_equal(first, base + 1024 * P);
	assert_true(second >= base + 1026 * P && second < base + 1040 * P);
	assert_ptr_equal(third, second + 3 * P);
	assert_int_equal(second[0] | second[3 * P - 1], 0);
	memset(second, 1, 3 * P);
	other.host.books_unmap(&other, second, 3 * P);
	assert_false(is_mapped((int)((second - base) / P)));
	char *anywhere = lh.host.books_map(&lh, P);

	assert_non_null(anywhere);
	lh.host.books_unmap(&lh, anywhere, P);
	assert_null(lh.host.books_map(&lh, ~0ul << 12));
}

static void areas_are_limited(void **state)
{
	uint32_t limit = lh.area_limit;

	(void)state;
	assert_in_range(lh.area_bound, 10, limit);
	lh.area_limit = lh.area_bound + 40;
	int made = 0;
	while (made < 100 && map(2 * made, 1) == 0)
		made++;
	assert_in_range(made, 30, 41); /* counted as two each, found to be one each, refused before the limit */
	assert_int_equal(lh.host.protect(&lh, (uintptr_t)base, P, PROT_READ), -TULOU_ENOMEM);
	assert_int_equal(lh.host.unmap(&lh, (uintptr_t)base, (size_t)made * P), 0);
	assert_int_equal(map(0, 1), 0);
	lh.area_limit = limit;
}

/* Lines of /proc/self/maps, without memory of the C library's. */
static unsigned lines_of_maps(void)
{
	static char buffer[65536];
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	unsigned lines = 0;
	ssize_t size;

	while ((size = read(fd, buffer, sizeof(buffer))) > 0)
		for (ssize_t i = 0; i < size; i++)
			lines += buffer[i] == '\n';
	close(fd);
	return lines;
}

/* A call on random pages of the arena, whatever it answers. */
static void random_call(uint64_t random)
{
	uintptr_t start = (uintptr_t)base + (random >> 8) % 200 * P, to = (uintptr_t)base + (256 + (random >> 20) % 200) * P;
	size_t size = ((random >> 32) % 12 + 1) * P;
	const struct tulou_mapping m = {.start = start, .size = size, .prot = (random >> 40) & 7, .flags = TULOU_MAP_PRIVATE};

	switch ((random >> 48) % 8) {
	case 0:
	case 1:
		lh.host.map(&lh, &m);
		break;
	case 2:
		lh.host.unmap(&lh, start, size);
		break;
	case 3:
		lh.host.protect(&lh, start, size, (random >> 44) & 7);
		break;
	case 4:
		lh.host.move(&lh, start, P, to, (((random >> 50) & 1) + 1) * P, false);
		break;
	case 5:
		lh.host.lock(&lh, start, size, random & 1 ? TULOU_LOCK_ONFAULT : TULOU_LOCK_OFF);
		break;
	case 6:
		lh.host.advise(&lh, start, size, random & 1 ? TULOU_MADV_RANDOM : TULOU_MADV_DONTFORK);
		break;
	default:
		lh.host.books_unmap(&lh, lh.host.books_map(&lh, P), P);
	}
}

/* Whatever is called, the bound is not below what there is; and a count says exactly what there is. */
static void areas_are_counted(void **state)
{
	uint64_t random = 88172645463325252ull;

	(void)state;
	assert_int_equal(linux_areas_admit(&lh, 0), 0);
	assert_in_range(lh.area_bound, lines_of_maps() - 2, lines_of_maps());
	for (int i = 0; i < 20000; i++) {
		random ^= random << 13, random ^= random >> 7, random ^= random << 17;
		random_call(random);
		if (i % 8 == 0)
			assert_true(lh.area_bound >= lines_of_maps());
		if (i % 1000)
			continue;
		lh.area_bound = lh.area_limit; /* count again */
		assert_int_equal(linux_areas_admit(&lh, 1), 0);
		assert_int_equal(lh.area_bound, lines_of_maps() + 1);
	}
	assert_true(lines_of_maps() > 100);
}

static void *wake_later(void *arg)
{
	usleep(1000);
	__atomic_store_n((uint32_t *)arg, 1, __ATOMIC_RELEASE);
	lh.host.wake(&lh, arg, 1);
	return NULL;
}

static void waits_at_most_a_little(void **state)
{
	uint32_t word = 0;
	pthread_t thread;

	(void)state;
	lh.host.wait(&lh, &word, 0); /* nobody wakes us */
	lh.host.wait(&lh, &word, 1); /* another value: at once */
	assert_int_equal(pthread_create(&thread, NULL, wake_later, &word), 0);
	while (__atomic_load_n(&word, __ATOMIC_ACQUIRE) == 0)
		lh.host.wait(&lh, &word, 0);
	pthread_join(thread, NULL);
	assert_int_equal(lh.host.self(&lh), 42);
	assert_true(lh.host.alive(&lh, 42));
	assert_false(lh.host.alive(&lh, 43));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(moves_several_vmas, set_up, tear_down),
		cmocka_unit_test_setup_teardown(moves_back_what_it_moved, set_up, tear_down),
		cmocka_unit_test_setup_teardown(grows_the_last_vma, set_up, tear_down),
		cmocka_unit_test_setup_teardown(failed_map_leaves_the_old, set_up, tear_down),
		cmocka_unit_test_setup_teardown(files_are_judged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(books_go_up_from_the_hint, set_up, tear_down),
		cmocka_unit_test_setup_teardown(areas_are_limited, set_up, tear_down),
		cmocka_unit_test_setup_teardown(areas_are_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(waits_at_most_a_little, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
