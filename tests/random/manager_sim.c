/* SPDX-License-Identifier: MIT */
/*
 * manager_sim.c - the manager on the sim host: areas, pages and files are data of the test, faults are answers.
 *
 * To the manager all files have the same inode number, on a device each: who goes by the number alone mixes them up.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "files.h"
#include "host/sim/sim.h"
#include "manager.h"

enum { SAME_INODE = 7 };

static struct sim *sim;
static struct tulou_host same_inode_host;
static struct {
	bool open;
	int fd;
	uint64_t ino;
} files[FILE_KINDS];

static int sim_descriptor(int file)
{
	return file < 0 || !files[file].open ? -1 : files[file].fd;
}

static int file_of_inode_number(uint64_t ino)
{
	for (int kind = 0; kind < FILE_KINDS; kind++)
		if (ino && files[kind].open && files[kind].ino == ino)
			return kind;
	return FILE_ANONYMOUS;
}

static int sim_file_of(uint64_t dev, uint64_t ino, bool shared)
{
	(void)shared;
	return ino == SAME_INODE ? file_of_inode_number(dev) : FILE_ANONYMOUS;
}

static int same_inode_file_get(void *ctx, int fd, bool shared, struct tulou_file *out)
{
	int error = sim_host(sim)->file_get(ctx, fd, shared, out);

	if (!error) {
		out->dev = out->ino;
		out->ino = SAME_INODE;
	}
	return error;
}

/* The follower is the kernel that runs. */
static bool kernel_moves_many(void)
{
	unsigned major = 0, minor = 0;
	struct utsname name;

	return uname(&name) == 0 && sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 17));
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
	same_inode_host = *sim_host(sim);
	same_inode_host.file_get = same_inode_file_get;
	same_inode_host.moves_many = kernel_moves_many();
	manager_start(run, &same_inode_host, sim_descriptor, sim_file_of);
}

static void sim_real_map(struct run *run, struct map *map)
{
	struct sim_area area;

	(void)run;
	map_clear(map);
	for (size_t i = 0; sim_area(sim, i, &area); i++) {
		struct range range = {.start = area.start,
			.end = area.end,
			.prot = area.prot & 7,
			.shared = area.shared,
			.file = file_of_inode_number(area.ino),
			.offset = area.offset};

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
