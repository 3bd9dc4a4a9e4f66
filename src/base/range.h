/* SPDX-License-Identifier: MIT */
/*
 * range.h - half-open address ranges [start, end).
 *
 *     start          end          A range is a value. Raw `addr + size` is written only while a call is decoded,
 *       |############|            by range_make(), which refuses what would wrap; afterwards only ranges travel.
 *
 * An empty range has start == end and overlaps nothing.
 */
#ifndef TULOU_BASE_RANGE_H
#define TULOU_BASE_RANGE_H

#include "compiler.h"

struct range {
	uintptr_t start, end;
};

static inline struct range range_between(uintptr_t start, uintptr_t end)
{
	return (struct range){start, end};
}

/* The range of `size` bytes at `start`; false if it would wrap. */
static inline bool range_make(struct range *out, uintptr_t start, size_t size)
{
	out->start = start;
	return !__builtin_add_overflow(start, size, &out->end);
}

static inline size_t range_size(struct range r)
{
	return r.end - r.start;
}

static inline bool range_is_empty(struct range r)
{
	return r.start >= r.end;
}

static inline bool range_contains(struct range r, uintptr_t addr)
{
	return r.start <= addr && addr < r.end;
}

/* Does `outer` cover all of `inner`? */
static inline bool range_covers(struct range outer, struct range inner)
{
	return outer.start <= inner.start && inner.end <= outer.end;
}

static inline bool range_overlaps(struct range a, struct range b)
{
	return a.start < b.end && b.start < a.end;
}

/* The common part; empty (start >= end) if there is none. */
static inline struct range range_cut(struct range a, struct range b)
{
	return range_between(a.start > b.start ? a.start : b.start, a.end < b.end ? a.end : b.end);
}

#endif
