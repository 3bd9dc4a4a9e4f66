/* SPDX-License-Identifier: MIT */
/*
 * policy.c - where pages lie (NUMA), and userfaultfd: the kernel's own, for what is the process's of a range (pieces.h). Policies of
 * tasks (set_mempolicy) pass by. Other guests' pages cannot be moved by name; from outside all of an address space move.
 */
#include <asm-generic/errno-base.h>
#include <asm/unistd.h>
#include <linux/ioctl.h>
#include <linux/mempolicy.h>
#include <linux/userfaultfd.h>

#include "base/page.h"
#include "runtime/process/pieces.h"
#include "runtime/trap/trap.h"
#include "runtime/user.h"

enum { PAGES_AT_ONCE = 64 };

static long native(const struct registers *r, uint64_t start, uint64_t size)
{
	return sys6((long)r->rax, (long)start, (long)size, (long)r->rdx, (long)r->r10, (long)r->r8, (long)r->r9);
}

/* mbind(2), set_mempolicy_home_node(2). A hole is EFAULT for every policy but the default, before anything is done. */
long trap_range_policy(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	bool strict = r->rax == __NR_mbind && (int)r->rdx != MPOL_DEFAULT;
	long result = native(r, r->rdi, 0); /* empty: judged, but for the range */
	struct pieces p;

	if (result < 0)
		return result;
	if (tulou_access_ok(thread->process->vm, r->rdi, r->rsi, TULOU_PROT_NONE))
		return native(r, r->rdi, r->rsi);
	if (!pieces_begin(&p, thread->process->vm, r->rdi, r->rsi))
		return -EINVAL;
	if (strict)
		return -EFAULT;
	tulou_process_vm_exact(thread->process->vm);
	if (!pieces_next(&p))
		return r->rax == __NR_mbind ? -EFAULT : -ENOENT;
	do
		result = native(r, p.start, p.stop - p.start);
	while (result >= 0 && pieces_next(&p));
	return result;
}

/* get_mempolicy(2) with flags. */
long trap_get_mempolicy(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	uint64_t page = page_down(r->r10);

	if (r->r8 & MPOL_F_ADDR && !tulou_access_ok(thread->process->vm, page, TULOU_PAGE_SIZE, TULOU_PROT_NONE))
		return -EFAULT;
	return sys5(__NR_get_mempolicy, (long)r->rdi, (long)r->rsi, (long)r->rdx, (long)r->r10, (long)r->r8);
}

long trap_migrate_pages(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	int pid = (int)r->rdi;
	bool here = !pid || process_is_guest(pid);
	(void)thread;

	if (here && process_count() > 1)
		return -EPERM;
	return sys4(__NR_migrate_pages, pid, (long)r->rsi, (long)r->rdx, (long)r->r10);
}

/* Some pages of move_pages(2): those that are not the process's become page 0, which is nobody's: their status is EFAULT. */
static long move_some(struct thread *thread, const struct registers *r, uint64_t from, uint64_t count)
{
	uint64_t pages[PAGES_AT_ONCE];
	uint64_t nodes = r->r10 ? r->r10 + from * sizeof(int) : 0, status = r->r8 + from * sizeof(int);

	if (user_read(pages, r->rdx + from * sizeof *pages, count * sizeof *pages) < 0)
		return -EFAULT;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t page = page_down(pages[i]);
		if (!tulou_access_ok(thread->process->vm, page, TULOU_PAGE_SIZE, TULOU_PROT_NONE))
			pages[i] = 0;
	}
	return sys6(__NR_move_pages, 0, (long)count, (long)pages, (long)nodes, (long)status, (long)r->r9);
}

long trap_move_pages(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	int pid = (int)r->rdi;
	long left = 0;

	if (pid && pid != thread->process->pid) {
		if (process_is_guest(pid))
			return -EPERM;
		return sys6(__NR_move_pages, pid, (long)r->rsi, (long)r->rdx, (long)r->r10, (long)r->r8, (long)r->r9);
	}
	if (!r->rsi) /* judged all the same */
		return sys6(__NR_move_pages, 0, 0, (long)r->rdx, (long)r->r10, (long)r->r8, (long)r->r9);
	for (uint64_t from = 0; from < r->rsi; from += PAGES_AT_ONCE) {
		uint64_t count = r->rsi - from < PAGES_AT_ONCE ? r->rsi - from : PAGES_AT_ONCE;
		long result = move_some(thread, r, from, count);

		if (result < 0)
			return result;
		if (result > 0) /* not moved: that many, and all behind them */
			return result + (long)(r->rsi - from - count) + left;
	}
	return left;
}

/* ---- userfaultfd: ioctl(2) UFFDIO_REGISTER and UFFDIO_UNREGISTER --------------------------------------------------------------------- */

long userfault_ioctl(struct thread *thread, const struct registers *r)
{
	struct uffdio_register request = {0}; /* begins with the range, which is all that UFFDIO_UNREGISTER has */
	size_t size = r->rsi == UFFDIO_REGISTER ? sizeof request : sizeof request.range;
	long result = -EINVAL;
	struct pieces p;

	if (user_read(&request, r->rdx, size) < 0 ||
		tulou_access_ok(thread->process->vm, request.range.start, request.range.len, TULOU_PROT_NONE) ||
		!pieces_begin(&p, thread->process->vm, request.range.start, request.range.len))
		return sys3(__NR_ioctl, (long)r->rdi, (long)r->rsi, (long)r->rdx);
	tulou_process_vm_exact(thread->process->vm);
	while (pieces_next(&p)) {
		request.range = (struct uffdio_range){p.start, p.stop - p.start};
		result = sys3(__NR_ioctl, (long)r->rdi, (long)r->rsi, (long)&request);
		if (result < 0)
			return result;
	}
	if (result == 0 && r->rsi == UFFDIO_REGISTER)
		return user_write(r->rdx + offsetof(struct uffdio_register, ioctls), &request.ioctls, sizeof request.ioctls);
	return result;
}
