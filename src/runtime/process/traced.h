/* SPDX-License-Identifier: MIT */
/*
 * traced.h - a guest that asked to be traced (ptrace(2), PTRACE_TRACEME), as debuggers let their children do.
 *
 * The kernel stops a traced task at execve with a SIGTRAP, and debuggers wait for that stop. An exec in the task is none for the
 * kernel, so the runtime sends the signal. The tracer also sees the SIGSYS of each trap; it has to pass them on.
 */
#ifndef TULOU_RUNTIME_TRACED_H
#define TULOU_RUNTIME_TRACED_H

struct thread;

/* The caller has begun a new program: if its process is being traced since PTRACE_TRACEME, stop as execve(2) does. The stop comes when the
 * guest's context is entered, which must not block SIGTRAP for longer than the old program did. */
void traced_exec(const struct thread *thread);

#endif
