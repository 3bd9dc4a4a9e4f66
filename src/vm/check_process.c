/* SPDX-License-Identifier: MIT */
/* check_process.c - see check.h: process VMs, heaps, shared objects, slabs. */
#include "check.h"

static const struct tulou_process_vm *link_process(struct list *link)
{
	return container_of(link, struct tulou_process_vm, link);
}

static bool owner_is_listed(const struct owner *owner)
{
	list_for_each(link, &owner->chunk->owners) if (link_owner(link) == owner) return true;
	return false;
}

static bool owner_check_locked(const struct tulou_process_vm *vm, const struct owner *owner, struct report *report)
{
	const struct chunk *chunk = owner->chunk;

	if (owner->process != vm || !owner_is_listed(owner))
		return report_broken(report, "P1: process %u: chunk %lx does not know it", vm->id, chunk->range.start);
	if (!owner->area_count && !owner->pins)
		return report_broken(report, "P1: process %u has nothing in chunk %lx", vm->id, chunk->range.start);
	if (owner->room &&
		(!chunk->open || (chunk->owner_count == 1 && owner->room * PAGE_SIZE > free_space_largest(&chunk->free))))
		return report_broken(
			report, "P4: process %u: no %u free pages in chunk %lx", vm->id, owner->room, chunk->range.start);
	for (struct tree_node *node = tree_first(&chunk->areas); node; node = tree_next(node)) {
		const struct area *area = to_area(node);

		if (area->owner == owner && area->content.kind == TULOU_AREA_HEAP &&
			!range_covers(range_between(vm->heap_start, page_up(vm->brk)), area->range))
			return report_broken(report, "H3: %lx: heap outside [heap_start, brk)", area->range.start);
	}
	return true;
}

static void usage_count_locked(const struct owner *owner, struct usage *usage)
{
	for (struct tree_node *node = tree_first(&owner->chunk->areas); node; node = tree_next(node)) {
		const struct area *area = to_area(node);

		if (area->owner != owner)
			continue;
		usage->total += range_size(area->range);
		if (area_content_is_data(&area->content))
			usage->data += range_size(area->range);
	}
}

static bool heap_check(const struct tulou_process_vm *vm, struct report *report)
{
	if (!vm->heap)
		return true;
	if (vm->brk < vm->heap_start)
		return report_broken(report, "H1: process %u: the break %lx is below the heap", vm->id, vm->brk);
	if (!vm->heap->pins || vm->heap->process != vm || vm->heap->chunk->range.start != vm->heap_start)
		return report_broken(report, "H2: process %u: the heap's chunk is not pinned or begins elsewhere", vm->id);
	return true;
}

bool process_vm_check(struct tulou_process_vm *vm, struct report *report)
{
	const char *broken = vm->torn ? NULL : tree_check(&vm->owners);
	struct usage usage = {0, 0};
	uintptr_t last = 0;
	bool ok = true;

	if (vm->torn)
		return true; /* until it is given back */
	if (broken)
		return report_broken(report, "P3: process %u: owners: %s", vm->id, broken);
	for (struct tree_node *node = tree_first(&vm->owners); node && ok; node = tree_next(node)) {
		struct chunk *chunk = to_owner(node)->chunk;

		if (chunk->range.start < last)
			return report_broken(report, "P2: process %u: owners do not ascend at %lx", vm->id, chunk->range.start);
		last = chunk->range.end;
		chunk_lock(chunk, &vm->stock);
		ok = owner_check_locked(vm, to_owner(node), report);
		usage_count_locked(to_owner(node), &usage);
		chunk_unlock(chunk, &vm->stock);
	}
	if (ok && (usage.total != vm->usage.total || usage.data != vm->usage.data))
		return report_broken(report, "P5: process %u has %zu bytes, %zu of data, not %zu and %zu", vm->id, usage.total,
			usage.data, vm->usage.total, vm->usage.data);
	return ok && heap_check(vm, report);
}

static struct shm_bond *link_bond(struct list *link)
{
	return container_of(link, struct shm_bond, link);
}

/* The bonds of one process; its areas have been counted. A torn one's list is all that is right. */
static bool bonds_check(const struct tulou_process_vm *vm, struct report *report)
{
	const char *broken = vm->torn ? NULL : tree_check(&vm->bonds.tree);
	size_t idle = 0;

	if (broken)
		return report_broken(report, "S4: process %u: bonds: %s", vm->id, broken);
	list_for_each(link, &vm->bonds.list)
	{
		const struct shm_bond *bond = link_bond(link);

		bond->object->counted++;
		idle += bond->areas == 0;
		if (!vm->torn && bond->areas != bond->counted)
			return report_broken(report, "S4: process %u shows object %lx:%lu %zu times, counted %zu", vm->id,
				bond->object->dev, bond->object->ino, bond->counted, bond->areas);
	}
	if (!vm->torn && idle != vm->bonds.idle)
		return report_broken(
			report, "S4: process %u: %zu bonds without areas, counted %zu", vm->id, idle, vm->bonds.idle);
	return true;
}

static bool areas_count(const struct chunk *chunk, struct report *report)
{
	for (struct tree_node *node = chunk->torn ? NULL : tree_first(&chunk->areas); node; node = tree_next(node)) {
		const struct area *area = to_area(node);
		struct shm_bond *bond;

		if (!area->content.object || area->owner->process->torn)
			continue;
		bond = shm_bond_find(&area->owner->process->bonds, area->content.object);
		if (!bond)
			return report_broken(report, "S4: %lx: the process has no bond with what it shows", area->range.start);
		bond->counted++;
	}
	return true;
}

static bool objects_check(const struct shm_manager *shm, struct report *report)
{
	size_t count = 0;

	for (struct tree_node *node = tree_first(&shm->objects); node; node = tree_next(node), count++) {
		const struct shm_object *object = container_of(node, struct shm_object, node);
		struct tree_node *next = tree_next(node);

		if (object->bonds != object->counted || !object->bonds)
			return report_broken(report, "S4: object %lx:%lu: %zu bonds, counted %zu", object->dev, object->ino,
				object->counted, object->bonds);
		if (next && shm_object_compare(object, container_of(next, struct shm_object, node)) >= 0)
			return report_broken(report, "S5: object %lx:%lu is not below the next", object->dev, object->ino);
	}
	if (count != shm->object_count)
		return report_broken(report, "S5: %zu objects, counted %zu", count, shm->object_count);
	return true;
}

bool shm_check(const struct tulou *pool, struct report *report)
{
	const char *broken = tree_check(&pool->shm.objects);
	bool ok = true;

	if (broken)
		return report_broken(report, "S5: shared objects: %s", broken);
	for (struct tree_node *node = tree_first(&pool->shm.objects); node; node = tree_next(node))
		container_of(node, struct shm_object, node)->counted = 0;
	list_for_each(at, &pool->processes) list_for_each(link, &link_process(at)->bonds.list) link_bond(link)->counted = 0;
	for (struct tree_node *chunk = tree_first(&pool->manager.chunks); chunk && ok; chunk = tree_next(chunk))
		ok = areas_count(to_chunk(chunk), report);
	list_for_each(at, &pool->processes) ok = ok && bonds_check(link_process(at), report);
	return ok && objects_check(&pool->shm, report);
}

bool slabs_check(const struct tulou *pool, struct report *report)
{
	const struct slab *slabs[] = {&pool->record_slab, &pool->process_slab, &pool->manager.chunk_slab};
	const char *const names[] = {"records", "process VMs", "chunks"};

	for (unsigned i = 0; i < sizeof(slabs) / sizeof(slabs[0]); i++) {
		const char *broken = slab_check(slabs[i]);

		if (broken)
			return report_broken(report, "%s (slab of %s)", broken, names[i]);
	}
	if (pool->process_slab.used != pool->process_count)
		return report_broken(
			report, "S6: %zu process VMs allocated, %zu in use", pool->process_slab.used, pool->process_count);
	if (pool->manager.chunk_slab.used != pool->manager.chunk_count)
		return report_broken(
			report, "S6: %zu chunks allocated, %zu in use", pool->manager.chunk_slab.used, pool->manager.chunk_count);
	return true;
}
