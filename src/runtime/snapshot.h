/* SPDX-License-Identifier: MIT */
/*
 * snapshot.h - files of /proc/self as the process must see them, each in a memfd of its own.
 */
#ifndef TULOU_RUNTIME_SNAPSHOT_H
#define TULOU_RUNTIME_SNAPSHOT_H

#include "runtime/process/process.h"

/* A descriptor at the beginning of the text, O_CLOEXEC as in `flags`; or a negative errno.
 * maps: the kernel's own lines, less those of others, with [heap] and [stack] named. */
long snapshot_maps(struct process *process, int flags);
long snapshot_cmdline(struct process *process, int flags);
long snapshot_environ(struct process *process, int flags);
long snapshot_auxv(struct process *process, int flags);

#endif
