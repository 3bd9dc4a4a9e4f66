/* SPDX-License-Identifier: MIT */
/*
 * signal.h - signals of guests. They are the kernel's, untouched, but for three things:
 *
 *   - SIGSYS is ours: it is never blocked (a blocked SIGSYS of the filter kills), its handler is trap_enter. What the guest
 *     sets for it is kept and obeyed when somebody sends it one.
 *   - The alternate stack of each thread is its block's. What the guest sets with sigaltstack is kept, and its handlers are entered
 *     through signal_enter, which lays the frame where the kernel would have. The return of those with SA_ONSTACK or SA_SIGINFO,
 *     which may block SIGSYS in their context, and of those that block it while they run, is trapped, and undone by us
 *     (trap_rt_sigreturn); that of others is the kernel's.
 *   - A call with a mask makes the call with SIGSYS taken out of a copy of the mask, on the guest's own context (stub.h).
 */
#ifndef TULOU_RUNTIME_SIGNAL_H
#define TULOU_RUNTIME_SIGNAL_H

#include "runtime/trap/trap.h"

/* A child process begins with its parent's actions; other threads of the parent may be changing them. */
void signal_actions_inherit(struct process *child, struct process *parent);

/* Somebody sent the guest a SIGSYS: do with it what the guest asked for. */
void signal_sigsys(struct thread *thread, struct frame *frame);
/* Enter the handler of a signal that arrived during a call from a patched site, which is done now. */
void signal_kept(struct thread *thread, struct frame *frame, int signo);
/* The guest's mask, as it knows it, while it is in this trap. */
uint64_t signal_mask(const struct thread *thread, const struct frame *frame);

#endif
