/* SPDX-License-Identifier: MIT */
/*
 * inspect.h - look at a pool: walks, statistics, checks. Read-only; takes the locks that it needs, so never from a host callback.
 */
#ifndef TULOU_INSPECT_H
#define TULOU_INSPECT_H

#include <tulou/tulou.h>

enum tulou_chunk_kind { TULOU_CHUNK_SINGLE, TULOU_CHUNK_MULTI };

enum tulou_area_kind {
	TULOU_AREA_MMAP, /* mmap(2) */
	TULOU_AREA_RESERVED, /* booked by the builder, no host pages yet */
	TULOU_AREA_HEAP, /* brk(2) */
	TULOU_AREA_STACK, /* the main stack */
	TULOU_AREA_LIMBO, /* the host would not take it back: booked, never handed out */
	TULOU_AREA_ROOM, /* a mapping above grows into it: booked, as good as not mapped */
	TULOU_AREA_BARRIER, /* a page without access, where such growth ends */
	TULOU_AREA_KEPT, /* unmapped, but kept for the process's next mmap (tulou_config.resident) */
};

struct tulou_area_info {
	uintptr_t start, end;
	uint32_t process; /* id of the owner */
	enum tulou_area_kind kind;
	int prot; /* TULOU_PROT_* */
	int flags; /* TULOU_MAP_SHARED or TULOU_MAP_PRIVATE, | TULOU_MAP_ANONYMOUS, | TULOU_MAP_LOCKED, | TULOU_MAP_GROWSDOWN */
	uint64_t dev, ino; /* file mappings; else 0 */
	uint64_t offset; /* file mappings and shared memory; else 0 */
};

enum { TULOU_OWNERS_SHOWN = 8 };

struct tulou_chunk_info {
	uintptr_t start, end;
	enum tulou_chunk_kind kind;
	uint32_t owners[TULOU_OWNERS_SHOWN]; /* ids; a chunk has one owner */
	unsigned owner_count;
	size_t area_count;
	size_t used; /* bytes in areas */
	size_t free; /* bytes not in areas */
	size_t largest_free; /* bytes of the largest free range */
};

struct tulou_stats {
	size_t pool_size, pool_free; /* bytes; free: in no chunk */
	size_t chunk_count[2]; /* by enum tulou_chunk_kind */
	size_t area_count, used; /* used: bytes in areas */
	size_t process_count;
	size_t torn_count; /* process VMs whose task died inside a call */
	size_t rollback_count; /* changes of shared books that were taken back after a death */
	size_t limbo; /* bytes */
	size_t resident; /* bytes that processes keep for their next mmap, which are in `used` too, or their threads may keep */
	size_t books; /* bytes of metadata taken from the host */
	uint64_t committed; /* bytes granted to processes out of tulou_config.memory_limit; 0 without one */
};

/* Chunks, then the areas of one, in ascending order; a callback that returns nonzero ends the walk, which returns that.
 * The pool is locked meanwhile: the callback must be short and must not call the core. */
int tulou_walk_chunks(struct tulou *pool, int (*visit)(void *arg, const struct tulou_chunk_info *chunk), void *arg);
int tulou_walk_areas(struct tulou *pool, int (*visit)(void *arg, const struct tulou_area_info *area), void *arg);
/* The areas of one process, ascending; the same rules. */
int tulou_walk_process(struct tulou_process_vm *vm, int (*visit)(void *arg, const struct tulou_area_info *area), void *arg);
/* The lowest area of the process that ends above `addr`. False: none. */
bool tulou_find_area(struct tulou_process_vm *vm, uintptr_t addr, struct tulou_area_info *out);
void tulou_stats(struct tulou *pool, struct tulou_stats *out);

/* Recompute every invariant (docs/invariants.md). 0, or -EUCLEAN with the rule and the place in `what`. */
int tulou_check(struct tulou *pool, char *what, size_t what_size);

/* The seed's chart for the live pool, as UTF-8 text of 100 columns, line by line, through `put`. A pool of few chunks is drawn with
 * its areas, a larger one as a table of chunks. `put` is called without locks; the pool may change between two calls. */
void tulou_chart(struct tulou *pool, void (*put)(void *arg, const char *text, size_t size), void *arg);
/* The areas of one process in the format of /proc/PID/maps, line by line. The host knows the names of files, the core does not:
 * they are left out. `put` as above. */
void tulou_maps(struct tulou_process_vm *vm, void (*put)(void *arg, const char *text, size_t size), void *arg);

#endif
