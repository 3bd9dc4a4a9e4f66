/* SPDX-License-Identifier: MIT */
/* walk.c - inspect.h: walks and statistics. The manager's lock is held over a walk of the pool, so that chunks stay. */
#include "check.h"
#include "growth.h"
#include "process_vm.h"

/* Locks want to know who takes them. */
static struct stock walker(const struct tulou *pool)
{
	return (struct stock){.host = pool->host, .self = pool_self(pool)};
}

/* Insert into the first `shown` ids, ascending; the largest falls out. */
static void owner_id_note(struct tulou_chunk_info *info, unsigned shown, uint32_t id)
{
	unsigned at = shown < TULOU_OWNERS_SHOWN ? shown : TULOU_OWNERS_SHOWN;

	if (at == TULOU_OWNERS_SHOWN && info->owners[--at] <= id)
		return;
	for (; at && info->owners[at - 1] > id; at--)
		info->owners[at] = info->owners[at - 1];
	info->owners[at] = id;
}

/* Of a torn chunk only its place can be told. */
static struct tulou_chunk_info chunk_info_locked(const struct chunk *chunk)
{
	struct tulou_chunk_info info = {
		.start = chunk->range.start,
		.end = chunk->range.end,
		.kind = chunk->kind,
		.area_count = chunk->area_count,
		.used = chunk->used,
		.free = range_size(chunk->range) - chunk->used,
		.largest_free = chunk->torn ? 0 : free_space_largest(&chunk->free),
	};

	if (chunk->torn)
		return (struct tulou_chunk_info){.start = info.start, .end = info.end, .kind = info.kind, .free = info.free};
	list_for_each(link, &chunk->owners)
		owner_id_note(&info, info.owner_count++, tulou_process_vm_id(link_owner(link)->process));
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
		.flags = area->content.flags & (TULOU_MAP_SHARED | TULOU_MAP_PRIVATE | TULOU_MAP_ANONYMOUS | TULOU_MAP_LOCKED),
		.dev = file ? object->dev : 0,
		.ino = file ? object->ino : 0,
		.offset = object ? area->content.offset : 0,
	};
}

int tulou_walk_chunks(struct tulou *pool, int (*visit)(void *arg, const struct tulou_chunk_info *chunk), void *arg)
{
	struct stock stock = walker(pool);
	int result = 0;

	manager_lock(&pool->manager, &stock);
	for (struct tree_node *node = tree_first(&pool->manager.chunks); node && !result; node = tree_next(node)) {
		struct tulou_chunk_info info;

		chunk_lock(to_chunk(node), &stock);
		info = chunk_info_locked(to_chunk(node));
		chunk_unlock(to_chunk(node), &stock);
		result = visit(arg, &info);
	}
	manager_unlock(&pool->manager, &stock);
	return result;
}

/* The areas of one chunk: those of `process`, or all if it is NULL. */
static int walk_chunk(struct chunk *chunk, const struct tulou_process_vm *process, const struct stock *stock,
	int (*visit)(void *arg, const struct tulou_area_info *area), void *arg)
{
	int result = 0;

	chunk_lock(chunk, stock);
	for (struct tree_node *node = chunk->torn ? NULL : tree_first(&chunk->areas); node && !result; node = tree_next(node)) {
		struct tulou_area_info info;

		if (process && to_record(node)->owner->process != process)
			continue;
		info = area_info(
			to_record(node)->owner->process, &(struct area){to_record(node)->range, to_record(node)->content});
		result = visit(arg, &info);
	}
	chunk_unlock(chunk, stock);
	return result;
}

int tulou_walk_areas(struct tulou *pool, int (*visit)(void *arg, const struct tulou_area_info *area), void *arg)
{
	struct stock stock = walker(pool);
	int result = 0;

	manager_lock(&pool->manager, &stock);
	for (struct tree_node *node = tree_first(&pool->manager.chunks); node && !result; node = tree_next(node))
		result = walk_chunk(to_chunk(node), NULL, &stock, visit, arg);
	manager_unlock(&pool->manager, &stock);
	return result;
}

int tulou_walk_process(struct tulou_process_vm *vm, int (*visit)(void *arg, const struct tulou_area_info *area), void *arg)
{
	struct stock stock = walker(vm->pool);
	int result = 0;

	process_vm_lock(vm, stock.self);
	if (!vm->torn)
		growth_learn(vm, vm->growth); /* without records it shows what was known */
	if (!vm->torn)
		resident_drop(vm, vm->pool->range); /* what the host refuses shows */
	for (struct tree_node *node = vm->torn ? NULL : tree_first(&vm->owners); node && !result; node = tree_next(node))
		result = walk_chunk(to_owner(node)->chunk, vm, &stock, visit, arg);
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
	struct stock stock = walker(pool);

	*out = (struct tulou_stats){.pool_size = range_size(pool->range)};
	pool_lock_list(pool, stock.self);
	out->process_count = pool->process_count;
	out->rollback_count = rollbacks_locked(pool);
	out->torn_count = __atomic_load_n(&pool->torn_count, __ATOMIC_RELAXED);
	out->committed = __atomic_load_n(&pool->committed, __ATOMIC_RELAXED);
	out->books = slab_bytes_locked(&pool->process_slab) + (2 + pool->journal_count) * JOURNAL_SIZE;
	pool_unlock_list(pool);
	manager_lock(&pool->manager, &stock);
	out->pool_free = pool->manager.free.total;
	for (struct tree_node *node = tree_first(&pool->manager.chunks); node; node = tree_next(node)) {
		chunk_lock(to_chunk(node), &stock);
		out->chunk_count[to_chunk(node)->kind]++;
		chunk_unlock(to_chunk(node), &stock);
		walk_chunk(to_chunk(node), NULL, &stock, stats_area, out);
	}
	out->books += slab_bytes_locked(&pool->manager.chunk_slab) + pool_struct_size();
	manager_unlock(&pool->manager, &stock);
	slab_lock(&pool->record_slab, stock.self, NULL);
	out->books += slab_bytes_locked(&pool->record_slab);
	slab_unlock(&pool->record_slab);
	out->resident = __atomic_load_n(&pool->resident_bytes, __ATOMIC_RELAXED);
}

int tulou_check(struct tulou *pool, char *what, size_t what_size)
{
	struct report report = {what, what_size};

	if (what_size)
		what[0] = '\0';
	return pool_check(pool, &report) ? 0 : -TULOU_EUCLEAN;
}
