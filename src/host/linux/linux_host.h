/* SPDX-License-Identifier: MIT */
/*
 * linux_host.h - the Linux host: every page of the pool is a real page of the calling task's address space.
 *
 *     core → struct tulou_host → linux_pages.c   map unmap protect grow advise sync: one system call each, as a rule
 *                                linux_move.c    mremap(2), piece by piece where the kernel has several VMAs
 *                                linux_areas.c   how many VMAs there can be: refuse before the kernel fails half-way
 *                                linux_file.c    descriptors → files
 *                                linux_host.c    books, waiting, init
 *
 * Freestanding: raw system calls, no libc. Needs Linux 6.1. Nothing is reserved: empty address space is free, and the core is
 * the only one who maps in the pool. The callbacks may be used by several tasks of the address space at once.
 */
#ifndef TULOU_HOST_LINUX_HOST_H
#define TULOU_HOST_LINUX_HOST_H

#include <tulou/abi.h>
#include <tulou/host.h>

/* What only the runtime knows: see `self`, `alive` and `panic` in tulou/host.h. */
struct linux_host_tasks {
	void *ctx;
	uint32_t (*self)(void *ctx);
	bool (*alive)(void *ctx, uint32_t owner);
	void (*panic)(void *ctx, const char *what) __attribute__((noreturn));
};

struct linux_host {
	struct tulou_host host;
	const struct linux_host_tasks *tasks;
	uintptr_t books_next; /* atomic: where the next books are mapped, or 0: where the kernel likes */
	bool map_restores; /* a failed MAP_FIXED of private anonymous memory leaves what was there (Linux 6.12) */
	uintptr_t books_ready; /* books up to here are mapped */
	uint64_t mapped; /* atomic: names the file that was mapped last (linux_map_at) */
	bool area_uncounted; /* a process that has just begun has few VMAs: limit and bound are low guesses until the first is reached */
	uint32_t area_limit; /* VMAs that the kernel allows, less a margin */
	uint32_t area_bound; /* atomic: there are not more VMAs than this */
	bool area_full; /* atomic: a count refused, and nothing was taken away since */
};

/* Make h->host ready. `tasks` must outlive it; NULL: there is one task, and a contradiction is told on stderr and ends in a trap
 * instruction. Books are mapped from books_hint upwards, or, when it is 0, where the kernel places them; with a hint, the process has just begun. Does
 * not fail. */
void linux_host_init(struct linux_host *h, const struct linux_host_tasks *tasks, uintptr_t books_hint);

#endif
