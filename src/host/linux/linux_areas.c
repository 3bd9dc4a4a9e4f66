/* SPDX-License-Identifier: MIT */
/*
 * linux_areas.c - how many VMAs the address space has, so that calls are refused before the kernel fails half-way.
 *
 * vm.max_map_count (65,530) holds for all guests together. Counting exactly would mean to know what the kernel merges; instead
 * each call adds the most that it can make to an upper bound, which costs one atomic addition. When the bound reaches the limit,
 * the lines of /proc/self/maps say how many there are, and the bound starts again from there: with 100 VMAs that is once in
 * 30,000 calls. When there are too many (counting 60,000 took 24 ms), calls are refused without counting again until something
 * was taken away. Without /proc, or without a free descriptor for a moment, the kernel's own answers must do.
 *
 * The limit lies below the kernel's by a margin: for taking away, which is never refused here, for calls of other tasks that
 * were counted while we read, and for what the runtime maps by itself.
 */
#include "linux_internal.h"

#include <linux/fcntl.h>

enum { LINUX_AREAS_FEW = 64, LINUX_AREAS_MANY = 512 }; /* in a process that has just begun; when to count them */
enum { LINUX_AREAS_DEFAULT = 65530, LINUX_AREAS_MARGIN = 128, LINUX_MAPS_BUFFER = 1024 };

/* ---- /proc/self/maps ------------------------------------------------------------------------------------------------------- */

static int linux_open(const char *path)
{
	return (int)sys4(__NR_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0);
}

/* Lines, or a negative errno: ENOENT without /proc, EMFILE … */
static long linux_areas_count(void)
{
	char buffer[LINUX_MAPS_BUFFER];
	int fd = linux_open("/proc/self/maps");
	long count = 0, size = fd;

	while (fd >= 0 && (size = sys3(__NR_read, fd, (long)buffer, sizeof(buffer))) > 0) {
		for (long i = 0; i < size; i++)
			count += buffer[i] == '\n';
	}
	if (fd >= 0)
		sys1(__NR_close, fd);
	return size < 0 ? size : count;
}

/* ---- the bound ------------------------------------------------------------------------------------------------------------- */

static uint32_t linux_areas_limit(void)
{
	int fd = linux_open("/proc/sys/vm/max_map_count");
	char buffer[16];
	long size = fd < 0 ? 0 : sys3(__NR_read, fd, (long)buffer, sizeof(buffer));
	uint32_t limit = 0;

	for (long i = 0; i < size && buffer[i] >= '0' && buffer[i] <= '9'; i++)
		limit = limit * 10 + (uint32_t)(buffer[i] - '0');
	if (fd >= 0)
		sys1(__NR_close, fd);
	if (limit <= 2 * LINUX_AREAS_MARGIN)
		limit = LINUX_AREAS_DEFAULT;
	return limit - LINUX_AREAS_MARGIN;
}

static int linux_areas_recount(struct linux_host *h, unsigned count)
{
	long counted = linux_areas_count();
	unsigned real;
	bool full;

	if (h->area_uncounted) {
		h->area_limit = linux_areas_limit();
		h->area_uncounted = false;
	}
	/* not known: let the kernel decide, ask again later */
	real = counted < 0 ? h->area_limit / 2 : (unsigned)counted;
	full = real + count > h->area_limit;

	__atomic_store_n(&h->area_bound, real + count, __ATOMIC_RELAXED);
	__atomic_store_n(&h->area_full, full, __ATOMIC_RELAXED);
	return full ? -TULOU_ENOMEM : 0;
}

int linux_areas_admit(struct linux_host *h, unsigned count)
{
	if (__atomic_load_n(&h->area_full, __ATOMIC_RELAXED))
		return -TULOU_ENOMEM;
	if (__atomic_add_fetch(&h->area_bound, count, __ATOMIC_RELAXED) <= h->area_limit)
		return 0;
	return linux_areas_recount(h, count);
}

void linux_areas_freed(struct linux_host *h)
{
	if (__atomic_load_n(&h->area_full, __ATOMIC_RELAXED))
		__atomic_store_n(&h->area_full, false, __ATOMIC_RELAXED);
}

void linux_areas_note(struct linux_host *h, unsigned count)
{
	__atomic_fetch_add(&h->area_bound, count, __ATOMIC_RELAXED);
}

void linux_areas_init(struct linux_host *h)
{
	h->area_uncounted = h->books_next;
	h->area_bound = LINUX_AREAS_FEW;
	h->area_limit = LINUX_AREAS_MANY;
	if (!h->area_uncounted) {
		h->area_limit = linux_areas_limit();
		linux_areas_recount(h, 0);
	}
}
