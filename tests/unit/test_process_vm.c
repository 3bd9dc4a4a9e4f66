/* SPDX-License-Identifier: MIT */
/* test_process_vm.c - process VMs: built, with a heap, beside others, counted, forked, given back to a host that refuses. */
#include "pool_fixture.h"

/*
 *     |image0|heap(1 MiB and a page)~|   fixed at page 16
 *     open chunk: image 1                 stack: 256 pages, 8 pages, 1
 */
static void build(void **state)
{
	struct tulou_image images[] = {
		{.size = 16 * PAGE, .align = PAGE, .fixed = POOL_START + 16 * PAGE},
		{.size = 5 * PAGE, .align = 8 * PAGE},
	};
	struct tulou_layout layout = {.images = images, .image_count = 2, .stack_size = 8 * PAGE};
	struct fixture f;

	(void)state;
	pool_open(&f, 4096, 1024);
	assert_int_equal(tulou_process_vm_build(f.a, &layout), 0);
	assert_int_equal(images[0].base, at(16));
	assert_int_equal(images[1].base, at(1024));
	assert_int_equal(layout.heap_start, at(32));
	assert_int_equal(layout.stack_start, at(32 + 257 + 256));
	assert_int_equal(layout.stack_end, layout.stack_start + 8 * PAGE);
	pool_expect(&f, "A:16+16--R A:545+8rwS A:1024+5--R");
	/* the loader maps over the image and unmaps what it does not need */
	assert_int_equal(map_at(f.a, 16, 4, RX, FIXED), 16);
	assert_int_equal(map_at(f.a, 24, 8, RW, FIXED), 24);
	assert_int_equal(unmap(f.a, 20, 4), 0);
	pool_expect(&f, "A:16+4r-x A:24+8rw A:545+8rwS A:1024+5--R");
	/* no access to what is only booked */
	assert_false(tulou_access_ok(f.a, at(1024), 1, NONE));
	assert_int_equal(protect(f.a, 1024, 1, RO), -TULOU_ENOMEM);
	assert_int_equal(remap(f.a, 1024, 1, 2, TULOU_MREMAP_MAYMOVE, 0), -TULOU_EFAULT);
	/* the gap below the stack is nobody's, not even the owner's */
	assert_int_equal(map_at(f.a, 544, 1, RW, FIXED), -TULOU_ENOMEM);
	assert_int_equal(map_at(f.b, 300, 1, RW, FIXED), -TULOU_ENOMEM);
	assert_int_equal(map_at(f.a, 544, 1, RW, 0), 1029);
	/* a second program at the same place: EEXIST, and nothing of it remains */
	assert_int_equal(tulou_process_vm_build(f.b, &layout), -TULOU_EEXIST);
	assert_int_equal(tulou_process_vm_build(f.a, &layout), -TULOU_EINVAL);
	pool_expect(&f, "A:16+4r-x A:24+8rw A:545+8rwS A:1024+5--R A:1029+1rw");
	/* a stack can be made executable from its start, as the loader does it */
	assert_int_equal(tulou_mprotect(f.a, at(550), PAGE, RW | TULOU_PROT_EXEC | TULOU_PROT_GROWSDOWN), 0);
	pool_expect(&f, "A:16+4r-x A:24+8rw A:545+6rwxS A:551+2rwS A:1024+5--R A:1029+1rw");
	pool_close(&f);
}

static void build_errors(void **state)
{
	struct tulou_image image = {.size = PAGE, .align = PAGE};
	struct tulou_layout layout = {.images = &image, .image_count = 1, .stack_size = 8 * PAGE};
	struct fixture f;

	(void)state;
	pool_open(&f, 4096, 1024);
	image.size = 100;
	assert_int_equal(tulou_process_vm_build(f.a, &layout), -TULOU_EINVAL);
	image.size = PAGE, image.align = 3;
	assert_int_equal(tulou_process_vm_build(f.a, &layout), -TULOU_EINVAL);
	image.align = PAGE, image.fixed = PAGE;
	assert_int_equal(tulou_process_vm_build(f.a, &layout), -TULOU_EINVAL);
	image.fixed = 0, layout.stack_size = 5000 * PAGE;
	assert_int_equal(tulou_process_vm_build(f.a, &layout), -TULOU_ENOMEM);
	pool_expect(&f, "");
	/* the place of a fixed image must also be a page away from others */
	assert_int_equal(map_at(f.b, 100, 1, RW, FIXED), 100);
	image.fixed = at(101), layout.stack_size = 8 * PAGE;
	assert_int_equal(tulou_process_vm_build(f.a, &layout), -TULOU_EEXIST);
	pool_expect(&f, "B:100+1rw");
	pool_close(&f);
}

static void heap(void **state)
{
	struct tulou_layout layout = {.stack_size = 8 * PAGE};
	struct fixture f;
	long start;

	(void)state;
	pool_open(&f, 2048, 1024);
	assert_int_equal(tulou_brk(f.a, 0), 0);
	assert_int_equal(tulou_process_vm_build(f.a, &layout), 0);
	start = (long)layout.heap_start;
	assert_int_equal(start, at(0));
	assert_int_equal(tulou_brk(f.a, 0), start);
	assert_int_equal(tulou_brk(f.a, (uintptr_t)start - 1), start);
	/* bytes; pages follow */
	assert_int_equal(tulou_brk(f.a, (uintptr_t)start + 10), start + 10);
	assert_int_equal(tulou_brk(f.a, (uintptr_t)start + PAGE), start + PAGE);
	pool_expect(&f, "A:0+1rwH A:513+8rwS");
	assert_int_equal(tulou_brk(f.a, (uintptr_t)start + PAGE + 1), start + PAGE + 1);
	pool_expect(&f, "A:0+2rwH A:513+8rwS");
	/* shrunk and grown again: zeros */
	put_at(&f, 1, 'x');
	assert_int_equal(tulou_brk(f.a, (uintptr_t)start), start);
	pool_expect(&f, "A:513+8rwS");
	assert_int_equal(tulou_brk(f.a, (uintptr_t)start + 4 * PAGE), start + 4 * PAGE);
	assert_int_equal(byte_at(&f, 1), 0);
	pool_expect(&f, "A:0+4rwH A:513+8rwS");
	/* to the end of the room, not into the stack's gap; failure leaves the break */
	assert_int_equal(tulou_brk(f.a, at(258)), start + 4 * PAGE);
	assert_int_equal(tulou_brk(f.a, at(257)), at(257));
	assert_int_equal(tulou_brk(f.a, UINTPTR_MAX), at(257));
	/* an own mapping in the way: a page is left below it, as Linux does */
	assert_int_equal(tulou_brk(f.a, at(4)), at(4));
	assert_int_equal(map_at(f.a, 6, 1, RO, FIXED), 6);
	assert_int_equal(tulou_brk(f.a, at(7)), at(4));
	assert_int_equal(tulou_brk(f.a, at(6)), at(4));
	assert_int_equal(tulou_brk(f.a, at(5)), at(5));
	pool_expect(&f, "A:0+5rwH A:6+1r- A:513+8rwS");
	/* what the program has unmapped itself cannot be shrunk away; within a page nothing is to be done */
	assert_int_equal(unmap(f.a, 3, 2), 0);
	assert_int_equal(tulou_brk(f.a, at(3)), at(5));
	assert_int_equal(tulou_brk(f.a, at(5) - 1), at(5) - 1);
	assert_int_equal(tulou_brk(f.a, at(2)), at(2));
	pool_expect(&f, "A:0+2rwH A:6+1r- A:513+8rwS");
	pool_close(&f);
}

/* The pool behind the heap's chunk is free: the heap takes it. */
static void heap_grows_beyond_its_chunk(void **state)
{
	struct tulou_layout layout = {.stack_size = 8 * PAGE};
	struct tulou_image image = {.size = PAGE, .align = PAGE, .fixed = POOL_START + 1024 * PAGE};
	struct fixture f;

	(void)state;
	pool_open(&f, 2048, 1024);
	layout.images = &image;
	layout.image_count = 1;
	assert_int_equal(tulou_process_vm_build(f.a, &layout), 0);
	assert_int_equal(layout.heap_start, at(1025));
	assert_int_equal(tulou_brk(f.a, at(2047)), at(2047));
	assert_int_equal(tulou_brk(f.a, at(2049)), at(2047));
	assert_int_equal(tulou_brk(f.a, at(2048)), at(2048));
	pool_expect(&f, "A:256+8rwS A:1024+1--R A:1025+1023rwH");
	pool_close(&f);
}

/*
 *     |..........|.........~|       B's heap is empty when A takes the page below it: then it cannot grow, since no page would
 *     |.........A|               lie between the two
 */
static void heap_beside_another(void **state)
{
	struct tulou_layout layout = {.stack_size = 8 * PAGE};
	struct fixture f;

	(void)state;
	pool_open(&f, 2048, 64);
	assert_int_equal(map_at(f.a, 62, 1, RW, FIXED), 62);
	assert_int_equal(tulou_process_vm_build(f.b, &layout), 0);
	assert_int_equal(layout.heap_start, at(64));
	assert_int_equal(map_at(f.a, 63, 1, RW, FIXED), 63);
	assert_int_equal(tulou_brk(f.b, at(65)), at(64));
	pool_expect(&f, "A:62+2rw B:577+8rwS");
	assert_int_equal(unmap(f.a, 63, 1), 0);
	assert_int_equal(tulou_brk(f.b, at(65)), at(65));
	pool_expect(&f, "A:62+1rw B:64+1rwH B:577+8rwS");
	assert_int_equal(map_at(f.a, 63, 1, RW, FIXED), -TULOU_ENOMEM);
	pool_close(&f);
}

static void counted(void **state)
{
	struct fixture f;
	struct tulou_stats stats;

	(void)state;
	pool_open(&f, 256, 64);
	assert_int_equal(map_pages(f.a, 4, RW), 0);
	assert_true(tulou_process_vm_exclusive(f.a));
	tulou_process_vm_ref(f.a);
	assert_false(tulou_process_vm_exclusive(f.a));
	tulou_process_vm_unref(f.a);
	pool_expect(&f, "A:0+4rw");
	tulou_process_vm_set_id(f.a, 3);
	assert_int_equal(tulou_process_vm_id(f.a), 3);
	pool_expect(&f, "C:0+4rw");
	tulou_stats(f.pool, &stats);
	assert_int_equal(stats.process_count, 2);
	assert_int_equal(stats.used, 4 * PAGE);
	assert_int_equal(stats.area_count, 1);
	assert_int_equal(stats.pool_size, 256 * PAGE);
	assert_int_equal(stats.pool_free, 192 * PAGE);
	assert_int_equal(stats.chunk_count[TULOU_CHUNK_MULTI], 1);
	assert_int_equal(stats.books, f.probe.books);
	tulou_process_vm_unref(f.a);
	pool_expect(&f, "");
	tulou_stats(f.pool, &stats);
	assert_int_equal(stats.process_count, 1);
	assert_int_equal(stats.pool_free, 256 * PAGE);
	pool_close(&f);
}

/* How many chunks there are, and how many processes have one: each chunk has one owner. */
struct owners {
	unsigned chunks, processes;
	bool seen[16];
};

static int chunk_owner(void *arg, const struct tulou_chunk_info *chunk)
{
	struct owners *owners = arg;

	assert_int_equal(chunk->owner_count, 1);
	owners->chunks++;
	owners->processes += !owners->seen[chunk->owners[0]];
	owners->seen[chunk->owners[0]] = true;
	return 0;
}

/*
 * 64 MiB, two chunks of 32 MiB, ten processes with image, heap and stack: chunks are cut for them. One exits: nobody else loses an address,
 * nor is given one that somebody has.
 */
static void ten_in_two_chunks(void **state)
{
	struct tulou_image image = {.size = 300 * PAGE, .align = PAGE};
	struct tulou_layout layout = {.images = &image, .image_count = 1, .stack_size = 64 * PAGE};
	struct tulou_config config = {.start = POOL_START, .end = POOL_START + (64ul << 20), .check_level = 3};
	struct tulou_process_vm *vm[10];
	struct machine m;
	struct probe probe;
	uintptr_t block[10][4];
	struct tulou *pool;
	struct owners owners = {0};

	(void)state;
	machine_open(&m, pool_machine, config.end - config.start);
	probe_init(&probe, m.host);
	assert_int_equal(tulou_create(&pool, &probe.host, &config), 0);
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(tulou_process_vm_create(pool, i + 1, &vm[i]), 0);
		assert_int_equal(tulou_process_vm_build(vm[i], &layout), 0);
	}
	for (unsigned n = 0; n < 4; n++) {
		for (unsigned i = 0; i < 10; i++) {
			long addr = tulou_mmap(vm[i], 0, 7 * PAGE, RW, PRIV, -1, 0);

			assert_true(addr > 0);
			block[i][n] = (uintptr_t)addr;
			assert_int_equal(machine_store(&m, block[i][n], (uint8_t)(16 * i + n)), 0);
		}
	}
	assert_int_equal(tulou_walk_chunks(pool, chunk_owner, &owners), 0);
	assert_int_equal(owners.processes, 10);
	assert_in_range(owners.chunks, 20, 60);
	tulou_process_vm_unref(vm[3]);
	for (unsigned n = 0; n < 4; n++)
		assert_true(tulou_mmap(vm[5], 0, 7 * PAGE, RW, PRIV, -1, 0) > 0);
	for (unsigned i = 0; i < 10; i++) {
		for (unsigned n = 0; n < 4; n++) {
			uint8_t byte = 0;

			if (i == 3)
				continue;
			assert_true(tulou_access_ok(vm[i], block[i][n], 7 * PAGE, RW));
			assert_int_equal(machine_load(&m, block[i][n], &byte), 0);
			assert_int_equal(byte, 16 * i + n);
		}
	}
	tulou_destroy(pool);
	assert_int_equal(probe.books, 0);
	machine_close(&m);
}

/* What the host will not take back stays booked, and is asked for again when the next process VM is given back. */
static void limbo(void **state)
{
	struct tulou_layout layout = {.stack_size = 8 * PAGE};
	struct tulou_process_vm *c;
	struct tulou_stats stats;
	struct fixture f;
	int fd;

	(void)state;
	pool_open(&f, 2048, 64);
	fd = machine_file_create(&f.machine, 3 * PAGE);
	assert_int_equal(tulou_process_vm_build(f.a, &layout), 0);
	assert_int_equal(map_at(f.a, 1000, 4, RW, FIXED), 1000);
	assert_int_equal(map_file(f.a, 1004, 2, RO, TULOU_MAP_SHARED, fd, 0), 1004);
	machine_file_close(&f.machine, fd);
	probe_fail_always(&f.probe, PROBE_UNMAP, TULOU_ENOMEM);
	tulou_process_vm_unref(f.a);
	pool_expect(&f, "?:513+8--L ?:1000+6--L");
	assert_int_equal(f.probe.handles, 0);
	tulou_stats(f.pool, &stats);
	assert_int_equal(stats.limbo, 14 * PAGE);
	/* nobody gets it */
	assert_int_equal(map_at(f.b, 1002, 1, RW, FIXED), -TULOU_ENOMEM);
	assert_int_equal(map_at(f.b, 1002, 1, RW, NOREPLACE), -TULOU_EEXIST);
	assert_int_equal(unmap(f.b, 1000, 6), 0);
	pool_expect(&f, "?:513+8--L ?:1000+6--L");
	probe_fail_none(&f.probe);
	assert_int_equal(tulou_process_vm_create(f.pool, 3, &c), 0);
	tulou_process_vm_unref(c);
	pool_expect(&f, "");
	assert_int_equal(map_at(f.b, 1002, 1, RW, FIXED), 1002);
	pool_close(&f);
}

/* A fork by `keep`: how often the host is asked to hide or show. */
static size_t fork_advises(struct fixture *f, struct tulou_process_vm *keep)
{
	size_t before = calls_of(f, PROBE_ADVISE);

	tulou_fork_prepare(f->pool, keep);
	tulou_fork_parent(f->pool, keep);
	return calls_of(f, PROBE_ADVISE) - before;
}

/* What others have stays out of the copy: each stretch is hidden once, again after a change, and shown when its process forks itself. */
static void fork_hides_others(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 1024, 1024);
	assert_int_equal(map_at(f.a, 0, 4, RW, FIXED), 0);
	assert_int_equal(map_at(f.a, 4, 4, RO, FIXED), 4);
	assert_int_equal(map_at(f.a, 300, 4, RW, FIXED), 300);
	assert_int_equal(map_at(f.b, 100, 4, RW, FIXED), 100);
	assert_int_equal(fork_advises(&f, f.b), 2);
	assert_int_equal(fork_advises(&f, f.b), 0);
	assert_int_equal(map_at(f.b, 110, 4, RW, FIXED), 110);
	assert_int_equal(fork_advises(&f, f.b), 0);
	assert_int_equal(map_at(f.a, 310, 4, RW, FIXED), 310);
	assert_int_equal(fork_advises(&f, f.b), 3);
	assert_int_equal(fork_advises(&f, f.a), 3 + 2);
	assert_int_equal(fork_advises(&f, f.b), 2 + 3);
	/* what A itself keeps from its copies is not shown to them */
	if (tulou_madvise(f.a, at(300), 4 * PAGE, TULOU_MADV_DONTFORK) == 0)
		assert_int_equal(fork_advises(&f, f.a), 2 + 2);
	pool_close(&f);
}

static void fork_keeps_one(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 1024, 1024);
	assert_int_equal(map_pages(f.a, 4, RW), 0);
	assert_int_equal(map_pages(f.b, 4, RW), 5);
	assert_int_equal(page_of(tulou_mmap(f.a, at(14), 2 * PAGE, RW, SHARED | FIXED, -1, 0)), 14);
	assert_int_equal(map_at(f.a, 300, 256, RW, FIXED), 300);
	tulou_fork_prepare(f.pool, f.b);
	tulou_fork_parent(f.pool, f.b);
	assert_int_equal(unmap(f.a, 14, 2), 0);
	assert_int_equal(unmap(f.a, 300, 256), 0);
	assert_int_equal(map_pages(f.b, 4, RW), 9);
	/* the child is another task, and the locks are still those of the parent's */
	tulou_fork_prepare(f.pool, f.b);
	probe_task_set(7);
	tulou_fork_child(f.pool, f.b);
	pool_expect(&f, "B:5+8rw");
	assert_int_equal(map_at(f.b, 0, 4, RO, FIXED), 0);
	pool_expect(&f, "B:0+4r- B:5+8rw");
	probe_task_set(1);
	pool_close(&f);
}

/* Nobody who shared another's memory is in the copy: it goes without notes, however much it is. */
static void fork_beside_a_vfork(void **state)
{
	struct fixture f;

	(void)state;
	pool_open(&f, 2048, 1024);
	for (long page = 0; page < 1000; page++)
		assert_int_equal(map_at(f.a, page, 1, page % 2 ? RW : RO, FIXED), page);
	tulou_process_vm_ref(f.a);
	assert_int_equal(map_at(f.b, 1100, 4, RW, FIXED), 1100);
	tulou_fork_prepare(f.pool, f.b);
	tulou_fork_child(f.pool, f.b);
	pool_expect(&f, "B:1100+4rw");
	pool_close(&f);
}

static bool is_labelled(void *arg, void *label)
{
	return !arg || arg == label;
}

static void shelved(void **state)
{
	int one, two;
	struct tulou_process_vm *place = NULL, *vm;
	struct fixture f;

	(void)state;
	pool_open(&f, 1024, 1024);
	vm = f.a;
	assert_int_equal(map_pages(f.a, 4, RW), 0);
	assert_null(tulou_process_vm_unshelve(f.pool, is_labelled, NULL, &place));
	tulou_process_vm_share(f.a, &place);
	assert_int_equal(tulou_process_vm_shelve(&f.a, &one), -TULOU_EBUSY); /* not the caller's alone to give away */
	tulou_process_vm_drop(&place);
	assert_int_equal(tulou_process_vm_shelve(&f.a, &one), 0);
	assert_null(f.a);
	assert_int_equal(tulou_process_vm_id(vm), 0);
	/* nobody's, but not lost: another task finds it by its label, as it was */
	probe_task_set(7);
	tulou_reap(f.pool);
	assert_null(tulou_process_vm_unshelve(f.pool, is_labelled, &two, &place));
	assert_null(place);
	assert_ptr_equal(tulou_process_vm_unshelve(f.pool, is_labelled, &one, &place), &one);
	assert_ptr_equal(place, vm);
	assert_null(tulou_process_vm_discard(f.pool, is_labelled, &one));
	tulou_process_vm_set_id(vm, 1);
	assert_true(tulou_process_vm_exclusive(vm));
	tulou_process_vm_swap(&f.a, &place);
	pool_expect(&f, "A:0+4rw");
	assert_int_equal(map_at(f.a, 10, 4, RW, FIXED), 10);
	/* the last that was shelved comes first */
	assert_int_equal(tulou_process_vm_shelve(&f.a, &one), 0);
	assert_int_equal(tulou_process_vm_shelve(&f.b, &two), 0);
	assert_ptr_equal(tulou_process_vm_unshelve(f.pool, is_labelled, NULL, &f.b), &two);
	assert_ptr_equal(tulou_process_vm_unshelve(f.pool, is_labelled, NULL, &f.a), &one);
	tulou_process_vm_set_id(f.a, 1);
	tulou_process_vm_set_id(f.b, 2);
	pool_expect(&f, "A:0+4rw A:10+4rw");
	/* more than areas: it stays the caller's */
	assert_int_equal(tulou_mseal(f.a, at(0), PAGE, 0), 0);
	assert_int_equal(tulou_process_vm_shelve(&f.a, &one), -TULOU_EBUSY);
	assert_non_null(f.a);
	probe_task_set(1);
	pool_close(&f);
}

static size_t processes_of(struct tulou *pool)
{
	struct tulou_stats stats;

	tulou_stats(pool, &stats);
	return stats.process_count;
}

/* Given back from the shelf; a copy has none of it. */
static void shelf_is_emptied(void **state)
{
	int one;
	struct fixture f;

	(void)state;
	pool_open(&f, 1024, 1024);
	assert_int_equal(map_at(f.a, 0, 4, RW, FIXED), 0);
	assert_int_equal(map_at(f.b, 100, 4, RW, FIXED), 100);
	assert_int_equal(tulou_process_vm_shelve(&f.a, &one), 0);
	assert_ptr_equal(tulou_process_vm_discard(f.pool, is_labelled, &one), &one);
	assert_null(tulou_process_vm_discard(f.pool, is_labelled, NULL));
	assert_int_equal(processes_of(f.pool), 1);
	assert_int_equal(map_at(f.b, 0, 4, RW, FIXED), 0);
	assert_int_equal(tulou_process_vm_create(f.pool, 1, &f.a), 0);
	assert_int_equal(map_at(f.a, 200, 4, RW, FIXED), 200);
	assert_int_equal(tulou_process_vm_shelve(&f.a, &one), 0);
	tulou_fork_prepare(f.pool, f.b);
	tulou_fork_child(f.pool, f.b);
	assert_null(tulou_process_vm_discard(f.pool, is_labelled, NULL));
	assert_int_equal(processes_of(f.pool), 1);
	pool_close(&f);
}

/* It was hidden from a neighbour's copies. Whoever has it next forks: it is shown. */
static void shelved_and_hidden(void **state)
{
	int one;
	struct fixture f;

	(void)state;
	pool_open(&f, 1024, 1024);
	assert_int_equal(map_at(f.a, 0, 4, RW, FIXED), 0);
	assert_int_equal(map_at(f.a, 300, 4, RW, FIXED), 300);
	assert_int_equal(tulou_process_vm_shelve(&f.a, &one), 0);
	assert_int_equal(fork_advises(&f, f.b), 2);
	assert_ptr_equal(tulou_process_vm_unshelve(f.pool, is_labelled, NULL, &f.a), &one);
	assert_int_equal(fork_advises(&f, f.a), 2);
	assert_int_equal(fork_advises(&f, f.a), 0);
	assert_int_equal(fork_advises(&f, f.b), 2);
	pool_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(build),
		cmocka_unit_test(build_errors),
		cmocka_unit_test(heap),
		cmocka_unit_test(heap_grows_beyond_its_chunk),
		cmocka_unit_test(heap_beside_another),
		cmocka_unit_test(counted),
		cmocka_unit_test(ten_in_two_chunks),
		cmocka_unit_test(limbo),
		cmocka_unit_test(fork_hides_others),
		cmocka_unit_test(fork_keeps_one),
		cmocka_unit_test(fork_beside_a_vfork),
		cmocka_unit_test(shelved),
		cmocka_unit_test(shelf_is_emptied),
		cmocka_unit_test(shelved_and_hidden),
	};

	return POOL_RUN(tests);
}
