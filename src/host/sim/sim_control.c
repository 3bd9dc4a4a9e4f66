/* SPDX-License-Identifier: MIT */
/* sim_control.c - what tests ask and order: counters, the area limit, hooks, and the list of what is mapped. */
#include "sim_internal.h"

#include <string.h>

const char *sim_call_name(enum sim_call call)
{
	static const char *const names[SIM_CALLS] = {"books_map", "map", "unmap", "protect", "grow", "move", "remap", "advise",
		"sync", "resident", "lock", "file_get", "books_unmap", "file_dup", "file_put", "wait", "wake"};

	return call < SIM_CALLS ? names[call] : "?";
}

static size_t sim_read(struct sim *sim, const size_t *value)
{
	pthread_mutex_lock(&sim->mutex);
	size_t result = *value;
	pthread_mutex_unlock(&sim->mutex);
	return result;
}

size_t sim_calls(struct sim *sim, enum sim_call call)
{
	return sim_read(sim, &sim->calls[call]);
}

size_t sim_books(struct sim *sim)
{
	return sim_read(sim, &sim->books);
}

size_t sim_handles(struct sim *sim)
{
	return sim_read(sim, &sim->handles);
}

size_t sim_area_count(struct sim *sim)
{
	return sim_read(sim, &sim->areas.count);
}

size_t sim_mapped(struct sim *sim)
{
	size_t size = 0;

	pthread_mutex_lock(&sim->mutex);
	for (size_t i = 0; i < sim->areas.count; i++)
		size += sim->areas.items[i].end - sim->areas.items[i].start;
	pthread_mutex_unlock(&sim->mutex);
	return size;
}

/* ---- orders ---------------------------------------------------------------------------------------------------------------- */

void sim_area_limit(struct sim *sim, size_t limit)
{
	pthread_mutex_lock(&sim->mutex);
	sim->area_limit = limit;
	pthread_mutex_unlock(&sim->mutex);
}

void sim_hook(struct sim *sim, void (*hook)(void *arg, enum sim_call call, bool after), void *arg)
{
	pthread_mutex_lock(&sim->mutex);
	sim->hook = hook;
	sim->hook_arg = arg;
	pthread_mutex_unlock(&sim->mutex);
}

void sim_on_violation(struct sim *sim, void (*handler)(void *arg, const char *what), void *arg)
{
	pthread_mutex_lock(&sim->mutex);
	sim->violation = handler;
	sim->violation_arg = arg;
	pthread_mutex_unlock(&sim->mutex);
}

void sim_on_panic(struct sim *sim, void (*handler)(void *arg, const char *what), void *arg)
{
	pthread_mutex_lock(&sim->mutex);
	sim->panic = handler;
	sim->panic_arg = arg;
	pthread_mutex_unlock(&sim->mutex);
}

/* ---- what is mapped -------------------------------------------------------------------------------------------------------- */

static bool sim_area_fill(const struct sim_extent *extent, struct sim_area *out)
{
	if (!extent)
		return false;
	*out = (struct sim_area){.start = extent->start,
		.end = extent->end,
		.prot = extent->prot,
		.shared = extent->shared,
		.locked = extent->lock};
	if (extent->file) {
		out->dev = extent->file->dev;
		out->ino = extent->file->ino;
		out->offset = extent->offset;
	}
	return true;
}

bool sim_query(struct sim *sim, uintptr_t addr, struct sim_area *out)
{
	pthread_mutex_lock(&sim->mutex);
	bool found = sim_area_fill(sim_areas_find(&sim->areas, addr), out);
	pthread_mutex_unlock(&sim->mutex);
	return found;
}

bool sim_area(struct sim *sim, size_t index, struct sim_area *out)
{
	pthread_mutex_lock(&sim->mutex);
	bool found = sim_area_fill(index < sim->areas.count ? &sim->areas.items[index] : NULL, out);
	pthread_mutex_unlock(&sim->mutex);
	return found;
}
