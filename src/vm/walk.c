/* SPDX-License-Identifier: MIT */
/* walk.c - inspect.h: walks and statistics. All stands still over a walk of the pool. */
#include "check.h"
#include "growth.h"
#include "process_vm.h"

/* The tiles of one chunk in order: `tile` is zero at first. A torn process's map is not looked at. */
static bool chunk_tile(const struct chunk *chunk, struct step_tile *tile)
{
	uint64_t page = tile->end ? tile->end : page_number(chunk->range.start);

	if (chunk->process->torn || page >= page_number(chunk->range.end))
		return false;
	*tile = step_tile_at(&chunk->process->map, page);
	return true;
}

static struct tulou_chunk_info chunk_info(const struct chunk *chunk)
{
	struct tulou_chunk_info info = {
		.start = chunk->range.start,
		.end = chunk->range.end,
		.owners = {tulou_process_vm_id(chunk->process)},
		.owner_count = 1,
	};
	struct step_tile tile = {.end = 0};

	while (chunk_tile(chunk, &tile)) {
		size_t size = range_size(tile_range(&tile));

		if (tile.value >= STEP_AREA)
			info.area_count++, info.used += size;
		else if (tile.value != STEP_GAP)
			info.largest_free = size_max(info.largest_free, size);
	}
	info.free = range_size(chunk->range) - info.used;
	info.kind = chunk->measured && info.area_count < 2 ? TULOU_CHUNK_SINGLE : TULOU_CHUNK_MULTI;
	return info;
}

static struct tulou_area_info area_info(const struct tulou_process_vm *vm, const struct area *area)
{
	const struct shm_object *object = area->content.object;
	bool file = object && !object->anonymous;

	return (struct tulou_area_info){
		.start = area->range.start,
		.end = area->range.end,
		.process = tulou_process_vm_id(vm),
		.kind = area->content.kind,
		.prot = area->content.prot,
		.flags = area->content.flags &
			 (TULOU_MAP_SHARED | TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS | TULOU_MAP_LOCKED | TULOU_MAP_GROWSDOWN),
		.dev = file ? object->dev : 0,
		.ino = file ? object->ino : 0,
		.offset = object ? area->content.offset : 0,
	};
}

int tulou_walk_chunks(struct tulou *pool, int (*visit)(void *arg, const struct tulou_chunk_info *chunk), void *arg)
{
	int result = 0;

	pool_freeze(pool, pool_self(pool));
	for (struct tree_node *node = tree_first(&pool->manager.chunks); node && !result; node = tree_next(node)) {
		struct tulou_chunk_info info = chunk_info(to_chunk(node));

		result = visit(arg, &info);
	}
	pool_thaw(pool);
	return result;
}

static struct tulou_area_info tile_info(const struct tulou_process_vm *vm, const struct step_tile *tile)
{
	struct range range = tile_range(tile);
	struct area area = {range, content_shown(content_at(&vm->contents, tile->value), range.start)};

	return area_info(vm, &area);
}

static struct range lower(struct range a, struct range b)
{
	return a.start < b.start ? a : b;
}

/* The lowest block in `range` that the process keeps; an empty one at its end: none. */
static struct range kept_in(const struct tulou_process_vm *vm, struct range range)
{
	struct range lowest = nooks_lowest(vm->nooks, range, NOOK_KEPT);

	for (uint32_t i = 0; i < vm->resident.count; i++)
		if (range_overlaps(vm->resident.block[i], range))
			lowest = lower(lowest, range_cut(vm->resident.block[i], range));
	return lowest;
}

/* An area, of which some may be kept, or idle in a nook: that is none of the process's any more. */
static int walk_tile(const struct tulou_process_vm *vm, const struct step_tile *tile,
	int (*visit)(void *arg, const struct tulou_area_info *area), void *arg)
{
	struct tulou_area_info info = tile_info(vm, tile);
	uintptr_t end = info.end;
	int result = 0;

	while (!result && info.start < end) {
		enum tulou_area_kind kind = info.kind;
		struct range rest = range_between(info.start, end), kept = kept_in(vm, rest);
		struct range gone = nooks_lowest(vm->nooks, rest, NOOK_FREE);

		if (gone.start == info.start) {
			info.start = gone.end;
			continue;
		}
		info.end = kept.start == info.start ? kept.end : lower(kept, gone).start;
		if (kept.start == info.start)
			info.kind = TULOU_AREA_KEPT;
		result = visit(arg, &info);
		info.start = info.end;
		info.kind = kind;
	}
	return result;
}

/* Everything stands still. */
static int walk_chunk(const struct chunk *chunk, int (*visit)(void *arg, const struct tulou_area_info *area), void *arg)
{
	struct step_tile tile = {.end = 0};
	int result = 0;

	while (!result && chunk_tile(chunk, &tile)) {
		if (tile.value >= STEP_AREA)
			result = walk_tile(chunk->process, &tile, visit, arg);
	}
	return result;
}

int tulou_walk_areas(struct tulou *pool, int (*visit)(void *arg, const struct tulou_area_info *area), void *arg)
{
	int result = 0;

	pool_freeze(pool, pool_self(pool));
	for (struct tree_node *node = tree_first(&pool->manager.chunks); node && !result; node = tree_next(node))
		result = walk_chunk(to_chunk(node), visit, arg);
	pool_thaw(pool);
	return result;
}

int tulou_walk_process(struct tulou_process_vm *vm, int (*visit)(void *arg, const struct tulou_area_info *area), void *arg)
{
	struct step_tile tile = {.end = 0};
	int result = 0;

	process_vm_lock(vm, pool_self(vm->pool));
	process_vm_change_noted(vm); /* the caller may be of another process */
	if (!vm->torn)
		growth_learn(vm, vm->growth); /* without memory it shows what was known */
	if (!vm->torn)
		resident_drop(vm, vm->pool->range); /* what the host refuses shows */
	while (!vm->torn && !result && step_area_above(&vm->map, tile.end, &tile)) {
		struct tulou_area_info info = tile_info(vm, &tile);

		result = visit(arg, &info);
	}
	process_vm_unlock(vm);
	return result;
}

bool tulou_find_area(struct tulou_process_vm *vm, uintptr_t addr, struct tulou_area_info *out)
{
	struct area area;
	bool found;

	if (process_vm_enter(vm))
		return false;
	resident_drop(vm, vm->pool->range);
	found = process_vm_area_above(vm, addr, &area);
	if (found)
		*out = area_info(vm, &area);
	process_vm_leave(vm, range_between(0, 0));
	return found;
}

static int stats_area(void *arg, const struct tulou_area_info *area)
{
	struct tulou_stats *stats = arg;

	if (area->kind == TULOU_AREA_ROOM || area->kind == TULOU_AREA_BARRIER)
		return 0;
	stats->area_count++;
	stats->used += area->end - area->start;
	if (area->kind == TULOU_AREA_LIMBO)
		stats->limbo += area->end - area->start;
	return 0;
}

/* The list's guard is held. */
static size_t rollbacks_locked(const struct tulou *pool)
{
	size_t count = pool->list_journal->rollbacks + pool->limbo->journal->rollbacks;

	list_for_each(link, &pool->processes) count += container_of(link, struct tulou_process_vm, link)->journal->rollbacks;
	for (const struct journal *journal = pool->journals; journal; journal = journal->next)
		count += journal->rollbacks;
	return count;
}

void tulou_stats(struct tulou *pool, struct tulou_stats *out)
{
	*out = (struct tulou_stats){.pool_size = range_size(pool->range)};
	pool_freeze(pool, pool_self(pool));
	out->process_count = pool->process_count;
	out->rollback_count = rollbacks_locked(pool);
	out->torn_count = __atomic_load_n(&pool->torn_count, __ATOMIC_RELAXED);
	out->committed = __atomic_load_n(&pool->committed, __ATOMIC_RELAXED);
	out->pool_free = pool->manager.free.total;
	for (struct tree_node *node = tree_first(&pool->manager.chunks); node; node = tree_next(node)) {
		out->chunk_count[chunk_info(to_chunk(node)).kind]++;
		walk_chunk(to_chunk(node), stats_area, out);
	}
	out->books = slab_bytes_locked(&pool->process_slab) + slab_bytes_locked(&pool->manager.chunk_slab) +
		     slab_bytes_locked(&pool->record_slab) + pool_struct_size() + (2 + pool->journal_count) * JOURNAL_SIZE +
		     pool->limbo->arena.bytes;
	list_for_each(link, &pool->processes) out->books += container_of(link, struct tulou_process_vm, link)->arena.bytes;
	pool_thaw(pool);
	out->resident = __atomic_load_n(&pool->resident_bytes, __ATOMIC_RELAXED);
}

int tulou_check(struct tulou *pool, char *what, size_t what_size)
{
	struct report report = {what, what_size};

	if (what_size)
		what[0] = '\0';
	return pool_check(pool, &report) ? 0 : -TULOU_EUCLEAN;
}
