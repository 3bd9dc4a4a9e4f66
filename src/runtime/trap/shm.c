/* SPDX-License-Identifier: MIT */
/*
 * shm.c - System V shared memory: shmat and shmdt. Segments, rights, counts and shmget, shmctl are the kernel's (ipcs sees them); where
 * a segment appears is the manager's.
 *
 *     shmat   book the place (shared, anonymous) ─▶ attach there, which takes the place of what the books have made. With SHM_REMAP first
 *             the same elsewhere, to see whether it may be: what is replaced would be lost
 *     shmdt   the kernel's lines that show this segment from this address on leave the books, and with them the kernel
 */
#include <asm-generic/errno.h>
#include <asm-generic/ipcbuf.h>
#include <linux/fcntl.h>
#include <linux/ipc.h>
#include <linux/shm.h>

#include "runtime/layout.h"
#include "runtime/procfs/procfs.h"
#include "runtime/text.h"
#include "runtime/trap/patch.h"
#include "runtime/trap/trap.h"

enum { SHM_EXEC_FLAG = 0100000 };
#define PAGE_MASK (TULOU_PAGE_SIZE - 1)

/* As shmctl(2): bytes, whole pages, or a negative errno. */
static long segment_size(int id)
{
	struct shmid64_ds segment;
	long result = sys3(__NR_shmctl, id, IPC_STAT, (long)&segment);
	return result < 0 ? result : (long)((segment.shm_segsz + PAGE_MASK) & ~PAGE_MASK);
}

static int prot_of(int flags)
{
	return TULOU_PROT_READ | (flags & SHM_RDONLY ? 0 : TULOU_PROT_WRITE) | (flags & SHM_EXEC_FLAG ? TULOU_PROT_EXEC : 0);
}

/* Book the place: its address, or what shmat(2) answers. */
static long place(struct thread *thread, uint64_t address, bool anywhere, size_t size, int flags)
{
	int how = anywhere ? 0 : flags & SHM_REMAP ? TULOU_MAP_FIXED : TULOU_MAP_FIXED_NOREPLACE;
	long at;

	if (!(flags & SHM_REMAP) && address + size < address)
		return -EINVAL;
	if (attributes_refuse_mapping(thread->process, prot_of(flags)))
		return -EACCES;
	if (how == TULOU_MAP_FIXED && (at = patch_before(thread->process, address, size, PATCH_UNMAP)) < 0)
		return at;
	at = tulou_mmap(thread->process->vm, address, size, prot_of(flags),
		TULOU_MAP_SHARED | TULOU_MAP_ANONYMOUS | TULOU_MAP_NORESERVE | how, -1, 0);
	return at == -EEXIST ? -EINVAL : at;
}

static long attach(struct thread *thread, int id, uint64_t address, bool anywhere, int flags, size_t size)
{
	long at = place(thread, address, anywhere, size, flags), result;

	if (at < 0)
		return at;
	result = sys3(__NR_shmat, id, at, (flags & (SHM_RDONLY | SHM_EXEC_FLAG)) | SHM_REMAP);
	if (result < 0)
		tulou_munmap(thread->process->vm, (uintptr_t)at, size);
	return result;
}

long trap_shmat(struct thread *thread, struct frame *frame)
{
	const struct registers *r = &frame->context.regs;
	int id = (int)r->rdi, flags = (int)r->rdx;
	uint64_t address = r->rsi;
	long probe, size, result;

	if (address & PAGE_MASK) {
		if (!(flags & SHM_RND))
			return -EINVAL;
		address &= ~PAGE_MASK;
	}
	if (!address && flags & SHM_REMAP)
		return -EINVAL;
	size = segment_size(id);
	if (size < 0)
		return size;
	if (!(flags & SHM_REMAP))
		return attach(thread, id, address, !r->rsi, flags, (size_t)size);
	probe = attach(thread, id, 0, true, flags & ~SHM_REMAP, (size_t)size);
	if (probe < 0)
		return probe;
	result = attach(thread, id, address, false, flags, (size_t)size);
	tulou_munmap(thread->process->vm, (uintptr_t)probe, (size_t)size);
	return result;
}

/* ---- shmdt ---------------------------------------------------------------------------------------------------------------------- */

struct attachment {
	uintptr_t start; /* of the segment's first page */
	char rest[32]; /* device and inode, as maps prints them; empty: not found */
};

/* "dev inode " of a line, if it shows a segment of System V memory. */
static bool segment_line(const struct map_line *line, char *rest, size_t room)
{
	size_t length;

	if (!line->name || !text_after(line->name, "/SYSV"))
		return false;
	length = (size_t)(line->name - line->rest);
	if (length >= room)
		length = room - 1;
	for (size_t i = 0; i < length; i++)
		rest[i] = line->rest[i];
	rest[length] = 0;
	return true;
}

/* The part of the attachment that the process still shows at or above `from`. */
static bool next_part(struct attachment *a, uintptr_t from, uintptr_t *start, uintptr_t *end)
{
	struct lines lines;
	struct map_line line;
	char *text, rest[sizeof a->rest];
	long fd = sys4(__NR_openat, AT_FDCWD, (long)"/proc/thread-self/maps", O_RDONLY | O_CLOEXEC, 0), size;
	bool found = false;

	if (fd < 0)
		return false;
	lines_init(&lines, (int)fd);
	while (!found && (size = lines_next(&lines, &text)) > 0) {
		if (!lines.begins || !map_line_parse(text, (size_t)size, &line) || line.start < from || line.start >= POOL_END)
			continue;
		if (!segment_line(&line, rest, sizeof rest) || line.start - line.offset != a->start)
			continue;
		found = !*a->rest || text_equal(rest, a->rest);
		if (found && !*a->rest)
			for (size_t i = 0; i < sizeof rest; i++)
				a->rest[i] = rest[i];
	}
	sys1(__NR_close, fd);
	*start = line.start;
	*end = line.end;
	return found;
}

long trap_shmdt(struct thread *thread, struct frame *frame)
{
	struct attachment a = {.start = frame->context.regs.rdi};
	uintptr_t from = a.start, start, end;
	struct tulou_process_vm *vm = thread->process->vm;

	while (next_part(&a, from, &start, &end)) {
		if (tulou_access_ok(vm, start, end - start, TULOU_PROT_NONE)) {
			long result = tulou_munmap(vm, start, end - start);
			if (result < 0)
				return result;
		}
		from = end;
	}
	return *a.rest && a.start >= TULOU_PAGE_SIZE ? 0 : -EINVAL;
}
