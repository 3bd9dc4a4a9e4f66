/* SPDX-License-Identifier: MIT */
/*
 * process_vm_builder.c - the first layout of a process VM.
 *
 *     fixed program     |image 0|heap ........~|      the heap's chunk begins where the image's ends; both are made to measure
 *     other images      in an open chunk if they fit, else in a chunk made to measure
 *     heap              a chunk with room to grow: a 4096th of the pool, at least a MiB, halved until it fits; a pin, no area yet
 *     stack             |~~~~ gap ~~~~|ssss~|          256 pages that stay empty, whatever happens above; or, where the host grows it,
 *                       |room         sssss~|          room as growth.h has it, 256 pages more than may be used
 *
 * The heap is placed before the stack, which might take its place.
 */
#include "calls/calls.h"

enum { HEAP_PAGES_LEAST = 4 };

static const struct area_content image_content = {
	.flags = TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS,
	.kind = TULOU_AREA_RESERVED,
};

static const struct area_content stack_content = {
	.flags = TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS | TULOU_MAP_NORESERVE,
	.prot = TULOU_PROT_READ | TULOU_PROT_WRITE,
	.kind = TULOU_AREA_STACK,
};

static bool image_is_valid(const struct tulou_image *image, const struct tulou *pool)
{
	struct range range;

	if (!image->size || !page_is_aligned(image->size) || !is_power_of_two(image->align) || image->align < PAGE_SIZE)
		return false;
	if (!image->fixed)
		return true;
	return page_is_aligned(image->fixed) && range_make(&range, image->fixed, image->size) && range_covers(pool->range, range);
}

static bool layout_is_valid(const struct tulou_layout *layout, const struct tulou *pool)
{
	for (unsigned i = 0; i < layout->image_count; i++)
		if (!image_is_valid(&layout->images[i], pool))
			return false;
	return layout->stack_size && page_is_aligned(layout->stack_size) && page_is_aligned(layout->stack_room);
}

static int build_fixed_image(struct tulou_process_vm *vm, struct tulou_image *image)
{
	struct range range = range_between(image->fixed, image->fixed + image->size);
	bool own = place_chunk_at(vm, range);
	int error = place_fixed(vm, range, image_content);

	if (own && error)
		process_vm_settle(vm, range.start, false);
	image->base = image->fixed;
	return error ? -TULOU_EEXIST : 0;
}

static int build_images(struct tulou_process_vm *vm, struct tulou_layout *layout)
{
	int error = 0;

	for (unsigned i = 0; i < layout->image_count && !error; i++)
		if (layout->images[i].fixed)
			error = build_fixed_image(vm, &layout->images[i]);
	for (unsigned i = 0; i < layout->image_count && !error; i++)
		if (!layout->images[i].fixed)
			error = place_anywhere(vm, layout->images[i].size, layout->images[i].align, vm->pool->range,
				&image_content, &layout->images[i].base);
	return error;
}

/* `room` bytes, and a page that stays free: behind the program if that is where it must be, else anywhere. */
static bool place_heap(struct tulou_process_vm *vm, const struct tulou_image *program, size_t room, struct range *out)
{
	if (program)
		return range_make(out, program->base + program->size, room + PAGE_SIZE) && place_chunk_at(vm, *out);
	if (!place_own_chunk(vm, 0, room, NULL, true, &out->start))
		return false;
	out->end = out->start + room + PAGE_SIZE;
	return true;
}

static int build_heap(struct tulou_process_vm *vm, struct tulou_layout *layout)
{
	size_t most = size_max(align_down(range_size(vm->pool->range) / HEAP_POOL_PART, PAGE_SIZE), HEAP_ROOM_LEAST), room;
	const struct tulou_image *program = layout->image_count && layout->images[0].fixed ? &layout->images[0] : NULL;
	struct range heap;

	for (;; program = NULL) {
		for (room = most; room >= HEAP_PAGES_LEAST * PAGE_SIZE; room = align_down(room / 2, PAGE_SIZE)) {
			if (!place_heap(vm, program, room, &heap))
				continue;
			vm->heap_room = heap;
			vm->heap_start = vm->brk = layout->heap_start = heap.start;
			return 0;
		}
		if (!program)
			return -TULOU_ENOMEM;
	}
}

/*
 * Stack and room in one piece; as much room as there is. With room its last 256 pages keep others away, which are the process's own to map
 * over, as on Linux; without, the chunk's gap does. Bytes of room, or -ENOMEM.
 */
static long place_stack(struct tulou_process_vm *vm, const struct tulou_layout *layout, uintptr_t *start)
{
	size_t room = vm->pool->host->grown ? size_min(layout->stack_room, range_size(vm->pool->range)) : 0;

	for (room += room ? STACK_GAP : 0; room; room = room / 2 > STACK_GAP ? align_down(room / 2, PAGE_SIZE) : 0)
		if (place_own_chunk(vm, 0, room + layout->stack_size, &stack_content, false, start))
			return (long)room;
	return place_own_chunk(vm, STACK_GAP, layout->stack_size, &stack_content, true, start) ? 0 : -TULOU_ENOMEM;
}

static int build_stack(struct tulou_process_vm *vm, struct tulou_layout *layout)
{
	const struct tulou_host *host = vm->pool->host;
	struct area_content content = stack_content;
	uintptr_t start;
	long room = place_stack(vm, layout, &start);
	struct tulou_mapping mapping;
	struct range whole, stack;
	int error;

	if (room < 0)
		return (int)room;
	stack = range_between(start + (size_t)room, start + (size_t)room + layout->stack_size);
	whole = range_between(start, stack.end);
	if (room && !process_vm_reserve(vm)) {
		process_vm_remove(vm, whole);
		return -TULOU_ENOMEM;
	}
	if (room) {
		content.flags |= TULOU_MAP_GROWSDOWN;
		growth_make_room(vm, whole);
		process_vm_replace(vm, stack, content);
	}
	mapping = (struct tulou_mapping){
		.start = stack.start,
		.size = layout->stack_size,
		.prot = content.prot,
		.flags = content.flags | TULOU_MAP_STACK,
	};
	error = host->map(host->ctx, &mapping);
	if (error)
		process_vm_remove(vm, whole);
	else
		growth_settle(vm, whole);
	layout->stack_start = stack.start;
	layout->stack_end = stack.end;
	return error;
}

static int build(struct tulou_process_vm *vm, struct tulou_layout *layout)
{
	int error = build_images(vm, layout);

	if (!error)
		error = process_vm_reserve(vm) ? build_heap(vm, layout) : -TULOU_ENOMEM;
	if (!error)
		error = process_vm_reserve(vm) ? build_stack(vm, layout) : -TULOU_ENOMEM;
	if (error)
		process_vm_clear(vm);
	return error;
}

int tulou_process_vm_build(struct tulou_process_vm *vm, struct tulou_layout *layout)
{
	int error;

	if (!layout_is_valid(layout, vm->pool))
		return -TULOU_EINVAL;
	error = process_vm_enter(vm);
	if (error)
		return error;
	error = list_is_empty(&vm->chunks) ? build(vm, layout) : -TULOU_EINVAL;
	process_vm_leave(vm, vm->pool->range);
	return error;
}
