/* SPDX-License-Identifier: MIT */
#include "runtime/process/other.h"

#include <asm/stat.h>
#include <linux/fcntl.h>
#include <linux/time.h>
#include <linux/uio.h>

#include "base/format.h"
#include "runtime/process/process.h"

enum { SLOTS_AT_ONCE = 64, LINK_PATH = 32, NOT_BEGUN_LOOKS = 200, NOT_BEGUN_NS = 500000 };

/* What a slot begins with. */
struct slot_head {
	uint64_t tag;
	uint32_t word;
	int pid;
};

_Static_assert(offsetof(struct process, tag) == offsetof(struct slot_head, tag), "process.h");
_Static_assert(offsetof(struct process, pid) == offsetof(struct slot_head, pid), "process.h");

long other_read(int pid, void *to, uintptr_t from, size_t size)
{
	const struct iovec here = {to, size}, there = {(void *)from, size};

	return sys6(__NR_process_vm_readv, pid, (long)&here, 1, (long)&there, 1, 0);
}

/* The same file as ours: its variables and structures are where ours are. */
static bool is_tulou(int pid)
{
	struct stat theirs, ours;
	char link[LINK_PATH];

	format(link, sizeof link, "/proc/%d/exe", pid);
	return !sys4(__NR_newfstatat, AT_FDCWD, (long)link, (long)&theirs, 0) &&
	       !sys4(__NR_newfstatat, AT_FDCWD, (long)"/proc/self/exe", (long)&ours, 0) && theirs.st_ino == ours.st_ino &&
	       theirs.st_dev == ours.st_dev;
}

/* Among `count` slots from `slot` on, the one with this pid. */
static uintptr_t find_among(int whose, int pid, unsigned slot, unsigned count)
{
	struct slot_head heads[SLOTS_AT_ONCE];
	struct iovec there[SLOTS_AT_ONCE];
	const struct iovec here = {heads, count * sizeof *heads};

	for (unsigned i = 0; i < count; i++)
		there[i] = (struct iovec){process_place(slot + i), sizeof *heads};
	if (sys6(__NR_process_vm_readv, whose, (long)&here, 1, (long)there, count, 0) != (long)here.iov_len)
		return 0;
	for (unsigned i = 0; i < count; i++)
		if (heads[i].pid == pid && tag_state(heads[i].tag) == PROCESS_LIVE)
			return (uintptr_t)there[i].iov_base;
	return 0;
}

/* In the table of process `whose`. */
static uintptr_t find(int whose, int pid)
{
	uintptr_t at = 0;
	uint32_t used;

	if (other_read(whose, &used, process_slots_place(), sizeof used) != sizeof used || used > PROCESS_COUNT)
		return 0;
	for (unsigned slot = 0; !at && slot < used; slot += SLOTS_AT_ONCE)
		at = find_among(whose, pid, slot, used - slot < SLOTS_AT_ONCE ? used - slot : SLOTS_AT_ONCE);
	return at;
}

/* A child that was just forked is a copy of us until it first runs (clone.c: copy_begin). */
uintptr_t other_slot(int pid)
{
	const struct timespec pause = {.tv_nsec = NOT_BEGUN_NS};
	uintptr_t at;

	if (!is_tulou(pid))
		return 0;
	for (unsigned looks = 0;; looks++) {
		at = find(pid, pid);
		if (at || looks == NOT_BEGUN_LOOKS || !find(pid, thread_current()->process->pid))
			return at;
		sys2(__NR_nanosleep, (long)&pause, 0);
	}
}
