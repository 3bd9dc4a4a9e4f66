/* SPDX-License-Identifier: MIT */
/*
 * sim.c - the simulated host's frame: what every callback passes through, and the callbacks that are not about pages.
 *
 *     sim_enter: hook, lock, count … the callback's own work … sim_leave: unlock, hook
 *
 * The hook runs without the lock, so that it may leave by longjmp or end its thread.
 */
#include "sim_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

static _Thread_local uint32_t sim_current_task = 1;

void *sim_alloc(void *old, size_t size)
{
	void *new = realloc(old, size);

	if (!new) {
		fprintf(stderr, "sim: out of memory\n");
		abort();
	}
	return new;
}

int sim_violation(struct sim *sim, const char *format, ...)
{
	char what[200];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	if (!sim->violation) {
		fprintf(stderr, "sim: the host's contract is broken: %s\n", what);
		abort();
	}
	sim->violation(sim->violation_arg, what);
	return -TULOU_EINVAL;
}

/* ---- the way in and out ---------------------------------------------------------------------------------------------------- */

void sim_enter(struct sim *sim, enum sim_call call)
{
	pthread_mutex_lock(&sim->mutex);
	void (*hook)(void *, enum sim_call, bool) = sim->hook;
	void *arg = sim->hook_arg;
	pthread_mutex_unlock(&sim->mutex);
	if (hook)
		hook(arg, call, false);
	pthread_mutex_lock(&sim->mutex);
	sim->calls[call]++;
}

int sim_leave(struct sim *sim, enum sim_call call, int result)
{
	void (*hook)(void *, enum sim_call, bool) = sim->hook;
	void *arg = sim->hook_arg;

	pthread_mutex_unlock(&sim->mutex);
	if (hook)
		hook(arg, call, true);
	return result;
}

/* ---- books ----------------------------------------------------------------------------------------------------------------- */

static void *sim_books_map(void *ctx, size_t size)
{
	struct sim *sim = ctx;
	void *start = MAP_FAILED;

	sim_enter(sim, SIM_BOOKS_MAP);
	if (size == 0 || size % TULOU_PAGE_SIZE)
		sim_violation(sim, "books_map of %zu bytes", size);
	else
		start = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (start != MAP_FAILED)
		sim->books += size;
	sim_leave(sim, SIM_BOOKS_MAP, 0);
	return start == MAP_FAILED ? NULL : start;
}

static void sim_books_unmap(void *ctx, void *start, size_t size)
{
	struct sim *sim = ctx;

	sim_enter(sim, SIM_BOOKS_UNMAP);
	if (size == 0 || size % TULOU_PAGE_SIZE || size > sim->books || munmap(start, size))
		sim_violation(sim, "books_unmap of %p, %zu bytes (%zu are mapped)", start, size, sim->books);
	else
		sim->books -= size;
	sim_leave(sim, SIM_BOOKS_UNMAP, 0);
}

/* ---- files ----------------------------------------------------------------------------------------------------------------- */

static int sim_file_get_call(void *ctx, int fd, bool shared, struct tulou_file *out)
{
	struct sim *sim = ctx;

	sim_enter(sim, SIM_FILE_GET);
	return sim_leave(sim, SIM_FILE_GET, sim_file_get(sim, fd, shared, out));
}

static void sim_file_dup_call(void *ctx, const struct tulou_file *file)
{
	struct sim *sim = ctx;

	sim_enter(sim, SIM_FILE_DUP);
	((struct sim_file *)file->handle)->refs++;
	sim->handles++;
	sim_leave(sim, SIM_FILE_DUP, 0);
}

static void sim_file_put_call(void *ctx, const struct tulou_file *file)
{
	struct sim *sim = ctx;

	sim_enter(sim, SIM_FILE_PUT);
	if (sim->handles == 0) {
		sim_violation(sim, "file_put without a reference");
	} else {
		sim->handles--;
		sim_file_unref(file->handle);
	}
	sim_leave(sim, SIM_FILE_PUT, 0);
}

/* ---- tasks ----------------------------------------------------------------------------------------------------------------- */

static uint32_t sim_self(void *ctx)
{
	(void)ctx;
	return sim_current_task;
}

static size_t sim_dead_index(const struct sim *sim, uint32_t task)
{
	size_t i = 0;

	while (i < sim->dead_count && sim->dead[i] != task)
		i++;
	return i;
}

static bool sim_alive(void *ctx, uint32_t task)
{
	struct sim *sim = ctx;

	pthread_mutex_lock(&sim->mutex);
	bool alive = sim_dead_index(sim, task) == sim->dead_count;
	pthread_mutex_unlock(&sim->mutex);
	return alive;
}

static void sim_wait(void *ctx, uint32_t *word, uint32_t seen)
{
	struct sim *sim = ctx;
	struct timespec until;

	sim_enter(sim, SIM_WAIT);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 10 * 1000 * 1000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	if (__atomic_load_n(word, __ATOMIC_SEQ_CST) == seen)
		pthread_cond_timedwait(&sim->woken, &sim->mutex, &until);
	sim_leave(sim, SIM_WAIT, 0);
}

static void sim_wake(void *ctx, uint32_t *word, unsigned count)
{
	struct sim *sim = ctx;

	(void)word;
	(void)count;
	sim_enter(sim, SIM_WAKE);
	pthread_cond_broadcast(&sim->woken);
	sim_leave(sim, SIM_WAKE, 0);
}

static __attribute__((noreturn)) void sim_panic(void *ctx, const char *what)
{
	struct sim *sim = ctx;

	if (sim->panic)
		sim->panic(sim->panic_arg, what);
	fprintf(stderr, "sim: panic: %s\n", what);
	abort();
}

void sim_task_set(uint32_t task)
{
	sim_current_task = task;
}

void sim_task_kill(struct sim *sim, uint32_t task)
{
	pthread_mutex_lock(&sim->mutex);
	if (sim_dead_index(sim, task) == sim->dead_count) {
		sim->dead = sim_alloc(sim->dead, (sim->dead_count + 1) * sizeof(*sim->dead));
		sim->dead[sim->dead_count++] = task;
	}
	pthread_mutex_unlock(&sim->mutex);
}

void sim_task_revive(struct sim *sim, uint32_t task)
{
	pthread_mutex_lock(&sim->mutex);
	size_t i = sim_dead_index(sim, task);

	if (i < sim->dead_count)
		sim->dead[i] = sim->dead[--sim->dead_count];
	pthread_mutex_unlock(&sim->mutex);
}

/* ---- create, destroy ------------------------------------------------------------------------------------------------------- */

struct sim *sim_create(uintptr_t start, uintptr_t end)
{
	struct sim *sim = sim_alloc(NULL, sizeof(*sim));

	memset(sim, 0, sizeof(*sim));
	sim->start = start;
	sim->end = end;
	sim->next_ino = 1000;
	pthread_mutex_init(&sim->mutex, NULL);
	pthread_cond_init(&sim->woken, NULL);
	sim->host = (struct tulou_host){
		.ctx = sim,
		.books_map = sim_books_map,
		.books_unmap = sim_books_unmap,
		.map = sim_map,
		.unmap = sim_unmap,
		.protect = sim_protect,
		.grow = sim_grow,
		.move = sim_move,
		.moves_many = true,
		.remap = sim_remap,
		.grown = sim_grown,
		.zero = sim_zero,
		.advise = sim_advise,
		.sync = sim_sync,
		.resident = sim_resident,
		.lock = sim_lock,
		.file_get = sim_file_get_call,
		.file_dup = sim_file_dup_call,
		.file_put = sim_file_put_call,
		.self = sim_self,
		.alive = sim_alive,
		.wait = sim_wait,
		.wake = sim_wake,
		.panic = sim_panic,
	};
	return sim;
}

void sim_destroy(struct sim *sim)
{
	for (int fd = 0; fd < sim->fd_count; fd++)
		sim_file_unref(sim->fds[fd].file);
	sim_areas_fini(&sim->areas);
	sim_pages_fini(&sim->private_pages);
	pthread_cond_destroy(&sim->woken);
	pthread_mutex_destroy(&sim->mutex);
	free(sim->fds);
	free(sim->dead);
	free(sim);
}

const struct tulou_host *sim_host(struct sim *sim)
{
	return &sim->host;
}
