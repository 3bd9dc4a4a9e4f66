/* SPDX-License-Identifier: MIT */
/*
 * workloads_threads.c - the first row in two threads at once, each on a processor of its own.
 *
 *     control          pool A ─ process 1 ─ thread 1      nothing is shared but the machine
 *                      pool B ─ process 2 ─ thread 2
 *     2 processes      pool A ─ process 1, 2
 *     2 threads        pool A ─ process 1 ─ threads 1, 2
 *
 * CPU time of a thread does not count while it sleeps for a lock, so each is also given by the clock on the wall, which other
 * load on the machine disturbs.
 */
#include <math.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { CONTROL, PROCESSES, THREADS, ONE, CONTROL_WALL, PROCESSES_WALL, THREADS_WALL, ONE_WALL };

struct worker {
	const struct job *job;
	void *vm;
	unsigned number;
	unsigned *ready, of; /* shared by all of a run: ready counts up to `of`, and on to twice that as they finish */
	struct sample cpu, wall;
};

static void worker_prepare(struct worker *worker)
{
	uintptr_t *at = bench_alloc(worker->job->n * sizeof(*at));

	areas_map_holes(worker->job->side, worker->vm, worker->job->n, at);
}

static bool workers_are_done(const struct worker *worker)
{
	return __atomic_load_n(worker->ready, __ATOMIC_RELAXED) >= 2 * worker->of;
}

static void worker_operate(const struct worker *worker)
{
	const struct side *side = worker->job->side;

	side->unmap(worker->vm, side->map(worker->vm, 0, AREA_SIZE, TULOU_PROT_READ), AREA_SIZE);
}

static void *worker_run(void *arg)
{
	struct worker *worker = arg;
	struct blocks cpu = {.count = 0}, wall = {.count = 0};
	size_t operations = 4 * worker->job->operations;

	null_host_set_self(worker->number + 1);
	measure_pin(worker->number);
	__atomic_add_fetch(worker->ready, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(worker->ready, __ATOMIC_ACQUIRE) < worker->of)
		usleep(50);
	for (unsigned block = 0; block <= worker->job->blocks; block++) {
		double began_wall = measure_wall(), began = measure_cpu();

		for (size_t done = 0; done < operations; done++)
			worker_operate(worker);
		blocks_add(&cpu, began, operations);
		blocks_add_value(&wall, (measure_wall() - began_wall) / (double)operations);
	}
	/* Who is first goes on, unmeasured, so that every block of the other one ran beside somebody too. */
	__atomic_add_fetch(worker->ready, 1, __ATOMIC_ACQ_REL);
	while (!workers_are_done(worker))
		worker_operate(worker);
	worker->cpu = blocks_sample(&cpu);
	worker->wall = blocks_sample(&wall);
	return NULL;
}

static struct sample slower(struct sample a, struct sample b)
{
	return a.median > b.median ? a : b;
}

static void workers_run(struct worker *worker, unsigned count, struct sample *cpu, struct sample *wall)
{
	pthread_t thread[2];
	unsigned ready = 0;

	for (unsigned i = 0; i < count; i++) {
		worker[i].number = i;
		worker[i].ready = &ready;
		worker[i].of = count;
		if (pthread_create(&thread[i], NULL, worker_run, &worker[i]))
			bench_die("pthread_create", -TULOU_EAGAIN);
	}
	for (unsigned i = 0; i < count; i++)
		pthread_join(thread[i], NULL);
	*cpu = count > 1 ? slower(worker[0].cpu, worker[1].cpu) : worker[0].cpu;
	*wall = count > 1 ? slower(worker[0].wall, worker[1].wall) : worker[0].wall;
}

/* The kernel's two processes: a fork each, which share nothing that the kernel does not make them share. */
static void kernel_processes(const struct job *job)
{
	struct shared {
		unsigned ready;
		struct sample cpu[2], wall[2];
	} *shared = mmap(NULL, TULOU_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;

	if (shared == MAP_FAILED)
		bench_die("mmap", -TULOU_ENOMEM);
	for (unsigned i = 0; i < 2; i++) {
		struct worker worker = {.job = job, .number = i, .ready = &shared->ready, .of = 2};

		if (fork())
			continue;
		worker_prepare(&worker);
		worker_run(&worker);
		shared->cpu[i] = worker.cpu;
		shared->wall[i] = worker.wall;
		_exit(0);
	}
	for (unsigned i = 0; i < 2; i++)
		if (wait(&status) < 0 || status)
			bench_die("a process beside another", -TULOU_EAGAIN);
	job->out[PROCESSES] = slower(shared->cpu[0], shared->cpu[1]);
	job->out[PROCESSES_WALL] = slower(shared->wall[0], shared->wall[1]);
}

static void tulou_processes(const struct job *job, bool share)
{
	struct worker worker[2] = {{.job = job}, {.job = job}};
	struct tulou *pool = pool_create(0);

	for (uint32_t i = 0; i < 2; i++) {
		worker[i].vm = pool_process(i && !share ? pool_create(0) : pool, i + 1);
		worker_prepare(&worker[i]);
	}
	workers_run(worker, 2, &job->out[share ? PROCESSES : CONTROL], &job->out[share ? PROCESSES_WALL : CONTROL_WALL]);
}

static void threads_run(const struct job *job)
{
	struct worker worker[2] = {{.job = job}, {.job = job}};
	void *vm = job->side->kernel ? NULL : pool_process(pool_create(0), 1);

	if (measure_processors() < 2)
		return;
	if (job->side->kernel) {
		kernel_processes(job);
	} else {
		tulou_processes(job, false);
		tulou_processes(job, true);
	}
	worker[0].vm = worker[1].vm = vm;
	worker_prepare(&worker[0]);
	workers_run(worker, 1, &job->out[ONE], &job->out[ONE_WALL]);
	workers_run(worker, 2, &job->out[THREADS], &job->out[THREADS_WALL]);
}

static double goal_processes(size_t n, double control)
{
	(void)n;
	return 1.05 * control;
}

static double goal_threads(size_t n, double one)
{
	(void)n;
	return 1.2 * one;
}

const struct scene scene_threads = {
	.name = "threads",
	.counts = {10, 1000, 100000, 1000000},
	.books = 1200,
	.kernel_maps = 3,
	.run = threads_run,
	.figures =
		{
			{"2 threads, nothing shared (control)", "ns", NULL, -1, true, NULL},
			{"2 threads of 2 processes", "ns", goal_processes, CONTROL, false, "pair, 2 processes"},
			{"2 threads of 1 process", "ns", goal_threads, ONE, false, "pair, 2 threads"},
			{"1 thread (control)", "ns", NULL, -1, false, NULL},
			{"2 threads, nothing shared (control), wall clock", "ns", NULL, -1, true, NULL},
			{"2 threads of 2 processes, wall clock", "ns", goal_processes, CONTROL_WALL, false, NULL},
			{"2 threads of 1 process, wall clock", "ns", goal_threads, ONE_WALL, false,
				"pair, 2 threads, wall clock"},
			{"1 thread (control), wall clock", "ns", NULL, -1, false, NULL},
		},
};
