/* SPDX-License-Identifier: MIT */
/*
 * sim_internal.h - the parts of the simulated host, shared by its files.
 *
 *     sim.c         create, the way in and out, tasks        sim_areas.c   the sorted array of areas
 *     sim_memory.c  the callbacks on the pool, load and store       sim_pages.c   hash of 4 KiB pages
 *     sim_file.c    files and descriptors                       sim_advise.c  advise, sync, resident, lock
 *
 * Functions here expect the sim's mutex to be held.
 */
#ifndef TULOU_HOST_SIM_INTERNAL_H
#define TULOU_HOST_SIM_INTERNAL_H

#include "sim.h"

#include <pthread.h>

/* ---- pages: a hash from a page number to 4096 bytes ------------------------------------------------------------------------ */
struct sim_page {
	struct sim_page *next;
	uint64_t number;
	uint8_t bytes[TULOU_PAGE_SIZE];
};

struct sim_pages {
	struct sim_page **buckets;
	size_t bucket_count; /* a power of two, or 0 */
	size_t count;
};

struct sim_page *sim_pages_find(const struct sim_pages *pages, uint64_t number);
/* Found, or new and zero. */
struct sim_page *sim_pages_get(struct sim_pages *pages, uint64_t number);
void sim_pages_drop(struct sim_pages *pages, uint64_t first, uint64_t end);
/* Pages first … end-1 become to … ; nothing may be there. */
void sim_pages_move(struct sim_pages *pages, uint64_t first, uint64_t end, uint64_t to);
void sim_pages_fini(struct sim_pages *pages);

/* ---- files ----------------------------------------------------------------------------------------------------------------- */
struct sim_file {
	struct sim_pages pages;
	uint64_t size;
	uint64_t dev, ino;
	size_t refs;
};

struct sim_fd {
	struct sim_file *file; /* NULL: closed */
	int access;
};

struct sim_file *sim_file_new(struct sim *sim, uint64_t size, uint64_t dev);
void sim_file_unref(struct sim_file *file);
/* Is there a byte, or the rest of the last page, at this offset? Otherwise an access is SIGBUS. */
bool sim_file_reaches(const struct sim_file *file, uint64_t offset);
int sim_file_get(struct sim *sim, int fd, bool shared, struct tulou_file *out);

/* ---- areas ----------------------------------------------------------------------------------------------------------------- */
struct sim_extent {
	uintptr_t start, end;
	int prot, max_prot;
	bool shared, grows; /* grows: down, when touched below */
	enum tulou_lock lock;
	struct sim_file *file; /* one reference; NULL: private anonymous */
	uint64_t offset; /* of start */
};

struct sim_areas {
	struct sim_extent *items; /* ascending, disjoint */
	size_t count, room;
};

/* Index of the first area that ends above addr: the one that holds it, else the next one, else count. */
size_t sim_areas_from(const struct sim_areas *areas, uintptr_t addr);
struct sim_extent *sim_areas_find(const struct sim_areas *areas, uintptr_t addr);
bool sim_areas_covered(const struct sim_areas *areas, uintptr_t start, uintptr_t end);
bool sim_areas_free(const struct sim_areas *areas, uintptr_t start, uintptr_t end);
/* How many areas there would be if [start, end) were taken out of them. */
size_t sim_areas_count_without(const struct sim_areas *areas, uintptr_t start, uintptr_t end);
/* Make start and end borders of areas. Returns the index of the first area at or above start. */
size_t sim_areas_split(struct sim_areas *areas, uintptr_t start, uintptr_t end);
void sim_areas_remove(struct sim_areas *areas, uintptr_t start, uintptr_t end);
/* Takes over the reference in `extent`; the range must be free. Merges with its neighbours. */
void sim_areas_insert(struct sim_areas *areas, const struct sim_extent *extent);
/* Merge what agrees in and around [start, end). */
void sim_areas_merge(struct sim_areas *areas, uintptr_t start, uintptr_t end);
void sim_areas_fini(struct sim_areas *areas);

/* ---- the host -------------------------------------------------------------------------------------------------------------- */
struct sim {
	struct tulou_host host;
	uintptr_t start, end;

	pthread_mutex_t mutex; /* guards all below */
	pthread_cond_t woken;
	struct sim_areas areas;
	struct sim_pages private_pages; /* by address / page size */
	struct sim_fd *fds;
	int fd_count;
	uint64_t next_ino;
	size_t books, handles;

	size_t calls[SIM_CALLS];
	size_t area_limit;

	uint32_t *dead;
	size_t dead_count;

	void (*hook)(void *arg, enum sim_call call, bool after);
	void *hook_arg;
	void (*violation)(void *arg, const char *what);
	void *violation_arg;
	void (*panic)(void *arg, const char *what);
	void *panic_arg;
};

/* Start and end of a callback: hook, lock, count; unlock, hook. */
void sim_enter(struct sim *sim, enum sim_call call);
int sim_leave(struct sim *sim, enum sim_call call, int result);
/* Report a breach of the contract; returns -EINVAL. */
int sim_violation(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
void *sim_alloc(void *old, size_t size); /* realloc that does not fail */

int sim_map(void *ctx, const struct tulou_mapping *m);
int sim_unmap(void *ctx, uintptr_t start, size_t size);
int sim_protect(void *ctx, uintptr_t start, size_t size, int prot);
int sim_grow(void *ctx, uintptr_t start, size_t size, size_t new_size);
int sim_move(void *ctx, uintptr_t start, size_t size, uintptr_t new_start, size_t new_size, bool keep_source);
int sim_remap(void *ctx, uintptr_t start, size_t size, uint64_t offset);
uintptr_t sim_grown(void *ctx, uintptr_t start, uintptr_t low);
int sim_advise(void *ctx, uintptr_t start, size_t size, int advice);
int sim_zero(void *ctx, uintptr_t start, size_t size);
int sim_sync(void *ctx, uintptr_t start, size_t size, int flags);
int sim_resident(void *ctx, uintptr_t start, size_t size, unsigned char *vector);
int sim_lock(void *ctx, uintptr_t start, size_t size, enum tulou_lock how);

/* ---- between sim_memory.c and sim_advise.c -------------------------------------------------------------------------------- */
int sim_range_check(struct sim *sim, enum sim_call call, uintptr_t start, size_t size);
int sim_limit_check(const struct sim *sim, size_t count);
void sim_pages_forget(struct sim *sim, uintptr_t start, uintptr_t end);
/* The byte at addr as it can be read now; for a store, in a page that may be written. 0 or the fault. */
int sim_access(struct sim *sim, uintptr_t addr, int prot, bool store, uint8_t **byte);
/* Bring pages of one area in: those past the end of a file cannot be. Of a private mapping a write makes copies, which the file's
 * later contents do not reach. */
int sim_populate(struct sim *sim, const struct sim_extent *extent, uintptr_t start, uintptr_t end, bool write);
void sim_set_lock(struct sim *sim, uintptr_t start, uintptr_t end, enum tulou_lock how);
/* Bring in what is locked in [start, end), as far as it can be. */
void sim_populate_locked(struct sim *sim, uintptr_t start, uintptr_t end);

#endif
