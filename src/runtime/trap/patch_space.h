/* SPDX-License-Identifier: MIT */
/*
 * patch_space.h - the records of one process VM's call sites. A slot of 4 KiB each in an arena of the runtime; touched when a VM
 * has its first trap.
 */
#ifndef TULOU_RUNTIME_PATCH_SPACE_H
#define TULOU_RUNTIME_PATCH_SPACE_H

#include "runtime/process/process.h"
#include "runtime/trap/patch.h"
#include "runtime/trap/statistics.h"

enum { SITES_MAX = 124, TRAMPOLINES_MAX = 4, TRAMPOLINE_SIZE = 64, JUMP_SIZE = 5, SYSCALL_LENGTH = 2 };

enum site_state { SITE_FREE, SITE_COLD, SITE_PATCHED, SITE_LEFT };
enum site_kind { SITE_SYSCALL, SITE_CPUID };

struct patch_site {
	uint64_t at; /* behind the syscall, which is what a trap shows, or the cpuid */
	uint64_t trampoline;
	uint32_t nr; /* bytes 1 to 4 of where the jump is; of a syscall its number */
	uint16_t hits; /* traps since the last try */
	uint8_t state;
	uint8_t length; /* SITE_PATCHED: of the piece, from the jump to the syscall or cpuid */
	uint8_t why; /* SITE_LEFT: enum fall_back */
	uint8_t prot; /* of the text */
	uint8_t kind; /* enum site_kind */
	uint8_t first; /* SITE_PATCHED: byte 0 of where the jump is */
	uint32_t sum; /* SITE_PATCHED: of its trampoline's bytes */
};

struct patch_space {
	uint32_t references; /* processes that have the VM; 0: free; atomic */
	uint32_t lock; /* token of the thread that changes something */
	bool patched; /* a syscall was */
	bool cpuid; /* patch_cpuid() has been there */
	uint64_t low, high; /* bounds of all sites that were ever tried */
	uint32_t used[TRAMPOLINES_MAX]; /* slots */
	uint64_t pages[TRAMPOLINES_MAX]; /* 0: none */
	struct patch_site sites[SITES_MAX];
};

_Static_assert(sizeof(struct patch_space) <= TULOU_PAGE_SIZE, "one page");

/* A fresh one with one reference, for a VM that no process has yet; NULL: no memory. */
struct patch_space *patch_space_claim(void);
/* The space of the process's VM; made when there is none. NULL: no memory. */
struct patch_space *patch_space_of(struct process *process);
/* Does this thread have the lock? */
bool patch_space_is_mine(const struct patch_space *space);
/* False: somebody alive has it. */
bool patch_space_try_lock(struct patch_space *space);
void patch_space_lock(struct patch_space *space);
void patch_space_unlock(struct patch_space *space);
/* The record of the site, or a fresh one in SITE_FREE; NULL: the table is full. */
struct patch_site *patch_site_of(struct patch_space *space, uint64_t at);

#endif
