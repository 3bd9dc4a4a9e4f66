/* SPDX-License-Identifier: MIT */
/*
 * maps.c - the areas of one process as /proc/PID/maps writes them (fs/proc/task_mmu.c, proc_pid_maps(5)):
 *
 *     7f0000000000-7f0000021000 rw-p 00000000 00:00 0                          [heap]
 *
 * Areas are taken in batches under the pool's lock and written without it: `put` may be slow or block. Each batch goes on behind
 * the last address of the one before, so areas that change meanwhile are seen as they were or as they are, never twice.
 */
#include "text.h"

#include "base/format.h"
#include "vm/process_vm.h"

enum { MAPS_BATCH = 32, MAPS_NAME_COLUMN = 73, MAPS_LINE = 160 };

struct maps_batch {
	uintptr_t from; /* areas below are done */
	unsigned count;
	struct tulou_area_info areas[MAPS_BATCH];
};

/* As the kernel, which names all that is private and anonymous between the heap's start and the break. */
static bool maps_in_heap(struct tulou_process_vm *vm, const struct tulou_area_info *area)
{
	uintptr_t brk = __atomic_load_n(&vm->brk, __ATOMIC_RELAXED);

	return area->kind == TULOU_AREA_MMAP && area->flags & TULOU_MAP_PRIVATE && area->flags & TULOU_MAP_ANONYMOUS &&
	       area->start < brk && area->end > vm->heap_start;
}

static int maps_collect(void *arg, const struct tulou_area_info *area)
{
	struct maps_batch *batch = arg;

	if (area->start < batch->from || area->kind >= TULOU_AREA_LIMBO)
		return 0;
	batch->areas[batch->count++] = *area;
	return batch->count == MAPS_BATCH;
}

static size_t maps_line(char line[static MAPS_LINE], const struct tulou_area_info *area, bool heap)
{
	const char *name = text_name(heap ? TULOU_AREA_HEAP : area->kind, area->flags);
	char perms[5];

	text_perms(perms, area->prot, area->flags);
	size_t length = format(line, MAPS_LINE, "%08lx-%08lx %s %08lx %02x:%02x %lu ", area->start, area->end, perms,
		area->offset, text_dev_major(area->dev), text_dev_minor(area->dev), area->ino);

	while (*name && length < MAPS_NAME_COLUMN)
		line[length++] = ' ';
	return length + format(line + length, MAPS_LINE - length, "%s\n", name);
}

void tulou_maps(struct tulou_process_vm *vm, void (*put)(void *arg, const char *text, size_t size), void *arg)
{
	struct maps_batch batch = {.from = 0};
	char line[MAPS_LINE];

	do {
		batch.count = 0;
		tulou_walk_process(vm, maps_collect, &batch);
		for (unsigned i = 0; i < batch.count; i++) {
			put(arg, line, maps_line(line, &batch.areas[i], maps_in_heap(vm, &batch.areas[i])));
			batch.from = batch.areas[i].end;
		}
	} while (batch.count == MAPS_BATCH);
}
