/* SPDX-License-Identifier: MIT */
/* test_locks.c - locks that outlive their holders, and threads of several process VMs at once (also under ThreadSanitizer). */
#include "pool_fixture.h"

#include <pthread.h>
#include <unistd.h>

#include "vm/neighbours.h"

enum { THREADS = 4, ROUNDS = 2000 };

static void taken_over(void **state)
{
	struct sim *sim = sim_create(POOL_START, POOL_START + 16 * PAGE);
	const struct tulou_host *host = sim_host(sim);
	struct lock lock = {0};

	(void)state;
	assert_int_equal(lock_take(&lock, host, 5), LOCK_TAKEN);
	assert_true(lock_is_taken(&lock));
	lock_drop(&lock, host);
	assert_false(lock_is_taken(&lock));
	assert_int_equal(lock_take(&lock, host, 5), LOCK_TAKEN);
	sim_task_kill(sim, 5);
	assert_int_equal(lock_take(&lock, host, 6), LOCK_TAKEN_OVER);
	assert_int_equal(lock.word & LOCK_OWNER, 6);
	lock_drop(&lock, host);
	assert_int_equal(lock_take(&lock, host, 7), LOCK_TAKEN);
	lock_drop(&lock, host);
	sim_destroy(sim);
}

/* A task that died holding the locks of its process VM and of the manager, but with whole books, holds up nobody. */
static void dead_holders(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 64, 64);
	assert_int_equal(map_pages(f.a, 4, RW), 0);
	tulou_process_vm_ref(f.a);
	process_vm_lock(f.a, 9);
	manager_lock(&f.pool->manager, &f.a->stock);
	pool_lock_list(f.pool, 9);
	sim_task_kill(f.sim, 9);
	assert_int_equal(map_pages(f.b, 4, RW), 5);
	assert_int_equal(map_pages(f.a, 4, RO), 37);
	pool_expect(&f, "A:0+4rw B:5+4rw A:37+4r-");
	pool_close(&f);
}

/* One that died with its process, in the middle of changes that nobody noted: the process VM does nothing more, and is given back whole. */
static void torn(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 64, 32);
	assert_int_equal(map_pages(f.a, 4, RW), 0);
	assert_int_equal(map_pages(f.b, 4, RW), 32);
	process_vm_lock(f.a, 9);
	process_vm_change_begin(f.a);
	memset(&f.a->map.is, 0xee, sizeof(f.a->map.is));
	memset(&f.a->contents, 0xee, sizeof(f.a->contents));
	sim_task_kill(f.sim, 9);
	assert_int_equal(map_pages(f.a, 4, RW), -TULOU_ENOMEM);
	assert_int_equal(map_at(f.b, 10, 1, RW, FIXED), -TULOU_ENOMEM);
	assert_int_equal(map_pages(f.b, 40, RW), -TULOU_ENOMEM);
	tulou_process_vm_unref(f.a);
	pool_expect(&f, "B:32+4rw");
	assert_int_equal(map_at(f.b, 10, 1, RW, FIXED), 10);
	pool_close(&f);
}

enum { LOOKER = 7, TAKER, VICTIM };

struct taker {
	struct fixture *f;
	bool entered;
};

static void *take_parked(void *arg)
{
	struct taker *taker = arg;

	process_vm_lock(taker->f->a, TAKER);
	__atomic_store_n(&taker->entered, true, __ATOMIC_SEQ_CST);
	process_vm_unlock(taker->f->a);
	return NULL;
}

/* One that died while it waited for the border, which a neighbour has who looks at its map: who takes over waits until he is done, and the
 * neighbour does not wait for that one in turn. */
static void dead_and_parked(void **state)
{
	struct fixture f;
	struct taker taker = {&f, false};
	pthread_t thread;
	bool locked;

	(void)state;
	pool_open(&f, 64, 32);
	assert_int_equal(map_pages(f.a, 4, RW), 0);
	tulou_process_vm_ref(f.a);
	process_vm_lock(f.a, VICTIM);
	__atomic_store_n(&f.a->parked, true, __ATOMIC_SEQ_CST);
	sim_task_kill(f.sim, VICTIM);
	guard_take(&f.pool->border, f.pool->host, LOOKER, NULL);
	assert_int_equal(pthread_create(&thread, NULL, take_parked, &taker), 0);
	while (lock_holder(&f.a->guard.lock) != TAKER)
		usleep(1000);
	neighbour_hold(f.a, LOOKER, &locked);
	assert_false(locked);
	usleep(20000);
	assert_false(__atomic_load_n(&taker.entered, __ATOMIC_SEQ_CST));
	guard_drop(&f.pool->border, f.pool->host);
	pthread_join(thread, NULL);
	assert_true(taker.entered);
	assert_false(f.a->parked);
	tulou_process_vm_unref(f.a);
	pool_close(&f);
}

struct counter {
	struct sim *sim;
	struct lock lock;
	unsigned count;
};

static void *count_up(void *arg)
{
	static uint32_t tasks = 100;
	struct counter *counter = arg;
	uint32_t self = __atomic_fetch_add(&tasks, 1, __ATOMIC_RELAXED);

	for (int i = 0; i < ROUNDS; i++) {
		if (lock_take(&counter->lock, sim_host(counter->sim), self) == LOCK_TAKEN)
			counter->count++;
		lock_drop(&counter->lock, sim_host(counter->sim));
	}
	return NULL;
}

static void contended(void **state)
{
	struct counter counter = {.sim = sim_create(POOL_START, POOL_START + 16 * PAGE)};
	pthread_t threads[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_up, &counter), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(counter.count, THREADS * ROUNDS);
	assert_false(lock_is_taken(&counter.lock));
	sim_destroy(counter.sim);
}

struct worker {
	struct fixture *f;
	struct tulou_process_vm *vm;
	uint32_t task;
	bool broken;
};

/* Map, write, look whether it is still there, unmap; now and then in another size or place. Others do the same. */
static void *churn(void *arg)
{
	struct worker *w = arg;
	uint64_t random = w->task * 7919;

	sim_task_set(w->task);
	for (int i = 0; i < ROUNDS; i++) {
		size_t size;
		uint8_t byte = 0;
		long addr;

		random ^= random << 13, random ^= random >> 7, random ^= random << 17;
		size = (size_t)((random >> 8) % ((random >> 16) % 16 ? 6 : 50) + 1) * PAGE;
		addr = tulou_mmap(w->vm, 0, size, RW, PRIV, -1, 0);
		if (addr < 0)
			continue;
		sim_store(w->f->sim, (uintptr_t)addr, (uint8_t)w->task);
		if (random & 1)
			tulou_mprotect(w->vm, (uintptr_t)addr, PAGE, RO);
		if (sim_load(w->f->sim, (uintptr_t)addr, &byte) || byte != (uint8_t)w->task)
			w->broken = true;
		if (random & 2) {
			long moved = tulou_mremap(w->vm, (uintptr_t)addr, size, 2 * size, TULOU_MREMAP_MAYMOVE, 0);

			addr = moved > 0 ? moved : addr;
			size = moved > 0 ? 2 * size : size;
		}
		if (random & 124)
			tulou_munmap(w->vm, (uintptr_t)addr, size);
	}
	return NULL;
}

static int count_area(void *arg, const struct tulou_area_info *area)
{
	*(size_t *)arg += area->end - area->start;
	return 0;
}

/* Looks at everything, and forks, meanwhile. */
static void *watch(void *arg)
{
	struct worker *w = arg;
	struct tulou_stats stats;

	sim_task_set(w->task);
	for (int i = 0; i < ROUNDS / 20; i++) {
		size_t bytes = 0;

		tulou_walk_areas(w->f->pool, count_area, &bytes);
		tulou_walk_process(w->f->a, count_area, &bytes);
		tulou_stats(w->f->pool, &stats);
		if (stats.pool_free > stats.pool_size)
			w->broken = true;
		tulou_fork_prepare(w->f->pool, w->f->a);
		tulou_fork_parent(w->f->pool, w->f->a);
	}
	return NULL;
}

static void threads_of_two_processes(void **state)
{
	struct fixture f;
	struct worker workers[THREADS + 2];
	pthread_t threads[THREADS + 2];

	(void)state;
	pool_open(&f, 512, 128);
	f.pool->check_level = 1;
	for (unsigned i = 0; i < THREADS + 2; i++) {
		workers[i] = (struct worker){&f, i % 2 ? f.a : f.b, i + 10, false};
		assert_int_equal(pthread_create(&threads[i], NULL, i < THREADS ? churn : watch, &workers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS + 2; i++) {
		pthread_join(threads[i], NULL);
		assert_false(workers[i].broken);
	}
	assert_int_equal(tulou_munmap(f.a, POOL_START, 512 * PAGE), 0);
	assert_int_equal(tulou_munmap(f.b, POOL_START, 512 * PAGE), 0);
	pool_expect(&f, "");
	pool_close(&f);
}

/* Process VMs come and go while others fork and work. */
static void *come_and_go(void *arg)
{
	struct worker *w = arg;

	sim_task_set(w->task);
	for (int i = 0; i < ROUNDS / 20; i++) {
		struct tulou_process_vm *vm;

		if (tulou_process_vm_create(w->f->pool, w->task, &vm)) {
			w->broken = true;
			break;
		}
		tulou_mmap(vm, 0, 3 * PAGE, RW, PRIV, -1, 0);
		tulou_mmap(vm, 0, 100 * PAGE, RW, PRIV, -1, 0);
		tulou_process_vm_unref(vm);
	}
	return NULL;
}

static void processes_come_and_go(void **state)
{
	struct fixture f;
	struct worker workers[THREADS];
	pthread_t threads[THREADS];

	(void)state;
	pool_open(&f, 512, 64);
	f.pool->check_level = 1;
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){&f, f.a, i + 20, false};
		assert_int_equal(pthread_create(&threads[i], NULL, i < THREADS - 1 ? come_and_go : watch, &workers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_false(workers[i].broken);
	}
	pool_expect(&f, "");
	pool_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taken_over),
		cmocka_unit_test(dead_holders),
		cmocka_unit_test(torn),
		cmocka_unit_test(dead_and_parked),
		cmocka_unit_test(contended),
		cmocka_unit_test(threads_of_two_processes),
		cmocka_unit_test(processes_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
