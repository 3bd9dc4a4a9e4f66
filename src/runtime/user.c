/* SPDX-License-Identifier: MIT */
#include "runtime/user.h"

#include <asm-generic/errno.h>

#include "base/mem.h"
#include "base/page.h"
#include "runtime/process/process.h"

enum { PROBE_SIZE = 8 /* a signal set */, NO_HOW = 99 };

struct vector {
	uint64_t start;
	size_t size;
};

static long copy(long nr, void *mine, uint64_t theirs, size_t size)
{
	struct vector local = {(uint64_t)mine, size}, remote = {theirs, size};
	return sys6(nr, thread_current()->process->pid, (long)&local, 1, (long)&remote, 1, 0);
}

/* ---- without a copy by the kernel ----------------------------------------------------------------------------------------------- */

/* Is this the guest's to read and write? The answer holds until the process changes its memory. */
static bool stack_page_is_there(struct thread *thread, uint64_t page)
{
	struct process *process = thread->process;
	uint64_t changes = __atomic_load_n(&process->memory_changes, __ATOMIC_ACQUIRE);

	if (thread->stack_page == page && thread->stack_page_seen == changes)
		return true;
	if (!process->vm || !tulou_access_ok(process->vm, page, TULOU_PAGE_SIZE, TULOU_PROT_READ | TULOU_PROT_WRITE))
		return false;
	thread->stack_page = page;
	thread->stack_page_seen = changes;
	return true;
}

/* The page that the guest's stack pointer is in, if it is in any, stays as long as its thread is in this call; most arguments lie in it. */
static bool on_stack_page(uint64_t at, size_t size)
{
	struct thread *thread = thread_current();
	uint64_t sp = thread->guest_sp, page = page_down(sp);

	return sp != page && at >= page && at - page < TULOU_PAGE_SIZE && size <= TULOU_PAGE_SIZE - (at - page) &&
	       stack_page_is_there(thread, page);
}

/* Does nobody else run in the memory, who could unmap what was just found to be there? */
static bool alone(const struct process *process)
{
	return __atomic_load_n(&process->thread_count, __ATOMIC_ACQUIRE) == 1 && tulou_process_vm_exclusive(process->vm);
}

/* A system call that reads or writes 8 bytes at an address, answers EFAULT where it cannot, and does nothing else: rt_sigprocmask, with
 * a `how` that there is not, or without a set. It costs a third of process_vm_readv. */
static bool probe(uint64_t at, bool write)
{
	return write ? sys4(__NR_rt_sigprocmask, 0, 0, (long)at, PROBE_SIZE) == 0
		     : sys4(__NR_rt_sigprocmask, NO_HOW, (long)at, 0, PROBE_SIZE) == -EINVAL;
}

/* Can [at, at + size) be touched? Only within one page, by one probe. A write probe spoils the first bytes. */
static bool can_touch(uint64_t at, size_t size, bool write)
{
	size_t page = TULOU_PAGE_SIZE - (at & (TULOU_PAGE_SIZE - 1));
	const struct process *process = thread_current()->process;

	if (on_stack_page(at, size))
		return true;
	return size >= (write ? PROBE_SIZE : 1) && size <= page && page >= PROBE_SIZE && process->vm && alone(process) &&
	       probe(at, write);
}

/* ---- all of it ------------------------------------------------------------------------------------------------------------------ */

/* A stack grows when its owner touches the page below, also in a system call, but not for process_vm_readv(2) since Linux 6.5: have a call
 * that reads a path touch what is missing. */
static bool page_comes(uint64_t addr)
{
	char byte;

	return copy(__NR_process_vm_readv, &byte, addr, 1) == 1 || sys2(__NR_access, (long)addr, 0) != -EFAULT;
}

static int copy_all(long nr, void *mine, uint64_t theirs, size_t size)
{
	uint64_t end = theirs + size;

	if (!size || copy(nr, mine, theirs, size) == (long)size)
		return 0;
	for (uint64_t at = theirs; at < end; at = (at | (TULOU_PAGE_SIZE - 1)) + 1)
		if (!page_comes(at))
			return -EFAULT;
	return end > theirs && copy(nr, mine, theirs, size) == (long)size ? 0 : -EFAULT;
}

int user_read(void *to, uint64_t from, size_t size)
{
	if (can_touch(from, size, false)) {
		memcpy(to, (const void *)from, size);
		return 0;
	}
	return copy_all(__NR_process_vm_readv, to, from, size);
}

int user_write(uint64_t to, const void *from, size_t size)
{
	if (can_touch(to, size, true)) {
		memcpy((void *)to, from, size);
		return 0;
	}
	return copy_all(__NR_process_vm_writev, (void *)from, to, size);
}

bool user_can_write(uint64_t start, uint64_t end)
{
	struct process *process = thread_current()->process;
	char byte;

	if (start < end && process->vm && tulou_access_ok(process->vm, start, end - start, TULOU_PROT_READ | TULOU_PROT_WRITE))
		return true;
	for (uint64_t at = start; at < end; at = (at | (TULOU_PAGE_SIZE - 1)) + 1)
		if (user_read(&byte, at, 1) < 0 || copy_all(__NR_process_vm_writev, &byte, at, 1) < 0)
			return false;
	return start < end;
}

long user_read_some(void *to, uint64_t from, size_t size)
{
	/* Up to the end of the page first: what lies behind may not be mapped. */
	size_t page = TULOU_PAGE_SIZE - (from & (TULOU_PAGE_SIZE - 1)), first = size < page ? size : page;
	long more;

	if (user_read(to, from, first) < 0)
		return -EFAULT;
	if (first == size)
		return (long)size;
	more = copy(__NR_process_vm_readv, (char *)to + first, from + first, size - first);
	return (long)first + (more > 0 ? more : 0);
}

long user_read_string(char *to, uint64_t from, size_t size)
{
	size_t have = 0;

	while (have < size) {
		size_t page = TULOU_PAGE_SIZE - ((from + have) & (TULOU_PAGE_SIZE - 1));
		size_t part = size - have < page ? size - have : page;
		if (user_read(to + have, from + have, part) < 0)
			return -EFAULT;
		for (size_t end = have + part; have < end; have++)
			if (!to[have])
				return (long)have;
	}
	return -ENAMETOOLONG;
}
