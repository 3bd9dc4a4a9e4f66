/* SPDX-License-Identifier: MIT */
/*
 * user.h - touch a guest's memory without trusting its pointers: a bad one is -EFAULT, never a crash.
 *
 * process_vm_readv(2) on the calling task itself: the kernel copies and answers EFAULT where a load would fault. The pages that a stack
 * would grow by come, as they would for a load. What lies on the guest's own stack, or in memory that nobody else can take away
 * meanwhile, is copied here.
 */
#ifndef TULOU_RUNTIME_USER_H
#define TULOU_RUNTIME_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All of it: 0, or -EFAULT. */
int user_read(void *to, uint64_t from, size_t size);
int user_write(uint64_t to, const void *from, size_t size);
/* As much as there is from `from` on, up to `size`: the number of bytes (at least 1), or -EFAULT. */
long user_read_some(void *to, uint64_t from, size_t size);
/* A string with its NUL: its length without it, -EFAULT, or -ENAMETOOLONG when there is no NUL within `size`. */
long user_read_string(char *to, uint64_t from, size_t size);
/* Can [start, end) be stored to? Where a stack would grow by that, it grows. */
bool user_can_write(uint64_t start, uint64_t end);

#endif
