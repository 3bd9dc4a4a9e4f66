/* SPDX-License-Identifier: MIT */
/* compiler.h - the few words the language lacks. Knows nothing of anybody. */
#ifndef TULOU_BASE_COMPILER_H
#define TULOU_BASE_COMPILER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Before the result type of an inline function: where what a caller passes decides what is left of it. */
#define ALWAYS_INLINE __attribute__((always_inline))

/* Of a large variable that begins as zeros: it lies behind all small ones, which then have their pages together. */
#define LARGE_ZEROS __attribute__((section(".lbss")))

/* The structure that embeds `member` at `pointer`. */
#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

static inline size_t size_min(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline size_t size_max(size_t a, size_t b)
{
	return a > b ? a : b;
}

#endif
