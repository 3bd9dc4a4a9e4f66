/* SPDX-License-Identifier: MIT */
#include "runtime/arena.h"

#include <asm-generic/errno-base.h>
#include <linux/mman.h>
#include <stdbool.h>

#include "host/linux/syscall.h"

#define ARENA_STEP (64ul << 20)

int arena_reach(struct arena *arena, size_t size)
{
	size_t reached = __atomic_load_n(&arena->reached, __ATOMIC_ACQUIRE);

	if (size > arena->size)
		return -ENOMEM;
	while (reached < size) {
		/* Whoever is second finds the step there: EEXIST. Neighbouring steps are one area for the kernel. */
		long at = sys6(__NR_mmap, (long)(arena->base + reached), ARENA_STEP, 3 /* read, write */,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
		if (at < 0 && at != -EEXIST)
			return (int)at;
		if (at >= 0) /* a huge page would make the first block cost 2 MiB */
			sys3(__NR_madvise, at, ARENA_STEP, MADV_NOHUGEPAGE);
		if (__atomic_compare_exchange_n(
			    &arena->reached, &reached, reached + ARENA_STEP, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			reached += ARENA_STEP;
	}
	return 0;
}
