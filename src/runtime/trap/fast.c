/* SPDX-License-Identifier: MIT */
#include "runtime/trap/fast.h"

#include <asm-generic/errno-base.h>
#include <asm/prctl.h>

#include "runtime/layout.h"
#include "runtime/seccomp/filters.h"
#include "runtime/trap/cpuid.h"
#include "runtime/trap/entry.h"
#include "runtime/trap/patch.h"
#include "runtime/trap/patch_cpuid.h"
#include "runtime/trap/statistics.h"
#include "runtime/trap/trap.h"
#include "runtime/user.h"

enum { SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK };
enum { SYSCALL_SIZE = 2, SI_TKILL = -6 };
enum { FAST_RETURN, FAST_PASS }; /* what fast_call() tells entry.S */

#define FAST_AT(member) (offsetof(struct thread, fast) + offsetof(struct fast, member))
_Static_assert(FAST_AT(active) == FAST_ACTIVE && FAST_AT(deferred) == FAST_DEFERRED && FAST_AT(mask) == FAST_MASK, "entry.S");
_Static_assert(FAST_AT(top) == FAST_TOP && FAST_AT(pass_rsi) == FAST_PASS_RSI && FAST_AT(frame) == FAST_FRAME, "entry.S");
_Static_assert(FAST_AT(frame.context.regs.r8) == FAST_R8 && FAST_AT(frame.context.regs.r9) == FAST_R9, "entry.S");
_Static_assert(FAST_AT(frame.context.regs.r10) == FAST_R10 && FAST_AT(frame.context.regs.rdi) == FAST_RDI, "entry.S");
_Static_assert(FAST_AT(frame.context.regs.rsi) == FAST_RSI && FAST_AT(frame.context.regs.rdx) == FAST_RDX, "entry.S");
_Static_assert(FAST_AT(frame.context.regs.rax) == FAST_RAX && FAST_AT(frame.context.regs.rsp) == FAST_RSP, "entry.S");
_Static_assert(FAST_AT(frame.context.regs.rip) == FAST_RIP, "entry.S");
_Static_assert(FAST_AT(frame.context.regs.rbx) == FAST_RBX && FAST_AT(frame.context.regs.rbp) == FAST_RBP, "entry.S");
_Static_assert(FAST_AT(frame.context.regs.r12) == FAST_R12 && FAST_AT(frame.context.regs.r13) == FAST_R13, "entry.S");
_Static_assert(FAST_AT(frame.context.regs.r14) == FAST_R14 && FAST_AT(frame.context.regs.r15) == FAST_R15, "entry.S");
_Static_assert(THREADS_BASE >> 32 == FAST_BLOCKS, "entry.S");

/* Those that make or end a task. */
static bool is_of_tasks(unsigned nr)
{
	return nr == __NR_clone || nr == __NR_clone3 || nr == __NR_fork || nr == __NR_vfork || nr == __NR_exit ||
	       nr == __NR_exit_group;
}

/* Those that need no more of the guest's context than `frame` has, and change nothing of it but rax. */
bool fast_answers(unsigned nr)
{
	if (is_of_tasks(nr))
		return trap_answers(nr);
	switch (nr) {
	case __NR_mmap:
	case __NR_munmap:
	case __NR_mremap:
	case __NR_mprotect:
	case __NR_brk:
	case __NR_msync:
	case __NR_madvise:
	case __NR_mincore:
	case __NR_mlock:
	case __NR_mlock2:
	case __NR_munlock:
	case __NR_pkey_mprotect:
	case __NR_shmat:
	case __NR_shmdt:
	case __NR_rt_sigaction:
	case __NR_rt_sigprocmask:
	case __NR_rt_sigpending:
	case __NR_sigaltstack:
	case __NR_open:
	case __NR_openat:
	case __NR_readlink:
	case __NR_readlinkat:
	case __NR_prlimit64:
	case __NR_getrlimit:
	case __NR_set_tid_address:
	case __NR_rseq:
		return trap_answers(nr);
	default:
		return false;
	}
}

/* ---- rt_sigprocmask ------------------------------------------------------------------------------------------------------------- */

/* What the guest would believe of SIGSYS afterwards. */
static bool sigsys_after(int how, uint64_t set, bool before)
{
	bool named = set & SIGNAL_BIT(SIGNAL_SIGSYS);
	return how == SIG_SETMASK ? named : how == SIG_BLOCK ? before || named : before && !named;
}

/* What the mask is, for a guest that believes SIGSYS blocked: posix_spawn asks so. */
static long mask_read(struct thread *thread, uint64_t to)
{
	uint64_t mask;

	sys4(__NR_rt_sigprocmask, SIG_BLOCK, 0, (long)&mask, sizeof mask);
	if (thread->fast.deferred)
		mask = thread->fast.mask;
	mask |= SIGNAL_BIT(SIGNAL_SIGSYS);
	return user_write(to, &mask, sizeof mask);
}

/* The kernel does it on the guest's own context, with SIGSYS taken out of the set. What needs more than that is trapped. */
static long fast_rt_sigprocmask(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	struct fast *fast = &thread->fast;
	int how = (int)r->rdi;

	if (thread->sigsys_blocked && !r->rsi && r->rdx && r->r10 == sizeof fast->set)
		return mask_read(thread, r->rdx);
	if (thread->sigsys_pending || (thread->sigsys_blocked && r->rdx))
		return TRAP_REFUSED; /* it would arrive now, or the old mask must show it */
	if (!r->rsi || r->r10 != sizeof fast->set || how < SIG_BLOCK || how > SIG_SETMASK ||
		user_read(&fast->set, r->rsi, sizeof fast->set) < 0)
		return TRAP_REDO; /* the kernel says what is wrong, if anything is */
	fast->sigsys_before = thread->sigsys_blocked;
	fast->sigsys_undo = true;
	thread->sigsys_blocked = sigsys_after(how, fast->set, thread->sigsys_blocked);
	fast->set &= ~SIGNAL_BIT(SIGNAL_SIGSYS);
	fast->pass_rsi = (uint64_t)&fast->set;
	return TRAP_REDO;
}

/* ---- calls that make or end tasks ------------------------------------------------------------------------------------------------- */

/* As in a trap no signal comes meanwhile: a new task begins with the guest's mask, not with that of a call that has kept a signal,
 * and one that ends gives its stack back before it is gone. */
static long fast_task_call(unsigned nr, struct thread *thread, struct frame *frame)
{
	const uint64_t all = ~0ull;
	struct fast *fast = &thread->fast;
	long result;

	statistics_hit(thread, nr); /* it may not come back */
	sys4(__NR_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&frame->context.mask, sizeof all);
	if (fast->deferred)
		frame->context.mask = fast->mask;
	result = trap_call(nr, thread, frame);
	if (!fast->deferred)
		sys4(__NR_rt_sigprocmask, SIG_SETMASK, (long)&frame->context.mask, 0, sizeof all);
	return result;
}

void fast_prepare(struct thread *child, const struct thread *creator, uint64_t stack)
{
	struct fast *fast = &child->fast;

	fast->frame.context = creator->fast.frame.context;
	fast->frame.context.regs.rax = 0;
	if (stack)
		fast->frame.context.regs.rsp = stack;
	fast->active = 1;
}

_Noreturn void fast_enter(struct thread *thread)
{
	struct frame *frame = &thread->fast.frame;

	trap_frame_stack(frame, thread);
	sys2(__NR_sigaltstack, (long)&frame->context.stack, 0);
	sys4(__NR_rt_sigprocmask, SIG_SETMASK, (long)&frame->context.mask, 0, sizeof frame->context.mask);
	fast_child();
}

/* ---- the call ------------------------------------------------------------------------------------------------------------------- */

/* Called by entry.S on the block's stack, with `active` set. */
int fast_call(struct thread *thread);
int fast_call(struct thread *thread)
{
	struct frame *frame = &thread->fast.frame;
	struct registers *regs = &frame->context.regs;
	unsigned nr = (unsigned)regs->rax;
	long result;

	thread->guest_sp = regs->rsp;
	thread->fast.pass_rsi = regs->rsi;
	thread->fast.sigsys_undo = false;
	if (thread->filter && !filters_allow(thread, regs))
		result = TRAP_REFUSED; /* who says no does it to a call of the guest's own */
	else if (nr == __NR_rt_sigprocmask)
		result = fast_rt_sigprocmask(thread, frame);
	else
		result = is_of_tasks(nr) ? fast_task_call(nr, thread, frame) : trap_call(nr, thread, frame);
	if (result == TRAP_REFUSED) {
		regs->rip -= SYSCALL_SIZE; /* the site's own syscall, which is trapped */
		return FAST_RETURN;
	}
	if (!is_of_tasks(nr))
		statistics_hit(thread, nr);
	if (result == TRAP_REDO) {
		regs->rip -= SYSCALL_SIZE;
		return FAST_PASS;
	}
	regs->rax = (uint64_t)result;
	return FAST_RETURN;
}

/* ---- %gs ------------------------------------------------------------------------------------------------------------------------ */

static uint64_t gs_base(void)
{
	uint64_t base;
	__asm__ volatile("rdgsbase %0" : "=r"(base));
	return base;
}

void fast_begin(struct thread *thread)
{
	if (runtime.patch && !thread->gs_is_guests)
		__asm__ volatile("wrgsbase %0" : : "r"(thread) : "memory");
}

bool fast_is(const struct thread *thread, const struct frame *frame)
{
	return frame == &thread->fast.frame;
}

bool fast_has_gs(const struct thread *thread)
{
	return runtime.patch && gs_base() == (uint64_t)thread;
}

/* Each cpuid shall be SIGSEGV, those that we answer too. */
static long forbid_cpuid(struct process *process)
{
	long result = patch_cpuid_undo(process);

	if (!result)
		result = sys2(__NR_arch_prctl, ARCH_SET_CPUID, 0);
	if (!result)
		cpuid_may_fault();
	return result;
}

/* A guest that sets %gs has it, and its calls are trapped from then on. What it did not set itself reads as 0. */
long trap_arch_prctl(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	uint64_t base = 0;
	long result;

	if ((int)r->rdi == ARCH_GET_GS && fast_has_gs(thread))
		return user_write(r->rsi, &base, sizeof base);
	if ((int)r->rdi == ARCH_SET_CPUID && !r->rsi)
		return forbid_cpuid(thread->process);
	result = sys2(__NR_arch_prctl, (long)r->rdi, (long)r->rsi);
	if ((int)r->rdi == ARCH_SET_GS && !result)
		thread->gs_is_guests = true;
	return result;
}

/* ---- signals -------------------------------------------------------------------------------------------------------------------- */

static bool within(uint64_t rip, void (*from)(void), void (*to)(void))
{
	return rip >= (uint64_t)from && rip < (uint64_t)to;
}

/* The call is done, or begins again at the site's syscall; what lies between that and the guest is undone. */
static void leave(struct thread *thread, struct registers *regs)
{
	const struct registers *saved = &thread->fast.frame.context.regs;
	bool passing = regs->rip >= (uint64_t)fast_pass, passed = regs->rip > (uint64_t)fast_pass;

	regs->rdi = saved->rdi;
	regs->rsi = saved->rsi;
	regs->rdx = saved->rdx;
	regs->r10 = saved->r10;
	regs->r8 = saved->r8;
	regs->r9 = saved->r9;
	regs->rsp = saved->rsp;
	regs->rip = saved->rip + (passed ? SYSCALL_SIZE : 0);
	if (!passing) /* else it is the kernel's result, or how it wants to go on */
		regs->rax = saved->rax;
	if (!passed && thread->fast.sigsys_undo)
		thread->sigsys_blocked = thread->fast.sigsys_before;
}

/* The signal that was deferred comes now, in the shape of a SIGSYS that we sent ourselves (fast_requeue), or of one that was sent
 * to us before, and took its place: that one comes again. */
static void recall(struct fast *fast, struct frame *frame, int *signo)
{
	const struct siginfo *info = &frame->info;
	int pid = thread_current()->process->pid, tid = (int)sys0(__NR_gettid);

	if (info->code != SI_TKILL || info->kill.pid != pid)
		sys4(__NR_rt_tgsigqueueinfo, pid, tid, SIGNAL_SIGSYS, (long)info);
	frame->info = fast->info;
	*signo = (int)fast->deferred;
	fast->deferred = 0;
}

/* A handler's return that has begun begins anew: all that it has done can be done again. */
static bool return_again(const struct thread *thread, struct registers *regs)
{
	if (!within(regs->rip, signal_return, signal_return_end))
		return false;
	if (within(regs->rip, signal_leave, signal_return_trap))
		regs->rsp = thread->fast.frame.context.regs.rsp;
	regs->rip = (uint64_t)signal_restorer;
	return true;
}

bool fast_signal(struct thread *thread, struct frame *frame, int *signo)
{
	struct registers *regs = &frame->context.regs;
	struct fast *fast = &thread->fast;

	if (!runtime.patch)
		return false;
	if (fast->active) {
		fast->deferred = (uint32_t)*signo;
		fast->info = frame->info;
		fast->mask = frame->context.mask;
		frame->context.mask = ~0ull; /* SIGSYS too: what the runtime calls is not trapped */
		return true;
	}
	if (within(regs->rip, fast_entry, fast_switch) || within(regs->rip, fast_refuse, fast_refuse_end))
		regs->rip = regs->rcx - SYSCALL_SIZE;
	else if (within(regs->rip, fast_leave, fast_leave_end))
		leave(thread, regs);
	else if (!return_again(thread, regs))
		patch_settle(thread->process, regs);
	if (fast->deferred && *signo == SIGNAL_SIGSYS)
		recall(fast, frame, signo);
	return false;
}

/* Called by entry.S when a signal was deferred. Sent again it could be taken by another thread, or be one with another of its kind
 * that waits: a SIGSYS tells ourselves to go on with it. It waits, since all is blocked, and comes before all others. */
void fast_requeue(struct thread *thread);
void fast_requeue(struct thread *thread)
{
	sys3(__NR_tgkill, thread->process->pid, sys0(__NR_gettid), SIGNAL_SIGSYS);
}
