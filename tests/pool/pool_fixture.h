/* SPDX-License-Identifier: MIT */
/*
 * pool_fixture.h - a small pool on any host, and its whole state as one line of text.
 *
 *     pool_expect(f, "A:0+4rw A:6+2r- B:16+1rws");      page 0, 4 pages, of process A …, in ascending order, nothing else
 *
 * An area reads OWNER:PAGE+PAGES, perms, then s (shared), l (locked), @PAGE (offset into a file), and its kind if it is not mmap: R reserved,
 * H heap, S stack, L limbo (owner 0 is written as ?). Pages count from the start of the pool. Owners are A, B, … by id 1, 2, …
 * pool_expect also runs tulou_check, and compares what the host has mapped with the books.
 *
 *     core ──→ probe (counts, fails) ──→ host of the machine       POOL_RUN runs the tests on each host in turn
 */
#ifndef TESTS_POOL_POOL_FIXTURE_H
#define TESTS_POOL_POOL_FIXTURE_H

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

#include "machine.h"
#include "probe.h"

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

/* Of every pool: more than there is. */
#define MEMORY_LIMIT (1ul << 50)

#define POOL_START MACHINE_START

struct fixture {
	struct machine machine;
	struct probe probe;
	struct tulou *pool;
	struct tulou_process_vm *a, *b;
	struct sim *sim; /* of the machine, or NULL */
	struct flat_fixture *flat;
};

/* Where pool_open opens: sim unless POOL_RUN says otherwise. */
extern enum machine_kind pool_machine;
#define TRAITS (machine_traits[pool_machine])

/* tulou_config.resident of the pools that are opened: off unless a test says otherwise. */
extern enum tulou_resident pool_resident;

/* Run the tests once per host, as a group with its name. 0 when all passed. */
int pool_run_tests(const struct CMUnitTest *tests, size_t count);
#define POOL_RUN(tests) pool_run_tests(tests, sizeof(tests) / sizeof((tests)[0]))

/* A pool of `pages`, chunks of `chunk_pages`, with processes A and B. */
void pool_open(struct fixture *f, size_t pages, size_t chunk_pages);
/* 0, or as tulou_create and tulou_process_vm_create answer on this machine, which was opened: then nothing is left. */
int pool_create(struct fixture *f, size_t chunk_pages, int check_level);
/* Everything given back: pages, books, references to files. */
void pool_close(struct fixture *f);

static inline uintptr_t at(long page)
{
	return POOL_START + (uintptr_t)page * PAGE;
}

static inline long page_of(long addr)
{
	return addr < 0 ? addr : (addr - (long)POOL_START) / PAGE;
}

/* ---- the whole state ------------------------------------------------------------------------------------------------------- */

struct picture {
	char text[65536];
	size_t length;
	size_t mapped; /* bytes that the host should have mapped */
};

const char *picture_take(struct picture *p, struct tulou *pool);
void pool_sound_at(struct fixture *f, const char *file, int line);
void pool_expect_at(struct fixture *f, const char *wanted, const char *file, int line);
#define pool_expect(f, wanted) pool_expect_at(f, wanted, __FILE__, __LINE__)
#define pool_sound(f)          pool_sound_at(f, __FILE__, __LINE__)

/* ---- memory, as the program sees it ---------------------------------------------------------------------------------------- */

/* The first byte of a page, which can be read. */
static inline uint8_t byte_at(const struct fixture *f, long page)
{
	uint8_t byte = 0;

	assert_int_equal(machine_load(&f->machine, at(page), &byte), 0);
	return byte;
}

static inline void put_at(const struct fixture *f, long page, uint8_t byte)
{
	assert_int_equal(machine_store(&f->machine, at(page), byte), 0);
}

/* What the host says of it. */
static inline struct machine_page host_page(const struct fixture *f, long page)
{
	struct machine_page seen;

	machine_pages(&f->machine, at(page), 1, &seen);
	return seen;
}

static inline size_t calls_of(const struct fixture *f, enum probe_call call)
{
	return f->probe.calls[call];
}

/* ---- calls, in pages ------------------------------------------------------------------------------------------------------- */

/* mmap of private anonymous memory: the page where it is, or the error. */
static inline long map_pages(struct tulou_process_vm *vm, long pages, int prot)
{
	return page_of(tulou_mmap(vm, 0, (size_t)pages * PAGE, prot, PRIV, -1, 0));
}

static inline long map_at(struct tulou_process_vm *vm, long page, long pages, int prot, int flags)
{
	return page_of(tulou_mmap(vm, at(page), (size_t)pages * PAGE, prot, PRIV | flags, -1, 0));
}

/* With MAP_FIXED, of a file from this page of it. */
static inline long map_file(struct tulou_process_vm *vm, long page, long pages, int prot, int flags, int fd, long file_page)
{
	return page_of(tulou_mmap(vm, at(page), (size_t)pages * PAGE, prot, flags | FIXED, fd, (uint64_t)file_page * PAGE));
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
