/* SPDX-License-Identifier: MIT */
/*
 * pool_fixture.h - a small pool on the sim host, and its whole state as one line of text.
 *
 *     pool_expect(f, "A:0+4rw A:6+2r- B:16+1rws");      page 0, 4 pages, of process A …, in ascending order, nothing else
 *
 * An area reads OWNER:PAGE+PAGES, perms, then s (shared), l (locked), @PAGE (offset into a file), and its kind if it is not mmap: R reserved,
 * H heap, S stack, L limbo (owner 0 is written as ?), ~ room, | barrier. Pages count from the start of the pool. Owners are A, B, … by id 1, 2, …
 * pool_expect also runs tulou_check, and compares what the host has mapped with the books.
 */
#ifndef TESTS_UNIT_POOL_FIXTURE_H
#define TESTS_UNIT_POOL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <tulou/inspect.h>
#include <tulou/tulou.h>

#include "host/sim/sim.h"

enum {
	RW = TULOU_PROT_READ | TULOU_PROT_WRITE,
	RO = TULOU_PROT_READ,
	RX = TULOU_PROT_READ | TULOU_PROT_EXEC,
	NONE = TULOU_PROT_NONE,
	PRIV = TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS,
	SHARED = TULOU_MAP_SHARED | TULOU_MAP_ANONYMOUS,
	FIXED = TULOU_MAP_FIXED,
	NOREPLACE = TULOU_MAP_FIXED_NOREPLACE,
	PAGE = 4096,
};

#define POOL_START 0x10000000ul

struct fixture {
	struct sim *sim;
	struct tulou *pool;
	struct tulou_process_vm *a, *b;
};

/* A pool of `pages`, chunks of `chunk_pages`, with processes A and B. */
static inline void pool_open(struct fixture *f, size_t pages, size_t chunk_pages)
{
	struct tulou_config config = {
		.start = POOL_START,
		.end = POOL_START + pages * PAGE,
		.chunk_size = chunk_pages * PAGE,
		.check_level = 3,
	};

	f->sim = sim_create(config.start, config.end);
	assert_int_equal(tulou_create(&f->pool, sim_host(f->sim), &config), 0);
	assert_int_equal(tulou_process_vm_create(f->pool, 1, &f->a), 0);
	assert_int_equal(tulou_process_vm_create(f->pool, 2, &f->b), 0);
}

/* Everything given back: pages, books, references to files. */
static inline void pool_close(struct fixture *f)
{
	tulou_destroy(f->pool);
	assert_int_equal(sim_mapped(f->sim), 0);
	assert_int_equal(sim_books(f->sim), 0);
	assert_int_equal(sim_handles(f->sim), 0);
	sim_destroy(f->sim);
}

static inline uintptr_t at(long page)
{
	return POOL_START + (uintptr_t)page * PAGE;
}

static inline long page_of(long addr)
{
	return addr < 0 ? addr : (addr - (long)POOL_START) / PAGE;
}

struct picture {
	char text[8192];
	size_t length;
	size_t mapped; /* bytes that the host should have mapped */
};

static inline int picture_area(void *arg, const struct tulou_area_info *area)
{
	struct picture *p = arg;
	char owner = area->process ? (char)('A' + area->process - 1) : '?';
	int wrote = snprintf(p->text + p->length, sizeof(p->text) - p->length, "%s%c:%ld+%ld%c%c%s%s%s", p->length ? " " : "",
		owner, page_of((long)area->start), (long)(area->end - area->start) / PAGE,
		area->prot & TULOU_PROT_READ ? 'r' : '-', area->prot & TULOU_PROT_WRITE ? 'w' : '-',
		area->prot & TULOU_PROT_EXEC ? "x" : "", area->flags & TULOU_MAP_SHARED ? "s" : "",
		area->flags & TULOU_MAP_LOCKED ? "l" : "");

	p->length += (size_t)wrote;
	if (area->ino)
		p->length +=
			(size_t)snprintf(p->text + p->length, sizeof(p->text) - p->length, "@%ld", (long)area->offset / PAGE);
	if (area->kind != TULOU_AREA_MMAP)
		p->text[p->length++] = "?RHSL~|"[area->kind];
	p->text[p->length] = '\0';
	assert_true(p->length < sizeof(p->text) - 64);
	if (area->kind != TULOU_AREA_RESERVED && area->kind != TULOU_AREA_ROOM)
		p->mapped += area->end - area->start;
	return 0;
}

static inline void pool_expect_at(struct fixture *f, const char *wanted, const char *file, int line)
{
	static struct picture p;
	char what[200];

	p.length = p.mapped = 0;
	p.text[0] = '\0';
	tulou_walk_areas(f->pool, picture_area, &p);
	if (strcmp(p.text, wanted))
		print_error("%s:%d:\n  have %s\n  want %s\n", file, line, p.text, wanted);
	assert_string_equal(p.text, wanted);
	if (tulou_check(f->pool, what, sizeof(what)))
		print_error("%s:%d: %s\n", file, line, what);
	assert_int_equal(tulou_check(f->pool, what, sizeof(what)), 0);
	assert_int_equal(sim_mapped(f->sim), p.mapped);
}
#define pool_expect(f, wanted) pool_expect_at(f, wanted, __FILE__, __LINE__)

/* mmap of private anonymous memory: the page where it is, or the error. */
static inline long map_pages(struct tulou_process_vm *vm, long pages, int prot)
{
	return page_of(tulou_mmap(vm, 0, (size_t)pages * PAGE, prot, PRIV, -1, 0));
}

static inline long map_at(struct tulou_process_vm *vm, long page, long pages, int prot, int flags)
{
	return page_of(tulou_mmap(vm, at(page), (size_t)pages * PAGE, prot, PRIV | flags, -1, 0));
}

static inline long unmap(struct tulou_process_vm *vm, long page, long pages)
{
	return tulou_munmap(vm, at(page), (size_t)pages * PAGE);
}

static inline long protect(struct tulou_process_vm *vm, long page, long pages, int prot)
{
	return tulou_mprotect(vm, at(page), (size_t)pages * PAGE, prot);
}

static inline long remap(struct tulou_process_vm *vm, long page, long pages, long new_pages, int flags, long new_page)
{
	return page_of(tulou_mremap(vm, at(page), (size_t)pages * PAGE, (size_t)new_pages * PAGE, flags, at(new_page)));
}

#endif
