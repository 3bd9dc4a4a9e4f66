/* SPDX-License-Identifier: MIT */
/*
 * trap.h - from a guest's system call to the code that answers it.
 *
 *     guest: syscall ──▶ kernel: filter says TRAP ──▶ SIGSYS on the thread's block ──▶ trap_enter ──▶ table[nr](thread, frame)
 *                                                                                        │
 *     guest goes on behind its syscall instruction ◀── rt_sigreturn ◀── rax = result ◀───┘
 *
 * A function of the table gets the guest's registers in `frame` and answers with the call's result, or has changed the registers
 * itself and answers TRAP_DONE, or answers TRAP_REDO: the kernel shall make the call as it was made, on the guest's own context (stub.h).
 * All signals are blocked meanwhile, so it must not wait for long.
 *
 * A site that is called often gets a jump in place of its `mov $nr,%eax` (patch.h), which comes here without signal and kernel (fast.h).
 */
#ifndef TULOU_RUNTIME_TRAP_H
#define TULOU_RUNTIME_TRAP_H

#include <limits.h>

#include "runtime/process/process.h"
#include "runtime/process/thread.h"
#include "runtime/trap/frame.h"

#define TRAP_DONE    LONG_MIN
#define TRAP_REDO    (LONG_MIN + 1)
#define TRAP_REFUSED (LONG_MIN + 2) /* a fast call only: it must be trapped after all */

/* sigset bit of a signal */
#define SIGNAL_BIT(signo) (1ull << ((signo)-1))
enum { SIGNAL_SIGSYS = 31, SIGNAL_IGNORED = 1 };

typedef long trap_function(struct thread *thread, struct frame *frame);

/* Install the SIGSYS handler (inherited by clones; native exec resets it) and the filter (inherited for good). 0 or -errno.
 * `restarts`: calls that a SIGSYS interrupts which somebody has sent are restarted (SA_RESTART). */
int trap_install_handler(bool restarts);
int trap_install_filter(void);

/* Does the table have a function for this call? */
enum { TRAP_NUMBERS = 512 };
bool trap_answers(unsigned nr);
/* Call the function of the table. */
long trap_call(unsigned nr, struct thread *thread, struct frame *frame);

/* Give the frame the block's alternate stack, which rt_sigreturn installs. */
void trap_frame_stack(struct frame *frame, struct thread *thread);

/* ---- the functions, by file ---------------------------------------------------------------------------------------------- */
/* trap/memory.c */
trap_function trap_mmap, trap_munmap, trap_mremap, trap_mprotect, trap_brk, trap_msync, trap_madvise, trap_mincore, trap_mlock,
	trap_mlock2, trap_munlock, trap_mlockall, trap_munlockall, trap_pkey_mprotect, trap_mseal, trap_remap_file_pages,
	trap_map_shadow_stack;
/* trap/policy.c */
trap_function trap_range_policy, trap_get_mempolicy, trap_migrate_pages, trap_move_pages;
/* trap/path.c, policy.c: ioctl(2), of which the filter lets only some requests come here */
trap_function trap_ioctl;
long userfault_ioctl(struct thread *thread, const struct registers *r);
/* process/outside.c */
trap_function trap_io_setup, trap_io_destroy;
/* pinned.c */
trap_function trap_pinning;
/* trap/advise.c */
trap_function trap_process_madvise;
/* trap/shm.c */
trap_function trap_shmat, trap_shmdt;
/* trap/signal.c */
trap_function trap_rt_sigaction, trap_rt_sigprocmask, trap_rt_sigreturn, trap_rt_sigpending, trap_sigaltstack, trap_ppoll,
	trap_pselect6, trap_epoll_pwait, trap_rt_sigsuspend;
/* trap/path.c */
trap_function trap_open, trap_openat, trap_readlink, trap_readlinkat;
/* process/clone.c */
trap_function trap_clone, trap_clone3, trap_fork, trap_vfork;
/* process/exec.c */
trap_function trap_execve, trap_execveat;
/* process/exit.c */
trap_function trap_exit, trap_exit_group;
/* process/group.c */
trap_function trap_setpgid;
/* process/task.c */
/* process/traced.c */
trap_function trap_ptrace;
trap_function trap_set_tid_address, trap_rseq, trap_timer_create;
/* process/prctl.c, attributes.c, credentials.c */
trap_function trap_prctl, trap_membarrier, trap_credentials;
/* seccomp/seccomp.c */
trap_function trap_seccomp;
long seccomp_prctl(struct thread *thread, const struct registers *r);
/* trap/fast.c */
trap_function trap_arch_prctl;
/* process/limits.c */
trap_function trap_prlimit64, trap_setrlimit, trap_getrlimit;

/* trap/signal.c: forget the guest's handlers, as execve does. */
void signal_reset(struct process *process);
/* Let the kernel forget the handlers (they cannot run while a real execve is tried), or tell it again. */
void signal_quiet(struct process *process, bool quiet);

#endif
