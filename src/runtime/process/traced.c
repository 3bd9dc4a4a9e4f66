/* SPDX-License-Identifier: MIT */
#include "runtime/process/traced.h"

#include <asm-generic/errno-base.h>
#include <asm/unistd.h>
#include <linux/ptrace.h>

#include "host/linux/syscall.h"
#include "runtime/layout.h"
#include "runtime/process/process.h"
#include "runtime/procfs/procfs.h"
#include "runtime/trap/trap.h"

enum { SIGTRAP_NUMBER = 5, SYS_SECCOMP_CODE = 1 };

/* A tracer may have detached, or died. Without /proc: nobody. */
static bool has_tracer(void)
{
	return status_number("TracerPid:\t") > 0;
}

/* A vfork child's parent waits for it in us, and could not let it go on at each SIGSYS. */
static long trace_me(struct process *process)
{
	bool later = !(__atomic_load_n(&process->word, __ATOMIC_ACQUIRE) & WORD_RELEASED);
	long result = 0;

	if (later && has_tracer())
		return -EPERM;
	if (!later)
		result = sys4(__NR_ptrace, PTRACE_TRACEME, 0, 0, 0);
	if (result == 0)
		process->traced = later ? TRACED_FROM_EXEC : TRACED;
	return result;
}

/* Does the tracee stand before the SIGSYS of a trapped call? */
static bool stands_at_trap(int pid)
{
	struct siginfo info = {0};

	return sys4(__NR_ptrace, PTRACE_GETSIGINFO, pid, 0, (long)&info) == 0 && info.signo == SIGNAL_SIGSYS &&
	       info.code == SYS_SECCOMP_CODE && !info.error && info.sys.address < TRAP_END && trap_answers((unsigned)info.sys.nr);
}

/* PTRACE_TRACEME, and what lets a tracee go on. Tracers that expect no signal but their own give none: the call would not be made. */
long trap_ptrace(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	uint64_t signo = r->r10;

	if (r->rdi == PTRACE_TRACEME)
		return trace_me(thread->process);
	if (!signo && stands_at_trap((int)r->rsi))
		signo = SIGNAL_SIGSYS;
	return sys4(__NR_ptrace, (long)r->rdi, (long)r->rsi, (long)r->rdx, (long)signo);
}

void traced_exec(const struct thread *thread)
{
	struct process *process = thread->process;

	if (process->traced == TRACED_FROM_EXEC && sys4(__NR_ptrace, PTRACE_TRACEME, 0, 0, 0) == 0)
		process->traced = TRACED;
	if (process->traced == TRACED && has_tracer())
		sys3(__NR_tgkill, process->pid, thread->tid, SIGTRAP_NUMBER);
}
