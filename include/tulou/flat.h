/* SPDX-License-Identifier: MIT */
/*
 * flat.h - a host for embedders without an MMU of their own to command: enclaves, unikernels, plain programs.
 *
 *     arena   the pool: committed memory, always accessible; an address of the pool is an address of the program
 *     books   a second region: the core's books, and what this host keeps (one bit per page, a record per file mapping)
 *     files   read and written through the embedder's callbacks, or not at all
 *
 *     tulou_flat_create(&config, &host);  tulou_create(&pool, host, &(struct tulou_config){.start = arena, .end = arena + size});
 *
 * Freestanding: no C library, no system calls. What no MMU means:
 *   - Permissions live in the books only (tulou_access_ok knows them); a stray access is not caught.
 *   - Pages are zeroed when they are taken away, so that a stale secret never stays; a fresh page is zero because of it.
 *   - A file mapping is a copy. A shared one is written back by msync, munmap, mremap that drops pages, and the process's end;
 *     only bytes between the first and the last changed one of a page are written, never beyond the file's end. What others
 *     write to the file meanwhile is seen after msync(MS_INVALIDATE).
 *   - What cannot be true is refused: a second shared mapping of the same part of a file when either could be written (ENODEV), a
 *     second view of a mapping (EINVAL), pages behind a file's end (ENXIO).
 */
#ifndef TULOU_FLAT_H
#define TULOU_FLAT_H

#include <tulou/abi.h>
#include <tulou/host.h>

/* Files. `file` is what `get` gave; it stays usable after its descriptor was closed, until the last `put`. Called with the
 * host's lock held, so one at a time; they must not call the core or the host. */
struct tulou_flat_files {
	void *ctx;
	/* As file_get, file_dup and file_put of struct tulou_host. */
	int (*get)(void *ctx, int fd, bool shared, struct tulou_file *out);
	void (*dup)(void *ctx, const struct tulou_file *file);
	void (*put)(void *ctx, const struct tulou_file *file);
	/* The file's size in bytes now. 0 or a negative errno. */
	int (*size)(void *ctx, const struct tulou_file *file, uint64_t *size);
	/* Bytes moved, perhaps fewer than `size` (read: 0 at the file's end), or a negative errno. write_at never lies behind the end. */
	long (*read_at)(void *ctx, const struct tulou_file *file, uint64_t offset, void *buffer, size_t size);
	long (*write_at)(void *ctx, const struct tulou_file *file, uint64_t offset, const void *buffer, size_t size);
};

/* Tasks: as in struct tulou_host. A task must not be ended while it is inside a call: this host then stops with `panic`. */
struct tulou_flat_tasks {
	void *ctx;
	uint32_t (*self)(void *ctx);
	bool (*alive)(void *ctx, uint32_t owner);
	void (*wait)(void *ctx, uint32_t *word, uint32_t seen);
	void (*wake)(void *ctx, uint32_t *word, unsigned count);
	void (*panic)(void *ctx, const char *what) __attribute__((noreturn));
};

struct tulou_flat_config {
	void *arena; /* page-aligned; must be zero */
	size_t arena_size; /* a multiple of the page size */
	void *books; /* page-aligned, outside the arena; its contents do not matter */
	size_t books_size;
	const struct tulou_flat_files *files; /* NULL: no files */
	const struct tulou_flat_tasks *tasks; /* NULL: there is one task, and a contradiction ends in a trap instruction */
};

/* The host lives at the start of the books region, until the embedder takes the regions back. `files` and `tasks` must outlive
 * it. Errors: EINVAL (config), ENOMEM (books_size: at least some pages, and a bit per page of the arena). */
int tulou_flat_create(const struct tulou_flat_config *config, const struct tulou_host **out);

struct tulou_flat_usage {
	size_t mapped; /* bytes of the arena with pages */
	size_t books; /* bytes of the books region in use, the host's own included */
	size_t extents; /* records of file mappings and shared memory */
};
void tulou_flat_usage(const struct tulou_host *host, struct tulou_flat_usage *usage);

#endif
