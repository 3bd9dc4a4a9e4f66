/* SPDX-License-Identifier: MIT */
/* pool.c - the life of a pool and of the process VMs in it. */
#include "check.h"
#include "process_vm.h"

static bool config_is_valid(const struct tulou_config *config)
{
	size_t chunk = config->chunk_size ? config->chunk_size : CHUNK_SIZE_DEFAULT;

	if (!page_is_aligned(config->start) || !page_is_aligned(config->end) || !page_is_aligned(config->placement_start))
		return false;
	if (!config->start || config->start >= config->end || config->end > USER_END)
		return false;
	if (config->placement_start && (config->placement_start < config->start || config->placement_start >= config->end))
		return false;
	if (!page_is_aligned(config->hint_start) ||
		(config->hint_start && (config->hint_start < config->start || config->hint_start >= config->end)))
		return false;
	return is_power_of_two(chunk) && chunk >= 16 * PAGE_SIZE && chunk <= CHUNK_SIZE_MAX && config->check_level >= 0 &&
	       config->check_level <= 3 && config->resident <= TULOU_RESIDENT_ALWAYS;
}

/* ---- the pool ------------------------------------------------------------------------------------------------------------- */

static struct journal *journal_create(const struct tulou_host *host)
{
	struct journal *journal = host->books_map(host->ctx, JOURNAL_SIZE);

	if (journal)
		journal_init(journal, host);
	return journal;
}

static void pool_init(struct tulou *pool, const struct tulou_host *host, const struct tulou_config *config)
{
	*pool = (struct tulou){
		.host = host,
		.range = range_between(config->start, config->end),
		.placement_start = config->placement_start ? config->placement_start : config->start,
		.hint_start = config->hint_start ? config->hint_start : config->start,
		.chunk_size = config->chunk_size ? config->chunk_size : CHUNK_SIZE_DEFAULT,
		.check_level = config->check_level,
		.memory_limit = config->memory_limit,
		.resident = config->resident,
		.limbo = (struct tulou_process_vm *)(pool + 1),
	};
	guard_init(&pool->list_guard);
	guard_init(&pool->border);
	list_init(&pool->processes);
	slab_init(&pool->record_slab, host, RECORD_SIZE, NULL);
	slab_init(&pool->process_slab, host, sizeof(struct tulou_process_vm), &pool->list_guard);
	shm_init(&pool->shm, host);
}

static void pool_fini(struct tulou *pool)
{
	const struct tulou_host *host = pool->host;
	struct journal *journal;

	arena_fini(&pool->limbo->arena);
	slab_fini(&pool->process_slab);
	slab_fini(&pool->manager.chunk_slab);
	slab_fini(&pool->record_slab);
	while ((journal = pool->journals)) {
		pool->journals = journal->next;
		host->books_unmap(host->ctx, journal, JOURNAL_SIZE);
	}
	if (pool->list_journal)
		host->books_unmap(host->ctx, pool->list_journal, JOURNAL_SIZE);
	if (pool->limbo->journal)
		host->books_unmap(host->ctx, pool->limbo->journal, JOURNAL_SIZE);
	host->books_unmap(host->ctx, pool, pool_struct_size());
}

int tulou_create(struct tulou **out, const struct tulou_host *host, const struct tulou_config *config)
{
	struct tulou *pool;

	if (!config_is_valid(config))
		return -TULOU_EINVAL;
	pool = host->books_map(host->ctx, pool_struct_size());
	if (!pool)
		return -TULOU_ENOMEM;
	pool_init(pool, host, config);
	pool->list_journal = journal_create(host);
	process_vm_init(pool->limbo, pool, 0, journal_create(host));
	pool->limbo->stock.self = pool_self(pool);
	manager_init(&pool->manager, host);
	if (!pool->list_journal || !pool->limbo->journal || !stock_reserve(&pool->limbo->stock, RECORDS_PER_CALL)) {
		pool_fini(pool);
		return -TULOU_ENOMEM;
	}
	free_space_give(&pool->manager.free, pool->range, &pool->limbo->stock);
	*out = pool;
	return 0;
}

/* Out of the set, in one step, so that a fork copies it with all or nothing of it. It has nothing any more. */
static void process_vm_remove_from_pool(struct tulou_process_vm *vm, uint32_t self)
{
	struct tulou *pool = vm->pool;
	struct journal *journal = pool->list_journal;

	pool_lock_list(pool, self);
	/* Nobody at the border may still look at it; what is noted of it is in the list's journal. */
	guard_take(&pool->border, pool->host, self, NULL);
	list_remove(&vm->link, journal);
	journal_add(journal, &pool->process_count, -1);
	journal_set(journal, &vm->journal->next, pool->journals);
	journal_set(journal, &pool->journals, vm->journal);
	slab_give_locked(&pool->process_slab, (struct slab_object *)vm);
	guard_drop(&pool->border, pool->host);
	pool_unlock_list(pool);
}

void process_vm_give_back(struct tulou_process_vm *vm)
{
	uint32_t self = pool_self(vm->pool);

	process_vm_lock(vm, self);
	resident_forget(vm);
	if (unlikely(vm->torn || (process_vm_is_behind(vm) && !process_vm_catch_up(vm)))) {
		process_vm_salvage(vm, self);
	} else {
		process_vm_change_begin(vm);
		process_vm_clear(vm);
		stock_trim(&vm->stock, 0);
	}
	process_vm_grant_return(vm, 0);
	process_vm_unlock(vm);
	process_vm_remove_from_pool(vm, self);
}

void tulou_destroy(struct tulou *pool)
{
	while (!list_is_empty(&pool->processes))
		process_vm_give_back(container_of(pool->processes.next, struct tulou_process_vm, link));
	limbo_retry(pool, pool_self(pool));
	pool_fini(pool);
}

/* ---- process VMs -------------------------------------------------------------------------------------------------------- */

/* What a new process VM needs beside itself. */
struct parts {
	struct journal *journal;
	struct stock stock;
	struct arena arena;
};

/* From those that are gone; the list's guard is held. */
static struct journal *journal_take_locked(struct tulou *pool)
{
	struct journal *journal = pool->journals;

	if (journal) {
		journal_set(pool->list_journal, &pool->journals, journal->next);
		return journal;
	}
	journal = journal_create(pool->host);
	if (journal)
		journal_add(pool->list_journal, &pool->journal_count, 1);
	return journal;
}

/* A change of its own before the process VM is made: records come from another guard's books. */
static bool parts_take(struct parts *parts, struct tulou *pool, uint32_t self)
{
	parts->stock = (struct stock){.host = pool->host,
		.slab = &pool->record_slab,
		.journal = pool->list_journal,
		.own = JOURNAL_UNNOTED,
		.self = self};
	arena_init(&parts->arena, pool->host);
	if (!stock_reserve(&parts->stock, RECORDS_PER_CALL))
		return false;
	if (arena_reserve(&parts->arena, ARENA_BLOCK_LEAST - ARENA_ALIGN))
		return true;
	stock_trim(&parts->stock, 0);
	return false;
}

/* The list's guard is held. */
static struct tulou_process_vm *process_vm_add_locked(struct tulou *pool, struct parts *parts, uint32_t id)
{
	struct tulou_process_vm *vm = (struct tulou_process_vm *)slab_take_locked(&pool->process_slab, 1);

	parts->journal = vm ? journal_take_locked(pool) : NULL;
	if (!parts->journal) {
		if (vm)
			slab_give_locked(&pool->process_slab, (struct slab_object *)vm);
		stock_trim(&parts->stock, 0);
		arena_fini(&parts->arena);
		return NULL;
	}
	process_vm_init(vm, pool, id, parts->journal);
	vm->stock.records = parts->stock.records;
	vm->stock.count = parts->stock.count;
	vm->arena = parts->arena;
	list_append(&pool->processes, &vm->link, pool->list_journal);
	journal_add(pool->list_journal, &pool->process_count, 1);
	return vm;
}

int tulou_process_vm_create(struct tulou *pool, uint32_t id, struct tulou_process_vm **out)
{
	struct tulou_process_vm *vm = NULL;
	uint32_t self = pool_self(pool);
	struct parts parts;

	pool_lock_list(pool, self);
	if (parts_take(&parts, pool, self))
		vm = process_vm_add_locked(pool, &parts, id);
	place_set(pool->list_journal, out, vm);
	pool_unlock_list(pool);
	return vm ? 0 : -TULOU_ENOMEM;
}

void tulou_process_vm_set_id(struct tulou_process_vm *vm, uint32_t id)
{
	__atomic_store_n(&vm->id, id, __ATOMIC_RELAXED);
}

uint32_t tulou_process_vm_id(const struct tulou_process_vm *vm)
{
	return __atomic_load_n(&vm->id, __ATOMIC_RELAXED);
}
