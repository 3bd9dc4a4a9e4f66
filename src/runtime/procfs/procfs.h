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

#include <linux/ioctl.h>

/* Open a file for `thread` as open(2) with `flags` does; `mask` is its signal mask. A descriptor, a negative errno, or PROC_PASS: the kernel's own
 * answer is right. */
#define PROC_PASS LONG_MIN
long procfs_open(const struct thread *thread, uint64_t mask, const struct proc_name *name, int flags, uint64_t mode);
/* readlink(2) of an exe, without the part that does not fit: the size. */
long procfs_read_exe(struct process *self, const struct proc_name *name, char *to, size_t size);

/* ioctl(PROCMAP_QUERY) on any descriptor. */
long procfs_query(struct process *self, int fd, uint64_t address);

/* The decimal number behind `key` at the start of a line of the kernel's /proc/thread-self/status: stream.h's proc_number(). */
long status_number(const char *key);
/* Filters in Seccomp_filters that are ours: one, which every instance that follows inherits. */
enum { OWN_FILTERS = 1 };

/* ---- for the files of this directory -------------------------------------------------------------------------------------------- */

struct snapshot {
	struct process *self, *process; /* who asks, about whom */
	int other; /* proc_name: other */
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
snapshot_writer write_statm, write_status, write_stat, write_limits;

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
/* Is this mapping above the pool one that every process has ([vdso], [vvar] …), or one of this process's that the kernel placed there
 * (outside.h)? Everything else there is the runtime's. `name`: NULL or up to the newline. */
bool map_common(const struct process *process, const char *name, uintptr_t start, uintptr_t end);
/* The name of the memfd of a snapshot of maps: the pid follows. */
#define MAPS_MEMFD "tulou maps "

/* <linux/fs.h> of Linux 6.11 */
struct procmap_query {
	uint64_t size, query_flags, query_addr, vma_start, vma_end, vma_flags, vma_page_size, vma_offset, inode;
	uint32_t dev_major, dev_minor, vma_name_size, build_id_size;
	uint64_t vma_name_addr, build_id_addr;
};

#define PROCMAP_QUERY _IOWR('f', 17, struct procmap_query)

/* memory.c: what status, statm and stat say of a process's memory. */
struct own_memory {
	size_t size, peak, data, stack, text, library, locked; /* bytes of areas */
	size_t anonymous, file, shared_memory, swapped; /* bytes of pages */
	size_t resident_peak; /* the most of them that was seen when somebody asked */
	uintptr_t code_start, code_end, data_start, data_end; /* of the program, whole pages; 0: none */
};

void own_memory_take(struct snapshot *s, struct own_memory *out);

static inline size_t own_memory_resident(const struct own_memory *memory)
{
	return memory->anonymous + memory->file + memory->shared_memory;
}

#endif
