/* SPDX-License-Identifier: MIT */
#include "runtime/trap/trap.h"

#include <asm-generic/errno.h>
#include <asm/unistd.h>

#include "runtime/image/image.h"
#include "runtime/process/exit.h"
#include "runtime/seccomp/filters.h"
#include "runtime/trap/entry.h"
#include "runtime/trap/fast.h"
#include "runtime/trap/patch.h"
#include "runtime/trap/signal.h"
#include "runtime/trap/stub.h"

enum { SYS_SECCOMP_CODE = 1, SI_TKILL_CODE = -6 };
#define SA_SIGINFO_FLAG  0x4ul
#define SA_ONSTACK_FLAG  0x08000000ul
#define SA_RESTORER_FLAG 0x04000000ul
#define SA_RESTART_FLAG  0x10000000ul

static trap_function *const table[TRAP_NUMBERS] = {
	[__NR_mmap] = trap_mmap,
	[__NR_munmap] = trap_munmap,
	[__NR_mremap] = trap_mremap,
	[__NR_mprotect] = trap_mprotect,
	[__NR_brk] = trap_brk,
	[__NR_msync] = trap_msync,
	[__NR_madvise] = trap_madvise,
	[__NR_pkey_mprotect] = trap_pkey_mprotect,
	[__NR_process_madvise] = trap_process_madvise,
	[__NR_mincore] = trap_mincore,
	[__NR_mseal] = trap_mseal,
	[__NR_remap_file_pages] = trap_remap_file_pages,
	[__NR_map_shadow_stack] = trap_map_shadow_stack,
	[__NR_mlock] = trap_mlock,
	[__NR_mlock2] = trap_mlock2,
	[__NR_munlock] = trap_munlock,
	[__NR_mlockall] = trap_mlockall,
	[__NR_munlockall] = trap_munlockall,
	[__NR_shmat] = trap_shmat,
	[__NR_shmdt] = trap_shmdt,
	[__NR_clone] = trap_clone,
	[__NR_fork] = trap_fork,
	[__NR_vfork] = trap_vfork,
	[__NR_execve] = trap_execve,
	[__NR_execveat] = trap_execveat,
	[__NR_exit] = trap_exit,
	[__NR_exit_group] = trap_exit_group,
	[__NR_set_tid_address] = trap_set_tid_address,
	[__NR_rseq] = trap_rseq,
	[__NR_prctl] = trap_prctl,
	[__NR_arch_prctl] = trap_arch_prctl,
	[__NR_ioctl] = trap_ioctl,
	[__NR_vmsplice] = trap_pinning,
	[__NR_setsockopt] = trap_pinning,
	[__NR_io_uring_setup] = trap_pinning,
	[__NR_io_setup] = trap_io_setup,
	[__NR_io_destroy] = trap_io_destroy,
	[__NR_mbind] = trap_range_policy,
	[__NR_set_mempolicy_home_node] = trap_range_policy,
	[__NR_get_mempolicy] = trap_get_mempolicy,
	[__NR_migrate_pages] = trap_migrate_pages,
	[__NR_move_pages] = trap_move_pages,
	[__NR_ptrace] = trap_ptrace,
	[__NR_membarrier] = trap_membarrier,
	[__NR_timer_create] = trap_timer_create,
	[__NR_setuid] = trap_credentials,
	[__NR_setgid] = trap_credentials,
	[__NR_setreuid] = trap_credentials,
	[__NR_setregid] = trap_credentials,
	[__NR_setresuid] = trap_credentials,
	[__NR_setresgid] = trap_credentials,
	[__NR_setfsuid] = trap_credentials,
	[__NR_setfsgid] = trap_credentials,
	[__NR_capset] = trap_credentials,
	[__NR_prlimit64] = trap_prlimit64,
	[__NR_setrlimit] = trap_setrlimit,
	[__NR_getrlimit] = trap_getrlimit,
	[__NR_rt_sigaction] = trap_rt_sigaction,
	[__NR_rt_sigprocmask] = trap_rt_sigprocmask,
	[__NR_rt_sigreturn] = trap_rt_sigreturn,
	[__NR_rt_sigpending] = trap_rt_sigpending,
	[__NR_sigaltstack] = trap_sigaltstack,
	[__NR_ppoll] = trap_ppoll,
	[__NR_pselect6] = trap_pselect6,
	[__NR_epoll_pwait] = trap_epoll_pwait,
	[__NR_epoll_pwait2] = trap_epoll_pwait,
	[__NR_rt_sigsuspend] = trap_rt_sigsuspend,
	[__NR_open] = trap_open,
	[__NR_openat] = trap_openat,
	[__NR_openat2] = trap_openat,
	[__NR_readlink] = trap_readlink,
	[__NR_readlinkat] = trap_readlinkat,
	[__NR_clone3] = trap_clone3,
	[__NR_setpgid] = trap_setpgid,
	[__NR_seccomp] = trap_seccomp,
};

bool trap_answers(unsigned nr)
{
	return nr < TRAP_NUMBERS && table[nr];
}

/* May it take memory away, or make it such that it cannot be touched? */
static bool takes_memory(unsigned nr)
{
	switch (nr) {
	case __NR_mmap:
	case __NR_munmap:
	case __NR_mremap:
	case __NR_mprotect:
	case __NR_pkey_mprotect:
	case __NR_brk:
	case __NR_madvise:
	case __NR_remap_file_pages:
	case __NR_shmat:
	case __NR_shmdt:
	case __NR_execve:
	case __NR_execveat:
		return true;
	default:
		return false;
	}
}

long trap_call(unsigned nr, struct thread *thread, struct frame *frame)
{
	struct process *process = thread->process;
	long result;

	if (process->images)
		images_before_call(process, nr, &frame->context.regs);
	result = patch_before_call(process, nr, &frame->context.regs);

	if (!result)
		result = table[nr](thread, frame);
	if (takes_memory(nr)) /* two at once count as one, which is enough */
		__atomic_store_n(&process->memory_changes, process->memory_changes + 1, __ATOMIC_RELEASE);
	patch_after(process);
	return result;
}

/* The call whose registers are in `frame`: by the table, or as the guest made it. */
static void serve(struct thread *thread, struct frame *frame)
{
	struct registers *regs = &frame->context.regs;
	unsigned nr = (unsigned)regs->rax;
	long result = TRAP_REDO;

	if (trap_answers(nr)) {
		patch_notice(thread, regs);
		result = trap_call(nr, thread, frame);
	}
	if (result == TRAP_REDO)
		result = stub_enter(frame, STUB_CALL, 0, NULL, 0);
	if (result != TRAP_DONE)
		regs->rax = (uint64_t)result;
}

/* The SIGSYS handler. */
static void trap_enter(int signo, struct siginfo *info, struct context *context)
{
	struct frame *frame = (struct frame *)((char *)context - offsetof(struct frame, context));
	struct thread *thread = thread_current();

	if (info->code == SYS_SECCOMP_CODE) {
		thread->guest_sp = context->regs.rsp;
		if (thread->filter && !filters_pass(thread, frame))
			return;
		if (trap_answers((uint32_t)context->regs.rax) || filters_need_runtime(thread)) {
			serve(thread, frame);
			return;
		}
	}
	if (fast_signal(thread, frame, &signo))
		return;
	if (signo != SIGNAL_SIGSYS) {
		signal_kept(thread, frame, signo);
		return;
	}
	if (info->code == SI_TKILL_CODE && info->kill.pid == thread->process->pid &&
		__atomic_load_n(&thread->process->exiting, __ATOMIC_ACQUIRE))
		exit_thread_asked(thread);
	signal_sigsys(thread, frame);
}

int trap_install_handler(bool restarts)
{
	struct signal_action action = {
		.handler = (uint64_t)trap_enter,
		.flags = SA_SIGINFO_FLAG | SA_ONSTACK_FLAG | SA_RESTORER_FLAG | (restarts ? SA_RESTART_FLAG : 0),
		.restorer = (uint64_t)frame_restorer,
		.mask = ~0ull,
	};
	return (int)sys4(__NR_rt_sigaction, SIGNAL_SIGSYS, (long)&action, 0, 8);
}

void trap_frame_stack(struct frame *frame, struct thread *thread)
{
	frame->context.stack.start = (uint64_t)thread + THREAD_STACK;
	frame->context.stack.size = THREAD_BLOCK - THREAD_STACK;
	frame->context.stack.flags = 0;
}
