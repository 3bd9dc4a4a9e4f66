/* SPDX-License-Identifier: MIT */
/*
 * seccomp.c - seccomp(2), and prctl(PR_SET_SECCOMP): a guest installs a filter, or enters strict mode, which is one.
 *
 * The kernel says what is wrong with flags, length and privileges, by a call that cannot succeed; then the program is checked here,
 * and installed in the form that allows the runtime's calls (bpf.h).
 */
#include <asm-generic/errno-base.h>
#include <linux/prctl.h>

#include "base/mem.h"
#include "runtime/bpf/bpf.h"
#include "runtime/layout.h"
#include "runtime/message.h"
#include "runtime/process/attributes.h"
#include "runtime/procfs/procfs.h"
#include "runtime/seccomp/filters.h"
#include "runtime/trap/entry.h"
#include "runtime/user.h"

/* kernel/seccomp.c: MAX_INSNS_PER_PATH, and what each filter counts for beside its instructions. */
enum { CHAIN_MAX = 32768, CHAIN_EACH = 4, SYSCALL_SIZE = 2 };
#define RUNTIME_HIGH ((uint32_t)(RUNTIME_BASE >> 32))

static struct seccomp_filter *filter_of(const struct thread *thread)
{
	return (struct seccomp_filter *)(thread->filter & ~FILTERS_CHANGING);
}

/* ---- what the kernel is given --------------------------------------------------------------------------------------------------------- */

static long kernel_install(unsigned flags, const struct sock_fprog *program)
{
	return sys3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, (long)program);
}

static unsigned derive(struct seccomp_filter *filter, struct sock_filter *out)
{
	const uint64_t judged = (uint64_t)stub_call_judged + SYSCALL_SIZE;
	unsigned count = bpf_derive(filter->code, filter->count, RUNTIME_HIGH, (uint32_t)judged, out);

	filter->traps_all = !count;
	return count ? count : bpf_derive_trap(RUNTIME_HIGH, out);
}

static long install_derived(struct seccomp_filter *filter, unsigned flags)
{
	const size_t size = BPF_MAXINSNS * sizeof(struct sock_filter);
	long room = sys6(
		__NR_mmap, 0, (long)size, TULOU_PROT_READ | TULOU_PROT_WRITE, TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS, -1, 0);
	struct sock_fprog program = {.filter = (struct sock_filter *)room};
	long result;

	if (room < 0)
		return -ENOMEM;
	program.len = (unsigned short)derive(filter, program.filter);
	/* A listener would hear of nothing: the notifications of a program that traps all are ours to make. */
	result = filter->traps_all && flags & SECCOMP_FILTER_FLAG_NEW_LISTENER ? -ENOMEM : kernel_install(flags, &program);
	if (result == -EACCES && filter->strict) { /* strict mode asks for no privilege */
		result = sys5(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (!result)
			result = kernel_install(flags, &program);
	}
	sys2(__NR_munmap, room, (long)size);
	return result;
}

/* ---- whose it becomes ------------------------------------------------------------------------------------------------------------------- */

/* The other threads' calls wait, so that what the kernel judges by the new filter is not judged by the old ones here. */
static void set_changing(struct thread *thread, void *caller)
{
	if (thread != caller)
		__atomic_or_fetch(&thread->filter, FILTERS_CHANGING, __ATOMIC_ACQ_REL);
}

static void set_unchanged(struct thread *thread, void *caller)
{
	if (thread != caller)
		__atomic_and_fetch(&thread->filter, ~FILTERS_CHANGING, __ATOMIC_ACQ_REL);
}

static void set_callers(struct thread *thread, void *caller)
{
	__atomic_store_n(&thread->filter, ((const struct thread *)caller)->filter, __ATOMIC_RELEASE);
}

static bool chain_too_long(const struct seccomp_filter *filter)
{
	unsigned total = filter->count;

	for (const struct seccomp_filter *f = filter->older; f; f = f->older)
		total += f->count + CHAIN_EACH;
	return total > CHAIN_MAX;
}

/* filters_lock is held. */
static long install(struct thread *thread, struct seccomp_filter *filter, unsigned flags)
{
	struct process *process = thread->process;
	bool all = flags & SECCOMP_FILTER_FLAG_TSYNC, done;
	long result;

	filter->older = filter_of(thread);
	if (chain_too_long(filter))
		return -ENOMEM;
	filter_complete(filter);
	if (all)
		thread_each(process, set_changing, thread);
	result = install_derived(filter, flags);
	/* Without a listener, TSYNC answers which thread could not follow. */
	done = result >= 0 && (!all || !result || flags & SECCOMP_FILTER_FLAG_NEW_LISTENER);
	if (done)
		__atomic_store_n(&thread->filter, (uintptr_t)filter, __ATOMIC_RELEASE);
	if (all)
		thread_each(process, done ? set_callers : set_unchanged, thread);
	if (done && runtime.verbose)
		message("process %d installs a seccomp filter: it judges calls, and does not guard the memory of the instance",
			process->pid);
	return result;
}

/* ---- the calls ---------------------------------------------------------------------------------------------------------------------------- */

/* What the kernel says before it reads the instructions: from page 0, which is nobody's, so -EFAULT if there is nothing to say. */
static long kernel_refuses(unsigned flags, unsigned short length)
{
	struct sock_fprog program = {.len = length, .filter = (struct sock_filter *)sizeof(struct sock_filter)};
	long result = kernel_install(flags, &program);

	return result == -EFAULT ? 0 : result;
}

static long read_and_install(struct thread *thread, unsigned flags, const struct sock_fprog *program)
{
	struct seccomp_filter *filter;

	if (!program->filter)
		return -EINVAL;
	filter = filter_create(thread->process, program->len);
	if (!filter)
		return -ENOMEM;
	if (user_read(filter->code, (uint64_t)program->filter, program->len * sizeof *filter->code) < 0)
		return -EFAULT;
	if (!bpf_valid(filter->code, program->len))
		return -EINVAL;
	return install(thread, filter, flags);
}

static long set_filter(struct thread *thread, unsigned flags, uint64_t from)
{
	struct sock_fprog program;
	long result;

	if (user_read(&program, from, sizeof program) < 0)
		return kernel_install(flags, NULL);
	result = kernel_refuses(flags, program.len);
	if (result)
		return result;
	filters_lock(thread->process);
	result = read_and_install(thread, flags, &program);
	filters_sweep(thread->process); /* this one too, if it did not come to be */
	filters_unlock(thread->process);
	return result;
}

static long set_strict(struct thread *thread)
{
	static const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_read, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_write, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_exit, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_rt_sigreturn, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_THREAD),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct seccomp_filter *filter;
	long result = -ENOMEM;

	if (status_number("Seccomp_filters:\t") > OWN_FILTERS)
		return -EINVAL;
	filters_lock(thread->process);
	filter = filter_create(thread->process, sizeof code / sizeof *code);
	if (filter) {
		memcpy(filter->code, code, sizeof code);
		filter->strict = true;
		result = install(thread, filter, 0);
	}
	filters_sweep(thread->process);
	filters_unlock(thread->process);
	if (!result)
		sys2(__NR_prctl, PR_SET_TSC, PR_TSC_SIGSEGV);
	return result;
}

long trap_seccomp(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;

	if ((unsigned)r->rdi == SECCOMP_SET_MODE_FILTER)
		return set_filter(thread, (unsigned)r->rsi, r->rdx);
	return (unsigned)r->rsi || r->rdx ? -EINVAL : set_strict(thread);
}

long seccomp_prctl(struct thread *thread, const struct registers *r)
{
	switch (r->rsi) {
	case SECCOMP_MODE_STRICT:
		return set_strict(thread);
	case SECCOMP_MODE_FILTER:
		return set_filter(thread, 0, r->rdx);
	default:
		return -EINVAL;
	}
}
