/* SPDX-License-Identifier: MIT */
/*
 * workloads_map.c - N areas, and what mmap, munmap and mremap cost beside them.
 *
 *     holes       RW .. RW .. RW .. RW        2N areas mapped, every other one unmapped
 *     no holes    RW -- RW -- RW --           alternately RW and without access, so that no two join
 *
 * What a pair maps is read-only: it joins no neighbour, on neither side.
 */
#include <math.h>

#include "bench.h"

#define READ  TULOU_PROT_READ
#define WRITE (TULOU_PROT_READ | TULOU_PROT_WRITE)
#define NONE  TULOU_PROT_NONE

void areas_map(const struct side *side, void *vm, size_t n, size_t size, uintptr_t *at)
{
	for (size_t i = 0; i < n; i++) {
		uintptr_t start = side->map(vm, 0, size, i % 2 ? NONE : WRITE);

		if (at)
			at[i] = start;
	}
}

void areas_map_holes(const struct side *side, void *vm, size_t n, uintptr_t *at)
{
	uintptr_t *gone = bench_alloc(n * sizeof(*gone));

	for (size_t i = 0; i < n; i++) {
		at[i] = side->map(vm, 0, AREA_SIZE, WRITE);
		gone[i] = side->map(vm, 0, AREA_SIZE, NONE);
	}
	for (size_t i = 0; i < n; i++)
		side->unmap(vm, gone[i], AREA_SIZE);
}

/* One pair after the other, at the same place. */
struct sample pair_measure(const struct job *job, void *vm, uintptr_t hint, size_t size)
{
	const struct side *side = job->side;
	struct blocks blocks = {.count = 0};

	for (unsigned block = 0; block <= job->blocks; block++) {
		double began = measure_cpu();

		for (size_t i = 0; i < job->operations; i++)
			side->unmap(vm, side->map(vm, hint, size, READ), size);
		blocks_add(&blocks, began, job->operations);
	}
	return blocks_sample(&blocks);
}

/* Areas in holes grow until they must move; mapping them before and unmapping them after is not measured. */
static struct sample grow_measure(const struct job *job, void *vm)
{
	const struct side *side = job->side;
	struct blocks blocks = {.count = 0};
	uintptr_t at[64];
	size_t count = job->n < 64 ? job->n : 64;

	for (unsigned block = 0; block <= 2 * job->blocks; block++) {
		double began;

		for (size_t i = 0; i < count; i++)
			at[i] = side->map(vm, 0, AREA_SIZE, i % 2 ? NONE : READ);
		began = measure_cpu();
		for (size_t i = 0; i < count; i++)
			at[i] = side->grow(vm, at[i], AREA_SIZE, 4 * AREA_SIZE);
		blocks_add(&blocks, began, count);
		for (size_t i = 0; i < count; i++)
			side->unmap(vm, at[i], 4 * AREA_SIZE);
	}
	return blocks_sample(&blocks);
}

/* `count` different areas of all n, far from each other: which, where, and what they become. */
struct victims {
	size_t count;
	uint32_t which[BATCH_MAX];
	uintptr_t at[BATCH_MAX];
	size_t size[BATCH_MAX], new_size[BATCH_MAX];
	int prot[BATCH_MAX];
};

static void victims_pick(struct victims *victims, size_t n, const uintptr_t *at, const size_t *size, uint64_t *random)
{
	size_t slice = n / victims->count;

	/* One of each slice, in an order that jumps about. */
	for (size_t i = 0; i < victims->count; i++)
		victims->which[i] = (uint32_t)(i * slice + random_next(random) % slice);
	for (size_t i = victims->count - 1; i > 0; i--) {
		size_t other = random_next(random) % (i + 1);
		uint32_t which = victims->which[i];

		victims->which[i] = victims->which[other];
		victims->which[other] = which;
	}
	for (size_t i = 0; i < victims->count; i++) {
		victims->at[i] = at[victims->which[i]];
		victims->size[i] = size[victims->which[i]];
		victims->new_size[i] = (1 + random_next(random) % 16) * TULOU_PAGE_SIZE;
		victims->prot[i] = (int)(random_next(random) % 8); /* so that few join their neighbours */
	}
}

static void victims_replace(const struct side *side, void *vm, struct victims *victims)
{
	for (size_t i = 0; i < victims->count; i++) {
		side->unmap(vm, victims->at[i], victims->size[i]);
		victims->at[i] = side->map(vm, 0, victims->new_size[i], victims->prot[i]);
	}
}

static void victims_keep(const struct victims *victims, uintptr_t *at, size_t *size)
{
	for (size_t i = 0; i < victims->count; i++) {
		at[victims->which[i]] = victims->at[i];
		size[victims->which[i]] = victims->new_size[i];
	}
}

void areas_churn(const struct side *side, void *vm, size_t n, uintptr_t *at, size_t *size, size_t count, uint64_t *random)
{
	static struct victims victims;

	for (size_t done = 0; done < count; done += victims.count) {
		victims.count = n < BATCH_MAX ? n : BATCH_MAX;
		victims_pick(&victims, n, at, size, random);
		victims_replace(side, vm, &victims);
		victims_keep(&victims, at, size);
	}
}

static struct sample random_measure(const struct job *job, void *vm, uintptr_t *at)
{
	static struct victims victims;
	struct blocks blocks = {.count = 0};
	size_t *size = bench_alloc(job->n * sizeof(*size));
	uint64_t random = 1;

	for (size_t i = 0; i < job->n; i++)
		size[i] = AREA_SIZE;
	/* What is measured is a state that goes on, not the first fall into the holes. */
	areas_churn(job->side, vm, job->n, at, size, job->n / 4, &random);
	victims.count = job->n < job->operations ? job->n : job->operations;
	for (unsigned block = 0; block <= job->blocks; block++) {
		double began;

		victims_pick(&victims, job->n, at, size, &random);
		began = measure_cpu();
		victims_replace(job->side, vm, &victims);
		blocks_add(&blocks, began, victims.count);
		victims_keep(&victims, at, size);
	}
	return blocks_sample(&blocks);
}

enum { HOLES_FIT, HOLES_NO_FIT, HOLES_PROTECT, HOLES_FIND, HOLES_GROW, HOLES_TOUCH, HOLES_RANDOM };

static void holes_run_in(const struct job *job, void *vm)
{
	uintptr_t *at = bench_alloc(job->n * sizeof(*at));

	areas_map_holes(job->side, vm, job->n, at);
	job->out[HOLES_FIT] = pair_measure(job, vm, 0, AREA_SIZE);
	job->out[HOLES_NO_FIT] = pair_measure(job, vm, 0, 4 * AREA_SIZE);
	job->out[HOLES_PROTECT] = protect_measure(job, vm, at[job->n / 2], AREA_SIZE);
	job->out[HOLES_FIND] = find_measure(job, vm, at);
	job->out[HOLES_GROW] = grow_measure(job, vm);
	if (!job->side->kernel)
		job->out[HOLES_TOUCH] = touch_measure(job);
	job->out[HOLES_RANDOM] = random_measure(job, vm, at);
}

static void holes_run(const struct job *job)
{
	holes_run_in(job, job->side->kernel ? NULL : pool_process(pool_create(0), 1));
}

static void one_chunk_run(const struct job *job)
{
	struct tulou_process_vm *vm = pool_process(pool_create(1024 * GIB), 1);
	uintptr_t *at = bench_alloc(job->n * sizeof(*at));

	areas_map_holes(job->side, vm, job->n, at);
	job->out[0] = pair_measure(job, vm, 0, AREA_SIZE);
	job->out[1] = pair_measure(job, vm, 0, 4 * AREA_SIZE);
}

static void no_holes_run(const struct job *job)
{
	void *vm = job->side->kernel ? NULL : pool_process(pool_create(0), 1);

	areas_map(job->side, vm, job->n, AREA_SIZE, NULL);
	job->out[0] = pair_measure(job, vm, 0, AREA_SIZE);
}

static void huge_run(const struct job *job)
{
	void *vm = job->side->kernel ? NULL : pool_process(pool_create(0), 1);
	struct blocks blocks = {.count = 0};
	uintptr_t *at = bench_alloc(job->n * sizeof(*at));

	for (unsigned block = 0; block <= 2 * job->blocks; block++) {
		double began = measure_cpu();

		for (size_t i = 0; i < job->n; i++)
			at[i] = job->side->map(vm, 0, 64 * GIB, i % 2 ? READ : NONE);
		blocks_add(&blocks, began, job->n);
		for (size_t i = 0; i < job->n; i++)
			job->side->unmap(vm, at[i], 64 * GIB);
	}
	job->out[0] = blocks_sample(&blocks);
}

/* ---- goals ---- */

static double goal_pair(size_t n, double reference)
{
	(void)reference;
	return n <= 100000 ? 60 : 100;
}

static double goal_100(size_t n, double reference)
{
	(void)n, (void)reference;
	return 100;
}

static double goal_150(size_t n, double reference)
{
	(void)n, (void)reference;
	return 150;
}

static double goal_find(size_t n, double touch)
{
	return n <= 10 ? 10 : n <= 1000 ? 20 : n <= 100000 ? 60 : 1.3 * touch;
}

static double goal_random(size_t n, double touch)
{
	return n >= 1000000 ? 3 * touch : NAN;
}

const struct scene scene_holes = {
	.name = "holes",
	.counts = {10, 1000, 10000, 100000, 1000000, 10000000},
	.books = 600,
	.kernel_maps = 3,
	.run = holes_run,
	.figures =
		{
			{"mmap + munmap 16 KiB, fits the holes", "ns", goal_pair, -1, false, "pair 16 KiB, holes"},
			{"mmap + munmap 64 KiB, fits no hole", "ns", goal_pair, -1, false, "pair 64 KiB, fits no hole"},
			{"mprotect of the middle page and back", "ns", goal_100, -1, false, "mprotect pair"},
			{"find the area of a random address", "ns", goal_find, HOLES_TOUCH, false, "find"},
			{"mremap that grows by moving", "ns", goal_150, -1, false, "mremap"},
			{"one random touch of a 64-byte record", "ns", NULL, -1, true, "random touch"},
			{"mmap + munmap, random victim and size", "ns", goal_random, HOLES_TOUCH, false, "random victim"},
		},
};

const struct scene scene_one_chunk = {
	.name = "one chunk",
	.counts = {10, 1000, 10000, 100000, 1000000, 10000000},
	.books = 400,
	.run = one_chunk_run,
	.figures =
		{
			{"mmap + munmap 16 KiB, fits the holes, one chunk", "ns", goal_pair, -1, true,
				"pair 16 KiB, holes, one chunk"},
			{"mmap + munmap 64 KiB, fits no hole, one chunk", "ns", goal_pair, -1, true, NULL},
		},
};

const struct scene scene_no_holes = {
	.name = "no holes",
	.counts = {10, 1000, 10000, 100000, 1000000, 10000000},
	.books = 200,
	.kernel_maps = 1,
	.run = no_holes_run,
	.figures = {{"mmap + munmap 16 KiB, no holes", "ns", goal_pair, -1, false, "pair 16 KiB, no holes"}},
};

const struct scene scene_huge = {
	.name = "64 GiB",
	.counts = {64},
	.books = 400,
	.kernel_maps = 2,
	.run = huge_run,
	.figures = {{"mmap 64 GiB PROT_NONE", "ns", goal_100, -1, false, NULL}},
};
