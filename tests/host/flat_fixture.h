/* SPDX-License-Identifier: MIT */
/*
 * flat_fixture.h - a flat host over memory of this process, and files in memory that fail when told to.
 *
 *     arena   FLAT_PAGES pages, aligned to chunks     books   as many bytes as the test asks for
 *     files   bytes and a size; a descriptor is an index; every callback on a file counts, and the nth one can fail
 */
#ifndef TESTS_HOST_FLAT_FIXTURE_H
#define TESTS_HOST_FLAT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <tulou/flat.h>

enum { FLAT_PAGE = 4096, FLAT_PAGES = 256, FLAT_CHUNK_PAGES = 64, FLAT_FILES = 4, FLAT_FILE_ROOM = 32 * FLAT_PAGE };

struct flat_test_file {
	uint8_t *bytes; /* exactly `size`: AddressSanitizer watches the end */
	uint64_t size;
	bool read_only;
	uint64_t ino; /* 0: descriptor not in use; two descriptors of one file have the same bytes */
};

struct flat_fixture {
	uint8_t *arena, *books;
	size_t books_size;
	struct flat_test_file files[FLAT_FILES];
	struct tulou_flat_files callbacks;
	const struct tulou_host *host;
	size_t handles; /* references that are held */
	size_t reads, writes; /* bytes moved */
	size_t fail_at, calls; /* the fail_at-th callback on a file fails; 0: none */
	bool fail_on; /* and all after it */
	size_t chunk; /* most bytes that one read or write moves; 0: all */
};

static inline bool flat_fixture_fails(struct flat_fixture *f)
{
	f->calls++;
	return f->fail_at && (f->calls == f->fail_at || (f->fail_on && f->calls > f->fail_at));
}

static inline int flat_fixture_get(void *ctx, int fd, bool shared, struct tulou_file *out)
{
	struct flat_fixture *f = ctx;

	if (fd < 0 || fd >= FLAT_FILES || !f->files[fd].ino)
		return -TULOU_EBADF;
	if (flat_fixture_fails(f))
		return -TULOU_EIO;
	*out = (struct tulou_file){.dev = 9, .ino = f->files[fd].ino, .handle = &f->files[fd], .max_prot = 7, .fd = fd};
	if (shared && f->files[fd].read_only)
		out->max_prot = TULOU_PROT_READ | TULOU_PROT_EXEC;
	f->handles++;
	return 0;
}

static inline void flat_fixture_dup(void *ctx, const struct tulou_file *file)
{
	struct flat_fixture *f = ctx;

	assert_non_null(file->handle);
	f->handles++;
}

static inline void flat_fixture_put(void *ctx, const struct tulou_file *file)
{
	struct flat_fixture *f = ctx;

	assert_non_null(file->handle);
	assert_true(f->handles > 0);
	f->handles--;
}

static inline int flat_fixture_size(void *ctx, const struct tulou_file *file, uint64_t *size)
{
	const struct flat_test_file *of = file->handle;

	*size = of->size;
	return flat_fixture_fails(ctx) ? -TULOU_EIO : 0;
}

static inline size_t flat_fixture_most(const struct flat_fixture *f, size_t size)
{
	return f->chunk && f->chunk < size ? f->chunk : size;
}

static inline long flat_fixture_read_at(void *ctx, const struct tulou_file *file, uint64_t offset, void *buffer, size_t size)
{
	const struct flat_test_file *of = file->handle;
	struct flat_fixture *f = ctx;

	if (flat_fixture_fails(f)) {
		memset(buffer, 0xee, size); /* a failed read may have done anything to the buffer */
		return -TULOU_EIO;
	}
	size = flat_fixture_most(f, size);
	size = offset >= of->size ? 0 : size < of->size - offset ? size : (size_t)(of->size - offset);
	memcpy(buffer, of->bytes + offset, size);
	f->reads += size;
	return (long)size;
}

static inline long flat_fixture_write_at(
	void *ctx, const struct tulou_file *file, uint64_t offset, const void *buffer, size_t size)
{
	struct flat_test_file *of = file->handle;
	struct flat_fixture *f = ctx;

	if (flat_fixture_fails(f))
		return -TULOU_EIO;
	size = flat_fixture_most(f, size);
	assert_true(offset + size <= of->size); /* never behind the end */
	memcpy(of->bytes + offset, buffer, size);
	f->writes += size;
	return (long)size;
}

static inline void flat_file_resize(struct flat_fixture *f, int fd, uint64_t size)
{
	struct flat_test_file *file = &f->files[fd];

	file->bytes = realloc(file->bytes, size + 1);
	if (size > file->size)
		memset(file->bytes + file->size, 0, size - file->size);
	file->size = size;
}

/* A file whose byte at i is 'a' + i / 4096, so that pages can be told apart. */
static inline void flat_file_fill(struct flat_fixture *f, int fd, uint64_t size)
{
	f->files[fd].ino = 100 + (uint64_t)fd;
	flat_file_resize(f, fd, size);
	for (uint64_t i = 0; i < size; i++)
		f->files[fd].bytes[i] = (uint8_t)('a' + i / FLAT_PAGE);
}

/* Books of `books_pages`. */
static inline void flat_open(struct flat_fixture *f, size_t books_pages, const struct tulou_flat_tasks *tasks)
{
	memset(f, 0, sizeof(*f));
	f->arena = aligned_alloc(FLAT_CHUNK_PAGES * FLAT_PAGE, FLAT_PAGES * FLAT_PAGE);
	f->books_size = books_pages * FLAT_PAGE;
	f->books = aligned_alloc(FLAT_PAGE, f->books_size);
	assert_non_null(f->arena);
	assert_non_null(f->books);
	memset(f->arena, 0, FLAT_PAGES * FLAT_PAGE);
	memset(f->books, 0xcc, f->books_size);
	f->callbacks = (struct tulou_flat_files){
		.ctx = f,
		.get = flat_fixture_get,
		.dup = flat_fixture_dup,
		.put = flat_fixture_put,
		.size = flat_fixture_size,
		.read_at = flat_fixture_read_at,
		.write_at = flat_fixture_write_at,
	};
	const struct tulou_flat_config config = {.arena = f->arena,
		.arena_size = FLAT_PAGES * FLAT_PAGE,
		.books = f->books,
		.books_size = f->books_size,
		.files = &f->callbacks,
		.tasks = tasks};

	assert_int_equal(tulou_flat_create(&config, &f->host), 0);
}

static inline struct tulou_flat_usage flat_usage(const struct flat_fixture *f)
{
	struct tulou_flat_usage usage;

	tulou_flat_usage(f->host, &usage);
	return usage;
}

/* All is given back: no pages, no extents, no references, and an arena without a byte of anybody. */
static inline void flat_close(struct flat_fixture *f)
{
	struct tulou_flat_usage usage = flat_usage(f);

	assert_int_equal(usage.mapped, 0);
	assert_int_equal(usage.extents, 0);
	assert_int_equal(f->handles, 0);
	for (size_t i = 0; i < FLAT_PAGES * FLAT_PAGE; i++)
		if (f->arena[i])
			fail_msg("byte %zu of page %zu is %#x after all was given back", i % FLAT_PAGE, i / FLAT_PAGE,
				f->arena[i]);
	for (int fd = 0; fd < FLAT_FILES; fd++)
		free(f->files[fd].bytes);
	free(f->arena);
	free(f->books);
}

#endif
