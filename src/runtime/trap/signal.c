/* SPDX-License-Identifier: MIT */
#include "runtime/trap/signal.h"

#include <asm-generic/errno-base.h>
#include <asm/unistd.h>

#include "base/mem.h"
#include "runtime/process/exit.h"
#include "runtime/seccomp/filters.h"
#include "runtime/trap/entry.h"
#include "runtime/trap/fast.h"
#include "runtime/trap/stub.h"
#include "runtime/user.h"

#define SA_SIGINFO   0x00000004ul
#define SA_ONSTACK   0x08000000ul
#define SA_RESTART   0x10000000ul
#define SA_NODEFER   0x40000000ul
#define SA_RESETHAND 0x80000000ul
#define SA_RESTORER  0x04000000ul
#define SA_KNOWN     0xdc000807ul /* the kernel forgets all other flags */

enum {
	HANDLER_DEFAULT = 0,
	HANDLER_IGNORE = 1,
	SIGKILL = 9,
	SIGSEGV = 11,
	SIGCHLD = 17,
	SIGCONT = 18,
	SIGSTOP = 19,
	SIGURG = 23,
	SIGWINCH = 28,
	SIGSET_SIZE = 8,
	RED_ZONE = 128,
	STACK_MINIMUM = 2048,
	SI_KERNEL = 0x80
};
enum { SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK };
#define NEVER_BLOCKED  (SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP))
#define EFLAGS_CLEARED (0x400u | 0x10000u | 0x100u) /* direction, resume, trap: as the kernel enters a handler */

/* ---- what the guest asked for ----------------------------------------------------------------------------------------------- */

/* Taken with all signals blocked, and no guest memory is touched under it: a handler of the thread that holds it cannot run. */
static void actions_lock(struct process *process)
{
	const struct tulou_host *host = &runtime.host.host;

	lock_take(&process->actions_lock, host, host->self(host->ctx));
}

static void actions_unlock(struct process *process)
{
	lock_drop(&process->actions_lock, &runtime.host.host);
}

void signal_actions_inherit(struct process *child, struct process *parent)
{
	actions_lock(parent);
	memcpy(child->actions, parent->actions, sizeof child->actions);
	child->actions_known = parent->actions_known;
	actions_unlock(parent);
}

/* What the process asked for `signo`: whole, while other threads may be changing it. */
static struct signal_action action_of(struct process *process, int signo)
{
	struct signal_action action;

	actions_lock(process);
	action = process->actions[signo];
	actions_unlock(process);
	return action;
}

/* ---- entering a handler on the guest's alternate stack ---------------------------------------------------------------------- */

static bool on_stack(const struct signal_stack *stack, uint64_t sp)
{
	return sp > stack->start && sp - stack->start <= stack->size;
}

static bool stack_enabled(const struct signal_stack *stack)
{
	return !(stack->flags & SIGNAL_STACK_DISABLE) && stack->size;
}

/* As sigaltstack(2); `sp`: where the thread stands. */
static long stack_set(struct signal_stack *stack, const struct signal_stack *new, uint64_t sp)
{
	uint32_t mode = (uint32_t) new->flags & ~SIGNAL_STACK_AUTODISARM;

	if (stack_enabled(stack) && on_stack(stack, sp))
		return -EPERM;
	if (mode != SIGNAL_STACK_DISABLE && mode != SIGNAL_STACK_ONSTACK && mode)
		return -EINVAL;
	if (stack->start == new->start && stack->size == new->size && stack->flags == new->flags)
		return 0; /* nothing is to change, whatever it is */
	if (mode == SIGNAL_STACK_DISABLE) {
		*stack = (struct signal_stack){.flags = SIGNAL_STACK_DISABLE};
		return 0;
	}
	if (new->size < STACK_MINIMUM)
		return -ENOMEM;
	*stack = *new;
	stack->flags = (int32_t)((uint32_t) new->flags &SIGNAL_STACK_AUTODISARM);
	return 0;
}

/* A frame that does not fit: SIGSEGV in place of the signal, fatal where its handler cannot be entered (force_sigsegv of Linux). */
static void deliver_failed(struct thread *thread, const struct frame *frame, int signo)
{
	struct siginfo info = {.signo = SIGSEGV, .code = SI_KERNEL};

	if (signo == SIGSEGV || frame->context.mask & SIGNAL_BIT(SIGSEGV) ||
		action_of(thread->process, SIGSEGV).handler <= HANDLER_IGNORE)
		exit_by_signal(thread->process, SIGSEGV);
	sys4(__NR_rt_tgsigqueueinfo, thread->process->pid, sys0(__NR_gettid), SIGSEGV, (long)&info);
}

/* For everybody else a SIGSYS in a handler's mask changes nothing, and the return need not be ours. */
static bool handles_sigsys(const struct process *process)
{
	return __atomic_load_n(&process->actions[SIGNAL_SIGSYS].handler, __ATOMIC_RELAXED) > HANDLER_IGNORE;
}

/* Lay a copy of `frame` where the kernel would have laid it for the guest, and send the return from this one into the handler. */
static void deliver(struct thread *thread, struct frame *frame, int signo, const struct signal_action *action)
{
	struct registers *regs = &frame->context.regs;
	const struct signal_stack *stack = &thread->guest_stack;
	bool enabled = stack_enabled(stack), inside = enabled && on_stack(stack, regs->rsp);
	bool switches = action->flags & SA_ONSTACK && enabled && !inside;
	uint64_t top = switches ? stack->start + stack->size : regs->rsp - RED_ZONE;
	uint64_t mask = frame->context.mask | action->mask | (action->flags & SA_NODEFER ? 0 : SIGNAL_BIT(signo));
	bool blocks = mask & SIGNAL_BIT(SIGNAL_SIGSYS) && handles_sigsys(thread->process);
	struct frame *copy;
	uint64_t place;

	place = frame_copy_place(top, frame);
	if (((switches || inside) && !on_stack(stack, place)) || !user_can_write(place, top)) {
		deliver_failed(thread, frame, signo);
		return;
	}
	copy = frame_copy(top, frame);
	if (blocks || action->flags & (SA_ONSTACK | SA_SIGINFO)) {
		copy->restorer = (uint64_t)signal_restorer;
		copy->context.stack = *stack;
		copy->context.mask = signal_mask(thread, frame);
	} else {
		copy->restorer = action->restorer; /* the kernel undoes this frame as if it had laid it */
	}
	thread->sigsys_blocked |= blocks;
	if (stack->flags & (int32_t)SIGNAL_STACK_AUTODISARM)
		thread->guest_stack = (struct signal_stack){.flags = SIGNAL_STACK_DISABLE};
	regs->rip = action->handler;
	regs->rsp = (uint64_t)copy;
	regs->rdi = (uint64_t)signo;
	regs->rsi = (uint64_t)&copy->info;
	regs->rdx = (uint64_t)&copy->context;
	regs->rax = 0;
	regs->eflags &= ~(uint64_t)EFLAGS_CLEARED;
	regs->cs = FRAME_USER_CS; /* the signal may have come in a 32-bit segment */
	frame->context.flags &= ~(uint64_t)FRAME_STRICT_RESTORE_SS; /* the stack's segment stays if it is a usable one */
	regs->fpstate = 0; /* handlers begin with a fresh floating-point state */
	frame->context.mask = mask & ~(SIGNAL_BIT(SIGNAL_SIGSYS) | NEVER_BLOCKED);
}

static void enter_handler(struct thread *thread, struct frame *frame, int signo)
{
	struct signal_action action = action_of(thread->process, signo);

	if (action.handler > HANDLER_IGNORE)
		deliver(thread, frame, signo, &action);
	else /* another thread has just taken the handler away: as if the signal had come after that */
		sys4(__NR_rt_tgsigqueueinfo, thread->process->pid, sys0(__NR_gettid), signo, (long)&frame->info);
}

/* The kernel's handler for all signals that the guest handles: it stands between them and calls from patched sites (fast.h). */
static void signal_enter(int signo, struct siginfo *info, struct context *context)
{
	struct frame *frame = (struct frame *)((char *)context - offsetof(struct frame, context));
	struct thread *thread = thread_current();
	(void)info;
	if (!fast_signal(thread, frame, &signo))
		enter_handler(thread, frame, signo);
}

void signal_kept(struct thread *thread, struct frame *frame, int signo)
{
	enter_handler(thread, frame, signo);
}

void signal_sigsys(struct thread *thread, struct frame *frame)
{
	const int signo = SIGNAL_SIGSYS;
	struct signal_action *mine = &thread->process->actions[signo], action, fatal = {0};
	bool forced =
		frame->info.code > 0; /* a filter of the guest's own trapped a call: cannot be put off (force_sig of Linux) */
	bool handled;

	actions_lock(thread->process);
	action = *mine;
	handled = action.handler > HANDLER_IGNORE && !thread->sigsys_blocked;
	if (handled && action.flags & SA_RESETHAND)
		mine->handler = HANDLER_DEFAULT;
	actions_unlock(thread->process);
	if (handled) {
		deliver(thread, frame, signo, &action);
		return;
	}
	if (!forced && action.handler == HANDLER_IGNORE)
		return;
	if (!forced && thread->sigsys_blocked) {
		thread->sigsys_pending = true;
		thread->sigsys_info = frame->info;
		return;
	}
	sys4(__NR_rt_sigaction, signo, (long)&fatal, 0, SIGSET_SIZE);
	sys3(__NR_tgkill, thread->process->pid, sys0(__NR_gettid), signo); /* pending until the return unblocks it: death */
}

uint64_t signal_mask(const struct thread *thread, const struct frame *frame)
{
	return frame->context.mask | (thread->sigsys_blocked ? SIGNAL_BIT(SIGNAL_SIGSYS) : 0);
}

/* The mask that the guest goes on with. A SIGSYS that waited for it comes now. */
static void signal_mask_set(struct thread *thread, struct frame *frame, uint64_t mask)
{
	frame->context.mask = mask & ~(SIGNAL_BIT(SIGNAL_SIGSYS) | NEVER_BLOCKED);
	thread->sigsys_blocked = mask & SIGNAL_BIT(SIGNAL_SIGSYS);
	if (!thread->sigsys_blocked && thread->sigsys_pending) {
		thread->sigsys_pending = false;
		frame->info = thread->sigsys_info;
		signal_sigsys(thread, frame);
	}
}

/* The return of a handler whose frame deliver() has laid for it: what rt_sigreturn(2) does, with the stack and the mask as the guest
 * sees them. This call's own return then sets registers, mask and floating point, which lies where the guest's frame says. */
long trap_rt_sigreturn(struct thread *thread, struct frame *frame)
{
	struct context saved;

	if (user_read(&saved, frame->context.regs.rsp, sizeof saved) < 0)
		exit_by_signal(thread->process, SIGSEGV);
	frame->context.regs = saved.regs;
	frame->context.flags = saved.flags;
	if (saved.stack.start != frame->context.stack.start) /* else fast_sigreturn() has been here */
		stack_set(&thread->guest_stack, &saved.stack, saved.regs.rsp);
	signal_mask_set(thread, frame, saved.mask);
	return TRAP_DONE;
}

/* The same without a trap: make the frame one that the kernel may take. Called by entry.S on the block's stack, with `active` set. Not 0: it
 * must be trapped. */
int fast_sigreturn(struct thread *thread);
int fast_sigreturn(struct thread *thread)
{
	uint64_t at = thread->fast.frame.context.regs.rsp;
	struct context saved;
	struct frame mine;

	thread->guest_sp = at;
	if (thread->filter && !filters_allow_number(thread, __NR_rt_sigreturn))
		return 1;
	if (thread->sigsys_pending || user_read(&saved, at, sizeof saved) < 0 || saved.mask & SIGNAL_BIT(SIGNAL_SIGSYS))
		return 1;
	thread->sigsys_blocked = false;
	trap_frame_stack(&mine, thread);
	if (saved.stack.start == mine.context.stack.start)
		return 0; /* it is the second time: a signal came in between */
	stack_set(&thread->guest_stack, &saved.stack, saved.regs.rsp);
	return user_write(at + offsetof(struct context, stack), &mine.context.stack, sizeof mine.context.stack) < 0;
}

/* ---- rt_sigaction ----------------------------------------------------------------------------------------------------------- */

/* What the kernel is told for what the guest asked. */
static struct signal_action kernel_action(const struct signal_action *guest)
{
	struct signal_action action = *guest;

	if (guest->handler > HANDLER_IGNORE) {
		action.handler = (uint64_t)signal_enter;
		action.flags |= SA_SIGINFO | SA_ONSTACK | SA_RESTORER;
		action.restorer = (uint64_t)frame_restorer;
		action.mask = ~0ull; /* until the guest's frame is laid */
	}
	action.mask &= ~SIGNAL_BIT(SIGNAL_SIGSYS);
	return action;
}

/* Does the kernel know of the exchange what there is to know? posix_spawn looks at all signals twice, and sets most to what they are. The
 * kernel may have reset a handler (SA_RESETHAND); and of a signal whose default is to be ignored, setting that drops what is pending. */
static bool kernel_agrees(int signo, const struct signal_action *mine, const struct signal_action *next)
{
	const uint64_t ignored = SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGCONT) | SIGNAL_BIT(SIGURG) | SIGNAL_BIT(SIGWINCH);

	if (mine->handler > HANDLER_IGNORE && mine->flags & SA_RESETHAND)
		return false;
	return !next || (next->handler == HANDLER_DEFAULT && mine->handler == HANDLER_DEFAULT && !(ignored & SIGNAL_BIT(signo)));
}

/* Calls that a SIGSYS interrupts go on as the guest wants it; one that nobody handles should not interrupt any. */
static void sigsys_restarts(const struct signal_action *guest)
{
	trap_install_handler(guest->handler <= HANDLER_IGNORE || guest->flags & SA_RESTART);
}

/* What nobody has set since the instance began is the same for all its guests: bits of those that were asked for, and of the ignored ones. */
static uint64_t initial_known, initial_ignored;

/* SIGSYS is never asked for. actions_lock is held. From here on the process knows whether it ignores the signal. */
static void action_know(struct process *process, int signo)
{
	const uint64_t bit = SIGNAL_BIT(signo);
	struct signal_action kernel = {0};

	if (process->actions_known & bit)
		return;
	if (!(__atomic_load_n(&initial_known, __ATOMIC_ACQUIRE) & bit)) {
		sys4(__NR_rt_sigaction, signo, 0, (long)&kernel, SIGSET_SIZE);
		if (kernel.handler == HANDLER_IGNORE)
			__atomic_or_fetch(&initial_ignored, bit, __ATOMIC_RELAXED);
		__atomic_or_fetch(&initial_known, bit, __ATOMIC_RELEASE);
	}
	if (__atomic_load_n(&initial_ignored, __ATOMIC_RELAXED) & bit)
		process->actions[signo].handler = HANDLER_IGNORE;
	process->actions_known |= bit;
}

/* Put `next` (NULL: nothing) in the place of what the guest set before, here and in the kernel. actions_lock is held. */
static long action_exchange(struct process *process, int signo, const struct signal_action *next, struct signal_action *before)
{
	struct signal_action *mine = &process->actions[signo], kernel, kernel_before;
	long result;

	if (signo != SIGNAL_SIGSYS)
		action_know(process, signo);
	*before = *mine;
	if (signo == SIGNAL_SIGSYS) {
		if (next)
			sigsys_restarts(next);
	} else if (!kernel_agrees(signo, mine, next)) {
		if (next)
			kernel = kernel_action(next);
		result = sys4(__NR_rt_sigaction, signo, next ? (long)&kernel : 0, (long)&kernel_before, SIGSET_SIZE);
		if (result < 0)
			return result;
		/* The kernel may have reset it (SA_RESETHAND); and it never saw SIGSYS in the mask. */
		if (kernel_before.handler != before->handler && kernel_before.handler != (uint64_t)signal_enter)
			*before = kernel_before;
	}
	if (next)
		*mine = *next;
	return 0;
}

long trap_rt_sigaction(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	int signo = (int)r->rdi;
	struct signal_action before, action;
	long result;

	if (r->r10 != SIGSET_SIZE)
		return -EINVAL;
	if (r->rsi && user_read(&action, r->rsi, sizeof action) < 0)
		return -EFAULT;
	if (signo < 1 || signo > SIGNAL_COUNT || (r->rsi && (signo == SIGKILL || signo == SIGSTOP)))
		return -EINVAL;
	action.flags &= SA_KNOWN;
	action.mask &= ~NEVER_BLOCKED;
	actions_lock(thread->process);
	result = action_exchange(thread->process, signo, r->rsi ? &action : NULL, &before);
	actions_unlock(thread->process);
	if (result < 0)
		return result;
	return r->rdx ? user_write(r->rdx, &before, sizeof before) : 0;
}

void signal_reset(struct process *process)
{
	for (int signo = 1; signo <= SIGNAL_COUNT; signo++) {
		struct signal_action *action = &process->actions[signo];
		struct signal_action next = {.handler = action->handler == HANDLER_IGNORE ? HANDLER_IGNORE : HANDLER_DEFAULT};
		/* Of a default the kernel looks at the flags of SIGCHLD only. */
		bool changes = action->handler != next.handler || (signo == SIGCHLD && action->flags);
		*action = next;
		if (changes && signo == SIGNAL_SIGSYS)
			sigsys_restarts(&next);
		else if (changes)
			sys4(__NR_rt_sigaction, signo, (long)&next, 0, SIGSET_SIZE);
	}
}

void signal_quiet(struct process *process, bool quiet)
{
	struct signal_action fresh = {0};

	for (int signo = 1; signo <= SIGNAL_COUNT; signo++) {
		struct signal_action action = quiet ? fresh : kernel_action(&process->actions[signo]);
		if (process->actions[signo].handler > HANDLER_IGNORE && signo != SIGNAL_SIGSYS)
			sys4(__NR_rt_sigaction, signo, (long)&action, 0, SIGSET_SIZE);
	}
}

/* rt_sigpending: the kernel does not know of the SIGSYS that waits here. */
long trap_rt_sigpending(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	uint64_t pending;

	if (r->rsi > sizeof pending || sys2(__NR_rt_sigpending, (long)&pending, sizeof pending) < 0)
		return -EINVAL;
	if (thread->sigsys_pending)
		pending |= SIGNAL_BIT(SIGNAL_SIGSYS);
	return user_write(r->rdi, &pending, r->rsi);
}

/* ---- masks ------------------------------------------------------------------------------------------------------------------ */

long trap_rt_sigprocmask(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	uint64_t set = 0, old = signal_mask(thread, frame), mask;
	long result = 0;

	if (r->r10 != SIGSET_SIZE)
		return -EINVAL;
	if (r->rsi && user_read(&set, r->rsi, sizeof set) < 0)
		return -EFAULT;
	switch (r->rsi ? (int)r->rdi : SIG_BLOCK) {
	case SIG_BLOCK:
		mask = old | set;
		break;
	case SIG_UNBLOCK:
		mask = old & ~set;
		break;
	case SIG_SETMASK:
		mask = set;
		break;
	default:
		return -EINVAL;
	}
	if (r->rdx && user_write(r->rdx, &old, sizeof old) < 0)
		result = -EFAULT; /* the mask is set all the same, as on Linux */
	frame->context.regs.rax = (uint64_t)result;
	signal_mask_set(thread, frame, mask);
	return TRAP_DONE;
}

/* Make the call with SIGSYS taken out of the mask that `stub`'s register points to. */
static long call_with_mask(struct frame *frame, enum stub stub, uint64_t mask_address)
{
	uint64_t mask;

	if (user_read(&mask, mask_address, sizeof mask) < 0 || !(mask & SIGNAL_BIT(SIGNAL_SIGSYS)))
		return TRAP_REDO;
	mask &= ~SIGNAL_BIT(SIGNAL_SIGSYS);
	return stub_enter(frame, stub, stub_room(frame), &mask, sizeof mask);
}

long trap_ppoll(struct thread *thread, struct frame *frame)
{
	(void)thread;
	return call_with_mask(frame, STUB_CALL_R10, frame->context.regs.r10);
}

long trap_epoll_pwait(struct thread *thread, struct frame *frame)
{
	(void)thread;
	return call_with_mask(frame, STUB_CALL_R8, frame->context.regs.r8);
}

long trap_rt_sigsuspend(struct thread *thread, struct frame *frame)
{
	(void)thread;
	return call_with_mask(frame, STUB_CALL_RDI, frame->context.regs.rdi);
}

long trap_pselect6(struct thread *thread, struct frame *frame)
{
	struct {
		uint64_t mask, address, size;
	} room;
	(void)thread;

	if (user_read(&room.address, frame->context.regs.r9, 2 * sizeof(uint64_t)) < 0 || !room.address ||
		user_read(&room.mask, room.address, sizeof room.mask) < 0 || !(room.mask & SIGNAL_BIT(SIGNAL_SIGSYS)))
		return TRAP_REDO;
	room.mask &= ~SIGNAL_BIT(SIGNAL_SIGSYS);
	room.address = stub_room(frame);
	return stub_enter(frame, STUB_CALL_R9, room.address + 8, &room, sizeof room);
}

/* ---- sigaltstack ------------------------------------------------------------------------------------------------------------ */

long trap_sigaltstack(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	struct signal_stack new, old = thread->guest_stack;

	old.flags |= !stack_enabled(&old) ? SIGNAL_STACK_DISABLE : on_stack(&old, r->rsp) ? SIGNAL_STACK_ONSTACK : 0;
	if (r->rdi) {
		long result;
		if (user_read(&new, r->rdi, sizeof new) < 0)
			return -EFAULT;
		result = stack_set(&thread->guest_stack, &new, r->rsp);
		if (result < 0)
			return result;
	}
	return r->rsi ? user_write(r->rsi, &old, sizeof old) : 0;
}
