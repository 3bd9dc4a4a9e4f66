/* SPDX-License-Identifier: MIT */
/*
 * task.h - what the kernel keeps about a task that points into the guest's memory.
 */
#ifndef TULOU_RUNTIME_TASK_H
#define TULOU_RUNTIME_TASK_H

#include "runtime/process/thread.h"

/* clone(2) whose child calls `function` on `stack` and never comes back (entry.S). The tid, or a negative errno. */
long clone_task(uint64_t flags, void *stack, uint32_t *parent_tid, uint32_t *child_tid, uint64_t tls, void (*function)(void *),
	void *argument);

/* Take back what lets the kernel write into the guest's memory: rseq area, robust list. To be called on the task itself before its
 * memory goes, or the kernel writes into what is no longer its own (rseq: the fault is a SIGSEGV). */
void task_detach(struct thread *thread);
/* Delete the process's POSIX timers, as execve(2) does. */
void task_delete_timers(struct process *process);
/* No robust mutex is held: the kernel has nothing to do with the list when the task ends. */
bool task_robust_list_empty(void);
/* What an execve makes of held robust mutexes: their owner is dead (robust_futex_list). For the calling task, while its memory is there. */
void task_robust_list_die(struct thread *thread);
/* FUTEX_WAIT on `word` while it is `seen`, at most `milliseconds`. */
void task_wait(uint32_t *word, uint32_t seen, unsigned milliseconds);
/* FUTEX_WAKE of all. */
void task_wake(uint32_t *word);
/* What CLONE_CHILD_CLEARTID does: 0 into the word, and a wake. For a leader, whose real word is ours. */
void task_clear_guest_tid(struct thread *thread);

#endif
