/* SPDX-License-Identifier: MIT */
/*
 * files.h - the descriptors that a sequence maps: made anew in each child, so that both sides start with the same contents.
 */
#ifndef RANDOM_FILES_H
#define RANDOM_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sequence.h"

enum file_kind {
	FILE_MEMORY, /* read-write, FILE_PAGES pages and FILE_TAIL bytes */
	FILE_OTHER, /* another one like it */
	FILE_READ_ONLY, /* FILE_MEMORY opened O_RDONLY */
	FILE_WRITE_ONLY, /* FILE_MEMORY opened O_WRONLY */
	FILE_EMPTY, /* no bytes: every access is SIGBUS */
	FILE_CLOSED, /* a number that is not open */
	FILE_KINDS_PLAIN, /* the kinds above are those that sim has */
	FILE_SEALED = FILE_KINDS_PLAIN, /* a memfd that takes seals (fcntl(F_ADD_SEALS)) */
	FILE_SEALED_READ_ONLY, /* the same opened O_RDONLY */
	FILE_DISK, /* in a file system that is not tmpfs, if TMPDIR or /tmp is none */
	FILE_DIRECTORY,
	FILE_PIPE,
	FILE_ZERO, /* /dev/zero */
	FILE_NULL, /* /dev/null */
	FILE_PATH, /* opened O_PATH */
	FILE_KINDS,
};

enum { FILE_PAGES = 20, FILE_TAIL = 100, FILE_BYTES_MAX = 8 * PAGE /* of one read or write */ };

/* The byte that stands at `offset` of FILE_MEMORY (`which` 0) and FILE_OTHER (1) at the start. */
uint8_t file_byte(int which, uint64_t offset);

/* Opens them all, at the same numbers on every side. The process ends when that fails. */
void files_open(void);
/* The descriptor for an enum file_kind, or -1. */
int file_descriptor(int file);
/* The enum file_kind behind an inode, FILE_ANONYMOUS when it is none of them. Same file, same answer: FILE_MEMORY for
 * FILE_READ_ONLY. A shared mapping of /dev/zero is anonymous. */
int file_of_inode(uint64_t dev, uint64_t ino, bool shared);

const char *file_name(int file);

#endif
