/* SPDX-License-Identifier: MIT */
/*
 * mem.c - the memory functions of base/mem.h for the runtime, which copies signal frames and clears slots of some KiB: the
 * processor's string instructions, which need no vector registers. They win over the core's plain loops, which are weak.
 */
#include "base/mem.h"

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	void *at = to;
	__asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(size) : : "memory");
	return to;
}

void *memset(void *to, int byte, size_t size)
{
	void *at = to;
	__asm__ volatile("rep stosb" : "+D"(at), "+c"(size) : "a"(byte) : "memory");
	return to;
}
