/* SPDX-License-Identifier: MIT */
#include "manager.h"

#include <errno.h>
#include <sys/mman.h>
#include <tulou/inspect.h>
#include <unistd.h>

struct manager manager;

enum { IMAGE_SIZE = 4 * PAGE, STACK_SIZE = 8 * PAGE };

static void start_fail(struct run *run, const char *what, long error)
{
	snprintf(run->record->start_what, WHAT_SIZE, "%s: %s", what, errno_name((int)-error));
	_exit(125);
}

/* As a loader does: build, then map over the image. */
static void heap_build(struct run *run)
{
	struct tulou_image image = {.size = IMAGE_SIZE, .align = PAGE};
	struct tulou_layout layout = {.images = &image, .image_count = 1, .stack_size = STACK_SIZE};
	long result = tulou_process_vm_build(manager.vms[0], &layout);

	if (result)
		start_fail(run, "tulou_process_vm_build", result);
	result = tulou_mmap(manager.vms[0], image.base, IMAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (result < 0)
		start_fail(run, "mapping the image", result);
	run->record->heap = layout.heap_start;
	run->record->stack = layout.stack_start;
}

void manager_start(
	struct run *run, const struct tulou_host *host, int (*descriptor)(int), int (*file_of)(uint64_t, uint64_t, bool))
{
	const struct world *world = &run->sequence->world;
	struct tulou_config config = {.start = world->start, .end = world->end, .chunk_size = world->chunk_size};
	long result = tulou_create(&manager.pool, host, &config);

	manager.descriptor = descriptor;
	manager.file_of = file_of;
	if (result)
		start_fail(run, "tulou_create", result);
	for (unsigned i = 0; i < world_processes(world); i++) {
		result = tulou_process_vm_create(manager.pool, i + 1, &manager.vms[i]);
		if (result)
			start_fail(run, "tulou_process_vm_create", result);
	}
	if (world->heap)
		heap_build(run);
	else
		for (unsigned i = 0; i < world_processes(world); i++)
			manager_nooks(manager.vms[i]);
	manager_map(run, &run->record->start);
}

/* As kernel_madvise() in kernel_call.c. */
static long manager_madvise(struct tulou_process_vm *vm, const struct request *req)
{
	long result = tulou_madvise(vm, req->addr, req->size, req->flags);

	if (req->flags == TULOU_MADV_FREE)
		tulou_madvise(vm, req->addr, req->size, TULOU_MADV_DONTNEED);
	return result;
}

long manager_call(struct run *run, const struct request *req, const struct outcome *leader)
{
	struct tulou_process_vm *vm = manager.vms[run->who];

	(void)leader;
	switch (req->call) {
	case CALL_MMAP:
		return tulou_mmap(vm, req->addr, req->size, req->prot, req->flags, manager.descriptor(req->file), req->offset);
	case CALL_MUNMAP:
		return tulou_munmap(vm, req->addr, req->size);
	case CALL_MREMAP:
		return tulou_mremap(vm, req->addr, req->size, req->new_size, req->flags, req->new_addr);
	case CALL_MPROTECT:
		return tulou_mprotect(vm, req->addr, req->size, req->prot);
	case CALL_BRK:
		return tulou_brk(vm, req->addr);
	case CALL_MSYNC:
		return tulou_msync(vm, req->addr, req->size, req->flags);
	case CALL_MADVISE:
		return manager_madvise(vm, req);
	case CALL_MINCORE:
		return tulou_mincore(vm, req->addr, req->size, mincore_vector);
	case CALL_MLOCK:
		return req->prot ? tulou_mlock2(vm, req->addr, req->size, req->prot == 1 ? 0 : req->flags)
				 : tulou_munlock(vm, req->addr, req->size);
	case CALL_MLOCKALL:
		return req->prot ? tulou_mlockall(vm, req->flags, UINT64_MAX) : tulou_munlockall(vm);
	case CALL_MSEAL:
		return tulou_mseal(vm, req->addr, req->size, (unsigned long)(long)req->flags);
	default:
		return -ENOSYS;
	}
}

/* ---- looking ------------------------------------------------------------------------------------------------------------- */
static void text_take(void *arg, const char *text, size_t size)
{
	map_line(arg, text, size);
}

struct map_reader manager_reader(struct run *run, struct map *map)
{
	return (struct map_reader){
		.map = map,
		.start = run->sequence->world.start,
		.end = run->sequence->world.end,
		.heap_start = run->record->heap,
		.heap_end = (uintptr_t)tulou_brk(manager.vms[run->who], 0),
		.file_of = manager.file_of,
	};
}

/* By the text that the books write, so that this text is compared as well. */
void manager_map(struct run *run, struct map *map)
{
	struct map_reader reader = manager_reader(run, map);

	map_clear(map);
	tulou_maps(manager.vms[run->who], text_take, &reader);
}

static int area_book(void *arg, const struct tulou_area_info *area)
{
	bool room = area->kind == TULOU_AREA_ROOM || area->kind == TULOU_AREA_BARRIER;
	const struct range range = {.start = area->start,
		.end = area->end,
		.file = FILE_ANONYMOUS,
		.room = room,
		.grows = area->flags & TULOU_MAP_GROWSDOWN};

	map_add(arg, &range);
	return 0;
}

void manager_booked(struct run *run, unsigned who, struct map *map)
{
	(void)run;
	map_clear(map);
	tulou_walk_process(manager.vms[who], area_book, map);
}

static int barrier_hide(void *arg, const struct tulou_area_info *area)
{
	if (area->kind == TULOU_AREA_BARRIER)
		map_cut(arg, area->start, area->end);
	return 0;
}

void manager_barriers_hide(struct map *map)
{
	tulou_walk_areas(manager.pool, barrier_hide, map);
}

/* The areas that meet a range, and the chunks that hold them. */
enum { MEETING_MAX = 1024 };

struct meeting {
	uintptr_t start, end;
	unsigned area_count, chunk_count;
	uintptr_t areas[MEETING_MAX];
};

static int area_meet(void *arg, const struct tulou_area_info *area)
{
	struct meeting *meeting = arg;

	if (area->start < meeting->end && area->end > meeting->start && meeting->area_count < MEETING_MAX)
		meeting->areas[meeting->area_count++] = area->start;
	return 0;
}

static int chunk_meet(void *arg, const struct tulou_chunk_info *chunk)
{
	struct meeting *meeting = arg;
	bool holds = false;

	for (unsigned i = 0; i < meeting->area_count; i++)
		holds = holds || (meeting->areas[i] >= chunk->start && meeting->areas[i] < chunk->end);
	meeting->chunk_count += holds;
	return 0;
}

enum spread manager_spread(struct run *run, uintptr_t addr, size_t size)
{
	static struct meeting meeting;

	meeting.start = addr;
	meeting.end = size <= UINTPTR_MAX - addr ? addr + size : UINTPTR_MAX;
	meeting.area_count = meeting.chunk_count = 0;
	tulou_walk_process(manager.vms[run->who], area_meet, &meeting);
	tulou_walk_chunks(manager.pool, chunk_meet, &meeting);
	if (meeting.area_count < 2)
		return meeting.area_count ? SPREAD_ONE_AREA : SPREAD_NONE;
	return meeting.chunk_count > 1 ? SPREAD_MANY_CHUNKS : SPREAD_MANY_AREAS;
}

int manager_check(struct run *run, char *what, size_t size)
{
	(void)run;
	return tulou_check(manager.pool, what, size);
}
