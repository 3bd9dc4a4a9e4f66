/* SPDX-License-Identifier: MIT */
/*
 * kernel.c - the system calls themselves, as leader and as follower.
 *
 * The follower must put a new area where the leader has it. An address hint does that: Linux takes a hint that is free. What
 * remains of the answer (success or which errno, and whether the leader's place was free at all) is the kernel's own. What mremap
 * moved, is moved on to the leader's place, after a probe that the place is free.
 */
#include <errno.h>
#include <linux/prctl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "files.h"
#include "host/linux/syscall.h"
#include "side.h"

enum { HUGE_PAGE = 2 << 20 };

static bool in_arena(const struct run *run, uintptr_t addr, size_t size)
{
	const struct world *world = &run->sequence->world;

	return addr >= world->start && addr < world->end && size <= world->end - addr;
}

/* ---- follower ---------------------------------------------------------------------------------------------------------- */
static bool in_stack_gap(const struct record *leader, uintptr_t addr, size_t size)
{
	return leader->stack && addr < leader->stack && addr + size > leader->stack - STACK_GAP;
}

static bool is_huge_file(const struct request *req)
{
	return !(req->flags & MAP_ANONYMOUS) && req->size > HUGE_PAGE - PAGE;
}

static long follow_mmap(struct run *run, const struct request *req, const struct outcome *leader)
{
	int fd = file_descriptor(req->file), flags;
	uintptr_t hint = req->addr & ~(uintptr_t)(PAGE - 1), place = leader->result < 0 ? 0 : (uintptr_t)leader->result;
	long result;

	if (req->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))
		return kernel_call(req);
	if (leader->full) /* the kernel, too, would look for a place before it looks at all else */
		return -ENOMEM;
	/* A hint outside the arena, in the gap below the stack or beside the other process is none to a manager: it is taken out here. */
	if (hint && in_arena(run, hint, 1) && !in_stack_gap(run->leader, hint, req->size) && !leader->others) {
		result = kernel_call(req);
		if (result < 0 || result == leader->result || (uintptr_t)result == hint)
			return result;
		kernel_munmap((uintptr_t)result, req->size);
	}
	result = kernel_mmap(place, req->size, req->prot, req->flags, fd, req->offset);
	if (result < 0 || (uintptr_t)result == place || (!run->sequence->world.pair && !is_huge_file(req)))
		return result;
	/* Beyond an area of the other process the gap below what grows is not needed, but the kernel does not see that area. Nor does it take
	 * a hint for a large file where there is no room to move it to a huge page's multiple (__thp_get_unmapped_area). */
	kernel_munmap((uintptr_t)result, req->size);
	flags = (req->flags & MAP_TYPE) == MAP_SHARED_VALIDATE ? req->flags ^ MAP_SHARED_VALIDATE ^ MAP_SHARED : req->flags;
	return kernel_mmap(place, req->size, req->prot, flags | MAP_FIXED_NOREPLACE, fd, req->offset);
}

/* Is [addr, addr + size) free in this process? */
static bool place_is_free(uintptr_t addr, size_t size)
{
	long result =
		kernel_mmap(addr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

	if (result < 0)
		return false;
	kernel_munmap((uintptr_t)result, size);
	return true;
}

/* Where nothing is: what grew in place over the target has to step aside first. */
static long mremap_aside(uintptr_t start, size_t size)
{
	long aside = kernel_mmap(0, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return aside < 0 ? aside : sys5(__NR_mremap, (long)start, (long)size, (long)size, MREMAP_MAYMOVE | MREMAP_FIXED, aside);
}

/* The call as it is; what was moved, is moved on to `place`. */
static long mremap_place(const struct request *req, uintptr_t place)
{
	long result = kernel_call(req);

	if (result < 0 || (uintptr_t)result == place)
		return result;
	if ((uintptr_t)result < place + req->new_size && place < (uintptr_t)result + req->new_size)
		result = mremap_aside((uintptr_t)result, req->new_size);
	return sys5(__NR_mremap, result, (long)req->new_size, (long)req->new_size, MREMAP_MAYMOVE | MREMAP_FIXED, (long)place);
}

static long follow_mremap(struct run *run, const struct request *req, const struct outcome *leader)
{
	bool moved = leader->result >= 0 && (uintptr_t)leader->result != req->addr;

	if (req->flags & MREMAP_FIXED)
		return kernel_call(req);
	if (leader->full && req->flags & MREMAP_DONTUNMAP)
		return -ENOMEM;
	if (leader->full) { /* the kernel has room elsewhere: only growing in place is the same question */
		struct request in_place = *req;

		in_place.flags &= ~MREMAP_MAYMOVE;
		return kernel_call(&in_place);
	}
	if (!moved)
		return kernel_call(req);
	if (run->sequence->world.pair) { /* what was in the leader's way may be the other's: here it would grow in place */
		struct request moving = *req;

		moving.flags |= MREMAP_MAYMOVE | MREMAP_FIXED;
		moving.new_addr = (uintptr_t)leader->result;
		return place_is_free(moving.new_addr, req->new_size) ? kernel_call(&moving) : -EEXIST;
	}
	return place_is_free((uintptr_t)leader->result, req->new_size) ? mremap_place(req, (uintptr_t)leader->result) : -EEXIST;
}

static long follower_call(struct run *run, const struct request *req, const struct outcome *leader)
{
	if (leader && leader->others && (leader->result == -ENOMEM || leader->result == -EEXIST))
		return leader->result;
	if (leader && leader->gap) /* deviations, see deviations.c: the call is not made */
		return leader->result;
	if (req->call == CALL_MMAP)
		return follow_mmap(run, req, leader);
	if (req->call == CALL_MREMAP)
		return follow_mremap(run, req, leader);
	return kernel_call(req);
}

/* ---- leader ------------------------------------------------------------------------------------------------------------ */
static uintptr_t hole_find(struct run *run, size_t size)
{
	size = (size + PAGE - 1) & ~(size_t)(PAGE - 1);
	return size ? map_hole_find(run_map(run), run->sequence->world.start, run->sequence->world.end, size) : 0;
}

static long lead_mmap(struct run *run, const struct request *req)
{
	uintptr_t hint = req->addr & ~(uintptr_t)(PAGE - 1);
	long result;

	if (req->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))
		return kernel_call(req);
	if (hint && in_arena(run, hint, 1)) {
		result = kernel_call(req);
		if (result < 0 || in_arena(run, (uintptr_t)result, req->size))
			return result;
		kernel_munmap((uintptr_t)result, req->size);
	}
	return kernel_mmap(hole_find(run, req->size), req->size, req->prot, req->flags, file_descriptor(req->file), req->offset);
}

static long lead_mremap(struct run *run, const struct request *req)
{
	uintptr_t hole = hole_find(run, req->new_size);
	long result = kernel_call(req);

	if (result < 0 || !hole || in_arena(run, (uintptr_t)result, req->new_size))
		return result;
	return sys5(__NR_mremap, result, (long)req->new_size, (long)req->new_size, MREMAP_MAYMOVE | MREMAP_FIXED, (long)hole);
}

static long leader_call(struct run *run, const struct request *req, const struct outcome *leader)
{
	(void)leader;
	if (req->call == CALL_MMAP)
		return lead_mmap(run, req);
	if (req->call == CALL_MREMAP)
		return lead_mremap(run, req);
	return kernel_call(req);
}

/* A leader with a fault that the comparison must find: mprotect forgets the last page of what spans three or more. */
static long liar_call(struct run *run, const struct request *req, const struct outcome *leader)
{
	struct request lie = *req;

	if (req->call == CALL_MPROTECT && req->size > 3 * PAGE && req->size < 64 * PAGE)
		lie.size -= PAGE;
	return leader_call(run, &lie, leader);
}

/* ---- both -------------------------------------------------------------------------------------------------------------- */
static void start_fail(struct run *run, const char *what)
{
	snprintf(run->record->start_what, WHAT_SIZE, "%s", what);
	_exit(125);
}

/* The arena is free, and pages on both sides of it stop what would run out of it. */
static void arena_fence(struct run *run)
{
	const struct world *world = &run->sequence->world;
	int flags = MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;

	if (!place_is_free(world->start, world->end - world->start))
		start_fail(run, "the arena is not free");
	if (kernel_mmap(world->start - PAGE, PAGE, PROT_NONE, flags, -1, 0) < 0 ||
		kernel_mmap(world->end, PAGE, PROT_NONE, flags, -1, 0) < 0)
		start_fail(run, "no fence around the arena");
}

/* This process's heap begins at `heap` from now on. Needs no privilege. */
static void heap_place(struct run *run, uintptr_t heap)
{
	struct prctl_mm_map map;

	memset(&map, 0, sizeof(map));
	map.start_code = map.start_data = map.end_data = map.start_stack = 0x10000;
	map.end_code = 0x11000;
	map.arg_start = map.arg_end = map.env_start = map.env_end = 0x10000;
	map.start_brk = map.brk = heap;
	map.exe_fd = (unsigned)-1;
	if (prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0))
		start_fail(run, "prctl(PR_SET_MM_MAP) refused");
}

static void kernel_map(struct run *run, struct map *map)
{
	const struct world *world = &run->sequence->world;
	struct map_reader reader = {.map = map, .start = world->start, .end = world->end, .file_of = file_of_inode};

	if (run->record->heap) {
		reader.heap_start = run->record->heap;
		reader.heap_end = (uintptr_t)sys1(__NR_brk, 0);
	}
	map_read_self(&reader);
}

static void leader_start(struct run *run)
{
	const struct world *world = &run->sequence->world;

	arena_fence(run);
	files_open();
	access_init();
	if (world->heap) {
		run->record->heap = world->start + 4 * PAGE;
		kernel_mmap(world->start, 4 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		heap_place(run, run->record->heap);
	}
	kernel_map(run, &run->record->start);
}

static void follower_start(struct run *run)
{
	const struct map *start = &run->leader->start;

	arena_fence(run);
	files_open();
	access_init();
	for (unsigned i = 0; i < start->count; i++) {
		const struct range *range = &start->ranges[i];

		if (kernel_mmap(range->start, range->end - range->start, range->prot,
			    MAP_ANONYMOUS | MAP_FIXED | (range->shared ? MAP_SHARED : MAP_PRIVATE), -1, 0) < 0)
			start_fail(run, "cannot repeat the leader's start");
	}
	run->record->heap = run->leader->heap;
	if (run->record->heap)
		heap_place(run, run->record->heap);
	kernel_map(run, &run->record->start);
}

static long kernel_load(struct run *run, uintptr_t addr, uint8_t *value)
{
	(void)run;
	return access_load(addr, value);
}

static long kernel_store(struct run *run, uintptr_t addr, uint8_t value)
{
	(void)run;
	return access_store(addr, value);
}

static enum spread kernel_spread(struct run *run, uintptr_t addr, size_t size)
{
	static struct map none;
	struct map_reader reader = {.map = &none, .file_of = file_of_inode, .meet_start = addr, .meet_end = addr + size};

	map_read_self(&reader);
	if (reader.met < 2)
		return reader.met ? SPREAD_ONE_AREA : SPREAD_NONE;
	return addr / run->sequence->world.chunk_size == (addr + size - 1) / run->sequence->world.chunk_size ? SPREAD_MANY_AREAS
													     : SPREAD_MANY_CHUNKS;
}

#define KERNEL_SIDE \
	.file = kernel_file_call, .map = kernel_map, .load = kernel_load, .store = kernel_store, .spread = kernel_spread

const struct side side_kernel_leader = {.name = "kernel", .start = leader_start, .call = leader_call, KERNEL_SIDE};
const struct side side_kernel_liar = {.name = "liar", .start = leader_start, .call = liar_call, KERNEL_SIDE};
const struct side side_kernel_follower = {.name = "the kernel", .start = follower_start, .call = follower_call, KERNEL_SIDE};
