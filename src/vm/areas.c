/* SPDX-License-Identifier: MIT */
/*
 * areas.c - the areas of one process, see process_vm.h: what calls see of the step map, and how they change it.
 *
 *     map      |A |FREE |B |B!|NONE          tile by tile; B goes on across a chunk's edge (!), as another area
 *     area     [A )     [B )[B )
 */
#include "process_vm.h"

static struct area tile_area(const struct tulou_process_vm *vm, const struct step_tile *tile)
{
	struct range range = tile_range(tile);

	return (struct area){range, content_shown(content_at(&vm->contents, tile->value), range.start)};
}

static bool tile_has_pages(const struct tulou_process_vm *vm, const struct step_tile *tile)
{
	return content_has_pages(&content_at(&vm->contents, tile->value)->is);
}

bool process_vm_area_above(struct tulou_process_vm *vm, uintptr_t addr, struct area *out)
{
	struct step_tile tile;

	if (!step_area_above(&vm->map, page_number(addr), &tile))
		return false;
	*out = tile_area(vm, &tile);
	return true;
}

bool process_vm_stretch(struct tulou_process_vm *vm, struct range range, struct range *stretch, struct area *first)
{
	uint64_t end = page_number(range.end);
	struct step_tile tile, next;

	if (range_is_empty(range) || !step_area_above(&vm->map, page_number(range.start), &tile) || tile.page >= end)
		return false;
	*first = tile_area(vm, &tile);
	for (next = tile; next.end < end && step_next(&vm->map); tile.end = next.end) {
		next = step_tile_here(&vm->map);
		if (next.value < STEP_AREA ||
			(next.value != tile.value && tile_has_pages(vm, &next) != tile_has_pages(vm, &tile)))
			break;
	}
	*stretch = range_cut(tile_range(&tile), range);
	return true;
}

bool process_vm_covers(struct tulou_process_vm *vm, struct range range)
{
	struct step_tile tile = {.end = page_number(range.start)};

	while (tile.end < page_number(range.end)) {
		tile = step_tile_at(&vm->map, tile.end);
		if (tile.value < STEP_AREA)
			return false;
	}
	return true;
}

uintptr_t process_vm_mapping_end(struct tulou_process_vm *vm, const struct area *area)
{
	struct step_tile tile = step_tile_at(&vm->map, page_number(area->range.start)), next = tile;

	while ((next = step_tile_at(&vm->map, tile.end)).value == tile.value)
		tile.end = next.end;
	return page_address(tile.end);
}

uintptr_t process_vm_mapping_start(struct tulou_process_vm *vm, const struct area *area)
{
	struct step_tile tile = step_tile_at(&vm->map, page_number(area->range.start)), before = tile;

	while (tile.page && (before = step_tile_at(&vm->map, tile.page - 1)).value == tile.value)
		tile.page = before.page;
	return page_address(tile.page);
}

/* ---- changes ------------------------------------------------------------------------------------------------------------- */

void process_vm_gained(struct tulou_process_vm *vm, uint32_t number, size_t size)
{
	struct content *content = content_at(&vm->contents, number);

	journal_add(vm->arena.journal, &content->pages, page_number(size));
	process_vm_usage_note(vm, &content->is, size);
}

uintptr_t process_vm_put(struct tulou_process_vm *vm, struct range range, uint32_t number)
{
	uintptr_t end = page_address(step_set(&vm->map, page_number(range.start), page_number(range.end), number, STEP_KEEP));

	process_vm_gained(vm, number, end - range.start);
	return end;
}

/* What was removed from `addr` on and below `end` is free now. A chunk whose first or last page that was, or that is empty, is looked at
 * more closely; but the one that is kept warm may be empty. */
static void removed(struct tulou_process_vm *vm, uintptr_t addr, uintptr_t end)
{
	struct step_tile tile = step_tile_here(&vm->map), before;
	bool head = tile.first && page_address(tile.page) == addr, last = step_ends_chunk(&vm->map), whole = last && tile.first;

	if (likely(!head && !last))
		return;
	if (last && !whole) {
		before = step_tile_at(&vm->map, tile.page - 1);
		whole = before.first && before.value < STEP_AREA;
	}
	if (head || (last && page_address(tile.end) == end) || (whole && page_address(tile.page) != vm->warm))
		process_vm_settle(vm, addr, true);
}

void process_vm_remove(struct tulou_process_vm *vm, struct range range, bool pending_only)
{
	uint64_t page = page_number(range.start), end = page_number(range.end);
	struct step_tile tile;

	while (page < end && step_area_above(&vm->map, page, &tile) && tile.page < end) {
		uint64_t from = size_max(tile.page, page), to = pending_only ? size_min(tile.end, end) : end;

		page = tile.end;
		if (pending_only && !content_at(&vm->contents, tile.value)->is.pending)
			continue;
		page = step_set(&vm->map, from, to, STEP_FREE, STEP_KEEP);
		removed(vm, page_address(from), page_address(page));
		process_vm_step(vm);
	}
}

void process_vm_replace(struct tulou_process_vm *vm, struct range range, struct area_content content)
{
	uint32_t number = process_vm_number(vm, &content, range.start);

	while (range.start < range.end) {
		range.start = process_vm_put(vm, range, number);
		process_vm_step(vm);
	}
}

int process_vm_may_change(struct tulou_process_vm *vm, struct range range)
{
	uint64_t page = page_number(range.start);
	struct step_tile tile;
	uint32_t areas = 0;

	/* Each content that is there becomes another one at most; those without an object are few. */
	for (; page < page_number(range.end) && step_area_above(&vm->map, page, &tile); page = tile.end)
		areas++;
	if (areas > vm->contents.used)
		areas = vm->contents.used;
	if (!stock_reserve(&vm->stock, RECORDS_PER_CALL) || !content_reserve(&vm->contents, areas + 2) ||
		!step_map_reserve(&vm->map, 4))
		return -TULOU_ENOMEM;
	return 0;
}

void process_vm_change(struct tulou_process_vm *vm, struct range range, struct area_change change)
{
	uint64_t page = page_number(range.start), end = page_number(range.end);
	struct step_tile tile;

	while (page < end && step_area_above(&vm->map, page, &tile) && tile.page < end) {
		struct range part = range_cut(tile_range(&tile), range);
		struct area_content content = content_shown(content_at(&vm->contents, tile.value), part.start);

		content.flags = (content.flags & ~change.clear) | change.set;
		if (change.prot >= 0)
			content.prot = (uint8_t)change.prot;
		page = page_number(part.end);
		if (content.flags != content_at(&vm->contents, tile.value)->is.flags ||
			content.prot != content_at(&vm->contents, tile.value)->is.prot)
			process_vm_put(vm, part, process_vm_number(vm, &content, part.start));
		process_vm_step(vm);
	}
}
