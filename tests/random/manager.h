/* SPDX-License-Identifier: MIT */
/* manager.h - a process VM as a side: what the sides for the Linux host and for the sim host share. */
#ifndef RANDOM_MANAGER_H
#define RANDOM_MANAGER_H

#include <tulou/tulou.h>

#include "side.h"

struct manager {
	struct tulou *pool;
	struct tulou_process_vm *vms[PROCESSES];
	int (*descriptor)(int file);
	int (*file_of)(uint64_t dev, uint64_t ino, bool shared); /* what the books say → enum file_kind */
};

extern struct manager manager; /* of this child */

/* Pool, process VM and, if the world has one, the heap; fills the record's start. */
void manager_start(
	struct run *run, const struct tulou_host *host, int (*descriptor)(int), int (*file_of)(uint64_t, uint64_t, bool));
/* As if threads of the process had met at its lock (src/vm/nook.h). */
void manager_nooks(struct tulou_process_vm *vm);
long manager_call(struct run *run, const struct request *req, const struct outcome *leader);
/* For the text of maps; without a range to meet. */
struct map_reader manager_reader(struct run *run, struct map *map);
/* Take out of the host's map what stands there for the manager's own sake: the pages that end growth. */
void manager_barriers_hide(struct map *map);
void manager_map(struct run *run, struct map *map);
void manager_booked(struct run *run, unsigned who, struct map *map);
enum spread manager_spread(struct run *run, uintptr_t addr, size_t size);
int manager_check(struct run *run, char *what, size_t size);

#endif
