/* SPDX-License-Identifier: MIT */
/*
 * bytes.h - the few byte operations that the loader needs, under names of its own: freestanding code has no <string.h>. The
 * compiler's builtins become calls of memcpy, memmove, memset and memcmp, which it demands of every environment anyway.
 */
#ifndef TULOU_RUNTIME_ELF_BYTES_H
#define TULOU_RUNTIME_ELF_BYTES_H

#include <stdbool.h>
#include <stddef.h>

static inline void bytes_copy(void *to, const void *from, size_t size)
{
	if (size)
		__builtin_memcpy(to, from, size);
}

static inline void bytes_move(void *to, const void *from, size_t size)
{
	if (size)
		__builtin_memmove(to, from, size);
}

static inline void bytes_zero(void *at, size_t size)
{
	__builtin_memset(at, 0, size);
}

static inline bool bytes_equal(const void *a, const void *b, size_t size)
{
	return __builtin_memcmp(a, b, size) == 0;
}

static inline size_t text_length(const char *text)
{
	size_t length = 0;
	while (text[length])
		length++;
	return length;
}

/* Copies `from` behind the first `used` bytes of `to`, cut to fit; always ends it with a NUL. Returns the bytes used then. */
static inline size_t text_put(char *to, size_t capacity, size_t used, const char *from)
{
	while (*from && used + 1 < capacity)
		to[used++] = *from++;
	to[used] = '\0';
	return used;
}

#endif
