/* SPDX-License-Identifier: MIT */
/*
 * query.c - ioctl(PROCMAP_QUERY) of Linux 6.11 on a descriptor of /proc/PID/maps: which mapping covers an address, or comes next?
 *
 *     the descriptor is a snapshot of ours, a memfd named "tulou maps PID": that says about whom
 *     address in the pool ─▶ the process's area there, from the books ─▶ the kernel's answer for it, with [heap] and [stack] named
 *     above it            ─▶ the kernel's answers, until one is a mapping that the process has too (map_common)
 */
#include "runtime/procfs/procfs.h"

#include <asm-generic/errno.h>
#include <linux/fcntl.h>
#include <linux/ioctl.h>
#include <tulou/inspect.h>

#include "base/mem.h"
#include "runtime/elf/exec_file.h"
#include "runtime/layout.h"
#include "runtime/text.h"
#include "runtime/trap/trap.h"
#include "runtime/user.h"

/* Of the perms the first three are those of TULOU_PROT_*. */
enum { SHARED = 0x8, PERMS = 0xf, COVERING_OR_NEXT = 0x10, FILE_BACKED = 0x20, FLAGS = 0x3f };
enum { LINK_SIZE = 64, NAME_SIZE = 64, QUERY_LEAST = 24 };

struct query {
	struct procmap_query q; /* as the guest asked, then as it is answered */
	const struct process *self, *process;
	struct own_areas areas;
	int maps; /* the kernel's file */
};

/* The kernel's answer for `at`; names and build ids go straight to the guest unless `name` wants them. */
static long ask(struct query *query, uintptr_t at, uint64_t flags, char *name)
{
	struct procmap_query q = query->q;
	long result;

	q.size = sizeof q;
	q.query_flags = flags;
	q.query_addr = at;
	if (name) {
		q.vma_name_addr = (uint64_t)name;
		q.vma_name_size = NAME_SIZE;
		q.build_id_size = 0;
		q.build_id_addr = 0;
	}
	result = sys3(__NR_ioctl, query->maps, (long)PROCMAP_QUERY, (long)&q);
	if (result < 0)
		return result;
	q.size = query->q.size;
	q.query_flags = query->q.query_flags;
	q.query_addr = query->q.query_addr;
	if (!name) {
		query->q = q;
	} else {
		query->q.vma_start = q.vma_start;
		query->q.vma_end = q.vma_end;
	}
	return 0;
}

/* The process's area that covers `at` or comes next. */
static const struct own_area *area_above(const struct own_areas *areas, uintptr_t at)
{
	for (size_t i = 0; i < areas->count; i++)
		if (areas->at[i].end > at)
			return &areas->at[i];
	return NULL;
}

/* The kernel knows neither heaps nor stacks of guests. */
static long name_own(struct query *query, const struct own_area *area)
{
	const char *mark = area->kind == TULOU_AREA_HEAP ? "[heap]" : area->kind == TULOU_AREA_STACK ? "[stack]" : NULL;
	uint32_t size = mark ? (uint32_t)text_length(mark) + 1 : 0;

	if (!mark)
		return 0;
	query->q.vma_start = area->start > query->q.vma_start ? area->start : query->q.vma_start;
	query->q.vma_end = area->end < query->q.vma_end ? area->end : query->q.vma_end;
	if (!query->q.vma_name_addr)
		return 0;
	query->q.vma_name_size = size;
	return user_write(query->q.vma_name_addr, mark, size);
}

/* The filters of PROCMAP_QUERY. */
static bool wanted(const struct own_area *area, uint64_t flags)
{
	return !(flags & PERMS & ~(uint64_t)(area->prot | (area->shared ? SHARED : 0))) && (!(flags & FILE_BACKED) || area->dev);
}

static long find_own(struct query *query, uintptr_t *at)
{
	bool next = query->q.query_flags & COVERING_OR_NEXT;
	const struct own_area *area;

	while ((area = area_above(&query->areas, *at))) {
		uint32_t room = query->q.vma_name_size;
		long result;

		if (area->start > *at && !next)
			return -ENOENT;
		if (wanted(area, query->q.query_flags)) {
			result = ask(query, area->start > *at ? area->start : *at, 0, NULL);
			if (result != -ENOENT) {
				if (!result && room && !query->q.vma_name_size)
					result = name_own(query, area);
				return result;
			}
		}
		if (!next)
			return -ENOENT;
		*at = area->end;
	}
	*at = POOL_END;
	return next ? -EAGAIN : -ENOENT;
}

static long find_common(struct query *query, uintptr_t at)
{
	bool next = query->q.query_flags & COVERING_OR_NEXT;

	for (;;) {
		char name[NAME_SIZE] = "";
		long result = ask(query, at, query->q.query_flags, name);

		if (result < 0 && result != -ENAMETOOLONG)
			return result;
		if (map_common(query->process, name, query->q.vma_start, query->q.vma_end))
			return ask(query, query->q.vma_start, query->q.query_flags & FILE_BACKED, NULL);
		if (!next || query->q.vma_end <= at)
			return -ENOENT;
		at = query->q.vma_end;
	}
}

static long answer(struct query *query)
{
	uintptr_t at = query->q.query_addr;
	long result = -EAGAIN;

	if (at < POOL_END)
		result = find_own(query, &at);
	return result == -EAGAIN ? find_common(query, at) : result;
}

/* Whose snapshot of maps is it? NULL: it is none. */
static struct process *snapshot_of(struct process *self, int fd)
{
	char link[LINK_SIZE];
	const char *number;

	if (!exec_file_path(fd, link, sizeof link))
		return NULL;
	number = text_after(link, "/memfd:" MAPS_MEMFD);
	return number ? proc_process_named(self, (int)text_decimal(&number)) : NULL;
}

long procfs_query(struct process *self, int fd, uint64_t address)
{
	struct query query = {.self = self, .process = snapshot_of(self, fd)};
	uint64_t size;
	long result;

	if (!query.process)
		return sys3(__NR_ioctl, fd, (long)PROCMAP_QUERY, (long)address);
	if (user_read(&size, address, sizeof size) < 0)
		return -EFAULT;
	if (size < QUERY_LEAST || size > TULOU_PAGE_SIZE)
		return size < QUERY_LEAST ? -EINVAL : -E2BIG;
	size = size < sizeof query.q ? size : sizeof query.q;
	if (user_read(&query.q, address, size) < 0)
		return -EFAULT;
	if (query.q.query_flags & ~(uint64_t)FLAGS)
		return -EINVAL;
	result = own_areas_take(&query.areas, self, query.process);
	if (result < 0)
		return result;
	query.maps = (int)sys4(__NR_openat, AT_FDCWD, (long)"/proc/thread-self/maps", O_RDONLY | O_CLOEXEC, 0);
	result = query.maps;
	if (query.maps >= 0) {
		result = answer(&query);
		sys1(__NR_close, query.maps);
	}
	own_areas_drop(&query.areas);
	return result < 0 ? result : user_write(address, &query.q, size);
}
