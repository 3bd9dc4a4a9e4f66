/* SPDX-License-Identifier: MIT */
/* workloads_find.c - finding areas: the one of an address, the one that mprotect cuts, and those that are chunks of their own. */
#include "bench.h"

#define READ  TULOU_PROT_READ
#define WRITE (TULOU_PROT_READ | TULOU_PROT_WRITE)

/* Addresses are picked before the clock runs; the empty loop goes over the same list. */
struct sample find_measure(const struct job *job, void *vm, const uintptr_t *at)
{
	static uintptr_t page[BATCH_MAX];
	struct blocks blocks = {.count = 0};
	size_t count = job->operations < BATCH_MAX ? job->operations : BATCH_MAX;
	uint64_t random = 1;

	for (unsigned block = 0; block <= job->blocks; block++) {
		volatile uintptr_t sink;
		double began, empty;

		for (size_t i = 0; i < count; i++) {
			uint64_t number = random_next(&random);

			page[i] = at[number % job->n] + (number >> 32) % 4 * TULOU_PAGE_SIZE;
		}
		began = measure_cpu();
		for (size_t i = 0; i < count; i++)
			sink = page[i];
		(void)sink;
		empty = measure_cpu() - began;
		began = measure_cpu();
		for (size_t i = 0; i < count; i++)
			if (!job->side->find(vm, page[i]))
				bench_die("an area was not found", -TULOU_ENOENT);
		blocks_add_value(&blocks, (measure_cpu() - began - empty) / (double)count);
	}
	return blocks_sample(&blocks);
}

/* One record of 64 bytes among N, the next one not known before the last is there: what memory itself costs. */
struct sample touch_measure(const struct job *job)
{
	static uint32_t which[BATCH_MAX];
	struct record {
		uint64_t zero, rest[7];
	} *records = bench_alloc(job->n * sizeof(*records));
	struct blocks blocks = {.count = 0};
	size_t count = job->operations < BATCH_MAX ? job->operations : BATCH_MAX;
	uint64_t random = 1;

	for (size_t i = 0; i < job->n; i++)
		records[i].zero = 0; /* so that its page is there, and its own */
	for (unsigned block = 0; block <= job->blocks; block++) {
		volatile uint64_t sink;
		uint64_t seen = 0;
		double began;

		for (size_t i = 0; i < count; i++)
			which[i] = (uint32_t)(random_next(&random) % job->n);
		began = measure_cpu();
		for (size_t i = 0; i < count; i++)
			seen = ((volatile struct record *)records)[which[i] + seen].zero;
		blocks_add(&blocks, began, count);
		sink = seen;
		(void)sink;
	}
	return blocks_sample(&blocks);
}

struct sample protect_measure(const struct job *job, void *vm, uintptr_t area, size_t size)
{
	uintptr_t page = area + size / 2;
	struct blocks blocks = {.count = 0};

	for (unsigned block = 0; block <= job->blocks; block++) {
		double began = measure_cpu();

		for (size_t i = 0; i < job->operations; i++) {
			job->side->protect(vm, page, TULOU_PAGE_SIZE, READ);
			job->side->protect(vm, page, TULOU_PAGE_SIZE, WRITE);
		}
		blocks_add(&blocks, began, job->operations);
	}
	return blocks_sample(&blocks);
}

enum { SINGLES_FIND, SINGLES_PROTECT, SINGLES_NEW_CHUNK, SINGLES_HINT };

/* Areas above half a chunk have chunks of their own. */
static void singles_run(const struct job *job)
{
	size_t size = 20 * MIB;
	void *vm = job->side->kernel ? NULL : pool_process(pool_create(0), 1);
	uintptr_t *at = bench_alloc(job->n * sizeof(*at));

	areas_map(job->side, vm, job->n, size, at);
	job->out[SINGLES_FIND] = find_measure(job, vm, at);
	job->out[SINGLES_PROTECT] = protect_measure(job, vm, at[job->n / 2 & ~(size_t)1], size);
	job->out[SINGLES_NEW_CHUNK] = pair_measure(job, vm, 0, AREA_SIZE);
	job->side->map(vm, 0, AREA_SIZE, WRITE); /* from now on the process has a chunk for small areas */
	job->out[SINGLES_HINT] = pair_measure(job, vm, at[job->n / 2], AREA_SIZE);
}

static double goal_find(size_t n, double reference)
{
	(void)reference;
	return n <= 10 ? 10 : n <= 1000 ? 20 : 60;
}

static double goal_protect(size_t n, double reference)
{
	(void)n, (void)reference;
	return 100;
}

static double goal_hint(size_t n, double reference)
{
	(void)n, (void)reference;
	return 60;
}

const struct scene scene_singles = {
	.name = "single-VMA chunks",
	.counts = {10, 1000, 10000, 100000},
	.books = 800,
	.kernel_maps = 1,
	.run = singles_run,
	.figures =
		{
			{"N single-VMA chunks: find", "ns", goal_find, -1, false, "find, single-VMA chunks"},
			{"N single-VMA chunks: mprotect pair", "ns", goal_protect, -1, false, NULL},
			{"mmap + munmap 16 KiB, a new chunk each time", "ns", NULL, -1, false, NULL},
			{"failed hint, then anywhere (mmap + munmap)", "ns", goal_hint, -1, false, "failed hint"},
		},
};
