/* SPDX-License-Identifier: MIT */
/* flat_pool.h - a pool on the flat host of flat_fixture.h, and the state of it as a text and as bytes. */
#ifndef TESTS_HOST_FLAT_POOL_H
#define TESTS_HOST_FLAT_POOL_H

#include "flat_fixture.h"

#include <tulou/inspect.h>
#include <tulou/tulou.h>

enum {
	RW = TULOU_PROT_READ | TULOU_PROT_WRITE,
	RO = TULOU_PROT_READ,
	PRIV = TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS,
	FIXED = TULOU_MAP_FIXED,
	P = FLAT_PAGE
};

struct flat_pool {
	struct flat_fixture flat;
	struct tulou *pool;
	struct tulou_process_vm *a, *b;
};

/* 0, or as tulou_create and tulou_process_vm_create answer when there are few books: then nothing is left. */
static inline int flat_pool_try(struct flat_pool *p, size_t books_pages)
{
	flat_open(&p->flat, books_pages, NULL);
	const struct tulou_config config = {.start = (uintptr_t)p->flat.arena,
		.end = (uintptr_t)p->flat.arena + FLAT_PAGES * P,
		.chunk_size = FLAT_CHUNK_PAGES * P,
		.check_level = 3};
	int error = tulou_create(&p->pool, p->flat.host, &config);

	if (error)
		return error;
	error = tulou_process_vm_create(p->pool, 1, &p->a);
	if (!error)
		error = tulou_process_vm_create(p->pool, 2, &p->b);
	if (error)
		tulou_destroy(p->pool);
	return error;
}

static inline void flat_pool_open(struct flat_pool *p)
{
	assert_int_equal(flat_pool_try(p, 256), 0);
}

static inline void flat_pool_check(struct flat_pool *p)
{
	char what[200];

	if (tulou_check(p->pool, what, sizeof(what)))
		fail_msg("%s", what);
}

static inline void flat_pool_close(struct flat_pool *p)
{
	flat_pool_check(p);
	tulou_destroy(p->pool);
	flat_close(&p->flat);
}

static inline uint8_t *page_at(const struct flat_pool *p, long page)
{
	return p->flat.arena + page * P;
}

static inline uintptr_t at(const struct flat_pool *p, long page)
{
	return (uintptr_t)page_at(p, page);
}

static inline long page_of(const struct flat_pool *p, long addr)
{
	return addr < 0 ? addr : (addr - (long)p->flat.arena) / P;
}

/* mmap at this page, of a file from this page of it (fd -1: anonymous): the page, or the error. */
static inline long map_at(
	const struct flat_pool *p, struct tulou_process_vm *vm, long page, long pages, int flags, int fd, long file_page)
{
	return page_of(p, tulou_mmap(vm, at(p, page), (size_t)pages * P, RW, flags | FIXED, fd, (uint64_t)file_page * P));
}

/* "A:0+4rw A:16+1rws@2": owner, page, pages, permissions, shared, page of the file. */
struct flat_picture {
	const struct flat_pool *pool;
	char text[8192];
	size_t length;
};

static inline int flat_picture_area(void *arg, const struct tulou_area_info *area)
{
	struct flat_picture *p = arg;

	p->length += (size_t)snprintf(p->text + p->length, sizeof(p->text) - p->length, "%s%c:%ld+%ld%s%s%s",
		p->length ? " " : "", (char)('A' + area->process - 1), page_of(p->pool, (long)area->start),
		(long)(area->end - area->start) / P, area->prot & TULOU_PROT_READ ? "r" : "-",
		area->prot & TULOU_PROT_WRITE ? "w" : "-", area->flags & TULOU_MAP_SHARED ? "s" : "");
	if (area->ino)
		p->length += (size_t)snprintf(p->text + p->length, sizeof(p->text) - p->length, "@%ld", (long)area->offset / P);
	assert_true(p->length < sizeof(p->text) - 64);
	return 0;
}

static inline const char *flat_picture_take(struct flat_picture *picture, const struct flat_pool *pool)
{
	picture->pool = pool;
	picture->length = 0;
	picture->text[0] = '\0';
	tulou_walk_areas(pool->pool, flat_picture_area, picture);
	return picture->text;
}

#endif
