/* SPDX-License-Identifier: MIT */
/*
 * workloads_end.c - giving back N areas at once: one munmap over all of them, and the end of the process; per area.
 *
 * The kernel's exit is that of a child of its own: its CPU time in all, as wait4() says, less what it had used before.
 * "Aged" means that areas were replaced at random, N times, so that neighbours in the address space are none in the books.
 */
#include <math.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

enum { END_BLOCKS = 5 };

static void end_fill(const struct job *job, void *vm, bool aged)
{
	uintptr_t *at = bench_alloc(job->n * sizeof(*at));
	size_t *size = bench_alloc(job->n * sizeof(*size));
	uint64_t random = 1;

	areas_map_holes(job->side, vm, job->n, at);
	for (size_t i = 0; i < job->n; i++)
		size[i] = AREA_SIZE;
	if (aged)
		areas_churn(job->side, vm, job->n, at, size, job->n, &random);
}

static double process_cpu(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double kernel_exit(const struct job *job, bool aged)
{
	double *before = mmap(NULL, TULOU_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), all;
	struct rusage usage;
	pid_t child;
	int status;

	if (before == MAP_FAILED)
		bench_die("mmap", -TULOU_ENOMEM);
	child = fork();
	if (!child) {
		if (job->n)
			end_fill(job, NULL, aged);
		*before = process_cpu();
		_exit(0);
	}
	if (child < 0 || wait4(child, &status, 0, &usage) != child || status)
		bench_die("a child that shall exit", -TULOU_EAGAIN);
	all = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e9 +
	      (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e3;
	all -= *before;
	munmap(before, TULOU_PAGE_SIZE);
	return all;
}

static void exit_run_with(const struct job *job, bool aged)
{
	struct tulou *pool = job->side->kernel ? NULL : pool_create(0);
	struct blocks blocks = {.count = 0};
	struct job empty = *job;

	empty.n = 0;
	for (unsigned block = 0; block <= END_BLOCKS; block++) {
		struct tulou_process_vm *vm;
		double began;

		if (!pool) {
			blocks_add_value(&blocks, (kernel_exit(job, aged) - kernel_exit(&empty, aged)) / (double)job->n);
			continue;
		}
		vm = pool_process(pool, block + 1);
		end_fill(job, vm, aged);
		began = measure_cpu();
		tulou_process_vm_unref(vm);
		blocks_add(&blocks, began, job->n);
	}
	job->out[0] = blocks_sample(&blocks);
}

static void exit_run(const struct job *job)
{
	exit_run_with(job, false);
}

static void exit_aged_run(const struct job *job)
{
	exit_run_with(job, true);
}

/* The kernel begins with the gaps between what the program itself has: it is shown a place with room for all. */
static void fill_together(const struct job *job, void *vm, uintptr_t *at)
{
	uintptr_t room;

	if (!job->side->kernel) {
		areas_map(job->side, vm, job->n, AREA_SIZE, at);
		return;
	}
	room = job->side->map(vm, 0, job->n * AREA_SIZE, TULOU_PROT_NONE);
	job->side->unmap(vm, room, job->n * AREA_SIZE);
	for (size_t i = 0; i < job->n; i++)
		at[i] = job->side->map(vm, room + i * AREA_SIZE, AREA_SIZE, i % 2 ? TULOU_PROT_NONE : TULOU_PROT_READ);
}

static void unmap_all_run(const struct job *job)
{
	void *vm = job->side->kernel ? NULL : pool_process(pool_create(0), 1);
	uintptr_t *at = bench_alloc(job->n * sizeof(*at));
	struct blocks blocks = {.count = 0};

	for (unsigned block = 0; block <= END_BLOCKS; block++) {
		uintptr_t low = UINTPTR_MAX, high = 0;
		double began;

		fill_together(job, vm, at);
		for (size_t i = 0; i < job->n; i++) {
			low = at[i] < low ? at[i] : low;
			high = at[i] + AREA_SIZE > high ? at[i] + AREA_SIZE : high;
		}
		if (high - low > job->n * (AREA_SIZE + TULOU_PAGE_SIZE))
			bench_die("the areas do not lie together", -TULOU_EINVAL);
		began = measure_cpu();
		job->side->unmap(vm, low, high - low);
		blocks_add(&blocks, began, job->n);
	}
	job->out[0] = blocks_sample(&blocks);
}

static double goal_exit(size_t n, double reference)
{
	(void)n, (void)reference;
	return 20;
}

static double goal_unmap(size_t n, double reference)
{
	(void)n, (void)reference;
	return 15;
}

const struct scene scene_exit = {
	.name = "exit, fresh",
	.counts = {1000, 100000, 1000000},
	.books = 400,
	.kernel_maps = 3,
	.run = exit_run,
	.figures = {{"exit with N areas, fresh, per area", "ns", goal_exit, -1, false, "exit per area, fresh"}},
};

const struct scene scene_exit_aged = {
	.name = "exit, aged",
	.counts = {1000, 100000, 1000000},
	.books = 400,
	.kernel_maps = 3,
	.run = exit_aged_run,
	.figures = {{"exit with N areas, aged, per area", "ns", goal_exit, -1, false, "exit per area, aged"}},
};

const struct scene scene_unmap_all = {
	.name = "one munmap",
	.counts = {1000, 100000, 1000000},
	.books = 400,
	.kernel_maps = 1,
	.run = unmap_all_run,
	.figures = {{"one munmap over N areas, per area", "ns", goal_unmap, -1, false, NULL}},
};
