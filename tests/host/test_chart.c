/* SPDX-License-Identifier: MIT */
/*
 * test_chart.c - the chart and the maps of real pools on the simulated host, against literal pictures; and that every line of a
 * large chart has its width.
 */
#include "host/sim/sim.h"

#include <tulou/inspect.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { P = TULOU_PAGE_SIZE, W = TULOU_PROT_READ | TULOU_PROT_WRITE, ANON = TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS };

static const uintptr_t start = 0x10000000, end = 0x50000000; /* 1 GiB */

struct text {
	size_t size;
	char bytes[1 << 20];
};

static struct text text;

static void text_put(void *arg, const char *piece, size_t size)
{
	struct text *to = arg;

	assert_true(to->size + size < sizeof(to->bytes));
	memcpy(to->bytes + to->size, piece, size);
	to->size += size;
	to->bytes[to->size] = '\0';
}

static const char *chart(struct tulou *pool)
{
	text.size = 0;
	tulou_chart(pool, text_put, &text);
	return text.bytes;
}

static const char *maps(struct tulou_process_vm *vm)
{
	text.size = 0;
	text.bytes[0] = '\0';
	tulou_maps(vm, text_put, &text);
	return text.bytes;
}

struct fixture {
	struct sim *sim;
	struct tulou *pool;
};

static int set_up(void **state)
{
	static struct fixture f;
	const struct tulou_config config = {.start = start, .end = end, .check_level = 3};

	f.sim = sim_create(start, end);
	*state = &f;
	return tulou_create(&f.pool, sim_host(f.sim), &config);
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	tulou_destroy(f->pool);
	sim_destroy(f->sim);
	return 0;
}

static struct tulou_process_vm *process(struct fixture *f, uint32_t id)
{
	struct tulou_process_vm *vm;

	assert_int_equal(tulou_process_vm_create(f->pool, id, &vm), 0);
	return vm;
}

static void map(struct tulou_process_vm *vm, uintptr_t addr, size_t size, int prot, int flags, int fd, uint64_t offset)
{
	assert_int_equal(tulou_mmap(vm, addr, size, prot, flags | TULOU_MAP_FIXED, fd, offset), addr);
}

/* Line by line; of the line about books, which depends on the sizes of structures, only what the picture has. */
static void assert_picture(const char *is, const char *picture)
{
	const char *all = is;

	for (unsigned line = 1; *picture; line++) {
		size_t size = strcspn(picture, "\n"), is_size = strcspn(is, "\n");
		bool books = size >= 5 && memcmp(picture + size - 5, "books", 5) == 0;

		if ((books ? is_size < size : is_size != size) || memcmp(is, picture, size) != 0) {
			fputs(all, stderr);
			fail_msg("line %u is not '%.*s'", line, (int)size, picture);
		}
		picture += size + (picture[size] == '\n');
		is += is_size + (is[is_size] == '\n');
	}
	assert_string_equal(is, "");
}

static unsigned columns(const char *line)
{
	unsigned count = 0;

	for (; *line && *line != '\n'; line++)
		count += (*line & 0xc0) != 0x80; /* not the rest of a character */
	return count;
}

static void assert_width(const char *is)
{
	for (; *is; is += strcspn(is, "\n") + 1)
		assert_int_equal(columns(is), 100);
}

/* clang-format off: pictures */
static void draws_an_empty_pool(void **state)
{
	struct fixture *f = *state;

	assert_picture(chart(f->pool),
		"┌─ VM manager ─────────────────────────────────────────────────────────────────────────────────────┐\n"
		"│ pool 0x000010000000-0x000050000000, 1.0 GiB                                                      │\n"
		"│ 0 process VMs, 0 multi VMA chunks, 0 single VMA chunks, 0 VMAs                                   │\n"
		"│ 0.0 KiB in VMAs, books\n"
		"│                                                                                                  │\n"
		"│ ┌─ Chunks (in use) ────────────────────────────────────────────────────────────────────────────┐ │\n"
		"│ └──────────────────────────────────────────────────────────────────────────────────────────────┘ │\n"
		"│ ┌─ free ───────────────────────────────────────────────────────────────────────────────────────┐ │\n"
		"│ │ 1.0 GiB in no chunk                                               ████████████████████ 100 % │ │\n"
		"│ └──────────────────────────────────────────────────────────────────────────────────────────────┘ │\n"
		"└──────────────────────────────────────────────────────────────────────────────────────────────────┘\n");
}

static void draws_a_small_pool(void **state)
{
	struct fixture *f = *state;
	struct tulou_process_vm *a = process(f, 101), *b = process(f, 102);
	int fd = sim_file_create(f->sim, 16 * P);

	map(a, start + 0x1000000, 16 * P, W, ANON, -1, 0);
	map(a, start + 0x1010000, 4 * P, TULOU_PROT_READ, TULOU_MAP_PRIVATE, fd, 2 * P);
	map(b, start + 0x1100000, 8 << 20, TULOU_PROT_NONE, ANON, -1, 0);
	map(b, start + 0x10000000, 256 << 20, W, TULOU_MAP_SHARED | TULOU_MAP_ANONYMOUS, -1, 0);
	assert_picture(chart(f->pool),
		"┌─ VM manager ─────────────────────────────────────────────────────────────────────────────────────┐\n"
		"│ pool 0x000010000000-0x000050000000, 1.0 GiB                                                      │\n"
		"│ 2 process VMs, 2 multi VMA chunks, 1 single VMA chunk, 4 VMAs                                    │\n"
		"│ 264.0 MiB in VMAs, books\n"
		"│                                                                                                  │\n"
		"│ ┌─ Chunks (in use) ────────────────────────────────────────────────────────────────────────────┐ │\n"
		"│ │ ┌─ Multi VMA chunk ────────────────────────────────────────────────────────────────────────┐ │ │\n"
		"│ │ │ 0x000010000000-0x000011100000  17.0 MiB  of 101               █░░░░░░░░░░░░░░░░░░░  <1 % │ │ │\n"
		"│ │ │ ┌─ VMAs (in use) ──────────────────────────────────────────────────────────────────────┐ │ │ │\n"
		"│ │ │ │ 0x000011000000-0x000011010000  64.0 KiB  rw-p  101                                   │ │ │ │\n"
		"│ │ │ │ 0x000011010000-0x000011014000  16.0 KiB  r--p  101       file 08:01 1000             │ │ │ │\n"
		"│ │ │ └──────────────────────────────────────────────────────────────────────────────────────┘ │ │ │\n"
		"│ │ │ ┌─ free ───────────────────────────────────────────────────────────────────────────────┐ │ │ │\n"
		"│ │ │ │ 16.9 MiB between VMAs, the largest 16.0 MiB                                          │ │ │ │\n"
		"│ │ │ └──────────────────────────────────────────────────────────────────────────────────────┘ │ │ │\n"
		"│ │ └──────────────────────────────────────────────────────────────────────────────────────────┘ │ │\n"
		"│ │ ┌─ Multi VMA chunk ────────────────────────────────────────────────────────────────────────┐ │ │\n"
		"│ │ │ 0x000011100000-0x000012000000  15.0 MiB  of 102               ██████████░░░░░░░░░░  53 % │ │ │\n"
		"│ │ │ ┌─ VMAs (in use) ──────────────────────────────────────────────────────────────────────┐ │ │ │\n"
		"│ │ │ │ 0x000011100000-0x000011900000   8.0 MiB  ---p  102                                   │ │ │ │\n"
		"│ │ │ └──────────────────────────────────────────────────────────────────────────────────────┘ │ │ │\n"
		"│ │ │ ┌─ free ───────────────────────────────────────────────────────────────────────────────┐ │ │ │\n"
		"│ │ │ │ 7.0 MiB between VMAs, the largest 7.0 MiB                                            │ │ │ │\n"
		"│ │ │ └──────────────────────────────────────────────────────────────────────────────────────┘ │ │ │\n"
		"│ │ └──────────────────────────────────────────────────────────────────────────────────────────┘ │ │\n"
		"│ │ ┌─ Single VMA chunk ───────────────────────────────────────────────────────────────────────┐ │ │\n"
		"│ │ │ 0x000020000000-0x000030000000 256.0 MiB  of 102               ████████████████████ 100 % │ │ │\n"
		"│ │ │ ┌─ VMA ────────────────────────────────────────────────────────────────────────────────┐ │ │ │\n"
		"│ │ │ │ 0x000020000000-0x000030000000 256.0 MiB  rw-s  102       /dev/zero (deleted)         │ │ │ │\n"
		"│ │ │ └──────────────────────────────────────────────────────────────────────────────────────┘ │ │ │\n"
		"│ │ └──────────────────────────────────────────────────────────────────────────────────────────┘ │ │\n"
		"│ └──────────────────────────────────────────────────────────────────────────────────────────────┘ │\n"
		"│ ┌─ free ───────────────────────────────────────────────────────────────────────────────────────┐ │\n"
		"│ │ 736.0 MiB in no chunk                                             ██████████████░░░░░░  71 % │ │\n"
		"│ └──────────────────────────────────────────────────────────────────────────────────────────────┘ │\n"
		"└──────────────────────────────────────────────────────────────────────────────────────────────────┘\n");
	assert_string_equal(maps(a), "11000000-11010000 rw-p 00000000 00:00 0 \n"
				     "11010000-11014000 r--p 00002000 08:01 1000 \n");
	assert_string_equal(maps(b),
		"11100000-11900000 ---p 00000000 00:00 0 \n"
		"20000000-30000000 rw-s 00000000 00:00 0                                  /dev/zero (deleted)\n");
}

static void draws_a_large_pool_as_a_table(void **state)
{
	struct fixture *f = *state;
	struct tulou_process_vm *vm[3] = {process(f, 7), process(f, 1234), process(f, 4000000)};
	const uintptr_t chunk = 32 << 20;

	for (unsigned i = 0; i < 3; i++) {
		for (unsigned k = 0; k <= i; k++) /* the first chunk has one owner, the second two, the third three */
			map(vm[2 - k], start + i * chunk + k * 0x100000, 0x80000, W, ANON, -1, 0);
	}
	for (unsigned i = 4; i < 11; i++) /* whole chunks: four of one owner, three of another */
		map(vm[i < 8], start + i * chunk, chunk - P, TULOU_PROT_READ, ANON, -1, 0);
	assert_picture(chart(f->pool),
		"┌─ VM manager ─────────────────────────────────────────────────────────────────────────────────────┐\n"
		"│ pool 0x000010000000-0x000050000000, 1.0 GiB                                                      │\n"
		"│ 3 process VMs, 6 multi VMA chunks, 7 single VMA chunks, 13 VMAs                                  │\n"
		"│ 226.9 MiB in VMAs, books\n"
		"│                                                                                                  │\n"
		"│ ┌─ Chunks (in use) ────────────────────────────────────────────────────────────────────────────┐ │\n"
		"│ │ kind   start              size   VMAs      free  used                         of             │ │\n"
		"│ │ multi  0x000010000000  32.0 MiB      1  31.5 MiB  █░░░░░░░░░░░░░░░░░░░   1 %  4000000        │ │\n"
		"│ │ multi  0x000012000000   1.0 MiB      1 512.0 KiB  ██████████░░░░░░░░░░  50 %  4000000        │ │\n"
		"│ │ multi  0x000012100000  31.0 MiB      1  30.5 MiB  █░░░░░░░░░░░░░░░░░░░   1 %  1234           │ │\n"
		"│ │ multi  0x000014000000   1.0 MiB      1 512.0 KiB  ██████████░░░░░░░░░░  50 %  4000000        │ │\n"
		"│ │ multi  0x000014100000   1.0 MiB      1 512.0 KiB  ██████████░░░░░░░░░░  50 %  1234           │ │\n"
		"│ │ multi  0x000014200000  30.0 MiB      1  29.5 MiB  █░░░░░░░░░░░░░░░░░░░   1 %  7              │ │\n"
		"│ │ single 0x000018000000 127.9 MiB      4   0.0 KiB  ████████████████████ 100 %  1234 (4)       │ │\n"
		"│ │ single 0x000020000000  95.9 MiB      3   0.0 KiB  ████████████████████ 100 %  7 (3)          │ │\n"
		"│ └──────────────────────────────────────────────────────────────────────────────────────────────┘ │\n"
		"│ ┌─ free ───────────────────────────────────────────────────────────────────────────────────────┐ │\n"
		"│ │ 704.0 MiB in no chunk                                             █████████████░░░░░░░  68 % │ │\n"
		"│ └──────────────────────────────────────────────────────────────────────────────────────────────┘ │\n"
		"└──────────────────────────────────────────────────────────────────────────────────────────────────┘\n");
}
/* clang-format on */

static void every_line_of_a_large_chart_has_its_width(void **state)
{
	struct sim *sim = sim_create(0x10000, 0x500000000000);
	const struct tulou_config config = {.start = 0x10000, .end = 0x500000000000};
	struct fixture f = {.sim = sim};

	(void)state;
	assert_int_equal(tulou_create(&f.pool, sim_host(sim), &config), 0);
	for (uint32_t i = 0; i < 40; i++) {
		struct tulou_process_vm *vm = process(&f, i ? 4194304 - i : 1);

		for (uintptr_t k = 0; k < 60; k++)
			map(vm, (((k * 40 + i) % 1700 + 1) << 31) + i * 0x100000, i % 3 ? P : 1 << 20, W, ANON, -1, 0);
	}
	assert_width(chart(f.pool));
	unsigned lines = 0;

	for (const char *at = text.bytes; *at; at++)
		lines += *at == '\n';
	assert_in_range(lines, 1700, 2030);
	tulou_destroy(f.pool);
	sim_destroy(sim);
}

struct caller {
	struct tulou_process_vm *vm;
	unsigned calls;
};

static void call_back_in(void *arg, const char *piece, size_t size)
{
	struct caller *caller = arg;
	long addr = tulou_mmap(caller->vm, 0, P, W, ANON, -1, 0);

	(void)piece;
	(void)size;
	assert_true(addr > 0);
	assert_int_equal(tulou_munmap(caller->vm, (uintptr_t)addr, P), 0);
	caller->calls++;
}

static void puts_without_locks(void **state)
{
	struct fixture *f = *state;
	struct caller caller = {.vm = process(f, 1)};

	for (unsigned i = 0; i < 100; i++)
		map(caller.vm, start + i * 2ul * P, P, W, ANON, -1, 0);
	tulou_maps(caller.vm, call_back_in, &caller);
	assert_int_equal(caller.calls, 100);
	caller.calls = 0;
	tulou_chart(f->pool, call_back_in, &caller);
	assert_in_range(caller.calls, 10, 100);
}

static void maps_name_heap_and_stack(void **state)
{
	struct fixture *f = *state;
	struct tulou_process_vm *vm = process(f, 9);
	struct tulou_image image = {.size = 4 * P, .align = P, .fixed = start + 0x400000};
	struct tulou_layout layout = {.images = &image, .image_count = 1, .stack_size = 32 * P};
	char heap[128], stack[128];

	assert_int_equal(tulou_process_vm_build(vm, &layout), 0);
	assert_int_equal(tulou_brk(vm, layout.heap_start + 3 * P), layout.heap_start + 3 * P);
	snprintf(heap, sizeof(heap), "%lx-%lx rw-p 00000000 00:00 0                                  [heap]\n", layout.heap_start,
		layout.heap_start + 3 * P);
	snprintf(stack, sizeof(stack), "%lx-%lx rw-p 00000000 00:00 0                                  [stack]\n",
		layout.stack_start, layout.stack_end);
	const char *image_line = strstr(maps(vm), "10400000-10404000 ---p 00000000 00:00 0 \n");
	const char *heap_line = strstr(text.bytes, heap), *stack_line = strstr(text.bytes, stack);

	assert_true(image_line && heap_line && stack_line);
	assert_true(image_line < heap_line && (layout.stack_start < image.fixed) == (stack_line < image_line));
	assert_int_equal(text.size, strlen("10400000-10404000 ---p 00000000 00:00 0 \n") + strlen(heap) + strlen(stack));
}

/* As the kernel: a name for all private memory below the break, and the offset of shared memory. */
static void maps_name_by_place(void **state)
{
	struct fixture *f = *state;
	struct tulou_process_vm *vm = process(f, 9);
	struct tulou_image image = {.size = 4 * P, .align = P, .fixed = start + 0x400000};
	struct tulou_layout layout = {.images = &image, .image_count = 1, .stack_size = 32 * P};
	char heap[128], zero[128];
	uintptr_t view;

	assert_int_equal(tulou_process_vm_build(vm, &layout), 0);
	assert_int_equal(tulou_brk(vm, layout.heap_start + 3 * P), layout.heap_start + 3 * P);
	map(vm, layout.heap_start + P, P, TULOU_PROT_READ, TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS, -1, 0);
	snprintf(heap, sizeof(heap), "%lx-%lx r--p 00000000 00:00 0                                  [heap]\n",
		layout.heap_start + P, layout.heap_start + 2 * P);
	assert_non_null(strstr(maps(vm), heap));
	map(vm, start + 0x800000, 4 * P, TULOU_PROT_READ, TULOU_MAP_SHARED | TULOU_MAP_ANONYMOUS, -1, 0);
	view = (uintptr_t)tulou_mremap(vm, start + 0x800000 + P, 0, P, TULOU_MREMAP_MAYMOVE, 0);
	snprintf(zero, sizeof(zero), "%lx-%lx r--s 00001000 00:00 0                                  /dev/zero (deleted)\n", view,
		view + P);
	assert_non_null(strstr(maps(vm), zero));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(draws_an_empty_pool, set_up, tear_down),
		cmocka_unit_test_setup_teardown(draws_a_small_pool, set_up, tear_down),
		cmocka_unit_test_setup_teardown(draws_a_large_pool_as_a_table, set_up, tear_down),
		cmocka_unit_test(every_line_of_a_large_chart_has_its_width),
		cmocka_unit_test_setup_teardown(puts_without_locks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(maps_name_heap_and_stack, set_up, tear_down),
		cmocka_unit_test_setup_teardown(maps_name_by_place, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
