/* SPDX-License-Identifier: MIT */
/*
 * interrupted.c - see interrupted.h.
 *
 *     announced    [      )  [   )      the call was about to have the host change these (process_vm_announce)
 *     books        AAAABBBB  CCCC
 *     host         AA..BBBB  CCCC       A: the call was a munmap, or the mmap that had not come so far: what is not there is no area
 *
 * The host is asked page by page, in pieces that grow as long as all is there: such deaths are rare, and a call is about little.
 */
#include "interrupted.h"
#include "shm_manager.h"

enum { PIECE_PAGES = 512 };

/* A place that was booked and not used, a heap beyond its break: the host may have pages there or not. */
static bool tile_is_unfinished(const struct tulou_process_vm *vm, const struct step_tile *tile)
{
	const struct area_content *content;

	if (tile->value < STEP_AREA)
		return false;
	content = &content_at(&vm->contents, tile->value)->is;
	return content->pending || (content->kind == TULOU_AREA_HEAP && page_address(tile->end) > page_up(vm->brk));
}

static void unfinished_remove(struct tulou_process_vm *vm, struct range range)
{
	const struct tulou_host *host = vm->pool->host;

	if (!content_at(&vm->contents, step_tile_at(&vm->map, page_number(range.start)).value)->is.pending)
		range.start = size_max(range.start, page_up(vm->brk));
	if (host->unmap(host->ctx, range.start, range_size(range)))
		limbo_take(vm, range);
	else if (process_vm_reserve(vm))
		process_vm_remove(vm, range);
}

void interrupted_visit(struct tulou_process_vm *vm, const struct step_tile *tile)
{
	if (tile_is_unfinished(vm, tile))
		unfinished_remove(vm, tile_range(tile));
}

/* ---- what the host has done -------------------------------------------------------------------------------------------------- */

static bool piece_is_there(const struct tulou_host *host, struct range piece)
{
	unsigned char vector[PIECE_PAGES];

	return host->resident(host->ctx, piece.start, range_size(piece), vector) != -TULOU_ENOMEM;
}

/* How far from its start on all of `range` is there, or nothing is. */
static uintptr_t run_end(const struct tulou_host *host, struct range range, bool *there)
{
	size_t step = PAGE_SIZE;
	uintptr_t at = range.start;

	*there = piece_is_there(host, range_between(at, at + PAGE_SIZE));
	for (at += PAGE_SIZE; at < range.end; at += step) {
		step = *there ? size_min(size_min(2 * step, PIECE_PAGES * PAGE_SIZE), range.end - at) : PAGE_SIZE;
		while (step > PAGE_SIZE && !piece_is_there(host, range_between(at, at + step)))
			step = align_up(step / 2, PAGE_SIZE);
		if (step == PAGE_SIZE && piece_is_there(host, range_between(at, at + step)) != *there)
			break;
	}
	return at;
}

/* What grows is skipped: the host may have more of it than the books know, which is found out elsewhere (growth.h). */
static bool can_be_asked(const struct area_content *content)
{
	return content_has_pages(content) && !(content->flags & TULOU_MAP_GROWSDOWN);
}

static void area_agree(struct tulou_process_vm *vm, struct range range, int prot)
{
	const struct tulou_host *host = vm->pool->host;

	while (range.start < range.end) {
		bool there;
		struct range run = range_between(range.start, run_end(host, range, &there));

		if (there)
			host->protect(host->ctx, run.start, range_size(run), prot);
		else if (process_vm_reserve(vm))
			process_vm_remove(vm, run);
		range.start = run.end;
	}
}

static void range_agree(struct tulou_process_vm *vm, struct range range)
{
	struct area area;

	while (range.start < range.end && process_vm_area_above(vm, range.start, &area) && area.range.start < range.end) {
		struct range part = range_cut(area.range, range);

		if (can_be_asked(&area.content))
			area_agree(vm, part, area.content.prot);
		range.start = part.end;
	}
}

void interrupted_end(struct tulou_process_vm *vm)
{
	for (unsigned i = 0; vm->pool->host->resident && i < ANNOUNCED; i++)
		range_agree(vm, vm->announced[i]);
}

/* ---- the rest ------------------------------------------------------------------------------------------------------------------ */

/* A call holds the object that it maps, and gives it up at its end. */
static void bonds_recount(struct tulou_process_vm *vm)
{
	size_t idle = 0;

	list_for_each(link, &vm->bonds.list)
	{
		struct shm_bond *bond = container_of(link, struct shm_bond, link);
		size_t areas = 0;

		for (uint32_t number = STEP_AREA; number < content_end(&vm->contents); number++) {
			const struct content *content = content_at(&vm->contents, number);

			areas += content_is_used(content) && content->is.object == bond->object;
		}
		journal_set(vm->stock.own, &bond->areas, areas);
		process_vm_step(vm);
		idle += !areas;
	}
	journal_set(vm->stock.own, &vm->bonds.idle, idle);
	process_vm_step(vm);
}

void interrupted_begin(struct tulou_process_vm *vm)
{
	struct vm_manager *manager = &vm->pool->manager;

	manager_lock(manager, &vm->stock);
	process_vm_stale(vm, vm->pool->range, &vm->stock);
	manager_unlock(manager, &vm->stock);
	bonds_recount(vm);
}
