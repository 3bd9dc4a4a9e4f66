/* SPDX-License-Identifier: MIT */
/*
 * kernel.c - the kernel's side: the same calls, as system calls of a child process. Nothing is touched, so no page is ever there.
 *
 * "find" is msync(MS_ASYNC) of one page, which looks for the mapping and does nothing else.
 */
#include <errno.h>
#include <sys/mman.h>

#include "bench.h"

static uintptr_t side_map(void *vm, uintptr_t hint, size_t size, int prot)
{
	void *start = mmap((void *)hint, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	(void)vm;
	if (start == MAP_FAILED)
		bench_die("mmap", -errno);
	return (uintptr_t)start;
}

static void side_unmap(void *vm, uintptr_t start, size_t size)
{
	(void)vm;
	if (munmap((void *)start, size))
		bench_die("munmap", -errno);
}

static void side_protect(void *vm, uintptr_t start, size_t size, int prot)
{
	(void)vm;
	if (mprotect((void *)start, size, prot))
		bench_die("mprotect", -errno);
}

static uintptr_t side_grow(void *vm, uintptr_t start, size_t size, size_t new_size)
{
	void *result = mremap((void *)start, size, new_size, MREMAP_MAYMOVE);

	(void)vm;
	if (result == MAP_FAILED)
		bench_die("mremap", -errno);
	return (uintptr_t)result;
}

static bool side_find(void *vm, uintptr_t page)
{
	(void)vm;
	return !msync((void *)page, TULOU_PAGE_SIZE, MS_ASYNC);
}

const struct side kernel_side = {
	.kernel = true, .map = side_map, .unmap = side_unmap, .protect = side_protect, .grow = side_grow, .find = side_find};
