/* SPDX-License-Identifier: MIT */
/*
 * mem.c - the four functions that the compiler may call on its own, even in freestanding code.
 *
 * Weak, so that a hosted program's C library wins. Words, then what is left: no vector registers, and no assembly, which would be another
 * one for each processor. The compiler is told not to turn a loop back into a call of the function that it stands in.
 */
#include "compiler.h"

#define SUPPLIED __attribute__((weak, optimize("no-tree-loop-distribute-patterns")))

SUPPLIED void *memcpy(void *restrict to, const void *restrict from, size_t size);
SUPPLIED void *memmove(void *to, const void *from, size_t size);
SUPPLIED void *memset(void *to, int byte, size_t size);
SUPPLIED int memcmp(const void *a, const void *b, size_t size);

/* Of memory that is anything, anywhere. */
typedef size_t __attribute__((may_alias, aligned(1))) word;

/* Also where the two overlap, if `to` is below: each word is read before anything that was is written. */
static inline void *copy_up(void *to, const void *from, size_t size)
{
	char *t = to;
	const char *f = from;

	for (; size >= sizeof(word); size -= sizeof(word), t += sizeof(word), f += sizeof(word))
		*(word *)t = *(const word *)f;
	while (size--)
		*t++ = *f++;
	return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	return copy_up(to, from, size);
}

void *memmove(void *to, const void *from, size_t size)
{
	char *t = to;
	const char *f = from;

	if ((uintptr_t)to - (uintptr_t)from >= size) /* below it, or apart */
		return copy_up(to, from, size);
	for (; size >= sizeof(word); size -= sizeof(word))
		*(word *)(t + size - sizeof(word)) = *(const word *)(f + size - sizeof(word));
	while (size--)
		t[size] = f[size];
	return to;
}

void *memset(void *to, int byte, size_t size)
{
	const word all = ~(word)0 / 0xff * (unsigned char)byte;
	char *t = to;

	for (; size >= sizeof(word); size -= sizeof(word), t += sizeof(word))
		*(word *)t = all;
	while (size--)
		*t++ = (char)byte;
	return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (((const unsigned char *)a)[i] != ((const unsigned char *)b)[i])
			return ((const unsigned char *)a)[i] - ((const unsigned char *)b)[i];
	return 0;
}
