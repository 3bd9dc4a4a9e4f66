/* SPDX-License-Identifier: MIT */
#include "runtime/seccomp/filters.h"

#include <asm-generic/errno-base.h>
#include <linux/audit.h>
#include <linux/fcntl.h>
#include <linux/fs.h>

#include "base/mem.h"
#include "runtime/bpf/bpf.h"
#include "runtime/message.h"

enum { WORD_BITS = 64 };

/* ---- memory ----------------------------------------------------------------------------------------------------------------------- */

struct seccomp_filter *filter_create(struct process *process, unsigned count)
{
	size_t size = sizeof(struct seccomp_filter) + count * sizeof(struct sock_filter);
	struct seccomp_filter *filter = (struct seccomp_filter *)sys6(
		__NR_mmap, 0, (long)size, TULOU_PROT_READ | TULOU_PROT_WRITE, TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS, -1, 0);

	if ((long)filter < 0)
		return NULL;
	filter->size = size;
	filter->count = count;
	filter->next = process->filters;
	process->filters = filter;
	return filter;
}

void filter_complete(struct seccomp_filter *filter)
{
	struct seccomp_data call = {.arch = AUDIT_ARCH_X86_64};

	for (int nr = 0; nr < TRAP_NUMBERS; nr++) {
		bool beyond = false;

		call.nr = nr;
		if ((bpf_run(filter->code, &call, &beyond) & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ALLOW && !beyond)
			filter->always[nr / WORD_BITS] |= 1ull << (nr % WORD_BITS);
	}
}

static struct seccomp_filter *chain_of(const struct thread *thread)
{
	return (struct seccomp_filter *)(__atomic_load_n(&thread->filter, __ATOMIC_ACQUIRE) & ~FILTERS_CHANGING);
}

static void mark(struct thread *thread, void *unused)
{
	(void)unused;
	for (struct seccomp_filter *f = chain_of(thread); f && !f->needed; f = f->older)
		f->needed = true;
}

void filters_sweep(struct process *process)
{
	struct seccomp_filter **link = &process->filters, *f;

	thread_each(process, mark, NULL);
	while ((f = *link)) {
		bool needed = f->needed;

		f->needed = false;
		if (needed) {
			link = &f->next;
		} else {
			*link = f->next; /* first, for a fork that comes now */
			sys2(__NR_munmap, (long)f, (long)f->size);
		}
	}
}

void filters_drop(struct process *process)
{
	struct seccomp_filter *f = process->filters, *next;

	if (f) /* not written, the page is not copied */
		process->filters = NULL;
	for (; f; f = next) {
		next = f->next;
		sys2(__NR_munmap, (long)f, (long)f->size);
	}
}

/* ---- whose ------------------------------------------------------------------------------------------------------------------------ */

void filters_lock(struct process *process)
{
	const struct tulou_host *host = &runtime.host.host;

	lock_take(&process->filters_lock, host, host->self(host->ctx));
}

void filters_unlock(struct process *process)
{
	lock_drop(&process->filters_lock, &runtime.host.host);
}

static struct seccomp_filter *filter_copy(struct process *process, const struct seccomp_filter *from)
{
	struct seccomp_filter *filter = filter_create(process, from->count);

	if (!filter)
		return NULL;
	filter->strict = from->strict;
	filter->traps_all = from->traps_all;
	memcpy(filter->always, from->always, sizeof filter->always);
	memcpy(filter->code, from->code, from->count * sizeof *from->code);
	return filter;
}

int filters_inherit(struct thread *child, const struct thread *creator)
{
	struct seccomp_filter *newest = NULL, **link = &newest;

	if (child->process == creator->process) {
		child->filter = creator->filter;
		return 0;
	}
	for (const struct seccomp_filter *f = chain_of(creator); f; f = f->older) {
		*link = filter_copy(child->process, f);
		if (!*link)
			return -ENOMEM;
		link = &(*link)->older;
	}
	child->filter = (uintptr_t)newest;
	return 0;
}

bool filters_need_runtime(const struct thread *thread)
{
	for (const struct seccomp_filter *f = chain_of(thread); f; f = f->older)
		if (f->traps_all)
			return true;
	return false;
}

/* ---- over a real execve: from the newest to the oldest, each a head and its code ---------------------------------------------------- */

struct head {
	uint32_t count, traps_all;
};

long filters_put_aside(const struct thread *thread, int *fd)
{
	const struct seccomp_filter *f = chain_of(thread);
	long result = f ? sys2(__NR_memfd_create, (long)"filters", 0) : NO_FILTERS;

	*fd = (int)result;
	if (!f || result < 0)
		return f ? result : 0;
	for (result = 0; f && !result; f = f->older) {
		struct head head = {f->count, f->traps_all};

		result = write_all(*fd, (const char *)&head, sizeof head);
		if (!result)
			result = write_all(*fd, (const char *)f->code, f->count * sizeof *f->code);
	}
	if (result)
		sys1(__NR_close, *fd);
	return result;
}

/* False: there is no more. */
static bool filter_read(struct process *process, long fd, struct seccomp_filter **out)
{
	struct seccomp_filter *filter = NULL;
	struct head head;
	long size;

	if (sys3(__NR_read, fd, (long)&head, sizeof head) == sizeof head && head.count && head.count <= BPF_MAXINSNS)
		filter = filter_create(process, head.count);
	if (!filter)
		return false;
	size = (long)(head.count * sizeof *filter->code);
	if (sys3(__NR_read, fd, (long)filter->code, size) != size || !bpf_valid(filter->code, head.count))
		return false;
	filter->traps_all = head.traps_all;
	filter_complete(filter);
	*out = filter;
	return true;
}

long filters_take_up(struct thread *thread, int fd)
{
	struct seccomp_filter *newest = NULL, **link = &newest;
	long at, size;

	sys3(__NR_lseek, fd, 0, SEEK_SET);
	while (filter_read(thread->process, fd, link))
		link = &(*link)->older;
	at = sys3(__NR_lseek, fd, 0, SEEK_CUR);
	size = sys3(__NR_lseek, fd, 0, SEEK_END);
	sys1(__NR_close, fd);
	if (at < 0 || at != size)
		return at < 0 ? at : -ENOMEM;
	thread->filter = (uintptr_t)newest;
	return 0;
}
