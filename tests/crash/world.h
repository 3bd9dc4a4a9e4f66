/* SPDX-License-Identifier: MIT */
/*
 * world.h - a pool on the sim host, in which a task can be stopped between any two instructions.
 *
 *     pool    | chunk: A, B | chunk: A | chunk: B | …      A the victim, B its neighbour; chunks of 32 pages, some shared
 *     tasks   A and B make calls; S1 and S2 are supervisors, who give back what the dead had
 *
 * The host is the sim's with a wrapper around each callback: inside one the single-stepping is off (a host's callback happens or
 * does not), and the memory of the books is known, so that a step which changed nothing can be told from one that did.
 */
#ifndef TESTS_CRASH_WORLD_H
#define TESTS_CRASH_WORLD_H

#include <tulou/inspect.h>
#include <tulou/tulou.h>

#include "host/sim/sim.h"
#include "vm/process_vm.h"

enum {
	PAGE = 4096,
	RW = TULOU_PROT_READ | TULOU_PROT_WRITE,
	RO = TULOU_PROT_READ,
	PRIV = TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS,
	SHARED = TULOU_MAP_SHARED | TULOU_MAP_ANONYMOUS,
	FIXED = TULOU_MAP_FIXED,
	CHUNK_PAGES = 32,
	POOL_PAGES = 512,
};

#define POOL_START 0x10000000ul

enum task { TASK_A = 1, TASK_B, TASK_SIBLING, TASK_S1 = 11, TASK_S2 };

struct world {
	struct sim *sim;
	struct tulou_host host;
	struct tulou *pool;
	struct tulou_process_vm *a, *b, *extra,
		*sibling; /* places, as in the slots of processes; extra: of what a shape creates */
	const struct tulou_process_vm *watched[2]; /* A's and B's, whatever becomes of the places */
	const struct journal *journals[2]; /* theirs */
	int file;
	bool leaks_block, leaks_handle; /* the victim died where the host's answer to it was not yet noted anywhere */
};

extern struct world world;
/* In place of the host's wait(): what the task does meanwhile. NULL: it sleeps. */
extern void (*world_waits)(void);

static inline uintptr_t at(long page)
{
	return POOL_START + (uintptr_t)page * PAGE;
}

void world_open(void);
/* A's and B's process VMs are other ones now. */
void world_watch(void);
/* Of all books and places: differs when a byte differs. */
uint64_t world_hash(void);
/* Locks in whose words the task stands. */
unsigned world_locks_of(uint32_t task);
/* Changes that are noted and not committed, of all journals. */
unsigned world_noted(void);
/* Everything goes; all memory and all references are back. NULL, or what is not. */
const char *world_close(void);

#endif
