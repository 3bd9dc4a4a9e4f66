/* SPDX-License-Identifier: MIT */
/* process_vm.c - see process_vm.h: calls begin and end here, and walk the chunks of one process. */
#include "process_vm.h"
#include "check.h"

static uint32_t room_below(struct tree_node *node)
{
	return node ? to_owner(node)->room_max : 0;
}

static bool owner_update(struct tree_node *node, struct journal *journal)
{
	struct owner *owner = to_owner(node);
	size_t max = size_max(owner->room, size_max(room_below(node->child[TREE_LEFT]), room_below(node->child[TREE_RIGHT])));

	if (max == owner->room_max)
		return false;
	journal_set(journal, &owner->room_max, (uint32_t)max);
	return true;
}

void process_vm_init(struct tulou_process_vm *vm, struct tulou *pool, uint32_t id, struct journal *journal)
{
	_Static_assert(sizeof(struct owner) <= RECORD_SIZE, "an owner is a record");
	*vm = (struct tulou_process_vm){
		.pool = pool, .id = id, .references = 1, .journal = journal, .limit_as = UINT64_MAX, .limit_data = UINT64_MAX};
	vm->stock = (struct stock){
		.host = pool->host,
		.slab = &pool->record_slab,
		.shm = &pool->shm,
		.process = vm,
		.journal = journal,
		.own = JOURNAL_UNNOTED,
		.bonds = &vm->bonds,
	};
	list_init(&vm->link);
	shm_bonds_init(&vm->bonds, &vm->guard.journal);
	tree_init(&vm->owners, owner_update, &vm->guard.journal);
}

/* ---- calls -------------------------------------------------------------------------------------------------------------- */

/* Torn is said before the guard gets another name: who dies here is followed by one who sees the same. */
static void process_vm_taken_over(struct tulou_process_vm *vm, uint32_t self, enum guard_result result)
{
	journal_claim(vm->journal, self);
	if (result == GUARD_TORN)
		vm->torn = true;
}

void process_vm_lock(struct tulou_process_vm *vm, uint32_t self)
{
	enum guard_result result = guard_lock(&vm->guard, vm->pool->host, self);
	uint32_t references = __atomic_load_n(&vm->references, __ATOMIC_RELAXED);
	bool shared = (references > 1 && !(references & REFERENCES_GOING)) || vm == vm->pool->limbo;

	if (likely(result == GUARD_TAKEN))
		journal_begin(vm->journal, self);
	else
		process_vm_taken_over(vm, self, result);
	guard_name(&vm->guard, shared ? vm->journal : JOURNAL_UNNOTED);
	vm->stock.own = vm->guard.journal;
	vm->stock.self = self;
}

void process_vm_unlock(struct tulou_process_vm *vm)
{
	guard_drop(&vm->guard, vm->pool->host);
}

int process_vm_enter(struct tulou_process_vm *vm)
{
	process_vm_lock(vm, pool_self(vm->pool));
	if (likely(!vm->torn && stock_reserve(&vm->stock, RECORDS_PER_CALL)))
		return 0;
	process_vm_unlock(vm);
	return -TULOU_ENOMEM;
}

void process_vm_leave(struct tulou_process_vm *vm, struct range touched)
{
	shm_flush(&vm->stock);
	stock_limit(&vm->stock);
	if (unlikely(vm->pool->check_level) && !range_is_empty(touched))
		check_touched(vm, touched);
	process_vm_unlock(vm);
	if (unlikely(vm->pool->check_level >= 3) && !range_is_empty(touched))
		check_pool_or_panic(vm->pool);
}

/* ---- owners ------------------------------------------------------------------------------------------------------------- */

struct owner *process_vm_owner_above(const struct tulou_process_vm *vm, uintptr_t addr)
{
	struct tree_node *node = vm->owners.root;
	struct owner *best = NULL;

	while (node) {
		if (to_owner(node)->chunk->range.end > addr) {
			best = to_owner(node);
			node = node->child[TREE_LEFT];
		} else {
			node = node->child[TREE_RIGHT];
		}
	}
	return best;
}

struct owner *process_vm_owner_get_locked(struct tulou_process_vm *vm, struct chunk *chunk, struct stock *stock)
{
	struct tree_node *node = vm->owners.root, *parent = NULL;
	enum tree_side side = TREE_LEFT;
	struct owner *owner;

	while (node) {
		if (to_owner(node)->chunk == chunk)
			return to_owner(node);
		parent = node;
		side = chunk->range.start > to_owner(node)->chunk->range.start ? TREE_RIGHT : TREE_LEFT;
		node = node->child[side];
	}
	owner = record_take(stock);
	*owner = (struct owner){.process = vm, .usage = &vm->usage, .chunk = chunk};
	list_append(&chunk->owners, &owner->link, stock->journal);
	journal_add(stock->journal, &chunk->owner_count, 1);
	if (chunk->owner_count > 1)
		journal_set(stock->journal, &chunk->kind, TULOU_CHUNK_MULTI);
	tree_insert(&vm->owners, parent, side, &owner->node);
	return owner;
}

void process_vm_room_note_locked(struct owner *owner)
{
	uint32_t room = (uint32_t)(free_space_largest(&owner->chunk->free) / PAGE_SIZE);

	if (!owner->chunk->open || room == owner->room)
		return;
	journal_set(owner->process->guard.journal, &owner->room, room);
	tree_touch(&owner->process->owners, &owner->node);
}

void process_vm_owner_settle(struct tulou_process_vm *vm, struct owner *owner)
{
	struct vm_manager *manager = &vm->pool->manager;
	struct chunk *chunk = owner->chunk;

	if (owner->area_count || owner->pins)
		return;
	manager_lock(manager, &vm->stock);
	chunk_lock(chunk, &vm->stock);
	if (vm->hint == owner)
		journal_set(vm->guard.journal, &vm->hint, NULL);
	tree_remove(&vm->owners, &owner->node);
	list_remove(&owner->link, vm->journal);
	journal_add(vm->journal, &chunk->owner_count, -1);
	record_give(&vm->stock, owner, vm->journal);
	/* A chunk that goes is locked for ever, or until its memory is another chunk. */
	if (chunk->owner_count)
		chunk_unlock(chunk, &vm->stock);
	else
		manager_chunk_destroy_locked(manager, chunk, &vm->stock);
	manager_unlock(manager, &vm->stock);
}

void process_vm_owner_unpin(struct tulou_process_vm *vm, struct owner *owner)
{
	chunk_lock(owner->chunk, &vm->stock);
	journal_add(owner->chunk->guard.journal, &owner->pins, -1);
	chunk_unlock(owner->chunk, &vm->stock);
	process_vm_owner_settle(vm, owner);
}

/* ---- areas, across chunks ------------------------------------------------------------------------------------------------ */

static struct area_record *record_above(struct tulou_process_vm *vm, uintptr_t addr)
{
	struct owner *owner = process_vm_owner_above(vm, addr);
	struct area_record *area = NULL;

	while (owner && !area) {
		chunk_lock(owner->chunk, &vm->stock);
		area = chunk_own_area_above_locked(owner, addr);
		chunk_unlock(owner->chunk, &vm->stock);
		owner = to_owner(tree_next(&owner->node));
	}
	return area;
}

bool process_vm_area_above(struct tulou_process_vm *vm, uintptr_t addr, struct area *out)
{
	struct area_record *record = record_above(vm, addr);

	if (record)
		*out = (struct area){record->range, record->content};
	return record;
}

/* How far the process's areas reach behind `area` without a hole, in its chunk, all with host pages or all without. */
static uintptr_t stretch_end_in_chunk(struct tulou_process_vm *vm, struct area_record *area, uintptr_t enough)
{
	struct chunk *chunk = area->owner->chunk;
	bool pages = content_has_pages(&area->content);
	uintptr_t end = area->range.end;

	chunk_lock(chunk, &vm->stock);
	while (end < enough && (area = to_record(tree_next(&area->node))) && area->range.start == end &&
		area->owner->process == vm && content_has_pages(&area->content) == pages)
		end = area->range.end;
	chunk_unlock(chunk, &vm->stock);
	return end;
}

bool process_vm_stretch(struct tulou_process_vm *vm, struct range range, struct range *stretch, struct area *first)
{
	struct area_record *area = range_is_empty(range) ? NULL : record_above(vm, range.start), *next = area;

	if (!area || area->range.start >= range.end)
		return false;
	*stretch = area->range;
	while (stretch->end < range.end) {
		stretch->end = stretch_end_in_chunk(vm, next, range.end);
		if (stretch->end < next->owner->chunk->range.end)
			break;
		next = record_above(vm, stretch->end);
		if (!next || next->range.start != stretch->end ||
			content_has_pages(&next->content) != content_has_pages(&area->content))
			break;
		stretch->end = next->range.end;
	}
	*stretch = range_cut(*stretch, range);
	*first = (struct area){area->range, area->content};
	return true;
}

bool process_vm_covers(struct tulou_process_vm *vm, struct range range)
{
	uintptr_t at = range.start;
	struct area area;

	while (at < range.end) {
		if (!process_vm_area_above(vm, at, &area) || area.range.start > at)
			return false;
		at = area.range.end;
	}
	return true;
}

uintptr_t process_vm_mapping_end(struct tulou_process_vm *vm, const struct area *area)
{
	struct area_record *record = record_above(vm, area->range.start), *next;

	while ((next = record_above(vm, record->range.end)) && area_continues(record, next))
		record = next;
	return record->range.end;
}

void process_vm_remove(struct tulou_process_vm *vm, struct range range, bool pending_only)
{
	struct owner *owner;

	while ((owner = process_vm_owner_above(vm, range.start)) && owner->chunk->range.start < range.end) {
		struct range part = range_cut(range, owner->chunk->range);

		range.start = owner->chunk->range.end;
		chunk_lock(owner->chunk, &vm->stock);
		chunk_remove_locked(owner, part, pending_only, &vm->stock);
		process_vm_room_note_locked(owner);
		chunk_unlock(owner->chunk, &vm->stock);
		shm_flush(&vm->stock);
		process_vm_owner_settle(vm, owner);
		stock_limit(&vm->stock);
	}
}

void process_vm_replace(struct tulou_process_vm *vm, struct range range, struct area_content content)
{
	uintptr_t start = range.start;

	while (range.start < range.end) {
		struct owner *owner = process_vm_owner_above(vm, range.start);
		struct range part = range_cut(range, owner->chunk->range);

		chunk_lock(owner->chunk, &vm->stock);
		chunk_replace_locked(owner, part, area_content_at(content, part.start - start), &vm->stock);
		chunk_unlock(owner->chunk, &vm->stock);
		shm_flush(&vm->stock);
		range.start = part.end;
	}
}

void process_vm_change(struct tulou_process_vm *vm, struct range range, struct area_change change)
{
	while (range.start < range.end) {
		struct owner *owner = process_vm_owner_above(vm, range.start);
		struct range part = range_cut(range, owner->chunk->range);

		chunk_lock(owner->chunk, &vm->stock);
		chunk_change_locked(owner, part, change, &vm->stock);
		chunk_unlock(owner->chunk, &vm->stock);
		shm_flush(&vm->stock);
		range.start = part.end;
	}
}

/* ---- the end ------------------------------------------------------------------------------------------------------------- */

/* Have the host take back all pages of the process in one chunk, while they stay booked; false when it refuses. The chunk's lock
 * is dropped for each call: what follows an own area is own too, and stays. */
static bool host_take_back(struct tulou_process_vm *vm, struct owner *owner)
{
	const struct tulou_host *host = vm->pool->host;
	struct area_record *area, *next;
	bool good = true;

	chunk_lock(owner->chunk, &vm->stock);
	for (area = chunk_own_area_above_locked(owner, 0); area && good; area = next) {
		struct range range = area->range;
		bool pages = content_has_pages(&area->content);

		next = chunk_own_area_next_locked(area);
		while (next && next->range.start == range.end && content_has_pages(&next->content) == pages) {
			range.end = next->range.end;
			next = chunk_own_area_next_locked(next);
		}
		chunk_unlock(owner->chunk, &vm->stock);
		good = !pages || !host->unmap(host->ctx, range.start, range_size(range));
		chunk_lock(owner->chunk, &vm->stock);
	}
	chunk_unlock(owner->chunk, &vm->stock);
	return good;
}

/* Take down a chunk that the process has alone, as a whole. False: it has not, or the host refuses. Areas whose host pages are gone
 * may be booked then, which the second attempt, stretch by stretch, does not mind. */
static bool clear_whole(struct tulou_process_vm *vm, struct owner *owner)
{
	struct chunk *chunk = owner->chunk;
	bool alone;

	chunk_lock(chunk, &vm->stock);
	alone = chunk->owner_count == 1;
	chunk_unlock(chunk, &vm->stock);
	if (!alone || !host_take_back(vm, owner))
		return false;
	chunk_lock(chunk, &vm->stock);
	alone = chunk->owner_count == 1; /* still: others may have found room in the meantime */
	if (alone)
		chunk_empty_locked(owner, &vm->stock);
	chunk_unlock(chunk, &vm->stock);
	shm_flush(&vm->stock);
	if (alone)
		process_vm_owner_settle(vm, owner);
	return alone;
}

/* Host pages and books part at the same pace: a stretch leaves the books when the host has taken it back. */
static void clear_stretches(struct tulou_process_vm *vm, struct range rest)
{
	const struct tulou_host *host = vm->pool->host;
	struct range stretch;
	struct area first;

	while (process_vm_stretch(vm, rest, &stretch, &first)) {
		if (area_has_pages(&first) && host->unmap(host->ctx, stretch.start, range_size(stretch)))
			limbo_take(vm, stretch);
		else
			process_vm_remove(vm, stretch, false);
		rest.start = stretch.end;
	}
}

void process_vm_clear(struct tulou_process_vm *vm)
{
	struct owner *heap = vm->heap, *owner;
	uintptr_t at = 0;

	while ((owner = process_vm_owner_above(vm, at))) {
		struct range range = owner->chunk->range;

		if (!clear_whole(vm, owner))
			clear_stretches(vm, range);
		stock_limit(&vm->stock);
		at = range.end;
	}
	journal_set(vm->guard.journal, &vm->heap, NULL);
	if (heap)
		process_vm_owner_unpin(vm, heap);
}
