/* SPDX-License-Identifier: MIT */
#include "runtime/process/outside.h"

#include <asm-generic/errno-base.h>
#include <linux/fcntl.h>

#include "runtime/elf/exec_file.h"
#include "runtime/layout.h"
#include "runtime/process/process.h"
#include "runtime/procfs/procfs.h"
#include "runtime/text.h"
#include "runtime/trap/trap.h"
#include "runtime/user.h"

#define BUSY      1ul
#define PAGE_MASK (TULOU_PAGE_SIZE - 1)

enum { LINK_SIZE = 32 };

/* ---- the table ------------------------------------------------------------------------------------------------------------------ */

static bool add(struct process *process, uintptr_t start, uintptr_t end, enum outside_kind kind)
{
	for (struct outside *o = process->outside; o < process->outside + OUTSIDE_COUNT; o++) {
		uintptr_t free = 0;

		if (!__atomic_compare_exchange_n(&o->start, &free, BUSY, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			continue;
		o->end = end;
		o->kind = kind;
		__atomic_store_n(&o->start, start, __ATOMIC_RELEASE);
		return true;
	}
	return false;
}

static bool take(struct outside *o, uintptr_t start)
{
	return __atomic_compare_exchange_n(&o->start, &start, BUSY, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static void put(struct outside *o, uintptr_t start)
{
	__atomic_store_n(&o->start, start, __ATOMIC_RELEASE);
}

static uintptr_t start_of(const struct outside *o)
{
	uintptr_t start = __atomic_load_n(&o->start, __ATOMIC_ACQUIRE);
	return start == BUSY ? 0 : start;
}

bool outside_covers(const struct process *process, uintptr_t start, uintptr_t end)
{
	for (const struct outside *o = process->outside; o < process->outside + OUTSIDE_COUNT; o++) {
		uintptr_t from = start_of(o);
		if (from && from <= start && end <= o->end)
			return true;
	}
	return false;
}

/* [start, end) leaves the entry `o`, which begins at `from` and is ours to change. */
static long cut(struct process *process, struct outside *o, uintptr_t from, uintptr_t start, uintptr_t end)
{
	uintptr_t before = start > from ? start : from, behind = end < o->end ? end : o->end;

	if (before > from && behind < o->end && !add(process, behind, o->end, o->kind)) {
		put(o, from);
		return -ENOMEM;
	}
	sys2(__NR_munmap, (long)before, (long)(behind - before));
	if (before > from)
		o->end = before;
	put(o, before > from ? from : behind < o->end ? behind : 0);
	return 0;
}

long outside_munmap(struct process *process, uintptr_t start, uintptr_t end)
{
	long result = 0;

	for (struct outside *o = process->outside; !result && o < process->outside + OUTSIDE_COUNT; o++) {
		uintptr_t from = start_of(o);
		if (from && from < end && start < o->end && take(o, from))
			result = cut(process, o, from, start, end);
	}
	return result;
}

void outside_drop(struct process *process)
{
	for (struct outside *o = process->outside; o < process->outside + OUTSIDE_COUNT; o++) {
		uintptr_t start = start_of(o);

		if (!start || !take(o, start))
			continue;
		/* A copy of the address space has the ring's pages, but not its context. */
		if (o->kind != OUTSIDE_AIO || sys1(__NR_io_destroy, (long)start) < 0)
			sys2(__NR_munmap, (long)start, (long)(o->end - start));
		put(o, 0);
	}
}

/* ---- io_uring ------------------------------------------------------------------------------------------------------------------- */

static bool is_ring(int fd)
{
	char link[LINK_SIZE];

	return exec_file_path(fd, link, sizeof link) && text_equal(link, "anon_inode:[io_uring]");
}

long outside_mmap(struct process *process, size_t size, int prot, int flags, int fd, uint64_t offset)
{
	size_t whole = (size + PAGE_MASK) & ~PAGE_MASK;
	long at;

	if (!whole || flags & (TULOU_MAP_ANONYMOUS | TULOU_MAP_FIXED | TULOU_MAP_FIXED_NOREPLACE) || !is_ring(fd))
		return -EINVAL;
	if (prot & TULOU_PROT_EXEC)
		return -EPERM;
	at = sys6(__NR_mmap, 0, (long)size, prot, flags & ~TULOU_MAP_32BIT, fd, (long)offset);
	if (at < 0)
		return at;
	if ((uintptr_t)at >= POOL_END && add(process, (uintptr_t)at, (uintptr_t)at + whole, OUTSIDE_MAPPING))
		return at;
	sys2(__NR_munmap, at, (long)whole);
	return -ENOMEM;
}

/* ---- asynchronous I/O: the context's number is the address of its ring ------------------------------------------------------------------ */

static uintptr_t mapping_end(uintptr_t start)
{
	struct lines lines;
	struct map_line line;
	uintptr_t end = 0;
	char *text;
	long fd = sys4(__NR_openat, AT_FDCWD, (long)"/proc/thread-self/maps", O_RDONLY | O_CLOEXEC, 0), size;

	if (fd < 0)
		return 0;
	lines_init(&lines, (int)fd);
	while (!end && (size = lines_next(&lines, &text)) > 0)
		if (lines.begins && map_line_parse(text, (size_t)size, &line) && line.start == start)
			end = line.end;
	sys1(__NR_close, fd);
	return end;
}

long trap_io_setup(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	uint64_t context = 0;
	uintptr_t end;
	long result;

	/* The kernel wants 0 there, and so do we. */
	if (user_read(&context, r->rsi, sizeof context) < 0)
		return -EFAULT;
	tulou_process_vm_exact(thread->process->vm); /* pinned.c */
	result = sys2(__NR_io_setup, (long)r->rdi, (long)&context);
	if (result < 0)
		return result;
	end = mapping_end(context);
	if (context >= POOL_END && add(thread->process, context, end ? end : context + TULOU_PAGE_SIZE, OUTSIDE_AIO) &&
		user_write(r->rsi, &context, sizeof context) == 0)
		return 0;
	sys1(__NR_io_destroy, (long)context);
	outside_munmap(thread->process, context, context + TULOU_PAGE_SIZE);
	return -EAGAIN;
}

long trap_io_destroy(struct thread *thread, struct frame *frame)
{
	uintptr_t context = frame->context.regs.rdi;

	/* Contexts belong to the address space: another guest's is none. */
	if (!outside_covers(thread->process, context, context + 1))
		return -EINVAL;
	for (struct outside *o = thread->process->outside; o < thread->process->outside + OUTSIDE_COUNT; o++)
		if (start_of(o) == context && o->kind == OUTSIDE_AIO && take(o, context)) {
			long result = sys1(__NR_io_destroy, (long)context);
			put(o, result < 0 ? context : 0);
			return result;
		}
	return -EINVAL;
}
