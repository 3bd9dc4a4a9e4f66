/* SPDX-License-Identifier: MIT */
/* manager_sim.c - the manager on the sim host: areas, pages and files are data of the test, faults are answers. */
#include <fcntl.h>

#include "files.h"
#include "host/sim/sim.h"
#include "manager.h"

static struct sim *sim;
static struct {
	bool open;
	int fd;
	uint64_t ino;
} files[FILE_KINDS];

static int sim_descriptor(int file)
{
	return file < 0 || !files[file].open ? -1 : files[file].fd;
}

static int sim_file_of(uint64_t ino, bool shared)
{
	(void)shared;
	for (int kind = 0; kind < FILE_KINDS; kind++)
		if (ino && files[kind].open && files[kind].ino == ino)
			return kind;
	return FILE_ANONYMOUS;
}

static void file_keep(enum file_kind kind, int fd)
{
	const struct tulou_host *host = sim_host(sim);
	struct tulou_file file;

	files[kind].open = true;
	files[kind].fd = fd;
	if (host->file_get(host->ctx, fd, false, &file) == 0) {
		files[kind].ino = file.ino;
		host->file_put(host->ctx, &file);
	}
}

static void file_fill(enum file_kind kind, int which)
{
	static uint8_t bytes[FILE_PAGES * PAGE + FILE_TAIL];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = file_byte(which, i);
	file_keep(kind, sim_file_create(sim, sizeof(bytes)));
	sim_file_write(sim, files[kind].fd, bytes, sizeof(bytes), 0);
}

static void sim_start(struct run *run)
{
	sim = sim_create(run->sequence->world.start, run->sequence->world.end);
	file_fill(FILE_MEMORY, 0);
	file_fill(FILE_OTHER, 1);
	file_keep(FILE_READ_ONLY, sim_file_open(sim, files[FILE_MEMORY].fd, O_RDONLY));
	file_keep(FILE_WRITE_ONLY, sim_file_open(sim, files[FILE_MEMORY].fd, O_WRONLY));
	file_keep(FILE_EMPTY, sim_file_create(sim, 0));
	manager_start(run, sim_host(sim), sim_descriptor, sim_file_of);
}

static void sim_real_map(struct run *run, struct map *map)
{
	struct sim_area area;

	(void)run;
	map_clear(map);
	for (size_t i = 0; sim_area(sim, i, &area); i++) {
		struct range range = { .start = area.start, .end = area.end, .prot = area.prot & 7, .shared = area.shared,
			.file = sim_file_of(area.ino, area.shared), .offset = area.offset };

		map_add(map, &range);
	}
}

static long sim_side_load(struct run *run, uintptr_t addr, uint8_t *value)
{
	(void)run;
	return sim_load(sim, addr, value);
}

static long sim_side_store(struct run *run, uintptr_t addr, uint8_t value)
{
	(void)run;
	return sim_store(sim, addr, value);
}

const struct side side_sim = {
	.name = "sim",
	.plain_files = true,
	.start = sim_start,
	.call = manager_call,
	.map = manager_map,
	.real_map = sim_real_map,
	.load = sim_side_load,
	.store = sim_side_store,
	.spread = manager_spread,
	.check = manager_check,
};
