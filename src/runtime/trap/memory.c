/* SPDX-License-Identifier: MIT */
/*
 * memory.c - the memory calls: from registers to the manager. The manager decides and calls back into the Linux host, which
 * makes the real call in this very task.
 */
#include <asm-generic/errno-base.h>
#include <asm/unistd.h>
#include <linux/capability.h>
#include <linux/resource.h>

#include "base/page.h"
#include "runtime/image/image.h"
#include "runtime/layout.h"
#include "runtime/trap/trap.h"

static struct tulou_process_vm *vm_of(struct thread *thread)
{
	return thread->process->vm;
}

/* Code above TRAP_END would make its system calls past us. */
static bool untrapped_code(uint64_t start, uint64_t size, uint64_t prot)
{
	return prot & TULOU_PROT_EXEC && (start >= TRAP_END || size > TRAP_END - start);
}

long trap_mmap(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	uint64_t hint = r->rdi;
	long result;
	bool fixed = r->r10 & (TULOU_MAP_FIXED | TULOU_MAP_FIXED_NOREPLACE);

	if (attributes_refuse_mapping(thread->process, (int)r->rdx))
		return -EACCES;
	if (thread->process->images && images_mmap(thread->process, r, &result))
		return result;
	if (untrapped_code(r->rdi, r->rsi, r->rdx)) {
		if (fixed && r->rdi < POOL_END && r->rsi <= POOL_END - r->rdi)
			return -ENOMEM;
		hint = fixed ? hint : 0;
	}
	result = tulou_mmap(vm_of(thread), hint, r->rsi, (int)r->rdx, (int)r->r10, (int)r->r8, r->r9);
	if (result == -ENOMEM && images_give_back())
		result = tulou_mmap(vm_of(thread), hint, r->rsi, (int)r->rdx, (int)r->r10, (int)r->r8, r->r9);
	if (result == -EINVAL && !r->rdi)
		result = outside_mmap(thread->process, r->rsi, (int)r->rdx, (int)r->r10, (int)r->r8, r->r9);
	return result;
}

long trap_munmap(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	uint64_t end = r->rdi + page_up(r->rsi);
	long result = tulou_munmap(vm_of(thread), r->rdi, r->rsi);

	return result || end <= POOL_END ? result : outside_munmap(thread->process, r->rdi, end);
}

/* The answer of the books about a range; the kernel's own, if it lies outside them (outside.h). */
static long or_outside(struct thread *thread, const struct registers *r, long result)
{
	uint64_t end = r->rdi + page_up(r->rsi);

	if (result != -ENOMEM || r->rdi < POOL_END || !outside_covers(thread->process, r->rdi, end))
		return result;
	return sys4((long)r->rax, (long)r->rdi, (long)r->rsi, (long)r->rdx, (long)r->r10);
}

long trap_mremap(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	long result = tulou_mremap(vm_of(thread), r->rdi, r->rsi, r->rdx, (int)r->r10, r->r8);

	if (result == -ENOMEM && images_give_back())
		result = tulou_mremap(vm_of(thread), r->rdi, r->rsi, r->rdx, (int)r->r10, r->r8);
	/* What only the kernel can place does not move. */
	return result == -EFAULT && outside_covers(thread->process, r->rdi, r->rdi + r->rsi) ? -EINVAL : result;
}

/* PR_SET_MDWE: what lies before the first refusal is changed. */
static bool mprotect_denied(struct process *process, const struct registers *r)
{
	uintptr_t start = r->rdi, end = start + r->rsi;

	if (start & (TULOU_PAGE_SIZE - 1) || end < start || !attributes_refuse_change(process, start, &end, (int)r->rdx))
		return false;
	if (end > start)
		tulou_mprotect(process->vm, start, end - start, (int)r->rdx);
	return true;
}

long trap_mprotect(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	uint64_t first = r->rdi > TRAP_END ? r->rdi : TRAP_END;
	long result;

	/* Where nothing is mapped, the call ends before that. */
	if (untrapped_code(r->rdi, r->rsi, r->rdx) && (tulou_access_ok(vm_of(thread), first, TULOU_PAGE_SIZE, TULOU_PROT_NONE) ||
							      outside_covers(thread->process, first, first + 1)))
		return -EACCES;
	if (mprotect_denied(thread->process, r))
		return -EACCES;
	result = tulou_mprotect(vm_of(thread), r->rdi, r->rsi, (int)r->rdx);
	if (result == -ENOMEM && images_give_back())
		result = tulou_mprotect(vm_of(thread), r->rdi, r->rsi, (int)r->rdx);
	return or_outside(thread, r, result);
}

/* A key that is not allocated is refused before the range is looked at: page zero is nobody's. */
static bool pkey_is_allocated(int pkey)
{
	return sys4(__NR_pkey_mprotect, 0, TULOU_PAGE_SIZE, TULOU_PROT_NONE, pkey) == -TULOU_ENOMEM;
}

/* Keys are the kernel's, and of all guests together, since they belong to the address space. Perms go through the manager; then the
 * kernel gives the same pages the key. */
long trap_pkey_mprotect(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	int prot = (int)r->rdx, pkey = (int)r->r10;
	long result;

	if (pkey != -1 && r->rsi && !pkey_is_allocated(pkey))
		return -TULOU_EINVAL;
	result = trap_mprotect(thread, frame);
	if (result || pkey == -1 || !r->rsi)
		return result;
	tulou_process_vm_exact(vm_of(thread)); /* a fresh mapping has no key */
	prot &= ~(TULOU_PROT_GROWSDOWN | TULOU_PROT_GROWSUP);
	return sys4(__NR_pkey_mprotect, (long)r->rdi, (long)r->rsi, prot, pkey);
}

long trap_brk(struct thread *thread, struct frame *frame)
{
	uintptr_t brk = frame->context.regs.rdi;
	long result;

	if (limits_refuse_break(thread->process, brk))
		return tulou_brk(vm_of(thread), 0);
	result = tulou_brk(vm_of(thread), brk);
	if ((uintptr_t)result < brk && images_give_back())
		result = tulou_brk(vm_of(thread), brk);
	return result;
}

long trap_msync(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	return or_outside(thread, r, tulou_msync(vm_of(thread), r->rdi, r->rsi, (int)r->rdx));
}

long trap_madvise(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	return or_outside(thread, r, tulou_madvise(vm_of(thread), r->rdi, r->rsi, (int)r->rdx));
}

long trap_mincore(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	return or_outside(thread, r, tulou_mincore(vm_of(thread), r->rdi, r->rsi, (unsigned char *)r->rdx));
}

/* Who may not lock at all hears that first, even of nothing. */
static long mlock_checked(struct thread *thread, uint64_t start, uint64_t size, int flags)
{
	long error = flags & ~TULOU_MLOCK_ONFAULT ? 0 : sys2(__NR_mlock, 0, 0);
	return error ? error : tulou_mlock2(vm_of(thread), start, size, flags);
}

long trap_mlock(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	return or_outside(thread, r, mlock_checked(thread, r->rdi, r->rsi, 0));
}

long trap_mlock2(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	return or_outside(thread, r, mlock_checked(thread, r->rdi, r->rsi, (int)r->rdx));
}

long trap_munlock(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	return or_outside(thread, r, tulou_munlock(vm_of(thread), r->rdi, r->rsi));
}

/* RLIMIT_MEMLOCK, which is the kernel's; none with CAP_IPC_LOCK. */
static uint64_t memlock_limit(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	uint64_t limit[2] = {0, 0}; /* struct rlimit64 */

	if (!sys2(__NR_capget, (long)&header, (long)data) && data[0].effective & 1u << CAP_IPC_LOCK)
		return UINT64_MAX;
	sys4(__NR_prlimit64, 0, RLIMIT_MEMLOCK, 0, (long)limit);
	return limit[0];
}

long trap_mlockall(struct thread *thread, struct frame *frame)
{
	return tulou_mlockall(vm_of(thread), (int)frame->context.regs.rdi, memlock_limit());
}

long trap_munlockall(struct thread *thread, struct frame *frame)
{
	(void)frame;
	return tulou_munlockall(vm_of(thread));
}

/* There is no sealing on a kernel that has none: programs ask, and go on without. */
long trap_mseal(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	long error = sys3(__NR_mseal, 0, 0, 0);
	return error ? error : tulou_mseal(vm_of(thread), r->rdi, r->rsi, r->rdx);
}

long trap_remap_file_pages(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	return tulou_remap_file_pages(vm_of(thread), r->rdi, r->rsi, (int)r->rdx, r->r10, (int)r->r8);
}

/* What a machine without shadow stacks says: ENOSYS, or EOPNOTSUPP of a kernel that could. Flags that nobody knows make no stack. */
long trap_map_shadow_stack(struct thread *thread, struct frame *frame)
{
	long error = sys3(__NR_map_shadow_stack, 0, 0, ~0u);

	(void)thread;
	(void)frame;
	return error == -TULOU_ENOSYS ? error : -TULOU_EOPNOTSUPP;
}
