/* SPDX-License-Identifier: MIT */
/*
 * path.h - names in /proc whose answer is about the address space: the kernel would speak of everybody, we speak of one process
 * (procfs/). A filter cannot see a path, so all opens and readlinks are trapped; those of other names go on as they were (stub.h).
 */
#ifndef TULOU_RUNTIME_PATH_H
#define TULOU_RUNTIME_PATH_H

#include <stdbool.h>

#include "runtime/process/process.h"

/* Is this a name of the process's own program (/proc/self/exe, /proc/PID/exe)? */
bool path_own_exe(const struct process *process, const char *path);

#endif
