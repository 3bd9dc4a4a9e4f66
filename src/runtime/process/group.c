/* SPDX-License-Identifier: MIT */
/*
 * group.c - setpgid(2): a child that has executed another program keeps its group (EACCES), which the kernel cannot know of an exec
 * in the task.
 * A child that shares the address space has a slot in our table, one that was forked in its own (other.h).
 */
#include <asm-generic/errno-base.h>
#include <asm/unistd.h>

#include "runtime/process/other.h"
#include "runtime/process/process.h"
#include "runtime/trap/trap.h"

static bool has_executed(int pid)
{
	const struct process *child = process_find(pid);
	uintptr_t slot = child ? 0 : other_slot(pid);
	bool executed = false;

	if (child)
		return child->executed;
	return slot &&
	       other_read(pid, &executed, slot + offsetof(struct process, executed), sizeof executed) == sizeof executed &&
	       executed;
}

long trap_setpgid(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	int pid = (int)r->rdi;
	long group, result;

	if (pid <= 0 || pid == thread->process->pid || !has_executed(pid))
		return sys2(__NR_setpgid, pid, (long)r->rsi);
	/* Whether it is a child, and of this session, the kernel says when nothing is to change. */
	group = sys1(__NR_getpgid, pid);
	if ((int)r->rsi < 0 || group < 0)
		return (int)r->rsi < 0 ? -EINVAL : group;
	result = sys2(__NR_setpgid, pid, group);
	return result < 0 ? result : -EACCES;
}
