/* SPDX-License-Identifier: MIT */
/*
 * processes_model.h - what random_processes knows of a pool: one record per page.
 *
 *     page      0 1 2 3 4 5 6 7 8 9 …
 *     owner     · 1 1 1 · 2 2 · 1 1         never two owners; between different ones at least one page of none
 *     value     · a b a · x y · c c         what a process wrote, it reads, whatever the others do
 */
#ifndef RANDOM_PROCESSES_MODEL_H
#define RANDOM_PROCESSES_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tulou/tulou.h>

#include "host/sim/sim.h"

enum { PAGE = 4096, POOL_PAGES_MAX = 1 << 14, OWNERS = 10, CHUNK_PAGES = 16 };

static const uintptr_t pool_start = 0x200000000000;

struct page {
	uint8_t owner; /* 0: nobody; else 1 … OWNERS, the process VM's id */
	uint8_t value; /* of the byte at PROBE; only kept for writable pages */
	bool writable;
};

enum { PROBE = 7 };

extern struct page model[POOL_PAGES_MAX];
extern size_t pool_pages; /* of this run: at most POOL_PAGES_MAX */

static inline uintptr_t page_addr(size_t page)
{
	return pool_start + page * PAGE;
}

static inline size_t addr_page(uintptr_t addr)
{
	return (addr - pool_start) / PAGE;
}

/* Does somebody else own a page of [first, end), or one right beside it? */
bool model_others_near(uint8_t self, size_t first, size_t end);
/* Does `self` own one of these pages; all of them; all of them, writable? */
bool model_owns_any(uint8_t self, size_t first, size_t end);
bool model_owns_all(uint8_t self, size_t first, size_t end);
bool model_writable(uint8_t self, size_t first, size_t end);
/* Is there a hole that must do for `pages` of `self`? An area lies in one chunk, so that up to a chunk may be lost on each side. */
bool model_hole_exists(uint8_t self, size_t pages);
size_t model_count(void);

/* New pages read as zero. */
void model_map(uint8_t self, size_t first, size_t end, bool writable);
void model_unmap(uint8_t self, size_t first, size_t end);
void model_protect(uint8_t self, size_t first, size_t end, bool writable);

/* Books, host and model must agree, and no two processes touch; else fail(). */
void model_check_books(struct tulou *pool, struct sim *sim);
/* What `self` wrote is still there. */
void model_check_contents(struct sim *sim, uint8_t self);

/* random_processes.c: print the run, the call and `what`, and end. */
_Noreturn void fail(const char *what, uintptr_t addr);

#endif
