/* SPDX-License-Identifier: MIT */
/*
 * test_nooks_threads.c - random calls of several threads of one process, each with a model of what it has (also under
 * ThreadSanitizer).
 *
 *     thread 1 … 4    maps, unmaps, changes; looks whether its memory is what it left there; hands areas to others, who unmap them
 *     watcher         checks everything, walks, forks, trims, shares the process VM for a moment, sets a limit
 *
 * In the end the books and the host have exactly what the models say.
 */
#include "pool_fixture.h"

#include <pthread.h>
#include <unistd.h>

#include "vm/process_vm.h"

enum { THREADS = 4, ROUNDS = 3000, SLOTS = 6, BOXES = 4, POOL_PAGES = 1024 };

struct slot {
	uintptr_t start;
	size_t pages;
	int prot;
	uint8_t byte; /* in its first page, if that can be written */
};

struct worker {
	struct fixture *f;
	uint64_t random;
	uint32_t task;
	struct slot slot[SLOTS];
	const char *broken;
};

/* Areas on their way from one thread to another: page << 8 | pages, or 0. */
static uint64_t boxes[BOXES];
static bool finished;

static unsigned dice(struct worker *w, unsigned sides)
{
	w->random ^= w->random << 13, w->random ^= w->random >> 7, w->random ^= w->random << 17;
	return (unsigned)((w->random >> 16) % sides);
}

static void must(struct worker *w, bool true_, const char *what)
{
	if (!true_ && !w->broken)
		w->broken = what;
}

static void see_byte(struct worker *w, const struct slot *slot)
{
	uint8_t byte = 0;

	if (slot->prot == NONE)
		return;
	must(w, !sim_load(w->f->sim, slot->start, &byte) && byte == slot->byte, "a byte is not what it was");
	must(w, tulou_access_ok(w->f->a, slot->start, slot->pages * PAGE, slot->prot), "access to an area is refused");
}

static void slot_map(struct worker *w, struct slot *slot)
{
	static const int prots[] = {RW, RW, RW, RO};
	size_t pages = dice(w, 4) ? 2 : 1 + dice(w, 5);
	int prot = prots[dice(w, 4)];
	long addr = tulou_mmap(w->f->a, 0, pages * PAGE, prot, PRIV, -1, 0);

	must(w, addr > 0, "no room");
	if (addr <= 0)
		return;
	*slot = (struct slot){(uintptr_t)addr, pages, prot, 0};
	see_byte(w, slot);
	if (prot != RW)
		return;
	slot->byte = (uint8_t)(1 + dice(w, 255));
	must(w, !sim_store(w->f->sim, slot->start, slot->byte), "what is new cannot be written");
}

static void slot_unmap(struct worker *w, struct slot *slot)
{
	must(w, !tulou_munmap(w->f->a, slot->start, slot->pages * PAGE), "munmap fails");
	slot->pages = 0;
}

static void slot_protect(struct worker *w, struct slot *slot)
{
	int prot = dice(w, 2) ? RO : RW;

	must(w, !tulou_mprotect(w->f->a, slot->start, slot->pages * PAGE, prot), "mprotect fails");
	slot->prot = prot;
}

static void slot_move(struct worker *w, struct slot *slot)
{
	size_t pages = 1 + dice(w, 5);
	long addr = tulou_mremap(w->f->a, slot->start, slot->pages * PAGE, pages * PAGE, TULOU_MREMAP_MAYMOVE, 0);

	must(w, addr > 0, "mremap fails");
	if (addr <= 0)
		return;
	slot->start = (uintptr_t)addr;
	slot->pages = pages;
}

/* To whoever comes next; what was there is the caller's to unmap. */
static void slot_hand_over(struct worker *w, struct slot *slot)
{
	uint64_t mine = slot->start / PAGE << 8 | slot->pages,
		 other = __atomic_exchange_n(&boxes[dice(w, BOXES)], mine, __ATOMIC_ACQ_REL);

	slot->pages = 0;
	if (other)
		must(w, !tulou_munmap(w->f->a, (other >> 8) * PAGE, (other & 255) * PAGE), "munmap of another's fails");
}

static void *work(void *arg)
{
	struct worker *w = arg;

	sim_task_set(w->task);
	for (int i = 0; i < ROUNDS && !w->broken; i++) {
		struct slot *slot = &w->slot[dice(w, 3) ? 0 : dice(w, SLOTS)];

		if (!slot->pages) {
			slot_map(w, slot);
			continue;
		}
		see_byte(w, slot);
		switch (dice(w, 24)) {
		case 0:
			slot_protect(w, slot);
			break;
		case 1:
			slot_move(w, slot);
			break;
		case 2:
			slot_hand_over(w, slot);
			break;
		default:
			slot_unmap(w, slot);
		}
	}
	return NULL;
}

static int count_area(void *arg, const struct tulou_area_info *area)
{
	*(size_t *)arg += area->end - area->start;
	return 0;
}

static void *watch(void *arg)
{
	struct worker *w = arg;
	struct tulou *pool = w->f->pool;
	size_t bytes = 0;
	char what[200];

	sim_task_set(w->task);
	while (!__atomic_load_n(&finished, __ATOMIC_ACQUIRE)) {
		switch (dice(w, 8)) {
		case 0:
			tulou_walk_process(w->f->a, count_area, &bytes);
			break;
		case 1:
			tulou_fork_prepare(pool, dice(w, 2) ? w->f->a : w->f->b);
			tulou_fork_parent(pool, w->f->a);
			break;
		case 2:
			tulou_process_vm_ref(w->f->a);
			tulou_walk_areas(pool, count_area, &bytes);
			tulou_process_vm_unref(w->f->a);
			break;
		case 3:
			tulou_trim(pool);
			break;
		case 4:
			tulou_process_vm_limit(w->f->a, POOL_PAGES * PAGE, UINT64_MAX);
			tulou_process_vm_limit(w->f->a, UINT64_MAX, UINT64_MAX);
			break;
		default:
			must(w, !tulou_check(pool, what, sizeof(what)), "the books are not sound");
		}
		usleep(100 + dice(w, 2000));
	}
	return NULL;
}

/* Pages that the books say, or the models: which of them, and with which perms. */
struct pages {
	uint8_t prot[POOL_PAGES]; /* 0: none */
};

static void pages_add(struct pages *pages, uintptr_t start, uintptr_t end, int prot)
{
	for (; start < end; start += PAGE)
		pages->prot[page_of((long)start)] = (uint8_t)prot;
}

static int see_area(void *arg, const struct tulou_area_info *area)
{
	if (area->kind != TULOU_AREA_KEPT)
		pages_add(arg, area->start, area->end, area->prot);
	return 0;
}

static void compare(struct fixture *f, const struct worker *workers)
{
	struct pages model = {{0}}, books = {{0}}, after = {{0}};

	for (int i = 0; i < THREADS; i++)
		for (int j = 0; j < SLOTS; j++)
			pages_add(&model, workers[i].slot[j].start, workers[i].slot[j].start + workers[i].slot[j].pages * PAGE,
				workers[i].slot[j].prot);
	for (int i = 0; i < BOXES; i++)
		if (boxes[i])
			pages_add(&model, (boxes[i] >> 8) * PAGE, ((boxes[i] >> 8) + (boxes[i] & 255)) * PAGE, 255);
	pool_sound(f);
	tulou_walk_areas(f->pool, see_area, &books);
	tulou_walk_process(f->a, see_area, &after);
	for (int i = 0; i < POOL_PAGES; i++) {
		assert_int_equal(books.prot[i], after.prot[i]);
		if (model.prot[i] == 255)
			assert_int_not_equal(books.prot[i], 0);
		else
			assert_int_equal(model.prot[i], books.prot[i]);
	}
	pool_sound(f);
}

static void threads_with(enum tulou_resident resident, bool watched)
{
	struct worker workers[THREADS + 1] = {0};
	pthread_t threads[THREADS + 1];
	unsigned count = THREADS + watched;
	struct fixture f;

	pool_resident = resident;
	pool_open(&f, POOL_PAGES, 256);
	pool_resident = TULOU_RESIDENT_OFF;
	f.pool->check_level = 1;
	f.a->meetings = NOOK_MEETINGS;
	memset(boxes, 0, sizeof(boxes));
	finished = false;
	for (unsigned i = 0; i < count; i++) {
		workers[i] = (struct worker){.f = &f, .random = 88172645463325252ul + i, .task = i + 10};
		assert_int_equal(pthread_create(&threads[i], NULL, i < THREADS ? work : watch, &workers[i]), 0);
	}
	for (unsigned i = 0; i < count; i++) {
		if (i == THREADS)
			__atomic_store_n(&finished, true, __ATOMIC_RELEASE);
		pthread_join(threads[i], NULL);
		if (workers[i].broken)
			fail_msg("thread %u: %s", i, workers[i].broken);
	}
	assert_non_null(f.a->nooks);
	compare(&f, workers);
	pool_close(&f);
}

static void alone(void **state)
{
	(void)state;
	threads_with(TULOU_RESIDENT_OFF, false);
}

static void exact(void **state)
{
	(void)state;
	threads_with(TULOU_RESIDENT_OFF, true);
}

static void resident(void **state)
{
	(void)state;
	threads_with(TULOU_RESIDENT_CHURN, true);
}

static void always(void **state)
{
	(void)state;
	threads_with(TULOU_RESIDENT_ALWAYS, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alone),
		cmocka_unit_test(exact),
		cmocka_unit_test(resident),
		cmocka_unit_test(always),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
