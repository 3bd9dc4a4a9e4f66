/* SPDX-License-Identifier: MIT */
#include "runtime/procfs/procfs.h"

#include <asm-generic/errno.h>
#include <linux/fcntl.h>
#include <linux/memfd.h>

#include "base/format.h"
#include "base/mem.h"
#include "runtime/message.h"
#include "runtime/process/other.h"
#include "runtime/text.h"
#include "runtime/trap/trap.h"
#include "runtime/user.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u /* Linux 6.3; without it the kernel warns */
#endif
#ifndef AT_EACCESS
#define AT_EACCESS 0x200
#endif
enum { MAY_WRITE = 2, SEEK_START = 0, MEMFD_NAME = 32, MODE_ALL = 0444, MODE_OWNER = 0400 };

/* ---- ranges of a process's memory: most guests are in our own address space -------------------------------------------------------- */

/* As much as there is, or -EFAULT. */
static long read_some(const struct snapshot *s, void *to, uintptr_t from, size_t size)
{
	return s->other ? other_read(s->other, to, from, size) : user_read_some(to, from, size);
}

static long write_memory(struct snapshot *s, uintptr_t start, uintptr_t end)
{
	while (start < end) {
		size_t part = end - start < sizeof s->in.buffer ? end - start : sizeof s->in.buffer;
		if (read_some(s, s->in.buffer, start, part) != (long)part)
			break; /* the process has unmapped it: as the kernel, nothing more */
		output_put(&s->out, s->in.buffer, part);
		start += part;
	}
	return 0;
}

/* As the kernel (fs/proc/base.c: get_mm_proctitle): up to the first NUL, wherever in the first page that is. */
static long write_title(struct snapshot *s, uintptr_t start)
{
	long size = read_some(s, s->in.buffer, start, TULOU_PAGE_SIZE), used = 0;

	while (used < size && s->in.buffer[used++])
		;
	output_put(&s->out, s->in.buffer, (size_t)used);
	return 0;
}

static long write_cmdline(struct snapshot *s)
{
	const struct program_start *layout = &s->process->layout;
	char last = 0;

	/* A last byte that is not 0: the program has written a title over its words, perhaps over the environment as well. */
	if (layout->arg_start < layout->arg_end && read_some(s, &last, layout->arg_end - 1, 1) == 1 && last)
		return write_title(s, layout->arg_start);
	return write_memory(s, s->process->layout.arg_start, s->process->layout.arg_end);
}

static long write_environ(struct snapshot *s)
{
	return write_memory(s, s->process->layout.env_start, s->process->layout.env_end);
}

static long write_auxv(struct snapshot *s)
{
	return write_memory(s, s->process->layout.auxv, s->process->layout.auxv + s->process->layout.auxv_size);
}

/* ---- a snapshot --------------------------------------------------------------------------------------------------------------- */

static const struct {
	snapshot_writer *write;
	bool areas; /* needs the table */
} writers[] = {
	[PROC_CMDLINE] = {write_cmdline, false},
	[PROC_ENVIRON] = {write_environ, false},
	[PROC_AUXV] = {write_auxv, false},
	[PROC_MAPS] = {write_maps, true},
	[PROC_SMAPS] = {write_smaps, true},
	[PROC_SMAPS_ROLLUP] = {write_smaps_rollup, true},
	[PROC_NUMA_MAPS] = {write_numa_maps, true},
	[PROC_STATM] = {write_statm, true},
	[PROC_STATUS] = {write_status, true},
	[PROC_STAT] = {write_stat, true},
	[PROC_LIMITS] = {write_limits, false},
};

/* Its name tells ioctl(PROCMAP_QUERY) about whom it is. */
static long memory_file(const struct proc_name *name)
{
	char text[MEMFD_NAME] = "tulou";
	long fd;

	if (name->file == PROC_MAPS)
		format(text, sizeof text, MAPS_MEMFD "%d", name->process->pid);
	fd = sys2(__NR_memfd_create, (long)text, MFD_CLOEXEC | MFD_NOEXEC_SEAL);
	return fd == -EINVAL ? sys2(__NR_memfd_create, (long)text, MFD_CLOEXEC) : fd;
}

/* Write the file from the kernel's at `from` to `to`. */
static long fill(const struct thread *thread, const uint64_t *mask, const struct proc_name *name, int from, int to)
{
	struct snapshot s;
	long result = 0;

	s.self = thread->process;
	s.process = name->process;
	s.other = name->other;
	s.mask = name->process == s.self && (!name->tid || name->tid == thread->tid) ? mask : NULL;
	s.areas.mapped = 0;
	lines_init(&s.in, from);
	output_init(&s.out, to);
	if (writers[name->file].areas)
		result = own_areas_take(&s.areas, s.self, name->process);
	if (result >= 0)
		result = writers[name->file].write(&s);
	own_areas_drop(&s.areas);
	if (result >= 0) /* what fstat says of the kernel's */
		result = sys2(__NR_fchmod, to, name->file == PROC_ENVIRON || name->file == PROC_AUXV ? MODE_OWNER : MODE_ALL);
	return result < 0 ? result : output_flush(&s.out);
}

/* The guest's descriptor: read-only, at the beginning, the lowest free one. */
static long reopen(int memory, int flags)
{
	char path[40];
	long fd;

	format(path, sizeof path, "/proc/thread-self/fd/%d", memory);
	fd = sys4(__NR_openat, AT_FDCWD, (long)path, flags & (O_CLOEXEC | O_NONBLOCK), 0);
	if (fd >= 0) {
		sys1(__NR_close, memory);
		return fd;
	}
	sys3(__NR_lseek, memory, 0, SEEK_START);
	if (!(flags & O_CLOEXEC))
		sys3(__NR_fcntl, memory, F_SETFD, 0);
	return memory;
}

static long snapshot_open(const struct thread *thread, const uint64_t *mask, const struct proc_name *name, int flags)
{
	int kernel_flags = (flags & ~O_NONBLOCK) | O_CLOEXEC;
	long from = sys4(__NR_openat, AT_FDCWD, (long)name->path, kernel_flags, 0), to, result;

	if (from < 0)
		return from;
	to = memory_file(name);
	if (to < 0) {
		sys1(__NR_close, from);
		return to;
	}
	result = fill(thread, mask, name, (int)from, (int)to);
	sys1(__NR_close, from);
	if (result >= 0)
		return reopen((int)to, flags);
	sys1(__NR_close, to);
	return result == -ESRCH ? PROC_PASS : result;
}

/* ---- all files ------------------------------------------------------------------------------------------------------------------ */

/* Linux asks whether the caller may look into the process: its own readlink knows. */
static long exe_allowed(struct process *self, const struct proc_name *name)
{
	char unused[8];
	return name->process == self ? 0 : sys4(__NR_readlinkat, AT_FDCWD, (long)name->path, (long)unused, sizeof unused);
}

long procfs_read_exe(struct process *self, const struct proc_name *name, char *to, size_t size)
{
	long allowed = exe_allowed(self, name);
	size_t length = text_length(name->process->exe);

	if (allowed < 0)
		return allowed;
	if (length > size)
		length = size;
	memcpy(to, name->process->exe, length);
	return (long)length;
}

static long open_exe(struct process *self, const struct proc_name *name, int flags, uint64_t mode)
{
	long allowed;

	if (flags & O_NOFOLLOW || (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return PROC_PASS; /* about the link, not what it leads to */
	allowed = exe_allowed(self, name);
	if (allowed >= 0 && !(flags & O_PATH) && (flags & O_ACCMODE || flags & O_TRUNC)) {
		allowed = sys4(__NR_faccessat2, AT_FDCWD, (long)name->process->exe, MAY_WRITE, AT_EACCESS);
		return allowed < 0 ? allowed : -ETXTBSY;
	}
	return allowed < 0 ? allowed : sys4(__NR_openat, AT_FDCWD, (long)name->process->exe, flags, (long)mode);
}

/* As long as one process has the address space, what it writes reaches nobody else. */
static long open_setting(int flags)
{
	bool writes = (flags & O_ACCMODE) != O_RDONLY && !(flags & O_PATH);

	return writes && process_count() > 1 ? -EACCES : PROC_PASS;
}

long procfs_open(const struct thread *thread, uint64_t mask, const struct proc_name *name, int flags, uint64_t mode)
{
	if (name->file == PROC_EXE)
		return open_exe(thread->process, name, flags, mode);
	if (name->file >= PROC_OOM_SCORE_ADJ)
		return open_setting(flags);
	if (flags & (O_ACCMODE | O_PATH | O_DIRECTORY | O_CREAT | O_TRUNC))
		return PROC_PASS;
	return snapshot_open(thread, &mask, name, flags);
}
