/* SPDX-License-Identifier: MIT */
/*
 * name.h - does a path name a file of /proc that speaks of a guest's memory? The kernel would speak of the whole address space.
 *
 *     /proc/{self,thread-self,PID}[/task/TID]/FILE        FILE: one of enum proc_file; PID: the process's own or another guest's;
 *                                                         for the first few files, also a guest's of another instance (other.h)
 *
 * A relative path counts when its directory (a descriptor, or the working directory) is one of these: looked up only when the last
 * part of the path is one of the names. Other ways to the same file (symbolic links, doubled slashes, a second mount) do not count.
 */
#ifndef TULOU_RUNTIME_PROCFS_NAME_H
#define TULOU_RUNTIME_PROCFS_NAME_H

#include "runtime/process/process.h"

enum proc_file {
	PROC_NONE, /* anything else */
	PROC_EXE,
	PROC_CMDLINE,
	PROC_ENVIRON,
	PROC_AUXV, /* up to here also of other instances */
	PROC_MAPS,
	PROC_SMAPS,
	PROC_SMAPS_ROLLUP,
	PROC_NUMA_MAPS,
	PROC_STATM,
	PROC_STATUS,
	PROC_STAT,
	PROC_LIMITS,
	/* Written, they would reach every process of the address space. */
	PROC_OOM_SCORE_ADJ,
	PROC_OOM_ADJ,
	PROC_COREDUMP_FILTER,
	PROC_CLEAR_REFS,
};

/* Longer paths are nobody's: the longest that counts has two numbers and less than 64 bytes. */
enum { PROC_PATH = 128 };

struct proc_name {
	enum proc_file file;
	struct process *process; /* whom it speaks of; of another instance: a copy of its slot */
	int other; /* its pid then; 0: it is of this instance */
	int tid; /* of which task; 0: the caller */
	char path[PROC_PATH]; /* absolute: the kernel's file of that name */
};

/* Look at `path`, which the guest gave with `dirfd`. false: not one of ours, go on as without us. Else end with proc_name_drop(). */
bool proc_name_guest(struct thread *thread, int dirfd, uint64_t path, struct proc_name *out);
void proc_name_drop(struct proc_name *name);
/* The guest with this pid whose memory is in the books, or NULL. */
struct process *proc_process_named(struct process *self, int pid);
/* The same for a copy of an absolute path, and this instance only; nothing to drop. */
bool proc_name_parse(struct process *self, const char *path, struct proc_name *out);

#endif
