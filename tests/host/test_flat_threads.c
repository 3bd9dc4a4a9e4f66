/* SPDX-License-Identifier: MIT */
/*
 * test_flat_threads.c - several tasks in one flat pool at once, each with a process of its own and a part of one file: what a task stored
 * is what it finds, in memory and in the file.
 */
#include "flat_pool.h"

#include <pthread.h>
#include <sched.h>

enum { TASKS = 4, ROUNDS = 150, PART = 4 };

static _Thread_local uint32_t task_self;

static uint32_t task_name(void *ctx)
{
	(void)ctx;
	return task_self;
}

static bool task_alive(void *ctx, uint32_t owner)
{
	(void)ctx;
	return owner >= 1 && owner <= TASKS + 1;
}

static void task_wait(void *ctx, uint32_t *word, uint32_t seen)
{
	(void)ctx;
	if (__atomic_load_n(word, __ATOMIC_RELAXED) == seen)
		sched_yield();
}

static void task_wake(void *ctx, uint32_t *word, unsigned count)
{
	(void)ctx, (void)word, (void)count;
}

static __attribute__((noreturn)) void task_panic(void *ctx, const char *what)
{
	(void)ctx;
	print_error("panic: %s\n", what);
	abort();
}

struct task {
	pthread_t thread;
	uint32_t number;
	struct tulou *pool;
	const struct flat_fixture *flat;
	size_t good; /* rounds */
};

static bool all_are(const uint8_t *memory, uint8_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (memory[i] != value)
			return false;
	return true;
}

/* Anonymous memory, and its part of the file, with stores that only this task makes. */
static bool task_round(const struct task *task, struct tulou_process_vm *vm, uint8_t value)
{
	uint64_t offset = (uint64_t)(task->number - 1) * PART * P;
	long memory = tulou_mmap(vm, 0, 3 * P, RW, PRIV, -1, 0), file;
	bool good = memory > 0 && all_are((uint8_t *)memory, 0, 3 * P);

	file = tulou_mmap(vm, 0, PART * P, RW, TULOU_MAP_SHARED, 0, offset);
	if (!good || file < 0)
		return false;
	memset((void *)memory, value, 3 * P);
	memset((void *)file, value, PART * P);
	memory = tulou_mremap(vm, (uintptr_t)memory, 3 * P, 6 * P, TULOU_MREMAP_MAYMOVE, 0);
	good = memory > 0 && all_are((uint8_t *)memory, value, 3 * P) && all_are((uint8_t *)memory + 3 * P, 0, 3 * P);
	good = good && !tulou_munmap(vm, (uintptr_t)file, PART * P) && !tulou_munmap(vm, (uintptr_t)memory, 6 * P);
	return good && all_are(task->flat->files[0]->bytes + offset, value, PART * P);
}

static void *task_run(void *arg)
{
	struct task *task = arg;
	struct tulou_process_vm *vm;

	task_self = task->number;
	if (tulou_process_vm_create(task->pool, task->number, &vm))
		return NULL;
	for (int i = 0; i < ROUNDS; i++)
		task->good += task_round(task, vm, (uint8_t)(task->number * 50 + (uint32_t)i % 50));
	tulou_process_vm_unref(vm);
	return NULL;
}

static void tasks_do_not_meet(void **state)
{
	static const struct tulou_flat_tasks tasks = {
		.self = task_name, .alive = task_alive, .wait = task_wait, .wake = task_wake, .panic = task_panic};
	struct task task[TASKS];
	struct fixture p;
	struct tulou_config config;

	(void)state;
	task_self = TASKS + 1;
	p.machine = (struct machine){.kind = ON_FLAT, .start = FLAT_START, .end = FLAT_START + FLAT_PAGES * P};
	p.flat = &p.machine.flat;
	flat_open(p.flat, FLAT_PAGES, 512, &tasks);
	probe_init(&p.probe, p.flat->host);
	flat_file_fill(p.flat, 0, TASKS * PART * P);
	config = (struct tulou_config){.start = at(0), .end = at(FLAT_PAGES), .chunk_size = 16 * P, .check_level = 1};
	assert_int_equal(tulou_create(&p.pool, &p.probe.host, &config), 0);
	for (uint32_t i = 0; i < TASKS; i++) {
		task[i] = (struct task){.number = i + 1, .pool = p.pool, .flat = p.flat};
		assert_int_equal(pthread_create(&task[i].thread, NULL, task_run, &task[i]), 0);
	}
	for (uint32_t i = 0; i < TASKS; i++) {
		pthread_join(task[i].thread, NULL);
		assert_int_equal(task[i].good, ROUNDS);
	}
	pool_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(tasks_do_not_meet)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
