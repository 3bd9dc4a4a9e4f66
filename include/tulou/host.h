/* SPDX-License-Identifier: MIT */
/*
 * host.h - the contract between the memory manager and what lies below it.
 *
 * The core reaches the world only through one `const struct tulou_host`. It decides where everything goes (addresses are the
 * core's business, never the host's) and keeps the books; the host makes pages appear, change and go away.
 *
 * What holds for every callback, stated once:
 *   - `ctx` is the `ctx` member of the struct, passed back unchanged.
 *   - Addresses and sizes are multiples of TULOU_PAGE_SIZE; sizes are not 0; ranges lie inside the pool.
 *   - A callback returns 0 or a negative errno (abi.h). A callback that fails has changed nothing.
 *   - Any callback may fail at any time, `unmap` included.
 *   - A callback must not call the core, and may be called by several threads at once for ranges that do not overlap.
 *   - A callback may run inside a signal handler on a small stack (16 KiB): no recursion, no large locals.
 */
#ifndef TULOU_HOST_H
#define TULOU_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What stands behind a file mapping. `dev`/`ino` identify the file (both: an inode number alone is not unique);
 * `max_prot` is what a shared mapping of it may ever be given by mprotect(2) (TULOU_PROT_*); `handle` is the host's own. */
struct tulou_file {
	uint64_t dev;
	uint64_t ino;
	void *handle;
	int max_prot;
	int fd; /* valid only during the call that brought it */
	size_t page_size; /* of a file of huge pages (hugetlbfs), bytes; 0: not one */
	bool zeros; /* private mappings of it are anonymous memory that bears its name: /dev/zero */
	uint64_t offset_max; /* bytes: a mapping that would go beyond is EOVERFLOW; 0: 2^63 - 1, as of regular files */
};

/* What becomes of pages: pageable, locked and brought in, locked once they are touched. */
enum tulou_lock {
	TULOU_LOCK_OFF,
	TULOU_LOCK_ON,
	TULOU_LOCK_ONFAULT,
	TULOU_LOCK_LATER, /* of `lock` only: as ON, but nothing is brought in now; the page behind the range is not mapped */
};

/* One mapping to be made. `file` is NULL for anonymous memory. `flags` are TULOU_MAP_* as the caller gave them, less those that
 * say *where* (FIXED, FIXED_NOREPLACE, 32BIT) or how it is locked: SHARED, PRIVATE or DROPPABLE, NORESERVE, POPULATE, STACK,
 * GROWSDOWN, HUGETLB, SYNC. */
struct tulou_mapping {
	uintptr_t start;
	size_t size;
	int prot;
	int flags;
	enum tulou_lock lock; /* TULOU_LOCK_OFF where the host has no `lock`. EAGAIN: no more may be locked */
	const struct tulou_file *file;
	uint64_t offset; /* bytes, a multiple of the page size */
};

struct tulou_host {
	void *ctx;

	/* ---- memory for the books ------------------------------------------------------------------------------------ */
	/* Zeroed pages outside the pool, readable and writable, or NULL. */
	void *(*books_map)(void *ctx, size_t size);
	void (*books_unmap)(void *ctx, void *start, size_t size);

	/* ---- pages of the pool --------------------------------------------------------------------------------------- */
	/* Make `m` appear, replacing atomically whatever pages stood in its range. Errors: as mmap(2). */
	int (*map)(void *ctx, const struct tulou_mapping *m);
	/* Take pages away; afterwards an access faults. A range without pages is not an error. */
	int (*unmap)(void *ctx, uintptr_t start, size_t size);
	/* Change the protection of mapped pages. Errors: as mprotect(2), and as there (the one exception to the rule above) pages
	 * before the one that refuses may be changed already: the core then says again what each of its areas has. */
	int (*protect)(void *ctx, uintptr_t start, size_t size, int prot);
	/* Grow one mapping in place, from `size` to `new_size` bytes: the same backing goes on. The new part is free. */
	int (*grow)(void *ctx, uintptr_t start, size_t size, size_t new_size);
	/* Move one mapping with its pages, without the caller seeing a copy; `new_size` may be larger (the backing goes on) or
	 * smaller (the rest is taken away). Replaces what stood at the target. With `keep_source` the old range stays
	 * mapped, empty (MREMAP_DONTUNMAP). `size` 0: the shared mapping at `start` appears at the target once more, from that
	 * page on, and stays where it is. */
	int (*move)(void *ctx, uintptr_t start, size_t size, uintptr_t new_start, size_t new_size, bool keep_source);
	/* What mremap(2) does with several mappings in one move to a fixed place: moves them all (Linux 6.17), or EFAULT. */
	bool moves_many;
	/* remap_file_pages(2): pages of one shared mapping, or of several of the same object and perms, show the object from
	 * `offset` on. NULL: the call is ENOSYS. */
	int (*remap)(void *ctx, uintptr_t start, size_t size, uint64_t offset);
	/* How far down the GROWSDOWN mapping that begins at `start` has grown by itself: where it begins now. It can have grown to
	 * `low` at most: from there to `start` is nothing else. NULL: mappings of this host do not grow, and are mapped without the
	 * flag. */
	uintptr_t (*grown)(void *ctx, uintptr_t start, uintptr_t low);
	/* Make mapped private anonymous pages read as zeros, and keep them. NULL, or an error: they are unmapped instead. */
	int (*zero)(void *ctx, uintptr_t start, size_t size);
	/* madvise(2) on mapped pages; advice is TULOU_MADV_*. As there, pages before the one that refuses may have taken it
	 * already. */
	int (*advise)(void *ctx, uintptr_t start, size_t size, int advice);
	/* msync(2) on mapped pages; flags are TULOU_MS_*. */
	int (*sync)(void *ctx, uintptr_t start, size_t size, int flags);
	/* mincore(2): a byte per page, bit 0 says resident. ENOMEM: not all of the pages are mapped. `vector` is the caller's,
	 * perhaps a guest's: EFAULT where it cannot be written. NULL: mincore is ENOSYS. */
	int (*resident)(void *ctx, uintptr_t start, size_t size, unsigned char *vector);
	/* mlock2(2), munlock(2) on mapped pages. A positive errno: they are locked, but not all could be brought in, for which
	 * mlock(2) says that errno. NULL: the calls are ENOSYS. */
	int (*lock)(void *ctx, uintptr_t start, size_t size, enum tulou_lock how);

	/* ---- files --------------------------------------------------------------------------------------------------- */
	/* The file behind a descriptor, with one reference. Errors: -EBADF, and what fstat(2) says. `shared` asks for max_prot. */
	int (*file_get)(void *ctx, int fd, bool shared, struct tulou_file *out);
	/* Does its file system, or driver, know MAP_SYNC? A mapping of the file may still be refused. NULL: none does. */
	bool (*file_syncs)(void *ctx, int fd);
	/* One more reference (an area was split), one less. */
	void (*file_dup)(void *ctx, const struct tulou_file *file);
	void (*file_put)(void *ctx, const struct tulou_file *file);

	/* ---- tasks: who calls, and how to wait ------------------------------------------------------------------------ */
	/* The caller: 1 … 2^30-1, different for tasks that are alive at the same time, and naming slot and generation, so that
	 * a new task is never taken for a dead one. Written into lock words. */
	uint32_t (*self)(void *ctx);
	/* False once the task that `self` named can never run again. */
	bool (*alive)(void *ctx, uint32_t owner);
	/* Sleep while *word == seen, at most some 10 ms (the caller looks again: an owner may have died). */
	void (*wait)(void *ctx, uint32_t *word, uint32_t seen);
	void (*wake)(void *ctx, uint32_t *word, unsigned count);

	/* A contradiction in the books: print `what` and stop. Does not return. Never called because a callback failed. */
	void (*panic)(void *ctx, const char *what) __attribute__((noreturn));
};

#endif
