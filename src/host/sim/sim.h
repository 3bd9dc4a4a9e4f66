/* SPDX-License-Identifier: MIT */
/*
 * sim.h - a host without pages: the pool, its contents and its faults as data.
 *
 *     areas   sorted array of { start, end, prot, shared, lock, file, offset }; neighbours that agree are one, as in the kernel
 *     pages   hash of the private pages that were written; a page that is absent shows its file, or zeros
 *     files   numbered "descriptors"; a shared anonymous mapping is a file without a descriptor
 *
 * A pool of 64 TiB costs nothing until it is used. Tests "access" memory with sim_load and sim_store, which answer the fault
 * that the processor would raise. Each breach of the contract in host.h (alignment, a
 * range outside the pool, growing over something) is reported as a violation: by default printed, then abort().
 *
 * One mutex guards everything, so threads may use a sim at once. Hosted code: uses libc. Out of memory ends the test.
 */
#ifndef TULOU_HOST_SIM_H
#define TULOU_HOST_SIM_H

#include <tulou/abi.h>
#include <tulou/host.h>

struct sim;

/* A host whose pool is [start, end). The host struct lives as long as the sim. */
struct sim *sim_create(uintptr_t start, uintptr_t end);
void sim_destroy(struct sim *sim);
const struct tulou_host *sim_host(struct sim *sim);

/* ---- accesses ------------------------------------------------------------------------------------------------------------ */
/* 0, or the fault: SIM_SEGV (nothing mapped, or not with these permissions), SIM_BUS (a page past the file's end). As on
 * x86-64, a page that can be written or executed can be read. */
enum { SIM_SEGV = 11, SIM_BUS = 7 };
int sim_load(struct sim *sim, uintptr_t addr, uint8_t *value);
int sim_store(struct sim *sim, uintptr_t addr, uint8_t value);
int sim_execute(struct sim *sim, uintptr_t addr);

/* ---- what is mapped ------------------------------------------------------------------------------------------------------ */
struct sim_area {
	uintptr_t start, end;
	int prot;
	bool shared, locked;
	uint64_t dev, ino, offset; /* 0 for private anonymous memory */
};
/* The area that holds addr. False when nothing is mapped there. */
bool sim_query(struct sim *sim, uintptr_t addr, struct sim_area *out);
/* The areas, ascending: 0 … sim_area_count() - 1. */
size_t sim_area_count(struct sim *sim);
bool sim_area(struct sim *sim, size_t index, struct sim_area *out);
size_t sim_mapped(struct sim *sim); /* bytes */
size_t sim_books(struct sim *sim); /* bytes of books that were not given back */
size_t sim_handles(struct sim *sim); /* references to files that the core holds (file_get + file_dup - file_put) */

/* ---- files --------------------------------------------------------------------------------------------------------------- */
/* A new file of `size` zero bytes, open for reading and writing. Returns its descriptor. */
int sim_file_create(struct sim *sim, uint64_t size);
/* The same file once more, with another access mode (O_RDONLY 0, O_WRONLY 1, O_RDWR 2). Returns a new descriptor. */
int sim_file_open(struct sim *sim, int fd, int access);
void sim_file_close(struct sim *sim, int fd);
/* As pread(2), pwrite(2), ftruncate(2) and fstat(2)'s st_size. */
size_t sim_file_read(struct sim *sim, int fd, void *buffer, size_t size, uint64_t offset);
void sim_file_write(struct sim *sim, int fd, const void *buffer, size_t size, uint64_t offset);
void sim_file_truncate(struct sim *sim, int fd, uint64_t size);
uint64_t sim_file_size(struct sim *sim, int fd);

/* ---- callbacks: counted, limited, watched -------------------------------------------------------------------------------- */
enum sim_call {
	SIM_BOOKS_MAP,
	SIM_MAP,
	SIM_UNMAP,
	SIM_PROTECT,
	SIM_GROW,
	SIM_MOVE,
	SIM_REMAP,
	SIM_ADVISE,
	SIM_SYNC,
	SIM_RESIDENT,
	SIM_LOCK,
	SIM_FILE_GET,
	SIM_BOOKS_UNMAP,
	SIM_FILE_DUP,
	SIM_FILE_PUT,
	SIM_WAIT,
	SIM_WAKE,
	SIM_CALLS
};
const char *sim_call_name(enum sim_call call);
/* How often `call` was made since sim_create. */
size_t sim_calls(struct sim *sim, enum sim_call call);

/* The host's area limit: calls that would leave more areas answer -ENOMEM, munmap of a middle page too. 0: no limit. */
void sim_area_limit(struct sim *sim, size_t limit);

/* `hook` runs before (after = false) and after each callback, without the sim's lock. It may leave by longjmp or end its thread:
 * that is how a test kills a task inside the manager. NULL: none. */
void sim_hook(struct sim *sim, void (*hook)(void *arg, enum sim_call call, bool after), void *arg);

/* ---- tasks --------------------------------------------------------------------------------------------------------------- */
/* What self() answers in this thread (1 until set). */
void sim_task_set(uint32_t task);
/* From now on alive(task) is false, or true again. */
void sim_task_kill(struct sim *sim, uint32_t task);
void sim_task_revive(struct sim *sim, uint32_t task);

/* ---- violations ---------------------------------------------------------------------------------------------------------- */
/* Instead of print and abort(): called for a breach of the contract (the callback then answers -EINVAL). The handler runs with
 * the sim's lock: it must not call the sim, and must return. */
void sim_on_violation(struct sim *sim, void (*handler)(void *arg, const char *what), void *arg);
/* Instead of print and abort(): called by panic; must not return (longjmp). */
void sim_on_panic(struct sim *sim, void (*handler)(void *arg, const char *what), void *arg);

#endif
