/* SPDX-License-Identifier: MIT */
/*
 * patch_pages.c - exchange of pages.
 *
 *     text   |····TTTT····|   mremap(DONTUNMAP)   |····ffff····|   write, mremap        |····PPPP····|   The mapping stays; for a moment
 *                                   ▼                                                       ▲            its page is the file's own (f),
 *     aside                       TTTT ─────────────────────────▶  PPPP ────────────────────┘            without earlier patches.
 *
 * Aside is a place of the thread's block. Who is killed in between leaves a page there, which goes when a thread of that block
 * patches.
 */
#include "runtime/trap/patch_pages.h"

#include <asm-generic/errno-base.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <tulou/tulou.h>

#include "base/mem.h"
#include "base/page.h"
#include "host/linux/syscall.h"
#include "runtime/layout.h"
#include "runtime/process/thread.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

enum { BREAKPOINT = 0xcc };
enum { READ_WRITE = TULOU_PROT_READ | TULOU_PROT_WRITE, READ_EXEC = TULOU_PROT_READ | TULOU_PROT_EXEC };

static uint64_t aside_of(const struct thread *thread)
{
	return ASIDE_BASE + ((uint64_t)thread - THREADS_BASE) / THREAD_BLOCK * TULOU_PAGE_SIZE;
}

static long move(uint64_t from, uint64_t to, int flags)
{
	return sys5(__NR_mremap, (long)from, TULOU_PAGE_SIZE, TULOU_PAGE_SIZE, MREMAP_MAYMOVE | flags, (long)to);
}

/* As a debugger writes: /proc/self/mem copies the file's page, and its permissions stay as they are. (A mapping that was writable
 * once is one of another kind for the kernel, which then does not join it with its neighbours again.) */
static long write_by_memory(uint64_t at, const void *bytes, size_t size)
{
	long fd = sys4(__NR_openat, AT_FDCWD, (long)"/proc/self/mem", O_WRONLY | O_CLOEXEC, 0), result;

	if (fd < 0)
		return fd;
	result = sys4(__NR_pwrite64, fd, (long)bytes, (long)size, (long)at);
	sys1(__NR_close, fd);
	return result == (long)size ? 0 : result < 0 ? result : -EIO;
}

/* Where nobody executes it, and the kernel refuses the way above. The page is faulted in by a call that can say no: the file may
 * have become shorter. */
static long write_by_protection(uint64_t at, const void *bytes, size_t size, int prot)
{
	const uint64_t page = page_down(at);
	long result = sys3(__NR_mprotect, (long)page, TULOU_PAGE_SIZE, READ_WRITE);

	if (!result)
		result = sys3(__NR_madvise, (long)page, TULOU_PAGE_SIZE, MADV_POPULATE_WRITE);
	if (!result)
		memcpy((void *)at, bytes, size);
	return result ? result : sys3(__NR_mprotect, (long)page, TULOU_PAGE_SIZE, prot);
}

long patch_text(uint64_t at, const void *bytes, size_t size, int prot)
{
	uint64_t page = page_down(at);
	uint64_t aside = aside_of(thread_current());
	long result;

	if (at + size > page + TULOU_PAGE_SIZE)
		return -EINVAL;
	result = move(page, aside, MREMAP_DONTUNMAP | MREMAP_FIXED);
	if (result < 0)
		return result;
	result = write_by_memory(aside + (at - page), bytes, size);
	if (result)
		result = write_by_protection(aside + (at - page), bytes, size, prot);
	if (!result) {
		result = move(aside, page, MREMAP_FIXED);
		result = result < 0 ? result : 0;
	}
	if (result) /* the file's own page is there: without patches, so that all of its sites are trapped */
		sys2(__NR_munmap, (long)aside, TULOU_PAGE_SIZE);
	return result;
}

long patch_quiet(uint64_t at, const void *bytes, size_t size)
{
	return write_by_memory(at, bytes, size);
}

long patch_anonymous(uint64_t at, const void *bytes, size_t size)
{
	uint64_t page = page_down(at);
	const uint64_t aside = aside_of(thread_current());
	long result = sys6(__NR_mmap, (long)aside, TULOU_PAGE_SIZE, READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (result < 0)
		return result;
	memcpy((void *)aside, (const void *)page, TULOU_PAGE_SIZE);
	memcpy((void *)(aside + (at - page)), bytes, size);
	result = sys3(__NR_mprotect, (long)aside, TULOU_PAGE_SIZE, READ_EXEC);
	if (!result) {
		result = move(aside, page, MREMAP_FIXED);
		result = result < 0 ? result : 0;
	}
	if (result)
		sys2(__NR_munmap, (long)aside, TULOU_PAGE_SIZE);
	return result;
}

long patch_fresh(uint64_t at, const void *bytes, size_t size)
{
	uint64_t page = page_down(at);
	long result = sys3(__NR_mprotect, (long)page, TULOU_PAGE_SIZE, READ_WRITE);

	if (result)
		return result;
	memset((void *)page, BREAKPOINT, TULOU_PAGE_SIZE);
	memcpy((void *)at, bytes, size);
	return sys3(__NR_mprotect, (long)page, TULOU_PAGE_SIZE, READ_EXEC);
}
