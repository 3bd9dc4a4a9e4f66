/* SPDX-License-Identifier: MIT */
/* page.h - rounding to pages: addresses, sizes and offsets of files. */
#ifndef TULOU_BASE_PAGE_H
#define TULOU_BASE_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include <tulou/abi.h>

static inline bool page_is_aligned(uintptr_t value)
{
	return !(value & (TULOU_PAGE_SIZE - 1));
}

static inline uintptr_t page_down(uintptr_t value)
{
	return value & ~(TULOU_PAGE_SIZE - 1);
}

/* 0 when it would wrap. */
static inline uintptr_t page_up(uintptr_t value)
{
	return page_down(value + TULOU_PAGE_SIZE - 1);
}

#endif
