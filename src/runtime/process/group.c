/* SPDX-License-Identifier: MIT */
/*
 * group.c - setpgid(2): a child that has executed another program keeps its group (EACCES), which the kernel cannot know of an exec
 * in the task.
 *
 * A child that shares the address space has a slot in our table. One that was forked is an instance of its own, whose memory began
 * as a copy of ours: its slot stands there where its parent's stands here.
 */
#include <asm-generic/errno-base.h>
#include <asm/unistd.h>
#include <linux/uio.h>

#include "runtime/process/process.h"
#include "runtime/trap/trap.h"

/* pid and `executed` as they stand in the forked child's copy of the slot. */
static bool copy_executed(const struct process *slot, int pid)
{
	int its_pid = 0;
	bool executed = false;
	const struct iovec here[] = {{&its_pid, sizeof its_pid}, {&executed, sizeof executed}};
	const struct iovec there[] = {
		{(void *)(uintptr_t)&slot->pid, sizeof its_pid}, {(void *)(uintptr_t)&slot->executed, sizeof executed}};
	long got = sys6(__NR_process_vm_readv, pid, (long)here, 2, (long)there, 2, 0);

	return got == (long)(sizeof its_pid + sizeof executed) && its_pid == pid && executed;
}

static bool has_executed(const struct process *parent, int pid)
{
	const struct process *child = process_find(pid);

	return child ? child->executed : copy_executed(parent, pid);
}

long trap_setpgid(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	int pid = (int)r->rdi;
	long group, result;

	if (pid <= 0 || pid == thread->process->pid || !has_executed(thread->process, pid))
		return sys2(__NR_setpgid, pid, (long)r->rsi);
	/* Whether it is a child, and of this session, the kernel says when nothing is to change. */
	group = sys1(__NR_getpgid, pid);
	if ((int)r->rsi < 0 || group < 0)
		return (int)r->rsi < 0 ? -EINVAL : group;
	result = sys2(__NR_setpgid, pid, group);
	return result < 0 ? result : -EACCES;
}
