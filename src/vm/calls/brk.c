/* SPDX-License-Identifier: MIT */
/*
 * brk.c - brk(2), the raw system call: the new break, or the unchanged one.
 *
 *     heap's chunk   |hhhhhhhhhh.............~|       h: [heap_start, page_up(brk)); the break counts bytes, pages follow
 *                     heap_start ^brk         ^ a page that stays free; the chunk is extended while the pool behind it is free
 */
#include "calls.h"

static const struct area_content heap_content = {
	.flags = TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS,
	.prot = TULOU_PROT_READ | TULOU_PROT_WRITE,
	.kind = TULOU_AREA_HEAP,
};

static int heap_grow(struct tulou_process_vm *vm, struct range more)
{
	const struct tulou_host *host = vm->pool->host;
	struct area_content content = heap_content;
	struct tulou_mapping mapping = {
		.start = more.start,
		.size = range_size(more),
		.prot = heap_content.prot,
		.flags = heap_content.flags,
	};
	struct area next;
	bool extended;
	int error;

	/* Linux leaves a page to the next mapping, and more to one that grows downwards. */
	if (growth_area_above(vm, more.start, &next) &&
		next.range.start < more.end + (next.content.flags & TULOU_MAP_GROWSDOWN ? STACK_GAP : 0) + PAGE_SIZE)
		return -TULOU_ENOMEM;
	content.flags |= vm->lock_future;
	mapping.lock = area_lock_of(&content);
	if (process_vm_may_have(vm, vm->usage, usage_of(&content, range_size(more))))
		return -TULOU_ENOMEM;
	extended = vm_extend(vm, more, content);
	error = extended ? host->map(host->ctx, &mapping) : -TULOU_ENOMEM;
	if (error && extended)
		process_vm_remove(vm, more);
	growth_settle(vm, more);
	return error;
}

static int heap_resize(struct tulou_process_vm *vm, uintptr_t brk)
{
	uintptr_t old = page_up(vm->brk), new = page_up(brk);
	struct area first;

	if (new < brk)
		return -TULOU_ENOMEM;
	if (new == old)
		return 0;
	if (new > old)
		return heap_grow(vm, range_between(old, new));
	/* As Linux: nothing at all to take back, because the program has unmapped it, is a failure. */
	if (!growth_area_above(vm, new, &first) || first.range.start >= old)
		return -TULOU_ENOMEM;
	return vm_has_seal(vm, range_between(new, old)) ? -TULOU_EPERM : vm_unmap(vm, range_between(new, old));
}

long tulou_brk(struct tulou_process_vm *vm, uintptr_t addr)
{
	struct range touched = {0, 0};
	long result;

	if (vm_enter(vm, range_between(addr, addr + STACK_GAP)))
		return (long)__atomic_load_n(&vm->brk, __ATOMIC_RELAXED);
	if (vm->heap_start && addr >= vm->heap_start) {
		uintptr_t old = vm->brk;

		touched = old < addr ? range_between(old, addr) : range_between(addr, old);
		if (!heap_resize(vm, addr))
			__atomic_store_n(&vm->brk, addr, __ATOMIC_RELAXED);
	}
	result = (long)vm->brk;
	process_vm_leave(vm, touched);
	return result;
}
