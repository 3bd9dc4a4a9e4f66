/* SPDX-License-Identifier: MIT */
/* exec.h - what starting a program takes, for execve and for the first programs. */
#ifndef TULOU_RUNTIME_EXEC_H
#define TULOU_RUNTIME_EXEC_H

#include <stddef.h>

/* The size of a new main stack: RLIMIT_STACK, within bounds. Bytes, page-aligned. */
size_t exec_stack_size(void);

#endif
