/* SPDX-License-Identifier: MIT */
/*
 * exit.h - how tasks and processes end.
 */
#ifndef TULOU_RUNTIME_EXIT_H
#define TULOU_RUNTIME_EXIT_H

#include <stdbool.h>

#include "runtime/process/process.h"

/* Ask all other threads of the process to end, and wait until none of them can run guest code. False when one does not come to it
 * in time (it waits in the kernel for a device, say). */
bool exit_siblings(struct thread *thread);
/* End the calling process by `signo`, as if it had been killed. */
_Noreturn void exit_by_signal(struct process *process, int signo);
/* Kill the calling thread as the kernel kills one whose call a filter forbids; the process, if it is the last. */
_Noreturn void exit_thread_killed(struct thread *thread);
/* A sibling asked the calling thread to end (SIGSYS by tgkill). */
_Noreturn void exit_thread_asked(struct thread *thread);

#endif
