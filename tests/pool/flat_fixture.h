/* SPDX-License-Identifier: MIT */
/*
 * flat_fixture.h - a flat host over memory of this process, and files in memory that fail when told to.
 *
 *     arena   at FLAT_START, as many pages as asked for       books   as many pages as the test asks for
 *     files   bytes and a size, counted by descriptors and references; every callback on a file goes through a probe's rules
 */
#ifndef TESTS_POOL_FLAT_FIXTURE_H
#define TESTS_POOL_FLAT_FIXTURE_H

#include <stdint.h>

#include <tulou/flat.h>

#include "probe.h"

enum { FLAT_PAGE = 4096, FLAT_PAGES = 256, FLAT_CHUNK_PAGES = 64, FLAT_FILES = 16 };
#define FLAT_START 0x10000000ul

struct flat_test_file {
	uint8_t *bytes; /* exactly `size`: AddressSanitizer watches the end */
	uint64_t size, ino;
	unsigned refs; /* descriptors and references */
};

struct flat_fixture {
	uint8_t *arena, *books;
	size_t arena_size, books_size;
	struct flat_test_file *files[FLAT_FILES]; /* by descriptor; NULL: closed */
	int access[FLAT_FILES]; /* O_RDONLY 0, O_WRONLY 1, O_RDWR 2 */
	uint64_t next_ino;
	struct tulou_flat_files callbacks;
	const struct tulou_host *host;
	struct probe own, *probe; /* whose rules the files follow: its own, or that of the pool */
	size_t handles; /* references that are held */
	size_t reads, writes; /* bytes moved */
	size_t chunk; /* most bytes that one read or write moves; 0: all */
};

/* A fresh host over `arena_pages` zero pages and `books_pages` for the books. */
void flat_open(struct flat_fixture *f, size_t arena_pages, size_t books_pages, const struct tulou_flat_tasks *tasks);
/* All is given back: no pages, no extents, no references, and an arena without a byte of anybody. */
void flat_close(struct flat_fixture *f);
/* Unmap the arena, which stays for the next fixture otherwise: something else is to be at FLAT_START. */
void flat_arena_drop(void);
struct tulou_flat_usage flat_usage(const struct flat_fixture *f);

/* A new file of `size` zero bytes; the lowest free descriptor. */
int flat_file_create(struct flat_fixture *f, uint64_t size);
/* The same file once more. */
int flat_file_open(struct flat_fixture *f, int fd, int access);
void flat_file_close(struct flat_fixture *f, int fd);
void flat_file_resize(struct flat_fixture *f, int fd, uint64_t size);
/* A new file as descriptor `fd`, which is the next free one; its byte at i is 'a' + i / 4096, so that pages can be told apart. */
void flat_file_fill(struct flat_fixture *f, int fd, uint64_t size);

#endif
