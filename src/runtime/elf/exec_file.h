/* SPDX-License-Identifier: MIT */
/*
 * exec_file.h - open a file as execve(2) opens it: it must be regular and executable by the caller, on a mount that allows it.
 *
 * The kernel has no call for that, so it is done in steps: look, open, look again at what was opened. Whoever swaps files
 * meanwhile gets one or the other, never a mixture.
 */
#ifndef TULOU_RUNTIME_ELF_EXEC_FILE_H
#define TULOU_RUNTIME_ELF_EXEC_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <asm/stat.h>

struct exec_file {
	int fd; /* close-on-exec, readable; -1 with `unreadable` */
	bool unreadable; /* executable, but we may not look inside */
	struct stat stat;
};

/* execveat(2)'s dirfd, path and flags (AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW). 0, or -errno as execve(2) and, if it helps, the
 * reason in `why` (a constant). */
long exec_file_open(int dirfd, const char *path, int flags, struct exec_file *out, const char **why);
void exec_file_close(struct exec_file *file);

/* openat(2), also where RLIMIT_NOFILE allows no further descriptor, as the kernel needs none for execve(2). It fails with EMFILE only where the
 * hard limit is too low as well, and the caller may not raise it. */
long exec_file_descriptor(int dirfd, const char *path, int flags);

/* Would running this file change the caller's credentials (set-user-id, set-group-id, capabilities)? NULL: no; else which. */
const char *exec_file_privilege(const struct exec_file *file);

/* Bytes read at `offset` into `out`: fewer than `size` only at the file's end. Or -errno. */
long exec_file_read(int fd, void *out, size_t size, uint64_t offset);

/* Where the descriptor's file is, into `path`. False when the kernel will not say (no /proc). */
bool exec_file_path(int fd, char *path, size_t capacity);

#endif
