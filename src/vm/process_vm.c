/* SPDX-License-Identifier: MIT */
/* process_vm.c - see process_vm.h: calls begin and end here. What a process has is in areas.c. */
#include "process_vm.h"
#include "check.h"

static void pages_lost(struct step_map *map, uint32_t value, uint64_t pages)
{
	process_vm_lost(container_of(map, struct tulou_process_vm, map), value, pages);
}

void process_vm_init(struct tulou_process_vm *vm, struct tulou *pool, uint32_t id, struct journal *journal)
{
	*vm = (struct tulou_process_vm){
		.pool = pool,
		.id = id,
		.references = 1,
		.journal = journal,
		.limit_as = UINT64_MAX,
		.limit_data = UINT64_MAX,
		.limit_least = UINT64_MAX,
		.growth = {UINTPTR_MAX, 0},
		.granted = pool->memory_limit && pool->limbo != vm ? 0 : SIZE_MAX,
		.watched = pool->check_level || pool->memory_limit,
	};
	vm->stock = (struct stock){
		.host = pool->host,
		.slab = &pool->record_slab,
		.shm = &pool->shm,
		.process = vm,
		.journal = journal,
		.own = JOURNAL_UNNOTED,
		.spent = true,
		.bonds = &vm->bonds,
	};
	list_init(&vm->link);
	list_init(&vm->chunks);
	shm_bonds_init(&vm->bonds, &vm->guard.journal);
	arena_init(&vm->arena, pool->host);
	step_map_init(&vm->map, &vm->arena, &vm->root, pages_lost);
	if (journal) /* the pool's own may be missing: it is given up then */
		journal->version = &vm->map.version;
	content_init(&vm->contents, &vm->arena);
}

/* The dead holder was parked: whoever has the border may be looking at its map, and shall be done before anything in it changes;
 * and nobody shall begin to look, so that it ends while the border is held (border.pml, variant 9). */
static void unpark(struct tulou_process_vm *vm, uint32_t self)
{
	struct guard *border = &vm->pool->border;
	const struct tulou_host *host = vm->pool->host;
	bool mine = lock_holder(&border->lock) == self;

	if (!__atomic_load_n(&vm->parked, __ATOMIC_SEQ_CST))
		return;
	if (!mine)
		guard_take(border, host, self, NULL);
	__atomic_store_n(&vm->parked, false, __ATOMIC_SEQ_CST);
	if (!mine)
		guard_drop(border, host);
}

/* Torn is said before the guard gets another name: who dies here is followed by one who sees the same. */
void process_vm_taken_over(struct tulou_process_vm *vm, uint32_t self, enum guard_result result)
{
	unpark(vm, self);
	journal_claim(vm->journal, self);
	step_map_forget(&vm->map);
	/* What was reserved may have been taken back, and contents with it. */
	vm->arena.spent = true;
	content_forget(&vm->contents);
	vm->interrupted = true;
	if (result == GUARD_TORN && !vm->torn) {
		vm->torn = true;
		__atomic_add_fetch(&vm->pool->torn_count, 1, __ATOMIC_RELAXED);
	}
}

enum lock_result process_vm_meet(struct tulou_process_vm *vm, uint32_t self)
{
	enum lock_result how = lock_take_slow(&vm->guard.lock, vm->pool->host, self);

	if (vm->meetings < NOOK_MEETINGS)
		vm->meetings++;
	return how;
}

void process_vm_change_noted(struct tulou_process_vm *vm)
{
	process_vm_note_in(vm, vm->journal);
}

void process_vm_lock(struct tulou_process_vm *vm, uint32_t self)
{
	process_vm_locked(vm, self, guard_lock(&vm->guard, vm->pool->host, self));
}

bool process_vm_reserve_slow(struct tulou_process_vm *vm)
{
	if (!stock_reserve(&vm->stock, RECORDS_PER_CALL) || !content_reserve(&vm->contents, CONTENTS_PER_CALL) ||
		!step_map_reserve(&vm->map, CHANGES_PER_CALL))
		return false;
	vm->stock.spent = vm->arena.spent = false;
	return true;
}

bool process_vm_try_enter(struct tulou_process_vm *vm)
{
	uint32_t self = pool_self(vm->pool);

	if (!lock_try(&vm->guard.lock, self))
		return false;
	process_vm_locked(vm, self, GUARD_TAKEN);
	process_vm_change_noted(vm);
	return process_vm_begin(vm);
}

void process_vm_leave_slow(struct tulou_process_vm *vm, struct range touched)
{
	bool changed = !range_is_empty(touched);

	if (vm->granted != SIZE_MAX && vm->granted > vm->usage.committed + GRANT_SPARE)
		process_vm_grant_return(vm, vm->usage.committed + GRANT_SPARE / 2);
	if (vm->pool->check_level && changed)
		check_touched(vm, touched);
	if (changed && __atomic_load_n(&vm->hidden, __ATOMIC_RELAXED) == HIDDEN_ALL)
		__atomic_store_n(&vm->hidden, HIDDEN_SOME, __ATOMIC_RELAXED);
	process_vm_unlock(vm);
	if (vm->pool->check_level >= 3 && changed)
		check_pool_or_panic(vm->pool);
}

/* ---- chunks -------------------------------------------------------------------------------------------------------------- */

void process_vm_chunk_add(struct tulou_process_vm *vm, const struct chunk *chunk)
{
	uint64_t start = page_number(chunk->range.start), end = page_number(chunk->range.end);

	step_set(&vm->map, start, end, chunk->open ? STEP_FREE : STEP_KEPT, chunk->open ? STEP_MARK : STEP_MARK_CLOSED);
	if (chunk->gap)
		step_set(&vm->map, start, start + page_number(chunk->gap), STEP_GAP, STEP_KEEP);
}

static bool page_is_used(struct tulou_process_vm *vm, uintptr_t addr)
{
	return step_tile_at(&vm->map, page_number(addr)).value >= STEP_AREA;
}

/* Is the chunk that is kept warm still empty? */
static bool warm_is_empty(struct tulou_process_vm *vm)
{
	struct step_tile tile = step_tile_at(&vm->map, page_number(vm->warm)), area;

	return vm->warm && tile.first && page_address(tile.page) == vm->warm &&
	       (!step_area_above(&vm->map, tile.page, &area) || area.page >= tile.page + vm->pool->chunk_size / PAGE_SIZE);
}

/* One empty chunk of default size is kept, so that a process whose only area comes and goes does not go to the manager each
 * time. */
static bool chunk_stays(struct tulou_process_vm *vm, const struct chunk *chunk, bool keep)
{
	if (chunk->range.start == vm->heap_room.start)
		return true;
	if (!keep || !chunk->open || range_size(chunk->range) < vm->pool->chunk_size || vm->stock.own != JOURNAL_UNNOTED)
		return false;
	if (vm->warm != chunk->range.start && warm_is_empty(vm))
		return false;
	vm->warm = chunk->range.start;
	return true;
}

void process_vm_settle(struct tulou_process_vm *vm, uintptr_t addr, bool keep)
{
	struct vm_manager *manager = &vm->pool->manager;
	struct chunk *chunk;
	struct step_tile area;

	manager_lock(manager, &vm->stock);
	chunk = manager_chunk_above_locked(manager, addr);
	if (chunk && chunk->process == vm && range_contains(chunk->range, addr)) {
		uint64_t start = page_number(chunk->range.start), end = page_number(chunk->range.end);

		journal_set(vm->stock.journal, &chunk->head_used, page_is_used(vm, chunk->range.start));
		journal_set(vm->stock.journal, &chunk->tail_used, page_is_used(vm, chunk->range.end - PAGE_SIZE));
		if ((!step_area_above(&vm->map, start, &area) || area.page >= end) && !chunk_stays(vm, chunk, keep)) {
			if (vm->warm == chunk->range.start)
				vm->warm = 0;
			while (start < end)
				start = step_set(&vm->map, start, end, STEP_NONE, STEP_UNMARK);
			process_vm_step(vm);
			manager_chunk_destroy_locked(manager, chunk, &vm->stock);
		}
	}
	manager_unlock(manager, &vm->stock);
}
