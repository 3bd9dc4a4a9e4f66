/* SPDX-License-Identifier: MIT */
/*
 * bench.h - what the benchmark is made of.
 *
 *     scene (what is mapped)  ×  N  ×  side (Tulou's books, or the kernel)  →  figures (nanoseconds per operation, bytes per area)
 *       holes, no holes, one chunk,       one child process each, so that
 *       single-VMA chunks, threads …      nothing is left from the run before
 *
 * A workload is written once and runs on both sides. The tulou side is libtulou.a as it is shipped on a host that does nothing
 * (null_host.c); the kernel side is real system calls (kernel.c). Scenes and their figures stand in workloads_*.c; main.c runs
 * them, json.c and table.c and plot.c say what came out.
 */
#ifndef TULOU_BENCH_H
#define TULOU_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <tulou/inspect.h>

#define KIB        ((size_t)1 << 10)
#define MIB        ((size_t)1 << 20)
#define GIB        ((size_t)1 << 30)
#define AREA_SIZE  (16 * KIB)
#define POOL_START (16 * MIB)
#define POOL_END   (64 * 1024 * GIB)

enum { FIGURES_MAX = 8, COUNTS_MAX = 8, BATCH_MAX = 4096 };

/* ---- measure.c: one thread's CPU time in blocks ---- */

struct sample {
	double median, min; /* of the blocks, per operation */
};

struct blocks {
	double value[64];
	unsigned count;
};

/* Pin the calling thread to the index-th processor that the program may use; false: there is none. */
bool measure_pin(unsigned index);
unsigned measure_processors(void);
/* Nanoseconds of CPU time of the calling thread, and of the clock on the wall. */
double measure_cpu(void);
double measure_wall(void);
/* One block: `operations` took from `began` (measure_cpu) to now, less what reading the clock costs. */
void blocks_add(struct blocks *blocks, double began, size_t operations);
void blocks_add_value(struct blocks *blocks, double value);
struct sample blocks_sample(const struct blocks *blocks);
uint64_t random_next(uint64_t *state);

/* ---- sides ---- */

struct job;

/* The calls; `vm` is the process VM, NULL for the kernel. They end the child when they fail. */
struct side {
	bool kernel;
	uintptr_t (*map)(void *vm, uintptr_t hint, size_t size, int prot);
	void (*unmap)(void *vm, uintptr_t start, size_t size);
	void (*protect)(void *vm, uintptr_t start, size_t size, int prot);
	uintptr_t (*grow)(void *vm, uintptr_t start, size_t size, size_t new_size);
	/* Is the page mapped? */
	bool (*find)(void *vm, uintptr_t page);
};

extern const struct side tulou_side, kernel_side;

/* ---- null_host.c ---- */

/* Callbacks succeed at once and touch no page; books come from an arena that the kernel has given before. */
const struct tulou_host *null_host(void);
/* Bytes of books that are out. */
size_t null_host_books(void);
/* What self() says in this thread; 1 in the first. */
void null_host_set_self(uint32_t self);
struct tulou *pool_create(size_t chunk_size);
struct tulou_process_vm *pool_process(struct tulou *pool, uint32_t id);

/* ---- scenes ---- */

struct job {
	const struct side *side;
	size_t n;
	unsigned blocks; /* per figure */
	size_t operations; /* per block */
	struct sample *out; /* by number of the figure; NAN where there is none */
};

struct figure {
	const char *workload; /* as in the table */
	const char *unit;
	/* NAN: no goal. `reference` is that figure of the scene which the goal is relative to. */
	double (*goal)(size_t n, double reference);
	int reference; /* index of a figure of the same scene, or -1 */
	bool no_kernel; /* nothing to compare with */
	const char *curve; /* name in the picture, or NULL */
};

struct scene {
	const char *name;
	size_t counts[COUNTS_MAX]; /* N, ascending; 0 ends them */
	size_t books; /* bytes of memory per area that the run needs at most */
	size_t kernel_maps; /* of the kernel's map count, per area; 0: no kernel side */
	void (*run)(const struct job *job);
	struct figure figures[FIGURES_MAX]; /* without a name: the end */
};

extern const struct scene scene_holes, scene_one_chunk, scene_no_holes, scene_singles, scene_exit, scene_exit_aged,
	scene_unmap_all, scene_threads, scene_huge, scene_books, scene_books_holes, scene_books_spread;

/* workloads_map.c: N areas, for other files. `size` bytes each, neighbours that do not join. Places go to `at` if not NULL. */
void areas_map(const struct side *side, void *vm, size_t n, size_t size, uintptr_t *at);
/* 2N, and every other one unmapped. */
void areas_map_holes(const struct side *side, void *vm, size_t n, uintptr_t *at);
struct sample pair_measure(const struct job *job, void *vm, uintptr_t hint, size_t size);
/* Unmap a random area and map one of random size, `count` times; `at` and `size` are kept up to date. */
void areas_churn(const struct side *side, void *vm, size_t n, uintptr_t *at, size_t *size, size_t count, uint64_t *random);
/* workloads_find.c */
struct sample find_measure(const struct job *job, void *vm, const uintptr_t *at);
struct sample touch_measure(const struct job *job);
struct sample protect_measure(const struct job *job, void *vm, uintptr_t area, size_t size);

/* ---- results ---- */

struct row {
	const char *workload, *unit, *curve;
	size_t n;
	double value, min, kernel, goal; /* NAN: none */
};

struct report {
	struct row rows[256];
	unsigned count;
	char machine[256];
	const char *commit;
	char skipped[16][128]; /* what was not run, and why */
	unsigned skipped_count;
};

void table_print(const struct report *report);
bool json_write(const struct report *report, const char *path);
bool plot_write(const struct report *report, const char *path);

/* Say what went wrong and end the child. */
_Noreturn void bench_die(const char *what, long error);
void *bench_alloc(size_t size);

#endif
