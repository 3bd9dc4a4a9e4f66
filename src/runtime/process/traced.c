/* SPDX-License-Identifier: MIT */
#include "runtime/process/traced.h"

#include <asm-generic/errno-base.h>
#include <asm/unistd.h>
#include <linux/ptrace.h>

#include "host/linux/syscall.h"
#include "runtime/process/process.h"
#include "runtime/procfs/procfs.h"
#include "runtime/trap/trap.h"

enum { SIGTRAP_NUMBER = 5 };

/* A tracer may have detached, or died. Without /proc: nobody. */
static bool has_tracer(void)
{
	return status_number("TracerPid:\t") > 0;
}

/* The filter sends PTRACE_TRACEME only. A vfork child's parent waits for it in us, and could not let it go on at each SIGSYS. */
long trap_ptrace(struct thread *thread, struct frame *frame)
{
	struct process *process = thread->process;
	bool later = !(__atomic_load_n(&process->word, __ATOMIC_ACQUIRE) & WORD_RELEASED);
	long result = 0;

	(void)frame;
	if (later && has_tracer())
		return -EPERM;
	if (!later)
		result = sys4(__NR_ptrace, PTRACE_TRACEME, 0, 0, 0);
	if (result == 0)
		process->traced = later ? TRACED_FROM_EXEC : TRACED;
	return result;
}

void traced_exec(const struct thread *thread)
{
	struct process *process = thread->process;

	if (process->traced == TRACED_FROM_EXEC && sys4(__NR_ptrace, PTRACE_TRACEME, 0, 0, 0) == 0)
		process->traced = TRACED;
	if (process->traced == TRACED && has_tracer())
		sys3(__NR_tgkill, process->pid, thread->tid, SIGTRAP_NUMBER);
}
