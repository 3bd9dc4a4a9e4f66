/* SPDX-License-Identifier: MIT */
/*
 * scene.h - a pool in which every shape of area is there, and a snapshot of all that can be seen of it.
 *
 *     page  0     518 576       636    646  652  660  668 674 680 692    704 706    770              900
 *           heap  stk wwwwrrrrx… wwww|ww SSSS pppp ssss LLL EEE --- nn    BBB        wwwwww|wwwwww|ww
 *
 *     w r x anonymous   S shared file   p private file   s shared anonymous   L locked   E sealed   - no access   B another process
 *     | a chunk's edge
 */
#ifndef TESTS_FAULTS_SCENE_H
#define TESTS_FAULTS_SCENE_H

#include "pool_fixture.h"

enum { SCENE_PAGES = 1024, SCENE_CHUNK = 64, SCENE_FILES = 2, SCENE_FILE_PAGES = 8 };

/* What else there is: areas, or chunks with an area, so many that the next call needs memory for the books. */
enum scene_filler { FILL_NOTHING, FILL_AREAS, FILL_CHUNKS };

struct scene {
	struct fixture f;
	int fd[SCENE_FILES], read_only_fd; /* read_only_fd: of file 1 */
	long heap, stack; /* pages */
	uintptr_t brk;
};

/* `later`: mlockall(MCL_FUTURE | MCL_ONFAULT) has been called. */
void scene_open(struct scene *s, bool later);
/* One more filler of process `vm`: the first one has index 0. For scenes that have room for it: on sim. */
void scene_fill(struct tulou_process_vm *vm, enum scene_filler filler, size_t index);
void scene_close(struct scene *s);

struct snapshot {
	struct picture books;
	size_t used, limbo, processes, handles;
	long brk;
	struct machine_page pages[SCENE_PAGES];
	struct {
		int fault;
		uint8_t first, last;
	} bytes[SCENE_PAGES];
	uint8_t files[SCENE_FILES][SCENE_FILE_PAGES]; /* the first byte of each page */
};

void snapshot_take(struct scene *s, struct snapshot *out);
/* Is all the same, in pages [first, end)? Of what is not in pages: `whole`. Says on stderr what differs, when `say` is a name. */
bool snapshot_same(const struct snapshot *a, const struct snapshot *b, size_t first, size_t end, bool whole, const char *say);
/* The books' areas and the host's pages agree, and the invariants hold. */
void scene_sound(struct scene *s, const char *name);

#endif
