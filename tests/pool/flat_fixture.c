/* SPDX-License-Identifier: MIT */
/* flat_fixture.c - see flat_fixture.h. */
#include "flat_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

/* ---- callbacks on files ---------------------------------------------------------------------------------------------------- */

static void file_unref(struct flat_test_file *file)
{
	if (--file->refs)
		return;
	free(file->bytes);
	free(file);
}

static int fixture_get(void *ctx, int fd, bool shared, struct tulou_file *out)
{
	static const int max_prot[] = {TULOU_PROT_READ | TULOU_PROT_EXEC, 0, 7};
	struct flat_fixture *f = ctx;

	if (fd < 0 || fd >= FLAT_FILES || !f->files[fd])
		return -TULOU_EBADF;
	*out = (struct tulou_file){.dev = 9, .ino = f->files[fd]->ino, .handle = f->files[fd], .fd = fd};
	out->max_prot = max_prot[shared || f->access[fd] == 1 ? f->access[fd] : 2];
	f->files[fd]->refs++;
	f->handles++;
	return 0;
}

static void fixture_dup(void *ctx, const struct tulou_file *file)
{
	struct flat_fixture *f = ctx;

	((struct flat_test_file *)file->handle)->refs++;
	f->handles++;
}

static void fixture_put(void *ctx, const struct tulou_file *file)
{
	struct flat_fixture *f = ctx;

	assert_true(f->handles > 0);
	f->handles--;
	file_unref(file->handle);
}

static int fixture_size(void *ctx, const struct tulou_file *file, uint64_t *size)
{
	const struct flat_test_file *of = file->handle;
	struct flat_fixture *f = ctx;

	*size = of->size;
	return probe_enter(f->probe, PROBE_FILE_SIZE);
}

static size_t fixture_most(const struct flat_fixture *f, size_t size)
{
	return f->chunk && f->chunk < size ? f->chunk : size;
}

static long fixture_read_at(void *ctx, const struct tulou_file *file, uint64_t offset, void *buffer, size_t size)
{
	const struct flat_test_file *of = file->handle;
	struct flat_fixture *f = ctx;
	int error = probe_enter(f->probe, PROBE_FILE_READ);

	if (error) {
		memset(buffer, 0xee, size); /* a failed read may have done anything to the buffer */
		return error;
	}
	size = fixture_most(f, size);
	size = offset >= of->size ? 0 : size < of->size - offset ? size : (size_t)(of->size - offset);
	memcpy(buffer, of->bytes + offset, size);
	f->reads += size;
	return (long)size;
}

static long fixture_write_at(void *ctx, const struct tulou_file *file, uint64_t offset, const void *buffer, size_t size)
{
	struct flat_test_file *of = file->handle;
	struct flat_fixture *f = ctx;
	int error = probe_enter(f->probe, PROBE_FILE_WRITE);

	if (error)
		return error;
	size = fixture_most(f, size);
	assert_true(offset + size <= of->size); /* never behind the end */
	memcpy(of->bytes + offset, buffer, size);
	f->writes += size;
	return (long)size;
}

/* ---- files ----------------------------------------------------------------------------------------------------------------- */

static int descriptor_for(struct flat_fixture *f, struct flat_test_file *file, int access)
{
	for (int fd = 0; fd < FLAT_FILES; fd++) {
		if (f->files[fd])
			continue;
		file->refs++;
		f->files[fd] = file;
		f->access[fd] = access;
		return fd;
	}
	fail_msg("too many files");
	return -1;
}

int flat_file_create(struct flat_fixture *f, uint64_t size)
{
	struct flat_test_file *file = calloc(1, sizeof(*file));
	int fd;

	assert_non_null(file);
	file->ino = ++f->next_ino;
	fd = descriptor_for(f, file, 2);
	flat_file_resize(f, fd, size);
	return fd;
}

int flat_file_open(struct flat_fixture *f, int fd, int access)
{
	return descriptor_for(f, f->files[fd], access);
}

void flat_file_close(struct flat_fixture *f, int fd)
{
	file_unref(f->files[fd]);
	f->files[fd] = NULL;
}

void flat_file_resize(struct flat_fixture *f, int fd, uint64_t size)
{
	struct flat_test_file *file = f->files[fd];

	file->bytes = realloc(file->bytes, size ? size : 1);
	assert_non_null(file->bytes);
	if (size > file->size)
		memset(file->bytes + file->size, 0, size - file->size);
	file->size = size;
}

void flat_file_fill(struct flat_fixture *f, int fd, uint64_t size)
{
	assert_int_equal(flat_file_create(f, size), fd);
	for (uint64_t i = 0; i < size; i++)
		f->files[fd]->bytes[i] = (uint8_t)('a' + i / FLAT_PAGE);
}

/* ---- the host -------------------------------------------------------------------------------------------------------------- */

/* The arena of the last fixture that was closed, which is zero: page faults cost more than the tests. */
static struct {
	uint8_t *start;
	size_t size;
	bool clean;
} arena;

void flat_arena_drop(void)
{
	if (arena.start)
		munmap(arena.start, arena.size);
	arena.start = NULL;
}

static uint8_t *arena_open(size_t size)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;

	if (!arena.clean || arena.size != size)
		flat_arena_drop();
	if (!arena.start)
		arena.start = mmap((void *)FLAT_START, size, PROT_READ | PROT_WRITE, flags, -1, 0);
	arena.size = size;
	arena.clean = false;
	return arena.start;
}

void flat_open(struct flat_fixture *f, size_t arena_pages, size_t books_pages, const struct tulou_flat_tasks *tasks)
{
	*f = (struct flat_fixture){.arena_size = arena_pages * FLAT_PAGE, .books_size = books_pages * FLAT_PAGE, .next_ino = 100};
	f->arena = arena_open(f->arena_size);
	f->books = aligned_alloc(FLAT_PAGE, f->books_size);
	assert_ptr_equal(f->arena, FLAT_START);
	assert_non_null(f->books);
	memset(f->books, 0xcc, f->books_size);
	f->probe = &f->own;
	f->callbacks = (struct tulou_flat_files){
		.ctx = f,
		.get = fixture_get,
		.dup = fixture_dup,
		.put = fixture_put,
		.size = fixture_size,
		.read_at = fixture_read_at,
		.write_at = fixture_write_at,
	};
	const struct tulou_flat_config config = {.arena = f->arena,
		.arena_size = f->arena_size,
		.books = f->books,
		.books_size = f->books_size,
		.files = &f->callbacks,
		.tasks = tasks};

	assert_int_equal(tulou_flat_create(&config, &f->host), 0);
}

struct tulou_flat_usage flat_usage(const struct flat_fixture *f)
{
	struct tulou_flat_usage usage;

	tulou_flat_usage(f->host, &usage);
	return usage;
}

void flat_close(struct flat_fixture *f)
{
	struct tulou_flat_usage usage = flat_usage(f);

	assert_int_equal(usage.mapped, 0);
	assert_int_equal(usage.extents, 0);
	assert_int_equal(f->handles, 0);
	for (size_t i = 0; i < f->arena_size; i += sizeof(uint64_t))
		if (*(const uint64_t *)(const void *)(f->arena + i))
			fail_msg("byte %zu of page %zu is not 0 after all was given back", i % FLAT_PAGE, i / FLAT_PAGE);
	for (int fd = 0; fd < FLAT_FILES; fd++)
		if (f->files[fd])
			flat_file_close(f, fd);
	arena.clean = true;
	free(f->books);
}
