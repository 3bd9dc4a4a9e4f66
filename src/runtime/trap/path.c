/* SPDX-License-Identifier: MIT */
#include "runtime/trap/path.h"

#include <asm-generic/errno.h>
#include <linux/fcntl.h>

#include "base/mem.h"
#include "runtime/snapshot.h"
#include "runtime/text.h"
#include "runtime/trap/stub.h"
#include "runtime/trap/trap.h"
#include "runtime/user.h"

enum { PATH_SHORT = 64 };

/* What follows /proc/self/, /proc/thread-self/ or /proc/PID/ of the process itself; NULL for other names. */
static const char *proc_self(const struct process *process, const char *path)
{
	char own[PATH_SHORT];
	const char *rest = text_after(path, "/proc/");

	if (!rest)
		return NULL;
	text_number(own, (unsigned long)process->pid);
	path = text_after(rest, "self/");
	if (!path)
		path = text_after(rest, "thread-self/");
	if (!path && (rest = text_after(rest, own)) && *rest == '/')
		path = rest + 1;
	return path;
}

bool path_own_exe(const struct process *process, const char *path)
{
	const char *name = proc_self(process, path);
	return name && text_equal(name, "exe");
}

/* The part of a short name under /proc/self; NULL when it is anything else. `buffer` holds PATH_SHORT bytes. */
static const char *own_name(struct thread *thread, uint64_t path, char *buffer)
{
	long have = user_read_some(buffer, path, PATH_SHORT - 1);

	if (have <= 0)
		return NULL;
	buffer[have] = 0;
	return proc_self(thread->process, buffer);
}

static long open_own(struct thread *thread, const char *name, int flags, uint64_t mode, struct frame *frame)
{
	static const struct {
		const char *name;
		long (*take)(struct process *process, int flags);
	} snapshots[] = {
		{"maps", snapshot_maps},
		{"cmdline", snapshot_cmdline},
		{"environ", snapshot_environ},
		{"auxv", snapshot_auxv},
	};

	if (text_equal(name, "exe"))
		return sys4(__NR_openat, AT_FDCWD, (long)thread->process->exe, flags, (long)mode);
	for (size_t i = 0; i < sizeof snapshots / sizeof *snapshots; i++)
		if (text_equal(name, snapshots[i].name) && (flags & O_ACCMODE) == O_RDONLY)
			return snapshots[i].take(thread->process, flags);
	return trap_redo(frame);
}

long trap_open(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	char buffer[PATH_SHORT];
	const char *name = own_name(thread, r->rdi, buffer);

	return name ? open_own(thread, name, (int)r->rsi, r->rdx, frame) : trap_redo(frame);
}

/* openat and openat2, whose flags are the first word of what argument 3 points to. */
long trap_openat(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	char buffer[PATH_SHORT];
	const char *name = own_name(thread, r->rsi, buffer);
	uint64_t flags = r->rdx;

	if (!name || (r->rax == __NR_openat2 && user_read(&flags, r->rdx, sizeof flags) < 0))
		return trap_redo(frame);
	return open_own(thread, name, (int)flags, r->r10, frame);
}

static long read_link(struct thread *thread, struct frame *frame, uint64_t path, uint64_t to, uint64_t size)
{
	char buffer[PATH_SHORT];
	const char *name = own_name(thread, path, buffer);
	size_t length;

	if (!name || !text_equal(name, "exe") || (long)size <= 0)
		return trap_redo(frame);
	length = text_length(thread->process->exe);
	if (length > size)
		length = size;
	return user_write(to, thread->process->exe, length) < 0 ? -EFAULT : (long)length;
}

long trap_readlink(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	return read_link(thread, frame, r->rdi, r->rsi, r->rdx);
}

long trap_readlinkat(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	return read_link(thread, frame, r->rsi, r->rdx, r->r10);
}
