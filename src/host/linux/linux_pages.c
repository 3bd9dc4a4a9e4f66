/* SPDX-License-Identifier: MIT */
/*
 * linux_pages.c - the callbacks on the pool's pages.
 *
 * Each is one system call on the exact range that the core names. What is more than that serves one line of the contract, "a
 * callback that fails has changed nothing", where the kernel does not keep it:
 *   - mmap(MAP_FIXED) that fails late has already destroyed what stood there: a socket or device refuses, memory is short (for
 *     private memory up to Linux 6.11). linux_map_over tries the same mapping elsewhere first.
 *   - mmap(2) has no flag that locks on fault: linux_lock_try asks first. (Left of the contract: another task of the instance that
 *     locks the last allowed pages between the two.)
 *   - running out of VMAs in the middle: linux_areas_admit refuses before.
 * What is left: mprotect(2) over several VMAs stops at the one that refuses (a file on a noexec mount, a sealed memfd), and the
 * ones before it stay changed. Only the books know what protection they had: see host.h.
 */
#include "linux_internal.h"

/* ---- map, unmap ------------------------------------------------------------------------------------------------------------ */

static long linux_mmap(const struct tulou_mapping *m, uintptr_t addr, int flags)
{
	return sys6(__NR_mmap, (long)addr, (long)m->size, m->prot, flags, m->file ? m->file->fd : -1, (long)m->offset);
}

/* A mapping over pages that are there: only once it has been seen to work. */
static long linux_map_over(const struct tulou_mapping *m, int flags)
{
	long trial = linux_mmap(m, 0, flags & ~(TULOU_MAP_POPULATE | TULOU_MAP_LOCKED));

	if (trial < 0)
		return trial;
	sys2(__NR_munmap, trial, (long)m->size);
	return linux_mmap(m, m->start, flags | TULOU_MAP_FIXED);
}

static long linux_map_at(const struct linux_host *h, const struct tulou_mapping *m, int flags)
{
	long result;

	if (!m->file && h->map_restores && (m->flags & TULOU_MAP_TYPE) == TULOU_MAP_PRIVATE)
		return linux_mmap(m, m->start, flags | TULOU_MAP_FIXED);
	result = linux_mmap(m, m->start, flags | TULOU_MAP_FIXED_NOREPLACE);
	return result == -TULOU_EEXIST ? linux_map_over(m, flags) : result;
}

static int linux_lock_onfault(uintptr_t start, size_t size)
{
	return sys3(__NR_mlock2, (long)start, (long)size, TULOU_MLOCK_ONFAULT) < 0 ? -TULOU_EAGAIN : 0;
}

/* May so much more be locked? Asked where nothing is, before what stands at the place is gone. */
static int linux_lock_try(size_t size)
{
	const int flags = TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS | TULOU_MAP_NORESERVE;
	long trial = sys6(__NR_mmap, 0, (long)size, TULOU_PROT_NONE, flags, -1, 0);
	int error = trial < 0 ? (int)trial : linux_lock_onfault((uintptr_t)trial, size);

	if (trial >= 0)
		sys2(__NR_munmap, trial, (long)size);
	return error;
}

int linux_map(void *ctx, const struct tulou_mapping *m)
{
	struct linux_host *h = ctx;
	int flags = m->flags | (m->file ? 0 : TULOU_MAP_ANONYMOUS);
	int error = linux_areas_admit(h, 2);
	long result;

	if (m->lock == TULOU_LOCK_ON)
		flags |= TULOU_MAP_LOCKED;
	if (!error && m->lock == TULOU_LOCK_ONFAULT)
		error = linux_lock_try(m->size);
	if (error)
		return error;
	result = linux_map_at(h, m, flags);
	if (result >= 0 && m->lock == TULOU_LOCK_ONFAULT && linux_lock_onfault(m->start, m->size)) {
		sys2(__NR_munmap, (long)m->start, (long)m->size);
		return -TULOU_EAGAIN;
	}
	return result < 0 ? (int)result : 0;
}

int linux_unmap(void *ctx, uintptr_t start, size_t size)
{
	linux_areas_note(ctx, 1);
	int error = (int)sys2(__NR_munmap, (long)start, (long)size);

	if (error == 0)
		linux_areas_freed(ctx);
	return error;
}

/* ---- protect --------------------------------------------------------------------------------------------------------------- */

int linux_protect(void *ctx, uintptr_t start, size_t size, int prot)
{
	int error = linux_areas_admit(ctx, 2);

	return error ? error : (int)sys3(__NR_mprotect, (long)start, (long)size, prot);
}

/* ---- grow, advise, sync, lock ---------------------------------------------------------------------------------------------- */

int linux_grow(void *ctx, uintptr_t start, size_t size, size_t new_size)
{
	uintptr_t last = start + size - TULOU_PAGE_SIZE;
	long result;

	linux_areas_note(ctx, 1);
	/* The last page alone: the kernel may have the mapping in several VMAs, and only the last of them grows. */
	result = sys5(__NR_mremap, (long)last, TULOU_PAGE_SIZE, (long)(new_size - size + TULOU_PAGE_SIZE), 0, 0);
	if (result == -TULOU_EINVAL) /* huge pages: no single small page */
		result = sys5(__NR_mremap, (long)start, (long)size, (long)new_size, 0, 0);
	return result < 0 ? (int)result : 0;
}

int linux_remap(void *ctx, uintptr_t start, size_t size, uint64_t offset)
{
	int error = linux_areas_admit(ctx, 2);

	return error ? error
		     : (int)sys5(__NR_remap_file_pages, (long)start, (long)size, 0, (long)(offset >> TULOU_PAGE_SHIFT), 0);
}

/* Of an empty page msync(2) says ENOMEM; to a mapped one it does nothing with MS_ASYNC. */
static bool linux_is_mapped(uintptr_t page)
{
	return sys3(__NR_msync, (long)page, TULOU_PAGE_SIZE, TULOU_MS_ASYNC) != -TULOU_ENOMEM;
}

/* What has grown has no holes: by halves, after one look that mostly is enough. */
uintptr_t linux_grown(void *ctx, uintptr_t start, uintptr_t low)
{
	(void)ctx;
	if (!linux_is_mapped(start - TULOU_PAGE_SIZE))
		return start;
	start -= TULOU_PAGE_SIZE;
	while (low < start) {
		uintptr_t middle = low + ((start - low) / 2 & ~(TULOU_PAGE_SIZE - 1));

		if (linux_is_mapped(middle))
			start = middle;
		else
			low = middle + TULOU_PAGE_SIZE;
	}
	return start;
}

/* String instructions: the fastest there is without vector registers. */
int linux_zero(void *ctx, uintptr_t start, size_t size)
{
	(void)ctx;
	__asm__ volatile("rep stosb" : "+D"(start), "+c"(size) : "a"(0) : "memory");
	return 0;
}

int linux_advise(void *ctx, uintptr_t start, size_t size, int advice)
{
	/* DONTNEED, by far the most frequent, never splits */
	if (advice != TULOU_MADV_DONTNEED)
		linux_areas_note(ctx, 2);
	return (int)sys3(__NR_madvise, (long)start, (long)size, advice);
}

int linux_sync(void *ctx, uintptr_t start, size_t size, int flags)
{
	(void)ctx;
	return (int)sys3(__NR_msync, (long)start, (long)size, flags);
}

int linux_resident(void *ctx, uintptr_t start, size_t size, unsigned char *vector)
{
	(void)ctx;
	return (int)sys3(__NR_mincore, (long)start, (long)size, (long)vector);
}

/* mlock(2) fails before it locks anything (not allowed, too much) or after it has locked all, when pages do not come. To lock
 * without bringing pages in tells which. */
int linux_lock(void *ctx, uintptr_t start, size_t size, enum tulou_lock how)
{
	int error = linux_areas_admit(ctx, 2), result;

	if (error)
		return error;
	if (how == TULOU_LOCK_OFF)
		return (int)sys2(__NR_munlock, (long)start, (long)size);
	if (how != TULOU_LOCK_ON) {
		result = (int)sys3(__NR_mlock2, (long)start, (long)size, TULOU_MLOCK_ONFAULT);
		if (result == 0 && how == TULOU_LOCK_LATER) /* says ENOMEM at the hole, and has brought nothing in */
			sys2(__NR_mlock, (long)start, (long)(size + TULOU_PAGE_SIZE));
		return result;
	}
	result = (int)sys2(__NR_mlock, (long)start, (long)size);
	if (result == 0 || sys3(__NR_mlock2, (long)start, (long)size, TULOU_MLOCK_ONFAULT) < 0)
		return result;
	sys2(__NR_mlock, (long)start, (long)size);
	return -result;
}
