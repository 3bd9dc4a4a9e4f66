/* SPDX-License-Identifier: MIT */
/* manager_linux.c - the manager on the Linux host: its pages are real, so that what it booked and what is there are compared. */
#include "files.h"
#include "host/linux/linux_host.h"
#include "manager.h"

static void linux_start(struct run *run)
{
	static struct linux_host host;

	files_open();
	access_init();
	linux_host_init(&host, NULL, 0);
	manager_start(run, &host.host, file_descriptor, file_of_inode);
}

static void linux_real_map(struct run *run, struct map *map)
{
	struct map_reader reader = manager_reader(run, map);

	map_read_self(&reader);
	manager_barriers_hide(map);
}

static long linux_load(struct run *run, uintptr_t addr, uint8_t *value)
{
	(void)run;
	return access_load(addr, value);
}

static long linux_store(struct run *run, uintptr_t addr, uint8_t value)
{
	(void)run;
	return access_store(addr, value);
}

const struct side side_linux = {
	.name = "linux",
	.start = linux_start,
	.call = manager_call,
	.file = kernel_file_call,
	.map = manager_map,
	.real_map = linux_real_map,
	.load = linux_load,
	.store = linux_store,
	.booked = manager_booked,
	.spread = manager_spread,
	.check = manager_check,
};
