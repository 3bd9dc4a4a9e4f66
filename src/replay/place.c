/* SPDX-License-Identifier: MIT */
#include "place.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/linux/linux_host.h"
#include "host/sim/sim.h"
#include "replay.h"

/* As the runtime's pool. On the Linux host this program itself must stay out of it, and a sanitizer's shadow. */
enum { LOW = 0x10000 };
#define SIM_END         0x700000000000ul
#define LINUX_START     0x200000000000ul
#define LINUX_END       0x500000000000ul
#define PLACEMENT_START 0x200000000000ul
#define FILE_MOST       (1ul << 46)

bool place_known(const char *name)
{
	return !strcmp(name, "sim") || !strcmp(name, "flat") || !strcmp(name, "linux");
}

struct place *place_create(const char *name)
{
	static struct linux_host linux_host;
	struct place *place = replay_alloc(NULL, sizeof(*place));

	memset(place, 0, sizeof(*place));
	place->name = name;
	if (!strcmp(name, "sim")) {
		place->start = LOW;
		place->end = SIM_END;
		place->sim = sim_create(place->start, place->end);
		place->host = sim_host(place->sim);
	} else if (!strcmp(name, "linux")) {
		place->start = LINUX_START;
		place->end = LINUX_END;
		place->drop_flags = TULOU_MAP_POPULATE | TULOU_MAP_LOCKED;
		linux_host_init(&linux_host, NULL, 0);
		place->host = &linux_host.host;
	} else if (strcmp(name, "flat") != 0 || !place_flat_open(place)) {
		free(place);
		return NULL;
	}
	place->placement_start = PLACEMENT_START;
	return place;
}

void place_destroy(struct place *place)
{
	for (unsigned i = 0; !place->sim && i < PLACE_FILES; i++)
		if (place->files[i].open)
			close(place->files[i].fd);
	if (place->sim)
		sim_destroy(place->sim);
	if (place->arena)
		place_flat_close(place);
	free(place);
}

static bool file_open(struct place *place, unsigned index)
{
	struct tulou_file file;
	int fd = place->sim ? sim_file_create(place->sim, 0) : memfd_create("replay", MFD_CLOEXEC);

	if (fd < 0 || place->host->file_get(place->host->ctx, fd, true, &file))
		return false;
	place->host->file_put(place->host->ctx, &file);
	place->files[index].open = true;
	place->files[index].fd = fd;
	place->files[index].dev = file.dev;
	place->files[index].ino = file.ino;
	return true;
}

int place_file(struct place *place, uint64_t key, uint64_t size)
{
	unsigned index = (unsigned)(key % PLACE_FILES);

	if (!place->files[index].open && !file_open(place, index))
		return -1;
	if (size > FILE_MOST)
		size = FILE_MOST;
	if (size > place->files[index].size) {
		if (place->sim)
			sim_file_truncate(place->sim, place->files[index].fd, size);
		else if (ftruncate(place->files[index].fd, (off_t)size))
			return place->files[index].fd; /* smaller than asked for: mapping it works all the same */
		place->files[index].size = size;
	}
	return place->files[index].fd;
}

int place_file_of(struct place *place, uint64_t dev, uint64_t ino)
{
	for (unsigned i = 0; i < PLACE_FILES; i++)
		if (place->files[i].open && place->files[i].dev == dev && place->files[i].ino == ino)
			return place->files[i].fd;
	return -1;
}

/* include/tulou/flat.h: advice but one, one page of a file or of shared memory in two places, what lies behind a file's end. */
bool place_may_refuse(const struct place *place, int call, int error)
{
	if (!place->arena)
		return false;
	switch (call) {
	case CALL_MADVISE:
		return error == TULOU_EINVAL;
	case CALL_MMAP:
		return error == TULOU_ENODEV || error == TULOU_ENXIO;
	case CALL_MREMAP:
		return error == TULOU_EINVAL || error == TULOU_ENODEV || error == TULOU_ENXIO;
	default:
		return false;
	}
}
