/* SPDX-License-Identifier: MIT */
/* test_probe.c - the host around a host: what it is told to fail does not reach the one behind, and nothing else is changed. */
#include "probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "host/sim/sim.h"

enum { P = TULOU_PAGE_SIZE, W = TULOU_PROT_READ | TULOU_PROT_WRITE };

static const uintptr_t base = 0x100000;

static int map(struct probe *probe, uintptr_t start, size_t size)
{
	const struct tulou_mapping m = {.start = start, .size = size, .prot = W, .flags = TULOU_MAP_PRIVATE};

	return probe->host.map(probe, &m);
}

static int unmap(struct probe *probe, uintptr_t start, size_t size)
{
	return probe->host.unmap(probe, start, size);
}

static void failures_change_nothing(void **state)
{
	struct sim *sim = sim_create(0x10000, 0x500000000000);
	struct probe probe;
	const struct tulou_host *h = &probe.host;
	struct tulou_file file;
	uint8_t value = 0;

	(void)state;
	probe_init(&probe, sim_host(sim));
	assert_int_equal(map(&probe, base, 4 * P), 0);
	assert_int_equal(sim_store(sim, base, 'a'), 0);
	probe_fail_always(&probe, PROBE_UNMAP, TULOU_ENOMEM);
	assert_int_equal(unmap(&probe, base, P), -TULOU_ENOMEM);
	assert_int_equal(unmap(&probe, base, P), -TULOU_ENOMEM);
	probe_fail_always(&probe, PROBE_UNMAP, 0);
	probe_fail(&probe, PROBE_MAP, 2, TULOU_EAGAIN);
	assert_int_equal(map(&probe, base + 8 * P, P), 0);
	assert_int_equal(map(&probe, base, P), -TULOU_EAGAIN);
	probe_fail_any(&probe, 3, TULOU_ENOMEM);
	assert_int_equal(h->protect(h->ctx, base, P, W), 0);
	assert_int_equal(h->advise(h->ctx, base + P, P, TULOU_MADV_DONTNEED), 0);
	assert_int_equal(h->move(h->ctx, base, P, base + 16 * P, P, false), -TULOU_ENOMEM);
	probe_fail(&probe, PROBE_BOOKS_MAP, 1, TULOU_ENOMEM);
	assert_null(h->books_map(&probe, P));
	probe_fail(&probe, PROBE_FILE_GET, 1, TULOU_EMFILE);
	assert_int_equal(h->file_get(h->ctx, sim_file_create(sim, P), false, &file), -TULOU_EMFILE);
	assert_int_equal(probe.failed, 6);
	assert_int_equal(sim_area_count(sim), 2);
	assert_int_equal(sim_load(sim, base, &value), 0);
	assert_int_equal(value, 'a');
	assert_int_equal(probe.calls[PROBE_UNMAP], 2);
	sim_destroy(sim);
}

static void random_failures_repeat(void **state)
{
	char first[65] = "", second[65] = "";

	(void)state;
	for (int run = 0; run < 2; run++) {
		struct sim *sim = sim_create(0x10000, 0x500000000000);
		struct probe probe;

		probe_init(&probe, sim_host(sim));
		probe_fail_random(&probe, 7, 4);
		for (int i = 0; i < 64; i++)
			(run ? second : first)[i] = map(&probe, base, P) ? 'x' : '.';
		assert_in_range(probe.failed, 4, 32);
		probe_fail_none(&probe);
		assert_int_equal(map(&probe, base, P), 0);
		sim_destroy(sim);
	}
	assert_string_equal(first, second);
}

static void protect_stops_at_what_refuses(void **state)
{
	struct sim *sim = sim_create(0x10000, 0x500000000000);
	struct probe probe;
	const struct tulou_host *h = &probe.host;
	struct sim_area area;

	(void)state;
	probe_init(&probe, sim_host(sim));
	assert_int_equal(map(&probe, base, 4 * P), 0);
	assert_int_equal(h->protect(h->ctx, base + P, P, TULOU_PROT_NONE), 0);
	probe_refuse_protect(&probe, base + P, TULOU_EACCES);
	assert_int_equal(h->protect(h->ctx, base, 4 * P, TULOU_PROT_READ), -TULOU_EACCES);
	assert_true(sim_query(sim, base, &area) && area.prot == TULOU_PROT_READ && area.end == base + P);
	assert_true(sim_query(sim, base + P, &area) && area.prot == TULOU_PROT_NONE && area.end == base + 2 * P);
	assert_true(sim_query(sim, base + 2 * P, &area) && area.prot == W);
	probe_fail_none(&probe);
	assert_int_equal(h->protect(h->ctx, base, 4 * P, TULOU_PROT_READ), 0);
	assert_int_equal(sim_area_count(sim), 1);
	sim_destroy(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failures_change_nothing),
		cmocka_unit_test(random_failures_repeat),
		cmocka_unit_test(protect_stops_at_what_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
