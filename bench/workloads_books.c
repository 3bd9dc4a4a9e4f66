/* SPDX-License-Identifier: MIT */
/* workloads_books.c - bytes of books per anonymous area: all that the pool took from its host, by N. */
#include "bench.h"

static struct sample books_per_area(size_t n)
{
	double bytes = (double)null_host_books() / (double)n;

	return (struct sample){bytes, bytes};
}

static void books_run(const struct job *job)
{
	struct tulou_process_vm *vm = pool_process(pool_create(0), 1);

	areas_map(job->side, vm, job->n, AREA_SIZE, NULL);
	job->out[0] = books_per_area(job->n);
}

static void books_holes_run(const struct job *job)
{
	struct tulou_process_vm *vm = pool_process(pool_create(0), 1);
	uintptr_t *at = bench_alloc(job->n * sizeof(*at));

	areas_map_holes(job->side, vm, job->n, at);
	job->out[0] = books_per_area(job->n);
}

/* As many in each chunk of the whole pool. */
static void books_spread_run(const struct job *job)
{
	struct tulou_process_vm *vm = pool_process(pool_create(0), 1);
	size_t chunk = 32 * MIB, first = POOL_START / chunk + 1, chunks = POOL_END / chunk - first,
	       each = (job->n + chunks - 1) / chunks;

	for (size_t i = 0; i < job->n; i++) {
		uintptr_t hint = (first + i / each) * chunk + (2 * (i % each) + 1) * AREA_SIZE;

		if (job->side->map(vm, hint, AREA_SIZE, TULOU_PROT_READ) != hint)
			bench_die("an area is not where it shall be", -TULOU_EEXIST);
	}
	job->out[0] = books_per_area(job->n);
}

static double goal_books(size_t n, double reference)
{
	(void)n, (void)reference;
	return 64;
}

const struct scene scene_books = {
	.name = "books",
	.counts = {1000, 100000, 1000000},
	.books = 200,
	.run = books_run,
	.figures = {{"bytes of books per area, no holes", "bytes", goal_books, -1, true, NULL}},
};

const struct scene scene_books_holes = {
	.name = "books, holes",
	.counts = {1000, 100000, 1000000},
	.books = 400,
	.run = books_holes_run,
	.figures = {{"bytes of books per area, holes", "bytes", goal_books, -1, true, NULL}},
};

const struct scene scene_books_spread = {
	.name = "books, spread",
	.counts = {1000, 10000000},
	.books = 400,
	.run = books_spread_run,
	.figures = {{"bytes of books per area, all over 64 TiB", "bytes", goal_books, -1, true, NULL}},
};
