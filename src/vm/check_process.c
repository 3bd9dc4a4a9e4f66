/* SPDX-License-Identifier: MIT */
/* check_process.c - see check.h: process VMs, heaps, shared objects, slabs. */
#include "check.h"

static const struct tulou_process_vm *link_process(struct list *link)
{
	return container_of(link, struct tulou_process_vm, link);
}

/* What the map has of each content, and in all. */
struct map_count {
	struct usage usage;
	size_t marks, pages; /* pages: that are not nobody's */
};

static struct map_count map_count(struct tulou_process_vm *vm)
{
	struct map_count count = {.marks = 0};
	struct step_tile tile = {.end = 0};

	while (tile.end < STEP_END) {
		tile = step_tile_at(&vm->map, tile.end);
		count.marks += tile.first;
		count.pages += tile.value == STEP_NONE ? 0 : tile.end - tile.page;
		if (tile.value < STEP_AREA)
			continue;
		usage_add(&count.usage, usage_of(&content_at(&vm->contents, tile.value)->is, range_size(tile_range(&tile))));
	}
	return count;
}

/* The pages of one content, counted. */
static uint64_t content_count(struct tulou_process_vm *vm, uint32_t number)
{
	struct step_tile tile = {.end = 0};
	uint64_t pages = 0;

	while (step_area_above(&vm->map, tile.end, &tile))
		pages += tile.value == number ? tile.end - tile.page : 0;
	return pages;
}

static bool contents_check(struct tulou_process_vm *vm, struct report *report)
{
	uint32_t used = 0;

	for (uint32_t number = STEP_AREA; number < content_end(&vm->contents); number++) {
		const struct content *content = content_at(&vm->contents, number);
		uint64_t pages = content_count(vm, number);

		if (!content_is_used(content) && pages)
			return report_broken(report, "P9: process %u: content %u is not one", vm->id, number);
		if (!content_is_used(content))
			continue;
		used++;
		if (pages != content->pages)
			return report_broken(report, "P9: process %u: content %u has %lu pages, counted %lu", vm->id, number,
				pages, content->pages);
		if (content_find(&vm->contents, &content->is) != number)
			return report_broken(report, "P10: process %u: content %u is not found", vm->id, number);
	}
	if (used + vm->contents.free_count != vm->contents.used)
		return report_broken(report, "P10: process %u: contents are lost", vm->id);
	return true;
}

static bool rooms_check(struct tulou_process_vm *vm, struct report *report)
{
	struct area area, next;
	bool more = process_vm_area_above(vm, 0, &area);

	for (; more; area = next) {
		more = process_vm_area_above(vm, area.range.end, &next);
		if (!area_is_room(&area))
			continue;
		if (!more || next.range.start != area.range.end ||
			!(area_is_room(&next) || (next.content.flags & TULOU_MAP_GROWSDOWN)))
			return report_broken(
				report, "P8: process %u: nothing grows into the room at %lx", vm->id, area.range.start);
		if (area.content.kind == TULOU_AREA_BARRIER && range_size(area.range) != PAGE_SIZE)
			return report_broken(report, "P8: process %u: the barrier at %lx is no page", vm->id, area.range.start);
	}
	return true;
}

static bool heap_check(struct tulou_process_vm *vm, struct report *report)
{
	struct step_tile tile = {.end = 0};

	if (vm->brk < vm->heap_start)
		return report_broken(report, "H1: process %u: the break %lx is below the heap", vm->id, vm->brk);
	if (!range_is_empty(vm->heap_room) &&
		(vm->heap_room.start != vm->heap_start || !step_begins_chunk(&vm->map, page_number(vm->heap_start))))
		return report_broken(report, "H2: process %u: the heap's chunk begins elsewhere", vm->id);
	while (step_area_above(&vm->map, tile.end, &tile))
		if (content_at(&vm->contents, tile.value)->is.kind == TULOU_AREA_HEAP &&
			!range_covers(range_between(vm->heap_start, page_up(vm->brk)), tile_range(&tile)))
			return report_broken(report, "H3: %lx: heap outside [heap_start, brk)", page_address(tile.page));
	return true;
}

/* The list is the manager's, and `stale` too: others may cut a chunk meanwhile, unless all stands still. */
static bool chunks_listed(struct tulou_process_vm *vm, bool still, const struct map_count *count, struct report *report)
{
	size_t chunks = 0, pages = 0;
	bool stale;

	if (!still)
		manager_lock(&vm->pool->manager, &vm->stock);
	stale = vm->stale.end;
	list_for_each(link, &vm->chunks)
	{
		chunks++;
		pages += page_number(range_size(link_chunk(link)->range));
	}
	if (!still)
		manager_unlock(&vm->pool->manager, &vm->stock);
	if (!stale && (chunks != count->marks || pages != count->pages))
		return report_broken(report, "P1: process %u: %zu marks and %zu pages for %zu chunks of %zu pages", vm->id,
			count->marks, count->pages, chunks, pages);
	return true;
}

bool process_vm_check(struct tulou_process_vm *vm, bool still, struct report *report)
{
	bool whole = !vm->torn && !vm->interrupted;
	const char *broken = whole ? step_map_check(&vm->map) : NULL;
	struct map_count count;

	if (!whole)
		return true; /* until it is given back, or has caught up */
	if (broken)
		return report_broken(report, "process %u: %s", vm->id, broken);
	count = map_count(vm);
	if (count.usage.total != vm->usage.total || count.usage.data != vm->usage.data ||
		count.usage.committed != vm->usage.committed)
		return report_broken(report, "P5: process %u has %zu bytes, %zu of data, %zu committed, not %zu, %zu, %zu",
			vm->id, count.usage.total, count.usage.data, count.usage.committed, vm->usage.total, vm->usage.data,
			vm->usage.committed);
	return chunks_listed(vm, still, &count, report) && contents_check(vm, report) && heap_check(vm, report) &&
	       rooms_check(vm, report) && resident_check(vm, report) && nooks_check(vm, report);
}

static struct shm_bond *link_bond(struct list *link)
{
	return container_of(link, struct shm_bond, link);
}

/* The bonds of one process; its areas have been counted. A torn one's list is all that is right. */
static bool bonds_check(const struct tulou_process_vm *vm, struct report *report)
{
	const char *broken = vm->torn ? NULL : tree_check(&vm->bonds.tree);
	bool whole = !vm->torn && !vm->interrupted;
	size_t idle = 0;

	if (broken)
		return report_broken(report, "S4: process %u: bonds: %s", vm->id, broken);
	list_for_each(link, &vm->bonds.list)
	{
		const struct shm_bond *bond = link_bond(link);

		bond->object->counted++;
		idle += bond->areas == 0;
		if (whole && bond->areas != bond->counted)
			return report_broken(report, "S4: process %u shows object %lx:%lu %zu times, counted %zu", vm->id,
				bond->object->dev, bond->object->ino, bond->counted, bond->areas);
	}
	if (whole && idle != vm->bonds.idle)
		return report_broken(
			report, "S4: process %u: %zu bonds without areas, counted %zu", vm->id, idle, vm->bonds.idle);
	return true;
}

/* Each content that shows an object is counted by the process's bond with it. */
static bool contents_count(const struct tulou_process_vm *vm, struct report *report)
{
	for (uint32_t number = STEP_AREA; !vm->torn && number < content_end(&vm->contents); number++) {
		const struct content *content = content_at(&vm->contents, number);
		struct shm_bond *bond;

		if (!content_is_used(content) || !content->is.object)
			continue;
		bond = shm_bond_find(&vm->bonds, content->is.object);
		if (!bond)
			return report_broken(report, "S4: process %u has no bond with what content %u shows", vm->id, number);
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
	list_for_each(at, &pool->processes) ok = ok && contents_count(link_process(at), report);
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
