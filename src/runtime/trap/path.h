/* SPDX-License-Identifier: MIT */
/*
 * path.h - names under /proc/self whose answer is about the address space: the kernel would speak of everybody, we speak of the
 * process. A filter cannot see a path, so all opens are trapped; those of other names go on as they were (stub.h).
 *
 * Built: exe, maps, cmdline, environ, auxv by open; exe by readlink and execve. A descriptor of one of them is a snapshot.
 */
#ifndef TULOU_RUNTIME_PATH_H
#define TULOU_RUNTIME_PATH_H

#include <stdbool.h>

#include "runtime/process/process.h"

/* Is this a name of the process's own program (/proc/self/exe, /proc/PID/exe)? */
bool path_own_exe(const struct process *process, const char *path);

#endif
