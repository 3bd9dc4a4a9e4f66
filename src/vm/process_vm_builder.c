/* SPDX-License-Identifier: MIT */
/*
 * process_vm_builder.c - the first layout of a process VM.
 *
 *     fixed program     |image 0|heap ........~|      the heap's chunk begins where the image's ends; both are made to measure
 *     other images      in an open chunk if they fit, else in a chunk made to measure
 *     heap              a chunk with room to grow: a 4096th of the pool, at least a MiB, halved until it fits; a pin, no area yet
 *     stack             |~~~~ gap ~~~~|room ssss~|     256 pages that stay empty, whatever happens above; room as growth.h has it
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
	struct owner *owner = place_chunk_at(vm, range);
	int error = place_fixed(vm, range, image_content);

	/* From here on the area keeps the chunk, or nothing does. */
	if (owner)
		process_vm_owner_unpin(vm, owner);
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
				image_content, &layout->images[i].base);
	return error;
}

static int build_heap(struct tulou_process_vm *vm, struct tulou_layout *layout)
{
	const struct tulou_image *program = layout->image_count ? &layout->images[0] : NULL;
	size_t room = size_max(align_down(range_size(vm->pool->range) / HEAP_POOL_PART, PAGE_SIZE), HEAP_ROOM_LEAST);
	struct owner *heap = NULL;
	struct range range;
	uintptr_t start;

	for (; !heap && program && program->fixed && room >= HEAP_PAGES_LEAST * PAGE_SIZE; room = align_down(room / 2, PAGE_SIZE))
		if (range_make(&range, program->base + program->size, room + PAGE_SIZE))
			heap = place_chunk_at(vm, range);
	if (!heap)
		room = size_max(align_down(range_size(vm->pool->range) / HEAP_POOL_PART, PAGE_SIZE), HEAP_ROOM_LEAST);
	for (; !heap && room >= HEAP_PAGES_LEAST * PAGE_SIZE; room = align_down(room / 2, PAGE_SIZE))
		heap = place_chunk(vm, 0, room, PAGE_SIZE, vm->pool->range, NULL, &start);
	if (!heap)
		return -TULOU_ENOMEM;
	vm->heap = heap;
	vm->heap_start = vm->brk = layout->heap_start = heap->chunk->range.start;
	return 0;
}

/* Stack and room in one piece; as much room as there is. Bytes of room, or -ENOMEM. */
static long place_stack(struct tulou_process_vm *vm, const struct tulou_layout *layout, uintptr_t *start)
{
	size_t room = vm->pool->host->grown ? size_min(layout->stack_room, range_size(vm->pool->range)) : 0;

	while (!place_chunk(vm, STACK_GAP, room + layout->stack_size, PAGE_SIZE, vm->pool->range, &stack_content, start)) {
		if (!room)
			return -TULOU_ENOMEM;
		room = align_down(room / 2, PAGE_SIZE);
	}
	return (long)room;
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
		process_vm_remove(vm, whole, false);
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
		error = stock_reserve(&vm->stock, RECORDS_PER_CALL) ? build_heap(vm, layout) : -TULOU_ENOMEM;
	if (!error)
		error = stock_reserve(&vm->stock, RECORDS_PER_CALL) ? build_stack(vm, layout) : -TULOU_ENOMEM;
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
	error = tree_is_empty(&vm->owners) ? build(vm, layout) : -TULOU_EINVAL;
	process_vm_leave(vm, vm->pool->range);
	return error;
}
