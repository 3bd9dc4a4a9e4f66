/* SPDX-License-Identifier: MIT */
/*
 * limits.h - RLIMIT_AS and RLIMIT_DATA of each process.
 *
 * The kernel counts the whole address space against whoever asks, so these two live in the books: set, read and inherited here,
 * enforced by the manager (tulou_process_vm_limit). The kernel's own are opened as far as the hard limit allows. The other
 * limits are the kernel's.
 */
#ifndef TULOU_RUNTIME_LIMITS_H
#define TULOU_RUNTIME_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct limit {
	uint64_t soft, hard; /* bytes; UINT64_MAX: none */
};

enum { LIMIT_AS, LIMIT_DATA, LIMIT_COUNT };

struct limits {
	struct limit of[LIMIT_COUNT];
};

struct process;

/* The limits that this instance was started with; then open the kernel's. Once, at start. */
void limits_begin(void);
/* What the first guests get. */
extern struct limits limits_initial;
struct tulou_process_vm;
/* Let the manager enforce them on a VM. */
void limits_set(struct tulou_process_vm *vm, const struct limits *limits);
/* Neither binds. */
bool limits_none(const struct limits *limits);
/* Let the manager enforce the process's limits on its VM. */
void limits_apply(const struct process *process);
/* brk(2) has a rule of its own (mm/mmap.c: check_data_rlimit), in which no data at all means none. */
bool limits_refuse_break(const struct process *process, uintptr_t brk);
/* Give them to the kernel, for a program that leaves by a real execve; and take them back when that failed. */
void limits_leave(const struct process *process);
void limits_return(void);

#endif
