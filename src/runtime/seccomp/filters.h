/* SPDX-License-Identifier: MIT */
/*
 * filters.h - seccomp filters that guests install (seccomp(2)).
 *
 *     thread ─▶ newest ─▶ older ─▶ … oldest                      the kernel: ours (trap/filter.c), and one for each of these
 *
 * A guest's filter judges the guest's calls, not those that the runtime makes for it in its task; and it judges also what needs no kernel.
 * So the kernel is given a program that allows the runtime's calls (bpf.h: bpf_derive), and the runtime runs the guest's own for each call
 * that comes to it:
 *
 *     the guest's filter says   of a call that only the kernel sees      of a call that is trapped
 *     ERRNO, LOG, ALLOW, NOTIF  the kernel does it                        our TRAP is stronger for the kernel; then as the guest's filters say
 *     TRAP                      SIGSYS: told from ours by running them    the same
 *     KILL_PROCESS              the kernel does it                        the kernel does it, it is stronger than TRAP
 *     KILL_THREAD               TRAP for the kernel; then the thread gives back what it has, and has itself killed
 *
 * Filters are inherited by threads, children, and over execve. Those that the threads of a process have are in its list, each in memory of its
 * own; what no thread has any more goes when the next one is installed, the rest at the end of the process.
 *
 * process->filters_lock guards the list, and that the threads' chains are the kernel's: who clones a task holds it, and who installs.
 */
#ifndef TULOU_RUNTIME_SECCOMP_FILTERS_H
#define TULOU_RUNTIME_SECCOMP_FILTERS_H

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "runtime/trap/trap.h"

struct seccomp_filter {
	struct seccomp_filter *older; /* judges too; NULL: none */
	struct seccomp_filter *next; /* in the process's list */
	size_t size; /* bytes of memory */
	bool strict; /* it stands for strict mode: who offends is killed by SIGKILL */
	bool traps_all; /* there is no derived program: the kernel sends all calls of the guest */
	bool needed; /* while the list is swept */
	uint64_t always[TRAP_NUMBERS / 64]; /* [nr]: allows the call whatever its arguments */
	unsigned count;
	struct sock_filter code[];
};

/* A thread's chain is about to be exchanged: wait for the process's lock. */
#define FILTERS_CHANGING 1ul

/* ---- filters.c: whose they are ---------------------------------------------------------------------------------------------------- */

/* A filter in the process's list, with room for `count` instructions; NULL: no memory. filters_lock is held. */
struct seccomp_filter *filter_create(struct process *process, unsigned count);
/* Its instructions stand, and are valid: find out what it always allows. */
void filter_complete(struct seccomp_filter *filter);
/* Filters of the process that no thread of it has go. filters_lock is held. */
void filters_sweep(struct process *process);
/* All of them go: no task of the process makes calls any more. */
void filters_drop(struct process *process);
void filters_lock(struct process *process);
void filters_unlock(struct process *process);
/* A new task has its creator's filters. 0 or -ENOMEM. The creator's filters_lock is held. */
int filters_inherit(struct thread *child, const struct thread *creator);

/* Over a real execve: *fd becomes a descriptor of a file that holds the thread's filters, or NO_FILTERS. 0 or a negative errno. */
enum { NO_FILTERS = -1 };
long filters_put_aside(const struct thread *thread, int *fd);
/* In the next instance: read that file, and close it. 0 or a negative errno. */
long filters_take_up(struct thread *thread, int fd);
/* Has it one that only the runtime can obey? */
bool filters_need_runtime(const struct thread *thread);

/* ---- judge.c: what they say ------------------------------------------------------------------------------------------------------- */

/* For a call that is about to be served without a trap: do they allow it? */
bool filters_allow(struct thread *thread, const struct registers *regs);
/* The same, when only the number is known: true only if nothing else matters. */
bool filters_allow_number(struct thread *thread, unsigned nr);
/* For a call that was trapped: true if it is to be served. Else `frame` is as the guest must go on, or the thread has ended. */
bool filters_pass(struct thread *thread, struct frame *frame);

#endif
