/* SPDX-License-Identifier: MIT */
/*
 * outside.h - mappings of guests that only the kernel can place, and that it places above the pool: the rings of io_uring (its
 * files refuse every address that the caller names) and of io_setup.
 *
 *     pool (the books)                    │ runtime │        [ring]   [ring]      kernel's own
 *                                   POOL_END                  a table in the process
 *
 * They are too few and too rare for books: each process has a short table. Calls about addresses above the pool look there, maps shows
 * them, and the end of the process (or its exec) takes them away. An entry is changed by compare-and-swap: no lock.
 */
#ifndef TULOU_RUNTIME_OUTSIDE_H
#define TULOU_RUNTIME_OUTSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OUTSIDE_COUNT = 32 };

enum outside_kind { OUTSIDE_MAPPING, OUTSIDE_AIO /* io_destroy takes it away */ };

struct outside {
	uintptr_t start; /* 0: free; 1: being changed; atomic */
	uintptr_t end;
	enum outside_kind kind;
};

struct process;
struct thread;
struct frame;

/* mmap(2) of a file that lets only the kernel choose; -EINVAL when it is none of those. For a call that the books have had refused. */
long outside_mmap(struct process *process, size_t size, int prot, int flags, int fd, uint64_t offset);
/* munmap(2) of whatever is there of the range. 0, or -ENOMEM when the table has no room for what remains. */
long outside_munmap(struct process *process, uintptr_t start, uintptr_t end);
/* Does the range lie in one of them? */
bool outside_covers(const struct process *process, uintptr_t start, uintptr_t end);
/* Take all away. */
void outside_drop(struct process *process);

#endif
