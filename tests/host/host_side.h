/* SPDX-License-Identifier: MIT */
/*
 * host_side.h - tables of actions, carried out on a host, with a picture after each.
 *
 * Two strings show the arena of 16 pages, one letter per page:
 *     perms     '.' nothing mapped, '-' no access, 'r', 'w' read and write, 'x' read and execute
 *     contents  what a load of the page's first byte gives: '0' for zero, else the byte; ' ' SIGSEGV, '!' SIGBUS
 * The Linux side reads the permissions from /proc/self/maps and loads with the processor. The flat side has no permissions: there '.'
 * is told from the rest by tulou_flat_usage, what is not mapped must be zero, a store that should fault is left out, and no access
 * is no statement about contents. Where it differs on purpose (a file mapping is a copy), it has tables of its own.
 */
#ifndef TESTS_HOST_HOST_SIDE_H
#define TESTS_HOST_HOST_SIDE_H

#include "flat_fixture.h"
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
	struct sim *sim; /* or */
	struct flat_fixture *flat; /* or both NULL: Linux */
	int fd, read_only_fd;
};

static sigjmp_buf side_fault;

static inline void side_on_fault(int signal)
{
	siglongjmp(side_fault, signal);
}

static inline const char *side_name(const struct side *side)
{
	return side->sim ? "sim" : side->flat ? "flat" : "linux";
}

static inline int side_load(const struct side *side, int page, uint8_t *value)
{
	uintptr_t addr = side->base + (uintptr_t)page * P;

	if (side->sim)
		return sim_load(side->sim, addr, value);
	int fault = sigsetjmp(side_fault, 1);

	if (fault == 0)
		*value = *(volatile uint8_t *)addr;
	return fault;
}

static inline int side_store(const struct side *side, int page, uint8_t value)
{
	uintptr_t addr = side->base + (uintptr_t)page * P;

	if (side->sim)
		return sim_store(side->sim, addr, value);
	int fault = sigsetjmp(side_fault, 1);

	if (fault == 0)
		*(volatile uint8_t *)addr = value;
	return fault;
}

static inline char side_perm(int prot)
{
	return prot & PROT_EXEC ? 'x' : prot & PROT_WRITE ? 'w' : prot & PROT_READ ? 'r' : '-';
}

static inline void side_paint(const struct side *side, uintptr_t start, uintptr_t end, char perm, char *perms)
{
	for (int i = 0; i < PAGES; i++) {
		uintptr_t addr = side->base + (uintptr_t)i * P;

		if (start <= addr && addr < end)
			perms[i] = perm;
	}
}

static inline void side_perms(const struct side *side, char perms[PAGES + 1])
{
	struct sim_area area;
	char line[512];
	FILE *maps = side->sim || side->flat ? NULL : fopen("/proc/self/maps", "r");

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

static inline void side_contents(const struct side *side, char contents[PAGES + 1])
{
	for (int i = 0; i < PAGES; i++) {
		uint8_t value = 0;
		int fault = side_load(side, i, &value);

		contents[i] = fault == SIGBUS ? '!' : fault ? ' ' : value ? (char)value : '0';
	}
	contents[PAGES] = '\0';
}

/* What the flat host can say of the picture: how many pages there are, and which contents. */
static inline bool side_flat_agrees(
	const struct side *side, const struct action *a, char perms[PAGES + 1], char contents[PAGES + 1])
{
	size_t mapped = 0;

	for (int i = 0; i < PAGES; i++) {
		if (a->perms[i] != '.')
			mapped += P;
		if (a->perms[i] == '.' && contents[i] == '0')
			contents[i] = ' ';
		if (a->perms[i] == '-')
			contents[i] = ' ';
	}
	strcpy(perms, a->perms);
	return flat_usage(side->flat).mapped == mapped;
}

/* ---- actions --------------------------------------------------------------------------------------------------------------- */

static inline int side_map(const struct side *side, const struct action *a)
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

static inline int side_file(const struct side *side, const struct action *a)
{
	char byte = (char)a->to;

	if (side->flat && a->op == FILE_SIZE)
		flat_file_resize(side->flat, side->fd, (uint64_t)a->at);
	else if (side->flat && a->op == FILE_STORE)
		side->flat->files[side->fd].bytes[(size_t)a->at * P] = (uint8_t)byte;
	else if (side->flat)
		return (size_t)a->at * P < side->flat->files[side->fd].size ? side->flat->files[side->fd].bytes[(size_t)a->at * P]
									    : -1;
	else if (a->op == FILE_SIZE && side->sim)
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

static inline int side_act(const struct side *side, const struct action *a)
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

static inline void side_run(const struct side *side, const struct action *actions, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct action *a = &actions[i];
		char perms[PAGES + 1], contents[PAGES + 1];
		bool stray = side->flat && a->op == STORE && a->result; /* nobody would stop it */
		int result = stray ? a->result : side_act(side, a);

		side_perms(side, perms);
		side_contents(side, contents);
		if (side->flat && !side_flat_agrees(side, a, perms, contents))
			fail_msg("flat, action %zu: %zu bytes mapped", i, flat_usage(side->flat).mapped);
		if (result != a->result || strcmp(perms, a->perms) || strcmp(contents, a->contents))
			fail_msg("%s, action %zu: %d instead of %d\n  '%s' '%s' is\n  '%s' '%s' expected", side_name(side), i,
				result, a->result, perms, contents, a->perms, a->contents);
	}
}

/* ---- set-up ---------------------------------------------------------------------------------------------------------------- */

static inline uint32_t test_self(void *ctx)
{
	(void)ctx;
	return 1;
}

static inline bool test_alive(void *ctx, uint32_t owner)
{
	(void)ctx;
	return owner == 1;
}

static inline __attribute__((noreturn)) void test_panic(void *ctx, const char *what)
{
	(void)ctx;
	fail_msg("panic: %s", what);
	abort();
}

static inline void run_on_sim(const struct action *actions, size_t count)
{
	struct sim *sim = sim_create(0x10000, 0x500000000000);
	struct side side = {.host = sim_host(sim), .base = 0x10000000, .sim = sim, .fd = sim_file_create(sim, 4 * P)};

	side.read_only_fd = sim_file_open(sim, side.fd, O_RDONLY);
	side_run(&side, actions, count);
	assert_int_equal(sim_handles(sim), 0);
	sim_destroy(sim);
}

static inline void run_on_linux(const struct action *actions, size_t count)
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

static inline void run_on_flat(const struct action *actions, size_t count)
{
	struct flat_fixture fixture;

	flat_open(&fixture, 64, NULL);
	flat_file_fill(&fixture, 0, 4 * P);
	memset(fixture.files[0].bytes, 0, 4 * P);
	fixture.files[1] = fixture.files[0];
	fixture.files[1].read_only = true;
	struct side side = {.host = fixture.host, .base = (uintptr_t)fixture.arena, .flat = &fixture, .read_only_fd = 1};
	size_t books = flat_usage(&fixture).books;

	side_run(&side, actions, count);
	side.host->unmap(side.host->ctx, side.base, PAGES * P);
	assert_int_equal(flat_usage(&fixture).books, books);
	fixture.files[1].bytes = NULL;
	flat_close(&fixture);
}

#define FLAT(actions) run_on_flat(actions, sizeof(actions) / sizeof(actions[0]))
#define ALL(actions) \
	do { \
		BOTH(actions); \
		FLAT(actions); \
	} while (0)
#define BOTH(actions) \
	do { \
		run_on_sim(actions, sizeof(actions) / sizeof(actions[0])); \
		run_on_linux(actions, sizeof(actions) / sizeof(actions[0])); \
	} while (0)

#endif
