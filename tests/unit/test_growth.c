/* SPDX-License-Identifier: MIT */
/* test_growth.c - MAP_GROWSDOWN: what grows by itself, its room, and what the process does around it. */
#include "pool_fixture.h"

enum { DOWN = TULOU_MAP_GROWSDOWN };

/* Any call that looks there. */
static void learn(struct fixture *f)
{
	tulou_access_ok(f->a, at(1000), 3000 * PAGE, RW);
}

static int touch(struct fixture *f, long page)
{
	return sim_store(f->sim, at(page), 1);
}

static void grows(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 4096, 4096);
	assert_int_equal(map_at(f.a, 2000, 4, RW, FIXED | DOWN), 2000);
	pool_expect(&f, "A:1488+1--| A:1489+511--~ A:2000+4rw");
	assert_int_equal(touch(&f, 1999), 0);
	assert_int_equal(touch(&f, 1900), 0);
	/* learned by the first call that looks there */
	assert_true(tulou_access_ok(f.a, at(1950), PAGE, RW));
	pool_expect(&f, "A:1488+1--| A:1489+411--~ A:1900+104rw");
	assert_int_equal(touch(&f, 1489), 0);
	assert_int_equal(touch(&f, 1488), SIM_SEGV);
	assert_int_equal(touch(&f, 1487), SIM_SEGV);
	assert_int_equal(tulou_mprotect(f.a, at(1600), PAGE, RO), 0);
	pool_expect(&f, "A:1488+1--| A:1489+111rw A:1600+1r- A:1601+403rw");
	/* cut off from below, it may grow again */
	assert_int_equal(unmap(f.a, 1400, 300), 0);
	pool_expect(&f, "A:1444+1--| A:1445+255--~ A:1700+304rw"); /* with no less than the gap */
	assert_int_equal(touch(&f, 1690), 0);
	assert_int_equal(unmap(f.a, 1690, 1), 0);
	pool_expect(&f, "A:1435+1--| A:1436+255--~ A:1691+313rw");
	assert_int_equal(touch(&f, 1600), 0);
	/* all of it goes, what was not learned too */
	assert_int_equal(unmap(f.a, 0, 4000), 0);
	pool_expect(&f, "");
	/* anywhere: with room */
	assert_int_equal(map_pages(f.b, 3, RW), 0);
	assert_int_equal(page_of(tulou_mmap(f.b, 0, 4 * PAGE, RW, PRIV | DOWN, -1, 0)), 515);
	pool_expect(&f, "B:0+3rw B:3+512--~ B:515+4rw");
	pool_close(&f);
}

static void room_gives_way(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 4096, 4096);
	assert_int_equal(map_at(f.a, 2000, 4, RW, FIXED | DOWN), 2000);
	/* others have no part in it */
	assert_int_equal(map_at(f.b, 1700, 1, RW, FIXED), -TULOU_ENOMEM);
	assert_int_not_equal(map_at(f.b, 1700, 1, RW, 0), 1700);
	/* own mappings are as on Linux: a hint leaves the gap, fixed ones need not */
	assert_int_equal(map_at(f.a, 1800, 1, RW, 0), 512);
	assert_int_equal(unmap(f.a, 512, 1), 0);
	assert_int_equal(map_at(f.a, 1743, 1, RO, 0), 1743);
	assert_int_equal(map_at(f.a, 1743, 1, RO, NOREPLACE), -TULOU_EEXIST);
	assert_int_equal(touch(&f, 1999), SIM_SEGV); /* the gap to what can be accessed */
	assert_int_equal(protect(f.a, 1743, 1, NONE), 0);
	assert_int_equal(touch(&f, 1990), 0);
	assert_int_equal(map_at(f.a, 1990, 1, RO, NOREPLACE), -TULOU_EEXIST);
	assert_int_equal(map_at(f.a, 1800, 1, RX, NOREPLACE), 1800);
	tulou_process_vm_unref(f.b);
	pool_expect(&f, "A:1743+1-- A:1800+1r-x A:1801+189--~ A:1990+14rw");
	/* the stop gone, it grows down to the next */
	assert_int_equal(unmap(f.a, 1800, 1), 0);
	pool_expect(&f, "A:1743+1-- A:1744+246--~ A:1990+14rw");
	assert_int_equal(unmap(f.a, 1801, 100), 0); /* nothing there */
	assert_int_equal(touch(&f, 1744), 0);
	assert_int_equal(touch(&f, 1743), SIM_SEGV);
	learn(&f);
	pool_expect(&f, "A:1743+1-- A:1744+260rw");
	tulou_process_vm_unref(f.a);
	pool_expect(&f, "");
	pool_close(&f);
}

static void moves(void **state)
{
	enum { MAY = TULOU_MREMAP_MAYMOVE, FIX = TULOU_MREMAP_FIXED };
	struct fixture f;
	long to;

	(void)state;
	pool_open(&f, 4096, 4096);
	tulou_process_vm_unref(f.b);
	assert_int_equal(map_at(f.a, 2000, 4, RW, FIXED | DOWN), 2000);
	assert_int_equal(touch(&f, 1998), 0);
	assert_int_equal(remap(f.a, 1998, 6, 6, MAY | FIX, 3000), 3000);
	pool_expect(&f, "A:2488+1--| A:2489+511--~ A:3000+6rw");
	assert_int_equal(touch(&f, 2990), 0);
	/* the upper part goes on without what has grown, the lower part goes on growing */
	to = remap(f.a, 3002, 4, 4, MAY | FIX, 3100);
	assert_int_equal(to, 3100);
	learn(&f);
	pool_expect(&f, "A:2488+1--| A:2489+501--~ A:2990+12rw A:3002+98--~ A:3100+4rw");
	/* a fixed place in the room */
	assert_int_equal(map_at(f.a, 50, 1, RO, FIXED), 50);
	assert_int_equal(remap(f.a, 50, 1, 1, MAY | FIX, 2800), 2800);
	pool_expect(&f, "A:2800+1r- A:2801+189--~ A:2990+12rw A:3002+98--~ A:3100+4rw");
	assert_int_equal(unmap(f.a, 2800, 600), 0);
	pool_expect(&f, "");
	pool_close(&f);
}

/* Several mappings in one move, with the hole between them: the one that grows has room in the hole, others are not placed there. */
static void moves_with_its_hole(void **state)
{
	enum { MAY = TULOU_MREMAP_MAYMOVE, FIX = TULOU_MREMAP_FIXED };
	struct fixture f;

	(void)state;
	pool_open(&f, 4096, 4096);
	tulou_process_vm_unref(f.b);
	assert_int_equal(map_at(f.a, 2000, 20, RW, FIXED | DOWN), 2000);
	assert_int_equal(unmap(f.a, 2010, 1), 0);
	assert_int_equal(remap(f.a, 2005, 15, 15, MAY | FIX, 3000), 3000);
	pool_expect(&f, "A:1488+1--| A:1489+511--~ A:2000+5rw A:2488+1--| A:2489+511--~ A:3000+5rw A:3005+1--~ A:3006+9rw");
	pool_close(&f);
}

/* However large it is already: nobody is placed in the gap below it. */
static void keeps_its_gap(void **state)
{
	enum { MAY = TULOU_MREMAP_MAYMOVE, FIX = TULOU_MREMAP_FIXED };
	struct fixture f;

	(void)state;
	pool_open(&f, 4096, 4096);
	tulou_process_vm_unref(f.b);
	assert_int_equal(map_at(f.a, 600, 1000, RW, FIXED | DOWN), 600);
	assert_int_equal(map_at(f.a, 700, 100, RO, FIXED), 700);
	assert_int_equal(unmap(f.a, 0, 700), 0);
	assert_int_equal(remap(f.a, 700, 150, 90, MAY | FIX, 3000), 3000);
	pool_expect(&f, "A:594+1--| A:595+255--~ A:850+750rw A:3000+90r-");
	pool_close(&f);
}

/* PROT_GROWSDOWN: from where the mapping begins, in another chunk maybe. */
static void protected_across_chunks(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 4096, 64);
	tulou_process_vm_unref(f.b);
	assert_int_equal(map_at(f.a, 0, 93, RW, FIXED), 0);
	assert_int_equal(map_at(f.a, 92, 154, RW, FIXED | DOWN), 92);
	assert_int_equal(tulou_mprotect(f.a, at(245), PAGE, RO | TULOU_PROT_GROWSDOWN), 0);
	pool_expect(&f, "A:0+92rw A:92+1r- A:93+153r-");
	pool_close(&f);
}

/* The host was told not to let it grow: nor does it elsewhere. */
static void without_room(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 4096, 4096);
	tulou_process_vm_unref(f.b);
	assert_int_equal(map_at(f.a, 0, 4, RW, FIXED | DOWN), 0);
	assert_int_equal(remap(f.a, 1, 3, 3, TULOU_MREMAP_MAYMOVE | TULOU_MREMAP_FIXED, 3000), 3000);
	assert_int_equal(touch(&f, 2999), SIM_SEGV);
	pool_expect(&f, "A:0+1rw A:3000+3rw");
	pool_close(&f);
}

static void forks(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 4096, 64);
	assert_int_equal(map_at(f.a, 2000, 4, RW, FIXED | DOWN), 2000);
	assert_int_equal(map_at(f.b, 3000, 4, RW, FIXED | DOWN), 3000);
	assert_int_equal(touch(&f, 1950), 0);
	assert_int_equal(touch(&f, 2950), 0);
	tulou_fork_prepare(f.pool, f.a);
	tulou_fork_child(f.pool, f.a);
	assert_true(tulou_access_ok(f.a, at(1950), 54 * PAGE, RW));
	assert_int_equal(touch(&f, 1940), 0);
	tulou_process_vm_unref(f.a);
	pool_expect(&f, "");
	pool_close(&f);
}

/* What is cut out of it is room for what remains above; other mappings grow into room in place. */
static void cut(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 4096, 4096);
	tulou_process_vm_unref(f.b);
	assert_int_equal(map_at(f.a, 2000, 20, RW, FIXED | DOWN), 2000);
	assert_int_equal(unmap(f.a, 2010, 2), 0);
	pool_expect(&f, "A:1488+1--| A:1489+511--~ A:2000+10rw A:2010+2--~ A:2012+8rw");
	assert_int_equal(map_pages(f.a, 2, RW), 1);
	assert_int_equal(unmap(f.a, 1, 2), 0);
	assert_int_equal(remap(f.a, 2000, 10, 11, 0, 0), 2000);
	assert_int_equal(remap(f.a, 2000, 11, 13, 0, 0), -TULOU_ENOMEM);
	assert_int_equal(map_at(f.a, 1600, 2, RO, FIXED), 1600);
	assert_int_equal(remap(f.a, 1600, 2, 5, 0, 0), 1600);
	pool_expect(&f, "A:1600+5r- A:1605+395--~ A:2000+11rw A:2011+1--~ A:2012+8rw");
	assert_int_equal(unmap(f.a, 1601, 4), 0);
	assert_int_equal(map_at(f.a, 1400, 80, RO, FIXED), 1400);
	/* over a hole, a barrier and room */
	assert_int_equal(unmap(f.a, 1600, 1), 0);
	assert_int_equal(remap(f.a, 1400, 80, 200, 0, 0), 1400);
	pool_expect(&f, "A:1400+200r- A:1600+400--~ A:2000+11rw A:2011+1--~ A:2012+8rw");
	assert_int_equal(unmap(f.a, 0, 4000), 0);
	pool_expect(&f, "");
	pool_close(&f);
}

/* What takes the upper part of an own mapping needs no room: it has one below. */
static void over_own(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 4096, 64);
	assert_int_equal(map_at(f.a, 100, 3, RW, FIXED), 100);
	assert_int_equal(map_at(f.a, 102, 1, RW, FIXED | DOWN), 102);
	pool_expect(&f, "A:100+2rw A:102+1rw");
	pool_close(&f);
}

/* Room between others and what grows becomes larger from call to call, and has one barrier. */
static void between(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 4096, 64);
	assert_int_equal(map_at(f.b, 1064, 5, RW, FIXED), 1064);
	assert_int_equal(map_at(f.a, 1100, 1, RW, FIXED | DOWN), 1100);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(map_at(f.a, 1102, 1, RW, FIXED), 1102);
		assert_int_equal(unmap(f.a, 1101, 2), 0);
	}
	pool_expect(&f, "B:1064+5rw A:1070+1--| A:1071+13--~ A:1084+4--~ A:1088+12--~ A:1100+1rw");
	assert_int_equal(remap(f.a, 1100, 1, 1, TULOU_MREMAP_MAYMOVE | TULOU_MREMAP_FIXED, 1070), -TULOU_ENOMEM);
	pool_close(&f);
}

/* A heap that was unmapped, with room in its place. */
static void heap(void **state)
{
	struct tulou_layout layout = {.stack_size = 4 * PAGE};
	struct fixture f;

	(void)state;
	pool_open(&f, 8192, 1024);
	assert_int_equal(tulou_process_vm_build(f.a, &layout), 0);
	assert_int_equal(layout.heap_start, at(0));
	assert_int_equal(tulou_brk(f.a, at(20)), at(20));
	assert_int_equal(unmap(f.a, 10, 10), 0);
	assert_int_equal(map_at(f.a, 100, 1, RW, FIXED | DOWN), 100);
	assert_int_equal(tulou_brk(f.a, at(12)), at(20)); /* as Linux: nothing to take back */
	assert_int_equal(tulou_brk(f.a, at(21)), at(20)); /* the gap */
	assert_int_equal(tulou_brk(f.a, at(8)), at(8));
	assert_int_equal(unmap(f.a, 100, 1), 0);
	assert_int_equal(tulou_brk(f.a, at(12)), at(12));
	pool_close(&f);
}

/* The main stack: a piece at first, and room below it: for the limit, and for the gap that the host keeps. */
static void stack(void **state)
{
	struct tulou_layout layout = {.stack_size = 4 * PAGE, .stack_room = 600 * PAGE};
	struct fixture f;

	(void)state;
	pool_open(&f, 8192, 1024);
	assert_int_equal(tulou_process_vm_build(f.a, &layout), 0);
	assert_int_equal(layout.heap_start, at(0));
	assert_int_equal(layout.stack_start, at(257 + 256 + 600));
	assert_int_equal(layout.stack_end, at(1113 + 4));
	pool_expect(&f, "A:257+1--| A:258+855--~ A:1113+4rwS");
	assert_int_equal(map_at(f.b, 300, 1, RW, FIXED), -TULOU_ENOMEM);
	assert_int_equal(map_at(f.b, 700, 1, RW, FIXED), -TULOU_ENOMEM);
	assert_int_equal(touch(&f, 1000), 0);
	assert_true(tulou_access_ok(f.a, at(1000), 100 * PAGE, RW));
	pool_expect(&f, "A:257+1--| A:258+742--~ A:1000+117rwS");
	assert_int_equal(tulou_mprotect(f.a, at(1110), PAGE, RW | TULOU_PROT_EXEC | TULOU_PROT_GROWSDOWN), 0);
	pool_expect(&f, "A:257+1--| A:258+742--~ A:1000+111rwxS A:1111+6rwS");
	/* from the heap's chunk over the lowest of the room */
	assert_int_equal(map_at(f.a, 200, 100, RW, FIXED | TULOU_MAP_FIXED_NOREPLACE), 200);
	pool_expect(&f, "A:200+57rw A:257+43rw A:300+700--~ A:1000+111rwxS A:1111+6rwS");
	assert_int_equal(unmap(f.a, 200, 100), 0);
	assert_int_equal(touch(&f, 514), 0);
	/* what is cut off from its room does not grow */
	assert_int_equal(unmap(f.a, 600, 500), 0);
	pool_expect(&f, "A:88+1--| A:89+168--~ A:257+257--~ A:514+86rwxS A:600+500--~ A:1100+11rwxS A:1111+6rwS");
	tulou_process_vm_unref(f.a);
	pool_expect(&f, "");
	/* as much room as there is */
	layout.stack_room = 8000 * PAGE;
	assert_int_equal(tulou_process_vm_build(f.b, &layout), 0);
	pool_expect(&f, "B:257+1--| B:258+4127--~ B:4385+4rwS");
	pool_close(&f);
}

/* Without a place below, and on hosts that do not grow what they map. */
static void stays(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 512, 64);
	assert_int_equal(map_at(f.b, 100, 1, RW, FIXED), 100);
	assert_int_equal(map_at(f.a, 102, 1, RW, FIXED | DOWN), 102);
	pool_expect(&f, "B:100+1rw A:102+1rw");
	assert_int_equal(touch(&f, 101), SIM_SEGV);
	assert_int_equal(map_at(f.a, 300, 1, RW, FIXED), 300);
	assert_int_equal(map_at(f.a, 301, 1, RW, FIXED | DOWN), 301);
	assert_int_equal(touch(&f, 299), SIM_SEGV);
	assert_int_equal(unmap(f.a, 300, 1), 0);
	pool_expect(&f, "B:100+1rw A:102+1rw A:103+25--~ A:128+128--~ A:256+45--~ A:301+1rw");
	tulou_process_vm_unref(f.a);
	pool_expect(&f, "B:100+1rw");
	pool_close(&f);
}

/* Every callback refuses in turn: all or nothing, and the room of what is not there is not kept. */
static void refusals(void **state)
{
	for (size_t nth = 1; nth < 12; nth++) {
		struct fixture f;
		long result;

		(void)state;
		pool_open(&f, 4096, 64);
		tulou_process_vm_unref(f.b);
		assert_int_equal(map_at(f.a, 1700, 1, NONE, FIXED), 1700);
		probe_fail_any(&f.probe, nth, TULOU_ENOMEM);
		result = map_at(f.a, 2000, 4, RW, FIXED | DOWN);
		probe_fail_none(&f.probe);
		assert_true(result == 2000 || result == -TULOU_ENOMEM);
		pool_expect(&f, result == 2000 ? "A:1700+1-- A:1701+27--~ A:1728+256--~ A:1984+16--~ A:2000+4rw" : "A:1700+1--");
		pool_close(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows),
		cmocka_unit_test(room_gives_way),
		cmocka_unit_test(moves),
		cmocka_unit_test(moves_with_its_hole),
		cmocka_unit_test(keeps_its_gap),
		cmocka_unit_test(protected_across_chunks),
		cmocka_unit_test(without_room),
		cmocka_unit_test(forks),
		cmocka_unit_test(cut),
		cmocka_unit_test(over_own),
		cmocka_unit_test(between),
		cmocka_unit_test(heap),
		cmocka_unit_test(stack),
		cmocka_unit_test(stays),
		cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
