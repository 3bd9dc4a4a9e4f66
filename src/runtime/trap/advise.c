/* SPDX-License-Identifier: MIT */
/*
 * advise.c - process_madvise(2): advice for one's own pages in a vector, or for another process.
 *
 *     vector read ─▶ the kernel judges descriptor, advice and rights (an empty vector) ─▶ own process: the manager, piece by piece
 *                                                                                     ├▶ another guest: the kernel's madvise, on what is its own
 *                                                                                     └▶ any other process: the kernel's call
 */
#include <asm-generic/errno.h>
#include <asm/unistd.h>
#include <linux/capability.h>
#include <linux/uio.h>

#include "base/format.h"
#include "base/page.h"
#include "runtime/procfs/areas.h"
#include "runtime/procfs/name.h"
#include "runtime/procfs/stream.h"
#include "runtime/trap/trap.h"
#include "runtime/user.h"

#ifndef __NR_process_madvise
#define __NR_process_madvise 440
#endif

enum { VECTOR_MOST = 1024 /* UIO_MAXIOV */ };
/* What the kernel takes of a vector at most (MAX_RW_COUNT), and where user addresses end. */
#define BYTES_MOST 0x7ffff000ul
#define USER_END   0x7ffffffff000ul

/* The process behind a pidfd, by its line in fdinfo: 0 or less when it is dead or not to be known. */
static long pid_of(int pidfd)
{
	char path[64];

	format(path, sizeof(path), "/proc/thread-self/fdinfo/%d", pidfd);
	return proc_number(path, "Pid:\t");
}

/* As import_iovec() in the kernel: bytes in all, or what is wrong with the vector. */
static long vector_check(uint64_t vector, uint64_t count)
{
	uint64_t total = 0;

	if (count > VECTOR_MOST)
		return -EINVAL;
	for (uint64_t i = 0; i < count; i++) {
		struct iovec piece;
		uint64_t start, size;

		if (user_read(&piece, vector + i * sizeof(piece), sizeof(piece)))
			return -EFAULT;
		start = (uint64_t)piece.iov_base;
		size = piece.iov_len;
		if ((long)size < 0)
			return -EINVAL;
		if (size > USER_END || start > USER_END - size)
			return -EFAULT;
		total += size < BYTES_MOST - total ? size : BYTES_MOST - total;
	}
	return (long)total;
}

/* ---- another guest ------------------------------------------------------------------------------------------------------------- */

/* What may be said of others' memory changes nothing in it, nor in the books (mm/madvise.c: process_madvise_remote_valid). */
static bool is_for_others(int advice)
{
	return advice == TULOU_MADV_COLD || advice == TULOU_MADV_PAGEOUT || advice == TULOU_MADV_WILLNEED ||
	       advice == TULOU_MADV_COLLAPSE;
}

static bool may_advise_others(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	return !sys2(__NR_capget, (long)&header, (long)data) && data[0].effective & 1u << CAP_SYS_NICE;
}

/* As do_madvise(): holes are told of in the end. */
static long advise_areas(struct own_areas *areas, uintptr_t start, size_t size, int advice)
{
	uintptr_t at = start, end = start + page_up(size);
	struct own_piece piece;
	bool hole = false;
	long error = 0;

	if (start & (TULOU_PAGE_SIZE - 1) || end < start)
		return -EINVAL;
	areas->next = 0;
	while (!error && at < end && own_piece(areas, at, end, false, &piece)) {
		hole |= piece.start > at;
		error = sys3(__NR_madvise, (long)piece.start, (long)(piece.end - piece.start), advice);
		at = piece.end;
	}
	return error ? error : hole || at < end ? -ENOMEM : 0;
}

/* ---- one vector ---------------------------------------------------------------------------------------------------------------- */

/* Bytes done before the first error, else that error. Of another guest's memory if there are `others`. */
static long advise_pieces(struct tulou_process_vm *vm, struct own_areas *others, uint64_t vector, long total, int advice)
{
	long done = 0;

	for (uint64_t i = 0; done < total; i++) {
		struct iovec piece;
		size_t size;
		long error;

		if (user_read(&piece, vector + i * sizeof(piece), sizeof(piece)))
			return done ? done : -EFAULT;
		size = piece.iov_len < (size_t)(total - done) ? piece.iov_len : (size_t)(total - done);
		error = 0;
		if ((size || !i) && others)
			error = advise_areas(others, (uintptr_t)piece.iov_base, size, advice);
		else if (size || !i)
			error = tulou_madvise(vm, (uintptr_t)piece.iov_base, size, advice);
		if (error)
			return done ? done : error;
		done += (long)size;
	}
	return done;
}

static long advise_guest(struct thread *thread, const struct process *other, uint64_t vector, long total, int advice)
{
	struct own_areas areas;
	long result;

	if (!is_for_others(advice))
		return -EINVAL;
	if (!may_advise_others())
		return -EPERM;
	result = own_areas_take(&areas, thread->process, other);
	if (result < 0)
		return result;
	result = advise_pieces(NULL, &areas, vector, total, advice);
	own_areas_drop(&areas);
	return result;
}

long trap_process_madvise(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	int pidfd = (int)r->rdi, advice = (int)r->r10;
	const struct process *other;
	long total = r->r8 & 0xffffffffu ? -EINVAL : vector_check(r->rsi, r->rdx), error, pid;

	if (total < 0)
		return total;
	error = sys5(__NR_process_madvise, pidfd, 0, 0, advice, 0);
	if (error < 0)
		return error;
	/* Negative ones that the kernel takes mean the caller itself. */
	pid = pidfd < 0 ? thread->process->pid : pid_of(pidfd);
	if (pid == thread->process->pid)
		return advise_pieces(thread->process->vm, NULL, r->rsi, total, advice);
	other = pid > 0 ? proc_process_named(thread->process, (int)pid) : NULL;
	if (other)
		return advise_guest(thread, other, r->rsi, total, advice);
	if (pid < 0 || process_is_guest((int)pid)) /* one that has not begun */
		return -EPERM;
	return sys5(__NR_process_madvise, pidfd, (long)r->rsi, (long)r->rdx, advice, 0);
}
