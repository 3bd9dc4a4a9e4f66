/* SPDX-License-Identifier: MIT */
/*
 * nook.h - where threads of one process map and unmap without meeting: each finds what it unmapped last in a nook of its own.
 *
 *     books     ..AAAA....BBBB....         both are areas, whatever the nooks say
 *     host      ..AAAA............
 *     nook 1      USED 4 pages             munmap of exactly this range makes it FREE: the host takes the pages, the books are left alone
 *     nook 2              FREE 4 pages     mmap of 4 pages with the same perms and flags, anywhere, makes it USED again
 *
 *          ┌── mmap, under the process's lock ──▶ USED ◀── mmap ──┬── munmap ──▶ FREE     (under the nook's lock alone)
 *        NONE ◀────────────── recall ─────────────┴───────────────┴───────────▶ KEPT: as FREE, but zeroed and left at the host (resident.h)
 *
 * For the calls a nook that is FREE or KEPT, idle, is as good as unmapped, like a block of resident.h: whatever comes near one, and
 * all who look at the map, recall it first: the books lose the area. A nook that is USED is forgotten by whatever call comes near
 * its area, so an area in a nook is always as it was mapped. Only the holder of the process's lock makes a nook of NONE, or NONE of
 * it, and holds the nook's as well. Who looks without a lock (access_ok.c) looks at the nooks too.
 *
 * A process has nooks once its threads have met at its lock NOOK_MEETINGS times, for areas of up to RESIDENT_BLOCK_BYTES. When
 * memory is short all are recalled (resident_give_back). Which one a thread uses is said by its number
 * (host->self): two may have the same, and any thread may take what is in one. Lock order: process VM > nook > manager.
 *
 * Nobody uses a nook while tasks of several processes have the process VM, so who dies with a nook's lock takes all who would go on
 * with it along. Who recalls may be of another process: the area leaves the books before the nook does, and who follows recalls
 * once more (process_vm_catch_up). Nor with RLIMIT_AS or RLIMIT_DATA, or while new areas are to be locked. The most that a process
 * ever had (tulou_process_vm_peak) counts what is idle, and so does what it has committed.
 *
 * Invariant: K2 nooks and kept blocks do not overlap; each nook lies in anonymous private memory of the process with the perms it
 * was mapped with, has its bit in `busy`, and is not near what grows (growth.h).
 */
#ifndef TULOU_VM_NOOK_H
#define TULOU_VM_NOOK_H

#include "base/lock.h"
#include "resident.h"

enum { NOOKS = 32, NOOK_MEETINGS = 16, NOOK_ALIGN = 64 };

enum nook_state { NOOK_NONE, NOOK_USED, NOOK_FREE, NOOK_KEPT };

struct nook {
	struct lock lock;
	int prot, flags; /* as the caller of mmap gave them; changed under both locks */
	uint64_t place; /* atomic: page << 22 | pages << 2 | state; state: the lock; all else: both locks */
	/* guarded by lock */
	struct resident_size counted;
	bool counts; /* its pages are in `pages` and the pool's sum */
	uint8_t missed; /* mappings that it was of no use for since it was last used */
} __attribute__((aligned(NOOK_ALIGN)));

struct nooks {
	uint64_t busy; /* atomic, changed under the process's lock: a bit for each that is not NONE */
	uint32_t pages; /* atomic: of all that may be KEPT, or more */
	struct nook at[NOOKS];
} __attribute__((aligned(NOOK_ALIGN)));

enum { NOOK_PAGES_MOST = (1 << 20) - 1 };

static inline enum nook_state nook_state(uint64_t place)
{
	return place & 3;
}

static inline bool nook_is_idle(uint64_t place)
{
	return place & 2;
}

static inline struct range nook_range(uint64_t place)
{
	uintptr_t start = (place >> 22) * TULOU_PAGE_SIZE;

	return range_between(start, start + (place >> 2 & NOOK_PAGES_MOST) * TULOU_PAGE_SIZE);
}

static inline uint64_t nook_place(struct range range, enum nook_state state)
{
	return range.start / TULOU_PAGE_SIZE << 22 | range_size(range) / TULOU_PAGE_SIZE << 2 | state;
}

static inline uint64_t nook_peek(const struct nook *nook)
{
	return __atomic_load_n(&nook->place, __ATOMIC_ACQUIRE);
}

/* For all that are busy. */
#define nooks_for_each(nook, nooks, left) \
	for (uint64_t left = (nooks) ? __atomic_load_n(&(nooks)->busy, __ATOMIC_ACQUIRE) : 0; \
		left && (nook = &(nooks)->at[__builtin_ctzl(left)], true); left &= left - 1)

/* ---- without the process's lock ---- */
/* The caller's nook has `size` bytes that are to be had again: their start. 0: the call goes its way. */
uintptr_t nook_map(struct tulou_process_vm *vm, size_t size, int prot, int flags);
/* The caller's nook is `range`, and that is unmapped now. */
bool nook_unmap(struct tulou_process_vm *vm, struct range range);
/* Is something in `range` idle? */
bool nooks_hide(const struct nooks *nooks, struct range range);
/* The lowest part of `range` that is in a nook of this state; an empty one at its end: none. */
struct range nooks_lowest(const struct nooks *nooks, struct range range, enum nook_state state);

/* ---- under it ---- */
/* `range` was just mapped, anywhere, with these arguments: the caller's nook shall be of use for it. `churns`: it was a kept
 * block. */
void nook_remember(struct tulou_process_vm *vm, struct range range, int prot, int flags, bool churns);
/* No nook is in `range` any more. 0; -ENOMEM or the host's error: some still are. */
int nooks_recall(struct tulou_process_vm *vm, struct range range);
/* Recall what is idle and was not used since the last time. */
void nooks_recall_unused(struct tulou_process_vm *vm);
/* Tasks of several processes have the process VM from now on: wait for those who have not seen it. */
void nooks_settle(struct tulou_process_vm *vm);
/* Nothing changes in them until they are released (fork.c). */
void nooks_hold(struct tulou_process_vm *vm, uint32_t self);
void nooks_release(struct tulou_process_vm *vm, uint32_t self);
/* In the copy that a fork makes: nobody holds any. */
void nooks_init_locks(struct tulou_process_vm *vm);
/* The areas are gone, or about to go, with all nooks. */
void nooks_forget(struct tulou_process_vm *vm);
struct report;
bool nooks_check(struct tulou_process_vm *vm, struct report *report);

#endif
