/* SPDX-License-Identifier: MIT */
/*
 * memory.c - the memory calls: from registers to the manager. The manager decides and calls back into the Linux host, which
 * makes the real call in this very task.
 */
#include <asm-generic/errno-base.h>
#include <asm/unistd.h>

#include "runtime/layout.h"
#include "runtime/trap/trap.h"

#define PAGE_MASK (TULOU_PAGE_SIZE - 1)

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
	bool fixed = r->r10 & (TULOU_MAP_FIXED | TULOU_MAP_FIXED_NOREPLACE);

	if (untrapped_code(r->rdi, r->rsi, r->rdx)) {
		if (fixed)
			return -ENOMEM;
		return tulou_mmap(vm_of(thread), 0, r->rsi, (int)r->rdx, (int)r->r10, (int)r->r8, r->r9);
	}
	return tulou_mmap(vm_of(thread), r->rdi, r->rsi, (int)r->rdx, (int)r->r10, (int)r->r8, r->r9);
}

long trap_munmap(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	return tulou_munmap(vm_of(thread), r->rdi, r->rsi);
}

long trap_mremap(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	return tulou_mremap(vm_of(thread), r->rdi, r->rsi, r->rdx, (int)r->r10, r->r8);
}

long trap_mprotect(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;

	if (untrapped_code(r->rdi, r->rsi, r->rdx) && tulou_access_ok(vm_of(thread), r->rdi, TULOU_PAGE_SIZE, TULOU_PROT_NONE))
		return -EACCES;
	return tulou_mprotect(vm_of(thread), r->rdi, r->rsi, (int)r->rdx);
}

long trap_brk(struct thread *thread, struct frame *frame)
{
	return tulou_brk(vm_of(thread), frame->context.regs.rdi);
}

long trap_msync(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	return tulou_msync(vm_of(thread), r->rdi, r->rsi, (int)r->rdx);
}

/* Calls that change no books and touch only the caller's own pages go to the kernel as they are, when all of the range is the
 * caller's; else the answer is the one for a range that is not mapped. Calls with arguments that the kernel refuses before it
 * looks at the range go there for its errno. */
long trap_own_range(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	uint64_t start = r->rdi & ~PAGE_MASK, size = (r->rsi + (r->rdi & PAGE_MASK) + PAGE_MASK) & ~PAGE_MASK;

	if (r->rsi && size && start + size >= start && !tulou_access_ok(vm_of(thread), start, size, TULOU_PROT_NONE))
		return -ENOMEM;
	return sys6((long)r->rax, (long)r->rdi, (long)r->rsi, (long)r->rdx, (long)r->r10, (long)r->r8, (long)r->r9);
}

long trap_madvise(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	return tulou_madvise(vm_of(thread), r->rdi, r->rsi, (int)r->rdx);
}
