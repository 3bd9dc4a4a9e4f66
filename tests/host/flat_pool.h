/* SPDX-License-Identifier: MIT */
/* flat_pool.h - the pool fixture on the flat host, where an address of the pool is an address of the program. */
#ifndef TESTS_HOST_FLAT_POOL_H
#define TESTS_HOST_FLAT_POOL_H

#include "pool_fixture.h"

enum { P = FLAT_PAGE };

static inline void flat_pool_open(struct fixture *f)
{
	pool_machine = ON_FLAT;
	pool_open(f, FLAT_PAGES, FLAT_CHUNK_PAGES);
}

/* With few pages of books: 0, or as tulou_create and tulou_process_vm_create answer. */
static inline int flat_pool_try(struct fixture *f, size_t books_pages)
{
	f->machine = (struct machine){.kind = ON_FLAT, .start = FLAT_START, .end = FLAT_START + FLAT_PAGES * P};
	flat_open(&f->machine.flat, FLAT_PAGES, books_pages, NULL);
	f->machine.host = f->machine.flat.host;
	return pool_create(f, FLAT_CHUNK_PAGES, 3);
}

static inline uint8_t *page_at(long page)
{
	return (uint8_t *)at(page);
}

#endif
