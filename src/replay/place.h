/* SPDX-License-Identifier: MIT */
/*
 * place.h - the host that a log is run on, and the files that stand for the recorded ones: as large as they are asked for, all
 * zeros, readable and writable. There are PLACE_FILES of them at most; a path goes to one of them by its hash.
 */
#ifndef TULOU_REPLAY_PLACE_H
#define TULOU_REPLAY_PLACE_H

#include <tulou/host.h>

enum { PLACE_FILES = 256 };

struct sim;

struct place {
	const char *name;
	const struct tulou_host *host;
	uintptr_t start, end, placement_start;
	int drop_flags; /* of mmap: what would cost the machine memory */
	struct sim *sim;
	void *arena, *books; /* of the flat host */
	struct {
		bool open;
		int fd;
		uint64_t dev, ino, size;
	} files[PLACE_FILES];
};

/* "sim", "flat" or "linux". Only one at a time. place_create: NULL if there is no such host, or no room for its arena. */
bool place_known(const char *name);
struct place *place_create(const char *name);
void place_destroy(struct place *place);
/* The descriptor of the file for `key`, of at least `size` bytes. Or -1. */
int place_file(struct place *place, uint64_t key, uint64_t size);
/* The descriptor of a file that an area has. Or -1. */
int place_file_of(struct place *place, uint64_t dev, uint64_t ino);
/* Does this host refuse some calls that way, by what its header says, where Linux does them? */
bool place_may_refuse(const struct place *place, int call, int error);

/* ---- place_flat.c ---------------------------------------------------------------------------------------------------------- */
/* Fill host, start, end: an arena, books, and the place's files by pread(2) and pwrite(2). */
bool place_flat_open(struct place *place);
void place_flat_close(struct place *place);

#endif
