/* SPDX-License-Identifier: MIT */
/*
 * resident.h - blocks that a process has unmapped and will soon map again: they stay where they are, zeroed, and the host is not
 * asked.
 *
 *     munmap    AAAA[kkkk]AAAA      a block of private anonymous read-write memory, of a size that the process maps and unmaps again
 *               zeroed, noted       and again (RESIDENT_CHURN times); for the process it is unmapped
 *     mmap      AAAA[AAAA]AAAA      of the same size, anywhere: the block is its own again
 *
 * In the books a kept block remains the area that it was, so that taking it back changes nothing in them. The calls see none:
 * whatever else comes near one, a range or a look at the map, first has it truly unmapped (resident_drop). RLIMIT_AS and
 * RLIMIT_DATA do not count it. The deviation that this is, R1: a stray access to a kept block reads zeros where it would fault. Off
 * is exact.
 *
 * Zeroing a block that was hardly touched costs more than the host does: of large sizes a block is looked at before it is kept, and
 * again now and then, since one that was kept tells nothing (RESIDENT_LARGE, resident_size.kept).
 *
 * While tasks of several processes have the process VM (vfork), nothing is kept or taken; what must go then goes all at once, off
 * the list before off the host: a task that dies in between leaves areas, not a list of what is no longer there.
 *
 * Nor is anything kept where a mapping grows (growth.h): the host grows it without asking, and would stop there.
 *
 * Bounds: RESIDENT_BLOCKS and RESIDENT_BYTES for each process, RESIDENT_POOL_BYTES in all. What was not used between two
 * tulou_trim() is dropped, and all of it when the process gets no memory. Kept blocks are the process's, and go with it.
 *
 * All functions want the process's lock, but for those that nooks use (nook.h): the blocks that threads of one process keep for
 * themselves. A process that keeps nothing pays one test. Invariant: K1 kept blocks do not overlap, each lies in areas of the
 * process that resident_keep() would take; `pages` is their sum.
 */
#ifndef TULOU_VM_RESIDENT_H
#define TULOU_VM_RESIDENT_H

#include <tulou/tulou.h>

#include "base/range.h"

enum {
	RESIDENT_BLOCKS = 24,
	RESIDENT_SIZES = 8, /* sizes that are counted at a time */
	RESIDENT_CHURN = 32,
	RESIDENT_LARGE = 128 << 10,
	RESIDENT_BLOCK_BYTES = 2 << 20, /* larger ones gain little: zeroing them costs what the host takes */
	RESIDENT_BYTES = 16 << 20,
	RESIDENT_POOL_BYTES = 256 << 20,
};

/* How often a size was unmapped, less how often others that share its place were. */
struct resident_size {
	uint32_t pages;
	uint16_t churn;
	bool used; /* since the last tulou_trim() */
	uint8_t kept; /* large ones: since one was unmapped, to have a fresh one to look at */
};

struct resident {
	struct range block[RESIDENT_BLOCKS]; /* the first `count`, the latest last */
	union {
		struct {
			uint32_t count;
			uint32_t pages; /* the sum */
		};
		uint64_t held; /* both, to be forgotten in one store */
	};
	struct resident_size size[RESIDENT_SIZES];
};

static inline size_t resident_bytes(const struct resident *kept)
{
	return (size_t)kept->pages * TULOU_PAGE_SIZE;
}

struct report;

/* The range leaves the process's hands. True: it is kept, and the call is done. */
static inline bool resident_keep(struct tulou_process_vm *vm, struct range range);
bool resident_keep_slow(struct tulou_process_vm *vm, struct range range);
/* A kept block of `size` bytes, which reads as zeros; 0: there is none. */
uintptr_t resident_take(struct tulou_process_vm *vm, size_t size);
/* Unmap the kept blocks that touch `range`. 0, or the host's error: the rest is still kept. */
int resident_drop_slow(struct tulou_process_vm *vm, struct range range);
/* All of it, and of the others, because memory is short. The one function here that takes locks itself; a process that is in a call
 * keeps what it has. True: there may be more now. */
bool resident_give_back(struct tulou_process_vm *vm);
/* The areas are gone, or about to go, with all that was kept. */
void resident_forget(struct tulou_process_vm *vm);
bool resident_check(struct tulou_process_vm *vm, struct report *report);

/* For nooks (nook.h), which keep blocks too, without the process's lock. One more of a size was unmapped: does it churn? */
bool resident_churns(const struct tulou_process_vm *vm, struct resident_size *counted);
/* Is zeroing all of `range` worth it? */
bool resident_is_worth(struct tulou_process_vm *vm, struct resident_size *counted, struct range range);
/* May the pool keep `more` bytes? Then it does, or less: */
struct tulou;
bool resident_has_room(const struct tulou *pool, size_t more);
void resident_count(struct tulou *pool, size_t more);

#endif
