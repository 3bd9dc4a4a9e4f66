/* SPDX-License-Identifier: MIT */
/*
 * host_side.h - tables of actions, carried out on a host, with a picture after each.
 *
 * Two strings show the arena of 16 pages, one letter per page:
 *     perms     '.' nothing mapped, '-' no access, 'r', 'w' read and write, 'x' read and execute
 *     contents  what a load of the page's first byte gives: '0' for zero, else the byte; ' ' SIGSEGV, '!' SIGBUS
 * The Linux side reads the permissions from /proc/self/maps and loads with the processor. The flat side has no permissions: there '.'
 * is told from the rest by the host's bits, what is not mapped must be zero, a store that should fault is left out, and no access
 * is no statement about contents. Where it differs on purpose (a file mapping is a copy), it has tables of its own.
 */
#ifndef TESTS_HOST_HOST_SIDE_H
#define TESTS_HOST_HOST_SIDE_H

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machine.h"

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

/* ---- a side ---------------------------------------------------------------------------------------------------------------- */

struct side {
	struct machine machine;
	const struct tulou_host *host;
	uintptr_t base;
	int fd, read_only_fd;
};

static inline const struct machine_traits *side_traits(const struct side *side)
{
	return &machine_traits[side->machine.kind];
}

static inline char side_perm(int prot)
{
	return prot & TULOU_PROT_EXEC ? 'x' : prot & TULOU_PROT_WRITE ? 'w' : prot & TULOU_PROT_READ ? 'r' : '-';
}

static inline void side_perms(const struct side *side, char perms[PAGES + 1])
{
	struct machine_page pages[PAGES];

	machine_pages(&side->machine, side->base, PAGES, pages);
	for (int i = 0; i < PAGES; i++)
		perms[i] = pages[i].mapped ? side_perm(pages[i].prot) : '.';
	perms[PAGES] = '\0';
}

static inline void side_contents(const struct side *side, char contents[PAGES + 1])
{
	for (int i = 0; i < PAGES; i++) {
		uint8_t value = 0;
		int fault = machine_load(&side->machine, side->base + (uintptr_t)i * P, &value);

		contents[i] = fault == SIM_BUS ? '!' : fault ? ' ' : value ? (char)value : '0';
	}
	contents[PAGES] = '\0';
}

/* A host that knows no perms: which pages there are, and which contents, but of those that could not be loaded. */
static inline void side_forgive(const struct action *a, char perms[PAGES + 1], char contents[PAGES + 1])
{
	for (int i = 0; i < PAGES; i++) {
		bool missing = perms[i] == '.';

		if (missing != (a->perms[i] == '.'))
			continue;
		perms[i] = a->perms[i];
		if (missing ? contents[i] == '0' : a->perms[i] == '-')
			contents[i] = ' ';
	}
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

static inline int side_file(struct side *side, const struct action *a)
{
	char byte = (char)a->to;

	if (a->op == FILE_SIZE)
		machine_file_resize(&side->machine, side->fd, (uint64_t)a->at);
	else if (a->op == FILE_STORE)
		machine_file_write(&side->machine, side->fd, &byte, 1, (uint64_t)a->at * P);
	else
		return machine_file_read(&side->machine, side->fd, &byte, 1, (uint64_t)a->at * P) ? byte : -1;
	return 0;
}

static inline int side_act(struct side *side, const struct action *a)
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
		return machine_store(&side->machine, start, (uint8_t)a->to);
	case FILE_STORE:
	case FILE_SIZE:
	case FILE_LOAD:
		return side_file(side, a);
	default:
		return side_map(side, a);
	}
}

static inline void side_run(struct side *side, const struct action *actions, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct action *a = &actions[i];
		char perms[PAGES + 1], contents[PAGES + 1];
		bool stray = !side_traits(side)->guards && a->op == STORE && a->result; /* nobody would stop it */
		int result = stray ? a->result : side_act(side, a);

		side_perms(side, perms);
		side_contents(side, contents);
		if (!side_traits(side)->shows)
			side_forgive(a, perms, contents);
		if (result != a->result || strcmp(perms, a->perms) || strcmp(contents, a->contents))
			fail_msg("%s, action %zu: %d instead of %d\n  '%s' '%s' is\n  '%s' '%s' expected",
				side_traits(side)->name, i, result, a->result, perms, contents, a->perms, a->contents);
	}
}

/* ---- set-up ---------------------------------------------------------------------------------------------------------------- */

static inline void run_on(enum machine_kind kind, const struct action *actions, size_t count)
{
	struct side side;
	size_t books = 0;

	machine_open(&side.machine, kind, FLAT_PAGES * P);
	side.host = side.machine.host;
	side.base = MACHINE_START + (kind == ON_FLAT ? 0 : 64 * P);
	side.fd = machine_file_create(&side.machine, 4 * P);
	side.read_only_fd = machine_file_open(&side.machine, side.fd, O_RDONLY);
	if (kind == ON_FLAT)
		books = flat_usage(&side.machine.flat).books;
	side_run(&side, actions, count);
	side.host->unmap(side.host->ctx, side.base, PAGES * P);
	if (kind == ON_FLAT)
		assert_int_equal(flat_usage(&side.machine.flat).books, books);
	machine_file_close(&side.machine, side.read_only_fd);
	machine_file_close(&side.machine, side.fd);
	machine_close(&side.machine);
}

#define FLAT(actions) run_on(ON_FLAT, actions, sizeof(actions) / sizeof((actions)[0]))
#define ALL(actions) \
	do { \
		BOTH(actions); \
		FLAT(actions); \
	} while (0)
#define BOTH(actions) \
	do { \
		run_on(ON_SIM, actions, sizeof(actions) / sizeof((actions)[0])); \
		run_on(ON_LINUX, actions, sizeof(actions) / sizeof((actions)[0])); \
	} while (0)

#endif
