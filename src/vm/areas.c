/* SPDX-License-Identifier: MIT */
/* areas.c - see areas.h. */
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

/* How far the stretch that `tile` begins, which the map's path is at, goes on below `end`. */
uint64_t process_vm_stretch_end(struct tulou_process_vm *vm, struct step_tile tile, uint64_t end)
{
	struct step_tile next = tile;

	for (; next.end < end && step_next(&vm->map); tile.end = next.end) {
		next = step_tile_here(&vm->map);
		if (next.value < STEP_AREA ||
			(next.value != tile.value && tile_has_pages(vm, &next) != tile_has_pages(vm, &tile)))
			break;
	}
	return tile.end;
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

/* Neighbours that show the same are one tile, unless a chunk begins between them. */
uintptr_t process_vm_mapping_end(struct tulou_process_vm *vm, const struct area *area)
{
	struct step_tile tile = step_tile_at(&vm->map, page_number(area->range.start)), next = tile;

	while (next.value == tile.value) {
		tile.end = next.end;
		if (likely(!step_ends_chunk(&vm->map)) || !step_next(&vm->map))
			break;
		next = step_tile_here(&vm->map);
	}
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

void process_vm_remove_pending(struct tulou_process_vm *vm, struct range range)
{
	uint64_t page = page_number(range.start), end = page_number(range.end);
	struct step_tile tile;

	while (page < end && step_area_above(&vm->map, page, &tile) && tile.page < end) {
		if (content_at(&vm->contents, tile.value)->is.pending)
			page = process_vm_free(vm, size_max(tile.page, page), size_min(tile.end, end));
		else
			page = tile.end;
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
	uint64_t page = page_number(range.start), end = page_number(range.end);
	struct step_tile tile;
	uint32_t areas = 0;

	/* Each content that is there becomes another one at most; those without an object are few. */
	for (; page < end && step_area_above(&vm->map, page, &tile); page = tile.end)
		areas++;
	if (likely(areas <= CONTENTS_PER_CALL - 2))
		return process_vm_reserve(vm) ? 0 : -TULOU_ENOMEM;
	if (areas > vm->contents.used)
		areas = vm->contents.used;
	if (!stock_reserve(&vm->stock, RECORDS_PER_CALL) || !content_reserve(&vm->contents, areas + 2) ||
		!step_map_reserve(&vm->map, CHANGES_PER_CALL))
		return -TULOU_ENOMEM;
	return 0;
}

void process_vm_change(struct tulou_process_vm *vm, struct range range, struct area_change change)
{
	uint64_t page = page_number(range.start), end = page_number(range.end);
	struct step_tile tile;

	while (page < end && step_area_above(&vm->map, page, &tile) && tile.page < end) {
		const struct area_content *old = &content_known(&vm->contents, tile.value)->is;
		struct area_content content = area_content_changed(*old, change);
		struct range part = range_cut(tile_range(&tile), range);

		page = page_number(part.end);
		if (content.look != old->look)
			process_vm_put_here(vm, part, content_number_kept(&vm->contents, &content, &vm->stock));
		process_vm_step(vm);
	}
}
