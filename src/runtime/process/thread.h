/* SPDX-License-Identifier: MIT */
/*
 * thread.h - one block for each task of a guest: the stack that its traps run on, and what the runtime knows of it.
 *
 *     block: 64 KiB, aligned to its size, so that the stack pointer finds it (thread_current)
 *     ┌──────────────┬─────────────────────────────────────────────┐
 *     │ struct thread│  ←──────────── alternate signal stack       │
 *     └──────────────┴─────────────────────────────────────────────┘
 *     base           +THREAD_STACK                                 +THREAD_BLOCK
 *
 * A block is free, or belongs to a task from before its clone until just before its exit (thread_leave gives it back with its
 * last instruction before the system call, when no stack is needed any more), or until the supervisor finds its process dead.
 * `state` holds THREAD_FREE or the block's token, which names slot and generation (host.h: self).
 */
#ifndef TULOU_RUNTIME_THREAD_H
#define TULOU_RUNTIME_THREAD_H

#include "runtime/runtime.h"
#include "runtime/trap/fast.h"
#include "runtime/trap/statistics.h"

#define THREAD_BLOCK 65536ul
#define THREAD_STACK 2048ul
#define THREAD_FREE  0u

struct process;

struct thread {
	uint32_t state; /* THREAD_FREE or the token of the task that has the block; atomic */
	uint32_t generation; /* of the token; only the one that claims a free block changes it */
	struct process *process;
	int tid; /* 0: not known yet */
	/* Through which a new task enters guest code; NULL: as a call from a patched site returns (fast_enter). */
	struct frame *entry_frame;
	uint64_t set_child_tid; /* CLONE_CHILD_SETTID of a new process; 0: none */
	bool clear_signals; /* CLONE_CLEAR_SIGHAND of a new process */
	bool leader; /* its tid is the process's pid */
	const uint32_t
		*life; /* of a task without process: the word that holds its tid while it lives; NULL: it cannot die alone */
	uint32_t word; /* for life to point to */
	bool sigsys_blocked; /* what the guest believes of SIGSYS, which is never blocked in truth */
	bool sigsys_pending; /* one came meanwhile: */
	struct siginfo sigsys_info;
	uint64_t guest_tid_address; /* leader only: what set_tid_address was told; others have it in the kernel */
	struct signal_stack guest_stack; /* sigaltstack as the guest sees it */
	uint64_t rseq_address; /* registered, 0: not; exec must take it back */
	uint32_t rseq_size, rseq_signature;
	uint64_t guest_sp; /* where the guest's stack was at this call: user.c */
	uint64_t stack_page, stack_page_seen; /* the page of an earlier one that was there, and memory_changes of then: user.c */
	bool gs_is_guests; /* it has set %gs: no calls from patched sites (trap/fast.h) */
	uintptr_t
		filter; /* seccomp filters of the guest: the newest (seccomp/filters.h), and FILTERS_CHANGING; 0: none; atomic */
	struct fast fast __attribute__((aligned(512))); /* at FAST_ACTIVE */
	struct thread_statistics statistics;
};

_Static_assert(sizeof(struct thread) <= THREAD_STACK, "thread block");

static inline struct thread *thread_current(void)
{
	uintptr_t sp;
	__asm__("mov %%rsp, %0" : "=r"(sp));
	return (struct thread *)(sp & ~(THREAD_BLOCK - 1));
}

/* A block for a task of `process`, or NULL (no memory, or 32,768 are in use). */
struct thread *thread_claim(struct process *process);
/* Give back a block whose task has not been started, or is dead. */
void thread_release(struct thread *thread);
/* Give back all blocks of `process` but `keep` (NULL: all). Their tasks are dead. */
void thread_release_all(struct process *process, struct thread *keep);
/* Call `visit` for each block of `process`. */
void thread_each(struct process *process, void (*visit)(struct thread *thread, void *arg), void *arg);
/* After a fork by copy: only `keep` is left. */
void thread_forget_others(struct thread *keep);
/* host.h: alive */
bool thread_token_alive(uint32_t token);
static inline void *thread_stack_top(struct thread *thread)
{
	return (char *)thread + THREAD_BLOCK;
}
/* End the calling task and give its block back. */
_Noreturn void thread_leave(struct thread *thread, int status);
/* The same, killed by the filter. */
_Noreturn void thread_leave_killed(struct thread *thread);

#endif
