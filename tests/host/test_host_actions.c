/* SPDX-License-Identifier: MIT */
/*
 * test_host_actions.c - the same actions on the simulated host and on Linux, and after each the same picture.
 *
 * Two strings show the arena of 16 pages, one letter per page:
 *     perms     '.' nothing mapped, '-' no access, 'r', 'w' read and write, 'x' read and execute
 *     contents  what a load of the page's first byte gives: '0' for zero, else the byte; ' ' SIGSEGV, '!' SIGBUS
 * The Linux side reads the permissions from /proc/self/maps and loads with the processor.
 */
#include "host/linux/linux_host.h"
#include "host/sim/sim.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

enum { PAGES = 16, P = TULOU_PAGE_SIZE };
enum { N = TULOU_PROT_NONE, R = TULOU_PROT_READ, W = TULOU_PROT_READ | TULOU_PROT_WRITE, X = TULOU_PROT_READ | TULOU_PROT_EXEC };

/* MAPA: anonymous, MAPF: the file; FILE_*: write(2), ftruncate(2), read(2) */
enum op {
	MAPA,
	MAPA_SHARED,
	MAPF_PRIVATE,
	MAPF_SHARED,
	MAPF_READ_ONLY,
	UNMAP,
	PROTECT,
	GROW,
	MOVE,
	MOVE_KEEP,
	DONTNEED,
	SYNC,
	STORE,
	FILE_STORE,
	FILE_SIZE,
	FILE_LOAD
};

/* Pages throughout: `at` and `pages`, then what the op needs. */
struct action {
	enum op op;
	int at, pages;
	int to, arg; /* MOVE: target and new size; GROW: to; MAP*: protection (to), file page (arg); STORE: to = byte */
	int result; /* as the callback answers; FILE_LOAD: the byte */
	const char *perms, *contents;
};

/* ---- two sides ------------------------------------------------------------------------------------------------------------- */

struct side {
	const struct tulou_host *host;
	uintptr_t base;
	struct sim *sim; /* NULL: Linux */
	int fd, read_only_fd;
};

static sigjmp_buf side_fault;

static void side_on_fault(int signal)
{
	siglongjmp(side_fault, signal);
}

static int side_load(const struct side *side, int page, uint8_t *value)
{
	uintptr_t addr = side->base + (uintptr_t)page * P;

	if (side->sim)
		return sim_load(side->sim, addr, value);
	int fault = sigsetjmp(side_fault, 1);

	if (fault == 0)
		*value = *(volatile uint8_t *)addr;
	return fault;
}

static int side_store(const struct side *side, int page, uint8_t value)
{
	uintptr_t addr = side->base + (uintptr_t)page * P;

	if (side->sim)
		return sim_store(side->sim, addr, value);
	int fault = sigsetjmp(side_fault, 1);

	if (fault == 0)
		*(volatile uint8_t *)addr = value;
	return fault;
}

static char side_perm(int prot)
{
	return prot & PROT_EXEC ? 'x' : prot & PROT_WRITE ? 'w' : prot & PROT_READ ? 'r' : '-';
}

static void side_paint(const struct side *side, uintptr_t start, uintptr_t end, char perm, char *perms)
{
	for (int i = 0; i < PAGES; i++) {
		uintptr_t addr = side->base + (uintptr_t)i * P;

		if (start <= addr && addr < end)
			perms[i] = perm;
	}
}

static void side_perms(const struct side *side, char perms[PAGES + 1])
{
	struct sim_area area;
	char line[512];
	FILE *maps = side->sim ? NULL : fopen("/proc/self/maps", "r");

	memset(perms, '.', PAGES);
	perms[PAGES] = '\0';
	for (size_t i = 0; side->sim && sim_area(side->sim, i, &area); i++)
		side_paint(side, area.start, area.end, side_perm(area.prot), perms);
	while (maps && fgets(line, sizeof(line), maps)) {
		uintptr_t start, end;
		char text[5];

		assert_int_equal(sscanf(line, "%lx-%lx %4s", &start, &end, text), 3);
		int prot = (text[0] == 'r') * PROT_READ | (text[1] == 'w') * PROT_WRITE | (text[2] == 'x') * PROT_EXEC;
		side_paint(side, start, end, side_perm(prot), perms);
	}
	if (maps)
		fclose(maps);
}

static void side_contents(const struct side *side, char contents[PAGES + 1])
{
	for (int i = 0; i < PAGES; i++) {
		uint8_t value = 0;
		int fault = side_load(side, i, &value);

		contents[i] = fault == SIGBUS ? '!' : fault ? ' ' : value ? (char)value : '0';
	}
	contents[PAGES] = '\0';
}

/* ---- actions --------------------------------------------------------------------------------------------------------------- */

static int side_map(const struct side *side, const struct action *a)
{
	bool shared = a->op == MAPA_SHARED || a->op == MAPF_SHARED || a->op == MAPF_READ_ONLY;
	bool has_file = a->op == MAPF_PRIVATE || a->op == MAPF_SHARED || a->op == MAPF_READ_ONLY;
	struct tulou_file file;
	struct tulou_mapping m = {.start = side->base + (uintptr_t)a->at * P,
		.size = (size_t)a->pages * P,
		.prot = a->to,
		.flags = (shared ? TULOU_MAP_SHARED : TULOU_MAP_PRIVATE) | (has_file ? 0 : TULOU_MAP_ANONYMOUS),
		.file = has_file ? &file : NULL,
		.offset = (uint64_t)a->arg * P};

	if (has_file) {
		int fd = a->op == MAPF_READ_ONLY ? side->read_only_fd : side->fd;

		assert_int_equal(side->host->file_get(side->host->ctx, fd, shared, &file), 0);
		assert_int_equal(file.max_prot, a->op == MAPF_READ_ONLY ? R | X : W | X);
	}
	int result = side->host->map(side->host->ctx, &m);

	if (has_file)
		side->host->file_put(side->host->ctx, &file);
	return result;
}

static int side_file(const struct side *side, const struct action *a)
{
	char byte = (char)a->to;

	if (a->op == FILE_SIZE && side->sim)
		sim_file_truncate(side->sim, side->fd, (uint64_t)a->at);
	else if (a->op == FILE_SIZE)
		return ftruncate(side->fd, a->at);
	else if (a->op == FILE_STORE && side->sim)
		sim_file_write(side->sim, side->fd, &byte, 1, (uint64_t)a->at * P);
	else if (a->op == FILE_STORE)
		return pwrite(side->fd, &byte, 1, (off_t)a->at * P) - 1;
	else if (side->sim)
		return sim_file_read(side->sim, side->fd, &byte, 1, (uint64_t)a->at * P) ? byte : -1;
	else
		return pread(side->fd, &byte, 1, (off_t)a->at * P) ? byte : -1;
	return 0;
}

static int side_act(const struct side *side, const struct action *a)
{
	const struct tulou_host *h = side->host;
	uintptr_t start = side->base + (uintptr_t)a->at * P, to = side->base + (uintptr_t)a->to * P;
	size_t size = (size_t)a->pages * P;

	switch (a->op) {
	case UNMAP:
		return h->unmap(h->ctx, start, size);
	case PROTECT:
		return h->protect(h->ctx, start, size, a->to);
	case GROW:
		return h->grow(h->ctx, start, size, (size_t)a->to * P);
	case MOVE:
	case MOVE_KEEP:
		return h->move(h->ctx, start, size, to, (size_t)a->arg * P, a->op == MOVE_KEEP);
	case DONTNEED:
		return h->advise(h->ctx, start, size, TULOU_MADV_DONTNEED);
	case SYNC:
		return h->sync(h->ctx, start, size, a->to);
	case STORE:
		return side_store(side, a->at, (uint8_t)a->to);
	case FILE_STORE:
	case FILE_SIZE:
	case FILE_LOAD:
		return side_file(side, a);
	default:
		return side_map(side, a);
	}
}

static void side_run(const struct side *side, const struct action *actions, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct action *a = &actions[i];
		char perms[PAGES + 1], contents[PAGES + 1];
		int result = side_act(side, a);

		side_perms(side, perms);
		side_contents(side, contents);
		if (result != a->result || strcmp(perms, a->perms) || strcmp(contents, a->contents))
			fail_msg("%s, action %zu: %d instead of %d\n  '%s' '%s' is\n  '%s' '%s' expected",
				side->sim ? "sim" : "linux", i, result, a->result, perms, contents, a->perms, a->contents);
	}
}

/* ---- set-up ---------------------------------------------------------------------------------------------------------------- */

static uint32_t test_self(void *ctx)
{
	(void)ctx;
	return 1;
}

static bool test_alive(void *ctx, uint32_t owner)
{
	(void)ctx;
	return owner == 1;
}

static __attribute__((noreturn)) void test_panic(void *ctx, const char *what)
{
	(void)ctx;
	fail_msg("panic: %s", what);
	abort();
}

static void run_on_sim(const struct action *actions, size_t count)
{
	struct sim *sim = sim_create(0x10000, 0x500000000000);
	struct side side = {.host = sim_host(sim), .base = 0x10000000, .sim = sim, .fd = sim_file_create(sim, 4 * P)};

	side.read_only_fd = sim_file_open(sim, side.fd, O_RDONLY);
	side_run(&side, actions, count);
	assert_int_equal(sim_handles(sim), 0);
	sim_destroy(sim);
}

static void run_on_linux(const struct action *actions, size_t count)
{
	/* Addresses that nobody takes meanwhile: the kernel places new mappings from the top, this lies 64 GiB below. */
	const size_t room = 1ul << 36;
	void *hole = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	static const struct linux_host_tasks tasks = {.self = test_self, .alive = test_alive, .panic = test_panic};
	struct sigaction catch = {.sa_handler = side_on_fault};
	struct linux_host linux_host;
	char name[64];

	assert_ptr_not_equal(hole, MAP_FAILED);
	munmap(hole, room);
	sigaction(SIGSEGV, &catch, NULL);
	sigaction(SIGBUS, &catch, NULL);
	linux_host_init(&linux_host, &tasks, 0);
	struct side side = {
		.host = &linux_host.host, .base = (uintptr_t)hole + 64 * P, .fd = memfd_create("tulou-test", MFD_CLOEXEC)};

	assert_true(side.fd >= 0);
	assert_int_equal(ftruncate(side.fd, 4 * P), 0);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", side.fd);
	side.read_only_fd = open(name, O_RDONLY | O_CLOEXEC);
	side_run(&side, actions, count);
	munmap((void *)side.base, PAGES * P);
	close(side.read_only_fd);
	close(side.fd);
}

#define BOTH(actions) \
	do { \
		run_on_sim(actions, sizeof(actions) / sizeof(actions[0])); \
		run_on_linux(actions, sizeof(actions) / sizeof(actions[0])); \
	} while (0)

/* ---- tables ---------------------------------------------------------------------------------------------------------------- */

/* clang-format off: a table is read by its columns */
static void anonymous_map_store_unmap(void **state)
{
	static const struct action actions[] = {
		{MAPA, 2, 4, W, 0, 0, "..wwww..........", "  0000          "},
		{STORE, 3, 0, 'a', 0, 0, "..wwww..........", "  0a00          "},
		{STORE, 5, 0, 'b', 0, 0, "..wwww..........", "  0a0b          "},
		{UNMAP, 3, 1, 0, 0, 0, "..w.ww..........", "  0 0b          "},
		{UNMAP, 0, 16, 0, 0, 0, "................", "                "},
		{UNMAP, 0, 16, 0, 0, 0, "................", "                "},
		{STORE, 3, 0, 'a', 0, SIGSEGV, "................", "                "},
		{MAPA, 3, 3, N, 0, 0, "...---..........", "                "},
		{MAPA, 4, 1, R, 0, 0, "...-r-..........", "    0           "},
		{STORE, 4, 0, 'a', 0, SIGSEGV, "...-r-..........", "    0           "},
		{MAPA, 0, 16, W, 0, 0, "wwwwwwwwwwwwwwww", "0000000000000000"},
	};

	(void)state;
	BOTH(actions);
}

static void map_replaces_contents(void **state)
{
	static const struct action actions[] = {
		{MAPA, 0, 3, W, 0, 0, "www.............", "000             "},
		{STORE, 1, 0, 'a', 0, 0, "www.............", "0a0             "},
		{MAPA, 1, 2, W, 0, 0, "www.............", "000             "},
		{FILE_STORE, 1, 0, 'f', 0, 0, "www.............", "000             "},
		{MAPF_PRIVATE, 1, 1, R, 1, 0, "wrw.............", "0f0             "},
		{MAPA, 0, 3, W, 0, 0, "www.............", "000             "},
	};

	(void)state;
	BOTH(actions);
}

static void protect_parts(void **state)
{
	static const struct action actions[] = {
		{MAPA, 0, 6, W, 0, 0, "wwwwww..........", "000000          "},
		{STORE, 2, 0, 'c', 0, 0, "wwwwww..........", "00c000          "},
		{PROTECT, 2, 2, N, 0, 0, "ww--ww..........", "00  00          "},
		{PROTECT, 1, 4, R, 0, 0, "wrrrrw..........", "00c000          "},
		{PROTECT, 0, 6, X, 0, 0, "xxxxxx..........", "00c000          "},
		{PROTECT, 5, 1, W, 0, 0, "xxxxxw..........", "00c000          "},
		{PROTECT, 7, 1, W, 0, -TULOU_ENOMEM, "xxxxxw..........", "00c000          "},
	};

	(void)state;
	BOTH(actions);
}

static void grow_in_place(void **state)
{
	static const struct action actions[] = {
		{MAPA, 0, 2, W, 0, 0, "ww..............", "00              "},
		{STORE, 1, 0, 'a', 0, 0, "ww..............", "0a              "},
		{GROW, 0, 2, 4, 0, 0, "wwww............", "0a00            "},
		{PROTECT, 0, 4, R, 0, 0, "rrrr............", "0a00            "},
		{GROW, 0, 4, 5, 0, 0, "rrrrr...........", "0a000           "},
		{GROW, 8, 1, 2, 0, -TULOU_EFAULT, "rrrrr...........", "0a000           "},
		{FILE_STORE, 3, 0, 'z', 0, 0, "rrrrr...........", "0a000           "},
		{MAPF_SHARED, 8, 2, W, 1, 0, "rrrrr...ww......", "0a000   00      "},
		{GROW, 8, 2, 4, 0, 0, "rrrrr...wwww....", "0a000   00z!    "},
	};

	(void)state;
	BOTH(actions);
}

static void move_with_contents(void **state)
{
	static const struct action actions[] = {
		{MAPA, 0, 3, W, 0, 0, "www.............", "000             "},
		{STORE, 0, 0, 'a', 0, 0, "www.............", "a00             "},
		{STORE, 2, 0, 'c', 0, 0, "www.............", "a0c             "},
		{MOVE, 0, 3, 5, 3, 0, ".....www........", "     a0c        "},
		{MOVE, 5, 3, 0, 5, 0, "wwwww...........", "a0c00           "}, /* larger */
		{STORE, 4, 0, 'e', 0, 0, "wwwww...........", "a0c0e           "},
		{MOVE, 0, 5, 8, 3, 0, "........www.....", "        a0c     "}, /* smaller: the rest is gone */
		{MAPA, 0, 4, R, 0, 0, "rrrr....www.....", "0000    a0c     "},
		{MOVE, 8, 3, 1, 3, 0, "rwww............", "0a0c            "}, /* over something */
		{MOVE, 2, 1, 9, 1, 0, "rw.w.....w......", "0a c     0      "}, /* out of the middle */
		{MOVE_KEEP, 3, 1, 12, 1, 0, "rw.w.....w..w...", "0a 0     0  c   "},
		{MOVE, 5, 1, 14, 1, -TULOU_EFAULT, "rw.w.....w..w...", "0a 0     0  c   "},
	};

	(void)state;
	BOTH(actions);
}

static void private_file_copies_on_write(void **state)
{
	static const struct action actions[] = {
		{FILE_STORE, 0, 0, 'f', 0, 0, "................", "                "},
		{MAPF_PRIVATE, 0, 4, W, 0, 0, "wwww............", "f000            "},
		{STORE, 1, 0, 'p', 0, 0, "wwww............", "fp00            "},
		{FILE_STORE, 1, 0, 'q', 0, 0, "wwww............", "fp00            "}, /* our copy */
		{FILE_STORE, 0, 0, 'g', 0, 0, "wwww............", "gp00            "}, /* still the file's */
		{FILE_LOAD, 1, 0, 0, 0, 'q', "wwww............", "gp00            "},
		{DONTNEED, 1, 1, 0, 0, 0, "wwww............", "gq00            "},
		{STORE, 3, 0, 's', 0, 0, "wwww............", "gq0s            "},
		{FILE_SIZE, 2 * P + 1, 0, 0, 0, 0, "wwww............", "gq0!            "}, /* the copy too */
		{FILE_SIZE, 4 * P, 0, 0, 0, 0, "wwww............", "gq00            "},
		{MOVE, 0, 4, 8, 4, 0, "........wwww....", "        gq00    "},
	};

	(void)state;
	BOTH(actions);
}

static void shared_file_is_the_file(void **state)
{
	static const struct action actions[] = {
		{MAPF_SHARED, 0, 2, W, 0, 0, "ww..............", "00              "},
		{MAPF_SHARED, 4, 2, W, 1, 0, "ww..ww..........", "00  00          "},
		{STORE, 1, 0, 'x', 0, 0, "ww..ww..........", "0x  x0          "},
		{FILE_LOAD, 1, 0, 0, 0, 'x', "ww..ww..........", "0x  x0          "},
		{FILE_STORE, 2, 0, 'y', 0, 0, "ww..ww..........", "0x  xy          "},
		{SYNC, 0, 2, TULOU_MS_SYNC, 0, 0, "ww..ww..........", "0x  xy          "},
		{SYNC, 1, 2, TULOU_MS_SYNC, 0, -TULOU_ENOMEM, "ww..ww..........", "0x  xy          "},
		{MAPF_READ_ONLY, 8, 1, W, 0, -TULOU_EACCES, "ww..ww..........", "0x  xy          "},
		{MAPF_READ_ONLY, 8, 1, R, 1, 0, "ww..ww..r.......", "0x  xy  x       "},
		{PROTECT, 8, 1, W, 0, -TULOU_EACCES, "ww..ww..r.......", "0x  xy  x       "},
		{DONTNEED, 0, 2, 0, 0, 0, "ww..ww..r.......", "0x  xy  x       "},
		{FILE_SIZE, P, 0, 0, 0, 0, "ww..ww..r.......", "0!  !!  !       "},
	};

	(void)state;
	BOTH(actions);
}

static void shared_anonymous_has_its_size(void **state)
{
	static const struct action actions[] = {
		{MAPA_SHARED, 0, 2, W, 0, 0, "ww..............", "00              "},
		{STORE, 1, 0, 'a', 0, 0, "ww..............", "0a              "},
		{DONTNEED, 0, 2, 0, 0, 0, "ww..............", "0a              "},
		{MOVE_KEEP, 0, 2, 4, 2, 0, "ww..ww..........", "0a  0a          "},
		{STORE, 4, 0, 'b', 0, 0, "ww..ww..........", "ba  ba          "},
		{UNMAP, 0, 2, 0, 0, 0, "....ww..........", "    ba          "},
		{GROW, 4, 2, 3, 0, 0, "....www.........", "    ba!         "},
		{MAPA, 5, 1, W, 0, 0, "....www.........", "    b0!         "},
	};

	(void)state;
	BOTH(actions);
}
/* clang-format on */

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(anonymous_map_store_unmap),
		cmocka_unit_test(map_replaces_contents),
		cmocka_unit_test(protect_parts),
		cmocka_unit_test(grow_in_place),
		cmocka_unit_test(move_with_contents),
		cmocka_unit_test(private_file_copies_on_write),
		cmocka_unit_test(shared_file_is_the_file),
		cmocka_unit_test(shared_anonymous_has_its_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
