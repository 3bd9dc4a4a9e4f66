/* SPDX-License-Identifier: MIT */
/* mem.h - the memory functions of C, which mem.c supplies where no C library does. */
#ifndef TULOU_BASE_MEM_H
#define TULOU_BASE_MEM_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);

#endif
