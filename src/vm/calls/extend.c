/* SPDX-License-Identifier: MIT */
/*
 * extend.c - what brk(2) and mremap(2) in place have in common: more pages behind an area.
 *
 *     | AAAA..~|          in the chunk, or the chunk is extended: one record, the page at the end stays free
 *     |...AAAAA|AA..      else as a fixed place, across the chunk's edge: two records, which continue each other
 */
#include "calls.h"

/* Mostly what is in the way is the process's own, and cheaper to find than to run into. */
static bool is_taken(struct tulou_process_vm *vm, uintptr_t addr)
{
	struct step_tile tile = step_tile_at(&vm->map, page_number(addr));

	return tile.value >= STEP_AREA && !content_is_room(&content_known(&vm->contents, tile.value)->is);
}

bool vm_extend(struct tulou_process_vm *vm, struct range range, struct area_content content)
{
	if (!range_covers(vm->pool->range, range) || is_taken(vm, range.start))
		return false;
	if (unlikely(growth_concerns(vm, range)))
		growth_give_way(vm, range);
	if (!place_behind(vm, range, content) && place_fixed(vm, range, content))
		return false;
	process_vm_step(vm); /* as in mmap: the host comes next */
	return true;
}
