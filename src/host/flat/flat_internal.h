/* SPDX-License-Identifier: MIT */
/*
 * flat_internal.h - the parts of the flat host, shared by its files.
 *
 *     flat_host.c      create, lock, tasks                 flat_map.c    map unmap grow protect advise sync
 *     flat_books.c     pages of the books region           flat_move.c   move
 *     flat_pages.c     which pages are there, contents     flat_file.c   read in, write back
 *     flat_extents.c   what stands behind pages
 *
 *     arena  |....AAAA..ffffff..SSSS....|     A private anonymous: only bits. f file mapping, S shared memory: an extent each
 *
 * Invariants: a page without its bit is zero (as long as nobody stores through a stale pointer); extents are disjoint and all their
 * pages have their bits; shared extents of one file that overlap in the file cannot be written, any of them; a shared extent that can be
 * written has a twin: its pages as the file has them.
 *
 * Lock: one, a leaf, held over a whole callback; functions here expect it unless they say otherwise.
 */
#ifndef TULOU_HOST_FLAT_INTERNAL_H
#define TULOU_HOST_FLAT_INTERNAL_H

#include <tulou/flat.h>

#include "base/lock.h"
#include "base/mem.h"
#include "base/tree.h"

/* A byte of a file, in an order of all bytes of all files. */
struct flat_place {
	uint64_t dev, ino, offset;
};

/* Pages with something behind them: a file, or shared memory (no file). */
struct flat_extent {
	struct tree_node by_address; /* flat.extents */
	struct tree_node by_place; /* flat.shared: only shared extents of files */
	uintptr_t start, end;
	bool shared, has_file;
	struct tulou_file file; /* one reference */
	uint64_t offset; /* of start */
	char *twin; /* books pages, or NULL */
	struct flat_place reach; /* the largest end in the subtree of by_place */
};

/* A run of free pages of the books, or of free records: lies in what it describes. */
struct flat_run {
	struct flat_run *next;
	size_t size;
};

struct flat {
	struct tulou_host host;
	const struct tulou_flat_files *files;
	const struct tulou_flat_tasks *tasks;
	uintptr_t start, end; /* the arena */
	struct lock lock; /* guards the rest */
	uint64_t *bits; /* one per page */
	size_t mapped; /* bits that are set */
	struct tree extents, shared;
	size_t extent_count;
	struct flat_run *books; /* free, ascending, none touch, all zero behind their heads */
	size_t books_used;
	struct flat_run *records; /* free records for extents */
	size_t record_count; /* of the list */
	struct flat_run *record_pages; /* pages that records are cut from */
};

/* What is to appear, or where: pages of the arena with what stands behind them. `file` NULL: anonymous. */
struct flat_want {
	uintptr_t start;
	size_t size;
	bool shared;
	const struct tulou_file *file;
	uint64_t offset;
};

/* Declared hidden, so that taking their addresses needs no table of the dynamic linker's. */
#pragma GCC visibility push(hidden)

/* ---- flat_host.c -------------------------------------------------------------------------------------------------------- */
struct flat *flat_enter(void *ctx);
int flat_leave(struct flat *flat, int result);

/* ---- flat_books.c ------------------------------------------------------------------------------------------------------- */
/* Zeroed pages, or NULL. Any part of them may be given back. */
void *flat_books_take(struct flat *flat, size_t size);
void flat_books_give(struct flat *flat, void *start, size_t size);
/* Take the lock themselves. */
void *flat_books_map(void *ctx, size_t size);
void flat_books_unmap(void *ctx, void *start, size_t size);
/* From now on `count` records can be taken. */
int flat_records_reserve(struct flat *flat, size_t count);
struct flat_extent *flat_record_take(struct flat *flat);
void flat_record_give(struct flat *flat, struct flat_extent *extent);
/* When there are no extents, their pages go back. */
void flat_records_settle(struct flat *flat);

/* ---- flat_pages.c ------------------------------------------------------------------------------------------------------- */
void flat_zero(void *to, size_t size);
/* No overlap. */
void flat_copy(void *to, const void *from, size_t size);
bool flat_pages_all(const struct flat *flat, uintptr_t start, size_t size);
/* Every page is there, and zero or (if `keep`) as it was. */
void flat_pages_appear(struct flat *flat, uintptr_t start, size_t size, bool keep);
/* Pages are gone, and zero. */
void flat_pages_vanish(struct flat *flat, uintptr_t start, size_t size);

/* Contents of a range of the arena, to be put back when something fails. */
struct flat_saved {
	uintptr_t start;
	size_t size;
	char *copy; /* NULL: all zero */
};
int flat_save(struct flat *flat, uintptr_t start, size_t size, struct flat_saved *saved);
void flat_restore(struct flat *flat, struct flat_saved *saved);
void flat_forget(struct flat *flat, struct flat_saved *saved);

/* ---- flat_extents.c ----------------------------------------------------------------------------------------------------- */
/* The first extent that ends above addr; the one that holds addr; the next. */
struct flat_extent *flat_extent_above(const struct flat *flat, uintptr_t addr);
struct flat_extent *flat_extent_at(const struct flat *flat, uintptr_t addr);
struct flat_extent *flat_extent_next(const struct flat_extent *extent);
/* A shared extent of the file that shares a byte with [offset, offset + size), the first; and the next one. */
struct flat_extent *flat_extent_of(const struct flat *flat, const struct tulou_file *file, uint64_t offset, uint64_t size);
struct flat_extent *flat_extent_of_next(const struct flat_extent *extent, uint64_t offset, uint64_t size);
void flat_extents_init(struct flat *flat);
/* Records that cutting at both ends of a range takes. */
size_t flat_extents_cuts(const struct flat *flat, uintptr_t start, uintptr_t end);
void flat_extents_cut(struct flat *flat, uintptr_t addr);
/* For what `want` says, with a reference of its own and this twin. */
void flat_extent_add(struct flat *flat, const struct flat_want *want, char *twin);
/* [start, end) has no extents any more. */
void flat_extents_drop(struct flat *flat, uintptr_t start, uintptr_t end);
/* The extents in [start, end), which were cut out, lie at `to` now. */
void flat_extents_move(struct flat *flat, uintptr_t start, uintptr_t end, uintptr_t to);

/* ---- flat_file.c -------------------------------------------------------------------------------------------------------- */
/* May `want` of a file be: permissions aside, 0, -ENXIO (behind the end), -ENODEV (cannot be coherent), or the embedder's. */
int flat_file_check(const struct flat *flat, const struct flat_want *want);
/* The pages become the file's; zeros behind its end. When it fails they are anything. */
int flat_file_read(const struct flat *flat, const struct tulou_file *file, uint64_t offset, void *to, size_t size);
/* The files get what was stored through shared mappings in [start, end); in this part of this file. */
int flat_write_back(struct flat *flat, uintptr_t start, uintptr_t end);
int flat_write_back_file(struct flat *flat, const struct tulou_file *file, uint64_t offset, uint64_t size);

/* ---- flat_map.c --------------------------------------------------------------------------------------------------------- */
/* Make it so, replacing what stood there; all or nothing. */
int flat_place(struct flat *flat, const struct flat_want *want);
/* What a page shows that nobody has stored to: private ones are zero or their file's again. All or nothing. */
int flat_renew(struct flat *flat, uintptr_t start, size_t size);
int flat_map(void *ctx, const struct tulou_mapping *m);
int flat_unmap(void *ctx, uintptr_t start, size_t size);
int flat_protect(void *ctx, uintptr_t start, size_t size, int prot);
int flat_grow(void *ctx, uintptr_t start, size_t size, size_t new_size);
int flat_blank(void *ctx, uintptr_t start, size_t size);
int flat_advise(void *ctx, uintptr_t start, size_t size, int advice);
int flat_sync(void *ctx, uintptr_t start, size_t size, int flags);

/* ---- flat_move.c -------------------------------------------------------------------------------------------------------- */
int flat_move(void *ctx, uintptr_t start, size_t size, uintptr_t new_start, size_t new_size, bool keep_source);

#pragma GCC visibility pop

#endif
