/* SPDX-License-Identifier: MIT */
/*
 * clone3.c - clone3(2): its arguments checked in the kernel's order (kernel/fork.c), then as clone(2).
 *
 * A chosen tid, a cgroup and a time namespace need the kernel's own clone3, which knows no place for us to enter the child: they work
 * where the address space is copied, and are ENOSYS for threads and tasks that share it.
 */
#include "runtime/process/clone.h"

#include <asm-generic/errno-base.h>
#include <asm-generic/errno.h>

#include "base/mem.h"
#include "runtime/user.h"

enum { ARGS_MAX = 4096, SET_TID_MAX = 32, EXIT_SIGNAL_MAX = 64 };
#define CLONE_LEGACY  0xffffffffull
#define CLONE_UNKNOWN (~(CLONE_LEGACY | CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP))

/* copy_struct_from_user: what a longer structure says behind what we know must be nothing. */
static long args_read(struct clone_args *args, uint64_t from, uint64_t size)
{
	uint64_t rest[8];

	if (size > ARGS_MAX)
		return -E2BIG;
	if (size < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	memset(args, 0, sizeof *args);
	for (uint64_t at = sizeof *args; at < size; at += sizeof rest) {
		uint64_t piece = size - at < sizeof rest ? size - at : sizeof rest;
		memset(rest, 0, sizeof rest);
		if (user_read(rest, from + at, piece) < 0)
			return -EFAULT;
		for (unsigned i = 0; i < sizeof rest / sizeof *rest; i++)
			if (rest[i])
				return -E2BIG;
	}
	return user_read(args, from, size < sizeof *args ? size : sizeof *args) < 0 ? -EFAULT : 0;
}

static bool args_valid(const struct clone_args *args, uint64_t size)
{
	uint64_t flags = args->flags;

	if (args->set_tid_size > SET_TID_MAX || !args->set_tid != !args->set_tid_size || args->exit_signal > EXIT_SIGNAL_MAX)
		return false;
	if (flags & CLONE_INTO_CGROUP && (args->cgroup > INT32_MAX || size < CLONE_ARGS_SIZE_VER2))
		return false;
	if (flags & CLONE_UNKNOWN || flags & (CLONE_DETACHED | (CSIGNAL & ~(uint64_t)CLONE_NEWTIME)))
		return false;
	if ((flags & CLONE_SIGHAND && flags & CLONE_CLEAR_SIGHAND) ||
		(flags & (CLONE_THREAD | CLONE_PARENT) && args->exit_signal))
		return false;
	return !args->stack == !args->stack_size;
}

long trap_clone3(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	struct clone_request request = {0};
	struct clone_args args;
	long result = args_read(&args, r->rdi, r->rsi);

	if (result < 0)
		return result;
	if (!args_valid(&args, r->rsi))
		return -EINVAL;
	request.flags = (args.flags & CLONE_LEGACY & ~(uint64_t)CSIGNAL) | args.exit_signal;
	request.stack = args.stack ? args.stack + args.stack_size : 0;
	request.parent_tid = args.parent_tid;
	request.child_tid = args.child_tid;
	request.tls = args.tls;
	request.pidfd = args.pidfd;
	request.clear_signals = args.flags & CLONE_CLEAR_SIGHAND;
	if (!(args.flags & CLONE_VM))
		request.kernel = &args;
	else if (args.set_tid || args.flags & (CLONE_INTO_CGROUP | CLONE_NEWTIME))
		return -ENOSYS;
	return clone_any(thread, frame, &request);
}
