/* SPDX-License-Identifier: MIT */
/* test_sim.c - what only the simulated host can: limit its areas, report violations, call hooks, be huge. */
#include "host/sim/sim.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { P = TULOU_PAGE_SIZE, W = TULOU_PROT_READ | TULOU_PROT_WRITE };

static const uintptr_t base = 0x100000;

static int map(struct sim *sim, uintptr_t start, size_t size)
{
	const struct tulou_mapping m = {.start = start, .size = size, .prot = W, .flags = TULOU_MAP_PRIVATE};

	return sim_host(sim)->map(sim, &m);
}

static int unmap(struct sim *sim, uintptr_t start, size_t size)
{
	return sim_host(sim)->unmap(sim, start, size);
}

static void area_limit_refuses_holes(void **state)
{
	struct sim *sim = sim_create(0x10000, 0x500000000000);

	(void)state;
	sim_area_limit(sim, 2);
	assert_int_equal(map(sim, base, 3 * P), 0);
	assert_int_equal(map(sim, base + 8 * P, 3 * P), 0);
	assert_int_equal(map(sim, base + 16 * P, P), -TULOU_ENOMEM);
	assert_int_equal(unmap(sim, base + P, P), -TULOU_ENOMEM); /* a hole makes two of one */
	assert_int_equal(sim_host(sim)->protect(sim, base + P, P, TULOU_PROT_READ), -TULOU_ENOMEM);
	assert_int_equal(unmap(sim, base, P), 0);
	assert_int_equal(unmap(sim, base + 8 * P, 3 * P), 0);
	assert_int_equal(map(sim, base + 16 * P, P), 0);
	assert_int_equal(sim_area_count(sim), 2);
	assert_int_equal(sim_mapped(sim), 3 * P);
	sim_destroy(sim);
}

static void count_violation(void *arg, const char *what)
{
	(void)what;
	++*(int *)arg;
}

static void breaches_are_violations(void **state)
{
	struct sim *sim = sim_create(0x10000, 0x500000000000);
	const struct tulou_host *h = sim_host(sim);
	int violations = 0;

	(void)state;
	sim_on_violation(sim, count_violation, &violations);
	assert_int_equal(map(sim, base, 4 * P), 0);
	assert_int_equal(map(sim, base + 1, P), -TULOU_EINVAL);
	assert_int_equal(map(sim, base, 0), -TULOU_EINVAL);
	assert_int_equal(map(sim, 0x500000000000 - P, 2 * P), -TULOU_EINVAL);
	assert_int_equal(unmap(sim, 0, P), -TULOU_EINVAL);
	assert_int_equal(h->protect(sim, base, P, 0x100), -TULOU_EINVAL);
	assert_int_equal(h->grow(sim, base, P, 2 * P), -TULOU_EINVAL); /* over something */
	assert_int_equal(h->move(sim, base, 2 * P, base + P, 2 * P, false), -TULOU_EINVAL);
	assert_int_equal(violations, 7);
	assert_int_equal(sim_area_count(sim), 1);
	sim_destroy(sim);
}

static void huge_costs_nothing(void **state)
{
	const size_t huge = 0x400000000000; /* 64 TiB */
	struct sim *sim = sim_create(0x10000, 0x500000000000);
	uint8_t value = 0;

	(void)state;
	assert_int_equal(map(sim, base, huge), 0);
	assert_int_equal(sim_store(sim, base + huge / 2, 'm'), 0);
	assert_int_equal(sim_load(sim, base + huge / 2, &value), 0);
	assert_int_equal(value, 'm');
	assert_int_equal(unmap(sim, base, huge / 2), 0);
	assert_int_equal(sim_host(sim)->move(sim, base + huge / 2, huge / 4, base, huge / 4, false), 0);
	assert_int_equal(sim_load(sim, base, &value), 0);
	assert_int_equal(value, 'm');
	assert_int_equal(sim_host(sim)->advise(sim, base, huge / 4, TULOU_MADV_DONTNEED), 0);
	assert_int_equal(sim_load(sim, base, &value), 0);
	assert_int_equal(value, 0);
	sim_destroy(sim);
}

static jmp_buf left;

static void leave_before_unmap(void *arg, enum sim_call call, bool after)
{
	(void)arg;
	if (call == SIM_UNMAP && !after)
		longjmp(left, 1);
}

static void hook_can_kill_the_caller(void **state)
{
	struct sim *sim = sim_create(0x10000, 0x500000000000);

	(void)state;
	assert_int_equal(map(sim, base, P), 0);
	sim_hook(sim, leave_before_unmap, NULL);
	if (setjmp(left) == 0) {
		unmap(sim, base, P);
		fail_msg("the hook did not leave");
	}
	sim_hook(sim, NULL, NULL);
	assert_int_equal(sim_area_count(sim), 1); /* and the sim still works */
	assert_int_equal(unmap(sim, base, P), 0);
	assert_int_equal(sim_area_count(sim), 0);
	sim_task_kill(sim, 5);
	assert_false(sim_host(sim)->alive(sim, 5));
	sim_task_revive(sim, 5);
	assert_true(sim_host(sim)->alive(sim, 5));
	sim_destroy(sim);
}

struct waiter {
	struct sim *sim;
	uint32_t word;
	uint32_t self;
};

static void *wait_for_word(void *arg)
{
	struct waiter *waiter = arg;
	const struct tulou_host *h = sim_host(waiter->sim);

	sim_task_set(9);
	waiter->self = h->self(h->ctx);
	while (__atomic_load_n(&waiter->word, __ATOMIC_ACQUIRE) == 0)
		h->wait(h->ctx, &waiter->word, 0);
	return NULL;
}

static void threads_wait_and_wake(void **state)
{
	struct waiter waiter = {.sim = sim_create(0x10000, 0x500000000000)};
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, wait_for_word, &waiter), 0);
	while (sim_calls(waiter.sim, SIM_WAIT) == 0)
		sched_yield();
	__atomic_store_n(&waiter.word, 1, __ATOMIC_RELEASE);
	sim_host(waiter.sim)->wake(waiter.sim, &waiter.word, 1);
	pthread_join(thread, NULL);
	assert_int_equal(waiter.self, 9);
	assert_int_equal(sim_host(waiter.sim)->self(waiter.sim), 1);
	sim_destroy(waiter.sim);
}

static void books_are_counted_and_zero(void **state)
{
	struct sim *sim = sim_create(0x10000, 0x500000000000);
	const struct tulou_host *h = sim_host(sim);
	unsigned char *books = h->books_map(h->ctx, 2 * P);

	(void)state;
	assert_non_null(books);
	assert_int_equal(books[0] | books[2 * P - 1], 0);
	memset(books, 1, 2 * P);
	assert_int_equal(sim_books(sim), 2 * P);
	h->books_unmap(h->ctx, books, 2 * P);
	assert_int_equal(sim_books(sim), 0);
	sim_destroy(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(area_limit_refuses_holes),
		cmocka_unit_test(breaches_are_violations),
		cmocka_unit_test(huge_costs_nothing),
		cmocka_unit_test(hook_can_kill_the_caller),
		cmocka_unit_test(threads_wait_and_wake),
		cmocka_unit_test(books_are_counted_and_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
