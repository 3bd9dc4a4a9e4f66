/* SPDX-License-Identifier: MIT */
/*
 * clone.h - what clone, fork, vfork and clone3 ask for, in one shape.
 */
#ifndef TULOU_RUNTIME_CLONE_H
#define TULOU_RUNTIME_CLONE_H

#include <linux/sched.h>

#include "runtime/trap/trap.h"

struct clone_request {
	uint64_t flags; /* as clone(2) takes them: the lowest byte is the exit signal */
	uint64_t stack, parent_tid, child_tid, tls, pidfd;
	bool clear_signals; /* CLONE_CLEAR_SIGHAND: the child handles no signal */
	const struct clone_args *kernel; /* of clone3: a copy of the address space is asked of the kernel with these; or NULL */
};

/* A new task, which goes on behind `frame`. Its tid, or a negative errno. */
long clone_any(struct thread *thread, struct frame *frame, const struct clone_request *request);

#endif
