/* SPDX-License-Identifier: MIT */
/*
 * other.h - processes of other instances, which are guests as well: a forked child, one that began by a real execve, one of another `tulou
 * run`. The kernel knows them as tulou; what they are stands in their process tables, which lie where ours does (layout.h).
 *
 * Who may read another's memory is the kernel's to say (ptrace(2), Yama); whoever may not sees what the kernel says of them.
 */
#ifndef TULOU_RUNTIME_OTHER_H
#define TULOU_RUNTIME_OTHER_H

#include <stddef.h>
#include <stdint.h>

/* Where the process's slot (process.h) lies in its memory; 0: it is no guest of this very tulou, or not ours to read. */
uintptr_t other_slot(int pid);
/* Bytes of its memory: how many were read, from the first one on, or a negative errno. */
long other_read(int pid, void *to, uintptr_t from, size_t size);

#endif
