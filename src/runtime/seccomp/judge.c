/* SPDX-License-Identifier: MIT */
/* judge.c - run a guest's filters for a call of its own, and do what they say. */
#include <asm-generic/errno.h>
#include <linux/audit.h>

#include "base/mem.h"
#include "runtime/bpf/bpf.h"
#include "runtime/layout.h"
#include "runtime/process/exit.h"
#include "runtime/seccomp/filters.h"
#include "runtime/trap/signal.h"
#include "runtime/trap/stub.h"
#include "runtime/user.h"

enum { SYS_SECCOMP_CODE = 1, ERRNO_MAX = 4095, SIGKILL_NUMBER = 9, WORD_BITS = 64 };
/* mov $15, %rax; syscall: what a restorer begins with. */
enum { RESTORER_CALL = 9 };

/* The caller's chain. It may be another thread that changes it. */
static const struct seccomp_filter *chain_settled(struct thread *thread)
{
	uintptr_t chain;

	while ((chain = __atomic_load_n(&thread->filter, __ATOMIC_ACQUIRE)) & FILTERS_CHANGING) {
		filters_lock(thread->process);
		filters_unlock(thread->process);
	}
	return (const struct seccomp_filter *)chain;
}

static bool always(const struct seccomp_filter *f, uint32_t nr)
{
	if (nr >= TRAP_NUMBERS)
		return false;
	while (f && f->always[nr / WORD_BITS] >> (nr % WORD_BITS) & 1)
		f = f->older;
	return !f;
}

/* The strongest answer, of equal ones the newest (kernel/seccomp.c: seccomp_run_filters). Actions compare as signed numbers. */
static uint32_t answer_of(const struct seccomp_filter *f, const struct seccomp_data *call)
{
	uint32_t answer = SECCOMP_RET_ALLOW;

	for (; f; f = f->older) {
		uint32_t one = bpf_run(f->code, call, NULL);
		if ((int32_t)(one & SECCOMP_RET_ACTION_FULL) < (int32_t)(answer & SECCOMP_RET_ACTION_FULL))
			answer = one;
	}
	return answer;
}

static bool is_served(uint32_t answer)
{
	uint32_t action = answer & SECCOMP_RET_ACTION_FULL;
	return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}

static struct seccomp_data call_of(const struct registers *r)
{
	return (struct seccomp_data){.nr = (int)r->rax,
		.arch = AUDIT_ARCH_X86_64,
		.instruction_pointer = r->rip,
		.args = {r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9}};
}

bool filters_allow(struct thread *thread, const struct registers *regs)
{
	const struct seccomp_filter *chain = chain_settled(thread);
	struct seccomp_data call = call_of(regs);

	return always(chain, (uint32_t)regs->rax) || is_served(answer_of(chain, &call));
}

bool filters_allow_number(struct thread *thread, unsigned nr)
{
	return always(chain_settled(thread), nr);
}

/* ---- doing what they say ------------------------------------------------------------------------------------------------------------ */

/* Calls that can be made on the guest's own context, as they are, when a tracer or a listener is to see them. */
static bool is_plain(uint32_t nr)
{
	switch (nr) {
	case __NR_open:
	case __NR_openat:
	case __NR_openat2:
	case __NR_readlink:
	case __NR_readlinkat:
	case __NR_ioctl:
		return true;
	default:
		return !trap_answers(nr);
	}
}

static void raise_sigsys(struct thread *thread, struct frame *frame, const struct seccomp_data *call, uint32_t answer)
{
	memset(&frame->info, 0, sizeof frame->info);
	frame->info.signo = SIGNAL_SIGSYS;
	frame->info.error = (int32_t)(answer & SECCOMP_RET_DATA);
	frame->info.code = SYS_SECCOMP_CODE;
	frame->info.sys.address = call->instruction_pointer;
	frame->info.sys.nr = call->nr;
	frame->info.sys.arch = call->arch;
	signal_sigsys(thread, frame);
}

static long refused_errno(uint32_t answer)
{
	uint32_t number = answer & SECCOMP_RET_DATA;
	return -(long)(number < ERRNO_MAX ? number : ERRNO_MAX);
}

/* One thread dies, or the process with its last. */
static _Noreturn void kill_thread(struct thread *thread, const struct seccomp_filter *chain)
{
	if (chain->strict && __atomic_load_n(&thread->process->thread_count, __ATOMIC_ACQUIRE) == 1)
		exit_by_signal(thread->process, SIGKILL_NUMBER);
	exit_thread_killed(thread);
}

static void obey(struct thread *thread, struct frame *frame, const struct seccomp_data *call, uint32_t answer)
{
	struct registers *regs = &frame->context.regs;
	long result = -ENOSYS; /* as of a filter whose listener or tracer is not there */

	switch (answer & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ERRNO:
		result = refused_errno(answer);
		break;
	case SECCOMP_RET_TRAP:
		raise_sigsys(thread, frame, call, answer);
		return;
	case SECCOMP_RET_USER_NOTIF:
	case SECCOMP_RET_TRACE:
		if (is_plain((uint32_t)call->nr) && !filters_need_runtime(thread))
			result = stub_enter(frame, STUB_CALL_JUDGED, 0, NULL, 0);
		if (result == TRAP_DONE)
			return;
		break;
	case SECCOMP_RET_KILL_THREAD:
		kill_thread(thread, chain_settled(thread));
	default: /* the kernel has done so already, but for what only we see */
		exit_by_signal(thread->process, SIGNAL_SIGSYS);
	}
	regs->rax = (uint64_t)result;
}

/* rt_sigreturn, by our restorer, of a frame whose handler has a restorer of its own: that is where the guest would stand. */
static uint64_t restorer_call(struct thread *thread, const struct registers *regs)
{
	int32_t signo;

	if (user_read(&signo, regs->rsp + sizeof(struct context), sizeof signo) < 0 || signo < 1 || signo > SIGNAL_COUNT)
		return 0;
	return thread->process->actions[signo].restorer + RESTORER_CALL;
}

bool filters_pass(struct thread *thread, struct frame *frame)
{
	const struct seccomp_filter *chain = chain_settled(thread);
	struct registers *regs = &frame->context.regs;
	struct seccomp_data call = call_of(regs);
	bool is_return = call.nr == __NR_rt_sigreturn && regs->rip >= RUNTIME_BASE;
	uint32_t answer;

	if (always(chain, (uint32_t)call.nr))
		return true;
	call.instruction_pointer = is_return ? restorer_call(thread, regs) : frame->info.sys.address;
	answer = answer_of(chain, &call);
	if (is_served(answer))
		return true;
	if (is_return)
		regs->rip = call.instruction_pointer;
	obey(thread, frame, &call, answer);
	return false;
}
