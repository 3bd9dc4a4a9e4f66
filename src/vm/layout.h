/* SPDX-License-Identifier: MIT */
/* layout.h - sizes that the address space is cut by, and rounding to them. Sizes are bytes unless they say pages. */
#ifndef TULOU_VM_LAYOUT_H
#define TULOU_VM_LAYOUT_H

#include "base/page.h"
#include "base/range.h"

#define PAGE_SIZE          TULOU_PAGE_SIZE
#define CHUNK_SIZE_DEFAULT (32ul << 20)
#define CHUNK_SIZE_MAX     (1ul << 40)
/* Huge pages of x86-64. */
#define HUGE_SMALL (2ul << 20)
#define HUGE_LARGE (1ul << 30)
/* Unmapped pages below a stack, as Linux's stack_guard_gap. */
#define STACK_GAP (256 * PAGE_SIZE)
/* Linux: TASK_SIZE, the end of what a user address can be. */
#define USER_END 0x7ffffffff000ul
/* Where MAP_32BIT looks, as Linux (arch/x86 find_start_end). */
#define LOW_START 0x40000000ul
#define LOW_END   0x80000000ul
/* The heap's room to grow: a part of the pool, but at least a MiB if that fits. */
#define HEAP_POOL_PART  4096
#define HEAP_ROOM_LEAST (1ul << 20)

static inline uintptr_t align_down(uintptr_t value, size_t align)
{
	return value & ~(align - 1);
}

/* 0 when it would wrap. */
static inline uintptr_t align_up(uintptr_t value, size_t align)
{
	return (value + align - 1) & ~(align - 1);
}

static inline bool is_power_of_two(size_t value)
{
	return value && !(value & (value - 1));
}

#endif
