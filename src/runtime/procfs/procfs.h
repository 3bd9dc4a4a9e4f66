/* SPDX-License-Identifier: MIT */
/*
 * procfs.h - files of /proc as a guest must see them: about its own process (or another guest's), not about the address space.
 *
 *     the kernel's file ──lines──▶ filter or recompute ──output──▶ memfd ──reopened for reading──▶ the guest's descriptor
 *                                        ▲
 *                      table of the process's areas, from the books
 *
 * So a descriptor is a snapshot of the moment of its open. The kernel's file is opened first: it decides who may read what.
 * Everything runs on the trap's stack; struct snapshot is its largest part.
 */
#ifndef TULOU_RUNTIME_PROCFS_PROCFS_H
#define TULOU_RUNTIME_PROCFS_PROCFS_H

#include "runtime/procfs/areas.h"
#include "runtime/procfs/name.h"
#include "runtime/procfs/stream.h"

/* Open a file for `thread` as open(2) with `flags` does; `mask` is its signal mask. A descriptor, a negative errno, or PROC_PASS: the kernel's own
 * answer is right. */
#define PROC_PASS LONG_MIN
long procfs_open(const struct thread *thread, uint64_t mask, const struct proc_name *name, int flags, uint64_t mode);
/* readlink(2) of an exe, without the part that does not fit: the size. */
long procfs_read_exe(struct process *self, const struct proc_name *name, char *to, size_t size);

/* ---- for the files of this directory -------------------------------------------------------------------------------------------- */

struct snapshot {
	struct process *self, *process; /* who asks, about whom */
	const uint64_t *mask; /* signal mask of the task that is asked about, when it is in a trap: the caller; else NULL */
	struct own_areas areas;
	struct lines in; /* the kernel's file */
	struct output out;
};

/* Write the file to s->out. 0 or a negative errno; the caller flushes. */
typedef long snapshot_writer(struct snapshot *s);
/* maps.c */
snapshot_writer write_maps, write_smaps, write_numa_maps;
/* rollup.c */
snapshot_writer write_smaps_rollup;
/* status.c */
snapshot_writer write_statm, write_status, write_stat;

enum { MAP_NAME_COLUMN = 73 };

/* One line of maps, or the head of a section of smaps. */
struct map_line {
	uintptr_t start, end;
	char perms[5];
	uint64_t offset;
	const char *rest; /* device, inode … */
	const char *name; /* … and name, up to the newline; NULL: none */
};

/* False when the text is not one. */
bool map_line_parse(const char *text, size_t size, struct map_line *out);
/* Is this line, above the pool, one that every process has: [vdso], [vvar] …? Everything else there is the runtime's. */
bool map_line_common(const struct map_line *line);

/* memory.c: what status, statm and stat say of a process's memory. */
struct own_memory {
	size_t size, data, stack, text, library; /* bytes of areas */
	size_t anonymous, file, shared_memory, swapped; /* bytes of pages */
	uintptr_t code_start, code_end, data_start, data_end; /* of the program, whole pages; 0: none */
};

void own_memory_take(struct snapshot *s, struct own_memory *out);

static inline size_t own_memory_resident(const struct own_memory *memory)
{
	return memory->anonymous + memory->file + memory->shared_memory;
}

#endif
