/* SPDX-License-Identifier: MIT */
/*
 * manager_sim.c - the manager on the sim host: areas, pages and files are data of the test, faults are answers.
 *
 * To the manager all files have the same inode number, on a device each: who goes by the number alone mixes them up.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "files.h"
#include "host/sim/sim.h"
#include "manager.h"

enum { SAME_INODE = 7 };

static struct sim *sim;
static struct tulou_host same_inode_host;
static struct {
	bool open, closed;
	int fd;
	uint64_t ino;
} files[FILE_KINDS];

static int sim_descriptor(int file)
{
	return file < 0 || !files[file].open || files[file].closed ? -1 : files[file].fd;
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
	manager_barriers_hide(map);
}

/* What the processor would have said of this address. */
static long fault_of(int signal, uintptr_t addr)
{
	struct sim_area area;

	if (signal == SIM_BUS)
		return fault_make(signal, BUS_ADRERR);
	return signal ? fault_make(signal, sim_query(sim, addr, &area) ? SEGV_ACCERR : SEGV_MAPERR) : 0;
}

static long sim_side_load(struct run *run, uintptr_t addr, uint8_t *value)
{
	(void)run;
	return fault_of(sim_load(sim, addr, value), addr);
}

static long sim_side_store(struct run *run, uintptr_t addr, uint8_t value)
{
	(void)run;
	return fault_of(sim_store(sim, addr, value), addr);
}

/* ---- the calls on descriptors, which are the simulated kernel's: what it refuses is decided here ---------------------------- */
static long sim_write(const struct request *req, int fd)
{
	uint8_t bytes[FILE_BYTES_MAX];

	memset(bytes, req->value, req->size);
	sim_file_write(sim, fd, bytes, req->size, req->offset);
	return (long)req->size;
}

static long sim_read(const struct request *req, int fd)
{
	uint8_t bytes[FILE_BYTES_MAX];

	return read_result(bytes, (long)sim_file_read(sim, fd, bytes, req->size, req->offset));
}

static long sim_side_file(struct run *run, const struct request *req)
{
	int fd = sim_descriptor(req->file), access;

	(void)run;
	if (req->call == CALL_TRUNCATE && (long)req->offset < 0)
		return -EINVAL;
	if (fd < 0)
		return -EBADF;
	access = req->file == FILE_READ_ONLY ? O_RDONLY : req->file == FILE_WRITE_ONLY ? O_WRONLY : O_RDWR;
	switch (req->call) {
	case CALL_TRUNCATE:
		if (access == O_RDONLY)
			return -EINVAL;
		sim_file_truncate(sim, fd, req->offset);
		return 0;
	case CALL_WRITE:
		return access == O_RDONLY ? -EBADF : sim_write(req, fd);
	case CALL_READ:
		return access == O_WRONLY ? -EBADF : sim_read(req, fd);
	case CALL_CLOSE:
		sim_file_close(sim, fd);
		files[req->file].closed = true;
		return 0;
	default:
		return -ENOSYS;
	}
}

const struct side side_sim = {
	.name = "sim",
	.plain_files = true,
	.start = sim_start,
	.call = manager_call,
	.file = sim_side_file,
	.map = manager_map,
	.real_map = sim_real_map,
	.load = sim_side_load,
	.store = sim_side_store,
	.booked = manager_booked,
	.spread = manager_spread,
	.check = manager_check,
};
