/* SPDX-License-Identifier: MIT */
#include "runtime/trap/path.h"

#include <asm-generic/errno.h>
#include <linux/fcntl.h>
#include <linux/openat2.h>

#include "runtime/procfs/procfs.h"
#include "runtime/trap/signal.h"
#include "runtime/trap/fast.h"
#include "runtime/trap/trap.h"
#include "runtime/user.h"

bool path_own_exe(const struct process *process, const char *path)
{
	struct proc_name name;
	return proc_name_parse((struct process *)process, path, &name) && name.file == PROC_EXE && name.process == process;
}

/* ---- open ----------------------------------------------------------------------------------------------------------------------- */

static long open_any(struct thread *thread, struct frame *frame, int dirfd, uint64_t path, int flags, uint64_t mode)
{
	struct proc_name name;
	long result;

	if (!proc_name_guest(thread, dirfd, path, &name))
		return TRAP_REDO;
	if (fast_is(thread, frame)) {
		proc_name_drop(&name);
		return TRAP_REFUSED; /* it needs the mask */
	}
	result = procfs_open(thread, signal_mask(thread, frame), &name, flags, mode);
	proc_name_drop(&name);
	return result == PROC_PASS ? TRAP_REDO : result;
}

long trap_open(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	return open_any(thread, frame, AT_FDCWD, r->rdi, (int)r->rsi, r->rdx);
}

/* With a `resolve` the kernel judges the way to the file: it must see the guest's own call. */
static long open_how(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	struct open_how how;

	if (r->r10 != sizeof how || user_read(&how, r->rdx, sizeof how) < 0 || how.resolve || how.flags >> 32)
		return TRAP_REDO;
	return open_any(thread, frame, (int)r->rdi, r->rsi, (int)how.flags, how.mode);
}

long trap_openat(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	return r->rax == __NR_openat2 ? open_how(thread, frame)
				      : open_any(thread, frame, (int)r->rdi, r->rsi, (int)r->rdx, r->r10);
}

/* ---- ioctl ------------------------------------------------------------------------------------------------------------------------- */

long trap_ioctl(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;

	if ((uint32_t)r->rsi == PROCMAP_QUERY)
		return procfs_query(thread->process, (int)r->rdi, r->rdx);
	return userfault_ioctl(thread, r);
}

/* ---- readlink ------------------------------------------------------------------------------------------------------------------- */

static long read_link(struct thread *thread, int dirfd, uint64_t path, uint64_t to, int size)
{
	char exe[PROCESS_PATH];
	struct proc_name name;
	long length;

	if (size <= 0 || !proc_name_guest(thread, dirfd, path, &name))
		return TRAP_REDO;
	length = name.file == PROC_EXE
			 ? procfs_read_exe(thread->process, &name, exe, (size_t)size < sizeof exe ? (size_t)size : sizeof exe)
			 : TRAP_REDO;
	proc_name_drop(&name);
	return length > 0 && user_write(to, exe, (size_t)length) < 0 ? -EFAULT : length;
}

long trap_readlink(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	return read_link(thread, AT_FDCWD, r->rdi, r->rsi, (int)r->rdx);
}

long trap_readlinkat(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	return read_link(thread, (int)r->rdi, r->rsi, r->rdx, (int)r->r10);
}
