/* SPDX-License-Identifier: MIT */
/*
 * mem.c - the four functions that the compiler may call on its own, even in freestanding code.
 *
 * Weak, so that a hosted program's C library wins. Plain loops: the core copies structures of a few words, nothing larger, and
 * the compiler is told not to turn a loop back into a call of the function that it stands in.
 */
#include "compiler.h"

#define SUPPLIED __attribute__((weak, optimize("no-tree-loop-distribute-patterns")))

SUPPLIED void *memcpy(void *restrict to, const void *restrict from, size_t size);
SUPPLIED void *memmove(void *to, const void *from, size_t size);
SUPPLIED void *memset(void *to, int byte, size_t size);
SUPPLIED int memcmp(const void *a, const void *b, size_t size);

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((char *)to)[i] = ((const char *)from)[i];
	return to;
}

void *memmove(void *to, const void *from, size_t size)
{
	if ((uintptr_t)to <= (uintptr_t)from) {
		for (size_t i = 0; i < size; i++)
			((char *)to)[i] = ((const char *)from)[i];
	} else {
		while (size--)
			((char *)to)[size] = ((const char *)from)[size];
	}
	return to;
}

void *memset(void *to, int byte, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((char *)to)[i] = (char)byte;
	return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (((const unsigned char *)a)[i] != ((const unsigned char *)b)[i])
			return ((const unsigned char *)a)[i] - ((const unsigned char *)b)[i];
	return 0;
}
