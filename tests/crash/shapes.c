/* SPDX-License-Identifier: MIT */
/*
 * shapes.c - see shapes.h. Pages of the pool, before each call (a: A's, b: B's, m: shared anonymous, f: file):
 *
 *     chunk 0   0 ........ aaaa.bbbb..aa..bb..mm.ff......       cut into chunks of one owner each
 *     chunk 1   A's own, half full
 *     chunk 2   B's own
 */
#include "shapes.h"

#include <stdio.h>
#include <stdlib.h>

#include "vm/process_vm.h"

static void must(long result)
{
	if (result >= 0)
		return;
	fprintf(stderr, "crash: the world cannot be prepared: %ld\n", result);
	abort();
}

static long map(struct tulou_process_vm *vm, long page, long pages, int prot, int flags)
{
	return tulou_mmap(vm, at(page), (size_t)pages * PAGE, prot, flags, -1, 0);
}

static long map_file(struct tulou_process_vm *vm, long page, long pages, int flags)
{
	return tulou_mmap(vm, at(page), (size_t)pages * PAGE, RO, flags, world.file, 0);
}

void shapes_prepare(void)
{
	must(map(world.a, 1, 4, RW, PRIV | FIXED));
	must(map(world.b, 6, 4, RW, PRIV | FIXED));
	must(map(world.a, 12, 2, RO, PRIV | FIXED));
	must(map(world.b, 16, 2, RW, PRIV | FIXED));
	must(map(world.a, 20, 2, RW, SHARED | FIXED));
	must(map_file(world.b, 24, 2, TULOU_MAP_SHARED | FIXED));
	must(map(world.a, 32, 3, RW, PRIV | FIXED));
	must(map(world.a, 36, 3, RO, PRIV | FIXED));
	must(map(world.b, 64, 3, RW, PRIV | FIXED));
	sim_task_set(TASK_A);
}

void sibling_goes_on(void)
{
	map(world.sibling, 0, 2, RW, PRIV);
	tulou_mprotect(world.sibling, at(1), 3 * PAGE, RO);
	tulou_munmap(world.sibling, at(12), PAGE);
	map(world.sibling, 27, 4, RW, PRIV | FIXED);
	map(world.sibling, 0, 3, RW, SHARED);
	map_file(world.sibling, 0, 3, TULOU_MAP_SHARED);
	tulou_munmap(world.sibling, at(20), 2 * PAGE);
	tulou_mremap(world.sibling, at(36), 3 * PAGE, 5 * PAGE, TULOU_MREMAP_MAYMOVE, 0);
}

void neighbour_goes_on(void *unused)
{
	(void)unused;
	tulou_mprotect(world.b, at(6), 2 * PAGE, RO);
	tulou_munmap(world.b, at(16), PAGE);
	map(world.b, 27, 2, RW, PRIV | FIXED);
	map(world.b, 0, 2, RW, PRIV);
	map(world.b, 0, 40, RW, PRIV);
	map_file(world.b, 0, 3, TULOU_MAP_PRIVATE);
	tulou_munmap(world.b, at(24), 2 * PAGE);
	tulou_mremap(world.b, at(64), 3 * PAGE, 5 * PAGE, TULOU_MREMAP_MAYMOVE, 0);
}

/* ---- mmap ---------------------------------------------------------------------------------------------------------------- */

static void mmap_own(void)
{
	map(world.a, 0, 2, RW, PRIV);
}

static void fill_own(void)
{
	must(map(world.a, 32, 31, RW, PRIV | FIXED));
}

static void mmap_large(void)
{
	map(world.a, 0, 50, RW, PRIV);
}

/* The pool has no chunk left: what is free in anybody's. */
static void fill_pool(void)
{
	must(map(world.a, 96, POOL_PAGES - 96, TULOU_PROT_NONE, PRIV | FIXED));
	must(map(world.a, 32, 31, RW, PRIV | FIXED));
}

static void mmap_shared_chunk(void)
{
	map(world.a, 0, 2, RW, PRIV);
}

static void mmap_over(void)
{
	map(world.a, 2, 3, RO, PRIV | FIXED);
}

/* Over areas of two chunks, holes, and a chunk that is not there yet. */
static void mmap_across(void)
{
	map(world.a, 29, 20, RO, PRIV | FIXED);
}

static void mmap_hole(void)
{
	map(world.a, 128, 40, RW, PRIV | FIXED);
}

static void mmap_shared(void)
{
	map(world.a, 0, 3, RW, SHARED);
}

static void mmap_file(void)
{
	map_file(world.a, 28, 2, TULOU_MAP_SHARED | FIXED);
}

static void mmap_file_refused(void)
{
	map_file(world.a, 8, 2, TULOU_MAP_SHARED | FIXED);
}

/* ---- the others ---------------------------------------------------------------------------------------------------------- */

static void munmap_middle(void)
{
	tulou_munmap(world.a, at(2), PAGE);
}

static void munmap_all(void)
{
	tulou_munmap(world.a, at(0), 64 * PAGE);
}

static void munmap_chunk(void)
{
	tulou_munmap(world.a, at(32), 32 * PAGE);
}

static void munmap_object(void)
{
	tulou_munmap(world.a, at(20), 2 * PAGE);
}

static void mprotect_middle(void)
{
	tulou_mprotect(world.a, at(2), PAGE, RO);
}

static void mprotect_back(void)
{
	tulou_mprotect(world.a, at(12), 2 * PAGE, RW);
}

static void mremap_moves(void)
{
	tulou_mremap(world.a, at(1), 4 * PAGE, 6 * PAGE, TULOU_MREMAP_MAYMOVE, 0);
}

static void mremap_fixed(void)
{
	tulou_mremap(world.a, at(1), 4 * PAGE, 4 * PAGE, TULOU_MREMAP_MAYMOVE | TULOU_MREMAP_FIXED, at(34));
}

static void mremap_in_place(void)
{
	tulou_mremap(world.a, at(12), 2 * PAGE, 3 * PAGE, 0, 0);
}

static void mremap_object(void)
{
	tulou_mremap(world.a, at(20), 0, 2 * PAGE, TULOU_MREMAP_MAYMOVE, 0);
}

static void build(void)
{
	struct tulou_image image = {.size = 5 * PAGE, .align = PAGE};
	struct tulou_layout layout = {.images = &image, .image_count = 1, .stack_size = 8 * PAGE, .stack_room = 8 * PAGE};

	must(tulou_process_vm_create(world.pool, 3, &world.extra));
	tulou_process_vm_build(world.extra, &layout);
}

static void build_before(void)
{
	build();
	/* The built one is A's from now on, so that it dies with it. */
	tulou_process_vm_swap(&world.a, &world.extra);
	tulou_process_vm_drop(&world.extra);
	world_watch();
}

static void brk_grows(void)
{
	tulou_brk(world.a, (uintptr_t)tulou_brk(world.a, 0) + 3 * PAGE);
}

static void create(void)
{
	tulou_process_vm_create(world.pool, 3, &world.extra);
}

static void leave(void)
{
	tulou_process_vm_drop(&world.a);
}

/* ---- several tasks, one process VM ----------------------------------------------------------------------------------------- */

/* A has a vfork child. */
static void share(void)
{
	tulou_process_vm_share(world.a, &world.extra);
}

static void share_before(void)
{
	share();
}

/* A is a vfork child of B, on B's memory, with which B goes on when A is dead. */
static void child_before(void)
{
	tulou_process_vm_share(world.b, &world.extra);
}

static void child_leaves(void)
{
	tulou_process_vm_drop(&world.extra);
}

/* execve: the new one takes the place of the old one. */
static void exec_commit(void)
{
	tulou_process_vm_swap(&world.a, &world.extra);
	tulou_process_vm_drop(&world.extra);
}

static void exec(void)
{
	build();
	exec_commit();
}

/* ---- the shelf: what A has put together goes there, and becomes another's ---------------------------------------------------- */

static void shelve_before(void)
{
	build();
}

static void shelve(void)
{
	tulou_process_vm_shelve(&world.extra, &world);
}

static void shelved_before(void)
{
	build();
	shelve();
	if (world.extra)
		must(-1);
}

static void unshelve(void)
{
	tulou_process_vm_unshelve(world.pool, shape_any, NULL, &world.extra);
	tulou_mmap(world.extra, 0, 2 * PAGE, RW, PRIV, -1, 0);
}

static void discard(void)
{
	tulou_process_vm_discard(world.pool, shape_any, NULL);
}

bool shape_any(void *arg, void *label)
{
	(void)arg;
	(void)label;
	return true;
}

static int look(void *arg, const struct tulou_area_info *area)
{
	(void)arg;
	(void)area;
	return 0;
}

static void walk(void)
{
	struct tulou_stats stats;

	tulou_walk_areas(world.pool, look, NULL);
	tulou_walk_process(world.a, look, NULL);
	tulou_stats(world.pool, &stats);
}

static void fork_both(void)
{
	tulou_fork_prepare(world.pool, world.a);
	tulou_fork_parent(world.pool, world.a);
}

static void seal(void)
{
	tulou_mseal(world.a, at(12), PAGE, 0);
}

/* ---- nooks: as if threads of A, or of B, had met ---------------------------------------------------------------------------- */

static long map_anywhere(struct tulou_process_vm *vm)
{
	return tulou_mmap(vm, 0, 2 * PAGE, RW, PRIV, -1, 0);
}

/* Where it was mapped, and unmapped again. */
static uintptr_t nook_idle(struct tulou_process_vm *vm, enum task task)
{
	long addr;

	sim_task_set(task);
	vm->meetings = NOOK_MEETINGS;
	addr = map_anywhere(vm);
	must(addr);
	must(tulou_munmap(vm, (uintptr_t)addr, 2 * PAGE));
	sim_task_set(TASK_A);
	return (uintptr_t)addr;
}

static uintptr_t idle;

static void nooks_before(void)
{
	world.a->meetings = NOOK_MEETINGS;
}

static void nook_before(void)
{
	idle = nook_idle(world.a, TASK_A);
}

static void nook_of_neighbour_before(void)
{
	idle = nook_idle(world.b, TASK_B);
}

static void nook_pair(void)
{
	long addr = map_anywhere(world.a);

	tulou_munmap(world.a, (uintptr_t)addr, 2 * PAGE);
}

static void nook_recall(void)
{
	tulou_mprotect(world.a, idle, PAGE, RO);
}

static void nook_replace(void)
{
	map(world.a, (long)((idle - at(0)) / PAGE), 1, RO, PRIV | FIXED);
}

/* For another process, which goes on. */
static void nook_walk(void)
{
	tulou_walk_process(world.b, look, NULL);
}

const struct shape shapes[] = {
	{"mmap, own chunk", NULL, mmap_own},
	{"mmap, new chunk", fill_own, mmap_own},
	{"mmap, large", NULL, mmap_large},
	{"mmap, somebody's chunk", fill_pool, mmap_shared_chunk},
	{"mmap FIXED over an area", NULL, mmap_over},
	{"mmap FIXED across chunks", NULL, mmap_across},
	{"mmap FIXED, new chunks", NULL, mmap_hole},
	{"mmap SHARED", NULL, mmap_shared},
	{"mmap of a file", NULL, mmap_file},
	{"mmap of a file, refused", NULL, mmap_file_refused},
	{"munmap in the middle", NULL, munmap_middle},
	{"munmap over chunks", NULL, munmap_all},
	{"munmap of a chunk", NULL, munmap_chunk},
	{"munmap of the last view", NULL, munmap_object},
	{"mprotect in the middle", NULL, mprotect_middle},
	{"mprotect of all", NULL, mprotect_back},
	{"mremap that moves", NULL, mremap_moves},
	{"mremap FIXED", NULL, mremap_fixed},
	{"mremap in place", NULL, mremap_in_place},
	{"mremap, second view", NULL, mremap_object},
	{"mseal", NULL, seal},
	{"build", NULL, build},
	{"brk", build_before, brk_grows},
	{"create", NULL, create},
	{"exit", NULL, leave},
	{"exit beside a vfork child", share_before, leave},
	{"vfork", NULL, share},
	{"vfork child leaves", child_before, child_leaves},
	{"exec", NULL, exec},
	{"shelve", shelve_before, shelve},
	{"unshelve", shelved_before, unshelve},
	{"discard", shelved_before, discard},
	{"walks", NULL, walk},
	{"fork", NULL, fork_both},
	{"nook, the first", nooks_before, nook_pair},
	{"nook, mmap and munmap", nook_before, nook_pair},
	{"nook, recall", nook_before, nook_recall},
	{"nook, recall and replace", nook_before, nook_replace},
	{"nook, neighbour's recall", nook_of_neighbour_before, nook_walk},
	{"nook, vfork", nook_before, share},
	{"nook, fork", nook_before, fork_both},
	{"nook, exit", nook_before, leave},
};
const unsigned shape_count = sizeof(shapes) / sizeof(shapes[0]);
