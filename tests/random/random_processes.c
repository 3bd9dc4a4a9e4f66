/* SPDX-License-Identifier: MIT */
/*
 * random_processes - several process VMs in one pool on the sim host: random calls of all of them, against processes_model.h.
 *
 * After each call: the answer is one that the model allows, the books and the host hold the model's pages and no others, nobody
 * touches his neighbour, tulou_check finds nothing. Processes come and go; in the end all leave, in any order, and the pool must
 * be as empty as it was created; after tulou_destroy the host has its files and books back.
 *
 *     random_processes [--seed N] [--runs N] [--calls N]
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <tulou/inspect.h>

#include "prng.h"
#include "processes_model.h"

enum { CONTENTS_EVERY = 16 };

static struct process {
	struct tulou_process_vm *vm; /* NULL: there is none in this slot */
	unsigned references;
} processes[OWNERS + 1];

static struct prng prng;
static struct sim *sim;
static struct tulou *pool;
static int file;
static unsigned long call_number, run_number;
static char call_text[160];
static unsigned long refusals, over_others;

_Noreturn void fail(const char *what, uintptr_t addr)
{
	printf("random_processes: run %lu, call %lu: %s: %s, at A+0x%lx\n", run_number, call_number, call_text, what,
		(unsigned long)(addr - pool_start));
	exit(1);
}

static void call_note(uint8_t self, const char *name, size_t first, size_t end, long more)
{
	snprintf(call_text, sizeof(call_text), "process %u: %s(A+0x%lx, 0x%lx, %ld)", self, name, (unsigned long)(first * PAGE),
		(unsigned long)((end - first) * PAGE), more);
}

static void answer_fail(long result)
{
	size_t used = strlen(call_text);

	snprintf(call_text + used, sizeof(call_text) - used, " = %ld", result);
	fail("not an answer that the model allows", pool_start);
}

static void range_pick(size_t *first, size_t *end)
{
	size_t pages = (size_t)prng_between(&prng, 1, prng_percent(&prng, 80) ? 12 : 60);

	*first = prng_below(&prng, (unsigned)((prng_percent(&prng, 90) ? pool_pages / 8 : pool_pages) - pages));
	*end = *first + pages;
}

/* The page of an area of `self`, if the dice find one; half of the ranges should mean something. */
static void own_range_pick(uint8_t self, size_t *first, size_t *end)
{
	range_pick(first, end);
	for (unsigned tries = 0; tries < 20 && model[*first].owner != self; tries++)
		range_pick(first, end);
	while (prng_percent(&prng, 70) && *end - *first > 1 && !model_owns_all(self, *first, *end))
		--*end;
}

static void tags_write(uint8_t self, size_t first, size_t end)
{
	for (size_t page = first; page < end; page += 1 + prng_below(&prng, 4)) {
		if (!model_writable(self, page, page + 1))
			continue;
		model[page].value = (uint8_t)prng_next(&prng);
		if (sim_store(sim, page_addr(page) + PROBE, model[page].value))
			fail("cannot write", page_addr(page));
	}
}

/* ---- calls --------------------------------------------------------------------------------------------------------------- */
/* The manager chose this place for `pages` new pages. */
static void place_check(uint8_t self, long result, size_t pages)
{
	size_t first;

	if (result < (long)pool_start || result + (long)pages * PAGE > (long)page_addr(pool_pages) || result % PAGE)
		answer_fail(result);
	first = addr_page((uintptr_t)result);
	for (size_t page = first; page < first + pages; page++)
		if (model[page].owner)
			fail("placed over somebody's pages", page_addr(page));
	if (model_others_near(self, first, first + pages))
		fail("placed right beside another process", (uintptr_t)result);
}

static void mmap_anywhere(struct tulou_process_vm *vm, uint8_t self)
{
	bool from_file = prng_percent(&prng, 10), hint = prng_percent(&prng, 20);
	size_t first, end;
	long result;

	range_pick(&first, &end);
	call_note(self, hint ? "mmap near" : "mmap anywhere", first, end, from_file);
	result = tulou_mmap(vm, hint ? page_addr(first) : 0, (end - first) * PAGE, from_file ? PROT_READ : PROT_READ | PROT_WRITE,
		from_file ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, from_file ? file : -1, 0);
	if (result == -TULOU_ENOMEM && !model_hole_exists(self, end - first)) {
		refusals++;
		return;
	}
	place_check(self, result, end - first);
	end = addr_page((uintptr_t)result) + (end - first);
	first = addr_page((uintptr_t)result);
	model_map(self, first, end, !from_file);
	tags_write(self, first, end);
}

/* MAP_FIXED: over what is its own or nobody's, away from the others, it must work; else ENOMEM, and nothing has changed. */
static void mmap_fixed(struct tulou_process_vm *vm, uint8_t self)
{
	bool replace = prng_percent(&prng, 70), near;
	size_t first, end;
	long result;

	range_pick(&first, &end);
	near = model_others_near(self, first, end);
	call_note(self, replace ? "mmap fixed" : "mmap noreplace", first, end, near);
	result = tulou_mmap(vm, page_addr(first), (end - first) * PAGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | (replace ? MAP_FIXED : MAP_FIXED_NOREPLACE), -1, 0);
	over_others += near;
	if (!replace && model_owns_any(self, first, end) && result == -TULOU_EEXIST)
		return;
	if (near && (result == -TULOU_ENOMEM || (!replace && result == -TULOU_EEXIST)))
		return;
	if (near || (!replace && model_owns_any(self, first, end)) || result != (long)page_addr(first))
		answer_fail(result);
	model_map(self, first, end, true);
	tags_write(self, first, end);
}

static void munmap_some(struct tulou_process_vm *vm, uint8_t self)
{
	size_t first, end;
	long result;

	own_range_pick(self, &first, &end);
	call_note(self, "munmap", first, end, 0);
	result = tulou_munmap(vm, page_addr(first), (end - first) * PAGE);
	if (result)
		answer_fail(result);
	model_unmap(self, first, end);
}

static void mprotect_some(struct tulou_process_vm *vm, uint8_t self)
{
	size_t first, end;
	long result, expected;

	own_range_pick(self, &first, &end);
	call_note(self, "mprotect read", first, end, 0);
	expected = model_owns_all(self, first, end) ? 0 : -TULOU_ENOMEM;
	result = tulou_mprotect(vm, page_addr(first), (end - first) * PAGE, PROT_READ);
	if (result != expected)
		answer_fail(result);
	model_protect(self, first, end, false);
}

/* The old pages with their values to where they are now, and what was added. */
static void mremap_model(uint8_t self, size_t first, size_t end, size_t to, size_t to_end)
{
	static struct page moved[POOL_PAGES_MAX];
	size_t kept = to_end - to < end - first ? to_end - to : end - first;

	memcpy(moved, &model[first], kept * sizeof(moved[0]));
	model_unmap(self, first, end);
	model_map(self, to, to_end, true);
	memcpy(&model[to], moved, kept * sizeof(moved[0]));
}

static void mremap_some(struct tulou_process_vm *vm, uint8_t self)
{
	size_t first, end, pages, to;
	bool may_move = prng_percent(&prng, 70);
	long result;

	own_range_pick(self, &first, &end);
	pages = (size_t)prng_between(&prng, 1, 40);
	call_note(self, may_move ? "mremap maymove" : "mremap", first, end, (long)pages * PAGE);
	if (!model_writable(self, first, end))
		return;
	result = tulou_mremap(vm, page_addr(first), (end - first) * PAGE, pages * PAGE, may_move ? MREMAP_MAYMOVE : 0, 0);
	if (result == -TULOU_ENOMEM && pages > end - first && (!may_move || !model_hole_exists(self, pages))) {
		refusals++;
		return;
	}
	if (result < 0)
		answer_fail(result);
	to = addr_page((uintptr_t)result);
	if (to == first && pages > end - first)
		place_check(self, (long)page_addr(end), pages - (end - first));
	else if (to != first)
		place_check(self, result, pages);
	mremap_model(self, first, end, to, to + pages);
	tags_write(self, to, to + pages);
}

/* ---- processes ----------------------------------------------------------------------------------------------------------- */
static void process_start(uint8_t self)
{
	call_note(self, "create", 0, 0, 0);
	if (tulou_process_vm_create(pool, self, &processes[self].vm))
		fail("tulou_process_vm_create failed", pool_start);
	processes[self].references = 1;
}

/* Only the last reference ends it. */
static void process_leave(uint8_t self)
{
	call_note(self, "unref", 0, 0, processes[self].references);
	tulou_process_vm_unref(processes[self].vm);
	if (--processes[self].references == 0) {
		processes[self].vm = NULL;
		model_unmap(self, 0, pool_pages);
	}
}

static void step(void)
{
	uint8_t self = (uint8_t)prng_between(&prng, 1, OWNERS);
	struct tulou_process_vm *vm = processes[self].vm;
	unsigned roll = prng_below(&prng, 1000);

	if (!vm) {
		process_start(self);
	} else if (roll < 12) {
		process_leave(self);
	} else if (roll < 18) {
		tulou_process_vm_ref(vm);
		processes[self].references++;
	} else if (roll < 400) {
		mmap_anywhere(vm, self);
	} else if (roll < 600) {
		mmap_fixed(vm, self);
	} else if (roll < 800) {
		munmap_some(vm, self);
	} else if (roll < 900) {
		mprotect_some(vm, self);
	} else {
		mremap_some(vm, self);
	}
}

/* All leave, in random order, with all their references. */
static void everybody_leaves(void)
{
	struct tulou_stats stats;

	for (;;) {
		uint8_t self = (uint8_t)prng_between(&prng, 1, OWNERS);
		unsigned alive = 0;

		for (unsigned i = 1; i <= OWNERS; i++)
			alive += processes[i].vm != NULL;
		if (!alive)
			break;
		if (!processes[self].vm)
			continue;
		process_leave(self);
		model_check_books(pool, sim);
	}
	tulou_stats(pool, &stats);
	if (stats.area_count || stats.used || stats.process_count || stats.limbo)
		fail("books that are not empty", pool_start);
	if (stats.pool_free != stats.pool_size || stats.chunk_count[0] || stats.chunk_count[1])
		fail("chunks that nobody owns", pool_start);
	if (sim_mapped(sim) || sim_handles(sim))
		fail("pages or files that were not given back", pool_start);
}

static void run(uint64_t seed, unsigned long calls)
{
	const struct tulou_config config = {.start = pool_start, .end = page_addr(pool_pages), .chunk_size = CHUNK_PAGES * PAGE};

	prng.state = seed;
	memset(model, 0, sizeof(model));
	sim = sim_create(config.start, config.end);
	file = sim_file_create(sim, 1 << 20);
	if (tulou_create(&pool, sim_host(sim), &config))
		fail("tulou_create failed", pool_start);
	for (call_number = 0; call_number < calls; call_number++) {
		step();
		model_check_books(pool, sim);
		if (call_number % CONTENTS_EVERY == 0)
			for (uint8_t owner = 1; owner <= OWNERS; owner++)
				model_check_contents(sim, owner);
	}
	everybody_leaves();
	tulou_destroy(pool);
	if (sim_books(sim))
		fail("books that were not given back", pool_start);
	sim_destroy(sim);
}

int main(int argc, char **argv)
{
	static const struct option names[] = {
		{"seed", 1, NULL, 's'}, {"runs", 1, NULL, 'r'}, {"calls", 1, NULL, 'c'}, {NULL, 0, NULL, 0}};
	uint64_t seed = 1;
	unsigned long runs = 10, calls = 2000;
	int option;

	while ((option = getopt_long(argc, argv, "", names, NULL)) >= 0) {
		if (option == '?')
			return 2;
		*(option == 's' ? &seed : option == 'r' ? &runs : &calls) = strtoul(optarg, NULL, 0);
	}
	printf("random_processes: seed %llu, %lu runs of %lu calls\n", (unsigned long long)seed, runs, calls);
	for (run_number = 0; run_number < runs; run_number++) {
		/* by turns one with room, and one where processes must share chunks */
		pool_pages = run_number % 2 ? 1 << 10 : POOL_PAGES_MAX;
		run(seed * 1000003 + run_number, calls);
	}
	printf("no fault; %lu calls were refused for want of room, %lu named another process's pages\n", refusals, over_others);
	return over_others < runs ? 1 : 0;
}
