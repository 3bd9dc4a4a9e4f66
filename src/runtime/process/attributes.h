/* SPDX-License-Identifier: MIT */
/*
 * attributes.h - what the kernel keeps for an address space (struct mm_struct) and programs take for their process's own.
 *
 *     guest A: dumpable 1, huge pages     ┐                      Asked, each process hears what it has itself. The kernel is told
 *     guest B: dumpable 0, no huge pages  ┴─▶ kernel: 0, none    the strictest of all: no guest's memory is dumped, merged or made
 *                                                                huge because of another's wish
 *
 * Read and set by prctl(2) (prctl.c) and membarrier(2); what a fork and an exec do with them is said here.
 * A process's attributes are written by its own tasks only; the end of the process takes them back.
 */
#ifndef TULOU_RUNTIME_ATTRIBUTES_H
#define TULOU_RUNTIME_ATTRIBUTES_H

#include <stdbool.h>
#include <stdint.h>

/* Of <linux/prctl.h> and <linux/membarrier.h> after Linux 6.1. */
#ifndef PR_SET_MDWE
#define PR_SET_MDWE              65
#define PR_MDWE_REFUSE_EXEC_GAIN 1u
#define PR_GET_MDWE              66
#endif
#ifndef PR_MDWE_NO_INHERIT
#define PR_MDWE_NO_INHERIT 2u
#endif
#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67
#define PR_GET_MEMORY_MERGE 68
#endif
#ifndef PR_GET_AUXV
#define PR_GET_AUXV 0x41555856
#endif
#define MEMBARRIER_GET_REGISTRATIONS (1 << 9)

/* What touched the credentials: then a real execve may give others than an exec in the task, which changes none. */
enum { CREDENTIALS_TOUCHED = 1, CREDENTIALS_BOUNDED = 2 };

struct attributes {
	uint8_t dumpable; /* as PR_GET_DUMPABLE: 0, 1, 2 */
	uint8_t thp_disabled; /* as PR_GET_THP_DISABLE */
	uint8_t memory_merge; /* as PR_GET_MEMORY_MERGE */
	uint8_t mdwe; /* as PR_GET_MDWE; the books refuse, the kernel does not know */
	uint8_t credentials; /* CREDENTIALS_* */
	bool timers; /* POSIX timers were created: exec deletes them */
	bool death_bound; /* it dies with the supervisor, which is its parent: PR_SET_PDEATHSIG is taken, */
	uint8_t parent_death; /* and this is what the guest knows of it */
	uint32_t membarrier; /* registrations, as MEMBARRIER_CMD_GET_REGISTRATIONS */
};

struct process;

/* Of the programs that an instance starts with: what the kernel says of the address space. Once, at start. */
void attributes_begin(void);
extern struct attributes attributes_initial;
/* Tell the kernel what all processes together want; after a change. */
void attributes_apply(void);
/* The same when the kernel was told something else meanwhile. */
void attributes_apply_again(void);
/* What a child begins with; `copied`: its address space is one of its own (fork). */
struct attributes attributes_inherited(const struct attributes *parent, bool copied);
/* The process is another program now (execve in the task). */
void attributes_exec(struct process *process);
/* The process ends: it wants nothing any more. */
void attributes_drop(struct process *process);

/* PR_SET_MDWE: may the process not map memory with these perms? */
bool attributes_refuse_mapping(const struct process *process, int prot);
/* May it not give them to [start, *end)? Then *end says how much of it may have them. */
bool attributes_refuse_change(const struct process *process, uintptr_t start, uintptr_t *end, int prot);

/* credentials.c: would a real execve change the credentials of the calling task? */
bool credentials_stale(const struct process *process);

#endif
